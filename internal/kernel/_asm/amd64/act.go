package main

import (
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

// expNegative turns x in t[0] into exp(−x), for AVX-512: x = −n·ln 2 − r where n is a
// multiple of 1/16, so |r| ≤ ln 2/32 and three terms are enough, times 2^frac(n) from a
// table. Adding cMagic = 1.5·2¹⁹ rounds to sixteenths and leaves frac(n)·16 in the four low
// bits, which are all that the permutation looks at.
func (a *asm) expNegative(t []reg.VecPhysical, c func(int) operand.Mem) {
	e, r, n, p := t[0], t[1], t[2], t[3]
	a.VMOVAPS(e, r)
	a.VBROADCASTSS(c(cMagic), e)
	a.VFMADD231PS_BCST(c(cNegLog2E), r, e)
	a.VSUBPS_BCST(c(cMagic), e, n)
	a.VFNMSUB231PS_BCST(c(cLn2Hi), n, r)
	a.VFNMADD231PS_BCST(c(cLn2Lo), n, r)
	a.VPERMPS(c(cPowers), e, e)
	a.VBROADCASTSS(c(cThird), p)
	a.VFMADD213PS_BCST(c(cHalf), r, p)
	a.VFMADD213PS_BCST(c(cOne), r, p)
	a.VMULPS(e, r, r)
	a.VFMADD231PS(p, r, e) // 2^frac + 2^frac·r·(1 + r/2 + r²/6)
	a.VSCALEFPS(n, e, e)
}

// sigmoid leaves 1/(1+exp(−v)) in t[0] and keeps v.
func (a *asm) sigmoid(i *isa, v reg.VecPhysical, t []reg.VecPhysical, c func(int) operand.Mem) {
	a.VBROADCASTSS(c(cMax), t[3])
	a.VMINPS(v, t[3], t[0])
	a.VBROADCASTSS(c(cMin), t[3])
	a.VMAXPS(t[0], t[3], t[0])
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
	a.VADDPS_BCST(c(cOne), d, d)
	// A reciprocal good to 14 bits and one step of Newton: 1/d = y + y·(1 − d·y).
	a.VRCP14PS(d, y)
	a.VBROADCASTSS(c(cOne), one)
	a.VFNMADD213PS(one, y, d) // d = 1 − d·y
	a.VFMADD213PS(y, y, d)    // d = y·d + y
}
