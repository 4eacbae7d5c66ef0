package quant

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// prepare spells a fused graph out: residuals become additions, activations that are no
// limits stand alone, and those that no integer operator of TensorFlow Lite computes become
// several that one does. Every convolution and linear layer gets a bias. What is quantized
// stays as it is, so that a graph of integers has its islands spelled out. The graph has
// weights of its own.
func prepare(g *graph.Graph) (*graph.Graph, error) {
	p := &plain{from: g, b: graph.NewBuilder(g.Name), ids: make([]graph.ID, len(g.Values))}
	for i := range p.ids {
		p.ids[i] = graph.None
	}
	for _, id := range g.Inputs {
		p.ids[id] = p.b.Input(g.Value(id).Name, g.Value(id).Type)
	}
	for i := range g.Nodes {
		if err := p.node(&g.Nodes[i]); err != nil {
			return nil, fmt.Errorf("node %q: %w", g.Nodes[i].Name, err)
		}
	}
	outs := make([]graph.ID, len(g.Outputs))
	for i, id := range g.Outputs {
		outs[i] = p.ids[id]
		if outs[i] == graph.None {
			return nil, fmt.Errorf("output %q is a constant", g.Value(id).Name)
		}
	}
	out, err := p.b.Build(outs...)
	if err != nil {
		return nil, err
	}
	for id, to := range p.ids {
		if q := g.Values[id].Quant; q != nil && to != graph.None {
			out.Value(to).Quant = q
		}
	}
	for i, id := range g.Outputs { // the results keep their names
		v, name := out.Value(outs[i]), g.Value(id).Name
		if other := out.Find(name); other != graph.None && other != outs[i] {
			out.Values[other].Name = v.Name
		}
		if v.Kind == graph.Activation {
			v.Name = name
		}
	}
	return out, nil
}

// Plain is prepare for those who write networks in formats whose operators have no
// residual and no activation but limits. The graph must be fused (internal/rewrite).
func Plain(g *graph.Graph) (*graph.Graph, error) {
	p, err := prepare(g)
	if err != nil {
		return nil, fmt.Errorf("quant: %s: %w", g.Name, err)
	}
	return p, nil
}

type plain struct {
	from *graph.Graph
	b    *graph.Builder
	ids  []graph.ID
}

// value is the new graph's value, loading weights as they are asked for.
func (p *plain) value(id graph.ID) graph.ID {
	if id == graph.None || p.ids[id] != graph.None {
		return p.idOf(id)
	}
	v := p.from.Value(id)
	t := v.Data
	if t.DType == tensor.Float32 {
		t = tensor.Of(t.Shape, slices.Clone(t.Float32()))
	}
	p.ids[id] = p.b.Bound(v.Kind, v.Name, t)
	return p.ids[id]
}

func (p *plain) idOf(id graph.ID) graph.ID {
	if id == graph.None {
		return id
	}
	return p.ids[id]
}

// limit reports whether an activation only limits.
func limit(a graph.Act) bool {
	return a.Kind == graph.ActNone || a.Kind == graph.ActReLU || a.Kind == graph.ActClip
}

func (p *plain) node(n *graph.Node) error {
	in := make([]graph.ID, len(n.In))
	for k, id := range n.In {
		if id != graph.None && p.ids[id] == graph.None && p.from.Value(id).Data == nil {
			return fmt.Errorf("weight %q is not bound", p.from.Value(id).Name)
		}
		in[k] = p.value(id)
	}
	if slices.ContainsFunc(append(slices.Clone(n.Out), n.In...), func(id graph.ID) bool {
		return id != graph.None && p.from.Value(id).Type.Quantized()
	}) {
		for k, id := range p.b.AddN(n.Name, n.Op, len(n.Out), in...) {
			p.ids[n.Out[k]] = id
		}
		return p.b.Err()
	}
	name := n.Name
	// What follows the operator itself.
	act, residual := graph.Act{}, graph.None
	op := n.Op
	switch o := n.Op.(type) {
	case graph.Conv:
		if o.Residual {
			residual, in = in[len(in)-1], in[:len(in)-1]
			o.Residual = false
		}
		if residual != graph.None || !limit(o.Act) {
			act, o.Act = o.Act, graph.Act{}
		}
		if !o.Bias {
			o.Bias = true
			in = append(in, p.b.Bound(graph.Constant, name+".zero", tensor.New(tensor.Float32, tensor.Shape{p.b.Type(in[1]).Shape[0]})))
		}
		op = o
	case graph.Linear:
		if !limit(o.Act) {
			act, o.Act = o.Act, graph.Act{}
		}
		if !o.Bias {
			o.Bias = true
			in = append(in, p.b.Bound(graph.Constant, name+".zero", tensor.New(tensor.Float32, tensor.Shape{p.b.Type(in[1]).Shape[0]})))
		}
		op = o
	case graph.Binary:
		if !limit(o.Act) {
			act, o.Act = o.Act, graph.Act{}
			op = o
		}
	case graph.Activate:
		if !limit(o.Act) {
			p.ids[n.Out[0]] = p.activation(name, o.Act, in[0])
			return p.b.Err()
		}
	}
	outs := slices.Clone(p.b.AddN(name, op, len(n.Out), in...))
	y := outs[0]
	if residual != graph.None {
		add := graph.Binary{Fn: graph.Add}
		if limit(act) {
			add.Act, act = act, graph.Act{}
		}
		y = p.b.Add(name+"/add", add, y, residual)
	}
	if act != (graph.Act{}) {
		y = p.activation(name+"/act", act, y)
	}
	outs[0] = y
	for k, id := range n.Out {
		p.ids[id] = outs[k]
	}
	return p.b.Err()
}

// activation adds an activation that is no limit.
func (p *plain) activation(name string, a graph.Act, x graph.ID) graph.ID {
	scalar := func(what string, v float32) graph.ID {
		s := make(tensor.Shape, len(p.b.Type(x).Shape))
		for i := range s {
			s[i] = 1
		}
		return p.b.Bound(graph.Constant, name+"/"+what, tensor.Of(s, []float32{v}))
	}
	switch a.Kind {
	case graph.ActSiLU:
		return p.b.Add(name, graph.Binary{Fn: graph.Mul}, x, p.b.Add(name+"/sigmoid", graph.Activate{Act: graph.Sigmoid}, x))
	case graph.ActHardSigmoid:
		ramp := p.b.Add(name+"/ramp", graph.Binary{Fn: graph.Add, Act: graph.ReLU6}, x, scalar("three", 3))
		return p.b.Add(name, graph.Binary{Fn: graph.Mul}, ramp, scalar("sixth", 1.0/6))
	}
	return p.b.Add(name, graph.Activate{Act: a}, x)
}
