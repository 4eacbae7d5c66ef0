package quant

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// keeps reports whether an operator's results have its inputs' quantization.
func keeps(op graph.Op) bool {
	switch op.(type) {
	case graph.MaxPool, graph.AvgPool, graph.Concat, graph.Split, graph.Slice, graph.Shuffle, graph.Pad, graph.Reshape, graph.Flatten, graph.Transpose, graph.Identity:
		return true
	}
	return false
}

// integral reports whether a node has an integer form, and if not why.
func integral(n *graph.Node) (bool, string) {
	switch op := n.Op.(type) {
	case graph.Conv, graph.Linear, graph.GlobalAvgPool:
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
		if ok, why := integral(&q.g.Nodes[i]); !ok {
			q.float[q.g.Nodes[i].Name] = why
		}
	}
}

// chooseRanges gives every value a range; values that must share one share the union.
func (q *quantizer) chooseRanges() {
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
	sigmoid := map[graph.ID]bool{}
	for i := range q.g.Nodes {
		n := &q.g.Nodes[i]
		if a, ok := n.Op.(graph.Activate); ok && a.Act.Kind == graph.ActSigmoid {
			sigmoid[n.Out[0]] = true
		}
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
	q.ranges = make([]span, len(q.g.Values))
	joint := map[graph.ID]span{}
	for i, s := range q.seen {
		if s == nil {
			continue
		}
		r, to := choose(s, q.o.Method), find(graph.ID(i))
		if old, ok := joint[to]; ok {
			r = span{min(r.lo, old.lo), max(r.hi, old.hi)}
		}
		joint[to] = r
	}
	for i := range q.ranges {
		q.ranges[i] = joint[find(graph.ID(i))]
		if sigmoid[graph.ID(i)] { // what TensorFlow Lite's operator demands
			q.ranges[i] = span{0, 255.0 / 256}
		}
	}
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
}

func (q *quantizer) build() (*graph.Graph, error) {
	g := q.g
	b := &builder{q: q, b: graph.NewBuilder(g.Name), whole: make([]graph.ID, len(g.Values)), real: make([]graph.ID, len(g.Values)), quants: map[graph.ID]*tensor.Quant{}}
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
	return out, nil
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
	for k, id := range b.b.AddN(b.intName(n.Out[0]), n.Op, len(n.Out), in...) {
		b.whole[n.Out[k]] = id
		if id != graph.None {
			b.quants[id] = quantOf(b.q.ranges[n.Out[k]])
		}
	}
	return b.b.Err()
}

// layer quantizes a layer's weights, a scale for every output, and its bias.
func (b *builder) layer(n *graph.Node) (weight, bias graph.ID) {
	g := b.q.g
	w, f := g.Value(n.In[1]), g.Value(n.In[2])
	outs := w.Type.Shape[0]
	data, k := w.Data.Float32(), len(w.Data.Float32())/outs
	sx := float64(quantOf(b.q.ranges[n.In[0]]).Scale[0])
	t := tensor.New(tensor.Int8, w.Type.Shape)
	t.Quant = &tensor.Quant{Scale: make([]float32, outs), Zero: make([]int32, outs)}
	sums := tensor.New(tensor.Int32, tensor.Shape{outs})
	groups := 1
	if c, ok := n.Op.(graph.Conv); ok {
		groups = c.Groups
	}
	means := b.q.seen[n.In[0]].means()
	taps := max(w.Type.Shape[2:].Elements(), 1)
	for o := range outs {
		top := 0.0
		for _, x := range data[o*k:][:k] {
			top = max(top, math.Abs(float64(x)))
		}
		// The bias must fit 32 bits with room for the sum.
		scale := float32(max(top/127, math.Abs(float64(f.Data.Float32()[o]))/(sx*(1<<29)), 1e-12))
		t.Quant.Scale[o] = scale
		correction := 0.0
		for i, x := range data[o*k:][:k] {
			v := min(max(math.RoundToEven(float64(x/scale)), -127), 127)
			t.Data.([]int8)[o*k+i] = int8(v)
			if b.q.o.CorrectBias && len(means) > 0 {
				c := o/(outs/groups)*(k/taps) + i/taps
				correction += (v*float64(scale) - float64(x)) * means[min(c, len(means)-1)]
			}
		}
		v := (float64(f.Data.Float32()[o]) - correction) / (sx * float64(scale))
		sums.Data.([]int32)[o] = int32(min(max(math.RoundToEven(v), -1<<30), 1<<30))
	}
	weight = b.once(w.Name, t)
	bias = b.once(f.Name, sums)
	return weight, bias
}

// once binds a parameter under a name that is not taken yet: two layers may share weights
// and still need scales of their own.
func (b *builder) once(name string, t *tensor.Tensor) graph.ID {
	if b.q.used == nil {
		b.q.used = map[string]int{}
	}
	b.q.used[name]++
	if n := b.q.used[name]; n > 1 {
		name = fmt.Sprintf("%s#%d", name, n)
	}
	return b.b.Bound(graph.Parameter, name, t)
}
