package quant

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
)

// equalize evens out the channels of values that one layer computes and one reads, where
// the activation between lets a positive factor pass: the channel is divided by a factor in
// the layer before and multiplied by it in the layer after (Nagel et al., Data-Free
// Quantization Through Weight Equalization and Bias Correction, 2019). Weights have a scale
// of their own for every output, so a depthwise reader takes any factor for free; another
// reader pays in its weights, and half of the spread (in logarithms) is left to it.
func equalize(g *graph.Graph, seen []*seen) bool {
	prod, uses := g.Producers(), g.Uses()
	changed := false
	for _, id := range activations(g) {
		if len(uses[id]) != 1 || slices.Contains(g.Outputs, id) {
			continue
		}
		a, b := &g.Nodes[prod[id]], &g.Nodes[uses[id][0]]
		ca, ok := a.Op.(graph.Conv)
		if !ok || ca.Act.Kind != graph.ActNone && ca.Act.Kind != graph.ActReLU {
			continue
		}
		cb, ok := b.Op.(graph.Conv)
		if !ok || b.In[0] != id || cb.Groups != 1 && (!cb.Depthwise(g.Value(id).Type.Shape[1]) || g.Value(b.In[1]).Type.Shape[0] != cb.Groups) {
			continue
		}
		depthwise := cb.Groups != 1
		wa, ba, wb := g.Value(a.In[1]).Data.Float32(), g.Value(a.In[2]).Data.Float32(), g.Value(b.In[1]).Data.Float32()
		if len(uses[a.In[1]]) != 1 || len(uses[a.In[2]]) != 1 || len(uses[b.In[1]]) != 1 {
			continue // shared weights
		}
		top := seen[id].top
		largest := slices.Max(top)
		if largest == 0 {
			continue
		}
		rows := len(wa) / len(top)
		for c, t := range top {
			// A channel is raised by 64 at the most: what hardly speaks may stay coarse.
			f := max(t/largest, 1.0/64)
			if !depthwise {
				f = math.Sqrt(f)
			}
			if f == 1 {
				continue
			}
			changed = true
			for i := range rows {
				wa[c*rows+i] = float32(float64(wa[c*rows+i]) / f)
			}
			ba[c] = float32(float64(ba[c]) / f)
			scaleInput(wb, g.Value(b.In[1]).Type.Shape, c, f, depthwise)
		}
	}
	return changed
}

// scaleInput multiplies the weights that read channel c.
func scaleInput(w []float32, s []int, c int, f float64, depthwise bool) {
	taps := s[2] * s[3]
	if depthwise {
		for i := range taps {
			w[c*taps+i] = float32(float64(w[c*taps+i]) * f)
		}
		return
	}
	for o := range s[0] {
		at := (o*s[1] + c) * taps
		for i := range taps {
			w[at+i] = float32(float64(w[at+i]) * f)
		}
	}
}
