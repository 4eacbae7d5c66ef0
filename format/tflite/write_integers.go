package tflite

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/tensor"
)

// spelled is a graph in the operators that the runtime has: convolutions have a bias, and
// probabilities over integers have the scale 1/256 and the lowest zero point, which its kernels
// demand, before they get their own; limits that no operator has and joins of signed integers
// read the quantization that they result in. The graph itself stays as it is.
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
		case graph.Concat:
			for k, id := range n.In {
				if x, y := s.Values[id], s.Values[n.Out[0]]; y.Type.DType == tensor.Int8 && x.Quant != nil && y.Quant != nil && !graph.SameQuanta(x.Quant, y.Quant) {
					nodes, n.In[k] = requantized(s, nodes, fmt.Sprintf("%s/in%d", n.Name, k), id, n.Out[0])
				}
			}
		case graph.Activate, graph.Softmax:
			if limitsIntegers(s, &n) && !graph.SameQuanta(s.Values[n.In[0]].Quant, s.Values[n.Out[0]].Quant) {
				nodes, n.In[0] = requantized(s, nodes, n.Name, n.In[0], n.Out[0])
			}
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

// limitsIntegers reports whether a node limits integers as no operator of the runtime does that
// also rescales them.
func limitsIntegers(g *graph.Graph, n *graph.Node) bool {
	a, ok := n.Op.(graph.Activate)
	return ok && a.Act.Kind == graph.ActClip && a.Act != graph.ReLU6 && g.Values[n.In[0]].Quant != nil && g.Values[n.Out[0]].Quant != nil && g.Values[n.Out[0]].Type.Quantized()
}

// requantized appends a node that gives a value the type and quantization of another.
func requantized(g *graph.Graph, nodes []graph.Node, name string, id, like graph.ID) ([]graph.Node, graph.ID) {
	x, y := g.Values[id], g.Values[like]
	g.Values = append(g.Values, graph.Value{Name: unused(g, name+"/requantize"), Kind: graph.Activation, Type: graph.Type{DType: y.Type.DType, Shape: x.Type.Shape.Clone()}, Quant: y.Quant})
	out := graph.ID(len(g.Values) - 1)
	return append(nodes, graph.Node{Name: g.Values[out].Name, Op: graph.Requantize{To: y.Type.DType}, In: []graph.ID{id}, Out: []graph.ID{out}, Block: -1}), out
}

// number is a constant of one element, of shape one, like a value: v itself, or the integer that
// stands for it.
func (e *exporter) number(name string, like graph.ID, one tensor.Shape, v float32) int {
	y := &e.g.Values[like]
	if !y.Type.Quantized() {
		return e.floats(name, one, []float32{v})
	}
	q := fixed.Quant{Scale: y.Quant.Scale[0], Zero: y.Quant.Zero[0], Lo: math.MinInt8, Hi: math.MaxInt8}
	t := tensor.New(y.Type.DType, one)
	if y.Type.DType == tensor.Uint8 {
		q.Lo, q.Hi = 0, math.MaxUint8
	}
	n := q.Range().Clamp(q.Zero + fixed.Round(float64(v/q.Scale))) // as fixed.Range.Within
	switch d := t.Data.(type) {
	case []int8:
		d[0] = int8(n)
	case []uint8:
		d[0] = uint8(n)
	}
	return e.add(name, y.Type.DType, one, y.Quant, rawData(t))
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
