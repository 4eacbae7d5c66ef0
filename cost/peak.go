package cost

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/layout"
)

// ActivationPeak is the size in bytes of one arena that holds every activation of a run on
// one image in float32, values whose lifetimes do not meet sharing memory (internal/layout;
// 64-byte aligned). Weights and the kernels' scratch are not in it.
//
// It follows from shapes alone and so needs no weight data. The rule:
//
//   - Batch norm, activation and the addition of a shortcut are done by the convolution
//     (or linear layer, or addition) before them where nothing else reads what is between:
//     that value needs no memory.
//   - Flatten, reshape, identity, and a split or slice of channels are views of their input.
//   - What a concatenation of channels joins is written into the result at once. Only a
//     view, an input of the network and what another concatenation holds are copied.
//   - A value lives from the step that writes it to the last that reads it, both included;
//     so no step works in place. The input lives from the start, outputs to the end.
//
// An engine that lays out otherwise (in place, or with copies) has another peak.
func ActivationPeak(g *graph.Graph) (int64, error) {
	g, _, err := oneImage(g)
	if err != nil {
		return 0, err
	}
	if _, err := count(g); err != nil { // bounds the sum of all sizes
		return 0, err
	}
	_, size := layout.Plan(lifetimes(g))
	return int64(size), nil
}

// lifetimes are the buffers of a run: step 0 is before the first, len(steps)+1 after the
// last.
func lifetimes(g *graph.Graph) []layout.Item {
	steps, views := fuse(g)
	join(g, steps, views)

	items := make(map[graph.ID]*layout.Item)
	var order []graph.ID // of appearance, so that equal graphs have equal plans
	live := func(id graph.ID, at int) {
		id = views.root(id)
		it := items[id]
		if it == nil {
			it = &layout.Item{Size: 4 * g.Value(id).Type.Shape.Elements(), First: at, Last: at}
			items[id], order = it, append(order, id)
		}
		it.First, it.Last = min(it.First, at), max(it.Last, at)
	}
	for _, id := range g.Inputs {
		live(id, 0)
	}
	for i, s := range steps {
		for _, id := range s.reads {
			live(id, i+1)
		}
		for _, id := range s.writes {
			live(id, i+1)
		}
	}
	for _, id := range g.Outputs {
		if computed(g, id) {
			live(id, len(steps)+1)
		}
	}
	out := make([]layout.Item, len(order))
	for i, id := range order {
		out[i] = *items[id]
	}
	return out
}

// computed reports whether a value is data of the run and not a weight.
func computed(g *graph.Graph, id graph.ID) bool {
	return id != graph.None && (g.Value(id).Kind == graph.Activation || g.Value(id).Kind == graph.Input)
}

// views says in whose buffer a value lies; a value that is absent has its own.
type views map[graph.ID]graph.ID

func (v views) root(id graph.ID) graph.ID {
	for {
		next, ok := v[id]
		if !ok {
			return id
		}
		id = next
	}
}
