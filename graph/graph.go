// Package graph is wisp's intermediate representation: a network as a list of
// operators over named values, in execution order.
//
// Every reader (zoo, format/…) produces a Graph, every pass (internal/rewrite,
// quant) turns one into another, and every runtime (internal/interp, engine)
// consumes one. A graph says what is computed, never how: it knows no kernels,
// buffers or threads.
//
// Activations are logically NCHW and weights OIHW, the order of PyTorch and ONNX
// whose names and shapes the weights carry; a runtime may store them otherwise.
//
// Start with Builder to make a graph, with ops.go for the operators, with text.go
// for the readable form.
package graph

import (
	"fmt"

	"github.com/wispnet/wisp/tensor"
)

// ID names a value of one graph: its index in Graph.Values.
type ID int32

// None stands where an ID is absent.
const None ID = -1

// Kind says where a value comes from.
type Kind uint8

const (
	Activation Kind = iota // computed by a node
	Input                  // given at every run
	Parameter              // trainable weight, named as in the official state_dict
	Buffer                 // state that is not trained (running_mean, num_batches_tracked, …)
	Constant               // fixed by the architecture or folded by a pass; in no state_dict
)

var kindNames = [...]string{"activation", "input", "parameter", "buffer", "constant"}

func (k Kind) String() string { return kindNames[k] }

// Type is an element type and a shape.
type Type struct {
	DType tensor.DType
	Shape tensor.Shape
}

// String prints a type as float32[1,3,224,224].
func (t Type) String() string { return t.DType.String() + t.Shape.String() }

// Equal reports whether element type and shape are the same.
func (t Type) Equal(u Type) bool { return t.DType == u.DType && t.Shape.Equal(u.Shape) }

// F32 is the float32 type of the given shape.
func F32(dims ...int) Type { return Type{tensor.Float32, dims} }

// Value is an edge of the graph. Data is set for bound parameters, buffers and
// constants, and nil for activations, inputs and weights not yet bound.
type Value struct {
	Name  string
	Kind  Kind
	Type  Type
	Quant *tensor.Quant
	Data  *tensor.Tensor
}

// Node applies one operator. In may hold None only where the operator says so.
type Node struct {
	Name string // unique; the module path in the official implementation, where there is one
	Op   Op
	In   []ID
	Out  []ID
	// Block is the index in Graph.Blocks of the block the node belongs to, or -1.
	Block int
	// Functional says that the official implementation calls a function here and not a
	// module, which is why some counting tools do not see it (see cost).
	Functional bool
}

// Block is a named group of nodes, as the paper's table has rows: a stem, a ghost
// bottleneck, an inverted residual, a classifier.
type Block struct {
	Name string // module path, such as "blocks.3.0"
	Kind string // lower-case words, such as "ghost bottleneck"
}

// Graph is a network. Nodes are in execution order; Weights lists every parameter
// and buffer in the order of the official state_dict.
type Graph struct {
	Name    string
	Values  []Value
	Nodes   []Node
	Blocks  []Block
	Inputs  []ID
	Outputs []ID
	Weights []ID
}

// Value returns the value behind an ID.
func (g *Graph) Value(id ID) *Value { return &g.Values[id] }

// Clone returns a graph that can be rewritten freely. Weight data is shared.
func (g *Graph) Clone() *Graph {
	c := *g
	c.Values = append([]Value(nil), g.Values...)
	for i := range c.Values {
		c.Values[i].Type.Shape = c.Values[i].Type.Shape.Clone()
	}
	c.Nodes = append([]Node(nil), g.Nodes...)
	for i := range c.Nodes {
		c.Nodes[i].In = append([]ID(nil), c.Nodes[i].In...)
		c.Nodes[i].Out = append([]ID(nil), c.Nodes[i].Out...)
	}
	c.Blocks = append([]Block(nil), g.Blocks...)
	c.Inputs = append([]ID(nil), g.Inputs...)
	c.Outputs = append([]ID(nil), g.Outputs...)
	c.Weights = append([]ID(nil), g.Weights...)
	return &c
}

// Find returns the value of that name, or None.
func (g *Graph) Find(name string) ID {
	for i := range g.Values {
		if g.Values[i].Name == name {
			return ID(i)
		}
	}
	return None
}

// Uses returns, for every value, the indices of the nodes that read it. A node
// that reads a value twice stands there twice.
func (g *Graph) Uses() [][]int {
	uses := make([][]int, len(g.Values))
	for n := range g.Nodes {
		for _, id := range g.Nodes[n].In {
			if id != None {
				uses[id] = append(uses[id], n)
			}
		}
	}
	return uses
}

// Producers returns, for every value, the index of the node that computes it, or -1.
func (g *Graph) Producers() []int {
	prod := make([]int, len(g.Values))
	for i := range prod {
		prod[i] = -1
	}
	for n := range g.Nodes {
		for _, id := range g.Nodes[n].Out {
			prod[id] = n
		}
	}
	return prod
}

// types returns the types of a node's inputs, a zero Type for None.
func (g *Graph) types(ids []ID) []Type {
	ts := make([]Type, len(ids))
	for i, id := range ids {
		if id != None {
			ts[i] = g.Values[id].Type
		}
	}
	return ts
}

// Infer recomputes the type of every activation from the inputs' types.
// The error names the first node whose inputs do not fit its operator.
func (g *Graph) Infer() error {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		out, err := infer(n.Op, g.types(n.In), len(n.Out))
		if err != nil {
			return fmt.Errorf("graph: node %d %q (%s): %w", i, n.Name, n.Op.Name(), err)
		}
		for k, t := range out {
			g.Values[n.Out[k]].Type = t
		}
	}
	return nil
}

// WithInput returns a copy whose only input has the given shape, with all types
// inferred again. It is how a graph changes its batch or its image size.
func (g *Graph) WithInput(shape tensor.Shape) (*Graph, error) {
	if len(g.Inputs) != 1 {
		return nil, fmt.Errorf("graph: %s has %d inputs, want 1 to set a shape", g.Name, len(g.Inputs))
	}
	c := g.Clone()
	c.Values[c.Inputs[0]].Type.Shape = shape.Clone()
	return c, c.Infer()
}

// WithBatch returns a copy that runs n rows at once: dimension 0 of every input
// becomes n and all types are inferred again.
func (g *Graph) WithBatch(n int) (*Graph, error) {
	c := g.Clone()
	for _, id := range c.Inputs {
		if len(c.Values[id].Type.Shape) == 0 {
			return nil, fmt.Errorf("graph: input %q is a scalar and has no batch", c.Values[id].Name)
		}
		c.Values[id].Type.Shape[0] = n
	}
	return c, c.Infer()
}
