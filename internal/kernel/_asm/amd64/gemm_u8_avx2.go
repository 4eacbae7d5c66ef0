package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The product of bytes for AVX2. VPMADDUBSW would saturate, so four bytes are taken apart
// into two pairs of 16-bit numbers, the even and the odd ones, and VPMADDWD adds exactly.

const (
	gemmU8Rows2 = 4 // rows of the tile; its width is two registers of 8 columns
	gemmU8Cols2 = 16
)

func xmmOf(y reg.VecPhysical) reg.VecPhysical { return y.AsX().(reg.VecPhysical) }

func (a *asm) gemmU8AVX2() {
	f := gemmU8Tile
	a.function("gemmU8AVX2", "gemmU8AVX2 computes what gemmU8Tile says; Mask is the number of columns.")
	a.MOVQ(f.of("A"), di)
	a.MOVQ(f.of("C"), r13)
	a.MOVQ(f.of("P"), r14)
	a.MOVQ(f.of("LDA"), cx)
	a.LEAQ(idx(cx, cx, 2, 0), r9)
	a.MOVQ(f.of("Rows"), dx)
	a.CMPQ(f.of("Wide"), imm(0))
	a.JE(ref("narrow"))
	a.choose("tile2", dx, 1, gemmU8Rows2)
	a.at("narrow")
	a.choose("tile1", dx, 1, gemmU8Rows2)
	for vecs := 2; vecs >= 1; vecs-- {
		for mr := gemmU8Rows2; mr >= 1; mr-- {
			a.gemmU8TileAVX2(mr, vecs)
		}
	}
	a.at("done")
	a.ret()
}

func (a *asm) gemmU8TileAVX2(mr, vecs int) {
	f := gemmU8Tile
	const width = 4 * gemmU8Cols2 // bytes of four rows of the panel
	acc := func(r, v int) reg.VecPhysical { return ymm[r*vecs+v] }
	free := ymm[8:]
	even, odd := [2]reg.VecPhysical{free[0], free[1]}, [2]reg.VecPhysical{free[2], free[3]}
	xEven, xOdd, t, bytes := free[4], free[5], free[6], free[7]
	name := fmt.Sprintf("tile%d_%d", vecs, mr)
	a.at(name)
	for v := range vecs {
		a.VMOVDQU(mem(r14, 32*v), acc(0, v))
	}
	for r := 1; r < mr; r++ {
		for v := range vecs {
			a.VMOVDQA(acc(0, v), acc(r, v))
		}
	}
	a.VPCMPEQW(bytes, bytes, bytes)
	a.VPSRLW(imm(8), bytes, bytes)
	a.MOVQ(f.of("Segs"), r11)
	a.MOVQ(f.of("NSegs"), r12)
	a.at(name + "_seg")
	a.MOVQ(mem(r11, 0), si)
	a.ADDQ(di, si)
	a.MOVQ(mem(r11, 16), bx)
	a.SHLQ(imm(4), bx)
	a.ADDQ(f.of("W"), bx)
	a.MOVQ(mem(r11, 8), dx)
	a.ADDQ(imm(3), dx)
	a.SHRQ(imm(2), dx)
	a.JZ(ref(name + "_next"))
	step := func(k int) {
		for v := range vecs {
			a.VMOVDQU(mem(bx, k*width+32*v), odd[v])
			a.VPSLLW(imm(8), odd[v], even[v])
			a.VPSRAW(imm(8), odd[v], odd[v])
			a.VPSRAW(imm(8), even[v], even[v])
		}
		for r := range mr {
			a.VPBROADCASTD(fourth(si, cx, r9, r).Offset(4*k), xOdd)
			a.VPAND(bytes, xOdd, xEven)
			a.VPSRLW(imm(8), xOdd, xOdd)
			for v := range vecs {
				a.VPMADDWD(even[v], xEven, t)
				a.VPADDD(t, acc(r, v), acc(r, v))
			}
			for v := range vecs {
				a.VPMADDWD(odd[v], xOdd, t)
				a.VPADDD(t, acc(r, v), acc(r, v))
			}
		}
	}
	const unroll = 2
	a.SUBQ(imm(unroll), dx)
	a.JL(ref(name + "_tail"))
	a.at(name + "_more")
	for k := range unroll {
		a.PREFETCHT0(mem(bx, (ahead/2+k)*width))
		step(k)
	}
	a.ADDQ(imm(4*unroll), si)
	a.ADDQ(imm(unroll*width), bx)
	a.SUBQ(imm(unroll), dx)
	a.JGE(ref(name + "_more"))
	a.at(name + "_tail")
	a.ADDQ(imm(unroll), dx)
	a.JZ(ref(name + "_next"))
	step(0)
	a.at(name + "_next")
	a.ADDQ(imm(24), r11)
	a.DECQ(r12)
	a.JNZ(ref(name + "_seg"))

	a.MOVQ(f.of("LDC"), bx)
	a.MOVQ(r13, r8)
	var rows [][]reg.VecPhysical
	for r := range mr {
		rows = append(rows, ymm[r*vecs:][:vecs])
	}
	a.finishAVX2(f, name, rows, free, func(block, v int) operand.Mem { return mem(r14, block*width+32*v) }, func(r int) {
		a.storeBytes(f, fmt.Sprintf("%s_%d", name, r), free[4], 8*vecs)
		a.ADDQ(bx, r8)
	})
	a.IMUL3Q(imm(mr), bx, dx)
	a.ADDQ(dx, r13)
	a.IMUL3Q(imm(mr), cx, dx)
	a.ADDQ(dx, di)
	a.DECQ(f.of("Blocks"))
	a.JNZ(ref(name))
	a.JMP(ref("done"))
}

// finishAVX2 turns rows of one or two registers of sums into bytes, which lie in the lower
// part of free[4] when store is called for a row. It needs six registers; p addresses the
// parameters of eight columns.
func (a *asm) finishAVX2(f fields, name string, rows [][]reg.VecPhysical, free []reg.VecPhysical, p func(block, v int) operand.Mem, store func(r int)) {
	lo, hi, zero, half, t0, t1 := free[0], free[1], free[2], free[3], free[4], free[5]
	fixed := fmt.Sprintf("%s_fixed", name)
	a.VPBROADCASTD(f.of("Zero"), zero)
	a.CMPQ(f.of("Fixed"), imm(0))
	a.JNE(ref(fixed))
	a.VBROADCASTSS(f.of("FLo"), lo)
	a.VBROADCASTSS(f.of("FHi"), hi)
	for _, y := range rows {
		for v := range y {
			a.VMOVUPS(p(finishLeft, v), t0)
			a.finishEven(y[v], t0, lo, hi, zero)
		}
		a.narrow(y, t0)
	}
	a.JMP(ref(name + "_store"))
	a.at(fixed)
	a.VPBROADCASTD(f.of("Lo"), lo)
	a.VPBROADCASTD(f.of("Hi"), hi)
	a.VPBROADCASTQ(f.of("Half"), half)
	for _, y := range rows {
		for v := range y {
			a.fixedPointAVX2(y[v], t0, t1, half, func(block int) operand.Mem { return p(block, v) })
			a.VPADDD(zero, t0, t0)
			a.VPMAXSD(lo, t0, t0)
			a.VPMINSD(hi, t0, y[v])
		}
		a.narrow(y, t0)
	}
	a.at(name + "_store")
	for r, y := range rows {
		a.VMOVDQA(xmmOf(y[0]), xmmOf(t0))
		store(r)
	}
}

// narrow packs one or two registers of numbers in [0, 255] into the first bytes of y[0].
func (a *asm) narrow(y []reg.VecPhysical, t reg.VecPhysical) {
	x, xt := xmmOf(y[0]), xmmOf(t)
	if len(y) == 2 {
		a.VPACKSSDW(y[1], y[0], y[0])
		a.VPERMQ(operand.U8(0xD8), y[0], y[0])
	}
	a.VEXTRACTI128(imm(1), y[0], xt)
	if len(y) == 2 {
		a.VPACKUSWB(xt, x, x)
	} else {
		a.VPACKSSDW(xt, x, x)
		a.VPACKUSWB(x, x, x)
	}
}

// fixedPointAVX2 is fixedPoint with a blend in place of the mask.
func (a *asm) fixedPointAVX2(x, t0, t1, half reg.VecPhysical, p func(block int) operand.Mem) {
	a.VPSLLVD(p(finishLeft), x, t0)
	a.VPSRLQ(imm(32), t0, t1)
	a.VPMULDQ(p(finishMult), t0, t0)
	a.VPMULDQ(p(finishOdd), t1, t1)
	a.VPADDQ(half, t0, t0)
	a.VPADDQ(half, t1, t1)
	a.VPSRLQ(imm(31), t0, t0)
	a.VPSLLQ(imm(1), t1, t1)
	a.VPBLENDD(operand.U8(0xAA), t1, t0, t0)
	a.VPSRAD(imm(31), t0, t1)
	a.VPAND(p(finishSign), t1, t1)
	a.VPADDD(t1, t0, t0)
	a.VPADDD(p(finishRound), t0, t0)
	a.VPSRAVD(p(finishShift), t0, t0)
}

// storeBytes stores the first Mask bytes of x, at most n, at R8. It uses x and R15.
func (a *asm) storeBytes(f fields, name string, x reg.VecPhysical, n int) {
	x = xmmOf(x)
	rest, done := name+"_rest", name+"_done"
	a.CMPQ(f.of("Mask"), imm(n))
	a.JL(ref(rest))
	if n == 16 {
		a.VMOVDQU(x, mem(r8, 0))
	} else {
		a.VMOVQ(x, mem(r8, 0))
	}
	a.JMP(ref(done))
	a.at(rest)
	a.MOVQ(r8, r15)
	for k := n / 2; k >= 1; k /= 2 {
		skip := fmt.Sprintf("%s_no%d", name, k)
		a.TESTQ(operand.I32(int32(k)), f.of("Mask"))
		a.JZ(ref(skip))
		switch k {
		case 8:
			a.VMOVQ(x, mem(r15, 0))
		case 4:
			a.VMOVD(x, mem(r15, 0))
		case 2:
			a.VPEXTRW(imm(0), x, mem(r15, 0))
		case 1:
			a.VPEXTRB(imm(0), x, mem(r15, 0))
		}
		if k > 1 {
			a.VPSRLDQ(imm(k), x, x)
			a.ADDQ(imm(k), r15)
		}
		a.at(skip)
	}
	a.at(done)
}
