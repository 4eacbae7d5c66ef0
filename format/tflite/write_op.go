package tflite

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// node writes one node of the graph as the operators that compute it.
func (e *exporter) node(n *graph.Node) error {
	for _, id := range n.In {
		if v := e.g.Value(id); v.Kind != graph.Activation && v.Kind != graph.Input && v.Data == nil {
			return fmt.Errorf("tflite: write: node %q: weight %q has no data: bind the weights first", n.Name, v.Name)
		}
	}
	for _, id := range append(n.In[:len(n.In):len(n.In)], n.Out...) {
		if s := e.shape(id); s.Elements() == 0 {
			e.no(n, fmt.Sprintf("a value of shape %v, which has no elements", s))
			return nil
		}
	}
	in, out := e.shape(n.In[0]), e.shape(n.Out[0])
	version := e.version(n.Out[0])
	switch op := n.Op.(type) {
	case graph.Conv:
		e.conv(n, op, in, out)
	case graph.Linear:
		e.linear(n, op, in)
	case graph.BatchNorm:
		e.batchNorm(n, op)
	case graph.Binary:
		e.binary(n, op)
	case graph.Activate:
		e.activate(n, op.Act)
	case graph.MaxPool:
		e.maxPool(n, op)
	case graph.AvgPool:
		e.avgPool(n, op)
	case graph.GlobalAvgPool:
		e.emit(40, version, []int{e.value(n.In[0], last), e.list(1, 2)}, []int{e.define(n.Out[0], last)}, reducerOptions, fbTable{true})
	case graph.Softmax:
		e.softmax(n, op)
	case graph.Concat:
		e.concat(n, op)
	case graph.Split:
		e.split(n, op)
	case graph.Slice:
		e.slice(n, op)
	case graph.Shuffle:
		x, per := e.value(n.In[0], last), in[1]/op.Groups
		parts := e.between(n.Name+"/parts", n.In[0], tensor.Shape{in[0], in[2], in[3], op.Groups, per})
		swapped := e.between(n.Name+"/swapped", n.In[0], tensor.Shape{in[0], in[2], in[3], per, op.Groups})
		e.reshape(x, parts, in[0], in[2], in[3], op.Groups, per)
		e.emit(39, version, []int{parts, e.list(0, 1, 2, 4, 3)}, []int{swapped}, transposeOptions, fbTable{})
		e.reshape(swapped, e.define(n.Out[0], last), in[0], in[2], in[3], in[1])
	case graph.Pad:
		p := [4]int{op.Pad.Top, op.Pad.Bottom, op.Pad.Left, op.Pad.Right}
		if op.Value != 0 && e.g.Value(n.In[0]).Type.Quantized() {
			e.no(n, "of integers with a value")
			return nil
		}
		e.value(n.In[0], last)
		e.pad(n.Name, n.In[0], e.define(n.Out[0], last), p, op.Value)
	case graph.Resize:
		e.resize(n, op)
	case graph.Reshape, graph.Flatten, graph.Identity:
		e.regroup(n, in, out)
	case graph.Transpose:
		e.move(n, op.Perm.Slice())
	case graph.Quantize, graph.Requantize:
		l := e.stands(n.In[0])
		e.emit(114, 1, []int{e.value(n.In[0], l)}, []int{e.define(n.Out[0], l)}, quantizeOptions, fbTable{})
	case graph.Dequantize:
		l := e.stands(n.In[0])
		e.emit(6, e.version(n.In[0]), []int{e.value(n.In[0], l)}, []int{e.define(n.Out[0], l)}, dequantizeOptions, fbTable{})
	default:
		e.no(n, "")
	}
	return nil
}

// ending prepares an operator that ends in an activation: the number in the operator's own
// options, the tensor that it computes, and what writes the rest once the operator stands.
func (e *exporter) ending(n *graph.Node, act graph.Act, l layout) (code int8, y int, finish func()) {
	code, ok := fusedCode(act)
	if ok {
		return code, e.define(n.Out[0], l), func() {}
	}
	v := e.g.Value(n.Out[0])
	if act.Kind != graph.ActClip {
		e.no(n, act.String())
		return 0, e.define(n.Out[0], l), func() {}
	}
	if len(v.Type.Shape) < 3 {
		l = plain
	}
	y = e.between(n.Name+"/unlimited", n.Out[0], l.shape(v.Type.Shape))
	return 0, y, func() { e.clip(n, act, y, e.define(n.Out[0], l), l) }
}

// clip limits x to y. A number broadcasts over so many dimensions alone, so values of more
// are lists.
func (e *exporter) clip(n *graph.Node, act graph.Act, x, y int, l layout) {
	shape := l.shape(e.shape(n.Out[0]))
	view := shape
	if len(shape) > maxBroadcast {
		view = tensor.Shape{shape.Elements()}
	}
	x = e.reshaped(n.Name+"/list", n.Out[0], x, shape, view)
	e.viewed(n.Name+"/limits", n.Out[0], y, shape, view, func(y int) { e.limits(n, act, x, y, view) })
}

// limits limits x to y, of one shape.
func (e *exporter) limits(n *graph.Node, act graph.Act, x, y int, shape tensor.Shape) {
	hasLo, hasHi := !math.IsInf(float64(act.Lo), -1), !math.IsInf(float64(act.Hi), 1)
	number := tensor.Shape{1}[:min(len(shape), 1)]
	limit := func(code int, what string, v float32, x, y int) {
		e.emit(code, e.version(n.Out[0]), []int{x, e.number(n.Name+"/"+what, n.Out[0], number, v)}, []int{y}, maxMinOptions, fbTable{})
	}
	switch {
	case hasLo && hasHi:
		between := e.between(n.Name+"/limited", n.Out[0], shape)
		limit(55, "lowest", act.Lo, x, between)
		limit(57, "highest", act.Hi, between, y)
	case hasLo:
		limit(55, "lowest", act.Lo, x, y)
	case hasHi:
		limit(57, "highest", act.Hi, x, y)
	default:
		e.reshape(x, y, shape...)
	}
}

// activate: activations that are operators of their own.
func (e *exporter) activate(n *graph.Node, act graph.Act) {
	l, version := e.stands(n.In[0]), e.version(n.Out[0])
	x := e.value(n.In[0], l)
	simple := func(code, version, kind int, options fbTable) {
		e.emit(code, version, []int{x}, []int{e.define(n.Out[0], l)}, kind, options)
	}
	switch {
	case act == graph.Act{}:
		e.reshape(x, e.define(n.Out[0], l), l.shape(e.shape(n.Out[0]))...)
	case act == graph.ReLU:
		simple(19, version, noOptions, nil)
	case act == graph.ReLU6:
		simple(21, version, noOptions, nil)
	case act == graph.Clip(-1, 1) && !e.g.Value(n.Out[0]).Type.Quantized():
		simple(20, version, noOptions, nil)
	case act.Kind == graph.ActSigmoid:
		simple(14, version, noOptions, nil)
	case act.Kind == graph.ActHardSwish:
		simple(117, 1, hardSwishOptions, fbTable{})
	case act.Kind == graph.ActClip:
		e.clip(n, act, x, e.define(n.Out[0], l), l)
	default:
		e.no(n, act.String())
	}
}

// maxCut is how many dimensions the runtime's operators along one of them take; a value of
// more is seen as what stands before that one, it, and what stands behind it.
const maxCut = 4

func (e *exporter) softmax(n *graph.Node, op graph.Softmax) {
	s := e.shape(n.In[0])
	rank := len(s)
	l := e.stands(n.In[0])
	if l.axis(op.Axis, rank) != rank-1 && (1-l).axis(op.Axis, rank) == rank-1 {
		l = 1 - l
	}
	x, shape, a := e.value(n.In[0], l), l.shape(s), l.axis(op.Axis, rank)
	version, options := e.version(n.Out[0]), fbTable{float32(1)}
	if a == rank-1 && rank <= maxCut {
		e.emit(25, version, []int{x}, []int{e.define(n.Out[0], l)}, softmaxOptions, options)
		return
	}
	// Rows of what the sum goes over.
	view := around(shape, a)
	x = e.reshaped(n.Name+"/around", n.In[0], x, shape, view)
	rows := e.between(n.Name+"/rows", n.In[0], permute(view, []int{0, 2, 1}))
	e.transpose(n.Name, n.In[0], x, view, []int{0, 2, 1}, rows)
	shares := e.between(n.Name+"/shares", n.Out[0], permute(view, []int{0, 2, 1}))
	e.emit(25, version, []int{rows}, []int{shares}, softmaxOptions, options)
	y := e.define(n.Out[0], l)
	back := e.between(n.Name+"/back", n.Out[0], view)
	e.transpose(n.Name, n.Out[0], shares, permute(view, []int{0, 2, 1}), []int{0, 2, 1}, back)
	e.reshape(back, y, shape...)
}

// cut says how a value is cut along a dimension of the graph: in which layout, and seen as
// which shape of the file, along which of its dimensions.
func (e *exporter) cut(axis int, ids ...graph.ID) (l layout, view func(tensor.Shape) tensor.Shape, at int) {
	l = e.stands(ids...)
	rank := len(e.shape(ids[0]))
	a := l.axis(axis, rank)
	if rank <= maxCut {
		return l, l.shape, a
	}
	return l, func(s tensor.Shape) tensor.Shape { return around(l.shape(s), a) }, 1
}

func (e *exporter) concat(n *graph.Node, op graph.Concat) {
	l, view, axis := e.cut(op.Axis, n.In...)
	var list []int
	for k, id := range n.In {
		s := e.shape(id)
		list = append(list, e.reshaped(fmt.Sprintf("%s/in%d", n.Name, k), id, e.value(id, l), l.shape(s), view(s)))
	}
	s := e.shape(n.Out[0])
	y := e.define(n.Out[0], l)
	e.viewed(n.Name+"/joined", n.Out[0], y, l.shape(s), view(s), func(y int) {
		e.emit(2, e.version(n.Out[0]), list, []int{y}, concatOptions, fbTable{axis, int8(0)})
	})
}

// viewed has an operator compute y under another shape, and gives it its own behind it.
func (e *exporter) viewed(name string, like graph.ID, y int, shape, view tensor.Shape, compute func(y int)) {
	if shape.Equal(view) {
		compute(y)
		return
	}
	t := e.between(name, like, view)
	compute(t)
	e.reshape(t, y, shape...)
}

func (e *exporter) split(n *graph.Node, op graph.Split) {
	l, view, axis := e.cut(op.Axis, n.In[0])
	s, part := e.shape(n.In[0]), e.shape(n.Out[0])
	x := e.reshaped(n.Name+"/in", n.In[0], e.value(n.In[0], l), l.shape(s), view(s))
	var list []int
	for k, id := range n.Out {
		y := e.define(id, l)
		if len(s) > maxCut {
			y = e.between(fmt.Sprintf("%s/out%d", n.Name, k), id, view(part))
		}
		list = append(list, y)
	}
	e.emit(49, e.version(n.Out[0]), []int{e.ints(tensor.Shape{}, axis), x}, list, splitOptions, fbTable{op.Parts})
	if len(s) > maxCut {
		for k, id := range n.Out {
			e.reshape(list[k], e.at[id][l], l.shape(part)...)
		}
	}
}

func (e *exporter) slice(n *graph.Node, op graph.Slice) {
	l, view, axis := e.cut(op.Axis, n.In[0])
	s, out := e.shape(n.In[0]), e.shape(n.Out[0])
	shape := view(s)
	x := e.reshaped(n.Name+"/in", n.In[0], e.value(n.In[0], l), l.shape(s), shape)
	begin, end, step := make([]int, len(shape)), []int(shape.Clone()), make([]int, len(shape))
	for i := range step {
		step[i] = 1
	}
	begin[axis], end[axis], step[axis] = op.Start, op.End, op.Step
	y := e.define(n.Out[0], l)
	e.viewed(n.Name+"/kept", n.Out[0], y, l.shape(out), view(out), func(y int) {
		e.emit(45, e.version(n.Out[0]), []int{x, e.list(begin...), e.list(end...), e.list(step...)}, []int{y}, stridedOptions, fbTable{0, 0, 0, 0, 0})
	})
}

// regroup gives elements another shape. They are counted in the graph's order, so an image
// goes there first, unless only what lies between its batch and its channels is regrouped.
func (e *exporter) regroup(n *graph.Node, in, out tensor.Shape) {
	x, y := n.In[0], n.Out[0]
	l := e.stands(x)
	kept := len(in) >= 3 && len(out) >= 3 && in[0] == out[0] && in[1] == out[1]
	switch {
	case in.Equal(out) || kept && l == last:
		e.reshape(e.value(x, l), e.define(y, l), l.shape(out)...)
		return
	case l == last && still(last.shape(in), inverse(last.order(len(in)))): // in the graph's order already
	default:
		l = plain
	}
	to := plain
	if len(out) == 4 && still(out, last.order(4)) { // an image of the same order
		to = last
	}
	e.reshape(e.value(x, l), e.define(y, to), to.shape(out)...)
}

// move reorders dimensions: of the layouts in which both ends can stand, the pair that takes
// the least moving.
func (e *exporter) move(n *graph.Node, perm []int) {
	x, y := n.In[0], n.Out[0]
	s := e.shape(x)
	rank := len(s)
	best, from, to := math.MaxInt, plain, plain
	var p []int
	for _, a := range []layout{last, plain} {
		for _, b := range []layout{last, plain} {
			if rank < 3 && (a == last || b == last) {
				continue
			}
			// element i of the file's result is dimension perm[b[i]] of the graph's x
			q, back := make([]int, rank), inverse(a.order(rank))
			for i, d := range b.order(rank) {
				q[i] = back[perm[d]]
			}
			cost := 0
			if e.at[x][a] < 0 && !e.constant(x) {
				cost += 2
			}
			if !still(a.shape(s), q) {
				cost += 2
			}
			if b != portLayout(rank) {
				cost++
			}
			if cost < best {
				best, from, to, p = cost, a, b, q
			}
		}
	}
	in := e.value(x, from)
	e.transpose(n.Name, y, in, from.shape(s), p, e.define(y, to))
}
