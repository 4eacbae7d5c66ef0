package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// dwU8Outputs is the most outputs of a row that one tile computes.
const dwU8Outputs = 8

// dwU8 is the depthwise convolution of bytes with kw columns of taps and a horizontal
// stride, for one column of tiles and one block of 8 channels. Inputs become 16-bit numbers,
// which the weights are packed as; a multiplication takes one tap of four channels.
func (a *asm) dwU8(kw, stride int) {
	f := structs.DwU8Tile
	a.function(fmt.Sprintf("dwU8K%dS%dNEON", kw, stride), "computes what dwU8Tile says; Mask is the number of channels.")
	a.field(f, "XPix", dwPix)
	a.field(f, "First", dwFirst)
	a.field(f, "End", dwEnd)
	a.field(f, "Mask", dwLanes)
	a.field(f, "X", dwX)
	a.field(f, "Pos", dwT)
	a.add(dwT, dwX, dwX)
	a.field(f, "Y", dwY)
	a.field(f, "P", dwBias)
	a.field(f, "IY", dwIY)
	a.field(f, "YPix", dwYPix)
	a.field(f, "Rows", dwRows)
	a.scalar(f, "Outside", 31, dwT)
	a.field(f, "T", dwT)
	a.choose("tile", dwT, 1, dwU8Outputs)
	for t := 1; t <= dwU8Outputs; t++ {
		a.dwU8Tile(kw, stride, t)
	}
}

func (a *asm) dwU8Tile(kw, stride, t int) {
	f := structs.DwU8Tile
	name := fmt.Sprintf("tile_%d", t)
	acc := func(o, v int) int { return 2*o + v }
	weight := func(k int) int { return 16 + k }
	in := func(pos int) int { return 24 + pos%4 }
	positions := (t-1)*stride + kw
	multiply := func(x, k, o int) {
		a.smlal(weight(k), x, acc(o, 0))
		a.smlal2(weight(k), x, acc(o, 1))
	}

	a.at(name)
	for v := range 2 {
		a.ldr(acc(0, v), dwBias, 16*v)
		for o := 1; o < t; o++ {
			a.vmov(acc(0, v), acc(o, v))
		}
	}
	a.field(f, "W", dwW)
	a.field(f, "KH", dwTaps)
	a.mov(dwX, dwTapRow)
	a.mov(dwIY, dwRow)
	a.at(name + "_taps")
	for k := range kw {
		a.ldrPost(weight(k), dwW, 16)
	}
	a.field(f, "InH", dwT)
	a.p("CMP R%d, R%d", dwT, dwRow)
	a.bc("HS", name+"_above")
	a.mov(dwTapRow, dwIn)
	for pos := range positions {
		x := in(pos)
		skip, edge := fmt.Sprintf("%s_in%d", name, pos), pos < kw-1 || pos > positions-kw
		if edge {
			a.vmov(31, x)
		}
		if pos < kw-1 {
			a.cmp(pos, dwFirst)
			a.bc("GT", skip)
		}
		if pos > positions-kw {
			a.cmp(pos, dwEnd)
			a.bc("LE", skip)
		}
		if edge {
			a.ldrd(x, dwIn, 0)
		} else {
			a.ld1bPost(x, dwIn, dwPix)
		}
		a.uxtl(x, x)
		if edge {
			a.at(skip)
			if pos+1 < positions {
				a.add(dwPix, dwIn, dwIn)
			}
		}
		for k := range kw {
			if o := pos - k; o >= 0 && o%stride == 0 && o/stride < t {
				multiply(x, k, o/stride)
			}
		}
	}
	a.b(name + "_row")
	a.at(name + "_above")
	for k := range kw {
		for o := range t {
			multiply(31, k, o)
		}
	}
	a.at(name + "_row")
	a.field(f, "TapRow", dwT)
	a.add(dwT, dwTapRow, dwTapRow)
	a.field(f, "DilH", dwT)
	a.add(dwT, dwRow, dwRow)
	a.subs(1, dwTaps)
	a.bc("NE", name+"_taps")

	var rows [][2]int
	for o := range t {
		rows = append(rows, [2]int{acc(o, 0), acc(o, 1)})
	}
	a.mov(dwY, dwIn)
	a.mov(dwLanes, dwBlocks) // finish uses that register
	a.finish(f, name, rows, 16, dwBias, func(o int) {
		a.storeBytes(rows[o][0], dwIn, dwBlocks, dwT)
		if o+1 < t {
			a.add(dwYPix, dwIn, dwIn)
		}
	})
	a.mov(dwBlocks, dwLanes)
	a.field(f, "YRow", dwT)
	a.add(dwT, dwY, dwY)
	a.field(f, "RowStep", dwT)
	a.add(dwT, dwX, dwX)
	a.field(f, "StrideH", dwT)
	a.add(dwT, dwIY, dwIY)
	a.subs(1, dwRows)
	a.bc("NE", name)
	a.ret()
}
