package engine

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
)

// winogradChannels is how many channels, read and written, make the products outweigh the
// transforms. Tests lower it.
var winogradChannels = 32

// winogradTiles is how many tiles of an image make a pass over weights of 16/9 the size
// worth it. Tests lower it.
var winogradTiles = 28

const (
	// winogradPatches and winogradSums are the most elements of transformed patches and of
	// sums that a thread works on, as far as one row of tiles allows it: together with a
	// panel of weights they stay in a level-2 cache of 1 MiB.
	winogradPatches = 96 << 10
	winogradSums    = 48 << 10
	// winogradBand bounds what one row of tiles may take.
	winogradBand = 4 << 20
)

// winograd lowers a dense 3×3 convolution of stride 1, and reports whether it is one that
// this suits: many channels, weights known before the run, an activation that can follow
// the transform. A window that reaches NaN or infinity gives NaN there, where the definition
// might give infinity.
func (l *lowering) winograd(op graph.Conv, win kernel.Window, x, bias, r view) (bool, error) {
	n := l.node
	in, ws := l.shape(n.In[0]), l.shape(n.In[1])
	act := kernelAct(op.Act)
	if win.KH != 3 || win.KW != 3 || win.StrideH != 1 || win.StrideW != 1 || win.DilH != 1 || win.DilW != 1 || op.Groups != 1 ||
		x.planar || act.Kind > kernel.ActClip || min(ws[0], ws[1]) < winogradChannels || !l.bound(n.In[1]) {
		return false, nil
	}
	patches := kernel.Pick(kernel.WinogradInF32, l.kernels)
	sums := kernel.Pick(kernel.WinogradOutF32, l.kernels)
	v := kernel.Pick(kernel.GemmF32, l.kernels)
	c, o := ws[1], ws[0]
	w := &winogradWork{
		in: patches.Fn, gemm: v.Fn, out: sums.Fn, x: x.ref, r: r.ref, hasR: op.Residual, bias: bias.ref, hasBias: op.Bias,
		k: c, n: o, cols: v.Cols, images: in[0], outH: win.OutH, outW: win.OutW, padTop: win.PadTop, act: act, ldr: r.pix,
		tileK: (c + patches.Cols - 1) / patches.Cols * patches.Cols,
	}
	tiles := w.tiles()
	if int64(tiles)*16*int64(w.tileK) > winogradBand || tiles*((win.OutH+1)/2) < winogradTiles {
		return false, nil
	}
	tileRows := (win.OutH + 1) / 2
	macs := int64(in[0]) * int64(win.OutH) * int64(win.OutW) * 9 * int64(c) * int64(o)
	pieces := l.pieces(macs, v.Rate)
	per := (pieces + in[0] - 1) / in[0]
	w.rows = block(tileRows, max(per, (16*tiles*tileRows*w.tileK+winogradPatches-1)/winogradPatches), 1)
	// Bands of many rows of the product keep weights in cache; so where there are few rows
	// of tiles, threads share the outputs.
	if v.Rows*2 > w.rows*tiles {
		w.rows = min(tileRows, (2*v.Rows+tiles-1)/tiles, max(1, winogradPatches/(16*tiles*w.tileK)))
	}
	w.part = block(o, (per+w.bands()-1)/w.bands(), v.Cols)
	w.nb = max(v.Cols, min(w.part, winogradSums/(16*w.rows*tiles)/v.Cols*v.Cols))
	st := x.strides(in)
	width := max(win.PadLeft+win.InW, 2*tiles+2)
	w.xImage = st[0]
	w.copy = kernel.BandArgs{
		Planes: 1, C: c, InH: win.InH, InW: win.InW, PadLeft: win.PadLeft, XPlane: 1, XRow: st[2], XPix: st[3], YRow: width * c,
	}
	align := func(n int) int { return (n + kernel.Slack + 15) &^ 15 }
	w.patches = align((2*w.rows + 2) * width * c)
	w.sums = w.patches + align(16*w.rows*tiles*w.tileK)
	l.scratch = max(l.scratch, w.sums+align(16*w.rows*tiles*w.nb))
	data, err := l.data(n.In[1])
	if err != nil {
		return false, err
	}
	packed := l.weight(16 * kernel.PackedSize(c, o, v.Cols))
	kernel.PackWinograd(packed, c, o, v.Cols, data)
	w.w = ref{src: inWeights, data: packed}
	y := l.place(n.Out[0])
	w.y, w.ldy = y.ref, y.pix
	s := step{Step: Step{Op: "conv", Kernel: "winograd/" + v.Name, Macs: macs}, work: w}
	s.Bytes = l.touched(n.In...) + l.touched(n.Out...)
	chunked(&s, w.units(), pieces)
	reads := []ref{w.x}
	if w.hasBias {
		reads = append(reads, w.bias)
	}
	if w.hasR {
		reads = append(reads, w.r)
	}
	l.emit(s, w.y, reads...)
	return true, nil
}
