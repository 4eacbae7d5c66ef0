package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// dwOutputs is the most outputs of a row that one tile computes.
const dwOutputs = 14

// depthwise is every function of depthwise convolutions.
func (a *asm) depthwise() {
	for _, kw := range []int{1, 3, 5, 7} {
		for stride := 1; stride <= 2; stride++ {
			a.dw(kw, stride)
		}
	}
	a.dwPixel()
}

// dw is the depthwise convolution with kw columns of taps and a horizontal stride, for one
// column of tiles: blocks of 4 channels outside, rows inside. Inputs outside the image are
// skipped by branches.
func (a *asm) dw(kw, stride int) {
	f := structs.DwTile
	acc, weight, in := func(o int) int { return o }, func(k int) int { return 14 + k }, func(pos int) int { return 21 + pos%4 }
	const bias, lo, hi = 25, 26, 27
	w := dwWindow{kw, stride, dwOutputs}

	a.function(fmt.Sprintf("dwK%dS%dNEON", kw, stride), "computes what dwTile says; Mask is the number of channels of the last block.")
	a.field(f, "XPix", dwPix)
	a.field(f, "XRow", dwRow)
	a.field(f, "Blocks", dwBlocks)
	a.field(f, "YPix", dwYPix)
	a.field(f, "RPix", dwRPix)
	a.field(f, "Bias", dwBias)
	a.dwChoose(f, w, "block")
	a.at("block")
	a.p("MOVD $4, R%d", dwLanes)
	a.cmp(1, dwBlocks)
	a.bc("NE", "whole")
	a.field(f, "Mask", dwLanes)
	a.at("whole")
	a.field(f, "X", dwX)
	a.field(f, "Pos", dwT)
	a.add(dwT, dwX, dwX)
	a.field(f, "Y", dwY)
	a.field(f, "R", dwR)
	a.field(f, "IY", dwIY)
	a.field(f, "Rows", dwRows)

	a.at("outputs")
	a.zero(bias)
	a.cbz(dwBias, "begin")
	a.ldr(bias, dwBias, 0)
	a.at("begin")
	a.dwEach("sums", dwOutputs, func(o int) { a.vmov(bias, acc(o)) })
	// Rows of taps inside the image: from max(0, −iy) to min(KH, InH − iy).
	a.p("NEG R%d, R%d", dwIY, dwT)
	a.p("CMP $0, R%d", dwT)
	a.p("CSEL GT, R%d, ZR, R%d", dwT, dwT)
	a.field(f, "InH", dwTaps)
	a.p("SUB R%d, R%d, R%d", dwIY, dwTaps, dwTaps)
	a.field(f, "KH", dwT2)
	a.p("CMP R%d, R%d", dwT2, dwTaps)
	a.p("CSEL GT, R%d, R%d, R%d", dwT2, dwTaps, dwTaps)
	a.p("SUBS R%d, R%d, R%d", dwT, dwTaps, dwTaps)
	a.bc("LE", "summed")
	a.muli(kw*16, dwT, dwW, dwT2)
	a.field(f, "W", dwT2)
	a.add(dwT2, dwW, dwW)
	a.mul(dwRow, dwT, dwT)
	a.add(dwT, dwX, dwTapRow)
	a.at("taps")
	for k := range kw {
		a.ldrPost(weight(k), dwW, 16)
	}
	a.mov(dwTapRow, dwIn)
	a.dwInputs(w, func(pos int, edges func(skip string), multiply func(func(k, o int))) {
		fma := func() { multiply(func(k, o int) { a.fmla(weight(k), in(pos), acc(o)) }) }
		if edges == nil {
			a.ld1Post(in(pos), dwIn, dwPix)
			fma()
			return
		}
		skip := a.fresh("outside")
		edges(skip)
		a.ldr(in(pos), dwIn, 0)
		fma()
		a.at(skip)
		a.add(dwPix, dwIn, dwIn)
	})
	a.add(dwRow, dwTapRow, dwTapRow)
	a.subs(1, dwTaps)
	a.bc("NE", "taps")
	a.at("summed")

	a.cbz(dwR, "clip")
	a.mov(dwR, dwIn)
	a.dwEach("residuals", dwOutputs, func(o int) {
		a.ld1Post(in(o), dwIn, dwRPix)
		a.fadd(in(o), acc(o), acc(o))
	})
	a.field(f, "RRow", dwT)
	a.add(dwT, dwR, dwR)
	a.at("clip")
	a.field(f, "Act", dwT)
	a.cbz(dwT, "store")
	a.scalar(f, "Lo", lo, dwT)
	a.scalar(f, "Hi", hi, dwT)
	a.dwEach("clips", dwOutputs, func(o int) {
		a.fmax(acc(o), lo, acc(o))
		a.fmin(acc(o), hi, acc(o))
	})
	a.at("store")
	a.mov(dwY, dwIn)
	a.bit(2, dwLanes, "part")
	a.dwEach("stores", dwOutputs, func(o int) {
		a.str(acc(o), dwIn, 0)
		a.add(dwYPix, dwIn, dwIn)
	})
	a.b("next")
	a.at("part")
	a.dwEach("parts", dwOutputs, func(o int) {
		one, done := a.fresh("one"), a.fresh("stored")
		a.mov(dwIn, dwT)
		a.bit(1, dwLanes, one)
		a.strd(acc(o), dwT, 0)
		a.addi(8, dwT)
		a.ext(acc(o), acc(o), acc(o), 8)
		a.at(one)
		a.bit(0, dwLanes, done)
		a.strs(acc(o), dwT, 0)
		a.at(done)
		a.add(dwYPix, dwIn, dwIn)
	})
	a.at("next")
	a.field(f, "YRow", dwT)
	a.add(dwT, dwY, dwY)
	a.field(f, "RowStep", dwT)
	a.add(dwT, dwX, dwX)
	a.field(f, "StrideH", dwT)
	a.add(dwT, dwIY, dwIY)
	a.subs(1, dwRows)
	a.bc("NE", "outputs")

	for _, field := range []string{"X", "Y"} {
		a.field(f, field, dwT)
		a.addi(16, dwT)
		a.store(dwT, f.At(field), 0)
	}
	a.field(f, "W", dwT)
	a.field(f, "WBlock", dwT2)
	a.add(dwT2, dwT, dwT)
	a.store(dwT, f.At("W"), 0)
	a.cbz(dwBias, "nobias")
	a.addi(16, dwBias)
	a.at("nobias")
	a.field(f, "R", dwT)
	a.cbz(dwT, "nor")
	a.addi(16, dwT)
	a.store(dwT, f.At("R"), 0)
	a.at("nor")
	a.subs(1, dwBlocks)
	a.bc("NE", "block")
	a.ret()
}

// dwPixel is one output of any depthwise convolution: the taps that lie inside the image,
// four blocks of channels at a time, then one.
func (a *asm) dwPixel() {
	f := structs.DwPixel
	const x, w, y, r, bias, wblock, blocks, ky, kx, row, wrow, in, wt, t, lanes = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	const xpix, t2 = 19, 20
	a.function("dwPixelNEON", "computes what dwPixel says; Mask is the number of channels of the last block.")
	a.field(f, "X", x)
	a.field(f, "W", w)
	a.field(f, "Y", y)
	a.field(f, "R", r)
	a.field(f, "Bias", bias)
	a.field(f, "WBlock", wblock)
	a.field(f, "Blocks", blocks)
	a.field(f, "XPix", xpix)
	a.at("next")
	a.cbz(blocks, "done")
	a.cmp(4, blocks)
	a.bc("LT", "group_1")
	for _, n := range []int{4, 1} {
		name := fmt.Sprintf("group_%d", n)
		a.at(name)
		for j := range n {
			a.zero(j)
		}
		a.cbz(bias, name+"_sum")
		for j := range n {
			a.ldrPost(j, bias, 16)
		}
		a.at(name + "_sum")
		a.field(f, "KH", ky)
		a.mov(x, row)
		a.mov(w, wrow)
		a.cbz(ky, name+"_summed")
		a.at(name + "_ky")
		a.mov(row, in)
		a.mov(wrow, wt)
		a.field(f, "KW", kx)
		a.at(name + "_kx")
		a.mov(wt, t)
		for j := range n {
			a.ldr(8+j, in, 16*j)
			a.ld1Post(16+j, t, wblock)
			a.fmla(8+j, 16+j, j)
		}
		a.addi(16, wt)
		a.add(xpix, in, in)
		a.subs(1, kx)
		a.bc("NE", name+"_kx")
		a.field(f, "XRow", t)
		a.add(t, row, row)
		a.field(f, "WRow", t)
		a.add(t, wrow, wrow)
		a.subs(1, ky)
		a.bc("NE", name+"_ky")
		a.at(name + "_summed")
		a.cbz(r, name+"_clip")
		for j := range n {
			a.ldrPost(8+j, r, 16)
			a.fadd(8+j, j, j)
		}
		a.at(name + "_clip")
		a.field(f, "Act", t)
		a.cbz(t, name+"_store")
		a.scalar(f, "Lo", 30, t)
		a.scalar(f, "Hi", 31, t)
		for j := range n {
			a.fmax(j, 30, j)
			a.fmin(j, 31, j)
		}
		a.at(name + "_store")
		a.p("MOVD $4, R%d", lanes)
		a.cmp(n, blocks)
		a.bc("NE", name+"_whole")
		a.field(f, "Mask", lanes)
		a.at(name + "_whole")
		for j := range n - 1 {
			a.str(j, y, 16*j)
		}
		a.lea(16*(n-1), y, t)
		a.storePart(n-1, t, lanes, t2)
		a.addi(16*n, y)
		a.addi(16*n, x)
		a.muli(n, wblock, t, t2)
		a.add(t, w, w)
		a.p("SUB $%d, R%d", n, blocks)
		a.b("next")
	}
	a.at("done")
	a.ret()
}
