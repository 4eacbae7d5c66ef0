package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// pool is the windows of neighbouring outputs: the largest element, or the sum times Scale,
// eight registers of channels at a time, then one.
func (a *asm) pool() {
	f := structs.PoolPixel
	const x, y, xrow, xpix, n, mask, mean, ky, kx, row, in, t, t2, px, py = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	const pixels, lanes = 19, 20
	a.function("poolNEON", "computes what poolPixel says; Mask is the number of channels after the whole registers.")
	a.field(f, "XRow", xrow)
	a.field(f, "XPix", xpix)
	a.field(f, "Mask", mask)
	a.field(f, "Mean", mean)
	a.field(f, "X", px)
	a.field(f, "Y", py)
	a.field(f, "Pixels", pixels)
	a.scalar(f, "Scale", 30, t)
	a.scalar(f, "NegInf", 31, t)
	a.at("pixel")
	a.mov(px, x)
	a.mov(py, y)
	a.field(f, "N", n)
	a.at("next")
	a.cmp(8, n)
	a.bc("GE", "group_8")
	a.cbnz(n, "group_1")
	a.cbz(mask, "end")
	a.p("MOVD $-1, R%d", n) // the part of a register
	a.b("group_1")
	for _, g := range []int{8, 1} {
		name := fmt.Sprintf("group_%d", g)
		a.at(name)
		a.cbnz(mean, name+"_mean")
		for _, kind := range []string{"_max", "_mean"} {
			a.at(name + kind)
			if kind == "_max" {
				for j := range g {
					a.vmov(31, j)
				}
			} else {
				for j := range g {
					a.zero(j)
				}
				a.cmp(2, mean)
				a.bc("NE", name+"_sum")
				for j := range g {
					a.ldr(j, y, 16*j)
				}
				a.at(name + "_sum")
			}
			a.field(f, "KH", ky)
			a.mov(x, row)
			a.at(name + kind + "_ky")
			a.mov(row, in)
			a.field(f, "KW", kx)
			a.at(name + kind + "_kx")
			for j := range g {
				a.ldr(8+j, in, 16*j)
			}
			for j := range g {
				if kind == "_max" {
					a.fmax(8+j, j, j)
				} else {
					a.fadd(j, 8+j, j)
				}
			}
			a.add(xpix, in, in)
			a.subs(1, kx)
			a.bc("NE", name+kind+"_kx")
			a.add(xrow, row, row)
			a.subs(1, ky)
			a.bc("NE", name+kind+"_ky")
			if kind == "_max" {
				a.b(name + "_store")
			} else {
				for j := range g {
					a.fmul(30, j, j)
				}
			}
		}
		a.at(name + "_store")
		if g == 8 {
			for j := range g {
				a.strPost(j, y, 16)
			}
		} else {
			a.p("CMP $0, R%d", n)
			a.bc("LT", "last")
			a.strPost(0, y, 16)
		}
		a.addi(16*g, x)
		a.p("SUB $%d, R%d", g, n)
		a.b("next")
	}
	a.at("last")
	a.storePart(0, y, mask, t)
	a.at("end")
	a.field(f, "XStep", t)
	a.add(t, px, px)
	a.field(f, "YStep", t)
	a.add(t, py, py)
	a.subs(1, pixels)
	a.bc("NE", "pixel")
	a.ret()
}

// peak is the loops that do nothing else: 16 independent multiply-adds of 4 a round, and
// reading 256 elements a round.
func (a *asm) peak() {
	a.function("fmaLoopNEON", "does n rounds of 16 multiply-adds of 4 numbers.")
	for v := range 18 {
		a.zero(v)
	}
	a.at("round")
	for v := range 16 {
		a.fmla(16, 17, v)
	}
	a.subs(1, 0)
	a.bc("NE", "round")
	a.ret()
	a.body.WriteString("\n// readLoopNEON reads n blocks of 256 float32 at x.\nTEXT ·readLoopNEON(SB), NOSPLIT, $0-16\n")
	a.prefix = "readLoopNEON"
	a.p("MOVD x+0(FP), R1")
	a.p("MOVD n+8(FP), R0")
	a.at("block")
	for i := range 32 {
		a.ldpPost(i%4*2, i%4*2+1, 1)
	}
	a.subs(1, 0)
	a.bc("NE", "block")
	a.ret()
}
