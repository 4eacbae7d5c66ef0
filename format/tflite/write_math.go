package tflite

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// maxBroadcast is how many dimensions the runtime's arithmetic broadcasts over.
const maxBroadcast = 4

// operand is one side of an operator over two: a tensor, its shape in the file, and the
// value whose type and quantization it has.
type operand struct {
	t     int
	shape tensor.Shape
	like  graph.ID
}

// aligned is a value as an operand of rank dimensions in a layout: what it has less of them
// stands as ones before its own, which is how shapes broadcast in the graph.
func (e *exporter) aligned(name string, id graph.ID, rank int, l layout) operand {
	s := e.shape(id)
	if len(s) == rank {
		return operand{e.value(id, l), l.shape(s), id}
	}
	full := make(tensor.Shape, rank)
	for i := range full {
		full[i] = 1
	}
	copy(full[rank-len(s):], s)
	p := l.order(rank)
	to := permute(full, p)
	if v := &e.g.Values[id]; v.Data != nil {
		t := *v.Data
		t.Shape = full
		return operand{e.add(v.Name, v.Type.DType, to, v.Quant, rawData(reorder(&t, full, p))), to, id}
	}
	x := e.reshaped(name+"/full", id, e.value(id, plain), s, full)
	if still(full, p) {
		return operand{e.reshaped(name+"/aligned", id, x, full, to), to, id}
	}
	y := e.between(name+"/aligned", id, to)
	e.transpose(name+"/aligned", id, x, full, p, y)
	return operand{y, to, id}
}

func (e *exporter) binary(n *graph.Node, op graph.Binary) {
	rank := len(e.shape(n.Out[0]))
	l := plain
	if rank >= 3 {
		l = e.stands(n.In...)
	}
	a, b := e.aligned(n.Name+"/a", n.In[0], rank, l), e.aligned(n.Name+"/b", n.In[1], rank, l)
	act, y, finish := e.ending(n, op.Act, l)
	defer finish()
	e.combine(n, op.Fn, act, a, b, operand{y, l.shape(e.shape(n.Out[0])), n.Out[0]})
}

// combine emits an addition, subtraction, product or quotient of two operands of one rank.
func (e *exporter) combine(n *graph.Node, fn graph.BinaryFn, act int8, a, b, y operand) {
	code := [...]int{graph.Add: 0, graph.Sub: 41, graph.Mul: 18, graph.Div: 42}[fn]
	kind := [...]int{graph.Add: addOptions, graph.Sub: subOptions, graph.Mul: mulOptions, graph.Div: divOptions}[fn]
	version := e.version(y.like)
	shapes := []tensor.Shape{a.shape, b.shape, y.shape}
	if len(y.shape) > maxBroadcast && !(a.shape.Equal(y.shape) && b.shape.Equal(y.shape)) {
		shapes = broadcastable(a.shape, b.shape, y.shape)
		for _, x := range []*operand{&a, &b} {
			if len(shapes[2]) <= maxBroadcast {
				break
			}
			if e.g.Value(x.like).Type.Quantized() {
				e.no(n, "of integers that broadcast along more dimensions than the runtime knows")
				return
			}
			*x = e.spread(n, *x, y.shape)
			shapes = broadcastable(a.shape, b.shape, y.shape)
		}
	}
	in := []int{
		e.reshaped(n.Name+"/a/joined", a.like, a.t, a.shape, shapes[0]),
		e.reshaped(n.Name+"/b/joined", b.like, b.t, b.shape, shapes[1]),
	}
	e.viewed(n.Name+"/joined", y.like, y.t, y.shape, shapes[2], func(y int) {
		e.emit(code, version, in, []int{y}, kind, fbTable{act})
	})
}

// spread repeats an operand to a shape, one dimension after the other: times ones, which
// changes no number.
func (e *exporter) spread(n *graph.Node, x operand, to tensor.Shape) operand {
	for d, size := range to {
		if x.shape[d] == size {
			continue
		}
		ones := make([]float32, size)
		for i := range ones {
			ones[i] = 1
		}
		name := fmt.Sprintf("%s/spread%d", n.Name, d)
		view := around(x.shape, d)
		full := x.shape.Clone()
		full[d] = size
		y := e.between(name, x.like, full)
		in := []int{e.reshaped(name+"/in", x.like, x.t, x.shape, view), e.floats(name+"/ones", tensor.Shape{1, size, 1}, ones)}
		e.viewed(name+"/out", x.like, y, full, around(full, d), func(y int) {
			e.emit(18, 1, in, []int{y}, mulOptions, fbTable{int8(0)})
		})
		x = operand{y, full, x.like}
	}
	return x
}

// broadcastable joins neighbouring dimensions along which both operands broadcast alike.
func broadcastable(a, b, y tensor.Shape) []tensor.Shape {
	var out [3]tensor.Shape
	kind := -1
	for d, n := range y {
		if n == 1 {
			continue
		}
		k := 0
		if a[d] == 1 {
			k = 1
		} else if b[d] == 1 {
			k = 2
		}
		if end := len(out[2]) - 1; k == kind {
			out[0][end] *= a[d]
			out[1][end] *= b[d]
			out[2][end] *= n
			continue
		}
		kind = k
		out[0], out[1], out[2] = append(out[0], a[d]), append(out[1], b[d]), append(out[2], n)
	}
	if len(out[2]) == 0 {
		return []tensor.Shape{{1}, {1}, {1}}
	}
	return out[:]
}

// batchNorm becomes a product and a sum of one number per channel each, computed in float64
// and rounded once.
func (e *exporter) batchNorm(n *graph.Node, op graph.BatchNorm) {
	if !e.known(n) {
		return
	}
	var p [4][]float32
	for k := range p {
		p[k] = e.g.Value(n.In[k+1]).Data.Floats()
	}
	channels := len(p[0])
	scale, shift := make([]float32, channels), make([]float32, channels)
	for c := range channels {
		f := float64(p[0][c]) / math.Sqrt(float64(p[3][c])+op.Eps)
		scale[c], shift[c] = float32(f), float32(float64(p[1][c])-float64(p[2][c])*f)
	}
	s := e.shape(n.In[0])
	l := e.stands(n.In[0])
	x := operand{e.value(n.In[0], l), l.shape(s), n.In[0]}
	one := make(tensor.Shape, len(s))
	for i := range one {
		one[i] = 1
	}
	one[l.axis(1, len(s))] = channels
	between := operand{e.between(n.Name+"/scaled", n.Out[0], x.shape), x.shape, n.Out[0]}
	e.combine(n, graph.Mul, 0, x, operand{e.floats(n.Name+"/scale", one, scale), one, n.Out[0]}, between)
	e.combine(n, graph.Add, 0, between, operand{e.floats(n.Name+"/shift", one, shift), one, n.Out[0]}, operand{e.define(n.Out[0], l), x.shape, n.Out[0]})
}
