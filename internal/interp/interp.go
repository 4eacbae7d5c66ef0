// Package interp is the reference interpreter: one obvious function per operator, NCHW
// as the graph says, float32 values with every sum in float64. It is the truth that the
// engine and every kernel are tested against, and is itself pinned to the official
// implementations by the zoo's goldens.
//
// It is not fast and tries only not to be absurdly slow; package engine runs graphs.
package interp

import (
	"fmt"
	"reflect"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/tensor"
)

// Run computes the outputs of a graph whose weights are bound, for inputs of the types
// that the graph declares.
func Run(g *graph.Graph, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	return Trace(g, in, nil)
}

// Trace is Run that shows every node's outputs as they are computed. The visitor must
// copy what it keeps.
func Trace(g *graph.Graph, in []*tensor.Tensor, visit func(n *graph.Node, out []*tensor.Tensor)) ([]*tensor.Tensor, error) {
	return TraceAs(g, in, fixed.Default, visit)
}

// TraceAs is Trace under an arithmetic profile, which says how quantized values round.
func TraceAs(g *graph.Graph, in []*tensor.Tensor, p fixed.Profile, visit func(n *graph.Node, out []*tensor.Tensor)) ([]*tensor.Tensor, error) {
	if len(in) != len(g.Inputs) {
		return nil, fmt.Errorf("interp: %s: got %d inputs, want %d", g.Name, len(in), len(g.Inputs))
	}
	values := make([]*tensor.Tensor, len(g.Values))
	for i, id := range g.Inputs {
		v := g.Value(id)
		if in[i].DType != v.Type.DType || !in[i].Shape.Equal(v.Type.Shape) {
			return nil, fmt.Errorf("interp: %s: input %q: got %v%v, want %v", g.Name, v.Name, in[i].DType, in[i].Shape, v.Type)
		}
		t := *in[i]
		t.Quant = v.Quant
		values[id] = &t
	}
	left := remaining(g)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		args := make([]*tensor.Tensor, len(n.In))
		integer := g.Value(n.Out[0]).Type.Quantized()
		for k, id := range n.In {
			if id == graph.None {
				continue
			}
			if values[id] == nil {
				values[id] = g.Value(id).Data
			}
			if values[id] == nil {
				return nil, fmt.Errorf("interp: %s: node %q: weight %q is not bound", g.Name, n.Name, g.Value(id).Name)
			}
			integer = integer || values[id].DType == tensor.Int8 || values[id].DType == tensor.Uint8
			args[k] = values[id]
		}
		for k, id := range n.In {
			if id != graph.None && !integer && args[k].DType != tensor.Float32 {
				return nil, fmt.Errorf("interp: %s: node %q: %q is %v, want float32", g.Name, n.Name, g.Value(id).Name, values[id].DType)
			}
		}
		out := make([]*tensor.Tensor, len(n.Out))
		for k, id := range n.Out {
			out[k] = tensor.New(g.Value(id).Type.DType, g.Value(id).Type.Shape)
			out[k].Quant = g.Value(id).Quant
			values[id] = out[k]
		}
		if integer {
			if err := quantized(n.Op, args, out, p); err != nil {
				return nil, fmt.Errorf("interp: %s: node %q: %w", g.Name, n.Name, err)
			}
		} else if f := functionOf(n.Op); f != nil {
			f(n.Op, args, out)
		} else {
			return nil, fmt.Errorf("interp: %s: node %q: no function for %s", g.Name, n.Name, n.Op.Name())
		}
		if visit != nil {
			visit(n, out)
		}
		for _, id := range n.In { // drop what nobody reads any more
			if id != graph.None {
				if left[id]--; left[id] == 0 {
					values[id] = nil
				}
			}
		}
	}
	out := make([]*tensor.Tensor, len(g.Outputs))
	for i, id := range g.Outputs {
		if out[i] = values[id]; out[i] == nil {
			out[i] = g.Value(id).Data
		}
		if out[i] == nil {
			return nil, fmt.Errorf("interp: %s: output %q has no data", g.Name, g.Value(id).Name)
		}
	}
	return out, nil
}

// remaining counts the readers of every value, the outputs of the graph as one more.
func remaining(g *graph.Graph) []int {
	left := make([]int, len(g.Values))
	for id, readers := range g.Uses() {
		left[id] = len(readers)
	}
	for _, id := range g.Outputs {
		left[id]++
	}
	return left
}

// function computes one operator: in as the operator documents, out allocated and zero.
type function func(op graph.Op, in, out []*tensor.Tensor)

func functionOf(op graph.Op) function { return functions[reflect.TypeOf(op)] }

// functions has one entry for every row of graph.Ops, but for those that exist over
// quantized values alone.
var functions = map[reflect.Type]function{
	reflect.TypeFor[graph.Conv]():          conv,
	reflect.TypeFor[graph.Linear]():        linear,
	reflect.TypeFor[graph.BatchNorm]():     batchNorm,
	reflect.TypeFor[graph.Activate]():      activate,
	reflect.TypeFor[graph.Binary]():        binary,
	reflect.TypeFor[graph.MaxPool]():       maxPool,
	reflect.TypeFor[graph.AvgPool]():       avgPool,
	reflect.TypeFor[graph.GlobalAvgPool](): globalAvgPool,
	reflect.TypeFor[graph.Softmax]():       softmax,
	reflect.TypeFor[graph.Concat]():        concat,
	reflect.TypeFor[graph.Split]():         split,
	reflect.TypeFor[graph.Slice]():         slice,
	reflect.TypeFor[graph.Shuffle]():       shuffle,
	reflect.TypeFor[graph.Pad]():           pad,
	reflect.TypeFor[graph.Resize]():        resize,
	reflect.TypeFor[graph.Reshape]():       same,
	reflect.TypeFor[graph.Flatten]():       same,
	reflect.TypeFor[graph.Identity]():      same,
	reflect.TypeFor[graph.Transpose]():     transpose,
}
