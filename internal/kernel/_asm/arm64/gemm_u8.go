package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// gemmU8Rows is the height of the tile; it is 8 columns wide.
const gemmU8Rows = 8

// The blocks of finish parameters, as in kernel's finish.go.
const (
	finishBias = iota
	finishLeft
	finishMult
	finishOdd
	finishSign
	finishRound
	finishShift
)

// The general registers of gemmU8; those of the rows of A are 1 to gemmU8Rows.
const (
	gemmW = 9 + iota
	gemmK
	gemmSegs
	gemmSegsLeft
	gemmC
	gemmLDA
	gemmA
)

const (
	gemmLDC = 19 + iota
	gemmT
	gemmT2
	gemmBlocks
	gemmP
)

const gemmColumns = 26

// gemmU8 is the product of unsigned by signed bytes: a function of the instruction set that
// prepares registers for all blocks and has a tile for every height.
func (a *asm) gemmU8(name string, prepare func(), tile func(name string, mr int)) {
	f := structs.GemmU8Tile
	a.function(name, "computes what gemmU8Tile says; Mask is the number of columns.")
	a.field(f, "A", gemmA)
	a.field(f, "C", gemmC)
	a.field(f, "LDA", gemmLDA)
	a.field(f, "LDC", gemmLDC)
	a.field(f, "Blocks", gemmBlocks)
	a.field(f, "P", gemmP)
	a.field(f, "Mask", gemmColumns)
	prepare()
	a.field(f, "Rows", gemmT)
	a.choose("tile", gemmT, 1, gemmU8Rows)
	for mr := gemmU8Rows; mr >= 1; mr-- {
		name := fmt.Sprintf("tile_%d", mr)
		a.at(name)
		tile(name, mr)
	}
}

// gemmU8Segments writes the loop over the segments of a product around body, which finds
// the weights at gemmW, the groups of 1<<shift rows of them in gemmK, at least one, and the
// elements of row r of A at register 1 + r, of mr rows.
func (a *asm) gemmU8Segments(name string, mr, shift int, body func()) {
	f := structs.GemmU8Tile
	a.field(f, "Segs", gemmSegs)
	a.field(f, "NSegs", gemmSegsLeft)
	a.at(name + "_seg")
	if mr > 0 {
		a.load(0, gemmSegs, gemmT)
		a.add(gemmT, gemmA, 1)
		for r := 1; r < mr; r++ {
			a.add(gemmLDA, r, 1+r)
		}
	}
	a.field(f, "W", gemmW)
	a.load(16, gemmSegs, gemmT)
	a.p("ADD R%d<<3, R%d, R%d", gemmT, gemmW, gemmW)
	a.load(8, gemmSegs, gemmK)
	a.addi(1<<shift-1, gemmK)
	a.p("LSR $%d, R%d", shift, gemmK)
	a.cbz(gemmK, name+"_next")
	body()
	a.at(name + "_next")
	a.addi(24, gemmSegs)
	a.subs(1, gemmSegsLeft)
	a.bc("NE", name+"_seg")
}

// gemmU8End finishes and stores the rows of a tile, whose eight sums are in two registers
// each, and goes on with the next block. It needs nine registers from free on.
func (a *asm) gemmU8End(name string, rows [][2]int, free int) {
	a.finish(structs.GemmU8Tile, name, rows, free, gemmP, func(_ string, do func(r int)) {
		for r := range rows {
			do(r)
		}
	})
	for _, y := range rows {
		a.narrow(y)
		a.storeBytes(y[0], gemmC, gemmColumns, gemmT)
		a.add(gemmLDC, gemmC, gemmC)
	}
	a.muli(len(rows), gemmLDA, gemmT, gemmT2)
	a.add(gemmT, gemmA, gemmA)
	a.subs(1, gemmBlocks)
	a.bc("NE", name)
	a.ret()
}

// gemmU8Dot multiplies by dot products of four. A is lowered by 128 to signed bytes, and
// what that takes off the sums, 128 times the sum of the weights, is added to the bias once
// for a call.
func (a *asm) gemmU8Dot() {
	const ones, lower, bias = 30, 31, 28
	a.gemmU8("gemmU8DotNEON", func() {
		a.p("MOVD $0x80808080, R%d", gemmT)
		a.dupw(gemmT, lower)
		a.p("MOVD $0x01010101, R%d", gemmT)
		a.dupw(gemmT, ones)
		a.zero(bias)
		a.zero(bias + 1)
		a.gemmU8Segments("sum", 0, 2, func() {
			a.at("sum_four")
			a.ldpPost(24, 25, gemmW)
			a.sdot(24, ones, bias)
			a.sdot(25, ones, bias+1)
			a.subs(1, gemmK)
			a.bc("NE", "sum_four")
		})
		for v := range 2 {
			a.shl4(bias+v, 7, bias+v)
			a.ldr(24+v, gemmP, 16*v)
			a.add4(24+v, bias+v, bias+v)
		}
	}, func(name string, mr int) {
		acc, x, row := func(r, v int) int { return 2*r + v }, func(r int) int { return 16 + r }, func(r int) int { return 1 + r }
		for v := range 2 {
			a.vmov(bias+v, acc(0, v))
			for r := 1; r < mr; r++ {
				a.vmov(acc(0, v), acc(r, v))
			}
		}
		a.gemmU8Segments(name, mr, 2, func() {
			a.subs(4, gemmK)
			a.bc("LT", name+"_tail")
			a.at(name + "_four")
			for r := range mr {
				a.ldrPost(x(r), row(r), 16)
			}
			for r := range mr {
				a.eor(lower, x(r), x(r))
			}
			a.ldpPost(24, 25, gemmW)
			for i := range 4 {
				b := 24 + i%2*2
				if i < 3 {
					a.ldpPost(26-i%2*2, 27-i%2*2, gemmW)
				}
				for r := range mr {
					a.sdotLane(b, x(r), i, acc(r, 0))
					a.sdotLane(b+1, x(r), i, acc(r, 1))
				}
			}
			a.subs(4, gemmK)
			a.bc("GE", name+"_four")
			a.at(name + "_tail")
			a.p("ADDS $4, R%d", gemmK)
			a.bc("EQ", name+"_next")
			a.at(name + "_one")
			a.ldpPost(24, 25, gemmW)
			for r := range mr {
				a.ldrsPost(x(r), row(r), 4)
				a.eor(lower, x(r), x(r))
			}
			for r := range mr {
				a.sdotLane(24, x(r), 0, acc(r, 0))
				a.sdotLane(25, x(r), 0, acc(r, 1))
			}
			a.subs(1, gemmK)
			a.bc("NE", name+"_one")
		})
		a.gemmU8End(name, pairs(mr, 0), 16)
	})
}

// gemmU8Long multiplies numbers of 16 bits, which bytes become; LD4 takes the four rows
// apart that stand side by side in the panel.
func (a *asm) gemmU8Long() {
	a.gemmU8("gemmU8NEON", func() {}, func(name string, mr int) {
		// Lanes of 16 bits are those of registers 0 to 15 alone.
		acc, x, row := func(r, v int) int { return 16 + 2*r + v }, func(r int) int { return r }, func(r int) int { return 1 + r }
		for v := range 2 {
			a.ldr(acc(0, v), gemmP, 16*v)
			for r := 1; r < mr; r++ {
				a.vmov(acc(0, v), acc(r, v))
			}
		}
		four := func(b, lane int) {
			for i := range 4 {
				a.sxtl(b+i, b+i)
			}
			for i := range 4 {
				for r := range mr {
					a.smlalLane(b+i, x(r), lane+i, acc(r, 0))
					a.smlal2Lane(b+i, x(r), lane+i, acc(r, 1))
				}
			}
		}
		a.gemmU8Segments(name, mr, 2, func() {
			a.subs(2, gemmK)
			a.bc("LT", name+"_tail")
			a.at(name + "_two")
			a.ld4Post(8, gemmW)
			for r := range mr {
				a.ldrdPost(x(r), row(r), 8)
			}
			a.ld4Post(12, gemmW)
			for r := range mr {
				a.uxtl(x(r), x(r))
			}
			four(8, 0)
			four(12, 4)
			a.subs(2, gemmK)
			a.bc("GE", name+"_two")
			a.at(name + "_tail")
			a.p("ADDS $2, R%d", gemmK)
			a.bc("EQ", name+"_next")
			a.ld4Post(8, gemmW)
			for r := range mr {
				a.ldrsPost(x(r), row(r), 4)
				a.uxtl(x(r), x(r))
			}
			four(8, 0)
		})
		a.gemmU8End(name, pairs(mr, 16), 0)
	})
}

// pairs are mr rows of two registers each from v on.
func pairs(mr, v int) [][2]int {
	var rows [][2]int
	for r := range mr {
		rows = append(rows, [2]int{v + 2*r, v + 2*r + 1})
	}
	return rows
}

// finish turns rows of eight sums, in two registers, into numbers of a byte. It needs nine
// registers from free on; p points to the parameters. Each has what
// it is given written for every row.
func (a *asm) finish(f structs.Fields, name string, rows [][2]int, free, p int, each func(label string, do func(r int))) {
	const t = 20
	lo, hi, zero := free, free+1, free+2
	left, mult, sign, round, shift, x := free+3, free+4, free+5, free+6, free+7, free+8
	a.scalar(f, "Zero", zero, t)
	a.field(f, "Fixed", t)
	a.cbnz(t, name+"_fixed")
	a.scalar(f, "FLo", lo, t)
	a.scalar(f, "FHi", hi, t)
	for v := range 2 {
		a.ldr(left, p, finishLeft*32+16*v)
		each(fmt.Sprintf("%s_even%d", name, v), func(r int) {
			y := rows[r][v]
			a.scvtf(y, y)
			a.fmul(left, y, y)
			a.fmax(lo, y, y)
			a.fmin(hi, y, y)
			a.fcvtns(y, y)
			a.add4(zero, y, y)
		})
	}
	a.b(name + "_narrow")
	a.at(name + "_fixed")
	a.scalar(f, "Lo", lo, t)
	a.scalar(f, "Hi", hi, t)
	for v := range 2 {
		a.ldr(left, p, finishLeft*32+16*v)
		a.ldr(mult, p, finishMult*32+16*v)
		a.ldr(sign, p, finishSign*32+16*v)
		a.ldr(round, p, finishRound*32+16*v)
		a.ldr(shift, p, finishShift*32+16*v)
		a.neg4(shift, shift)
		each(fmt.Sprintf("%s_fixed%d", name, v), func(r int) {
			y := rows[r][v]
			a.fixedPoint(y, x, left, mult, sign, round, shift)
			a.add4(zero, y, y)
			a.smax4(lo, y, y)
			a.smin4(hi, y, y)
		})
	}
	a.at(name + "_narrow")
}

// narrow makes bytes of eight numbers in two registers, in the first one.
func (a *asm) narrow(y [2]int) {
	a.xtn4(y[0], y[0])
	a.xtn4Upper(y[1], y[0])
	a.xtn8(y[0], y[0])
}

// fixedPoint multiplies y by factors and rounds twice; shift is negative.
func (a *asm) fixedPoint(y, x, left, mult, sign, round, shift int) {
	a.sshl4(y, left, y)
	a.sqrdmulh(y, mult, y)
	a.sshr4(y, 31, x)
	a.and(sign, x, x)
	a.add4(x, y, y)
	a.add4(round, y, y)
	a.sshl4(y, shift, y)
}

// storeBytes stores the first bytes (the number is in register n, 1 to 8 or more) of v at
// p; scratch and v are used up.
func (a *asm) storeBytes(v, p, n, scratch int) {
	part, done := a.fresh("bytes"), a.fresh("kept")
	a.cmp(8, n)
	a.bc("LT", part)
	a.strd(v, p, 0)
	a.b(done)
	a.at(part)
	a.mov(p, scratch)
	a.storeBits(v, scratch, n)
	a.at(done)
}

// storeBits stores as many bytes of v at p as the lowest three bits of register n say; p
// and v are used up.
func (a *asm) storeBits(v, p, n int) {
	for _, part := range []struct {
		bit   int
		store func(v, p, off int)
	}{{2, a.strs}, {1, a.strh}, {0, a.strb}} {
		skip := a.fresh("no")
		a.bit(part.bit, n, skip)
		part.store(v, p, 0)
		if part.bit > 0 {
			a.addi(1<<part.bit, p)
			a.ext(v, v, v, 1<<part.bit)
		}
		a.at(skip)
	}
}
