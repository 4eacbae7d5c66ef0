package engine

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

const (
	// directWeights is the most elements of weights that every row of outputs may pass over
	// again: what stays in L2 beside a band.
	directWeights = 96 << 10
	// directBand is the most elements of a band, as far as one row of outputs allows it.
	directBand = 32 << 10
	// directRow bounds the band of one row of outputs.
	directRow = 1 << 20
)

// direct lowers a convolution to products over bands of the image, and reports whether
// that suits it: weights that stay in cache, and rows that keep the product's tile busy.
func (l *lowering) direct(op graph.Conv, win kernel.Window, x, bias, r view) (bool, error) {
	n := l.node
	in, ws := l.shape(n.In[0]), l.shape(n.In[1])
	v := kernel.Pick(kernel.GemmF32, l.kernels)
	cg, og := ws[1], ws[0]/op.Groups
	k := cg * win.KH * win.KW
	planes, c := 1, cg
	if x.planar {
		planes, c = cg, 1
	}
	width := max(win.PadLeft+win.InW, (win.OutW-1)*win.StrideW+(win.KW-1)*win.DilW+1)
	inRows := func(rows int) int { return (rows-1)*win.StrideH + (win.KH-1)*win.DilH + 1 }
	size := func(rows int) int { return planes * inRows(rows) * width * c }
	if int64(k)*int64(og) > directWeights || win.OutW < v.Rows/2 || size(1) > directRow {
		return false, nil
	}
	macs := int64(in[0]) * int64(win.OutH) * int64(win.OutW) * int64(op.Groups) * int64(k) * int64(og)
	pieces := l.pieces(macs, v.Rate)
	rows := block(win.OutH, (pieces+op.Groups*in[0]-1)/(op.Groups*in[0]), 1)
	for rows > 1 && size(rows) > directBand {
		rows = (rows + 1) / 2
	}
	st := x.strides(in)
	d := &directWork{
		fn: v.Fn, x: x.ref, r: r.ref, hasR: op.Residual, bias: bias.ref, hasBias: op.Bias, groups: op.Groups, k: k, n: og,
		images: in[0], outH: win.OutH, outW: win.OutW, rows: rows, strideH: win.StrideH, padTop: win.PadTop,
		act: kernelAct(op.Act), lda: win.StrideW * c, ldr: r.pix, xImage: st[0], xGroup: cg * st[1],
		copy: kernel.BandArgs{
			Planes: planes, C: c, InH: win.InH, InW: win.InW, PadLeft: win.PadLeft, Rows: inRows(rows),
			XPlane: st[1], XRow: st[2], XPix: st[3], YRow: width * c, YPlane: inRows(rows) * width * c,
		},
	}
	d.segs = directSegments(win, &d.copy)
	w := &gemmWork{k: k, n: og}
	if err := l.pack(w, op.Groups, v.Cols, convIndex(ws, x.planar)); err != nil {
		return false, err
	}
	d.w = w.w
	y := l.place(n.Out[0])
	d.y, d.ldy = y.ref, y.pix
	d.scratch, d.window, d.rowSize = size(rows)+kernel.Slack, win, st[2]
	l.scratch = max(l.scratch, d.scratch)
	s := step{Step: Step{Op: "conv", Kernel: "gemm/" + v.Name, Macs: macs}, work: d}
	s.Bytes = l.touched(n.In...) + l.touched(n.Out...)
	chunked(&s, d.units(), pieces)
	reads := append([]ref{d.x}, d.w...)
	if d.hasBias {
		reads = append(reads, d.bias)
	}
	if d.hasR {
		reads = append(reads, d.r)
	}
	l.emit(s, d.y, reads...)
	return true, nil
}

// directSegments are the runs of a band that a window sees, in the order of the packed
// weights: a row of taps where the taps are neighbours, else tap by tap.
func directSegments(win kernel.Window, b *kernel.BandArgs) []kernel.Segment {
	var segs []kernel.Segment
	at := 0
	for p := range b.Planes {
		for ky := range win.KH {
			off := p*b.YPlane + ky*win.DilH*b.YRow
			if win.DilW == 1 {
				segs = append(segs, kernel.Segment{Off: off, K: win.KW * b.C, B: at})
				at += win.KW * b.C
				continue
			}
			for kx := range win.KW {
				segs = append(segs, kernel.Segment{Off: off + kx*win.DilW*b.C, K: b.C, B: at})
				at += b.C
			}
		}
	}
	return segs
}

// convIndex says which element (c, ky, kx) of the weights meets element k of a window:
// windows are (c, ky, kx) over a planar image and (ky, kx, c) over pixels.
func convIndex(ws tensor.Shape, planar bool) func(group, k int) [3]int {
	if planar {
		return func(_, k int) [3]int { return [3]int{k / (ws[2] * ws[3]), k / ws[3] % ws[2], k % ws[3]} }
	}
	return func(_, k int) [3]int { return [3]int{k % ws[1], k / ws[1] / ws[3], k / ws[1] % ws[3]} }
}
