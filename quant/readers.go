package quant

import (
	"math"

	"github.com/wispnet/wisp/graph"
)

// sigmoidEnd is where a sigmoid is within a quarter of its output's quantum of 0 or 1.
const sigmoidEnd = 7

// readers narrows the range of a value to what those who read it can tell apart: a
// hard-swish is zero below −3, a sigmoid flat beyond ±7, a limit flat outside of itself. What
// is cut off costs nothing, and the eight bits are spent on the rest.
func (q *quantizer) readers(id graph.ID, uses []int, r span) span {
	if len(uses) == 0 {
		return r
	}
	reach := span{math.Inf(1), math.Inf(-1)}
	for _, n := range uses {
		if q.float[q.g.Nodes[n].Name] != "" && len(uses) == 1 {
			return r // read before it is rounded, or by a layer that is judged with the rest
		}
		t := q.tells(id, n, uses, r)
		reach = span{min(reach.lo, t.lo), max(reach.hi, t.hi)}
	}
	return span{min(max(r.lo, reach.lo), 0), max(min(r.hi, reach.hi), 0)}
}

// tells is the part of a range in which one reader tells numbers apart.
func (q *quantizer) tells(id graph.ID, n int, uses []int, all span) span {
	node := &q.g.Nodes[n]
	switch op := node.Op.(type) {
	case graph.Activate:
		switch op.Act.Kind {
		case graph.ActHardSwish:
			return span{-3, all.hi}
		case graph.ActReLU:
			return span{0, all.hi}
		case graph.ActClip:
			return span{float64(op.Act.Lo), float64(op.Act.Hi)}
		case graph.ActSigmoid:
			return span{-sigmoidEnd, sigmoidEnd}
		}
	case graph.Binary:
		switch {
		case op.Fn == graph.Add && op.Act.Kind == graph.ActClip && len(uses) == 1:
			// (x + c) limited to [lo, hi], the ramp of a hard sigmoid.
			if c := q.scalar(node.In[1]); c != nil {
				return span{float64(op.Act.Lo - *c), float64(op.Act.Hi - *c)}
			}
		case op.Fn == graph.Mul && len(uses) == 2 && q.sigmoidOf(node, id):
			// x·sigmoid(x): below −7 it is closer to zero than a sixty-fourth; where eight
			// bits are coarser than that, nothing is lost further up either.
			return span{-siluEnd(all), all.hi}
		}
	}
	return all
}

// siluEnd is the x at which −x·sigmoid(−x) has sunk to an eighth of what a quantum of a
// range is, which no later step sees.
func siluEnd(r span) float64 {
	for x := 2.0; x < 12; x += 0.25 {
		if x/(1+math.Exp(x)) < r.quantum()/8 {
			return x
		}
	}
	return 12
}

// scalar is the number of a constant that has one element.
func (q *quantizer) scalar(id graph.ID) *float32 {
	if t := q.g.Value(id).Data; t != nil && len(t.Float32()) == 1 {
		return &t.Float32()[0]
	}
	return nil
}

// sigmoidOf reports whether a product is of id and its sigmoid.
func (q *quantizer) sigmoidOf(mul *graph.Node, id graph.ID) bool {
	prod := q.g.Producers()
	for k, in := range mul.In {
		p := prod[in]
		if p < 0 || mul.In[1-k] != id {
			continue
		}
		if a, ok := q.g.Nodes[p].Op.(graph.Activate); ok && a.Act.Kind == graph.ActSigmoid && q.g.Nodes[p].In[0] == id {
			return true
		}
	}
	return false
}
