package graph

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/wispnet/wisp/tensor"
)

// Builder makes a graph node by node, inferring types as it goes. The first error
// sticks: later calls do nothing and Build returns it, so that a network reads
// straight down.
type Builder struct {
	g     *Graph
	names map[string]bool
	block int
	err   error
}

// NewBuilder starts an empty graph.
func NewBuilder(name string) *Builder {
	return &Builder{g: &Graph{Name: name}, names: map[string]bool{}, block: -1}
}

// Err returns the first error so far.
func (b *Builder) Err() error { return b.err }

// Fail records an error found by the caller, unless one is recorded already.
func (b *Builder) Fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

func (b *Builder) value(v Value) ID {
	if b.names[v.Name] {
		b.Fail(fmt.Errorf("graph: %s: two values are named %q", b.g.Name, v.Name))
	}
	b.names[v.Name] = true
	b.g.Values = append(b.g.Values, v)
	return ID(len(b.g.Values) - 1)
}

// Input declares an input of the graph.
func (b *Builder) Input(name string, t Type) ID {
	id := b.value(Value{Name: name, Kind: Input, Type: t})
	b.g.Inputs = append(b.g.Inputs, id)
	return id
}

// Param declares a trainable weight; its data is bound later (Graph.Bind) or never.
func (b *Builder) Param(name string, dims ...int) ID {
	return b.weight(Parameter, name, F32(dims...))
}

// Buffer declares state of a module that is not trained.
func (b *Builder) Buffer(name string, t Type) ID { return b.weight(Buffer, name, t) }

func (b *Builder) weight(k Kind, name string, t Type) ID {
	id := b.value(Value{Name: name, Kind: k, Type: t})
	b.g.Weights = append(b.g.Weights, id)
	return id
}

// Bound declares a weight that a file brings with its data.
func (b *Builder) Bound(k Kind, name string, t *tensor.Tensor) ID {
	id := b.value(Value{Name: name, Kind: k, Type: Type{t.DType, t.Shape.Clone()}, Quant: t.Quant, Data: t})
	if k == Parameter || k == Buffer {
		b.g.Weights = append(b.g.Weights, id)
	}
	return id
}

// Block opens a block: nodes added from now on belong to it.
func (b *Builder) Block(name, kind string) {
	b.g.Blocks = append(b.g.Blocks, Block{name, kind})
	b.block = len(b.g.Blocks) - 1
}

// EndBlock closes the block: nodes added from now on belong to none.
func (b *Builder) EndBlock() { b.block = -1 }

// Add appends a node of one output and returns it. The output takes the node's name.
func (b *Builder) Add(name string, op Op, in ...ID) ID {
	out := b.AddN(name, op, 1, in...)
	return out[0]
}

// AddN appends a node of n outputs, named name, name#1, name#2, … After an error the
// outputs are None.
func (b *Builder) AddN(name string, op Op, n int, in ...ID) []ID {
	out := make([]ID, n)
	for i := range out {
		out[i] = None
	}
	if b.err != nil {
		return out
	}
	types, err := infer(op, b.g.types(in), n)
	if err != nil {
		b.Fail(fmt.Errorf("graph: %s: node %d %q (%s): %w", b.g.Name, len(b.g.Nodes), name, op.Name(), err))
		return out
	}
	for i := range out {
		v := Value{Name: name, Type: types[i]}
		if i > 0 {
			v.Name += "#" + strconv.Itoa(i)
		}
		out[i] = b.value(v)
	}
	b.g.Nodes = append(b.g.Nodes, Node{Name: name, Op: op, In: slices.Clone(in), Out: out, Block: b.block})
	return out
}

// Functional marks the node added last as a function call in the official code.
func (b *Builder) Functional() {
	if b.err == nil {
		b.g.Nodes[len(b.g.Nodes)-1].Functional = true
	}
}

// Type returns the type of a value added before; a zero type after an error.
func (b *Builder) Type(id ID) Type {
	if id == None || b.err != nil {
		return Type{}
	}
	return b.g.Values[id].Type
}

// Build names the outputs, checks the graph and returns it.
func (b *Builder) Build(outputs ...ID) (*Graph, error) {
	if b.err != nil {
		return nil, b.err
	}
	b.g.Outputs = outputs
	if err := b.g.Validate(); err != nil {
		return nil, err
	}
	return b.g, nil
}
