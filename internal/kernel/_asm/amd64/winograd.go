package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fourth addresses element k of four that lie step apart, where triple is 3·step.
func fourth(base, step, triple reg.GPPhysical, k int) operand.Mem {
	switch k {
	case 0:
		return mem(base, 0)
	case 3:
		return idx(base, triple, 1, 0)
	}
	return idx(base, step, uint8(k), 0)
}

// winogradIn transforms a row of 4×4 patches: Bᵀ d B, one register of channels at a time.
// Two rows of a patch make a row of Bᵀ d, whose four columns make four positions.
func (a *asm) winogradIn(i *isa) {
	name := "winogradIn" + i.name
	a.function(name, name+" computes what winogradPatches says.")
	f := winogradPatches
	a.MOVQ(f.of("X"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("XPix"), r11)
	a.LEAQ(idx(r11, r11, 2, 0), r12)
	a.MOVQ(f.of("YPos"), bx)
	a.LEAQ(idx(bx, bx, 2, 0), cx)
	a.at("tile")
	a.MOVQ(f.of("XRow"), dx)
	a.MOVQ(si, r8)
	a.LEAQ(idx(si, dx, 1, 0), r9)
	a.LEAQ(idx(si, dx, 2, 0), r10)
	a.LEAQ(idx(r9, dx, 2, 0), r14)
	rows := []reg.GPPhysical{r8, r9, r10, r14}
	a.MOVQ(di, r13)
	a.MOVQ(f.of("Blocks"), r15)
	a.at("block")
	a.MOVQ(r13, dx)
	for k, r := range []struct {
		x, y int // a row of Bᵀ d is row x plus or minus row y
		plus bool
	}{{0, 2, false}, {1, 2, true}, {2, 1, false}, {1, 3, false}} {
		t, v := i.v[8*(k%2):][:4], i.v[8*(k%2)+4:][:4]
		for j := range t {
			a.VMOVUPS(fourth(rows[r.x], r11, r12, j), t[j])
			if r.plus {
				a.VADDPS(fourth(rows[r.y], r11, r12, j), t[j], t[j])
			} else {
				a.VSUBPS(fourth(rows[r.y], r11, r12, j), t[j], t[j])
			}
		}
		a.VSUBPS(t[2], t[0], v[0])
		a.VADDPS(t[2], t[1], v[1])
		a.VSUBPS(t[1], t[2], v[2])
		a.VSUBPS(t[3], t[1], v[3])
		for j := range v {
			a.VMOVUPS(v[j], fourth(dx, bx, cx, j))
		}
		if k < 3 {
			a.LEAQ(idx(dx, bx, 4, 0), dx)
		}
	}
	for _, r := range append(rows, r13) {
		a.ADDQ(imm(i.bytes()), r)
	}
	a.DECQ(r15)
	a.JNZ(ref("block"))
	a.LEAQ(idx(si, r11, 2, 0), si)
	a.ADDQ(f.of("YTile"), di)
	a.DECQ(f.of("Tiles"))
	a.JNZ(ref("tile"))
	a.ret()
}

// winogradOut transforms a row of tiles of sums: Aᵀ m A, bias, residual and clip, one
// register of channels at a time. R15 is how far into the channels, in bytes, and R12 the
// columns of a tile that exist.
func (a *asm) winogradOut(i *isa) {
	name := "winogradOut" + i.name
	a.function(name, name+" computes what winogradSums says.")
	f := winogradSums
	a.MOVQ(f.of("X"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("R"), r8)
	a.MOVQ(f.of("YPix"), r13)
	a.MOVQ(f.of("XPos"), r10)
	a.MOVQ(r10, bx)
	a.SHLQ(operand.U8(2), bx)
	a.LEAQ(idx(bx, bx, 2, 0), cx)
	lo, hi, mask := i.v[13], i.v[14], i.v[15]
	a.VBROADCASTSS(f.of("Lo"), lo)
	a.VBROADCASTSS(f.of("Hi"), hi)
	a.at("tile")
	a.XORL(r15.As32(), r15.As32())
	a.MOVQ(f.of("Blocks"), r14)
	a.MOVQ(operand.I32(2), r12)
	a.CMPQ(f.of("Tiles"), imm(1))
	a.JNE(ref("block"))
	a.MOVQ(f.of("Cols"), r12)
	a.at("block")
	// Which channels exist.
	if i == avx512 {
		a.KXNORW(kLow, kLow, kLow)
		a.CMPQ(r14, imm(1))
		a.JNE(ref("whole"))
		a.MOVQ(f.of("Mask"), dx)
		a.KMOVW(dx.As32(), kLow)
	} else {
		a.VPCMPEQD(mask, mask, mask)
		a.CMPQ(r14, imm(1))
		a.JNE(ref("whole"))
		a.CMPQ(f.of("Mask"), imm(0))
		a.JE(ref("whole"))
		a.VMOVUPS(f.of("Lanes"), mask)
	}
	a.at("whole")
	// Aᵀ m: two rows of four.
	a.LEAQ(idx(si, r15, 1, 0), r9)
	sums := [2][]reg.VecPhysical{i.v[0:4], i.v[4:8]}
	for j := range 4 {
		plus, minus := sums[0][j], sums[1][j]
		m1, m2 := i.v[8+2*(j%2)], i.v[9+2*(j%2)]
		a.VMOVUPS(fourth(r9, bx, cx, 1), m1)
		a.VMOVUPS(fourth(r9, bx, cx, 2), m2)
		a.VADDPS(m2, m1, plus)
		a.VSUBPS(m2, m1, minus)
		a.VADDPS(fourth(r9, bx, cx, 0), plus, plus)
		a.VSUBPS(fourth(r9, bx, cx, 3), minus, minus)
		if j < 3 {
			a.ADDQ(r10, r9)
		}
	}
	// times A: four outputs.
	out := [2][]reg.VecPhysical{i.v[8:10], i.v[10:12]}
	for y, s := range sums {
		a.VADDPS(s[2], s[1], out[y][0])
		a.VSUBPS(s[2], s[1], out[y][1])
		a.VADDPS(s[0], out[y][0], out[y][0])
		a.VSUBPS(s[3], out[y][1], out[y][1])
	}
	a.MOVQ(f.of("Bias"), r11)
	a.TESTQ(r11, r11)
	a.JZ(ref("biased"))
	a.VMOVUPS(idx(r11, r15, 1, 0), i.v[12])
	for y := range out {
		for x := range out[y] {
			a.VADDPS(i.v[12], out[y][x], out[y][x])
		}
	}
	a.at("biased")
	a.LEAQ(idx(di, r15, 1, 0), dx)
	for y := range out {
		if y == 1 {
			a.CMPQ(f.of("Rows"), imm(1))
			a.JE(ref("stored"))
			a.ADDQ(f.of("YRow"), dx)
		}
		for x, v := range out[y] {
			next := fmt.Sprintf("next_%d%d", y, x)
			if x == 1 {
				a.CMPQ(r12, imm(1))
				a.JE(ref(next))
			}
			a.TESTQ(r8, r8)
			a.JZ(ref(fmt.Sprintf("clip_%d%d", y, x)))
			a.LEAQ(idx(r8, r15, 1, 0), r11)
			if y == 1 {
				a.ADDQ(f.of("RRow"), r11)
			}
			if x == 1 {
				a.ADDQ(f.of("RPix"), r11)
			}
			a.VADDPS(mem(r11, 0), v, v)
			a.at(fmt.Sprintf("clip_%d%d", y, x))
			a.VMAXPS(v, lo, v)
			a.VMINPS(v, hi, v)
			to := mem(dx, 0)
			if x == 1 {
				to = idx(dx, r13, 1, 0)
			}
			if i == avx512 {
				a.VMOVUPS(v, kLow, to)
			} else {
				a.VMASKMOVPS(v, mask, to)
			}
			a.at(next)
		}
	}
	a.at("stored")
	a.ADDQ(imm(i.bytes()), r15)
	a.DECQ(r14)
	a.JNZ(ref("block"))
	a.ADDQ(f.of("XTile"), si)
	a.LEAQ(idx(di, r13, 2, 0), di)
	a.TESTQ(r8, r8)
	a.JZ(ref("moved"))
	a.ADDQ(f.of("RPix"), r8)
	a.ADDQ(f.of("RPix"), r8)
	a.at("moved")
	a.DECQ(f.of("Tiles"))
	a.JNZ(ref("tile"))
	a.ret()
}
