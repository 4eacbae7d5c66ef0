package engine

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// lookup emits a function of every byte of a value of shape s.
func (l *lowering) lookup(op, name string, s tensor.Shape, x, y view, table *[256]uint8) {
	v := kernel.Pick(kernel.LookupU8, l.kernels)
	w := &lookupWork{
		fn: v.Fn, x: x.ref, y: y.ref, table: table,
		nest: newNest(pixelOrder(s), 1, 1, false, pixelOrder(x.strides(s)), pixelOrder(y.strides(s))),
	}
	st := step{Step: Step{Node: name, Op: op, Kernel: "lookup_u8/" + v.Name, Bytes: 2 * int64(s.Elements()), Out: s}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(s.Elements()), v.Rate))
	l.emit(st, w.y, w.x)
}

// byteTable lowers a function of one value to a table.
func (l *lowering) byteTable(u fixed.Unary, op string, limit *graph.Act) error {
	n := l.node
	qx, qy, err := l.quants()
	if err != nil {
		return err
	}
	rng := qy.Range()
	if limit != nil {
		rng, _ = limits(*limit, qy, l.profile.Kernels())
	}
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	// Roundings depend on the file's own numbers.
	sx, sy := sign(l.g.Values[n.In[0]].Type.DType), sign(l.g.Values[n.Out[0]].Type.DType)
	t := fixed.Table(u, qx.Less(sx), qy.Less(sy), fixed.Range{Lo: rng.Lo - sy, Hi: rng.Hi - sy}, l.profile)
	l.lookup(op, n.Name, l.shape(n.In[0]), x, l.place(n.Out[0]), byteTable(t, sy))
	return nil
}

func (l *lowering) byteActivate(op graph.Activate) error {
	switch op.Act.Kind {
	case graph.ActSigmoid:
		return l.byteTable(fixed.Sigmoid, "activate", nil)
	case graph.ActHardSwish:
		return l.byteTable(fixed.HardSwish, "activate", nil)
	case graph.ActSiLU:
		return l.byteTable(fixed.SiLU, "activate", nil)
	case graph.ActHardSigmoid:
		return l.byteTable(fixed.HardSigmoid, "activate", nil)
	}
	return l.byteTable(fixed.Limit, "activate", &op.Act)
}

func (l *lowering) byteBinary(op graph.Binary) error {
	n := l.node
	out := l.shape(n.Out[0])
	var q [2]fixed.Quant
	var refs [2]ref
	var strides [2][]int
	for i := range refs {
		v, err := l.image(n.In[i])
		if err != nil {
			return err
		}
		if q[i], err = l.quant(n.In[i]); err != nil {
			return err
		}
		refs[i], strides[i] = v.ref, broadcast(l.shape(n.In[i]), v.strides(l.shape(n.In[i])), out)
	}
	qy, err := l.quant(n.Out[0])
	if err != nil {
		return err
	}
	rng, ok := limits(op.Act, qy, l.profile)
	if !ok {
		return fmt.Errorf("activation %v is no limit and cannot be part of a quantized operator", op.Act)
	}
	y := l.place(n.Out[0])
	v := kernel.Pick(kernel.BinaryU8, l.kernels)
	w := &binaryU8Work{fn: v.Fn, a: refs[0], b: refs[1], y: y.ref}
	switch op.Fn {
	case graph.Add, graph.Sub:
		d := fixed.NewAdder(q[0], q[1], qy, op.Fn == graph.Sub, rng, l.profile)
		w.sum = &d
	case graph.Mul:
		d := fixed.NewTimes(q[0], q[1], qy, rng, l.profile)
		w.product = &d
	default:
		l.unsupported(op.Name(), n.Name, op.Fn.String()+" over quantized values")
		return nil
	}
	dims, as, bs, ys := pixelOrder(out), pixelOrder(strides[0]), pixelOrder(strides[1]), pixelOrder(y.strides(out))
	last := len(dims) - 1
	if as[last] > 1 || bs[last] > 1 || dims[last] > 1 && ys[last] != 1 {
		dims, as, bs, ys = append(slices.Clip(dims), 1), append(slices.Clip(as), 0), append(slices.Clip(bs), 0), append(slices.Clip(ys), 1)
	}
	w.nest = newNest(dims, 1, 1, false, as, bs, ys)
	st := step{Step: Step{Op: "binary", Kernel: "binary_u8/" + v.Name, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(out.Elements()), v.Rate))
	l.emit(st, w.y, refs[0], refs[1])
	return nil
}

func (l *lowering) bytePool(name string, op graph.AvgPool, mean bool) error {
	n := l.node
	qx, err := l.quant(n.In[0])
	if err != nil {
		return err
	}
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	in, out := l.shape(n.In[0]), l.shape(n.Out[0])
	v := kernel.Pick(kernel.PoolU8, l.kernels)
	w := &poolU8Work{fn: v.Fn, x: x.ref, y: y.ref, xImage: x.pix * in[2] * in[3], yImage: y.pix * out[2] * out[3], rows: out[2]}
	w.args = kernel.PoolU8Args{
		Window: windowOf(in, out, op.Kernel, op.Stride, [2]int{1, 1}, op.Pad), C1: in[1], Mean: mean, CountPad: op.CountPad,
		XPix: x.pix, XRow: x.pix * in[3], YPix: y.pix, YRow: y.pix * out[3],
		Outside: uint8(qx.Zero), Sign: sign(l.g.Values[n.In[0]].Type.DType),
	}
	s := step{Step: Step{Op: name, Kernel: "pool_u8/" + v.Name, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&s, in[0]*w.rows, l.pieces(int64(out.Elements())*int64(op.Kernel[0]*op.Kernel[1]), v.Rate))
	l.emit(s, w.y, w.x)
	return nil
}

func (l *lowering) byteMean() error {
	n := l.node
	qx, qy, err := l.quants()
	if err != nil {
		return err
	}
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	in := l.shape(n.In[0])
	v := kernel.Pick(kernel.MeanU8, l.kernels)
	w := &meanU8Work{fn: v.Fn, x: x.ref, y: y.ref, channels: in[1], xImage: in[2] * in[3] * x.pix, yImage: y.pix}
	w.args = kernel.MeanU8Args{M: in[2] * in[3], LDX: x.pix, QX: qx, QY: qy, Unsigned: sign(l.g.Values[n.In[0]].Type.DType) == 0, Profile: l.profile}
	pieces := l.pieces(int64(in.Elements()), v.Rate)
	w.cb = block(in[1], (pieces+in[0]-1)/in[0], 64)
	s := step{Step: Step{Op: "globalavgpool", Kernel: "mean_u8/" + v.Name, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&s, in[0]*w.perImage(), pieces)
	l.emit(s, w.y, w.x)
	return nil
}

func (l *lowering) byteSoftmax(op graph.Softmax) error {
	n := l.node
	qx, qy, err := l.quants()
	if err != nil {
		return err
	}
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	s := l.shape(n.In[0])
	xs, ys := x.strides(s), y.strides(s)
	w := &softmaxU8Work{x: x.ref, y: y.ref, n: s[op.Axis], sx: xs[op.Axis], sy: ys[op.Axis], qx: qx, qy: qy}
	others := func(d []int) []int { return slices.Delete(slices.Clone(d), op.Axis, op.Axis+1) }
	w.nest = newNest(others(s), 0, 0, true, others(xs), others(ys))
	st := step{Step: Step{Op: "softmax", Kernel: "softmax_u8/go", Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&st, w.nest.rows(), 1)
	l.emit(st, w.y, w.x)
	return nil
}

func (l *lowering) bytePad(op graph.Pad) error {
	n := l.node
	qy, err := l.quant(n.Out[0])
	if err != nil {
		return err
	}
	if !l.sameQuant(n.In[0], n.Out[0]) {
		l.unsupported(op.Name(), n.Name, "that changes the quantization")
		l.place(n.Out[0])
		return nil
	}
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	out := l.shape(n.Out[0])
	l.padInto("pad", x, l.place(n.Out[0]), l.shape(n.In[0]), op.Pad.Top, op.Pad.Left, out[2], out[3], uint8(qy.Of(op.Value, fixed.Builtin)))
	return nil
}

// padBytes copies an image into a larger one of its own.
func (l *lowering) padBytes(op string, x view, in tensor.Shape, top, left, h, w int, value uint8) view {
	y := l.buffer(tensor.Shape{in[0], in[1], h, w})
	y.bytes, l.bufs[y.buf].bytes = true, true
	l.padInto(op, x, y, in, top, left, h, w, value)
	return y
}

func (l *lowering) padInto(op string, x, y view, in tensor.Shape, top, left, h, wd int, value uint8) {
	w := &padU8Work{x: x.ref, y: y.ref, xImage: x.pix * in[2] * in[3], yImage: y.pix * h * wd, rows: h}
	w.args = kernel.PadU8Args{
		InH: in[2], InW: in[3], OutW: wd, PadTop: top, PadLeft: left, C: in[1], Value: value,
		XPix: x.pix, XRow: x.pix * in[3], YPix: y.pix, YRow: y.pix * wd,
	}
	out := tensor.Shape{in[0], in[1], h, wd}
	s := step{Step: Step{Node: l.node.Name, Op: op, Kernel: "move_u8/go", Bytes: 2 * int64(out.Elements()), Out: out}, work: w}
	chunked(&s, in[0]*h, l.pieces(int64(out.Elements()), 4*moveRate))
	l.emit(s, w.y, w.x)
}

func (l *lowering) quantize() error {
	n := l.node
	q, err := l.quant(n.Out[0])
	if err != nil {
		return err
	}
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	s := l.shape(n.In[0])
	v := kernel.Pick(kernel.QuantizeU8, l.kernels)
	w := &quantizeWork{fn: v.Fn, x: x.ref, y: y.ref, q: q, profile: l.profile,
		nest: newNest(pixelOrder(s), 1, 1, false, pixelOrder(x.strides(s)), pixelOrder(y.strides(s)))}
	st := step{Step: Step{Op: "quantize", Kernel: "quantize_u8/" + v.Name, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(s.Elements()), v.Rate))
	l.emit(st, w.y, w.x)
	return nil
}

func (l *lowering) dequantize() error {
	n := l.node
	q, err := l.quant(n.In[0])
	if err != nil {
		return err
	}
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	s := l.shape(n.In[0])
	v := kernel.Pick(kernel.DequantizeU8, l.kernels)
	w := &dequantizeWork{fn: v.Fn, x: x.ref, y: y.ref, q: q,
		nest: newNest(pixelOrder(s), 1, 1, false, pixelOrder(x.strides(s)), pixelOrder(y.strides(s)))}
	st := step{Step: Step{Op: "dequantize", Kernel: "dequantize_u8/" + v.Name, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(s.Elements()), v.Rate))
	l.emit(st, w.y, w.x)
	return nil
}

// moveBytes is move for quantized values.
func (l *lowering) moveBytes(op, name string, s tensor.Shape, x ref, xs []int, y ref, ys []int) {
	v := kernel.Pick(kernel.CopyU8, l.kernels)
	w := &copyU8Work{fn: v.Fn, x: x, y: y, nest: newNest(s, 2, 0, true, xs, ys)}
	st := step{Step: Step{Node: name, Op: op, Kernel: "copy_u8/" + v.Name, Bytes: 2 * int64(s.Elements()), Out: s}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(s.Elements()), v.Rate))
	l.emit(st, y, x)
}
