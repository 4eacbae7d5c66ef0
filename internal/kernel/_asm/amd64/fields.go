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
var gemmTile = layout("A", "W", "C", "R", "Bias", "Segs", "NSegs", "LDA", "LDC", "LDR", "Rows", "Blocks", "Mask", "Wide", "Act", "Lo", "Hi", "Next", "Consts", "AllRows", "Lanes", "_1", "_2", "_3")
