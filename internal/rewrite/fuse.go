package rewrite

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
)

// scalar returns the one number of a constant of a single element.
func (e *edit) scalar(id graph.ID) (float64, bool) {
	t := e.constant(id)
	if t == nil || t.Shape.Elements() != 1 {
		return 0, false
	}
	return float64(t.Floats()[0]), true
}

// withScalar splits fn(x, c) or, where the order is free, fn(c, x) into x and c.
func (e *edit) withScalar(n *graph.Node, fn graph.BinaryFn) (x graph.ID, c float64, ok bool) {
	b, is := n.Op.(graph.Binary)
	if !is || b.Fn != fn || b.Act != (graph.Act{}) {
		return 0, 0, false
	}
	if c, ok := e.scalar(n.In[1]); ok {
		return n.In[0], c, true
	}
	if fn == graph.Add || fn == graph.Mul {
		if c, ok := e.scalar(n.In[0]); ok {
			return n.In[1], c, true
		}
	}
	return 0, 0, false
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }

// recogniseGate finds activations that exporters spell out: clip(x+3, 0, 6)/6 is a
// hard-sigmoid, x·sigmoid(x) a SiLU, x·hardsigmoid(x) and x·clip(x+3, 0, 6)/6 a
// hard-swish.
func recogniseGate(e *edit, n int) bool {
	node := &e.Nodes[n]
	b, ok := node.Op.(graph.Binary)
	if !ok || b.Act != (graph.Act{}) {
		return false
	}
	activate := func(x graph.ID, a graph.Act) bool {
		if !e.Value(x).Type.Equal(e.Value(node.Out[0]).Type) {
			return false // a constant of higher rank gives the result its rank
		}
		node.Op = graph.Activate{Act: a}
		e.setIn(n, x)
		return true
	}
	// ramp returns x where id is clip(x+3, 0, 6).
	ramp := func(id graph.ID) (graph.ID, bool) {
		clip := e.by(id)
		if clip == nil {
			return 0, false
		}
		if b, ok := clip.Op.(graph.Binary); ok && b.Act == graph.ReLU6 { // the clip is in the addition itself
			plain := *clip
			plain.Op = graph.Binary{Fn: b.Fn}
			x, c, ok := e.withScalar(&plain, graph.Add)
			return x, ok && c == 3
		}
		if a, ok := clip.Op.(graph.Activate); !ok || a.Act != graph.ReLU6 {
			return 0, false
		}
		sum := e.by(clip.In[0])
		if sum == nil {
			return 0, false
		}
		x, c, ok := e.withScalar(sum, graph.Add)
		return x, ok && c == 3
	}
	sixth := func(n *graph.Node) (graph.ID, bool) {
		if x, c, ok := e.withScalar(n, graph.Div); ok && c == 6 {
			return x, true
		}
		if x, c, ok := e.withScalar(n, graph.Mul); ok && near(c, 1.0/6) {
			return x, true
		}
		return 0, false
	}
	if y, ok := sixth(node); ok {
		if x, ok := ramp(y); ok {
			return activate(x, graph.HardSigmoid)
		}
		// (x · clip(x+3, 0, 6)) / 6
		if m := e.by(y); m != nil {
			if mb, ok := m.Op.(graph.Binary); ok && mb.Fn == graph.Mul && mb.Act == (graph.Act{}) {
				for i := range 2 {
					if x, ok := ramp(m.In[i]); ok && x == m.In[1-i] {
						return activate(x, graph.HardSwish)
					}
				}
			}
		}
	}
	if b.Fn != graph.Mul {
		return false
	}
	for i := range 2 {
		gate := e.by(node.In[i])
		if gate == nil {
			continue
		}
		a, ok := gate.Op.(graph.Activate)
		if !ok || gate.In[0] != node.In[1-i] {
			continue
		}
		switch a.Act {
		case graph.Sigmoid:
			return activate(gate.In[0], graph.SiLU)
		case graph.HardSigmoid:
			return activate(gate.In[0], graph.HardSwish)
		}
	}
	return false
}

// fuseBias turns the addition of one constant per channel into the bias of the layer
// before it.
func fuseBias(e *edit, n int) bool {
	add := &e.Nodes[n]
	b, ok := add.Op.(graph.Binary)
	if !ok || b.Fn != graph.Add || b.Act != (graph.Act{}) {
		return false
	}
	for i := range 2 {
		layer := e.by(add.In[i])
		c := add.In[1-i]
		if layer == nil || e.only(add.In[i]) != n || !e.fixed(c) || !e.Value(add.In[i]).Type.Equal(e.Value(add.Out[0]).Type) {
			continue
		}
		t := e.Value(c).Type
		switch op := layer.Op.(type) {
		case graph.Conv:
			out := e.Value(layer.Out[0]).Type.Shape
			if op.Bias || op.Residual || op.Act != (graph.Act{}) || !perChannel(t.Shape, out[1], 2) {
				continue
			}
			op.Bias = true
			layer.Op = op
		case graph.Linear:
			out := e.Value(layer.Out[0]).Type.Shape
			if op.Bias || op.Act != (graph.Act{}) || !perChannel(t.Shape, out[1], 0) {
				continue
			}
			op.Bias = true
			layer.Op = op
		default:
			continue
		}
		at := e.prod[add.In[i]]
		e.setIn(at, append(slices.Clone(layer.In), e.derived(layer.Name+".bias.fused", graph.F32(t.Shape.Elements()), vector(e.constant(c))))...)
		e.absorb(at, n)
		return true
	}
	return false
}

// fuseActivation joins an activation to the operator that it alone reads.
func fuseActivation(e *edit, n int) bool {
	node := &e.Nodes[n]
	a, ok := node.Op.(graph.Activate)
	if !ok || e.only(node.In[0]) != n {
		return false
	}
	before := e.by(node.In[0])
	if before == nil {
		return false
	}
	switch op := before.Op.(type) {
	case graph.Conv:
		if op.Act != (graph.Act{}) {
			return false
		}
		op.Act = a.Act
		before.Op = op
	case graph.Linear:
		if op.Act != (graph.Act{}) {
			return false
		}
		op.Act = a.Act
		before.Op = op
	case graph.Binary:
		if op.Act != (graph.Act{}) {
			return false
		}
		op.Act = a.Act
		before.Op = op
	default:
		return false
	}
	e.absorb(e.prod[node.In[0]], n)
	return true
}

// fuseResidual lets a convolution add the other summand itself. Of two candidates the
// one that is computed last is taken. The fused convolution stands where the addition
// stood, where both summands are known.
func fuseResidual(e *edit, n int) bool {
	add := &e.Nodes[n]
	b, ok := add.Op.(graph.Binary)
	if !ok || b.Fn != graph.Add || add.In[0] == add.In[1] {
		return false
	}
	best := -1
	for i := range 2 {
		conv := e.by(add.In[i])
		if conv == nil || e.only(add.In[i]) != n {
			continue
		}
		op, ok := conv.Op.(graph.Conv)
		if !ok || op.Residual || op.Act != (graph.Act{}) {
			continue
		}
		if !e.Value(add.In[0]).Type.Equal(e.Value(add.In[1]).Type) {
			continue
		}
		if best < 0 || e.prod[add.In[i]] > e.prod[add.In[best]] {
			best = i
		}
	}
	if best < 0 {
		return false
	}
	from := e.prod[add.In[best]]
	conv := e.Nodes[from]
	op := conv.Op.(graph.Conv)
	op.Residual, op.Act = true, b.Act
	in := append(slices.Clone(conv.In), add.In[1-best])
	e.kill(from)
	e.setIn(n, in...)
	add.Name, add.Op, add.Block, add.Functional = conv.Name, op, conv.Block, conv.Functional
	return true
}
