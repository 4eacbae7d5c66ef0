package main

import (
	"bytes"
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// What depthwise convolutions of all types have in common: tiles of 1 to so many outputs of
// a row, written once. A tile of t outputs is the last t of the widest one: it has the last
// sums, enters what is done for every output past the first ones, and enters a row of taps
// where its own first inputs are behind it.

// The general registers of depthwise convolutions.
const (
	dwX = 1 + iota
	dwY
	dwR
	dwPix
	dwFirst
	dwEnd
	dwIY
	dwTapRow
	dwTaps
	dwW
	dwIn
	dwRow
	dwBlocks
	dwRows
	dwT
)

const (
	dwT2 = 19 + iota
	dwLanes
	dwYPix
	dwRPix
	dwBias
	dwSkip  // outputs of the widest tile that this one has not
	dwEnter // where it enters a row of taps
)

// dwWindow is a row of kw taps with a horizontal stride, for tiles of up to outputs outputs.
// Inputs are counted from the first one of the widest tile.
type dwWindow struct{ kw, stride, outputs int }

// start is the first input of a tile of t outputs.
func (w dwWindow) start(t int) int { return (w.outputs - t) * w.stride }

// shared reports whether a tile of t outputs has read its first kw−1 inputs, which it may
// have to skip at the image's left edge, when the last kw−1 begin, which it may have to skip
// at the right one.
func (w dwWindow) shared(t int) bool { return (t-1)*w.stride >= w.kw-2 }

// dwChoose sets dwSkip and dwEnter for the tile and counts dwFirst and dwEnd as dwWindow
// does; it goes on at a label.
func (a *asm) dwChoose(f structs.Fields, w dwWindow, next string) {
	a.field(f, "T", dwT)
	a.p("MOVD $%d, R%d", w.outputs, dwSkip)
	a.p("SUB R%d, R%d, R%d", dwT, dwSkip, dwSkip)
	for _, p := range []struct {
		name string
		r    int
	}{{"First", dwFirst}, {"End", dwEnd}} {
		a.field(f, p.name, p.r)
		a.p("ADD R%d<<%d, R%d, R%d", dwSkip, w.stride-1, p.r, p.r)
	}
	a.choose("tile", dwT, 1, w.outputs)
	for t := 1; t <= w.outputs; t++ {
		a.at(fmt.Sprintf("tile_%d", t))
		a.address(w.entry(t), dwEnter)
		a.b(next)
	}
}

// entry is the label where a tile of t outputs enters a row of taps.
func (w dwWindow) entry(t int) string {
	if w.kw == 1 {
		return fmt.Sprintf("in_%d", w.start(t))
	}
	return fmt.Sprintf("first_%d", t)
}

// dwEach has do write the same number of instructions for every output, and enters them
// past the first dwSkip outputs. It uses dwT and dwT2.
func (a *asm) dwEach(label string, outputs int, do func(o int)) {
	before := a.body
	a.body = bytes.Buffer{}
	n := 0
	for o := range outputs {
		from := a.count
		do(o)
		if o > 0 && a.count-from != n {
			panic(fmt.Sprintf("%s: %d instructions for output %d, %d for the one before", label, a.count-from, o, n))
		}
		n = a.count - from
	}
	steps := a.body
	a.body = before
	a.address(label, dwT)
	a.p("MOVD $%d, R%d", 4*n, dwT2)
	a.p("MADD R%d, R%d, R%d, R%d", dwT2, dwT, dwSkip, dwT)
	a.jump(dwT)
	a.at(label)
	a.body.Write(steps.Bytes())
}

// dwInputs writes one row of taps, entered at dwEnter: every input of the tile, once, meets the
// taps that see it. Input reads it from dwIn, moves dwIn on and has multiply call it back
// for tap k of output o. Edges, for inputs that may lie outside of the image and nil for
// others, writes the branches that skip one.
func (a *asm) dwInputs(w dwWindow, input func(pos int, edges func(skip string), multiply func(func(k, o int)))) {
	a.jump(dwEnter)
	last := w.start(1)
	one := func(t, pos int) {
		left, right := pos < w.start(t)+w.kw-1, pos > last
		edges := func(skip string) {
			if left {
				a.cmp(pos, dwFirst)
				a.bc("GT", skip)
			}
			if right {
				a.cmp(pos, dwEnd)
				a.bc("LE", skip)
			}
		}
		if !left && !right {
			edges = nil
		}
		input(pos, edges, func(fma func(k, o int)) {
			for k := range w.kw {
				if from := pos - k; from >= w.start(t) && from <= last && from%w.stride == 0 {
					fma(k, from/w.stride)
				}
			}
		})
	}
	for t := 1; t <= w.outputs && w.kw > 1; t++ {
		a.at(w.entry(t))
		if !w.shared(t) {
			for pos := w.start(t); pos < last+w.kw; pos++ {
				one(t, pos)
			}
			a.b("row_end")
			continue
		}
		for pos := w.start(t); pos < w.start(t)+w.kw-1; pos++ {
			one(t, pos)
		}
		if t < w.outputs { // the widest tile falls through
			a.b(fmt.Sprintf("in_%d", w.start(t)+w.kw-1))
		}
	}
	for pos := w.kw - 1; pos < last+w.kw; pos++ {
		a.at(fmt.Sprintf("in_%d", pos))
		one(w.outputs, pos)
	}
	a.at("row_end")
}
