package cost

import (
	"slices"

	"github.com/wispnet/wisp/graph"
)

// Bytes is the size of the weights in three precisions; no file format adds to it.
//
//   - Float32 and Float16: 4 and 2 bytes for each trainable parameter, as the parameters
//     are counted (batch norms not folded, running statistics left out).
//   - Int8: as quantized networks are deployed, batch norms folded into the convolution or
//     linear layer before them. Each weight element of those layers takes 1 byte and each of
//     their output channels 8: a 32-bit bias and the float32 scale of the channel's weights.
//     A batch norm that stands elsewhere takes 8 bytes a channel, a float32 factor and
//     offset. Any other parameter takes 4 bytes an element.
type Bytes struct {
	Float32 int64 `json:"float32"`
	Float16 int64 `json:"float16"`
	Int8    int64 `json:"int8"`
}

func weightBytes(g *graph.Graph) Bytes {
	var b Bytes
	for _, id := range g.Weights {
		if v := g.Value(id); v.Kind == graph.Parameter {
			b.Float32 += 4 * elements(v.Type)
			b.Float16 += 2 * elements(v.Type)
		}
	}
	producer, uses := g.Producers(), g.Uses()
	trained := func(id graph.ID) bool { return g.Value(id).Kind == graph.Parameter }
	done := make([]bool, len(g.Values)) // weights that are counted, which shared ones are once
	for i := range g.Nodes {
		n := &g.Nodes[i]
		switch op := n.Op.(type) {
		case graph.Conv, graph.Linear:
			if w := n.In[1]; trained(w) && !done[w] {
				t := g.Value(w).Type
				b.Int8 += elements(t) + 8*int64(t.Shape[0])
				done[w] = true
			}
			bias := false
			switch op := op.(type) {
			case graph.Conv:
				bias = op.Bias
			case graph.Linear:
				bias = op.Bias
			}
			if bias {
				done[n.In[2]] = true
			}
		case graph.BatchNorm:
			if w := n.In[1]; trained(w) && !done[w] && !foldable(g, producer, uses, n.In[0]) {
				b.Int8 += 8 * elements(g.Value(w).Type)
			}
			done[n.In[1]], done[n.In[2]] = true, true
		}
	}
	for _, id := range g.Weights {
		if v := g.Value(id); v.Kind == graph.Parameter && !done[id] {
			b.Int8 += 4 * elements(v.Type)
		}
	}
	return b
}

// foldable reports whether x comes straight from a convolution or linear layer and has no
// other reader, so that what scales x can be folded into the layer.
func foldable(g *graph.Graph, producer []int, uses [][]int, x graph.ID) bool {
	if producer[x] < 0 || len(uses[x]) != 1 || slices.Contains(g.Outputs, x) {
		return false
	}
	switch op := g.Nodes[producer[x]].Op.(type) {
	case graph.Conv:
		return op.Act == graph.Act{} && !op.Residual
	case graph.Linear:
		return op.Act == graph.Act{}
	}
	return false
}
