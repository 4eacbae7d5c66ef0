package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows writes the loops around body, which finds its operands at SI and DI and its result at
// R8. The lanes that exist are in k1, and those to store in k2. A block has the given bytes
// in A and B, and in Y.
func (a *asm) rows(name string, from, to int, prepare, body func()) {
	f := rowsU8
	a.function(name, name+" computes what rowsU8 says.")
	prepare()
	a.MOVQ(f.of("M"), r12)
	a.MOVQ(f.of("A"), r10)
	a.MOVQ(f.of("B"), r11)
	a.MOVQ(f.of("Y"), r13)
	a.at("row")
	a.MOVQ(r10, si)
	a.MOVQ(r11, di)
	a.MOVQ(r13, r8)
	a.MOVQ(f.of("Blocks"), r9)
	a.KXNORQ(kLow, kLow, kLow)
	a.MOVQ(operand.U64(0x5555555555555555), dx)
	a.KMOVQ(dx, kHigh)
	a.at("block")
	a.CMPQ(r9, imm(1))
	a.JNE(ref("whole"))
	a.KMOVQ(f.of("Mask"), kLow)
	a.KMOVQ(f.of("Store"), kHigh)
	a.at("whole")
	body()
	a.ADDQ(imm(from), si)
	a.ADDQ(imm(from), di)
	a.ADDQ(imm(to), r8)
	a.DECQ(r9)
	a.JNZ(ref("block"))
	a.ADDQ(f.of("LDA"), r10)
	a.ADDQ(f.of("LDB"), r11)
	a.ADDQ(f.of("LDY"), r13)
	a.DECQ(r12)
	a.JNZ(ref("row"))
	a.ret()
}

func (a *asm) simpleU8() {
	f, v := rowsU8, zmm
	za, zb, ra, rb := v[16], v[17], v[18], v[19]
	lo, hi, zero, half := v[20], v[21], v[22], v[23]
	consts := func() {
		a.VPBROADCASTD(f.of("ZA"), za)
		a.VPBROADCASTD(f.of("ZB"), zb)
		a.VBROADCASTSS(f.of("RA"), ra)
		a.VBROADCASTSS(f.of("RB"), rb)
		a.VBROADCASTSS(f.of("FLo"), lo)
		a.VBROADCASTSS(f.of("FHi"), hi)
		a.VPBROADCASTD(f.of("Zero"), zero)
		a.VPBROADCASTQ(f.of("Half"), half)
		a.MOVQ(f.of("P"), r14)
		a.blends()
	}
	operands := func() {
		a.VPMOVZXBD_Z(mem(si, 0), kLow, v[0])
		a.VPMOVZXBD_Z(mem(di, 0), kLow, v[1])
		a.VPSUBD(za, v[0], v[0])
		a.VPSUBD(zb, v[1], v[1])
	}
	param := func(set int) func(int) operand.Mem {
		return func(block int) operand.Mem { return mem(r14, (7*set+block)*64) }
	}
	a.rows("addEvenU8", 16, 16, consts, func() {
		operands()
		// LO holds the first addend.
		a.VCVTDQ2PS(v[0], v[0])
		a.VCVTDQ2PS(v[1], v[1])
		a.VBROADCASTSS(f.of("Lo"), v[2])
		a.VFMADD231PS(rb, v[1], v[2])
		a.VFMADD213PS(v[2], ra, v[0])
		a.VMAXPS(lo, v[0], v[0])
		a.VMINPS(hi, v[0], v[0])
		a.VCVTPS2DQ(v[0], v[0])
		a.VPADDD(zero, v[0], v[0])
		a.VPMOVDB(v[0], kLow, mem(r8, 0))
	})
	a.rows("addFixedU8", 16, 16, consts, func() {
		operands()
		a.VPSLLD(imm(20), v[0], v[0])
		a.VPSLLD(imm(20), v[1], v[1])
		a.fixedPoint(v[0], v[2], v[4], half, param(0))
		a.fixedPoint(v[1], v[3], v[5], half, param(1))
		a.VPADDD(v[3], v[2], v[0])
		a.fixedPoint(v[0], v[2], v[4], half, param(2))
		a.finishFixed(f, v[2])
		a.VPMOVDB(v[2], kLow, mem(r8, 0))
	})
	// RA and RB are integers, ZA is the bias and ZB the shift.
	a.rows("addScaledU8", 16, 16, consts, func() {
		a.VPMOVZXBD_Z(mem(si, 0), kLow, v[0])
		a.VPMOVZXBD_Z(mem(di, 0), kLow, v[1])
		a.VPMULLD(ra, v[0], v[0])
		a.VPMULLD(rb, v[1], v[1])
		a.VPADDD(za, v[0], v[0])
		a.VPADDD(v[1], v[0], v[0])
		a.VPSRAVD(zb, v[0], v[0])
		a.finishFixed(f, v[0])
		a.VPMOVDB(v[0], kLow, mem(r8, 0))
	})
	a.rows("mulEvenU8", 16, 16, consts, func() {
		operands()
		a.VPMULLD(v[1], v[0], v[0])
		// RB is the zero point above the lowest number.
		a.VCVTDQ2PS(v[0], v[0])
		a.VMULPS(ra, v[0], v[0])
		a.VADDPS(rb, v[0], v[0])
		a.VMAXPS(lo, v[0], v[0])
		a.VMINPS(hi, v[0], v[0])
		a.VCVTPS2DQ(v[0], v[0])
		a.VPADDD(zero, v[0], v[0])
		a.VPMOVDB(v[0], kLow, mem(r8, 0))
	})
	a.rows("mulFixedU8", 16, 16, consts, func() {
		operands()
		a.VPMULLD(v[1], v[0], v[0])
		a.fixedPoint(v[0], v[2], v[4], half, param(0))
		a.finishFixed(f, v[2])
		a.VPMOVDB(v[2], kLow, mem(r8, 0))
	})
	// The table lies at P, 256 bytes.
	a.rows("lookupU8", 64, 64, func() {
		a.MOVQ(f.of("P"), r14)
		for i := range 4 {
			a.VMOVDQU8(mem(r14, 64*i), v[8+i])
		}
	}, func() {
		a.VMOVDQU8_Z(mem(si, 0), kLow, v[0])
		a.VMOVDQA32(v[0], v[1])
		a.VPMOVB2M(v[0], reg.K3)
		a.VPERMI2B(v[9], v[8], v[0])
		a.VPERMI2B(v[11], v[10], v[1])
		a.VPBLENDMB(v[1], v[0], reg.K3, v[0])
		a.VMOVDQU8(v[0], kLow, mem(r8, 0))
	})
	// Bytes to every other place.
	a.rows("spreadU8", 32, 64, func() {}, func() {
		a.VMOVDQU8_Z(mem(si, 0), kLow, reg.Y0)
		a.VPMOVZXBW(reg.Y0, v[0])
		a.VMOVDQU8(v[0], kHigh, mem(r8, 0))
	})
	// What is no number becomes 0.
	numbers := func() {
		a.VCMPPS(imm(7), v[0], v[0], reg.K3)
		a.VMOVAPS_Z(v[0], reg.K3, v[0])
	}
	clamp := func() {
		a.VMAXPS(lo, v[0], v[0])
		a.VMINPS(hi, v[0], v[0])
		a.VCVTPS2DQ(v[0], v[0])
		a.VPADDD(zero, v[0], v[0])
		a.VPMOVDB(v[0], kLow, mem(r8, 0))
	}
	// Real numbers times RB, over RA, rounded half to even.
	a.rows("quantizeEvenU8", 64, 16, consts, func() {
		a.VMOVUPS_Z(mem(si, 0), kLow, v[0])
		a.VMULPS(rb, v[0], v[0])
		a.VDIVPS(ra, v[0], v[0])
		numbers()
		clamp()
	})
	// Real numbers over RA, rounded half away from zero: ZA is 0.5, ZB the sign's bit, RB is 1.
	// A quotient that rounding made larger is made smaller again by its last bit, so that it is
	// no half where the true one is less.
	a.rows("quantizeAwayU8", 64, 16, consts, func() {
		a.VMOVUPS_Z(mem(si, 0), kLow, v[4])
		a.VDIVPS(ra, v[4], v[0])
		a.VFNMADD231PS(ra, v[0], v[4]) // what is left, and then its sign seen from zero
		a.VPANDD(zb, v[0], v[5])
		a.VPXORD(v[5], v[4], v[4])
		a.VPXORD(v[6], v[6], v[6])
		a.VCMPPS(imm(1), v[6], v[4], reg.K3)
		a.VPMOVM2D(reg.K3, v[5])
		a.VPADDD(v[5], v[0], v[0])
		numbers()
		a.VMAXPS(lo, v[0], v[0])
		a.VMINPS(hi, v[0], v[0])
		a.VRNDSCALEPS(operand.U8(0xB), v[0], v[1])
		a.VSUBPS(v[1], v[0], v[2])
		a.VPANDND(v[2], zb, v[2])
		a.VCMPPS(imm(13), za, v[2], reg.K3)
		a.VPANDD(zb, v[0], v[3])
		a.VPORD(rb, v[3], v[3])
		a.VADDPS(v[3], v[1], reg.K3, v[1])
		a.VMOVAPS(v[1], v[0])
		clamp()
	})
	a.rows("dequantizeU8", 16, 64, consts, func() {
		a.VPMOVZXBD_Z(mem(si, 0), kLow, v[0])
		a.VPSUBD(za, v[0], v[0])
		a.VCVTDQ2PS(v[0], v[0])
		a.VMULPS(ra, v[0], v[0])
		a.VMOVUPS(v[0], kLow, mem(r8, 0))
	})
	// Sums over M pixels of 64 channels, into 32-bit numbers: one block.
	a.function("sumU8", "sumU8 adds M pixels of 64 bytes, LDA apart, into 64 numbers at Y.")
	a.MOVQ(f.of("A"), si)
	a.MOVQ(f.of("M"), dx)
	a.MOVQ(f.of("LDA"), cx)
	a.MOVQ(f.of("Y"), r8)
	for k := range 4 {
		a.VPXORD(v[k], v[k], v[k])
	}
	a.at("pixel")
	for k := range 4 {
		a.VPMOVZXBD(mem(si, 16*k), v[4+k])
		a.VPADDD(v[4+k], v[k], v[k])
	}
	a.ADDQ(cx, si)
	a.DECQ(dx)
	a.JNZ(ref("pixel"))
	for k := range 4 {
		a.VMOVDQU32(v[k], mem(r8, 64*k))
	}
	a.ret()
}
