package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// gatherLimit is how many elements of gathered windows a thread holds at once: half of a
// small level-2 cache.
const gatherLimit = 32 << 10

// panelBlocks is into how many blocks of panels a product is cut for every thread.
const panelBlocks = 4

// Where weights of more than gatherWeights elements come from further away for every block of
// windows, gatherDeep elements of windows make fewer of them; the product walks deep windows
// in passes that stay in the cache.
const (
	gatherWeights = 512 << 10
	gatherDeep    = 256 << 10
)

func kernelAct(a graph.Act) kernel.Act {
	switch a.Kind {
	case graph.ActReLU:
		return kernel.Act{Kind: kernel.ActClip, Lo: 0, Hi: float32(math.Inf(1))}
	case graph.ActClip:
		return kernel.Act{Kind: kernel.ActClip, Lo: a.Lo, Hi: a.Hi}
	case graph.ActSigmoid:
		return kernel.Act{Kind: kernel.ActSigmoid}
	case graph.ActSiLU:
		return kernel.Act{Kind: kernel.ActSiLU}
	case graph.ActHardSigmoid:
		return kernel.Act{Kind: kernel.ActHardSigmoid}
	case graph.ActHardSwish:
		return kernel.Act{Kind: kernel.ActHardSwish}
	}
	return kernel.Act{}
}

// conv lowers a convolution: depthwise to its own kernel, pointwise straight to a matrix
// product, all others to one over gathered windows.
func (l *lowering) conv(op graph.Conv) error {
	n := l.node
	x, err := l.view(n.In[0])
	if err != nil {
		return err
	}
	in, ws, out := l.shape(n.In[0]), l.shape(n.In[1]), l.shape(n.Out[0])
	win := windowOf(in, out, [2]int{ws[2], ws[3]}, op.Stride, op.Dilation, op.Pad)
	depthwise := op.Depthwise(in[1]) && ws[0] == in[1] && l.bound(n.In[1]) && (!op.Bias || l.bound(n.In[2]))
	pointwise := l.pointwise(op, n)
	if depthwise || pointwise {
		if x, err = l.image(n.In[0]); err != nil {
			return err
		}
	}
	var bias, r view
	if op.Bias {
		if bias, err = l.image(n.In[2]); err != nil {
			return err
		}
	}
	if op.Residual {
		if r, err = l.image(n.In[len(n.In)-1]); err != nil {
			return err
		}
	}
	if depthwise {
		weights, err := l.data(n.In[1])
		if err != nil {
			return err
		}
		l.depthwise(win, x, l.place(n.Out[0]), r, op, weights, bias.data)
		return nil
	}
	if !pointwise {
		if done, err := l.winograd(op, win, x, bias, r); done || err != nil {
			return err
		}
		if done, err := l.direct(op, win, x, bias, r); done || err != nil {
			return err
		}
	}
	cg, og := ws[1], ws[0]/op.Groups
	work := &gemmWork{
		x: x.ref, r: r.ref, hasR: op.Residual, bias: bias.ref, hasBias: op.Bias, k: cg * ws[2] * ws[3], n: og,
		act: kernelAct(op.Act), ldx: x.pix, ldr: r.pix, xGroup: cg, images: 1, m: in[0] * in[2] * in[3],
	}
	index := convIndex(ws, x.planar)
	if pointwise {
		work.pixels = [3]int{in[0], in[2], in[3]}
		if x.order != nil {
			index = work.reorder(x.order, op.Groups)
		}
	} else {
		work.images, work.m = in[0], out[2]*out[3]
		st := x.strides(in)
		work.xImage, work.xGroup = st[0], cg*st[1]
		work.gather = &kernel.Im2rowArgs{Window: win, C: cg, XRow: st[2], XPix: st[3], XChan: st[1], Planar: x.planar}
	}
	return l.product("conv", work, op.Groups, index)
}

// pointwise reports whether a convolution looks at one pixel and every pixel.
func (l *lowering) pointwise(op graph.Conv, n *graph.Node) bool {
	ws, in := l.shape(n.In[1]), l.shape(n.In[0])
	pad := op.Pad.Resolve(in[2], in[3], [2]int{ws[2], ws[3]}, op.Stride, op.Dilation)
	return ws[2] == 1 && ws[3] == 1 && op.Stride == [2]int{1, 1} && pad.Top+pad.Left+pad.Bottom+pad.Right == 0
}

// reorder makes the product read channels where order says they lie: in every group runs
// of neighbours, with the weights packed in their order. It returns which weight meets which
// element.
func (g *gemmWork) reorder(order []int, groups int) func(group, k int) [3]int {
	type place struct{ at, channel int }
	all := make([][]place, groups)
	g.segs = make([][]kernel.Segment, groups)
	g.xGroup = 0
	for q := range groups {
		for c := range g.k {
			all[q] = append(all[q], place{order[q*g.k+c], c})
		}
		slices.SortFunc(all[q], func(a, b place) int { return a.at - b.at })
		for k, p := range all[q] {
			if n := len(g.segs[q]); n > 0 && g.segs[q][n-1].Off+g.segs[q][n-1].K == p.at {
				g.segs[q][n-1].K++
				continue
			}
			g.segs[q] = append(g.segs[q], kernel.Segment{Off: p.at, K: 1, B: k})
		}
	}
	return func(group, k int) [3]int { return [3]int{all[group][k].channel} }
}

// linear lowers a fully connected layer to a matrix product.
func (l *lowering) linear(op graph.Linear) error {
	n := l.node
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	var bias view
	if op.Bias {
		if bias, err = l.image(n.In[2]); err != nil {
			return err
		}
	}
	ws := l.shape(n.In[1])
	work := &gemmWork{
		x: x.ref, bias: bias.ref, hasBias: op.Bias, k: ws[1], n: ws[0], images: 1, m: l.shape(n.In[0])[0],
		act: kernelAct(op.Act), ldx: x.pix,
	}
	return l.product("linear", work, 1, func(_, k int) [3]int { return [3]int{k} })
}

// product chooses the kernel and the blocks of a matrix product, has its weights packed
// and emits the step; index as for pack.
func (l *lowering) product(op string, w *gemmWork, groups int, index func(group, k int) [3]int) error {
	n := l.node
	table, name := kernel.GemmF32, "gemm"
	if w.gather == nil && w.m == 1 {
		table, name = kernel.GemvF32, "gemv"
	}
	v := kernel.Pick(table, l.kernels)
	w.fn = v.Fn
	if err := l.pack(w, groups, v.Cols, index); err != nil {
		return err
	}
	if s, ok := l.scales[n.In[0]]; ok {
		l.scaleWeights(w, s, v.Cols)
	}
	y := l.place(n.Out[0])
	w.y, w.ldy = y.ref, y.pix
	macs := int64(w.m) * int64(w.images) * int64(groups) * int64(w.k) * int64(w.n)
	pieces := l.pieces(macs, v.Rate)
	per := (pieces + groups*w.images - 1) / (groups * w.images)
	w.mb, w.nb = w.m, w.n
	switch {
	case w.gather != nil:
		limit := gatherLimit
		if w.k*w.n > gatherWeights {
			limit = gatherDeep
		}
		limit = max(limit/w.k/v.Rows, 1) * v.Rows
		w.mb = min(block(w.m, per, v.Rows), limit)
		if int64(w.mb)*int64(w.k) > MaxBytes/4 {
			return fmt.Errorf("a window has %d elements", w.k)
		}
		l.scratch = max(l.scratch, w.mb*w.k+kernel.Slack)
	case w.m >= w.n:
		w.mb = block(w.m, per, v.Rows)
		mBlocks, _ := w.blocks()
		w.nb = block(w.n, (per+mBlocks-1)/mBlocks, v.Cols)
	default:
		// Few blocks of several panels: within one, the next panel is fetched ahead.
		w.nb = block(w.n, min(per, panelBlocks*l.threads), v.Cols)
		_, nBlocks := w.blocks()
		w.mb = block(w.m, (per+nBlocks-1)/nBlocks, v.Rows)
	}
	w.groups = groups
	s := step{Step: Step{Op: op, Kernel: name + "/" + v.Name, Macs: macs}, work: w}
	s.Bytes = l.touched(n.In...) + l.touched(n.Out...)
	chunked(&s, w.units(), pieces)
	reads := append([]ref{w.x}, w.w...)
	if w.hasBias {
		reads = append(reads, w.bias)
	}
	if w.hasR {
		reads = append(reads, w.r)
	}
	l.emit(s, w.y, reads...)
	return nil
}

// pack packs the weights of the current node for panels of cols columns. index says which
// element (c, ky, kx) of an output's weights meets element k of a group's rows.
func (l *lowering) pack(w *gemmWork, groups, cols int, index func(group, k int) [3]int) error {
	id := l.node.In[1]
	size := kernel.PackedSize(w.k, w.n, cols)
	v := view{planar: true}
	if !l.bound(id) {
		var err error
		if v, err = l.view(id); err != nil {
			return err
		}
	}
	st := [4]int{}
	copy(st[:], v.strides(l.shape(id)))
	rows := make([][]int, groups)
	for g := range rows {
		rows[g] = make([]int, w.k)
		for k := range rows[g] {
			i := index(g, k)
			rows[g][k] = g*w.n*st[0] + i[0]*st[1] + i[1]*st[2] + i[2]*st[3]
		}
	}
	if !l.bound(id) {
		p := &packWork{x: v.ref, rows: rows, step: st[0], n: w.n, cols: cols}
		p.y = l.buffer(tensor.Shape{groups * size}).ref
		s := step{Step: Step{Op: "pack", Kernel: "pack/go", Bytes: l.touched(id) + 4*int64(groups)*int64(size)}, work: p}
		chunked(&s, groups, 1)
		l.emit(s, p.y, p.x)
		for g := range groups {
			w.w = append(w.w, p.y.at(g*size))
		}
		return nil
	}
	data, err := l.data(id)
	if err != nil {
		return err
	}
	for g := range groups {
		packed := l.weight(size)
		kernel.PackRows(packed, w.n, cols, data, rows[g], st[0])
		w.w = append(w.w, ref{src: inWeights, data: packed})
	}
	return nil
}

func (l *lowering) depthwise(win kernel.Window, x, y, r view, op graph.Conv, weights, bias []float32) {
	v := kernel.Pick(kernel.DwF32, l.kernels)
	s := l.shape(l.node.In[0])
	channels, taps := s[1], win.KH*win.KW
	d := &dwWork{fn: v.Fn, x: x.ref, y: y.ref, r: r.ref, hasR: op.Residual, channels: channels, images: s[0]}
	d.args = kernel.DwArgs{
		Window: win, Bias: bias, Act: kernelAct(op.Act),
		XPix: x.pix, XRow: x.pix * win.InW, YPix: y.pix, YRow: y.pix * win.OutW, RPix: r.pix, RRow: r.pix * win.OutW,
		W: l.weight(kernel.PackedSize(taps, channels, v.Cols)),
	}
	rows := make([]int, taps)
	for tap := range rows {
		rows[tap] = tap
	}
	kernel.PackRows(d.args.W, channels, v.Cols, weights, rows, taps)
	d.xImage, d.yImage, d.rImage = d.args.XRow*win.InH, d.args.YRow*win.OutH, d.args.RRow*win.OutH
	d.in = operand{d.x, channels, d.args.XRow, win.InH, win.InW, &d.args.Window}
	macs := int64(s[0]) * int64(channels) * int64(taps) * int64(win.OutH) * int64(win.OutW)
	pieces := l.pieces(macs, v.Rate)
	per := (pieces + s[0] - 1) / s[0]
	d.cb = block(channels, per, v.Cols)
	d.rb = win.OutH
	_, chans := d.blocks()
	d.rb = block(win.OutH, (per+chans-1)/chans, 1)
	st := step{Step: Step{Op: "depthwise", Kernel: "dw/" + v.Name, Macs: macs}, work: d}
	st.Bytes = l.touched(l.node.In...) + l.touched(l.node.Out...)
	chunked(&st, d.units(), pieces)
	reads := []ref{d.x}
	if d.hasR {
		reads = append(reads, d.r)
	}
	l.emit(st, d.y, reads...)
}

// touched is the bytes of the named values.
func (l *lowering) touched(ids ...graph.ID) int64 {
	n := int64(0)
	for _, id := range ids {
		if id != graph.None {
			n += int64(l.g.Values[id].Type.DType.Size()) * int64(l.shape(id).Elements())
		}
	}
	return n
}
