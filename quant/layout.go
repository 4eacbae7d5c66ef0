package quant

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/rewrite"
)

// Layout is the graph that Quantize makes where nothing but what has no integer form stays in
// float32 (Options.Islands is 0): its operators, names, types and shapes are the same for all
// images, methods and weights, so that the size of a file needs no calibration. Its ranges
// are made up, and its numbers mean nothing.
func Layout(g *graph.Graph) (*graph.Graph, error) {
	fused, err := rewrite.Run(g)
	if err != nil {
		return nil, err
	}
	plain, err := prepare(fused)
	if err != nil {
		return nil, fmt.Errorf("quant: %s: %w", g.Name, err)
	}
	q := &quantizer{g: plain, float: map[string]string{}, seen: make([]*seen, len(plain.Values)), ranges: make([]span, len(plain.Values))}
	q.forget()
	for i := range plain.Values {
		q.seen[i], q.ranges[i] = &seen{}, span{0, 1}
	}
	for i := range plain.Nodes {
		switch n := &plain.Nodes[i]; n.Op.(type) {
		case graph.Conv, graph.Linear:
			q.tops[n.Name] = make([]float32, plain.Value(n.In[1]).Type.Shape[0])
		}
	}
	q.fallBack()
	root := q.joint()
	fixed := q.probabilities(root)
	for i := range q.ranges {
		if fixed[root[i]] {
			q.ranges[i] = probability
		}
	}
	out, err := q.build()
	if err != nil {
		return nil, fmt.Errorf("quant: %s: %w", g.Name, err)
	}
	return out, nil
}
