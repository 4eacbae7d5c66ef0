package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// Kinds of activations, as kernel.ActKind.
const (
	actNone = iota
	actClip
	actSigmoid
	actSiLU
	actHardSigmoid
	actHardSwish
)

// Offsets into kernel.actConsts, in bytes.
const (
	cMax = 4 * iota
	cMin
	cNegLog2E
	cLn2Hi
	cLn2Lo
	cP5
	cP4
	cP3
	cP2
	cP1
	cP0
	cOne
	cThree
	cSix
	cSixth
	cZero
	cLog2E
	cExpMin
	cExpMax
	cBias // 127, an integer
)

// held are the constants of a sigmoid in the registers from 16 on.
var held = []int{cMax, cMin, cNegLog2E, cLn2Hi, cLn2Lo, cP5, cP4, cP3, cP2, cP1, cP0, cOne, cBias}

func heldReg(c int) int {
	for i, h := range held {
		if h == c {
			return 16 + i
		}
	}
	panic("not held")
}

// constant fills v with a constant; consts is the pointer to them.
func (a *asm) constant(c, v, consts, scratch int) {
	a.lea(c, consts, scratch)
	a.ld1r(v, scratch)
}

// logistic is the sigmoid or the SiLU of registers 0 to n−1 in place, each with three
// registers of scratch; the steps of the registers take turns, for one register's wait for
// each other. e^−x = 2ⁿ·e^r with n = round(−x/ln 2) and |r| ≤ ½ ln 2, as kernel.Exp.
func (a *asm) logistic(kind, n int) {
	each := func(step func(v, e, r, k int)) {
		for i := range n {
			step(i, 4+3*i, 5+3*i, 6+3*i)
		}
	}
	each(func(v, e, r, k int) { a.fmin(v, heldReg(cMax), r) })
	each(func(v, e, r, k int) { a.fmax(r, heldReg(cMin), r) })
	each(func(v, e, r, k int) { a.fmul(r, heldReg(cNegLog2E), k) })
	each(func(v, e, r, k int) { a.frintn(k, k) })
	each(func(v, e, r, k int) { a.fneg(r, r) })
	each(func(v, e, r, k int) { a.fmls(k, heldReg(cLn2Hi), r) })
	each(func(v, e, r, k int) { a.fmls(k, heldReg(cLn2Lo), r) })
	each(func(v, e, r, k int) { a.fcvtns(k, k) })
	each(func(v, e, r, k int) { a.add4(k, heldReg(cBias), k) })
	each(func(v, e, r, k int) { a.shl4(k, 23, k) })
	// Horner's rule needs its sum in the constant's place: e and 29 + i take turns.
	from := func(i int) int { return 4 + 3*i }
	for i := range n {
		a.vmov(heldReg(cP5), from(i))
	}
	for _, c := range []int{cP4, cP3, cP2, cP1, cP0, cOne, cOne} {
		for i := range n {
			a.fmul(from(i), 5+3*i, from(i))
		}
		for i := range n {
			a.fadd(heldReg(c), from(i), from(i))
		}
	}
	each(func(v, e, r, k int) { a.fmul(e, k, e) })
	each(func(v, e, r, k int) { a.fadd(e, heldReg(cOne), e) })
	if kind == actSiLU {
		each(func(v, e, r, k int) { a.fdiv(v, e, v) })
	} else {
		each(func(v, e, r, k int) { a.fdiv(heldReg(cOne), e, v) })
	}
}

// hard is hard-sigmoid or hard-swish of registers 0 to n−1, with the constants 3, 6, 1/6 and
// 0 in registers 16 to 19.
func (a *asm) hard(kind, n int) {
	for i := range n {
		a.fadd(i, 16, 4+i)
	}
	for i := range n {
		a.fmax(4+i, 19, 4+i)
	}
	for i := range n {
		a.fmin(4+i, 17, 4+i)
	}
	for i := range n {
		if kind == actHardSwish {
			a.fmul(4+i, 18, 4+i)
		} else {
			a.fmul(4+i, 18, i)
		}
	}
	for i := range n {
		if kind == actHardSwish {
			a.fmul(i, 4+i, i)
		}
	}
}

// unary is an activation behind an affine function of each column.
func (a *asm) unary() {
	f := structs.UnaryCall
	const x, y, scale, shift, m, n, consts, mask, t, t2, px, py, ps, ph, left = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	a.function("unaryNEON", "computes what unaryCall says; Mask is the number of elements after the whole registers.")
	a.field(f, "X", x)
	a.field(f, "Y", y)
	a.field(f, "Scale", scale)
	a.field(f, "Shift", shift)
	a.field(f, "M", m)
	a.field(f, "Consts", consts)
	a.field(f, "Mask", mask)
	a.field(f, "Act", t)
	for kind := actNone; kind < actHardSwish; kind++ {
		a.cmp(kind, t)
		a.bc("EQ", fmt.Sprintf("act%d", kind))
	}
	for kind := actHardSwish; kind >= actNone; kind-- {
		name := fmt.Sprintf("act%d", kind)
		a.at(name)
		switch kind {
		case actClip:
			a.scalar(f, "Lo", 16, t)
			a.scalar(f, "Hi", 17, t)
		case actSigmoid, actSiLU:
			for _, c := range held {
				a.constant(c, heldReg(c), consts, t)
			}
		case actHardSigmoid, actHardSwish:
			for i, c := range []int{cThree, cSix, cSixth, cZero} {
				a.constant(c, 16+i, consts, t)
			}
		}
		apply := func(g int) {
			switch kind {
			case actClip:
				for i := range g {
					a.fmax(i, 16, i)
				}
				for i := range g {
					a.fmin(i, 17, i)
				}
			case actSigmoid, actSiLU:
				a.logistic(kind, g)
			case actHardSigmoid, actHardSwish:
				a.hard(kind, g)
			}
		}
		affine := func(g int) {
			no := a.fresh("noscale")
			a.cbz(scale, no)
			for i := range g {
				a.ldrPost(4+i, ps, 16)
				a.fmul(4+i, i, i)
			}
			a.at(no)
			no = a.fresh("noshift")
			a.cbz(shift, no)
			for i := range g {
				a.ldrPost(4+i, ph, 16)
				a.fadd(4+i, i, i)
			}
			a.at(no)
		}
		a.at(name + "_row")
		a.mov(x, px)
		a.mov(y, py)
		a.mov(scale, ps)
		a.mov(shift, ph)
		a.field(f, "N", n)
		a.subs(4, n)
		a.bc("LT", name+"_few")
		a.at(name + "_four")
		for i := range 4 {
			a.ldrPost(i, px, 16)
		}
		affine(4)
		apply(4)
		for i := range 4 {
			a.strPost(i, py, 16)
		}
		a.subs(4, n)
		a.bc("GE", name+"_four")
		a.at(name + "_few")
		a.p("ADDS $4, R%d", n)
		a.bc("EQ", name+"_tail")
		a.at(name + "_one")
		a.ldrPost(0, px, 16)
		affine(1)
		apply(1)
		a.strPost(0, py, 16)
		a.subs(1, n)
		a.bc("NE", name+"_one")
		a.at(name + "_tail")
		a.cbz(mask, name+"_end")
		a.ldr(0, px, 0)
		affine(1)
		apply(1)
		a.storePart(0, py, mask, t)
		a.at(name + "_end")
		a.field(f, "LDX", t)
		a.add(t, x, x)
		a.field(f, "LDY", t)
		a.add(t, y, y)
		a.subs(1, m)
		a.bc("NE", name+"_row")
		a.ret()
	}
}

// binary is arithmetic of two operands and a clip.
func (a *asm) binary() {
	f := structs.BinaryCall
	const pa, pb, py, m, n, mask, t, ra, rb, ry, sa, sb = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
	a.function("binaryNEON", "computes what binaryCall says, of activations none and clip; Mask is the number of elements after the whole registers.")
	a.field(f, "A", pa)
	a.field(f, "B", pb)
	a.field(f, "Y", py)
	a.field(f, "M", m)
	a.field(f, "Mask", mask)
	a.field(f, "SA", sa)
	a.field(f, "SB", sb)
	// No clip is one between the infinities, which NaN passes as well.
	a.p("MOVD $0xFF800000, R%d", t)
	a.dupw(t, 16)
	a.p("MOVD $0x7F800000, R%d", t)
	a.dupw(t, 17)
	a.field(f, "Act", t)
	a.cbz(t, "noclip")
	a.scalar(f, "Lo", 16, t)
	a.scalar(f, "Hi", 17, t)
	a.at("noclip")
	a.field(f, "Fn", t)
	ops := []func(x, y, v int){a.fadd, a.fsub, a.fmul, a.fdiv}
	for fn := range 3 {
		a.cmp(fn, t)
		a.bc("EQ", fmt.Sprintf("fn%d", fn))
	}
	for fn := 3; fn >= 0; fn-- {
		name := fmt.Sprintf("fn%d", fn)
		a.at(name)
		a.at(name + "_row")
		a.mov(pa, ra)
		a.mov(pb, rb)
		a.mov(py, ry)
		a.ld1r(18, pa)
		a.ld1r(19, pb)
		a.field(f, "N", n)
		load := func(i int) {
			for _, o := range [][4]int{{sa, ra, 18, 0}, {sb, rb, 19, 4}} {
				one, done := a.fresh("repeat"), a.fresh("loaded")
				a.cbz(o[0], one)
				a.ldrPost(o[3]+i, o[1], 16)
				a.b(done)
				a.at(one)
				a.vmov(o[2], o[3]+i)
				a.at(done)
			}
			ops[fn](i, 4+i, i)
			a.fmax(i, 16, i)
			a.fmin(i, 17, i)
		}
		// Four registers at a time where both operands move.
		a.cbz(sa, name+"_few")
		a.cbz(sb, name+"_few")
		a.subs(4, n)
		a.bc("LT", name+"_less")
		a.at(name + "_four")
		for i := range 4 {
			a.ldrPost(i, ra, 16)
		}
		for i := range 4 {
			a.ldrPost(4+i, rb, 16)
		}
		for i := range 4 {
			ops[fn](i, 4+i, i)
		}
		for i := range 4 {
			a.fmax(i, 16, i)
		}
		for i := range 4 {
			a.fmin(i, 17, i)
		}
		for i := range 4 {
			a.strPost(i, ry, 16)
		}
		a.subs(4, n)
		a.bc("GE", name+"_four")
		a.at(name + "_less")
		a.addi(4, n)
		a.at(name + "_few")
		a.cbz(n, name+"_tail")
		a.at(name + "_one")
		load(0)
		a.strPost(0, ry, 16)
		a.subs(1, n)
		a.bc("NE", name+"_one")
		a.at(name + "_tail")
		a.cbz(mask, name+"_end")
		load(0)
		a.storePart(0, ry, mask, t)
		a.at(name + "_end")
		a.field(f, "LDA", t)
		a.add(t, pa, pa)
		a.field(f, "LDB", t)
		a.add(t, pb, pb)
		a.field(f, "LDY", t)
		a.add(t, py, py)
		a.subs(1, m)
		a.bc("NE", name+"_row")
		a.ret()
	}
}
