package cost

import (
	"slices"

	"github.com/wispnet/wisp/graph"
)

// step is what one kernel call does, as far as memory is concerned.
type step struct {
	reads, writes []graph.ID
	concat        bool
	// What it can still take over from the nodes behind it.
	norm, residual, act bool
}

// fuse groups the nodes into steps by the first two rules of ActivationPeak.
func fuse(g *graph.Graph) ([]step, views) {
	var steps []step
	view := views{}
	uses := g.Uses()
	writer := map[graph.ID]int{} // of a value that one step writes and one node reads
	// extend lets the step that writes x write y in its stead.
	extend := func(s int, x, y graph.ID) *step {
		delete(writer, x)
		steps[s].writes = []graph.ID{y}
		if len(uses[y]) == 1 && !slices.Contains(g.Outputs, y) {
			writer[y] = s
		}
		return &steps[s]
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		out := n.Out[0]
		next := step{writes: n.Out}
		switch op := n.Op.(type) {
		case graph.Flatten, graph.Reshape, graph.Identity:
			view[out] = n.In[0]
			continue
		case graph.Split:
			if op.Axis == 1 {
				for _, id := range n.Out {
					view[id] = n.In[0]
				}
				continue
			}
		case graph.Slice:
			if op.Axis == 1 && op.Step == 1 {
				view[out] = n.In[0]
				continue
			}
		case graph.Concat:
			next.concat = op.Axis == 1
		case graph.BatchNorm:
			if s, ok := writer[n.In[0]]; ok && steps[s].norm {
				extend(s, n.In[0], out).norm = false
				continue
			}
			next.act = true
		case graph.Activate:
			if s, ok := writer[n.In[0]]; ok && steps[s].act {
				t := extend(s, n.In[0], out)
				t.norm, t.residual, t.act = false, false, false
				continue
			}
		case graph.Binary:
			if s, x, shortcut := laterConv(g, n, op, steps, view, writer); s >= 0 {
				t := extend(s, x, out)
				t.reads = append(t.reads, shortcut)
				t.norm, t.residual, t.act = false, false, op.Act == graph.Act{}
				continue
			}
			next.act = op.Act == graph.Act{}
		case graph.Conv:
			next.act = op.Act == graph.Act{}
			next.norm, next.residual = next.act && !op.Residual, next.act && !op.Residual
		case graph.Linear:
			next.act = op.Act == graph.Act{}
			next.norm = next.act
		}
		for _, id := range n.In {
			if computed(g, id) {
				next.reads = append(next.reads, id)
			}
		}
		steps = append(steps, next)
		if len(n.Out) == 1 && len(uses[out]) == 1 && !slices.Contains(g.Outputs, out) {
			writer[out] = len(steps) - 1
		}
	}
	return steps, view
}

// laterConv finds, for an addition, the operand x that a convolution (step s) writes after
// the other one, the shortcut, is there. s is −1 where there is none.
func laterConv(g *graph.Graph, n *graph.Node, op graph.Binary, steps []step, view views, writer map[graph.ID]int) (s int, x, shortcut graph.ID) {
	a, b := n.In[0], n.In[1]
	if op.Fn != graph.Add || !computed(g, a) || !computed(g, b) || !g.Value(a).Type.Equal(g.Value(b).Type) {
		return -1, 0, 0
	}
	s = -1
	for _, p := range [2][2]graph.ID{{a, b}, {b, a}} {
		w, ok := writer[p[0]]
		if !ok || !steps[w].residual || w < s {
			continue
		}
		there := view.root(p[1]) // must be written before step w runs
		late := slices.ContainsFunc(steps[w:], func(t step) bool { return slices.Contains(t.writes, there) })
		if !late {
			s, x, shortcut = w, p[0], p[1]
		}
	}
	return s, x, shortcut
}

// join lets the operands of a concatenation of channels be written into its result.
func join(g *graph.Graph, steps []step, view views) {
	written := map[graph.ID]bool{}
	for i := range steps {
		s := &steps[i]
		if s.concat {
			y := s.writes[0]
			var copied []graph.ID
			for k, id := range s.reads {
				_, taken := view[id]
				if taken || !written[id] || slices.Contains(s.reads[:k], id) {
					copied = append(copied, id)
					continue
				}
				view[id] = y
			}
			s.reads = copied
		}
		for _, id := range s.writes {
			written[id] = true
		}
	}
}
