package onnx

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Quantized models in the form QDQ: QuantizeLinear and DequantizeLinear around operators of
// float32. They are read as they stand; fuseQuantized then makes an integer operator of every
// one that reads dequantized values and whose result is quantized again.

// scales are a QuantizeLinear's or DequantizeLinear's parameters, inputs 1 and 2.
func (n *node) scales() (*tensor.Quant, tensor.DType, error) {
	s := n.constant(1)
	if s == nil || s.floats() == nil {
		return nil, 0, lacks("scales that are not constant")
	}
	q := &tensor.Quant{Scale: s.floats(), Zero: make([]int32, s.elements())}
	for _, v := range q.Scale {
		if !(v > 0) || math.IsInf(float64(v), 0) {
			return nil, 0, n.refuse("scale %v: want a positive number", v)
		}
	}
	d := tensor.Uint8
	if z := n.constant(2); z != nil {
		if z.raw == nil || z.elements() != len(q.Zero) {
			return nil, 0, n.refuse("zero points of shape %v for %d scales", z.shape, len(q.Zero))
		}
		d = z.raw.DType
		for i := range q.Zero {
			q.Zero[i] = int32(at(z.raw, i))
		}
	}
	return q, d, nil
}

// dequantizeConstant folds a DequantizeLinear of known integers, and remembers them.
func dequantizeConstant(n *node) (*constant, error) {
	x := n.constant(0)
	if x == nil || x.raw == nil {
		return nil, lacks("integers of that type")
	}
	q, _, err := n.scales()
	if err != nil {
		return nil, err
	}
	q.Axis = n.int("axis", 1)
	if q.Axis < 0 {
		q.Axis += len(x.shape)
	}
	inner := 1
	if len(q.Scale) > 1 {
		if q.Axis < 0 || q.Axis >= len(x.shape) || x.shape[q.Axis] != len(q.Scale) {
			return nil, n.refuse("%d scales along dimension %d of shape %v", len(q.Scale), q.Axis, x.shape)
		}
		inner = x.shape[q.Axis+1:].Elements()
	} else if len(q.Scale) != 1 {
		return nil, n.refuse("no scale")
	}
	count := x.elements()
	if err := n.im.mem.spend(4 * count); err != nil {
		return nil, err
	}
	c := &constant{dtype: tensor.Float32, shape: x.shape, bulk: make([]float32, count), init: x.init}
	for i := range c.bulk {
		k := i / inner % len(q.Scale)
		c.bulk[i] = float32(at(x.raw, i)-float64(q.Zero[k])) * q.Scale[k]
	}
	t := *x.raw
	t.Quant = q
	c.whole = &t
	return c, nil
}

func dequantizeLinear(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	if n.im.g.Values[x.id].Quant == nil {
		return lacks("of values that no QuantizeLinear made")
	}
	return n.finish(graph.Dequantize{}, x.batch, x)
}

func quantizeLinear(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	q, d, err := n.scales()
	if err != nil {
		return err
	}
	if len(q.Scale) != 1 || d != tensor.Uint8 && d != tensor.Int8 {
		return lacks("to %v with %d scales", d, len(q.Scale))
	}
	v, err := n.emit(n.out[0], graph.Quantize{To: d}, x.batch, []*value{x})
	if err != nil {
		return err
	}
	n.im.g.Values[v.id].Quant = q
	return nil
}

// fuser builds the integer graph of one that was read.
type fuser struct {
	g       *graph.Graph
	sources map[graph.ID]*tensor.Tensor // integers behind dequantized constants
	b       *graph.Builder
	uses    [][]int
	real    []graph.ID // every value's float form, where there is one
	whole   []graph.ID // and its integer form
	quants  map[graph.ID]*tensor.Quant
	done    []bool // nodes that one before does in their place
}

// fuseQuantized turns the graph's quantized islands into integer operators.
func fuseQuantized(g *graph.Graph, sources map[graph.ID]*tensor.Tensor) (*graph.Graph, error) {
	f := &fuser{
		g: g, sources: sources, b: graph.NewBuilder(g.Name), uses: g.Uses(), quants: map[graph.ID]*tensor.Quant{},
		real: make([]graph.ID, len(g.Values)), whole: make([]graph.ID, len(g.Values)), done: make([]bool, len(g.Nodes)),
	}
	for i := range g.Values {
		f.real[i], f.whole[i] = graph.None, graph.None
	}
	for _, id := range g.Inputs {
		f.real[id] = f.b.Input(g.Value(id).Name, g.Value(id).Type)
	}
	for i := range g.Nodes {
		if !f.done[i] {
			f.node(i)
		}
	}
	outs := make([]graph.ID, len(g.Outputs))
	for i, id := range g.Outputs {
		if outs[i] = f.asReal(id); g.Value(id).Type.Quantized() {
			outs[i] = f.whole[id]
		}
	}
	out, err := f.b.Build(outs...)
	if err != nil {
		return nil, err
	}
	for id, q := range f.quants {
		out.Values[id].Quant = q
	}
	return out, nil
}

func (f *fuser) asReal(id graph.ID) graph.ID {
	if id == graph.None || f.real[id] != graph.None || f.g.Value(id).Type.Quantized() {
		if id == graph.None {
			return id
		}
		return f.real[id]
	}
	v := f.g.Value(id)
	if v.Data != nil {
		f.real[id] = f.b.Bound(v.Kind, v.Name, v.Data)
	} else {
		f.real[id] = f.b.Add(v.Name, graph.Dequantize{}, f.whole[id])
	}
	return f.real[id]
}

func (f *fuser) output(id graph.ID) bool {
	for _, o := range f.g.Outputs {
		if o == id {
			return true
		}
	}
	return false
}

// then returns the only reader of a node's only result, or nil.
func (f *fuser) then(n *graph.Node) (int, *graph.Node) {
	if len(n.Out) != 1 || f.output(n.Out[0]) || len(f.uses[n.Out[0]]) != 1 {
		return -1, nil
	}
	i := f.uses[n.Out[0]][0]
	return i, &f.g.Nodes[i]
}

func (f *fuser) node(i int) {
	n := &f.g.Nodes[i]
	switch n.Op.(type) {
	case graph.Quantize:
		f.whole[n.Out[0]] = f.b.Add(f.g.Value(n.Out[0]).Name, n.Op, f.asReal(n.In[0]))
		f.quants[f.whole[n.Out[0]]] = f.g.Value(n.Out[0]).Quant
		return
	case graph.Dequantize: // real numbers are made only where somebody wants them
		f.whole[n.Out[0]] = f.whole[n.In[0]]
		return
	}
	if f.moves(n) || f.fuse(i) {
		return
	}
	in := make([]graph.ID, len(n.In))
	for k, id := range n.In {
		in[k] = f.asReal(id)
	}
	for k, id := range f.b.AddN(f.g.Value(n.Out[0]).Name, n.Op, len(n.Out), in...) {
		f.real[n.Out[k]] = id
	}
}

// moves lowers what only moves or selects elements of a dequantized value to the same over
// its integers.
func (f *fuser) moves(n *graph.Node) bool {
	switch n.Op.(type) {
	case graph.MaxPool, graph.Split, graph.Slice, graph.Shuffle, graph.Reshape, graph.Flatten, graph.Transpose, graph.Identity:
	default:
		return false
	}
	x := f.whole[n.In[0]]
	if x == graph.None || f.b.Err() != nil {
		return false
	}
	for k, id := range f.b.AddN(f.g.Value(n.Out[0]).Name+"/integers", n.Op, len(n.Out), x) {
		f.whole[n.Out[k]] = id
		f.quants[id] = f.quants[x]
	}
	return true
}

// fuse makes one integer operator of a node, a limit behind it and the QuantizeLinear behind
// that.
func (f *fuser) fuse(i int) bool {
	n := &f.g.Nodes[i]
	at, next := f.then(n)
	if next == nil {
		return false
	}
	act, limit := graph.Act{}, -1
	if a, ok := next.Op.(graph.Activate); ok && (a.Act.Kind == graph.ActReLU || a.Act.Kind == graph.ActClip) {
		act, limit = a.Act, at
		if at, next = f.then(next); next == nil {
			return false
		}
	}
	if _, ok := next.Op.(graph.Quantize); !ok {
		return false
	}
	y := f.g.Value(next.Out[0])
	op := n.Op
	layer := false
	switch o := n.Op.(type) {
	case graph.Conv:
		if o.Residual || o.Act != (graph.Act{}) {
			return false
		}
		o.Act, op, layer = act, o, true
	case graph.Linear:
		if o.Act != (graph.Act{}) {
			return false
		}
		o.Act, op, layer = act, o, true
	case graph.Binary:
		if o.Act != (graph.Act{}) || o.Fn == graph.Div {
			return false
		}
		o.Act, op = act, o
	case graph.GlobalAvgPool, graph.AvgPool, graph.Concat:
		if limit >= 0 {
			return false
		}
	case graph.Activate:
		if limit >= 0 || o.Act.Kind == graph.ActSiLU {
			return false
		}
	case graph.Pad:
		if limit >= 0 || o.Value != 0 || f.whole[n.In[0]] == graph.None || !same(f.quants[f.whole[n.In[0]]], y.Quant) {
			return false
		}
	default:
		return false
	}
	if _, mean := n.Op.(graph.AvgPool); mean && (f.whole[n.In[0]] == graph.None || !same(f.quants[f.whole[n.In[0]]], y.Quant)) {
		return false // the integer form keeps its input's quanta
	}
	var in []graph.ID
	for k, id := range n.In {
		if id == graph.None || layer && k > 0 {
			break
		}
		x := f.operand(id)
		if x == graph.None || f.b.Type(x).DType != y.Type.DType {
			return false
		}
		in = append(in, x)
	}
	if layer {
		w, ok := f.layer(n, in[0])
		if !ok {
			return false
		}
		in = append(in, w...)
	}
	id := f.b.Add(y.Name, op, in...)
	if f.done[at] = true; limit >= 0 {
		f.done[limit] = true
	}
	f.whole[next.Out[0]] = id
	f.quants[id] = y.Quant
	return true
}

func same(a, b *tensor.Quant) bool {
	return a != nil && b != nil && a.Scale[0] == b.Scale[0] && a.Zero[0] == b.Zero[0]
}

// operand is an operator's operand in integers, or None.
func (f *fuser) operand(id graph.ID) graph.ID {
	if f.whole[id] != graph.None {
		return f.whole[id]
	}
	t := f.sources[id]
	if t == nil || len(t.Quant.Scale) != 1 || t.DType != tensor.Int8 && t.DType != tensor.Uint8 {
		return graph.None
	}
	f.whole[id] = f.b.Bound(graph.Constant, f.g.Value(id).Name+"/integers", t)
	f.quants[f.whole[id]] = t.Quant
	return f.whole[id]
}

// layer is a layer's weights and bias in integers.
func (f *fuser) layer(n *graph.Node, x graph.ID) ([]graph.ID, bool) {
	w := f.sources[n.In[1]]
	qx := f.quants[x]
	if w == nil || qx == nil || w.DType != tensor.Int8 && w.DType != tensor.Uint8 || len(w.Quant.Scale) > 1 && w.Quant.Axis != 0 || !w.Shape.Equal(f.g.Value(n.In[1]).Type.Shape) {
		return nil, false
	}
	var sums *tensor.Tensor
	if len(n.In) > 2 {
		bias := f.g.Value(n.In[2])
		if bias.Data == nil {
			return nil, false
		}
		sums = tensor.New(tensor.Int32, bias.Type.Shape)
		for o, v := range bias.Data.Floats() {
			unit := float64(qx.Scale[0]) * float64(w.Quant.Scale[o%len(w.Quant.Scale)])
			sums.Data.([]int32)[o] = int32(min(max(math.RoundToEven(float64(v)/unit), math.MinInt32), math.MaxInt32))
		}
	}
	name := func(id graph.ID) string { return fmt.Sprintf("%s/integers of %s", f.g.Value(id).Name, n.Name) }
	out := []graph.ID{f.b.Bound(graph.Parameter, name(n.In[1]), w)}
	if sums != nil {
		out = append(out, f.b.Bound(graph.Parameter, name(n.In[2]), sums))
	}
	return out, true
}
