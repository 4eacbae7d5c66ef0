package engine

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// byteWeights are a layer's weights and what becomes of the sums.
type byteWeights struct {
	*packs
	bias    []int32 // with what the input's zero point adds
	factors []fixed.Factor
	finish  kernel.Finish
}

// readWeights prepares the weights of the current node: outs rows of k elements.
func (l *lowering) readWeights(outs, k int, hasBias, joined bool, act graph.Act, r fixed.Rounding) (*byteWeights, error) {
	n := l.node
	x, y, err := l.quants()
	if err != nil {
		return nil, err
	}
	v := &l.g.Values[n.In[1]]
	if v.Data == nil || !v.Type.Quantized() {
		return nil, fmt.Errorf("weight %q is %v, want quantized data", v.Name, v.Type)
	}
	q := v.Quant
	if q == nil || len(q.Scale) != 1 && len(q.Scale) != outs || len(q.Zero) != len(q.Scale) || len(q.Scale) > 1 && q.Axis != 0 {
		return nil, fmt.Errorf("weight %q has no quantization by output", v.Name)
	}
	if v.Data.Shape.Elements() != outs*k {
		return nil, fmt.Errorf("weight %q has shape %v, want %d outputs of %d", v.Name, v.Data.Shape, outs, k)
	}
	b := &byteWeights{packs: l.packs.of(v.Data, q.Zero, outs), bias: make([]int32, outs), factors: make([]fixed.Factor, outs)}
	if hasBias {
		t := l.g.Values[n.In[2]].Data
		if t == nil || t.DType != tensor.Int32 {
			return nil, fmt.Errorf("bias %q is not int32 with data", l.g.Values[n.In[2]].Name)
		}
		copy(b.bias, t.Data.([]int32))
	}
	for o := range outs {
		b.bias[o] -= x.Zero * b.sums[o]
		b.factors[o] = fixed.ProductFactor(x, q.Scale[o%len(q.Scale)], y, joined && len(q.Scale) == 1, l.profile, r)
	}
	rng, ok := limits(act, y, l.profile)
	if !ok {
		return nil, fmt.Errorf("activation %v is no limit and cannot be part of a quantized operator", act)
	}
	b.finish = kernel.Finish{Rounding: b.factors[0].Rounding, Zero: y.Zero, Lo: rng.Lo, Hi: rng.Hi}
	return b, nil
}

func (l *lowering) byteConv(op graph.Conv) error {
	n := l.node
	if op.Residual {
		return fmt.Errorf("a quantized convolution has no residual")
	}
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	in, ws, out := l.shape(n.In[0]), l.shape(n.In[1]), l.shape(n.Out[0])
	rounding := fixed.HalfUp
	if op.Depthwise(in[1]) {
		rounding = fixed.HalfAway
	}
	joined := l.g.Values[n.In[0]].Type.DType == tensor.Uint8
	b, err := l.readWeights(ws[0], ws[1]*ws[2]*ws[3], op.Bias, joined, op.Act, rounding)
	if err != nil {
		return err
	}
	win := windowOf(in, out, [2]int{ws[2], ws[3]}, op.Stride, op.Dilation, op.Pad)
	if op.Depthwise(in[1]) && ws[0] == in[1] {
		return l.byteDepthwise(win, x, b)
	}
	qx, err := l.quant(n.In[0])
	if err != nil {
		return err
	}
	cg, og := ws[1], ws[0]/op.Groups
	w := &gemmU8Work{v: kernel.Pick(kernel.GemmU8, l.kernels), groups: op.Groups, n: og, xGroup: cg, finish: b.finish}
	pointwise := ws[2] == 1 && ws[3] == 1
	padded := win.PadTop+win.PadLeft+win.PadBottom+win.PadRight > 0
	if pointwise && op.Stride == [2]int{1, 1} && !padded {
		w.lines, w.lineRows, w.m = 1, 1, in[0]*in[2]*in[3]
		w.lda = x.pix
	} else {
		height, width := in[2], in[3]
		if padded {
			height, width = height+win.PadTop+win.PadBottom, width+win.PadLeft+win.PadRight
			x = l.padBytes("pad", x, in, win.PadTop, win.PadLeft, height, width, uint8(qx.Zero))
		}
		w.lines, w.lineRows, w.m = in[0]*out[2], out[2], out[3]
		w.xImage, w.xLine = height*width*x.pix, op.Stride[0]*width*x.pix
		w.lda = op.Stride[1] * x.pix
	}
	w.x = x.ref
	if x.order != nil {
		return l.byteReordered(w, b, x, ws, og)
	}
	// Segments: a row of taps where its elements lie side by side, else a tap.
	rowPixels := in[3]
	if padded {
		rowPixels += win.PadLeft + win.PadRight
	}
	type tap struct{ off, ky, kx, count int }
	var taps []tap
	for ky := range ws[2] {
		if op.Groups == 1 && op.Dilation[1] == 1 && x.pix == cg {
			taps = append(taps, tap{ky * op.Dilation[0] * rowPixels * x.pix, ky, 0, ws[3]})
			continue
		}
		for kx := range ws[3] {
			taps = append(taps, tap{(ky*op.Dilation[0]*rowPixels + kx*op.Dilation[1]) * x.pix, ky, kx, 1})
		}
	}
	var segs []kernel.Segment
	var rows []kernel.PackedRow
	planes := kernel.Planes(b.low, b.high)
	for plane := range planes {
		for _, t := range taps {
			k := t.count * cg
			segs = append(segs, kernel.Segment{Off: t.off, K: k, B: len(rows)})
			for i := range w.v.Packed(k) {
				if i < k {
					rows = append(rows, kernel.PackedRow{At: (i%cg*ws[2]+t.ky)*ws[3] + t.kx + i/cg, Plane: plane})
				} else {
					rows = append(rows, zeroRow)
				}
			}
		}
	}
	w.segs = [][]kernel.Segment{segs}
	return l.byteProduct("conv", w, b, [][]kernel.PackedRow{rows})
}

// byteReordered lowers a pointwise convolution over channels that a shuffle left where they
// were: a group reads the runs in which its channels lie.
func (l *lowering) byteReordered(w *gemmU8Work, b *byteWeights, x view, ws tensor.Shape, og int) error {
	cg := ws[1]
	w.xGroup = 0
	planes := kernel.Planes(b.low, b.high)
	var all [][]kernel.PackedRow
	most := 0
	for g := range w.groups {
		places := make([][2]int, cg) // in memory, and the channel of the group
		for c := range cg {
			places[c] = [2]int{x.order[g*cg+c], c}
		}
		slices.SortFunc(places, func(p, q [2]int) int { return p[0] - q[0] })
		var segs []kernel.Segment
		var rows []kernel.PackedRow
		for plane := range planes {
			for i := 0; i < cg; {
				n := 1
				for i+n < cg && places[i+n][0] == places[i][0]+n {
					n++
				}
				segs = append(segs, kernel.Segment{Off: places[i][0], K: n, B: len(rows)})
				for k := range w.v.Packed(n) {
					if k < n {
						rows = append(rows, kernel.PackedRow{At: places[i+k][1], Plane: plane})
					} else {
						rows = append(rows, zeroRow)
					}
				}
				i += n
			}
		}
		w.segs, all = append(w.segs, segs), append(all, rows)
		most = max(most, len(rows))
	}
	for g := range all { // one length for all groups
		for len(all[g]) < most {
			all[g] = append(all[g], zeroRow)
		}
	}
	return l.byteProduct("conv", w, b, all)
}

func (l *lowering) byteLinear(op graph.Linear) error {
	n := l.node
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	ws := l.shape(n.In[1])
	b, err := l.readWeights(ws[0], ws[1], op.Bias, true, op.Act, fixed.HalfUp)
	if err != nil {
		return err
	}
	k := ws[1]
	w := &gemmU8Work{v: kernel.Pick(kernel.GemmU8, l.kernels), x: x.ref, groups: 1, n: ws[0], finish: b.finish, lines: 1, lineRows: 1, m: l.shape(n.In[0])[0], lda: x.pix}
	var segs []kernel.Segment
	var rows []kernel.PackedRow
	planes := kernel.Planes(b.low, b.high)
	for plane := range planes {
		segs = append(segs, kernel.Segment{K: k, B: len(rows)})
		for i := range w.v.Packed(k) {
			if i < k {
				rows = append(rows, kernel.PackedRow{At: i, Plane: plane})
			} else {
				rows = append(rows, zeroRow)
			}
		}
	}
	w.segs = [][]kernel.Segment{segs}
	return l.byteProduct("linear", w, b, [][]kernel.PackedRow{rows})
}

// zeroRow is a packed row that meets what lies behind a segment's elements.
var zeroRow = kernel.PackedRow{At: -1}

// byteProduct packs the weights of a product for its kernel and emits the step. Rows are
// those of the packed weights, of every group where groups differ.
func (l *lowering) byteProduct(op string, w *gemmU8Work, b *byteWeights, all [][]kernel.PackedRow) error {
	v := w.v
	w.k = len(all[0])
	y := l.place(l.node.Out[0])
	w.y, w.ldy, w.yLine = y.ref, y.pix, w.m*y.pix
	w.w = b.product(v, w.groups, w.n, all)
	for g, packed := range w.w {
		finish := kernel.PackFinish(b.bias[g*w.n:][:w.n], b.factors[g*w.n:][:w.n], v.Cols)
		w.p = append(w.p, finish)
		l.weights += int64(len(packed)) + 4*int64(len(finish))
	}
	macs := int64(w.lines) * int64(w.m) * int64(b.elements())
	pieces := l.pieces(macs, v.Rate)
	per := (pieces + w.groups*w.lines - 1) / (w.groups * w.lines)
	w.mb, w.nb = w.m, w.n
	if w.m >= w.n {
		w.mb = block(w.m, per, v.Rows)
		mBlocks, _ := w.blocks()
		w.nb = block(w.n, (per+mBlocks-1)/mBlocks, v.Cols)
	} else {
		w.nb = block(w.n, per, v.Cols)
		_, nBlocks := w.blocks()
		w.mb = block(w.m, (per+nBlocks-1)/nBlocks, v.Rows)
	}
	s := step{Step: Step{Op: op, Kernel: "gemm_u8/" + v.Name, Macs: macs, Bytes: l.touched(l.node.In...) + l.touched(l.node.Out...)}, work: w}
	chunked(&s, w.units(), pieces)
	l.emit(s, w.y, w.x)
	return nil
}

func (l *lowering) byteDepthwise(win kernel.Window, x view, b *byteWeights) error {
	n := l.node
	v := kernel.Pick(kernel.DwU8, l.kernels)
	s := l.shape(n.In[0])
	channels := s[1]
	qx, err := l.quant(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	planes, weights := kernel.Planes(b.low, b.high), b.weights()
	d := &dwU8Work{fn: v.Fn, x: x.ref, y: y.ref, channels: channels, images: s[0]}
	d.args = kernel.DwU8Args{
		Window: win, XPix: x.pix, XRow: x.pix * win.InW, YPix: y.pix, YRow: y.pix * win.OutW,
		Planes: planes, Outside: uint8(qx.Zero), Finish: b.finish,
		W: kernel.PackDwU8(v, win.KH, win.KW, channels, planes, func(ky, kx, c int) int32 { return weights[(c*win.KH+ky)*win.KW+kx] }),
		P: kernel.PackFinish(b.bias, b.factors, v.Cols),
	}
	l.weights += int64(len(d.args.W)) + 4*int64(len(d.args.P))
	d.xImage, d.yImage = d.args.XRow*win.InH, d.args.YRow*win.OutH
	macs := int64(s[0]) * int64(b.elements()) * int64(win.OutH) * int64(win.OutW)
	pieces := l.pieces(macs, v.Rate)
	per := (pieces + s[0] - 1) / s[0]
	d.cb, d.rb = block(channels, per, v.Cols), win.OutH
	_, chans := d.blocks()
	d.rb = block(win.OutH, (per+chans-1)/chans, 1)
	st := step{Step: Step{Op: "depthwise", Kernel: "dw_u8/" + v.Name, Macs: macs, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: d}
	chunked(&st, d.units(), pieces)
	l.emit(st, d.y, d.x)
	return nil
}
