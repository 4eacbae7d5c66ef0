package quant

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// keeps reports whether an operator's results have its inputs' quantization.
func keeps(op graph.Op) bool {
	switch op.(type) {
	case graph.Concat: // of one quantization, so that every runtime joins it as it is
		return true
	case graph.Resize:
		return false
	}
	return graph.KeepsQuanta(op)
}

// integral reports whether a node has an integer form, and if not why.
func integral(g *graph.Graph, n *graph.Node) (bool, string) {
	switch op := n.Op.(type) {
	case graph.Conv, graph.Linear:
		if g.Value(n.In[1]).Data == nil || g.Value(n.In[2]).Data == nil {
			return false, "its weights are computed"
		}
		return true, ""
	case graph.GlobalAvgPool:
		return true, ""
	case graph.Binary:
		if op.Fn == graph.Div {
			return false, "a quotient has no integer form"
		}
		return true, ""
	case graph.Activate:
		if limit(op.Act) || op.Act.Kind == graph.ActSigmoid || op.Act.Kind == graph.ActHardSwish {
			return true, ""
		}
		return false, "the activation has no integer form"
	case graph.Pad:
		if op.Value == 0 {
			return true, ""
		}
		return false, "padding other than zero"
	}
	if keeps(n.Op) {
		return true, ""
	}
	return false, n.Op.Name() + " stays in float32"
}

// fallBack notes the operators that have no integer form.
func (q *quantizer) fallBack() {
	for i := range q.g.Nodes {
		if ok, why := integral(q.g, &q.g.Nodes[i]); !ok {
			q.float[q.g.Nodes[i].Name] = why
		}
	}
}

// joint gives every value the value whose range it must share, mostly itself.
func (q *quantizer) joint() []graph.ID {
	root := make([]graph.ID, len(q.g.Values))
	for i := range root {
		root[i] = graph.ID(i)
	}
	var find func(id graph.ID) graph.ID
	find = func(id graph.ID) graph.ID {
		if root[id] != id {
			root[id] = find(root[id])
		}
		return root[id]
	}
	for i := range q.g.Nodes {
		n := &q.g.Nodes[i]
		if !keeps(n.Op) || q.float[n.Name] != "" {
			continue
		}
		for _, list := range [...][]graph.ID{n.In, n.Out} {
			for _, id := range list {
				if id != graph.None {
					root[find(id)] = find(n.Out[0])
				}
			}
		}
	}
	for i := range root {
		find(graph.ID(i))
	}
	return root
}

// chooseRanges gives every value a range; values that must share one share the union.
func (q *quantizer) chooseRanges() {
	uses, root := q.g.Uses(), q.joint()
	q.ranges = make([]span, len(q.g.Values))
	joint := map[graph.ID]span{}
	for i, s := range q.seen {
		if s == nil {
			continue
		}
		r, to := s.choose(q.o.Method), root[i]
		if q.o.Readers {
			r = q.readers(graph.ID(i), uses[i], r)
		}
		if old, ok := joint[to]; ok {
			r = span{min(r.lo, old.lo), max(r.hi, old.hi)}
		}
		joint[to] = r
	}
	for to := range q.probabilities(root) {
		joint[to] = probability
	}
	for i := range q.ranges {
		q.ranges[i] = joint[root[i]]
	}
}

// probability is the range of a sigmoid over integers: a 256th a quantum, from 0 on, as
// TensorFlow Lite's operator demands.
var probability = span{0, 255.0 / 256}

// squashes reports whether a node's result has the range of a probability over integers.
func (q *quantizer) squashes(n *graph.Node) bool {
	a, ok := n.Op.(graph.Activate)
	return ok && a.Act.Kind == graph.ActSigmoid && q.float[n.Name] == ""
}

// probabilities are the roots of those values that hold sigmoids' results alone, moved or not:
// they keep that range. What is joined with others is given another range behind the sigmoid.
func (q *quantizer) probabilities(root []graph.ID) map[graph.ID]bool {
	prod := q.g.Producers()
	only := map[graph.ID]bool{}
	for i := range q.g.Values {
		id, sigmoid := graph.ID(i), false
		if q.seen[i] == nil {
			continue
		}
		if prod[i] >= 0 {
			n := &q.g.Nodes[prod[i]]
			if keeps(n.Op) && q.float[n.Name] == "" { // moves what others computed
				continue
			}
			sigmoid = q.squashes(n)
		}
		if all, ok := only[root[id]]; ok {
			sigmoid = sigmoid && all
		}
		only[root[id]] = sigmoid
	}
	maps.DeleteFunc(only, func(_ graph.ID, all bool) bool { return !all })
	return only
}

// quantOf is a range as parameters of int8.
func quantOf(r span) *tensor.Quant {
	s := float32(r.quantum())
	zero := min(max(math.Round(-128-r.lo/float64(s)), -128), 127)
	return &tensor.Quant{Scale: []float32{s}, Zero: []int32{int32(zero)}}
}

// builder makes the integer graph.
type builder struct {
	q      *quantizer
	b      *graph.Builder
	whole  []graph.ID // every value's integer form, where it has one
	real   []graph.ID // and its float form
	quants map[graph.ID]*tensor.Quant
	used   map[string]int // names of weights
}

func (q *quantizer) build() (*graph.Graph, error) {
	g := q.g
	b := &builder{q: q, b: graph.NewBuilder(g.Name), whole: make([]graph.ID, len(g.Values)), real: make([]graph.ID, len(g.Values)), quants: map[graph.ID]*tensor.Quant{}, used: map[string]int{}}
	for i := range g.Values {
		b.whole[i], b.real[i] = graph.None, graph.None
	}
	for _, id := range g.Inputs {
		b.real[id] = b.b.Input(g.Value(id).Name, g.Value(id).Type)
	}
	for i := range g.Nodes {
		if err := b.node(&g.Nodes[i]); err != nil {
			return nil, fmt.Errorf("node %q: %w", g.Nodes[i].Name, err)
		}
	}
	outs := make([]graph.ID, len(g.Outputs))
	for i, id := range g.Outputs {
		outs[i] = b.asReal(id)
	}
	out, err := b.b.Build(outs...)
	if err != nil {
		return nil, err
	}
	for id, quant := range b.quants {
		out.Values[id].Quant = quant
	}
	return out, out.Validate()
}

// intName is the name of a value's integer form, whose float form keeps its own.
func (b *builder) intName(id graph.ID) string {
	name := b.q.g.Value(id).Name
	for _, out := range b.q.g.Outputs {
		if out == id {
			return name + "/int8"
		}
	}
	return name
}

func (b *builder) asReal(id graph.ID) graph.ID {
	if b.real[id] == graph.None {
		v := b.q.g.Value(id)
		switch {
		case v.Data != nil:
			b.real[id] = b.b.Bound(v.Kind, v.Name, v.Data)
		case b.intName(id) != v.Name:
			b.real[id] = b.b.Add(v.Name, graph.Dequantize{}, b.whole[id])
		default:
			b.real[id] = b.b.Add(v.Name+"/dequantize", graph.Dequantize{}, b.whole[id])
		}
	}
	return b.real[id]
}

func (b *builder) asWhole(id graph.ID) graph.ID {
	if b.whole[id] == graph.None {
		v := b.q.g.Value(id)
		quant := quantOf(b.q.ranges[id])
		if v.Data != nil {
			t := tensor.New(tensor.Int8, v.Type.Shape)
			for i, x := range v.Data.Floats() {
				t.Data.([]int8)[i] = int8(min(max(math.RoundToEven(float64(x/quant.Scale[0]))+float64(quant.Zero[0]), -128), 127))
			}
			t.Quant = quant
			b.whole[id] = b.b.Bound(graph.Constant, v.Name+"/int8", t)
		} else {
			b.whole[id] = b.b.Add(v.Name+"/quantize", graph.Quantize{To: tensor.Int8}, b.real[id])
			b.quants[b.whole[id]] = quant
		}
	}
	return b.whole[id]
}

func (b *builder) node(n *graph.Node) error {
	if b.q.float[n.Name] != "" {
		in := make([]graph.ID, len(n.In))
		for k, id := range n.In {
			if in[k] = id; id != graph.None {
				in[k] = b.asReal(id)
			}
		}
		if b.q.shift[n.Name] != nil {
			v := b.q.biasOf(n)
			t := tensor.New(tensor.Float32, tensor.Shape{len(v)})
			for o, x := range v {
				t.Float32()[o] = float32(x)
			}
			in[2] = b.once(b.q.g.Value(n.In[2]).Name+"/corrected", t)
		}
		for k, id := range b.b.AddN(b.q.g.Value(n.Out[0]).Name, n.Op, len(n.Out), in...) {
			b.real[n.Out[k]] = id
		}
		return b.b.Err()
	}
	var in []graph.ID
	switch n.Op.(type) {
	case graph.Conv, graph.Linear:
		w, bias := b.layer(n)
		in = []graph.ID{b.asWhole(n.In[0]), w, bias}
	default:
		for _, id := range n.In {
			in = append(in, b.asWhole(id))
		}
	}
	name := b.intName(n.Out[0])
	if fixed := quantOf(probability); b.q.squashes(n) && !graph.SameQuanta(fixed, quantOf(b.q.ranges[n.Out[0]])) {
		x := b.b.Add(name+"/probability", n.Op, in...)
		b.quants[x] = fixed
		id := b.b.Add(name, graph.Requantize{To: tensor.Int8}, x)
		b.quants[id] = quantOf(b.q.ranges[n.Out[0]])
		b.whole[n.Out[0]] = id
		return b.b.Err()
	}
	for k, id := range b.b.AddN(name, n.Op, len(n.Out), in...) {
		b.whole[n.Out[k]] = id
		if id != graph.None {
			b.quants[id] = quantOf(b.q.ranges[n.Out[k]])
		}
	}
	return b.b.Err()
}

// rounded is a layer's weights in eight bits.
type rounded struct {
	weight *tensor.Tensor
	drift  []float64 // of every output's mean, by the rounding of its weights
}

// layer quantizes a layer's weights, a scale for every output, and its bias.
func (b *builder) layer(n *graph.Node) (weight, bias graph.ID) {
	g := b.q.g
	w, f := g.Value(n.In[1]), g.Value(n.In[2])
	outs := w.Type.Shape[0]
	sx := float64(quantOf(b.q.ranges[n.In[0]]).Scale[0])
	scales := make([]float32, outs)
	for o, top := range b.q.top(n) {
		// The bias must fit 32 bits with room for the sum.
		scales[o] = float32(max(float64(top)/127, math.Abs(float64(f.Data.Float32()[o]))/(sx*(1<<29)), 1e-12))
	}
	r := b.q.rounded[n.Name]
	if r == nil || !slices.Equal(r.weight.Quant.Scale, scales) {
		r = b.q.round(n, scales)
		b.q.rounded[n.Name] = r
	}
	sums := tensor.New(tensor.Int32, tensor.Shape{outs})
	for o, v := range b.q.biasOf(n) {
		if b.q.o.CorrectBias {
			v -= r.drift[o]
		}
		sums.Data.([]int32)[o] = int32(min(max(math.RoundToEven(v/(sx*float64(scales[o]))), -1<<30), 1<<30))
	}
	return b.once(w.Name, r.weight), b.once(f.Name, sums)
}

// top is the largest magnitude among the weights of every output.
func (q *quantizer) top(n *graph.Node) []float32 {
	top := q.tops[n.Name]
	if top == nil {
		w := q.g.Value(n.In[1])
		top = make([]float32, w.Type.Shape[0])
		data := w.Data.Float32()
		k := len(data) / len(top)
		for o := range top {
			for _, x := range data[o*k:][:k] {
				top[o] = max(top[o], x, -x)
			}
		}
		q.tops[n.Name] = top
	}
	return top
}

// biasOf is a layer's bias with what its correction adds.
func (q *quantizer) biasOf(n *graph.Node) []float64 {
	x := q.g.Value(n.In[2]).Data.Float32()
	v := make([]float64, len(x))
	for o := range x {
		v[o] = float64(x[o])
		if d := q.shift[n.Name]; d != nil {
			v[o] += d[o]
		}
	}
	return v
}

// round rounds a layer's weights to the nearest.
func (q *quantizer) round(n *graph.Node, scales []float32) *rounded {
	w := q.g.Value(n.In[1])
	outs, data := len(scales), w.Data.Float32()
	k := len(data) / outs
	t := tensor.New(tensor.Int8, w.Type.Shape)
	t.Quant = &tensor.Quant{Scale: scales, Zero: make([]int32, outs)}
	groups := 1
	if c, ok := n.Op.(graph.Conv); ok {
		groups = c.Groups
	}
	means := q.seen[n.In[0]].means()
	taps := max(w.Type.Shape[2:].Elements(), 1)
	r := &rounded{weight: t, drift: make([]float64, outs)}
	for o, scale := range scales {
		for i, x := range data[o*k:][:k] {
			v := min(max(math.RoundToEven(float64(x/scale)), -127), 127)
			t.Data.([]int8)[o*k+i] = int8(v)
			if len(means) > 0 {
				c := o/(outs/groups)*(k/taps) + i/taps
				r.drift[o] += (v*float64(scale) - float64(x)) * means[min(c, len(means)-1)]
			}
		}
	}
	return r
}

// once binds a parameter under a name that is not taken yet: two layers may share weights
// and still need scales of their own.
func (b *builder) once(name string, t *tensor.Tensor) graph.ID {
	b.used[name]++
	if n := b.used[name]; n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	return b.b.Bound(graph.Parameter, name, t)
}
