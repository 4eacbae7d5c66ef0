package engine

import (
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// pixelOrder reorders the logical dimensions of a shape, or strides along them, to the
// order in memory: NCHW becomes NHWC.
func pixelOrder(d []int) []int {
	if len(d) == 4 {
		return []int{d[0], d[2], d[3], d[1]}
	}
	if len(d) == 0 {
		return []int{1}
	}
	return d
}

func (l *lowering) activate(op graph.Activate) error {
	return l.unary("activate", nil, nil, kernelAct(op.Act))
}

// unary lowers y = act(x·scale + shift), per channel of an image; scale and shift are nil
// for an activation alone.
func (l *lowering) unary(name string, scale, shift *ref, act kernel.Act) error {
	n := l.node
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	s := l.shape(n.In[0])
	v := kernel.Pick(kernel.UnaryF32, l.kernels)
	w := &unaryWork{
		fn: v.Fn, x: x.ref, y: y.ref, act: act,
		nest: newNest(pixelOrder(s), 1, 1, false, pixelOrder(x.strides(s)), pixelOrder(y.strides(s))),
	}
	reads := []ref{w.x}
	if scale != nil {
		w.affine, w.scale, w.shift = true, *scale, *shift
		reads = append(reads, w.scale, w.shift)
	}
	st := step{Step: Step{Op: name, Kernel: "unary/" + v.Name, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(s.Elements()), v.Rate))
	l.emit(st, w.y, reads...)
	return nil
}

// batchNorm lowers a normalization that no pass could fold.
func (l *lowering) batchNorm(op graph.BatchNorm) error {
	n := l.node
	scale, shift, err := l.normalizer(op)
	if err != nil {
		return err
	}
	s := l.shape(n.In[0])
	if imaged(len(s)) {
		return l.unary("batchnorm", &scale, &shift, kernel.Act{})
	}
	// Channels are not innermost: one product and one sum that repeat along the others.
	x, err := l.view(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	st := make([]int, len(s))
	st[1] = 1
	l.arithmetic("batchnorm", kernel.Mul, kernel.Act{}, s, x.ref, x.strides(s), scale, st, y)
	l.arithmetic("batchnorm", kernel.Add, kernel.Act{}, s, y.ref, y.strides(s), shift, st, y)
	return nil
}

// normalizer turns the statistics of a batch norm into a scale and a shift per channel:
// now where they are known, else in a step of the plan.
func (l *lowering) normalizer(op graph.BatchNorm) (scale, shift ref, err error) {
	n := l.node
	c := l.shape(n.In[1])[0]
	w := &normWork{eps: op.Eps, n: c}
	known := true
	for i := range w.stats {
		known = known && l.bound(n.In[i+1])
		v, err := l.view(n.In[i+1])
		if err != nil {
			return ref{}, ref{}, err
		}
		w.stats[i] = v.ref
	}
	if known {
		scale, shift := l.weight(c), l.weight(c)
		normalize(op.Eps, w.stats[0].data, w.stats[1].data, w.stats[2].data, w.stats[3].data, scale, shift)
		return ref{src: inWeights, data: scale}, ref{src: inWeights, data: shift}, nil
	}
	both := l.buffer(tensor.Shape{2 * c})
	w.y = both.ref
	s := step{Step: Step{Op: "batchnorm", Kernel: "normalize/go", Bytes: 24 * int64(c)}, work: w}
	chunked(&s, 1, 1)
	l.emit(s, w.y, w.stats[:]...)
	return w.y, w.y.at(c), nil
}

var binaryFns = [...]kernel.BinaryFn{graph.Add: kernel.Add, graph.Sub: kernel.Sub, graph.Mul: kernel.Mul, graph.Div: kernel.Div}

func (l *lowering) binary(op graph.Binary) error {
	n := l.node
	if done, err := l.deferScale(op); done || err != nil {
		return err
	}
	out := l.shape(n.Out[0])
	var refs [2]ref
	var strides [2][]int
	for i := range refs {
		v, err := l.image(n.In[i])
		if err != nil {
			return err
		}
		refs[i], strides[i] = v.ref, broadcast(l.shape(n.In[i]), v.strides(l.shape(n.In[i])), out)
	}
	y := l.place(n.Out[0])
	l.arithmetic("binary", binaryFns[op.Fn], kernelAct(op.Act), out, refs[0], strides[0], refs[1], strides[1], y)
	return nil
}

// broadcast gives the strides of an operand along the result's dimensions: 0 where it
// repeats.
func broadcast(s tensor.Shape, st []int, out tensor.Shape) []int {
	r := make([]int, len(out))
	lead := len(out) - len(s)
	for d := range s {
		if s[d] > 1 {
			r[lead+d] = st[d]
		}
	}
	return r
}

func (l *lowering) arithmetic(name string, fn kernel.BinaryFn, act kernel.Act, s tensor.Shape, a ref, as []int, b ref, bs []int, y view) {
	v := kernel.Pick(kernel.BinaryF32, l.kernels)
	dims, as, bs, ys := pixelOrder(s), pixelOrder(as), pixelOrder(bs), pixelOrder(y.strides(s))
	last := len(dims) - 1
	image := newImageOperands(dims, as, bs, ys)
	if as[last] > 1 || bs[last] > 1 || dims[last] > 1 && ys[last] != 1 {
		// The kernel's inner loop wants neighbours: give it rows of one element.
		dims, as, bs, ys = append(slices.Clip(dims), 1), append(slices.Clip(as), 0), append(slices.Clip(bs), 0), append(slices.Clip(ys), 1)
	}
	w := &binaryWork{
		fn: v.Fn, a: a, b: b, y: y.ref, op: fn, act: act, image: image,
		nest: newNest(dims, 1, 1, false, as, bs, ys),
	}
	st := step{Step: Step{Op: name, Kernel: "binary/" + v.Name, Bytes: l.touched(l.node.In...) + l.touched(l.node.Out...)}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(s.Elements()), v.Rate))
	l.emit(st, w.y, a, b)
}

func (l *lowering) softmax(op graph.Softmax) error {
	n := l.node
	x, err := l.image(n.In[0])
	if err != nil {
		return err
	}
	y := l.place(n.Out[0])
	s := l.shape(n.In[0])
	xs, ys := x.strides(s), y.strides(s)
	v := kernel.Pick(kernel.SoftmaxF32, l.kernels)
	w := &softmaxWork{fn: v.Fn, x: x.ref, y: y.ref, n: s[op.Axis], sx: xs[op.Axis], sy: ys[op.Axis]}
	others := func(d []int) []int { return slices.Delete(slices.Clone(d), op.Axis, op.Axis+1) }
	w.nest = newNest(others(s), 0, 0, true, others(xs), others(ys))
	st := step{Step: Step{Op: "softmax", Kernel: "softmax/" + v.Name, Bytes: l.touched(n.In...) + l.touched(n.Out...)}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(s.Elements()), v.Rate))
	l.emit(st, w.y, w.x)
	return nil
}
