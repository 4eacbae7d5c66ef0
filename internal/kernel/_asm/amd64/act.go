package main

import (
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
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
	cMax = 4 * iota // 87: the largest argument of a sigmoid
	cMin            // -87
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
	cMagic
	cThird // 1/6, 1/2: of the short polynomial
	cHalf
	_
	cPowers // 2^(k/16) for k below 16, a register
)

// bcast applies an operation with a constant: op(constant, x, dst).
type binop func(ops ...operand.Op)

// activate applies one kind to v in place, with t as four scratch registers and consts
// pointing to kernel.actConsts. NaN passes: an operation that could lose it has it as its
// second source.
func (a *asm) activate(i *isa, kind int, v reg.VecPhysical, t []reg.VecPhysical, consts reg.Register) {
	c := func(off int) operand.Mem { return mem(consts, off) }
	switch kind {
	case actHardSigmoid, actHardSwish:
		x := t[0]
		a.cAdd(i, c(cThree), v, x, t[3])
		a.cMaxMin(i, c(cZero), c(cSix), x, t[3])
		if kind == actHardSigmoid {
			a.cMul(i, c(cSixth), x, v, t[3])
			return
		}
		a.cMul(i, c(cSixth), x, x, t[3])
		a.VMULPS(x, v, v)
	case actSigmoid, actSiLU:
		a.sigmoid(i, v, t, c)
		if kind == actSiLU {
			a.VMULPS(t[0], v, v)
		} else if i == avx512 {
			a.VMOVAPS(t[0], v)
		} else {
			a.VMOVAPS(t[0], v)
		}
	}
}

// cAdd, cMul: dst = x op constant; tmp is scratch where constants cannot be operands.
func (a *asm) cAdd(i *isa, c operand.Mem, x, dst, tmp reg.VecPhysical) {
	if i == avx512 {
		a.VADDPS_BCST(c, x, dst)
		return
	}
	a.VBROADCASTSS(c, tmp)
	a.VADDPS(tmp, x, dst)
}

func (a *asm) cMul(i *isa, c operand.Mem, x, dst, tmp reg.VecPhysical) {
	if i == avx512 {
		a.VMULPS_BCST(c, x, dst)
		return
	}
	a.VBROADCASTSS(c, tmp)
	a.VMULPS(tmp, x, dst)
}

// cMaxMin: x = min(max(x, lo), hi), NaN staying.
func (a *asm) cMaxMin(i *isa, lo, hi operand.Mem, x, tmp reg.VecPhysical) {
	a.VBROADCASTSS(lo, tmp)
	a.VMAXPS(x, tmp, x)
	a.VBROADCASTSS(hi, tmp)
	a.VMINPS(x, tmp, x)
}

// cFMA: dst = dst·x + constant.
func (a *asm) cFMA(i *isa, c operand.Mem, x, dst, tmp reg.VecPhysical) {
	if i == avx512 {
		a.VFMADD213PS_BCST(c, x, dst)
		return
	}
	a.VBROADCASTSS(c, tmp)
	a.VFMADD213PS(tmp, x, dst)
}

// reduce leaves r with |r| ≤ ½ ln 2 in t[1] and n in t[2] for exp(±x) = 2ⁿ·exp(r), x in
// t[0]; negative takes the minus sign. t[3] is scratch.
func (a *asm) reduce(i *isa, negative bool, t []reg.VecPhysical, c func(int) operand.Mem) {
	x, r, n, tmp := t[0], t[1], t[2], t[3]
	if negative {
		a.cMul(i, c(cNegLog2E), x, n, tmp)
	} else {
		a.cMul(i, c(cLog2E), x, n, tmp)
	}
	if i == avx512 {
		a.VRNDSCALEPS(operand.U8(0), n, n)
	} else {
		a.VROUNDPS(operand.U8(0), n, n)
	}
	// r = ±x − n·ln2Hi − n·ln2Lo
	a.VMOVAPS(x, r)
	a.VBROADCASTSS(c(cLn2Hi), tmp)
	if negative {
		a.VFNMSUB231PS(tmp, n, r) // −(tmp·n) − r
	} else {
		a.VFNMADD231PS(tmp, n, r) // −(tmp·n) + r
	}
	a.VBROADCASTSS(c(cLn2Lo), tmp)
	a.VFNMADD231PS(tmp, n, r)
}

// exp2 turns r in t[1] and n in t[2] into exp in t[0]; t[3] is scratch.
func (a *asm) exp2(i *isa, t []reg.VecPhysical, c func(int) operand.Mem) {
	p, r, n, tmp := t[0], t[1], t[2], t[3]
	a.VBROADCASTSS(c(cP5), p)
	for _, k := range []int{cP4, cP3, cP2, cP1, cP0, cOne, cOne} {
		a.cFMA(i, c(k), r, p, tmp)
	}
	if i == avx512 {
		a.VSCALEFPS(n, p, p)
		return
	}
	a.VCVTPS2DQ(n, n)
	a.VPBROADCASTD(c(cBias), tmp)
	a.VPADDD(tmp, n, n)
	a.VPSLLD(operand.U8(23), n, n)
	a.VMULPS(n, p, p)
}

// heldConsts are the constants of AVX-512's sigmoid, in the registers from heldFirst on
// while a loop holds them.
var heldConsts = []int{cMax, cMin, cNegLog2E, cMagic, cLn2Hi, cLn2Lo, cThird, cHalf, cOne, cPowers}

const heldFirst = 16

// hold loads the constants of a sigmoid once for the loop that fn writes.
func (a *asm) hold(i *isa, consts reg.Register, fn func()) {
	if i == avx512 {
		for k, off := range heldConsts {
			if off == cPowers {
				a.VMOVUPS(mem(consts, off), zmm[heldFirst+k])
			} else {
				a.VBROADCASTSS(mem(consts, off), zmm[heldFirst+k])
			}
		}
		a.held = true
	}
	fn()
	a.held = false
}

// with does op(constant, x, dst), from a held register or from memory.
func (a *asm) with(plain, bcst binop, c func(int) operand.Mem, off int, x, dst reg.VecPhysical) {
	if a.held {
		plain(zmm[heldFirst+slices.Index(heldConsts, off)], x, dst)
	} else {
		bcst(c(off), x, dst)
	}
}

// set puts a constant into a register.
func (a *asm) set(c func(int) operand.Mem, off int, dst reg.VecPhysical) {
	if a.held {
		a.VMOVAPS(zmm[heldFirst+slices.Index(heldConsts, off)], dst)
	} else {
		a.VBROADCASTSS(c(off), dst)
	}
}

// expNegative turns x in t[0] into exp(−x), for AVX-512: x = −n·ln 2 − r where n is a
// multiple of 1/16, so |r| ≤ ln 2/32 and three terms are enough, times 2ⁿ. Adding cMagic =
// 1.5·2¹⁹ rounds to sixteenths and leaves n·16 in the low bits: the permutation looks at
// four of them, and shifted into the exponent all of them scale by 2ⁿ once the table's
// entries have the four taken away.
func (a *asm) expNegative(t []reg.VecPhysical, c func(int) operand.Mem) {
	e, r, n, p := t[0], t[1], t[2], t[3]
	a.VMOVAPS(e, r)
	a.set(c, cMagic, e)
	a.with(a.fn(a.VFMADD231PS), a.fn(a.VFMADD231PS_BCST), c, cNegLog2E, r, e)
	a.with(a.fn(a.VSUBPS), a.fn(a.VSUBPS_BCST), c, cMagic, e, n)
	a.with(a.fn(a.VFNMSUB231PS), a.fn(a.VFNMSUB231PS_BCST), c, cLn2Hi, n, r)
	a.with(a.fn(a.VFNMADD231PS), a.fn(a.VFNMADD231PS_BCST), c, cLn2Lo, n, r)
	if a.held {
		a.VPERMPS(zmm[heldFirst+slices.Index(heldConsts, cPowers)], e, n)
	} else {
		a.VPERMPS(c(cPowers), e, n)
	}
	a.VPSLLD(operand.U8(19), e, e)
	a.VPADDD(n, e, e)
	a.set(c, cThird, p)
	a.with(a.fn(a.VFMADD213PS), a.fn(a.VFMADD213PS_BCST), c, cHalf, r, p)
	a.with(a.fn(a.VFMADD213PS), a.fn(a.VFMADD213PS_BCST), c, cOne, r, p)
	a.VMULPS(e, r, r)
	a.VFMADD231PS(p, r, e) // 2ⁿ + 2ⁿ·r·(1 + r/2 + r²/6)
}

// logistic is the sigmoid or the SiLU of several registers at once, in place, for AVX-512
// with the constants held: the steps of the registers take turns, because one register's
// wait for each other. Every register has three of scratch.
func (a *asm) logistic(kind int, v []reg.VecPhysical, t [][]reg.VecPhysical) {
	held := func(off int) reg.VecPhysical { return zmm[heldFirst+slices.Index(heldConsts, off)] }
	var steps []func(v, e, r, n reg.VecPhysical)
	add := func(f func(v, e, r, n reg.VecPhysical)) { steps = append(steps, f) }
	add(func(v, e, r, n reg.VecPhysical) { a.VMINPS(v, held(cMax), r) })
	add(func(v, e, r, n reg.VecPhysical) { a.VMAXPS(r, held(cMin), r) })
	add(func(v, e, r, n reg.VecPhysical) { a.VMOVAPS(held(cMagic), e) })
	add(func(v, e, r, n reg.VecPhysical) { a.VFMADD231PS(held(cNegLog2E), r, e) })
	add(func(v, e, r, n reg.VecPhysical) { a.VSUBPS(held(cMagic), e, n) })
	add(func(v, e, r, n reg.VecPhysical) { a.VFNMSUB231PS(held(cLn2Hi), n, r) })
	add(func(v, e, r, n reg.VecPhysical) { a.VFNMADD231PS(held(cLn2Lo), n, r) })
	add(func(v, e, r, n reg.VecPhysical) { a.VPERMPS(held(cPowers), e, n) })
	add(func(v, e, r, n reg.VecPhysical) { a.VPSLLD(operand.U8(19), e, e) })
	add(func(v, e, r, n reg.VecPhysical) { a.VPADDD(n, e, e) })
	add(func(v, e, r, n reg.VecPhysical) { a.VMOVAPS(held(cThird), n) })
	add(func(v, e, r, n reg.VecPhysical) { a.VFMADD213PS(held(cHalf), r, n) })
	add(func(v, e, r, n reg.VecPhysical) { a.VFMADD213PS(held(cOne), r, n) })
	add(func(v, e, r, n reg.VecPhysical) { a.VMULPS(e, r, r) })
	add(func(v, e, r, n reg.VecPhysical) { a.VFMADD231PS(n, r, e) })
	add(func(v, e, r, n reg.VecPhysical) { a.VADDPS(held(cOne), e, e) })
	add(func(v, e, r, n reg.VecPhysical) { a.VRCP14PS(e, r) })
	add(func(v, e, r, n reg.VecPhysical) { a.VFNMADD213PS(held(cOne), r, e) })
	if kind == actSiLU { // v·y·(1 + (1 − d·y))
		add(func(v, e, r, n reg.VecPhysical) { a.VMULPS(r, v, v) })
		add(func(v, e, r, n reg.VecPhysical) { a.VFMADD213PS(v, e, v) })
	} else {
		add(func(v, e, r, n reg.VecPhysical) { a.VFMADD213PS(r, r, e) })
		add(func(v, e, r, n reg.VecPhysical) { a.VMOVAPS(e, v) })
	}
	for _, s := range steps {
		for k := range v {
			s(v[k], t[k][0], t[k][1], t[k][2])
		}
	}
}

// fn is an instruction as a binop.
func (a *asm) fn(op func(ops ...operand.Op)) binop { return op }

// sigmoid leaves 1/(1+exp(−v)) in t[0] and keeps v.
func (a *asm) sigmoid(i *isa, v reg.VecPhysical, t []reg.VecPhysical, c func(int) operand.Mem) {
	hi, lo := t[3], t[3]
	if a.held {
		hi, lo = zmm[heldFirst+slices.Index(heldConsts, cMax)], zmm[heldFirst+slices.Index(heldConsts, cMin)]
	} else {
		a.VBROADCASTSS(c(cMax), hi)
	}
	a.VMINPS(v, hi, t[0])
	if !a.held {
		a.VBROADCASTSS(c(cMin), lo)
	}
	a.VMAXPS(t[0], lo, t[0])
	if i == avx512 {
		a.expNegative(t, c)
	} else {
		a.reduce(i, true, t, c)
		a.exp2(i, t, c)
	}
	d, y, one := t[0], t[1], t[3]
	if i != avx512 {
		a.VBROADCASTSS(c(cOne), one)
		a.VADDPS(one, d, d)
		a.VDIVPS(d, one, d)
		return
	}
	a.with(a.fn(a.VADDPS), a.fn(a.VADDPS_BCST), c, cOne, d, d)
	// A reciprocal good to 14 bits and one step of Newton: 1/d = y + y·(1 − d·y).
	a.VRCP14PS(d, y)
	a.set(c, cOne, one)
	a.VFNMADD231PS(d, y, one) // 1 − d·y
	a.VFMADD213PS(y, y, one)  // y·(1 − d·y) + y
	a.VMOVAPS(one, t[0])
}
