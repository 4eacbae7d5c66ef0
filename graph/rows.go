package graph

import "fmt"

// dependence is how a value hangs on the rows of the inputs.
type dependence uint8

const (
	fixed dependence = iota // on no input
	rowed                   // dimension 0 is the batch: row i is computed from row i of the inputs alone
	mixed                   // on several rows, or its rows are not along dimension 0
)

// Rows says of each output whether dimension 0 is the batch: row i of it is computed from
// row i of every input and from nothing else, at any batch. Rows of such outputs may be
// computed in any portions; all others must be computed of the whole input at once.
func (g *Graph) Rows() []bool {
	out := make([]bool, len(g.Outputs))
	batch := -1
	for _, id := range g.Inputs {
		s := g.Value(id).Type.Shape
		if len(s) == 0 || batch >= 0 && s[0] != batch {
			return out
		}
		batch = s[0]
	}
	if batch < 1 {
		return out
	}
	// What holds at one batch alone is a coincidence of sizes.
	more, err := g.WithBatch(batch + 1)
	if err != nil {
		return out
	}
	here, there := g.dependences(), more.dependences()
	for i, id := range g.Outputs {
		out[i] = here[id] == rowed && there[id] == rowed
	}
	return out
}

// dependences finds out for every value how it depends on the inputs' rows.
func (g *Graph) dependences() []dependence {
	all := make([]dependence, len(g.Values))
	for _, id := range g.Inputs {
		all[id] = rowed
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		d := fixed
		for _, id := range n.In {
			if id != None {
				d = max(d, all[id])
			}
		}
		if d == rowed && !g.keepsRows(n, all) {
			d = mixed
		}
		for _, id := range n.Out {
			all[id] = d
		}
	}
	return all
}

// keepsRows reports whether a node whose inputs are rowed or fixed has rowed outputs.
func (g *Graph) keepsRows(n *Node, all []dependence) bool {
	shape := func(id ID) []int { return g.Value(id).Type.Shape }
	x := shape(n.In[0])
	switch op := n.Op.(type) {
	case Binary:
		rank := len(shape(n.Out[0]))
		for _, id := range n.In {
			s := shape(id)
			if all[id] == rowed && len(s) != rank || all[id] == fixed && len(s) == rank && s[0] != 1 {
				return false
			}
		}
		return true
	case Concat:
		for _, id := range n.In {
			if all[id] != rowed {
				return false
			}
		}
		return op.Axis != 0
	}
	// The others compute from their first input; further ones are weights.
	for k, id := range n.In {
		if id != None && (all[id] == rowed) != (k == 0) {
			return false
		}
	}
	switch op := n.Op.(type) {
	case Conv, BatchNorm, MaxPool, AvgPool, GlobalAvgPool, Shuffle, Pad, Resize, Activate, Identity, Quantize, Dequantize, Requantize:
		return len(x) > 0
	case Linear:
		return len(x) > 1
	case Softmax:
		return op.Axis != 0
	case Split:
		return op.Axis != 0
	case Slice:
		return op.Axis != 0
	case Reshape, Flatten:
		y := shape(n.Out[0])
		return len(x) > 0 && len(y) > 0 && x[0] == y[0]
	case Transpose:
		return op.Perm.Rank > 0 && op.Perm.D[0] == 0
	}
	return false
}

// AtBatch returns the graph for n rows: WithBatch where dimension 0 of the inputs is the
// batch. A graph that has none, since no output grows with its inputs or they begin with
// different dimensions, is returned itself for one row and refused for more.
func (g *Graph) AtBatch(n int) (*Graph, error) {
	none := func() (*Graph, error) {
		if n == 1 {
			return g, nil
		}
		return nil, fmt.Errorf("graph: %s has no batch dimension: it does not run at batch %d", g.Name, n)
	}
	batch := -1
	for _, id := range g.Inputs {
		s := g.Value(id).Type.Shape
		if len(s) == 0 || batch >= 0 && s[0] != batch {
			return none()
		}
		batch = s[0]
	}
	if batch == n {
		return g, nil
	}
	at, err := g.WithBatch(n)
	if err == nil && g.grows(at) {
		return at, nil
	}
	if more, err := g.WithBatch(batch + 1); err == nil && !g.grows(more) {
		return none()
	}
	if err != nil {
		return nil, fmt.Errorf("graph: %s runs at batch %d only: %w", g.Name, batch, err)
	}
	return nil, fmt.Errorf("graph: %s runs at batch %d only", g.Name, batch)
}

// grows reports whether an output of the same graph at another batch has another shape.
func (g *Graph) grows(at *Graph) bool {
	for _, id := range g.Outputs {
		if !at.Value(id).Type.Equal(g.Value(id).Type) {
			return true
		}
	}
	return false
}
