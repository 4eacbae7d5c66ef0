package tflite

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// endFactor is above every factor by which integers can be rescaled: TensorFlow Lite's largest
// has 31 bits and a shift by 30.
const endFactor = 1 << 30

// checkFactors refuses scales whose ratio is no factor: that of the operands to the result's, or
// of the product of both operands' where they are multiplied.
func checkFactors(g *graph.Graph) error {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		y := g.Value(n.Out[0])
		if !y.Type.Quantized() || y.Quant == nil || graph.KeepsQuanta(n.Op) {
			continue
		}
		product := false
		switch op := n.Op.(type) {
		case graph.Conv, graph.Linear:
			product = true
		case graph.Binary:
			product = op.Fn == graph.Mul
		}
		all := 1.0
		for k, id := range n.In {
			if id == graph.None || !g.Value(id).Type.Quantized() {
				continue
			}
			s, over := largest(g.Value(id).Quant), "its scale %v over the result's %v"
			if product {
				if k > 1 {
					break
				}
				over = "its scale %v times that of the other operand over the result's %v"
				all *= s
			} else {
				all = s
			}
			if f := all / float64(y.Quant.Scale[0]); f >= endFactor {
				r := refuse(fmt.Sprintf("tensor %q", g.Value(id).Name), over+" is %.3g in %q: want less than 2^30, the largest factor that integers are rescaled by", s, y.Quant.Scale[0], f, n.Name)
				r.Hint = "quantize the model again"
				return r
			}
		}
	}
	return nil
}

func largest(q *tensor.Quant) float64 {
	s := 0.0
	if q != nil {
		for _, v := range q.Scale {
			s = max(s, float64(v))
		}
	}
	return s
}
