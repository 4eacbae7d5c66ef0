package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels over bytes need AVX-512 with VNNI, VBMI and VBMI2.

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

// fixedPoint multiplies 32-bit numbers in x by the factors whose parameters begin at p, cols
// apart from block to block, and rounds twice; two scratch registers, one that holds 2³⁰ in
// every 64 bits, and k3 = 0xAAAA are used. The result is in t0.
func (a *asm) fixedPoint(x, t0, t1, half reg.VecPhysical, p func(block int) operand.Mem) {
	a.VPSLLVD(p(finishLeft), x, t0)
	a.VPSRLQ(imm(32), t0, t1)
	a.VPMULDQ(p(finishMult), t0, t0)
	a.VPMULDQ(p(finishOdd), t1, t1)
	a.VPADDQ(half, t0, t0)
	a.VPADDQ(half, t1, t1)
	a.VPSRLQ(imm(31), t0, t0)
	a.VPSLLQ(imm(1), t1, t1)
	a.VPBLENDMD(t1, t0, reg.K3, t0)
	a.VPSRAD(imm(31), t0, t1)
	a.VPANDD(p(finishSign), t1, t1)
	a.VPADDD(t1, t0, t0)
	a.VPADDD(p(finishRound), t0, t0)
	a.VPSRAVD(p(finishShift), t0, t0)
}

// blends sets k3 to every other lane.
func (a *asm) blends() {
	a.MOVQ(imm(0xAAAA), bx)
	a.KMOVW(bx.As32(), reg.K3)
}

func (a *asm) gemmU8() {
	f, i := gemmU8Tile, avx512
	a.function("gemmU8VNNI", "gemmU8VNNI computes what gemmU8Tile says.")
	a.MOVQ(f.of("A"), di)
	a.MOVQ(f.of("C"), r13)
	a.MOVQ(f.of("P"), r14)
	a.MOVQ(f.of("LDA"), cx)
	a.LEAQ(idx(cx, cx, 2, 0), r9)
	a.LEAQ(idx(cx, cx, 4, 0), r10)
	a.MOVQ(f.of("Mask"), dx)
	a.KMOVW(dx.As32(), kLow)
	a.SHRQ(imm(16), dx)
	a.KMOVW(dx.As32(), kHigh)
	a.blends()
	a.MOVQ(f.of("Rows"), dx)
	a.CMPQ(f.of("Wide"), imm(0))
	a.JE(ref("narrow"))
	a.choose("tile2", dx, 1, 14)
	a.at("narrow")
	a.choose("tile1", dx, 1, 14)
	for vecs := 2; vecs >= 1; vecs-- {
		for mr := 14; mr >= 1; mr-- {
			a.gemmU8Tile(i, mr, vecs)
		}
	}
	a.at("done")
	a.ret()
}

func (a *asm) gemmU8Tile(i *isa, mr, vecs int) {
	f := gemmU8Tile
	const width = 128 // bytes of four rows of the panel
	acc := func(r, v int) reg.VecPhysical { return i.v[r*vecs+v] }
	free := i.v[len(i.v)-4:]
	b, x := free[:2], free[2:]
	name := fmt.Sprintf("tile%d_%d", vecs, mr)
	a.at(name)
	for v := range vecs {
		a.VMOVDQU32(mem(r14, 64*v), acc(0, v))
	}
	for r := 1; r < mr; r++ {
		for v := range vecs {
			a.VMOVDQA32(acc(0, v), acc(r, v))
		}
	}
	a.MOVQ(f.of("Segs"), r11)
	a.MOVQ(f.of("NSegs"), r12)
	a.at(name + "_seg")
	a.MOVQ(mem(r11, 0), si)
	a.ADDQ(di, si)
	if mr > 7 {
		a.LEAQ(idx(si, r9, 2, 0), r8)
		a.ADDQ(cx, r8)
	}
	a.MOVQ(mem(r11, 16), bx)
	a.SHLQ(imm(5), bx)
	a.ADDQ(f.of("W"), bx)
	a.MOVQ(mem(r11, 8), dx)
	a.ADDQ(imm(3), dx)
	a.SHRQ(imm(2), dx)
	row := func(r, k int) operand.Mem {
		base := si
		if r >= 7 {
			base, r = r8, r-7
		}
		switch r {
		case 0:
			return mem(base, 4*k)
		case 1, 2, 4:
			return idx(base, cx, uint8(r), 4*k)
		case 3, 6:
			return idx(base, r9, uint8(r/3), 4*k)
		}
		return idx(base, r10, 1, 4*k)
	}
	step := func(k int) {
		for v := range vecs {
			a.VMOVDQU32(mem(bx, k*width+64*v), b[v])
		}
		for r := range mr {
			t := x[r%len(x)]
			a.VPBROADCASTD(row(r, k), t)
			for v := range vecs {
				a.VPDPBUSD(b[v], t, acc(r, v))
			}
		}
	}
	const unroll = 4
	a.SUBQ(imm(unroll), dx)
	a.JL(ref(name + "_tail"))
	a.at(name + "_four")
	for k := range unroll {
		for v := range vecs {
			a.PREFETCHT0(mem(bx, (ahead/2+k)*width+64*v))
		}
		step(k)
	}
	a.ADDQ(imm(4*unroll), si)
	if mr > 7 {
		a.ADDQ(imm(4*unroll), r8)
	}
	a.ADDQ(imm(unroll*width), bx)
	a.SUBQ(imm(unroll), dx)
	a.JGE(ref(name + "_four"))
	a.at(name + "_tail")
	a.ADDQ(imm(unroll), dx)
	a.JZ(ref(name + "_next"))
	a.at(name + "_one")
	step(0)
	a.ADDQ(imm(4), si)
	if mr > 7 {
		a.ADDQ(imm(4), r8)
	}
	a.ADDQ(imm(width), bx)
	a.DECQ(dx)
	a.JNZ(ref(name + "_one"))
	a.at(name + "_next")
	a.ADDQ(imm(24), r11)
	a.DECQ(r12)
	a.JNZ(ref(name + "_seg"))

	a.MOVQ(f.of("LDC"), bx)
	a.CMPQ(f.of("Fixed"), imm(0))
	a.JNE(ref(name + "_fixed"))
	a.VBROADCASTSS(f.of("FLo"), free[0])
	a.VBROADCASTSS(f.of("FHi"), free[1])
	a.VPBROADCASTD(f.of("Zero"), free[2])
	masks := []reg.OpmaskPhysical{kLow, kHigh}
	for v := range vecs {
		a.VMOVUPS(mem(r14, finishLeft*128+64*v), free[3])
		a.MOVQ(r13, dx)
		for r := range mr {
			y := acc(r, v)
			a.finishEven(y, free[3], free[0], free[1], free[2])
			a.VPMOVDB(y, masks[v], mem(dx, 16*v))
			a.ADDQ(bx, dx)
		}
	}
	a.JMP(ref(name + "_stored"))
	a.at(name + "_fixed")
	a.VPBROADCASTQ(f.of("Half"), free[2])
	for v := range vecs {
		a.MOVQ(r13, dx)
		for r := range mr {
			a.fixedPoint(acc(r, v), free[0], free[1], free[2], func(block int) operand.Mem { return mem(r14, block*128+64*v) })
			a.finishFixed(f, free[0])
			a.VPMOVDB(free[0], masks[v], mem(dx, 16*v))
			a.ADDQ(bx, dx)
		}
	}
	a.at(name + "_stored")
	a.IMUL3Q(imm(mr), bx, dx)
	a.ADDQ(dx, r13)
	a.IMUL3Q(imm(mr), cx, dx)
	a.ADDQ(dx, di)
	a.DECQ(f.of("Blocks"))
	a.JNZ(ref(name))
	a.JMP(ref("done"))
}

// finishEven rounds y·scale once, half to even, and adds the zero point.
func (a *asm) finishEven(y, scale, lo, hi, zero reg.VecPhysical) {
	a.VCVTDQ2PS(y, y)
	a.VMULPS(scale, y, y)
	a.VMAXPS(lo, y, y)
	a.VMINPS(hi, y, y)
	a.VCVTPS2DQ(y, y)
	a.VPADDD(zero, y, y)
}

// finishFixed adds the zero point and limits.
func (a *asm) finishFixed(f fields, y reg.VecPhysical) {
	a.VPADDD_BCST(f.of("Zero"), y, y)
	a.VPMAXSD_BCST(f.of("Lo"), y, y)
	a.VPMINSD_BCST(f.of("Hi"), y, y)
}

// dwU8 is the depthwise convolution with kw columns of taps, a horizontal stride and as
// many planes of weights, for one column of tiles and one block of 16 channels. A register
// holds four neighbouring inputs of every channel; each new input is shifted in, and one
// dot product takes four taps.
func (a *asm) dwU8(kw, stride, planes int) {
	f, i := dwU8Tile, avx512
	name := fmt.Sprintf("dwU8K%dS%dP%d", kw, stride, planes)
	a.function(name, name+" computes what dwU8Tile says.")
	a.MOVQ(f.of("XPix"), r10)
	a.LEAQ(idx(r10, r10, 2, 0), r11)
	a.MOVQ(f.of("First"), cx)
	a.MOVQ(f.of("End"), r12)
	a.MOVQ(f.of("Mask"), dx)
	a.KMOVW(dx.As32(), kLow)
	a.blends()
	a.MOVQ(f.of("X"), si)
	a.ADDQ(f.of("Pos"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("P"), r14)
	a.MOVQ(f.of("IY"), r13)
	a.VPBROADCASTD(f.of("Outside"), i.v[27])
	a.MOVQ(f.of("T"), dx)
	a.choose("tile", dx, 1, dwU8Outputs)
	for t := 1; t <= dwU8Outputs; t++ {
		a.dwU8Tile(i, kw, stride, planes, t)
	}
	a.at("done")
	a.ret()
}

// dwU8Outputs is the most outputs of a row that one tile computes.
const dwU8Outputs = 8

func (a *asm) dwU8Tile(i *isa, kw, stride, planes, t int) {
	f := dwU8Tile
	name := fmt.Sprintf("tile_%d", t)
	chunks := (kw + 3) / 4
	acc := i.v[:t]
	weights := i.v[14 : 14+chunks*planes]
	s, outside := i.v[26], i.v[27]
	ins := i.v[22:26]
	free := i.v[28:]
	positions := (t-1)*stride + kw

	a.at(name)
	a.VMOVDQU32(mem(r14, 0), acc[0])
	for _, v := range acc[1:] {
		a.VMOVDQA32(acc[0], v)
	}
	a.MOVQ(f.of("W"), bx)
	a.MOVQ(f.of("KH"), r9)
	a.MOVQ(si, r8)
	a.MOVQ(r13, r15)
	a.at(name + "_taps")
	for k, w := range weights {
		a.VMOVDQU32(mem(bx, 64*k), w)
	}
	a.CMPQ(r15, f.of("InH"))
	a.JCC(ref(name + "_above"))
	a.MOVQ(r8, dx)
	for pos := range positions {
		x := ins[pos%len(ins)]
		skip, skips := fmt.Sprintf("%s_in%d", name, pos), false
		if pos < kw-1 || pos > positions-kw {
			a.VMOVDQA32(outside, x)
		}
		if pos < kw-1 {
			a.CMPQ(cx, imm(pos))
			a.JG(ref(skip))
			skips = true
		}
		if pos > positions-kw {
			a.CMPQ(r12, imm(pos))
			a.JLE(ref(skip))
			skips = true
		}
		switch pos % 4 {
		case 0:
			a.VPMOVZXBD(mem(dx, 0), x)
		case 1, 2:
			a.VPMOVZXBD(idx(dx, r10, uint8(pos%4), 0), x)
		case 3:
			a.VPMOVZXBD(idx(dx, r11, 1, 0), x)
		}
		if skips {
			a.at(skip)
		}
		if pos%4 == 3 && pos+1 < positions {
			a.LEAQ(idx(dx, r10, 4, 0), dx)
		}
		if pos == 0 {
			a.VPSLLD(imm(24), x, s)
		} else {
			a.VPSHRDD(operand.U8(8), x, s, s)
		}
		for o := range t {
			for c := range chunks {
				last := o*stride + 4*c + 3
				if c == chunks-1 {
					last = o*stride + kw - 1
				}
				if last == pos {
					for p := range planes {
						a.VPDPBUSD(weights[c*planes+p], s, acc[o])
					}
				}
			}
		}
	}
	a.JMP(ref(name + "_row"))
	a.at(name + "_above")
	for _, v := range acc {
		for _, w := range weights {
			a.VPDPBUSD(w, outside, v)
		}
	}
	a.at(name + "_row")
	a.ADDQ(f.of("TapRow"), r8)
	a.ADDQ(f.of("DilH"), r15)
	a.ADDQ(imm(64*chunks*planes), bx)
	a.DECQ(r9)
	a.JNZ(ref(name + "_taps"))

	a.MOVQ(f.of("YPix"), bx)
	a.MOVQ(di, dx)
	a.CMPQ(f.of("Fixed"), imm(0))
	a.JNE(ref(name + "_fixed"))
	a.VBROADCASTSS(f.of("FLo"), free[0])
	a.VBROADCASTSS(f.of("FHi"), free[1])
	a.VPBROADCASTD(f.of("Zero"), free[2])
	a.VMOVUPS(mem(r14, finishLeft*64), free[3])
	for _, y := range acc {
		a.finishEven(y, free[3], free[0], free[1], free[2])
		a.VPMOVDB(y, kLow, mem(dx, 0))
		a.ADDQ(bx, dx)
	}
	a.JMP(ref(name + "_stored"))
	a.at(name + "_fixed")
	a.VPBROADCASTQ(f.of("Half"), free[2])
	for _, y := range acc {
		a.fixedPoint(y, free[0], free[1], free[2], func(block int) operand.Mem { return mem(r14, block*64) })
		a.finishFixed(f, free[0])
		a.VPMOVDB(free[0], kLow, mem(dx, 0))
		a.ADDQ(bx, dx)
	}
	a.at(name + "_stored")
	a.ADDQ(f.of("YRow"), di)
	a.ADDQ(f.of("RowStep"), si)
	a.ADDQ(f.of("StrideH"), r13)
	a.DECQ(f.of("Rows"))
	a.JNZ(ref(name))
	a.JMP(ref("done"))
}
