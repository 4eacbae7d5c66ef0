package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// winogradIn transforms a row of 4×4 patches: Bᵀ d B, four channels at a time. Two rows of a
// patch make a row of Bᵀ d, whose four columns make four positions.
func (a *asm) winogradIn() {
	f := structs.WinogradPatches
	const x, y, xpix, ypos, at, to, in, blocks, tiles, t = 1, 2, 7, 8, 9, 10, 11, 12, 13, 14
	rows := []int{3, 4, 5, 6}
	a.function("winogradInNEON", "computes what winogradPatches says.")
	a.field(f, "X", x)
	a.field(f, "Y", y)
	a.field(f, "XPix", xpix)
	a.field(f, "YPos", ypos)
	a.field(f, "Tiles", tiles)
	a.at("tile")
	a.field(f, "XRow", t)
	a.mov(x, rows[0])
	for i := 1; i < 4; i++ {
		a.add(t, rows[i-1], rows[i])
	}
	a.mov(y, at)
	a.field(f, "Blocks", blocks)
	a.at("block")
	a.mov(at, to)
	for _, r := range []struct {
		x, y int // a row of Bᵀ d is row x plus or minus row y
		plus bool
	}{{0, 2, false}, {1, 2, true}, {2, 1, false}, {1, 3, false}} {
		for k, row := range []int{r.x, r.y} {
			a.mov(rows[row], in)
			for j := range 4 {
				a.ld1Post(4*k+j, in, xpix)
			}
		}
		for j := range 4 {
			if r.plus {
				a.fadd(j, 4+j, j)
			} else {
				a.fsub(j, 4+j, j)
			}
		}
		a.fsub(0, 2, 16)
		a.fadd(1, 2, 17)
		a.fsub(2, 1, 18)
		a.fsub(1, 3, 19)
		for j := range 4 {
			a.st1Post(16+j, to, ypos)
		}
	}
	for _, r := range append(rows, at) {
		a.addi(16, r)
	}
	a.subs(1, blocks)
	a.bc("NE", "block")
	a.p("ADD R%d<<1, R%d, R%d", xpix, x, x)
	a.field(f, "YTile", t)
	a.add(t, y, y)
	a.subs(1, tiles)
	a.bc("NE", "tile")
	a.ret()
}

// winogradOut transforms a row of tiles of sums: Aᵀ m A, bias, residual and clip, four
// channels at a time.
func (a *asm) winogradOut() {
	f := structs.WinogradSums
	const x, y, r, ypix, xpos, step, cols, blocks, tiles, off, in, to, t, rows = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
	const column, rp, bias, lanes, t2 = 15, 19, 20, 21, 22
	a.function("winogradOutNEON", "computes what winogradSums says; Mask is the number of channels of the last block.")
	a.field(f, "X", x)
	a.field(f, "Y", y)
	a.field(f, "R", r)
	a.field(f, "YPix", ypix)
	a.field(f, "XPos", xpos)
	a.shift(2, xpos, step)
	a.field(f, "Rows", rows)
	a.field(f, "Tiles", tiles)
	a.field(f, "Bias", bias)
	a.scalar(f, "Lo", 30, t)
	a.scalar(f, "Hi", 31, t)
	a.at("tile")
	a.p("MOVD $0, R%d", off)
	a.field(f, "Blocks", blocks)
	a.p("MOVD $2, R%d", cols)
	a.cmp(1, tiles)
	a.bc("NE", "block")
	a.field(f, "Cols", cols)
	a.at("block")
	a.p("MOVD $4, R%d", lanes)
	a.cmp(1, blocks)
	a.bc("NE", "whole")
	a.field(f, "Mask", lanes)
	a.at("whole")
	// Aᵀ m: two rows of four, in registers 0 to 3 and 4 to 7.
	a.add(off, x, column)
	for j := range 4 {
		a.mov(column, in)
		for i := range 4 {
			a.ld1Post(16+i, in, step)
		}
		a.fadd(17, 18, j)
		a.fsub(17, 18, 4+j)
		a.fadd(j, 16, j)
		a.fsub(4+j, 19, 4+j)
		if j < 3 {
			a.add(xpos, column, column)
		}
	}
	// times A: four outputs, in registers 8 to 11.
	for k := range 2 {
		s := 4 * k
		a.fadd(s+1, s+2, 8+2*k)
		a.fsub(s+1, s+2, 9+2*k)
		a.fadd(8+2*k, s, 8+2*k)
		a.fsub(9+2*k, s+3, 9+2*k)
	}
	a.cbz(bias, "biased")
	a.add(off, bias, t)
	a.ldr(16, t, 0)
	for v := 8; v < 12; v++ {
		a.fadd(v, 16, v)
	}
	a.at("biased")
	for row := range 2 {
		if row == 1 {
			a.cmp(1, rows)
			a.bc("EQ", "stored")
		}
		for col := range 2 {
			v := 8 + 2*row + col
			name := fmt.Sprintf("%d%d", row, col)
			if col == 1 {
				a.cmp(1, cols)
				a.bc("EQ", "next"+name)
			}
			a.cbz(r, "clip"+name)
			a.add(off, r, rp)
			for _, p := range []struct {
				name string
				on   bool
			}{{"RRow", row == 1}, {"RPix", col == 1}} {
				if p.on {
					a.field(f, p.name, t)
					a.add(t, rp, rp)
				}
			}
			a.ldr(16, rp, 0)
			a.fadd(v, 16, v)
			a.at("clip" + name)
			a.fmax(v, 30, v)
			a.fmin(v, 31, v)
			a.add(off, y, to)
			if row == 1 {
				a.field(f, "YRow", t)
				a.add(t, to, to)
			}
			if col == 1 {
				a.add(ypix, to, to)
			}
			a.storePart(v, to, lanes, t2)
			a.at("next" + name)
		}
	}
	a.at("stored")
	a.addi(16, off)
	a.subs(1, blocks)
	a.bc("NE", "block")
	a.field(f, "XTile", t)
	a.add(t, x, x)
	a.p("ADD R%d<<1, R%d, R%d", ypix, y, y)
	a.cbz(r, "nor")
	a.field(f, "RPix", t)
	a.p("ADD R%d<<1, R%d, R%d", t, r, r)
	a.at("nor")
	a.subs(1, tiles)
	a.bc("NE", "tile")
	a.ret()
}
