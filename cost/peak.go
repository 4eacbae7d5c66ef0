package cost

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/layout"
	"github.com/wispnet/wisp/internal/rewrite"
)

// ActivationPeak is the size in bytes of one arena that holds every activation of a run on
// one image in float32, values whose lifetimes do not meet sharing memory (internal/layout;
// 64-byte aligned). Weights and the kernels' scratch are not in it.
//
// It is that of the fused graph (internal/rewrite), in which each node is a step, and
// follows from shapes alone: weights need no data. The rule:
//
//   - Flatten, reshape, identity, and a split or slice of channels are views of their input.
//   - What a concatenation of channels joins is written into the result at once. Only a
//     view, an input of the network and what another concatenation holds are copied.
//   - A value lives from the step that writes it to the last that reads it, both included;
//     so no step works in place. The input lives from the start, outputs to the end.
//
// An engine that lays out otherwise (in place, or with copies) has another peak.
func ActivationPeak(g *graph.Graph) (int64, error) {
	g, _, err := oneImage(g)
	if err != nil {
		return 0, err
	}
	if _, err := count(g); err != nil { // bounds the sum of all sizes
		return 0, err
	}
	fused, err := rewrite.Run(unbound(g))
	if err != nil {
		return 0, fmt.Errorf("cost: %w", err)
	}
	_, size := layout.Plan(lifetimes(fused))
	return int64(size), nil
}

// unbound copies a graph without the data of convolutions' and linear layers' weights,
// so that nothing large is folded.
func unbound(g *graph.Graph) *graph.Graph {
	c := g.Clone()
	for i := range c.Nodes {
		switch c.Nodes[i].Op.(type) {
		case graph.Conv, graph.Linear:
			if v := c.Value(c.Nodes[i].In[1]); v.Kind == graph.Parameter || v.Kind == graph.Buffer {
				v.Data = nil
			}
		}
	}
	return c
}

// lifetimes are the buffers of a run of g: step 0 is before the first node, node i is step
// i+1, the outputs are read at the step after the last node.
func lifetimes(g *graph.Graph) []layout.Item {
	inside, copies := places(g)
	items := make(map[graph.ID]*layout.Item)
	var order []graph.ID // of appearance, so that equal graphs have equal plans
	live := func(id graph.ID, at int) {
		for inside[id] != id {
			id = inside[id]
		}
		it := items[id]
		if it == nil {
			it = &layout.Item{Size: g.Value(id).Type.DType.Size() * g.Value(id).Type.Shape.Elements(), First: at, Last: at}
			items[id], order = it, append(order, id)
		}
		it.First, it.Last = min(it.First, at), max(it.Last, at)
	}
	for _, id := range g.Inputs {
		live(id, 0)
	}
	for i := range g.Nodes {
		if !copies[i] {
			continue
		}
		for _, id := range slices.Concat(g.Nodes[i].In, g.Nodes[i].Out) {
			if computed(g, id) {
				live(id, i+1)
			}
		}
	}
	for _, id := range g.Outputs {
		if computed(g, id) {
			live(id, len(g.Nodes)+1)
		}
	}
	out := make([]layout.Item, len(order))
	for i, id := range order {
		out[i] = *items[id]
	}
	return out
}

// places says of every value in whose buffer it lies, which is its own where it lies in no
// other's, and of every node whether it is a step at all: a view is none, nor is a
// concatenation whose parts are all written in place.
func places(g *graph.Graph) (inside []graph.ID, step []bool) {
	inside = make([]graph.ID, len(g.Values))
	for i := range inside {
		inside[i] = graph.ID(i)
	}
	step = make([]bool, len(g.Nodes))
	producer := g.Producers()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		step[i] = true
		switch op := n.Op.(type) {
		case graph.Flatten, graph.Reshape, graph.Identity:
			step[i] = false
		case graph.Split:
			step[i] = op.Axis != 1
		case graph.Slice:
			step[i] = op.Axis != 1 || op.Step != 1
		case graph.Concat:
			if op.Axis != 1 {
				continue
			}
			step[i] = false
			for k, id := range n.In {
				// A weight, an input of the graph, a view, a part of another concatenation, and
				// the second mention of a value are copied.
				if producer[id] < 0 || inside[id] != id || slices.Contains(n.In[:k], id) {
					step[i] = true
					continue
				}
				inside[id] = n.Out[0]
			}
			continue
		}
		if !step[i] && computed(g, n.In[0]) {
			for _, id := range n.Out {
				inside[id] = n.In[0]
			}
		}
	}
	return inside, step
}

// computed reports whether a value is data of the run and not a weight.
func computed(g *graph.Graph, id graph.ID) bool {
	return id != graph.None && (g.Value(id).Kind == graph.Activation || g.Value(id).Kind == graph.Input)
}
