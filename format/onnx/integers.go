package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/tensor"
)

// fuser builds the integer graph of one that was read.
type fuser struct {
	g           *graph.Graph
	sources     map[graph.ID]*tensor.Tensor // integers behind dequantized constants
	dequantized map[graph.ID]*tensor.Quant  // parameters of every DequantizeLinear, by its result
	names       map[string]bool
	b           *graph.Builder
	uses        [][]int
	real        []graph.ID // every value's float form, where there is one
	whole       []graph.ID // and its integer form
	quants      map[graph.ID]*tensor.Quant
	done        []bool // nodes that one before does in their place
}

// fuseQuantized turns the graph's quantized islands into integer operators. An operator
// becomes one of integers where ONNX Runtime's own fusions give the same results, and
// otherwise stays one of real numbers between a Dequantize and a Quantize.
func fuseQuantized(g *graph.Graph, sources map[graph.ID]*tensor.Tensor, dequantized map[graph.ID]*tensor.Quant) (*graph.Graph, error) {
	f := &fuser{
		g: g, sources: sources, dequantized: dequantized, names: map[string]bool{}, b: graph.NewBuilder(g.Name), uses: g.Uses(), quants: map[graph.ID]*tensor.Quant{},
		real: make([]graph.ID, len(g.Values)), whole: make([]graph.ID, len(g.Values)), done: make([]bool, len(g.Nodes)),
	}
	for i := range g.Values {
		f.real[i], f.whole[i] = graph.None, graph.None
		f.names[g.Values[i].Name] = true
	}
	for _, id := range g.Inputs {
		v := g.Value(id)
		in := f.b.Input(v.Name, v.Type)
		if v.Type.Quantized() {
			f.whole[id], f.quants[in] = in, v.Quant
		} else {
			f.real[id] = in
		}
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

func (f *fuser) output(id graph.ID) bool { return slices.Contains(f.g.Outputs, id) }

// then returns the only reader of a node's only result, or nil.
func (f *fuser) then(n *graph.Node) (int, *graph.Node) {
	if len(n.Out) != 1 || f.output(n.Out[0]) || len(f.uses[n.Out[0]]) != 1 {
		return -1, nil
	}
	i := f.uses[n.Out[0]][0]
	return i, &f.g.Nodes[i]
}

// integer adds a node of one quantized result.
func (f *fuser) integer(name string, q *tensor.Quant, op graph.Op, in ...graph.ID) graph.ID {
	id := f.b.Add(name, op, in...)
	f.quants[id] = q
	return id
}

// as is bytes that stand for other numbers than those whom they were made for: the same bytes
// under another quantization.
func (f *fuser) as(x graph.ID, q *tensor.Quant, name string) graph.ID {
	if x == graph.None || same(f.quants[x], q) {
		return x
	}
	return f.integer(f.fresh(name+"/as"), q, graph.Identity{}, x)
}

func (f *fuser) node(i int) {
	n := &f.g.Nodes[i]
	y := f.g.Value(n.Out[0])
	switch n.Op.(type) {
	case graph.Quantize:
		x := f.whole[n.In[0]]
		switch {
		case x == graph.None:
			x = f.integer(y.Name, y.Quant, n.Op, f.asReal(n.In[0]))
		case !same(f.quants[x], y.Quant) || f.b.Type(x).DType != y.Type.DType:
			x = f.integer(y.Name, y.Quant, graph.Requantize{To: y.Type.DType}, x)
		case f.output(n.Out[0]):
			x = f.integer(y.Name, y.Quant, graph.Identity{}, x)
		}
		f.whole[n.Out[0]] = x
		return
	case graph.Dequantize: // real numbers are made only where somebody wants them
		f.whole[n.Out[0]] = f.as(f.whole[n.In[0]], f.dequantized[n.Out[0]], y.Name)
		return
	case graph.Concat:
		if y.Type.Quantized() {
			f.join(n)
			return
		}
	}
	if f.moves(n) || f.fuse(i) {
		return
	}
	in := make([]graph.ID, len(n.In))
	for k, id := range n.In {
		in[k] = f.asReal(id)
	}
	for k, id := range f.b.AddN(y.Name, n.Op, len(n.Out), in...) {
		f.real[n.Out[k]] = id
	}
}

// moves lowers what only moves or selects elements of a dequantized value, or of bytes, to
// the same over its integers.
func (f *fuser) moves(n *graph.Node) bool {
	if !selects(n.Op) {
		return false
	}
	x := f.whole[n.In[0]]
	if x == graph.None || f.b.Err() != nil {
		return false
	}
	name := f.g.Value(n.Out[0]).Name
	if !f.g.Value(n.Out[0]).Type.Quantized() { // its real numbers take the name
		name = f.fresh(name + "/integers")
	}
	for k, id := range f.b.AddN(name, n.Op, len(n.Out), x) {
		f.whole[n.Out[k]] = id
		f.quants[id] = f.quants[x]
	}
	return true
}

// join concatenates bytes as they are, whatever each stands for.
func (f *fuser) join(n *graph.Node) {
	y := f.g.Value(n.Out[0])
	in := make([]graph.ID, len(n.In))
	for k, id := range n.In {
		in[k] = f.as(f.whole[id], y.Quant, y.Name)
	}
	f.whole[n.Out[0]] = f.integer(y.Name, y.Quant, n.Op, in...)
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
	op, layer := fused(n.Op, act, y)
	if op == nil {
		return false
	}
	if _, pad := op.(graph.Pad); pad && (f.whole[n.In[0]] == graph.None || !same(f.quants[f.whole[n.In[0]]], y.Quant)) {
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
		w, ok := f.layer(n, in[0], y.Quant)
		if !ok {
			return false
		}
		in = append(in, w...)
	}
	id := f.integer(y.Name, y.Quant, op, in...)
	if f.done[at] = true; limit >= 0 {
		f.done[limit] = true
	}
	f.whole[next.Out[0]] = id
	return true
}

// fused is the operator of integers for one of real numbers, a limit behind it (or none) and
// the quantization to y, or nil where there is none; layer says that it has weights.
//
// Sums and products of two values take a limit only where it changes nothing, since ONNX
// Runtime fuses them then alone and rounds in another way where it does. Differences and
// means of windows it does not compute in integers.
func fused(op graph.Op, act graph.Act, y *graph.Value) (_ graph.Op, layer bool) {
	none := act == graph.Act{}
	if implied(act, y) {
		act = graph.Act{}
	}
	switch o := op.(type) {
	case graph.Conv:
		if o.Residual || o.Act != (graph.Act{}) {
			return nil, false
		}
		o.Act = act
		return o, true
	case graph.Linear:
		if o.Act != (graph.Act{}) {
			return nil, false
		}
		o.Act = act
		return o, true
	case graph.Binary:
		if o.Act != (graph.Act{}) || act != (graph.Act{}) || o.Fn != graph.Add && o.Fn != graph.Mul {
			return nil, false
		}
		return o, false
	case graph.GlobalAvgPool, graph.Concat:
		if !none {
			return nil, false
		}
		return op, false
	case graph.Activate:
		if !none {
			return nil, false
		}
		return op, false
	case graph.Pad:
		if !none || o.Value != 0 {
			return nil, false
		}
		return op, false
	}
	return nil, false
}

// implied reports whether a limit changes no number that a quantized value can hold, so that
// rounding to its integers does the same.
func implied(a graph.Act, v *graph.Value) bool {
	q := bytesOf(v.Type.DType, v.Quant.Scale[0], v.Quant.Zero[0])
	switch a.Kind {
	case graph.ActNone:
		return true
	case graph.ActReLU:
		return q.Within(0, math.Inf(1), fixed.ONNX) == q.Range()
	case graph.ActClip:
		return q.Within(float64(a.Lo), float64(a.Hi), fixed.ONNX) == q.Range()
	}
	return false
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
	f.whole[id] = f.b.Bound(graph.Constant, f.fresh(f.g.Value(id).Name+"/integers"), t)
	f.quants[f.whole[id]] = t.Quant
	return f.whole[id]
}

// layer is a layer's weights and bias in integers, or false where float32 cannot hold the
// factor to its result y or the bias has no integer.
func (f *fuser) layer(n *graph.Node, x graph.ID, y *tensor.Quant) ([]graph.ID, bool) {
	w := f.sources[n.In[1]]
	qx := f.quants[x]
	if w == nil || qx == nil || w.DType != tensor.Int8 && w.DType != tensor.Uint8 || len(w.Quant.Scale) > 1 && w.Quant.Axis != 0 || !w.Shape.Equal(f.g.Value(n.In[1]).Type.Shape) {
		return nil, false
	}
	for _, s := range w.Quant.Scale {
		unit := qx.Scale[0] * s
		if factor := unit / y.Scale[0]; unit < minScale || unit > maxScale || factor < minScale || factor > maxScale {
			return nil, false
		}
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
			whole := math.RoundToEven(float64(v) / unit)
			if !(math.Abs(whole) <= 1<<30) {
				return nil, false
			}
			sums.Data.([]int32)[o] = int32(whole)
		}
	}
	name := func(id graph.ID) string {
		return f.fresh(fmt.Sprintf("%s/integers of %s", f.g.Value(id).Name, n.Name))
	}
	out := []graph.ID{f.b.Bound(graph.Parameter, name(n.In[1]), w)}
	if sums != nil {
		out = append(out, f.b.Bound(graph.Parameter, name(n.In[2]), sums))
	}
	return out, true
}
