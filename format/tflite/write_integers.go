package tflite

import (
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// spelled is a graph in the operators that the runtime has: convolutions have a bias, and
// probabilities over integers have the scale 1/256 and the lowest zero point, which its kernels
// demand, before they get their own. The graph itself stays as it is.
func spelled(g *graph.Graph) *graph.Graph {
	s := g.Clone()
	var nodes []graph.Node
	for i := range s.Nodes {
		n := s.Nodes[i]
		switch op := n.Op.(type) {
		case graph.Conv:
			if !op.Bias && !op.Residual {
				op.Bias = true
				n.Op, n.In = op, append(n.In[:len(n.In):len(n.In)], addBias(s, n.Name, n.In[1]))
			}
		case graph.Linear: // a scale for every output: a convolution of one pixel, see exporter.linear
			if q := s.Values[n.In[1]].Quant; !op.Bias && q != nil && len(q.Scale) > 1 {
				op.Bias = true
				n.Op, n.In = op, append(n.In[:len(n.In):len(n.In)], addBias(s, n.Name, n.In[1]))
			}
		case graph.Activate, graph.Softmax:
			if y := s.Values[n.Out[0]]; y.Type.Quantized() && y.Quant != nil && probable(op) {
				fixed := probability(y.Type.DType)
				if y.Quant.Scale[0] == fixed.Scale[0] && y.Quant.Zero[0] == fixed.Zero[0] {
					break
				}
				s.Values = append(s.Values, graph.Value{Name: unused(s, y.Name+"/probability"), Kind: graph.Activation, Type: y.Type, Quant: fixed})
				between := graph.ID(len(s.Values) - 1)
				last := graph.Node{Name: n.Name + "/requantize", Op: graph.Requantize{To: y.Type.DType}, In: []graph.ID{between}, Out: n.Out, Block: n.Block}
				n.Out = []graph.ID{between}
				nodes = append(nodes, n, last)
				continue
			}
		}
		nodes = append(nodes, n)
	}
	s.Nodes = nodes
	return s
}

// probable reports whether an operator's results lie between 0 and 1.
func probable(op graph.Op) bool {
	a, ok := op.(graph.Activate)
	return !ok || a.Act.Kind == graph.ActSigmoid
}

// probability is the only quantization that the runtime's probabilities have.
func probability(d tensor.DType) *tensor.Quant {
	q := &tensor.Quant{Scale: []float32{1.0 / 256}, Zero: []int32{0}}
	if d == tensor.Int8 {
		q.Zero[0] = math.MinInt8
	}
	return q
}

// addBias is a new bias of zeros for a convolution with those weights.
func addBias(g *graph.Graph, node string, weights graph.ID) graph.ID {
	w := g.Values[weights].Type
	t := tensor.New(tensor.Float32, tensor.Shape{w.Shape[0]})
	if w.Quantized() {
		t = tensor.New(tensor.Int32, t.Shape)
	}
	g.Values = append(g.Values, graph.Value{Name: unused(g, node+"/zero"), Kind: graph.Constant, Type: graph.Type{DType: t.DType, Shape: t.Shape}, Data: t})
	return graph.ID(len(g.Values) - 1)
}

// unused is a name that no value has, the wanted one if it can be.
func unused(g *graph.Graph, name string) string {
	for g.Find(name) != graph.None {
		name += "+"
	}
	return name
}
