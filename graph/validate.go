package graph

import (
	"fmt"

	"github.com/wispnet/wisp/tensor"
)

// Validate checks what every consumer relies on: IDs in range, unique value names,
// each value defined once and before its use, types as inferred, data that fits its type, and
// one quantization through operators that rescale nothing. A graph that a Builder made or a pass rewrote must pass.
func (g *Graph) Validate() error { return g.validate(true) }

// validate is Validate that may accept constants without data, as the text form has.
func (g *Graph) validate(data bool) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("graph: %s: %s", g.Name, fmt.Sprintf(format, args...))
	}
	names := make(map[string]bool, len(g.Values))
	defined := make([]bool, len(g.Values))
	for i := range g.Values {
		v := &g.Values[i]
		if names[v.Name] {
			return fail("two values are named %q", v.Name)
		}
		names[v.Name] = true
		defined[i] = v.Kind != Activation
		if _, ok := v.Type.Shape.Count(); !ok {
			return fail("value %q: shape %v is not valid", v.Name, v.Type.Shape)
		}
		if v.Data != nil && (v.Data.DType != v.Type.DType || !v.Data.Shape.Equal(v.Type.Shape)) {
			return fail("value %q: data is %v%v, want %v", v.Name, v.Data.DType, v.Data.Shape, v.Type)
		}
		if data && v.Kind == Constant && v.Data == nil {
			return fail("constant %q has no data", v.Name)
		}
	}
	inRange := func(id ID) bool { return id >= 0 && int(id) < len(g.Values) }
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Block < -1 || n.Block >= len(g.Blocks) {
			return fail("node %q: block %d of %d", n.Name, n.Block, len(g.Blocks))
		}
		for _, id := range n.In {
			if id != None && (!inRange(id) || !defined[id]) {
				return fail("node %d %q reads a value that is not defined before it", i, n.Name)
			}
		}
		for _, id := range n.Out {
			if !inRange(id) || defined[id] {
				return fail("node %d %q writes a value that is defined already", i, n.Name)
			}
			defined[id] = true
		}
		types, err := infer(n.Op, g.types(n.In), len(n.Out))
		if err != nil {
			return fail("node %d %q (%s): %v", i, n.Name, n.Op.Name(), err)
		}
		for k, t := range types {
			if got := g.Values[n.Out[k]].Type; !got.Equal(t) {
				return fail("node %d %q: output %d is %v, want %v", i, n.Name, k, got, t)
			}
		}
		if err := g.keptQuanta(n); err != nil {
			return fail("node %d %q: %v", i, n.Name, err)
		}
	}
	for _, list := range [...]struct {
		what string
		ids  []ID
	}{{"input", g.Inputs}, {"output", g.Outputs}, {"weight", g.Weights}} {
		for i, id := range list.ids {
			if !inRange(id) || !defined[id] {
				return fail("%s %d is not defined", list.what, i)
			}
		}
	}
	if len(g.Outputs) == 0 {
		return fail("no outputs")
	}
	return nil
}

// Weights gives data for named weights: a file, or the synthetic generator. The
// tensor must have the wanted shape; it may have another float type than wanted.
type Weights interface {
	// Tensor returns the weight of that name, or nil where there is none.
	Tensor(name string, want Type) (*tensor.Tensor, error)
}

// Bind gives every parameter and buffer its data. A source that lacks a buffer of
// integer type (num_batches_tracked, absent from old checkpoints) is accepted; any
// other missing weight or one of another shape is an error that names it.
func (g *Graph) Bind(src Weights) error {
	for _, id := range g.Weights {
		v := &g.Values[id]
		t, err := src.Tensor(v.Name, v.Type)
		if err != nil {
			return fmt.Errorf("weight %q: %w", v.Name, err)
		}
		if t == nil {
			if v.Kind == Buffer && v.Type.DType == tensor.Int64 {
				t = tensor.New(v.Type.DType, v.Type.Shape)
			} else {
				return fmt.Errorf("weight %q %v is missing", v.Name, v.Type.Shape)
			}
		}
		if !t.Shape.Equal(v.Type.Shape) {
			return fmt.Errorf("weight %q: got shape %v, want %v", v.Name, t.Shape, v.Type.Shape)
		}
		if t.DType != v.Type.DType {
			if v.Type.DType != tensor.Float32 {
				return fmt.Errorf("weight %q: got %v, want %v", v.Name, t.DType, v.Type.DType)
			}
			t = tensor.Of(t.Shape, t.Floats())
		}
		v.Data = t
	}
	return nil
}
