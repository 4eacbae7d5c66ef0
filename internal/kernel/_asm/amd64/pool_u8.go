package main

import "github.com/mmcloughlin/avo/operand"

// poolMaxU8 is the largest byte of the windows of neighbouring output pixels, a register of
// 64 channels at a time. AVX-512.
func (a *asm) poolMaxU8() {
	a.function("poolMaxU8", "poolMaxU8 computes what poolPixelU8 says.")
	f := poolPixelU8
	acc, x := zmm[0], zmm[1]
	a.MOVQ(f.of("XRow"), r11)
	a.MOVQ(f.of("XPix"), r12)
	a.at("pixel")
	a.MOVQ(f.of("X"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("Blocks"), dx)
	a.KXNORQ(kLow, kLow, kLow)
	a.at("block")
	a.CMPQ(dx, imm(1))
	a.JNE(ref("whole"))
	a.MOVQ(f.of("Mask"), bx)
	a.KMOVQ(bx, kLow)
	a.at("whole")
	a.VPXORD(acc, acc, acc)
	a.MOVQ(si, r8)
	a.MOVQ(f.of("KH"), r9)
	a.at("ky")
	a.MOVQ(r8, bx)
	a.MOVQ(f.of("KW"), r10)
	a.at("kx")
	a.VMOVDQU8_Z(mem(bx, 0), kLow, x)
	a.VPMAXUB(x, acc, acc)
	a.ADDQ(r12, bx)
	a.DECQ(r10)
	a.JNZ(ref("kx"))
	a.ADDQ(r11, r8)
	a.DECQ(r9)
	a.JNZ(ref("ky"))
	a.VMOVDQU8(acc, kLow, mem(di, 0))
	a.ADDQ(operand.I32(64), si)
	a.ADDQ(operand.I32(64), di)
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
