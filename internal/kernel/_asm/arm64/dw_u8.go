package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// dwU8Outputs is the most outputs of a row that one tile computes.
const dwU8Outputs = 8

// dwU8 is the depthwise convolution of bytes with kw columns of taps and a horizontal
// stride, for one column of tiles and one block of 8 channels. Inputs become 16-bit numbers,
// which the weights are packed as; a multiplication takes one tap of four channels. Inputs
// outside the image are the register outside.
func (a *asm) dwU8(kw, stride int) {
	f := structs.DwU8Tile
	acc, weight, in := func(o, v int) int { return 2*o + v }, func(k int) int { return 16 + k }, func(pos int) int { return 24 + pos%4 }
	const bias, outside, lanes = 29, 31, dwBlocks
	w := dwWindow{kw, stride, dwU8Outputs}
	multiply := func(x, k, o int) {
		a.smlal(weight(k), x, acc(o, 0))
		a.smlal2(weight(k), x, acc(o, 1))
	}

	a.function(fmt.Sprintf("dwU8K%dS%dNEON", kw, stride), "computes what dwU8Tile says; Mask is the number of channels.")
	a.field(f, "XPix", dwPix)
	a.field(f, "Mask", lanes)
	a.field(f, "X", dwX)
	a.field(f, "Pos", dwT)
	a.add(dwT, dwX, dwX)
	a.field(f, "Y", dwY)
	a.field(f, "P", dwBias)
	a.field(f, "IY", dwIY)
	a.field(f, "YPix", dwYPix)
	a.field(f, "Rows", dwRows)
	a.scalar(f, "Outside", outside, dwT)
	a.dwChoose(f, w, "outputs")

	a.at("outputs")
	a.ldr(bias, dwBias, 0)
	a.ldr(bias+1, dwBias, 16)
	a.dwEach("sums", dwU8Outputs, func(o int) {
		a.vmov(bias, acc(o, 0))
		a.vmov(bias+1, acc(o, 1))
	})
	a.field(f, "W", dwW)
	a.field(f, "KH", dwTaps)
	a.mov(dwX, dwTapRow)
	a.mov(dwIY, dwRow)
	a.at("taps")
	for k := range kw {
		a.ldrPost(weight(k), dwW, 16)
	}
	a.field(f, "InH", dwT)
	a.p("CMP R%d, R%d", dwT, dwRow)
	a.bc("HS", "above")
	a.mov(dwTapRow, dwIn)
	a.dwInputs(w, func(pos int, edges func(skip string), each func(func(k, o int))) {
		x := in(pos)
		if edges == nil {
			a.ld1bPost(x, dwIn, dwPix)
			a.uxtl(x, x)
		} else {
			skip := a.fresh("outside")
			a.vmov(outside, x)
			edges(skip)
			a.ldrd(x, dwIn, 0)
			a.uxtl(x, x)
			a.at(skip)
			a.add(dwPix, dwIn, dwIn)
		}
		each(func(k, o int) { multiply(x, k, o) })
	})
	a.b("next_taps")
	a.at("above")
	a.dwEach("aboves", dwU8Outputs, func(o int) {
		for k := range kw {
			multiply(outside, k, o)
		}
	})
	a.at("next_taps")
	a.field(f, "TapRow", dwT)
	a.add(dwT, dwTapRow, dwTapRow)
	a.field(f, "DilH", dwT)
	a.add(dwT, dwRow, dwRow)
	a.subs(1, dwTaps)
	a.bc("NE", "taps")

	rows := pairs(dwU8Outputs, 0)
	a.finish(f, "sum", rows, 16, dwBias, func(label string, do func(r int)) { a.dwEach(label, dwU8Outputs, do) })
	a.mov(dwY, dwIn)
	a.cmp(8, lanes)
	a.bc("LT", "part")
	a.dwEach("stores", dwU8Outputs, func(o int) {
		a.narrow(rows[o])
		a.strd(acc(o, 0), dwIn, 0)
		a.add(dwYPix, dwIn, dwIn)
	})
	a.b("next")
	a.at("part")
	a.dwEach("parts", dwU8Outputs, func(o int) {
		a.narrow(rows[o])
		a.mov(dwIn, dwT)
		a.storeBits(acc(o, 0), dwT, lanes)
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
	a.ret()
}
