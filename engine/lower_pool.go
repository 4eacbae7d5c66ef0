package engine

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

func windowOf(in, out tensor.Shape, k, stride, dil [2]int, pad graph.Padding) kernel.Window {
	p := pad.Resolve(in[2], in[3], k, stride, dil)
	return kernel.Window{
		InH: in[2], InW: in[3], OutH: out[2], OutW: out[3], KH: k[0], KW: k[1],
		StrideH: stride[0], StrideW: stride[1], DilH: dil[0], DilW: dil[1],
		PadTop: p.Top, PadLeft: p.Left, PadBottom: p.Bottom, PadRight: p.Right,
	}
}

func (l *lowering) pool(name string, op graph.AvgPool, mean bool) error {
	n := l.node
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	in, out := l.shape(n.In[0]), l.shape(n.Out[0])
	wide := mean && op.Kernel[0]*op.Kernel[1] > kernel.WideWindow
	if wide && out[2:].Elements() == 1 && op.Kernel == [2]int{in[2], in[3]} && op.Pad == (graph.Padding{}) {
		return l.globalAvgPool()
	}
	y := l.place(n.Out[0])
	v := kernel.Pick(kernel.PoolF32, l.kernels)
	if wide {
		v = &kernel.Variant[kernel.PoolArgs]{Name: "wide", Rate: 500, Fn: kernel.PoolWide}
	}
	w := l.rows(x, y, in, out)
	w.call, w.poolFn = callPool, v.Fn
	w.pool = kernel.PoolArgs{
		Window: windowOf(in, out, op.Kernel, op.Stride, [2]int{1, 1}, op.Pad), C1: in[1], Mean: mean, CountPad: op.CountPad,
		XPix: x.pix, XRow: x.pix * in[3], YPix: y.pix, YRow: y.pix * out[3],
	}
	w.in = operand{w.x, in[1], w.pool.XRow, in[2], in[3], &w.pool.Window}
	l.emitRows(name, "pool/"+v.Name, w, int64(out.Elements())*int64(op.Kernel[0]*op.Kernel[1]), v.Rate)
	return nil
}

func (l *lowering) pad(op graph.Pad) error {
	n := l.node
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	in, out := l.shape(n.In[0]), l.shape(n.Out[0])
	w := l.rows(x, y, in, out)
	w.call = callPad
	w.pad = kernel.PadArgs{
		InH: in[2], InW: in[3], OutW: out[3], PadTop: op.Pad.Top, PadLeft: op.Pad.Left, C: in[1], Value: op.Value,
		XPix: x.pix, XRow: x.pix * in[3], YPix: y.pix, YRow: y.pix * out[3],
	}
	l.emitRows("pad", "move/go", w, int64(out.Elements()), moveRate)
	return nil
}

func (l *lowering) resize(op graph.Resize) error {
	n := l.node
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	in, out := l.shape(n.In[0]), l.shape(n.Out[0])
	w := l.rows(x, y, in, out)
	w.call = callResize
	rows, cols := op.Pick(in[2], in[3])
	w.resize = kernel.ResizeArgs{
		Rows: rows, Cols: cols, C: in[1],
		XPix: x.pix, XRow: x.pix * in[3], YPix: y.pix, YRow: y.pix * out[3],
	}
	l.emitRows("resize", "move/go", w, int64(out.Elements()), moveRate)
	return nil
}

// moveRate is what a memory move does, in elements per microsecond, roughly.
const moveRate = 2000

func (l *lowering) rows(x, y view, in, out tensor.Shape) *rowWork {
	return &rowWork{x: x.ref, y: y.ref, xImage: x.pix * in[2] * in[3], yImage: y.pix * out[2] * out[3], rows: out[2], images: out[0]}
}

func (l *lowering) emitRows(op, kern string, w *rowWork, cost int64, rate int) {
	s := step{Step: Step{Op: op, Kernel: kern, Bytes: l.touched(l.node.In...) + l.touched(l.node.Out...)}, work: w}
	chunked(&s, l.shape(l.node.Out[0])[0]*w.rows, l.pieces(cost, rate))
	l.emit(s, w.y, w.x)
}

func (l *lowering) globalAvgPool() error {
	n := l.node
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	in := l.shape(n.In[0])
	v := kernel.Pick(kernel.MeanF32, l.kernels)
	w := &meanWork{
		fn: v.Fn, x: x.ref, y: y.ref, images: in[0], h: in[2], w: in[3], channels: in[1], xImage: in[2] * in[3] * x.pix, yImage: y.pix,
		args: kernel.MeanArgs{M: in[2] * in[3], LDX: x.pix},
	}
	pieces := l.pieces(int64(in.Elements()), v.Rate)
	if w.large() {
		l.means = max(l.means, in[1])
	}
	w.cb = block(in[1], (pieces+in[0]-1)/in[0], v.Cols)
	s := step{Step: Step{Op: "globalavgpool", Kernel: "mean/" + v.Name, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&s, in[0]*w.perImage(), pieces)
	l.emit(s, w.y, w.x)
	return nil
}
