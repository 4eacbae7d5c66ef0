package rewrite

import (
	"slices"
	"strconv"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// edit is a graph being rewritten, with its readers and producers at hand. Rules change
// nodes through setIn, absorb, bypass and kill alone, which keep both right; indices of
// nodes stay what they are until sweep.
type edit struct {
	*graph.Graph
	uses  [][]int // the nodes that read a value, twice where they read it twice; not of weights
	prod  []int   // the node that computes a value, or -1
	names map[string]bool
	dead  []bool
}

func newEdit(g *graph.Graph) *edit {
	e := &edit{Graph: g, names: make(map[string]bool, len(g.Values)), dead: make([]bool, len(g.Nodes))}
	e.uses, e.prod = make([][]int, len(g.Values)), g.Producers()
	for i := range g.Values {
		e.names[g.Values[i].Name] = true
	}
	for n := range g.Nodes {
		for _, id := range g.Nodes[n].In {
			e.read(n, id)
		}
	}
	return e
}

func (e *edit) read(n int, id graph.ID) {
	if id != graph.None && !e.fixed(id) {
		e.uses[id] = append(e.uses[id], n)
	}
}

// setIn gives node n other inputs.
func (e *edit) setIn(n int, in ...graph.ID) {
	for _, id := range e.Nodes[n].In {
		if id != graph.None && !e.fixed(id) {
			i := slices.Index(e.uses[id], n)
			e.uses[id] = slices.Delete(e.uses[id], i, i+1)
		}
	}
	e.Nodes[n].In = in
	for _, id := range in {
		e.read(n, id)
	}
}

// kill drops node n, whose outputs nobody reads or another node computes now.
func (e *edit) kill(n int) {
	e.setIn(n)
	for _, id := range e.Nodes[n].Out {
		if e.prod[id] == n {
			e.prod[id] = -1
		}
	}
	e.dead[n] = true
}

// only returns the one node that reads a value which is no output of the graph, or -1.
func (e *edit) only(id graph.ID) int {
	if len(e.uses[id]) != 1 || slices.Contains(e.Outputs, id) {
		return -1
	}
	return e.uses[id][0]
}

// by returns the node that computes a value, or nil.
func (e *edit) by(id graph.ID) *graph.Node {
	if id == graph.None || e.prod[id] < 0 {
		return nil
	}
	return &e.Nodes[e.prod[id]]
}

// constant returns the data of a constant or bound weight, or nil.
func (e *edit) constant(id graph.ID) *tensor.Tensor {
	v := e.Value(id)
	if v.Kind == graph.Activation || v.Kind == graph.Input {
		return nil
	}
	return v.Data
}

// fixed reports whether a value is the same at every run, bound or not.
func (e *edit) fixed(id graph.ID) bool {
	k := e.Value(id).Kind
	return k != graph.Activation && k != graph.Input
}

func (e *edit) varies(id graph.ID) bool { return !e.fixed(id) }

// types returns the types of a node's inputs with another first one.
func (e *edit) types(in []graph.ID, first graph.ID) []graph.Type {
	ts := make([]graph.Type, len(in))
	for i, id := range in {
		ts[i] = e.Value(id).Type
	}
	ts[0] = e.Value(first).Type
	return ts
}

// bypass lets every reader of node n's output read another value instead and kills the
// node. It refuses where an output of the graph would become one of its inputs or
// weights, or the same value as another output.
func (e *edit) bypass(n int, with graph.ID) bool {
	old := e.Nodes[n].Out[0]
	if slices.Contains(e.Outputs, old) {
		if e.Value(with).Kind != graph.Activation || slices.Contains(e.Outputs, with) {
			return false
		}
		// The output keeps its name whoever computes it.
		a, b := e.Value(old), e.Value(with)
		a.Name, b.Name = b.Name, a.Name
		for i, id := range e.Outputs {
			if id == old {
				e.Outputs[i] = with
			}
		}
	}
	for len(e.uses[old]) > 0 {
		reader := e.uses[old][0]
		in := slices.Clone(e.Nodes[reader].In)
		for i, id := range in {
			if id == old {
				in[i] = with
			}
		}
		e.setIn(reader, in...)
	}
	e.kill(n)
	return true
}

// absorb makes node n compute what the node after it computes and kills that one:
// n's output becomes the later node's, under its name.
func (e *edit) absorb(n, later int) {
	for _, id := range e.Nodes[n].Out {
		e.prod[id] = -1
	}
	e.Nodes[n].Out = e.Nodes[later].Out
	for _, id := range e.Nodes[n].Out {
		e.prod[id] = n
	}
	e.kill(later)
}

// derived adds a value computed from weights: a constant where data is known, else an
// unbound parameter of that type.
func (e *edit) derived(name string, t graph.Type, data *tensor.Tensor) graph.ID {
	for base, i := name, 2; e.names[name]; i++ {
		name = base + "~" + strconv.Itoa(i)
	}
	e.names[name] = true
	v := graph.Value{Name: name, Kind: graph.Constant, Type: t, Data: data}
	if data == nil {
		v.Kind = graph.Parameter
	}
	e.Values = append(e.Values, v)
	e.uses, e.prod = append(e.uses, nil), append(e.prod, -1)
	return graph.ID(len(e.Values) - 1)
}

// sweep drops what is dead, nodes whose outputs nobody reads, and values that nobody
// mentions. The edit ends with it.
func (e *edit) sweep() {
	live := make([]bool, len(e.Values))
	for _, id := range e.Outputs {
		live[id] = true
	}
	kept := make([]bool, len(e.Nodes))
	for n := len(e.Nodes) - 1; n >= 0; n-- {
		for _, id := range e.Nodes[n].Out {
			kept[n] = kept[n] || live[id] && !e.dead[n]
		}
		if kept[n] {
			for _, id := range e.Nodes[n].In {
				if id != graph.None {
					live[id] = true
				}
			}
			for _, id := range e.Nodes[n].Out {
				live[id] = true
			}
		}
	}
	for _, id := range e.Inputs {
		live[id] = true
	}
	to := make([]graph.ID, len(e.Values))
	values := make([]graph.Value, 0, len(e.Values))
	for i, v := range e.Values {
		to[i] = graph.None
		if live[i] {
			to[i] = graph.ID(len(values))
			values = append(values, v)
		}
	}
	nodes := make([]graph.Node, 0, len(e.Nodes))
	for n, node := range e.Nodes {
		if kept[n] {
			renumber(node.In, to)
			renumber(node.Out, to)
			nodes = append(nodes, node)
		}
	}
	e.Values, e.Nodes = values, nodes
	renumber(e.Inputs, to)
	renumber(e.Outputs, to)
	weights := e.Weights[:0]
	for _, id := range e.Weights {
		if to[id] != graph.None {
			weights = append(weights, to[id])
		}
	}
	e.Weights = weights
}

func renumber(ids []graph.ID, to []graph.ID) {
	for i, id := range ids {
		if id != graph.None {
			ids[i] = to[id]
		}
	}
}
