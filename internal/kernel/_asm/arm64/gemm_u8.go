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

// gemmU8 is the product of unsigned by signed bytes. With dot products A is lowered by 128
// to signed bytes, and what that takes off the sums, 128 times the sum of the weights, is
// added to the bias once for a call. Without, bytes become 16-bit numbers; LD4 takes the
// four rows apart that stand side by side in the panel.
func (a *asm) gemmU8(dot bool) {
	f := structs.GemmU8Tile
	name := "gemmU8NEON"
	if dot {
		name = "gemmU8DotNEON"
	}
	a.function(name, "computes what gemmU8Tile says; Mask is the number of columns.")
	a.field(f, "A", 15)
	a.field(f, "C", 13)
	a.field(f, "LDA", 14)
	a.field(f, "LDC", 19)
	a.field(f, "Blocks", 22)
	a.field(f, "P", 23)
	a.field(f, "Mask", 26)
	if dot {
		const segs, n, w, k, t = 11, 12, 9, 10, 20
		a.p("MOVD $0x80808080, R%d", t)
		a.dupw(t, 31)
		a.p("MOVD $0x01010101, R%d", t)
		a.dupw(t, 30)
		a.zero(28)
		a.zero(29)
		a.field(f, "Segs", segs)
		a.field(f, "NSegs", n)
		a.at("sum_seg")
		a.field(f, "W", w)
		a.load(16, segs, t)
		a.p("ADD R%d<<3, R%d, R%d", t, w, w)
		a.load(8, segs, k)
		a.addi(3, k)
		a.p("LSR $2, R%d", k)
		a.cbz(k, "sum_next")
		a.at("sum_four")
		a.ldpPost(24, 25, w)
		a.sdot(24, 30, 28)
		a.sdot(25, 30, 29)
		a.subs(1, k)
		a.bc("NE", "sum_four")
		a.at("sum_next")
		a.addi(24, segs)
		a.subs(1, n)
		a.bc("NE", "sum_seg")
		for v := range 2 {
			a.shl4(28+v, 7, 28+v)
			a.ldr(24+v, 23, 16*v)
			a.add4(24+v, 28+v, 28+v)
		}
	}
	a.field(f, "Rows", 20)
	a.choose("tile", 20, 1, gemmU8Rows)
	for mr := gemmU8Rows; mr >= 1; mr-- {
		a.gemmU8Tile(mr, dot)
	}
}

func (a *asm) gemmU8Tile(mr int, dot bool) {
	f := structs.GemmU8Tile
	const segs, n, w, k, t = 11, 12, 9, 10, 20
	row := func(r int) int { return 1 + r }
	// Lanes of 16 bits are those of registers 0 to 15 alone.
	acc, x := func(r, v int) int { return 16 + 2*r + v }, func(r int) int { return r }
	if dot {
		acc, x = func(r, v int) int { return 2*r + v }, func(r int) int { return 16 + r }
	}
	name := fmt.Sprintf("tile_%d", mr)
	a.at(name)
	for v := range 2 {
		if dot {
			a.vmov(28+v, acc(0, v))
		} else {
			a.ldr(acc(0, v), 23, 16*v)
		}
		for r := 1; r < mr; r++ {
			a.vmov(acc(0, v), acc(r, v))
		}
	}
	a.field(f, "Segs", segs)
	a.field(f, "NSegs", n)
	a.at(name + "_seg")
	a.load(0, segs, t)
	a.add(t, 15, row(0))
	for r := 1; r < mr; r++ {
		a.add(14, row(r-1), row(r))
	}
	a.field(f, "W", w)
	a.load(16, segs, t)
	a.p("ADD R%d<<3, R%d, R%d", t, w, w)
	a.load(8, segs, k)
	a.addi(3, k)
	a.p("LSR $2, R%d", k)
	a.cbz(k, name+"_next")
	if dot {
		a.subs(4, k)
		a.bc("LT", name+"_tail")
		a.at(name + "_four")
		for r := range mr {
			a.ldrPost(x(r), row(r), 16)
		}
		for r := range mr {
			a.eor(31, x(r), x(r))
		}
		a.ldpPost(24, 25, w)
		for i := range 4 {
			b := 24 + i%2*2
			if i < 3 {
				a.ldpPost(26-i%2*2, 27-i%2*2, w)
			}
			for r := range mr {
				a.sdotLane(b, x(r), i, acc(r, 0))
				a.sdotLane(b+1, x(r), i, acc(r, 1))
			}
		}
		a.subs(4, k)
		a.bc("GE", name+"_four")
		a.at(name + "_tail")
		a.p("ADDS $4, R%d", k)
		a.bc("EQ", name+"_next")
		a.at(name + "_one")
		a.ldpPost(24, 25, w)
		for r := range mr {
			a.ldrsPost(x(r), row(r), 4)
			a.eor(31, x(r), x(r))
		}
		for r := range mr {
			a.sdotLane(24, x(r), 0, acc(r, 0))
			a.sdotLane(25, x(r), 0, acc(r, 1))
		}
		a.subs(1, k)
		a.bc("NE", name+"_one")
	} else {
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
		a.subs(2, k)
		a.bc("LT", name+"_tail")
		a.at(name + "_two")
		a.ld4Post(8, w)
		for r := range mr {
			a.ldrdPost(x(r), row(r), 8)
		}
		a.ld4Post(12, w)
		for r := range mr {
			a.uxtl(x(r), x(r))
		}
		four(8, 0)
		four(12, 4)
		a.subs(2, k)
		a.bc("GE", name+"_two")
		a.at(name + "_tail")
		a.p("ADDS $2, R%d", k)
		a.bc("EQ", name+"_next")
		a.ld4Post(8, w)
		for r := range mr {
			a.ldrsPost(x(r), row(r), 4)
			a.uxtl(x(r), x(r))
		}
		four(8, 0)
	}
	a.at(name + "_next")
	a.addi(24, segs)
	a.subs(1, n)
	a.bc("NE", name+"_seg")

	free := 0
	if dot {
		free = 16
	}
	var rows [][2]int
	for r := range mr {
		rows = append(rows, [2]int{acc(r, 0), acc(r, 1)})
	}
	a.finish(f, name, rows, free, 23, func(r int) {
		a.storeBytes(rows[r][0], 13, 26, t)
		a.add(19, 13, 13)
	})
	a.muli(mr, 14, t, t+1)
	a.add(t, 15, 15)
	a.subs(1, 22)
	a.bc("NE", name)
	a.ret()
}

// finish turns rows of eight sums, in two registers, into eight bytes in the first one and
// has them stored. It needs nine registers from free on; p points to the parameters.
func (a *asm) finish(f structs.Fields, name string, rows [][2]int, free, p int, store func(r int)) {
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
		for _, y := range rows {
			a.scvtf(y[v], y[v])
			a.fmul(left, y[v], y[v])
			a.fmax(lo, y[v], y[v])
			a.fmin(hi, y[v], y[v])
			a.fcvtns(y[v], y[v])
			a.add4(zero, y[v], y[v])
		}
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
		for _, y := range rows {
			a.fixedPoint(y[v], x, left, mult, sign, round, shift)
			a.add4(zero, y[v], y[v])
			a.smax4(lo, y[v], y[v])
			a.smin4(hi, y[v], y[v])
		}
	}
	a.at(name + "_narrow")
	for r, y := range rows {
		a.xtn4(y[0], y[0])
		a.xtn4Upper(y[1], y[0])
		a.xtn8(y[0], y[0])
		store(r)
	}
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
	for bit := 2; bit >= 0; bit-- {
		skip := done
		if bit > 0 {
			skip = a.fresh("no")
		}
		a.bit(bit, n, skip)
		switch bit {
		case 2:
			a.strs(v, scratch, 0)
		case 1:
			a.strh(v, scratch, 0)
		case 0:
			a.strb(v, scratch, 0)
		}
		if bit > 0 {
			a.addi(1<<bit, scratch)
			a.ext(v, v, v, 1<<bit)
			a.at(skip)
		}
	}
	a.at(done)
}
