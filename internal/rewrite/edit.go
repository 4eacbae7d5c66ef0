package rewrite

import (
	"slices"
	"strconv"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// edit is a graph being rewritten, with its uses and producers at hand. Rules mark
// nodes dead; refresh drops them.
type edit struct {
	*graph.Graph
	uses  [][]int
	prod  []int
	names map[string]bool
	dead  map[int]bool
}

func newEdit(g *graph.Graph) *edit {
	e := &edit{Graph: g, names: make(map[string]bool, len(g.Values)), dead: map[int]bool{}}
	for i := range g.Values {
		e.names[g.Values[i].Name] = true
	}
	e.refresh()
	return e
}

func (e *edit) refresh() {
	if len(e.dead) > 0 {
		kept := e.Nodes[:0]
		for i, n := range e.Nodes {
			if !e.dead[i] {
				kept = append(kept, n)
			}
		}
		e.Nodes = kept
		clear(e.dead)
	}
	e.uses, e.prod = e.Uses(), e.Producers()
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
	for _, u := range e.uses[old] {
		for i, id := range e.Nodes[u].In {
			if id == old {
				e.Nodes[u].In[i] = with
			}
		}
	}
	e.dead[n] = true
	return true
}

// absorb makes node n compute what the node after it computes and kills that one:
// n's output becomes the later node's, under its name.
func (e *edit) absorb(n, later int) {
	e.Nodes[n].Out = e.Nodes[later].Out
	e.dead[later] = true
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

// sweep drops nodes whose outputs nobody reads and then values that nobody mentions.
func (e *edit) sweep() {
	e.refresh()
	live := make([]bool, len(e.Values))
	for _, id := range e.Outputs {
		live[id] = true
	}
	kept := make([]bool, len(e.Nodes))
	for n := len(e.Nodes) - 1; n >= 0; n-- {
		for _, id := range e.Nodes[n].Out {
			kept[n] = kept[n] || live[id]
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
	e.refresh()
}

func renumber(ids []graph.ID, to []graph.ID) {
	for i, id := range ids {
		if id != graph.None {
			ids[i] = to[id]
		}
	}
}
