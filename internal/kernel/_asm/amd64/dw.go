package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/reg"
)

// dwTiles is the most outputs of a row that one tile computes.
func (i *isa) dwTiles() int {
	if i == avx512 {
		return 14
	}
	return 7
}

// dw is the depthwise convolution with kw columns of taps and a horizontal stride, for one
// column of tiles: blocks of channels outside, rows inside. A tile is T outputs of a row;
// for every row of taps its weights are loaded, then every input of the tile's row once,
// and each meets the taps that see it. Inputs outside the image are skipped by branches,
// which cost little because they go the same way for a whole column.
func (a *asm) dw(i *isa, kw, stride int) {
	name := fmt.Sprintf("dwK%dS%d%s", kw, stride, i.name)
	a.function(name, name+" computes what dwTile says.")
	f := dwTile
	a.MOVQ(f.of("XPix"), r10)
	a.LEAQ(idx(r10, r10, 2, 0), r11)
	a.MOVQ(f.of("First"), cx)
	a.MOVQ(f.of("End"), r12)
	a.at("block")
	if i == avx512 {
		a.KXNORW(kLow, kLow, kLow)
		a.CMPQ(f.of("Blocks"), imm(1))
		a.JNE(ref("whole"))
		a.MOVQ(f.of("Mask"), dx)
		a.KMOVW(dx.As32(), kLow)
		a.at("whole")
	}
	a.MOVQ(f.of("X"), si)
	a.ADDQ(f.of("Pos"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("R"), r15)
	a.MOVQ(f.of("IY"), r13)
	a.MOVQ(f.of("Rows"), dx)
	a.MOVQ(dx, f.of("Left"))
	a.MOVQ(f.of("T"), dx)
	a.choose("tile", dx, 1, i.dwTiles())
	for t := 1; t <= i.dwTiles(); t++ {
		a.dwTile(i, kw, stride, t)
	}

	a.at("rows")
	a.windowActivate(i)
	// Next block.
	step := imm(i.bytes())
	a.ADDQ(step, f.of("X"))
	a.ADDQ(step, f.of("Y"))
	a.MOVQ(f.of("WBlock"), dx)
	a.ADDQ(dx, f.of("W"))
	for _, p := range []string{"Bias", "R"} {
		none := "no" + p
		a.CMPQ(f.of(p), imm(0))
		a.JE(ref(none))
		a.ADDQ(step, f.of(p))
		a.at(none)
	}
	a.DECQ(f.of("Blocks"))
	a.JNZ(ref("block"))
	a.ret()
}

// choose jumps to the label prefix_n for n = r in [lo, hi], by halving.
func (a *asm) choose(prefix string, r reg.GPPhysical, lo, hi int) {
	if lo == hi {
		a.JMP(ref(fmt.Sprintf("%s_%d", prefix, lo)))
		return
	}
	mid := (lo + hi) / 2
	high := a.label(prefix + "_above")
	a.CMPQ(r, imm(mid))
	a.JG(ref(high))
	a.choose(prefix, r, lo, mid)
	a.at(high)
	a.choose(prefix, r, mid+1, hi)
}

func (a *asm) dwTile(i *isa, kw, stride, t int) {
	f := dwTile
	name := fmt.Sprintf("tile_%d", t)
	acc := i.v[:t]
	weight := i.v[t : t+kw]
	ins := i.v[t+kw:]
	if len(ins) > 4 {
		ins = ins[:4]
	}
	positions := (t-1)*stride + kw
	width := i.bytes()

	a.at(name)
	zero, ready := name+"_zero", name+"_ready"
	a.MOVQ(f.of("Bias"), bx)
	a.TESTQ(bx, bx)
	a.JZ(ref(zero))
	a.VMOVUPS(mem(bx, 0), acc[0])
	for _, v := range acc[1:] {
		a.VMOVAPS(acc[0], v)
	}
	a.JMP(ref(ready))
	a.at(zero)
	for _, v := range acc {
		a.zero(i, v)
	}
	a.at(ready)
	// The inputs that rows of outputs further down see first, where asked for.
	a.MOVQ(f.of("Ahead"), dx)
	a.TESTQ(dx, dx)
	a.JZ(ref(name + "_fetched"))
	a.ADDQ(si, dx)
	for s := range stride {
		for pos := range t * stride {
			switch pos % 4 {
			case 0:
				a.PREFETCHT0(mem(dx, 0))
			case 1, 2:
				a.PREFETCHT0(idx(dx, r10, uint8(pos%4), 0))
			case 3:
				a.PREFETCHT0(idx(dx, r11, 1, 0))
				a.LEAQ(idx(dx, r10, 4, 0), dx)
			}
		}
		if s+1 < stride {
			a.MOVQ(f.of("Ahead"), dx)
			a.ADDQ(si, dx)
			a.ADDQ(f.of("XRow"), dx)
		}
	}
	a.at(name + "_fetched")
	// Rows of taps inside the image: from DX = max(0, −iy) to R9 = min(KH, InH − iy).
	a.XORL(dx.As32(), dx.As32())
	a.MOVQ(r13, bx)
	a.NEGQ(bx)
	a.CMOVQGT(bx, dx)
	a.MOVQ(f.of("InH"), r9)
	a.SUBQ(r13, r9)
	a.MOVQ(f.of("KH"), bx)
	a.CMPQ(r9, bx)
	a.CMOVQGT(bx, r9)
	a.SUBQ(dx, r9)
	a.JLE(ref(name + "_sum"))
	a.IMUL3Q(imm(kw*width), dx, bx)
	a.ADDQ(f.of("W"), bx)
	a.IMULQ(f.of("XRow"), dx)
	a.LEAQ(idx(si, dx, 1, 0), r8)
	a.at(name + "_taps")
	for kx, w := range weight {
		a.VMOVUPS(mem(bx, kx*width), w)
	}
	a.MOVQ(r8, dx)
	for pos := range positions {
		skip := fmt.Sprintf("%s_in%d", name, pos)
		skips := false
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
		x := ins[pos%len(ins)]
		switch pos % 4 {
		case 0:
			a.VMOVUPS(mem(dx, 0), x)
		case 1, 2:
			a.VMOVUPS(idx(dx, r10, uint8(pos%4), 0), x)
		case 3:
			a.VMOVUPS(idx(dx, r11, 1, 0), x)
		}
		for kx := range kw {
			if o := pos - kx; o >= 0 && o%stride == 0 && o/stride < t {
				a.VFMADD231PS(weight[kx], x, acc[o/stride])
			}
		}
		if skips {
			a.at(skip)
		}
		if pos%4 == 3 && pos+1 < positions {
			a.LEAQ(idx(dx, r10, 4, 0), dx)
		}
	}
	a.ADDQ(f.of("XRow"), r8)
	a.ADDQ(imm(kw*width), bx)
	a.DECQ(r9)
	a.JNZ(ref(name + "_taps"))
	a.at(name + "_sum")

	a.TESTQ(r15, r15)
	a.JZ(ref(name + "_clip"))
	a.MOVQ(f.of("RPix"), bx)
	a.MOVQ(r15, dx)
	for _, v := range acc {
		a.VADDPS(mem(dx, 0), v, v)
		a.ADDQ(bx, dx)
	}
	a.ADDQ(f.of("RRow"), r15)
	a.at(name + "_clip")
	a.CMPQ(f.of("Act"), imm(actClip))
	a.JNE(ref(name + "_store"))
	lo, hi := i.v[t], i.v[t+1]
	a.VBROADCASTSS(f.of("Lo"), lo)
	a.VBROADCASTSS(f.of("Hi"), hi)
	for _, v := range acc {
		a.VMAXPS(v, lo, v)
		a.VMINPS(v, hi, v)
	}
	a.at(name + "_store")
	a.MOVQ(f.of("YPix"), bx)
	a.MOVQ(di, dx)
	if i == avx512 {
		for _, v := range acc {
			a.VMOVUPS(v, kLow, mem(dx, 0))
			a.ADDQ(bx, dx)
		}
	} else {
		part, stored := name+"_part", name+"_stored"
		a.MOVQ(f.of("Blocks"), r8)
		a.DECQ(r8)
		a.JNZ(ref(name + "_full"))
		a.CMPQ(f.of("Mask"), imm(0))
		a.JNE(ref(part))
		a.at(name + "_full")
		for _, v := range acc {
			a.VMOVUPS(v, mem(dx, 0))
			a.ADDQ(bx, dx)
		}
		a.JMP(ref(stored))
		a.at(part)
		a.VMOVUPS(f.of("Lanes"), lo)
		for _, v := range acc {
			a.VMASKMOVPS(v, lo, mem(dx, 0))
			a.ADDQ(bx, dx)
		}
		a.at(stored)
	}
	a.ADDQ(f.of("YRow"), di)
	a.ADDQ(f.of("RowStep"), si)
	a.ADDQ(f.of("StrideH"), r13)
	a.DECQ(f.of("Left"))
	a.JNZ(ref(name))
	a.JMP(ref("rows"))
}

// windowActivate applies the activations that need scratch registers to the rows that a
// block has just stored.
func (a *asm) windowActivate(i *isa) {
	f := dwTile
	a.MOVQ(f.of("Act"), dx)
	a.CMPQ(dx, imm(actClip))
	a.JLE(ref("activated"))
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("Rows"), r9)
	a.MOVQ(f.of("Consts"), si)
	a.MOVQ(f.of("YPix"), bx)
	if i == avx2 { // a mask of all lanes, or the last block's
		full := a.label("mask")
		a.VPCMPEQD(i.v[15], i.v[15], i.v[15])
		a.CMPQ(f.of("Mask"), imm(0))
		a.JE(ref(full))
		a.CMPQ(f.of("Blocks"), imm(1))
		a.JNE(ref(full))
		a.VMOVUPS(f.of("Lanes"), i.v[15])
		a.at(full)
	}
	for kind := actSigmoid; kind < actHardSwish; kind++ {
		a.CMPQ(dx, imm(kind))
		a.JE(ref(fmt.Sprint("act", kind)))
	}
	for kind := actHardSwish; kind >= actSigmoid; kind-- {
		name := fmt.Sprint("act", kind)
		a.at(name)
		rows := func() { a.windowActivateRows(i, kind, name+"_rows") }
		if kind == actSigmoid || kind == actSiLU {
			a.hold(i, si, rows)
		} else {
			rows()
		}
		if kind > actSigmoid {
			a.JMP(ref("activated"))
		}
	}
	a.at("activated")
}

// windowActivateRows is the loop of one activation over rows and pixels.
func (a *asm) windowActivateRows(i *isa, kind int, name string) {
	f := dwTile
	a.at(name)
	a.MOVQ(di, dx)
	a.MOVQ(f.of("T"), r8)
	if i == avx512 && a.held {
		a.windowLogistic(kind, name)
	}
	a.at(name + "_pixel")
	x, t := i.v[0], i.v[1:5]
	if i == avx512 {
		a.VMOVUPS_Z(mem(dx, 0), kLow, x)
		a.activate(i, kind, x, t, si)
		a.VMOVUPS(x, kLow, mem(dx, 0))
	} else {
		a.VMASKMOVPS(mem(dx, 0), i.v[15], x)
		a.activate(i, kind, x, t, si)
		a.VMASKMOVPS(x, i.v[15], mem(dx, 0))
	}
	a.ADDQ(bx, dx)
	a.DECQ(r8)
	a.JNZ(ref(name + "_pixel"))
	a.at(name + "_row")
	a.ADDQ(f.of("YRow"), di)
	a.DECQ(r9)
	a.JNZ(ref(name))
}

// windowLogistic does four pixels of a row at a time, from DX on, and leaves up to three of
// the R8 to what follows.
func (a *asm) windowLogistic(kind int, name string) {
	a.LEAQ(idx(bx, bx, 2, 0), r13)
	a.at(name + "_four")
	a.SUBQ(imm(4), r8)
	a.JL(ref(name + "_few"))
	var v []reg.VecPhysical
	var t [][]reg.VecPhysical
	for k := range 4 {
		v, t = append(v, zmm[4*k]), append(t, zmm[4*k+1:4*k+4])
		a.VMOVUPS_Z(fourth(dx, bx, r13, k), kLow, v[k])
	}
	a.logistic(kind, v, t)
	for k := range v {
		a.VMOVUPS(v[k], kLow, fourth(dx, bx, r13, k))
	}
	a.LEAQ(idx(dx, bx, 4, 0), dx)
	a.JMP(ref(name + "_four"))
	a.at(name + "_few")
	a.ADDQ(imm(4), r8)
	a.JZ(ref(name + "_row"))
}

// dwPixel is one output pixel of any depthwise convolution: the taps that lie inside the
// image, four blocks of channels at a time, then one.
func (a *asm) dwPixel(i *isa) {
	name := "dwPixel" + i.name
	a.function(name, name+" computes what dwPixel says.")
	f := dwPixel
	width := i.bytes()
	a.MOVQ(f.of("X"), si)
	a.MOVQ(f.of("W"), di)
	a.MOVQ(f.of("Y"), r13)
	a.MOVQ(f.of("R"), r15)
	a.MOVQ(f.of("Bias"), r14)
	a.MOVQ(f.of("WBlock"), r10)
	a.LEAQ(idx(r10, r10, 2, 0), r11)
	a.at("next")
	a.MOVQ(f.of("Blocks"), dx)
	a.CMPQ(dx, imm(5)) // the last block, which may have a mask, goes alone
	a.JL(ref("group_1"))
	for _, n := range []int{4, 1} {
		group := fmt.Sprintf("group_%d", n)
		a.at(group)
		acc := i.v[:n]
		for j, v := range acc {
			a.zero(i, v)
			_ = j
		}
		a.TESTQ(r14, r14)
		a.JZ(ref(group + "_sum"))
		for j, v := range acc {
			a.VMOVUPS(mem(r14, j*width), v)
		}
		a.ADDQ(imm(n*width), r14)
		a.at(group + "_sum")
		a.MOVQ(f.of("KH"), r9)
		a.MOVQ(si, r8)
		a.MOVQ(di, bx)
		a.TESTQ(r9, r9)
		a.JZ(ref(group + "_done"))
		a.at(group + "_ky")
		a.MOVQ(r8, dx)
		a.MOVQ(bx, cx)
		a.MOVQ(f.of("KW"), r12)
		a.at(group + "_kx")
		for j, v := range acc {
			w := i.v[n+j]
			switch j {
			case 0:
				a.VMOVUPS(mem(cx, 0), w)
			case 1, 2:
				a.VMOVUPS(idx(cx, r10, uint8(j), 0), w)
			case 3:
				a.VMOVUPS(idx(cx, r11, 1, 0), w)
			}
			a.VFMADD231PS(mem(dx, j*width), w, v)
		}
		a.ADDQ(imm(width), cx)
		a.ADDQ(f.of("XPix"), dx)
		a.DECQ(r12)
		a.JNZ(ref(group + "_kx"))
		a.ADDQ(f.of("XRow"), r8)
		a.ADDQ(f.of("WRow"), bx)
		a.DECQ(r9)
		a.JNZ(ref(group + "_ky"))
		a.at(group + "_done")
		a.TESTQ(r15, r15)
		a.JZ(ref(group + "_act"))
		for j, v := range acc {
			a.VADDPS(mem(r15, j*width), v, v)
		}
		a.ADDQ(imm(n*width), r15)
		a.at(group + "_act")
		a.MOVQ(f.of("Consts"), cx)
		a.activations(i, group, f, acc, i.v[n:n+4], cx)
		if n == 1 {
			a.CMPQ(f.of("Blocks"), imm(1))
			a.JE(ref("last"))
		}
		for j, v := range acc {
			a.VMOVUPS(v, mem(r13, j*width))
		}
		a.ADDQ(imm(n*width), si)
		a.ADDQ(imm(n*width), r13)
		if n == 4 {
			a.LEAQ(idx(di, r10, 4, 0), di)
		} else {
			a.ADDQ(r10, di)
		}
		a.SUBQ(imm(n), f.of("Blocks"))
		a.JMP(ref("next"))
	}
	a.at("last")
	if i == avx512 {
		a.MOVQ(f.of("Mask"), dx)
		a.KMOVW(dx.As32(), kLow)
		a.VMOVUPS(i.v[0], kLow, mem(r13, 0))
	} else {
		a.VMOVUPS(f.of("Lanes"), i.v[1])
		a.VMASKMOVPS(i.v[0], i.v[1], mem(r13, 0))
	}
	a.ret()
}

// activations applies the activation that the struct's field Act names to every register
// of acc.
func (a *asm) activations(i *isa, name string, f fields, acc, t []reg.VecPhysical, consts reg.GPPhysical) {
	done := name + "_activated"
	a.MOVQ(f.of("Act"), dx)
	for kind := actClip; kind <= actHardSwish; kind++ {
		a.CMPQ(dx, imm(kind))
		a.JE(ref(fmt.Sprintf("%s_act%d", name, kind)))
	}
	a.JMP(ref(done))
	for kind := actClip; kind <= actHardSwish; kind++ {
		a.at(fmt.Sprintf("%s_act%d", name, kind))
		if kind == actClip {
			a.VBROADCASTSS(f.of("Lo"), t[0])
			a.VBROADCASTSS(f.of("Hi"), t[1])
		}
		for _, v := range acc {
			if kind == actClip {
				a.VMAXPS(v, t[0], v)
				a.VMINPS(v, t[1], v)
			} else {
				a.activate(i, kind, v, t, consts)
			}
		}
		if kind < actHardSwish {
			a.JMP(ref(done))
		}
	}
	a.at(done)
}

// depthwise is all functions of an instruction set.
func (a *asm) depthwise(i *isa) {
	for _, kw := range []int{1, 3, 5, 7} {
		for stride := 1; stride <= 2; stride++ {
			a.dw(i, kw, stride)
		}
	}
	a.dwPixel(i)
}
