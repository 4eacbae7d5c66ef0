package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowsAVX2 writes the loops around body for whole blocks alone: what is left over of a row
// is the Go side's. Registers and blocks as in rows.
func (a *asm) rowsAVX2(name string, from, to int, prepare, body func()) {
	f := rowsU8
	a.function(name, name+" computes what rowsU8 says, of whole blocks.")
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
	a.at("block")
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

// simpleU8AVX2 is simpleU8 eight numbers at a time.
func (a *asm) simpleU8AVX2() {
	f, v := rowsU8, ymm
	za, zb, ra, rb := v[8], v[9], v[10], v[11]
	lo, hi, zero, half := v[12], v[13], v[14], v[15]
	scales := func() {
		a.VPBROADCASTD(f.of("ZA"), za)
		a.VPBROADCASTD(f.of("ZB"), zb)
		a.VBROADCASTSS(f.of("RA"), ra)
		a.VBROADCASTSS(f.of("RB"), rb)
		a.VPBROADCASTD(f.of("Zero"), zero)
		a.VPBROADCASTQ(f.of("Half"), half)
		a.MOVQ(f.of("P"), r14)
	}
	once := func() {
		scales()
		a.VBROADCASTSS(f.of("FLo"), lo)
		a.VBROADCASTSS(f.of("FHi"), hi)
	}
	twice := func() {
		scales()
		a.VPBROADCASTD(f.of("Lo"), lo)
		a.VPBROADCASTD(f.of("Hi"), hi)
	}
	operands := func() {
		a.VPMOVZXBD(mem(si, 0), v[0])
		a.VPMOVZXBD(mem(di, 0), v[1])
		a.VPSUBD(za, v[0], v[0])
		a.VPSUBD(zb, v[1], v[1])
	}
	param := func(set int) func(int) operand.Mem {
		return func(block int) operand.Mem { return mem(r14, (7*set+block)*64) }
	}
	store := func(y reg.VecPhysical) {
		a.narrow([]reg.VecPhysical{y}, v[7])
		a.VMOVQ(xmmOf(y), mem(r8, 0))
	}
	clamp := func() {
		a.VMAXPS(lo, v[0], v[0])
		a.VMINPS(hi, v[0], v[0])
		a.VCVTPS2DQ(v[0], v[0])
		a.VPADDD(zero, v[0], v[0])
		store(v[0])
	}
	limit := func(y reg.VecPhysical) {
		a.VPADDD(zero, y, y)
		a.VPMAXSD(lo, y, y)
		a.VPMINSD(hi, y, y)
		store(y)
	}
	a.rowsAVX2("addEvenU8AVX2", 8, 8, once, func() {
		operands()
		// LO holds the first addend.
		a.VCVTDQ2PS(v[0], v[0])
		a.VCVTDQ2PS(v[1], v[1])
		a.VBROADCASTSS(f.of("Lo"), v[2])
		a.VFMADD231PS(rb, v[1], v[2])
		a.VFMADD213PS(v[2], ra, v[0])
		clamp()
	})
	a.rowsAVX2("addFixedU8AVX2", 8, 8, twice, func() {
		operands()
		a.VPSLLD(imm(20), v[0], v[0])
		a.VPSLLD(imm(20), v[1], v[1])
		a.fixedPointAVX2(v[0], v[2], v[4], half, param(0))
		a.fixedPointAVX2(v[1], v[3], v[5], half, param(1))
		a.VPADDD(v[3], v[2], v[0])
		a.fixedPointAVX2(v[0], v[2], v[4], half, param(2))
		limit(v[2])
	})
	// RA and RB are integers, ZA is the bias and ZB the shift.
	a.rowsAVX2("addScaledU8AVX2", 8, 8, twice, func() {
		a.VPMOVZXBD(mem(si, 0), v[0])
		a.VPMOVZXBD(mem(di, 0), v[1])
		a.VPMULLD(ra, v[0], v[0])
		a.VPMULLD(rb, v[1], v[1])
		a.VPADDD(za, v[0], v[0])
		a.VPADDD(v[1], v[0], v[0])
		a.VPSRAVD(zb, v[0], v[0])
		limit(v[0])
	})
	a.rowsAVX2("mulEvenU8AVX2", 8, 8, once, func() {
		operands()
		a.VPMULLD(v[1], v[0], v[0])
		// RB is the zero point above the lowest number.
		a.VCVTDQ2PS(v[0], v[0])
		a.VMULPS(ra, v[0], v[0])
		a.VADDPS(rb, v[0], v[0])
		clamp()
	})
	a.rowsAVX2("mulFixedU8AVX2", 8, 8, twice, func() {
		operands()
		a.VPMULLD(v[1], v[0], v[0])
		a.fixedPointAVX2(v[0], v[2], v[4], half, param(0))
		limit(v[2])
	})
	// What is no number becomes 0.
	numbers := func() {
		a.VCMPPS(imm(7), v[0], v[0], v[1])
		a.VANDPS(v[1], v[0], v[0])
	}
	// Real numbers times RB, over RA, rounded half to even.
	a.rowsAVX2("quantizeEvenU8AVX2", 32, 8, once, func() {
		a.VMULPS(mem(si, 0), rb, v[0])
		a.VDIVPS(ra, v[0], v[0])
		numbers()
		clamp()
	})
	// Over RA, half away from zero: ZA is 0.5, ZB the sign's bit, RB is 1. A quotient that rounding
	// made larger is made smaller again by its last bit, so that it is no half where the true one
	// is less.
	a.rowsAVX2("quantizeAwayU8AVX2", 32, 8, once, func() {
		a.VMOVUPS(mem(si, 0), v[4])
		a.VDIVPS(ra, v[4], v[0])
		a.VFNMADD231PS(ra, v[0], v[4]) // what is left, and then its sign seen from zero
		a.VANDPS(zb, v[0], v[5])
		a.VXORPS(v[5], v[4], v[4])
		a.VXORPS(v[6], v[6], v[6])
		a.VCMPPS(imm(1), v[6], v[4], v[4])
		a.VPADDD(v[4], v[0], v[0])
		numbers()
		a.VMAXPS(lo, v[0], v[0])
		a.VMINPS(hi, v[0], v[0])
		a.VROUNDPS(imm(0xB), v[0], v[1])
		a.VSUBPS(v[1], v[0], v[2])
		a.VANDNPS(v[2], zb, v[2])
		a.VCMPPS(imm(13), za, v[2], v[2])
		a.VANDPS(zb, v[0], v[3])
		a.VORPS(rb, v[3], v[3])
		a.VANDPS(v[3], v[2], v[3])
		a.VADDPS(v[3], v[1], v[0])
		clamp()
	})
	a.rowsAVX2("dequantizeU8AVX2", 8, 32, once, func() {
		a.VPMOVZXBD(mem(si, 0), v[0])
		a.VPSUBD(za, v[0], v[0])
		a.VCVTDQ2PS(v[0], v[0])
		a.VMULPS(ra, v[0], v[0])
		a.VMOVUPS(v[0], mem(r8, 0))
	})
	// The table lies at P, 256 bytes: sixteen rows of sixteen. A byte whose upper half is not
	// the row's number gets its highest bit, for which VPSHUFB answers 0.
	a.rowsAVX2("lookupU8AVX2", 32, 32, func() {
		a.MOVQ(f.of("P"), r14)
		a.VPBROADCASTD(f.of("ZA"), v[1]) // 0x70 in every byte
		a.VPBROADCASTD(f.of("ZB"), v[2]) // 0x10
	}, func() {
		x, out, index, row := v[0], v[3], v[4], v[5]
		a.VMOVDQU(mem(si, 0), x)
		for k := range 16 {
			a.VPADDUSB(v[1], x, index)
			a.VBROADCASTI128(mem(r14, 16*k), row)
			if k == 0 {
				a.VPSHUFB(index, row, out)
			} else {
				a.VPSHUFB(index, row, row)
				a.VPOR(row, out, out)
			}
			if k < 15 {
				a.VPSUBB(v[2], x, x)
			}
		}
		a.VMOVDQU(out, mem(r8, 0))
	})
	a.function("sumU8AVX2", "sumU8AVX2 adds M pixels of 32 bytes, LDA apart, into 32 numbers at Y.")
	a.MOVQ(f.of("A"), si)
	a.MOVQ(f.of("M"), dx)
	a.MOVQ(f.of("LDA"), cx)
	a.MOVQ(f.of("Y"), r8)
	for k := range 4 {
		a.VPXOR(v[k], v[k], v[k])
	}
	a.at("pixel")
	for k := range 4 {
		a.VPMOVZXBD(mem(si, 8*k), v[4+k])
		a.VPADDD(v[4+k], v[k], v[k])
	}
	a.ADDQ(cx, si)
	a.DECQ(dx)
	a.JNZ(ref("pixel"))
	for k := range 4 {
		a.VMOVDQU(v[k], mem(r8, 32*k))
	}
	a.ret()
}

// poolMaxU8AVX2 is poolMaxU8 in registers of 16 channels; Mask is how far before the end of
// the last whole register the last one begins.
func (a *asm) poolMaxU8AVX2() {
	a.function("poolMaxU8AVX2", "poolMaxU8AVX2 computes what poolPixelU8 says; Mask is how far the last two registers overlap.")
	f := poolPixelU8
	acc := reg.X0
	a.MOVQ(f.of("XRow"), r11)
	a.MOVQ(f.of("XPix"), r12)
	a.at("pixel")
	a.MOVQ(f.of("X"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("Blocks"), dx)
	a.at("block")
	a.CMPQ(dx, imm(1))
	a.JNE(ref("whole"))
	a.SUBQ(f.of("Mask"), si)
	a.SUBQ(f.of("Mask"), di)
	a.at("whole")
	a.VPXOR(acc, acc, acc)
	a.MOVQ(si, r8)
	a.MOVQ(f.of("KH"), r9)
	a.at("ky")
	a.MOVQ(r8, bx)
	a.MOVQ(f.of("KW"), r10)
	a.at("kx")
	a.VPMAXUB(mem(bx, 0), acc, acc)
	a.ADDQ(r12, bx)
	a.DECQ(r10)
	a.JNZ(ref("kx"))
	a.ADDQ(r11, r8)
	a.DECQ(r9)
	a.JNZ(ref("ky"))
	a.VMOVDQU(acc, mem(di, 0))
	a.ADDQ(imm(16), si)
	a.ADDQ(imm(16), di)
	a.DECQ(dx)
	a.JNZ(ref("block"))
	a.MOVQ(f.of("XStep"), bx)
	a.ADDQ(bx, f.of("X"))
	a.MOVQ(f.of("YStep"), bx)
	a.ADDQ(bx, f.of("Y"))
	a.DECQ(f.of("Pixels"))
	a.JNZ(ref("pixel"))
	a.ret()
}
