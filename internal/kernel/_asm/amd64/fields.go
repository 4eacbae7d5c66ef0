package main

import "github.com/mmcloughlin/avo/operand"

// fields gives the offset of every 8-byte field of an argument struct, in order.
type fields map[string]int

func layout(names ...string) fields {
	f := fields{}
	for i, n := range names {
		f[n] = 8 * i
	}
	return f
}

// of is the operand of a field of the struct that AX points to.
func (f fields) of(name string) operand.Mem {
	off, ok := f[name]
	if !ok {
		panic("no field " + name)
	}
	return mem(ax, off)
}

// gemmTile is kernel.gemmTile.
var gemmTile = layout("A", "W", "C", "R", "Bias", "Segs", "NSegs", "LDA", "LDC", "LDR", "Rows", "Blocks", "Mask", "Wide", "Act", "Lo", "Hi", "Next", "NextEnd", "Consts", "AllRows", "Half", "Lanes", "_1", "_2", "_3")

// dwTile is kernel.dwTile.
var dwTile = layout("X", "Pos", "Y", "R", "W", "Bias", "XPix", "XRow", "YPix", "YRow", "RPix", "RRow", "RowStep", "IY", "StrideH", "InH", "KH", "Rows", "Blocks", "T", "First", "End", "Mask", "Act", "Lo", "Hi", "Consts", "WBlock", "Left", "Ahead", "Lanes", "_1", "_2", "_3")

// dwPixel is kernel.dwPixel.
var dwPixel = layout("X", "W", "Y", "R", "Bias", "KH", "KW", "XRow", "XPix", "WRow", "WBlock", "Blocks", "Mask", "Act", "Lo", "Hi", "Consts", "Lanes", "_1", "_2", "_3")

// rowsCall is kernel.unaryCall and kernel.binaryCall: rows of whole registers and a tail.
var (
	unaryCall       = layout("X", "Y", "Scale", "Shift", "M", "N", "LDX", "LDY", "Mask", "Act", "Lo", "Hi", "Consts", "Lanes", "_1", "_2", "_3")
	binaryCall      = layout("A", "B", "Y", "SA", "SB", "Fn", "M", "N", "LDA", "LDB", "LDY", "Mask", "Act", "Lo", "Hi", "Consts", "Lanes", "_1", "_2", "_3")
	poolPixel       = layout("X", "Y", "KH", "KW", "XRow", "XPix", "N", "Mask", "Mean", "Scale", "NegInf", "Pixels", "XStep", "YStep", "Lanes", "_1", "_2", "_3")
	gemvCall        = layout("A", "W", "C", "R", "Bias", "Segs", "NSegs", "Panel", "Panels", "Mask", "Act", "Lo", "Hi", "Consts", "Lanes", "_1", "_2", "_3")
	winogradPatches = layout("X", "Y", "XRow", "XPix", "YPos", "YTile", "Tiles", "Blocks")
	winogradSums    = layout("X", "Y", "Bias", "R", "XPos", "XTile", "YRow", "YPix", "RRow", "RPix", "Tiles", "Rows", "Cols", "Blocks", "Mask", "Lo", "Hi", "Lanes", "_1", "_2", "_3")
	scatterCall     = layout("X", "Y", "XRow", "YRow", "M", "N", "Last", "Step", "Tables")
)
