package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// dwU8Outputs is the most outputs of a row that one tile computes.
const dwU8Outputs = 8

// dwU8Kind is what the instruction sets differ in. Registers 0 to 15 are the sums, two for
// each output of 8 channels; 24 and 25 take the bias of a tile; 31 is an input outside of the
// image.
type dwU8Kind struct {
	name    string
	prepare func()                       // once for a call
	bias    func()                       // to 24 and 25
	weights func()                       // of a row of taps, from dwW on, which moves on
	input   func(pos int) int            // the register of an input's 8 bytes, loaded at their place
	widen   func(x int)                  // what it needs where it is inside the image
	taps    func(pos int, each [][2]int) // multiplies an input by taps of outputs: k, o
	above   func(o int)                  // multiplies a row of inputs outside by all taps
}

func dwU8Sum(o, v int) int { return 2*o + v }

// dwU8 is the depthwise convolution of bytes with kw columns of taps and a horizontal
// stride, for one column of tiles and one block of 8 channels.
func (a *asm) dwU8(kw, stride int, kind dwU8Kind) {
	f := structs.DwU8Tile
	const bias, outside, lanes = 24, 31, dwBlocks
	w := dwWindow{kw, stride, dwU8Outputs}

	a.function(kind.name, "computes what dwU8Tile says; Mask is the number of channels.")
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
	kind.prepare()
	a.dwChoose(f, w, "outputs")

	a.at("outputs")
	kind.bias()
	a.dwEach("sums", dwU8Outputs, func(o int) {
		a.vmov(bias, dwU8Sum(o, 0))
		a.vmov(bias+1, dwU8Sum(o, 1))
	})
	a.field(f, "W", dwW)
	a.field(f, "KH", dwTaps)
	a.mov(dwX, dwTapRow)
	a.mov(dwIY, dwRow)
	a.at("taps")
	kind.weights()
	a.field(f, "InH", dwT)
	a.p("CMP R%d, R%d", dwT, dwRow)
	a.bc("HS", "above")
	a.mov(dwTapRow, dwIn)
	a.dwInputs(w, func(pos int, edges func(skip string), multiply func(func(k, o int))) {
		x := kind.input(pos)
		if edges == nil {
			a.ld1bPost(x, dwIn, dwPix)
			kind.widen(x)
		} else {
			skip := a.fresh("outside")
			a.vmov(outside, x)
			edges(skip)
			a.ldrd(x, dwIn, 0)
			kind.widen(x)
			a.at(skip)
			a.add(dwPix, dwIn, dwIn)
		}
		var each [][2]int
		multiply(func(k, o int) { each = append(each, [2]int{k, o}) })
		kind.taps(pos, each)
	})
	a.b("next_taps")
	a.at("above")
	a.dwEach("aboves", dwU8Outputs, kind.above)
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
		a.strd(rows[o][0], dwIn, 0)
		a.add(dwYPix, dwIn, dwIn)
	})
	a.b("next")
	a.at("part")
	a.dwEach("parts", dwU8Outputs, func(o int) {
		a.narrow(rows[o])
		a.mov(dwIn, dwT)
		a.storeBits(rows[o][0], dwT, lanes)
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

// dwU8Long multiplies numbers of 16 bits, which the weights are packed as and inputs become:
// one tap of four channels at a time.
func (a *asm) dwU8Long(kw, stride int) {
	weight := func(k int) int { return 16 + k }
	multiply := func(x, k, o int) {
		a.smlal(weight(k), x, dwU8Sum(o, 0))
		a.smlal2(weight(k), x, dwU8Sum(o, 1))
	}
	a.dwU8(kw, stride, dwU8Kind{
		name:    fmt.Sprintf("dwU8K%dS%dNEON", kw, stride),
		prepare: func() {},
		bias: func() {
			a.ldr(24, dwBias, 0)
			a.ldr(25, dwBias, 16)
		},
		weights: func() {
			for k := range kw {
				a.ldrPost(weight(k), dwW, 16)
			}
		},
		input: func(pos int) int { return 24 + pos%4 },
		widen: func(x int) { a.uxtl(x, x) },
		taps: func(pos int, each [][2]int) {
			for _, t := range each {
				multiply(24+pos%4, t[0], t[1])
			}
		},
		above: func(o int) {
			for k := range kw {
				multiply(31, k, o)
			}
		},
	})
}

// dwU8Dot multiplies by dot products of four neighbouring inputs of a channel, as which the
// weights are packed (dwPlace in kernel's dw_u8.go). A register of pairs, of an input and the
// one before, comes from each input; two of pairs make those four. Bytes are lowered by
// 128, which the bias makes good as in gemmU8Dot: for every tap, since one outside of the
// image is lowered too.
func (a *asm) dwU8Dot(kw, stride, planes int) {
	f := structs.DwU8Tile
	chunks := (kw + 3) / 4
	weight := func(c, p, v int) int { return 16 + 2*(c*planes+p) + v }
	x, pair := func(pos int) int { return 24 + pos&1 }, func(pos int) int { return 26 + (pos+3)%3 }
	const first, lower, outside = 29, 30, 31
	last := func(c int) int { return min(4*c+3, kw-1) } // tap of a chunk
	ends := func(pos int) bool {
		for c := range chunks {
			if (pos-last(c)+8*stride)%stride == 0 {
				return true
			}
		}
		return false
	}
	multiply := func(lo, hi, c, o int) {
		for p := range planes {
			a.sdot(weight(c, p, 0), lo, dwU8Sum(o, 0))
			a.sdot(weight(c, p, 1), hi, dwU8Sum(o, 1))
		}
	}
	a.dwU8(kw, stride, dwU8Kind{
		name: fmt.Sprintf("dwU8K%dS%dP%dDot", kw, stride, planes),
		prepare: func() {
			const ones, sum, w = 28, 24, 26
			a.p("MOVD $0x80808080, R%d", dwT)
			a.dupw(dwT, lower)
			a.p("MOVD $0x01010101, R%d", dwT)
			a.dupw(dwT, ones)
			a.zero(sum)
			a.zero(sum + 1)
			a.field(f, "W", dwW)
			a.field(f, "KH", dwTaps)
			a.at("sum")
			for range chunks * planes {
				a.ldpPost(w, w+1, dwW)
				a.sdot(w, ones, sum)
				a.sdot(w+1, ones, sum+1)
			}
			a.subs(1, dwTaps)
			a.bc("NE", "sum")
			for v := range 2 {
				a.shl4(sum+v, 7, sum+v)
				a.ldr(w, dwBias, 16*v)
				a.add4(w, sum+v, sum+v)
				a.str(sum+v, 0, f.At("Bias")+16*v)
			}
		},
		bias: func() {
			a.ldr(24, 0, f.At("Bias"))
			a.ldr(25, 0, f.At("Bias")+16)
		},
		weights: func() {
			for c := range chunks {
				for p := range planes {
					a.ldpPost(weight(c, p, 0), weight(c, p, 1), dwW)
				}
			}
		},
		input: x,
		widen: func(x int) { a.eor(lower, x, x) },
		taps: func(pos int, each [][2]int) {
			if ends(pos) || ends(pos+2) {
				a.zip1b(x(pos-1), x(pos), pair(pos))
			}
			four := false
			for _, t := range each {
				for c := range chunks {
					if t[0] != last(c) {
						continue
					}
					if !four {
						// The input before is in a pair already: its register is free.
						a.zip1h(pair(pos-2), pair(pos), first)
						a.zip2h(pair(pos-2), pair(pos), x(pos-1))
						four = true
					}
					multiply(first, x(pos-1), c, t[1])
				}
			}
		},
		above: func(o int) {
			for c := range chunks {
				multiply(outside, outside, c, o)
			}
		},
	})
}
