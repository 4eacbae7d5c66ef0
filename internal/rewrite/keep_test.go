package rewrite_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/tensor"
)

// rewriting is one way to rewrite a graph.
type rewriting func(g *graph.Graph) (*graph.Graph, error)

// keeps checks that rewritten graphs compute what the graph computes, within the
// tolerance that every runtime has, and that the graph itself is as it was.
func keeps(t *testing.T, name string, g *graph.Graph, in []*tensor.Tensor, ways map[string]rewriting) {
	t.Helper()
	want, err := optest.Expect(g, in)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for what, f := range ways {
		if err := keep(g, in, want, f); err != nil {
			t.Errorf("%s: %s: %v", name, what, err)
		}
	}
}

func keep(g *graph.Graph, in []*tensor.Tensor, want []optest.Expected, rewritten rewriting) error {
	before := g.Text()
	r, err := rewritten(g)
	if err != nil {
		return err
	}
	if g.Text() != before {
		return fmt.Errorf("the graph that was given is changed")
	}
	for i, id := range g.Outputs {
		if was, is := g.Value(id), r.Value(r.Outputs[i]); was.Name != is.Name || !was.Type.Equal(is.Type) {
			return fmt.Errorf("output %d was %q %v and is %q %v", i, was.Name, was.Type, is.Name, is.Type)
		}
	}
	for i, id := range g.Inputs {
		if was, is := g.Value(id), r.Value(r.Inputs[i]); was.Name != is.Name {
			return fmt.Errorf("input %d was %q and is %q", i, was.Name, is.Name)
		}
	}
	got, err := interp.Run(r, in)
	if err != nil {
		return err
	}
	for i, x := range want {
		if err := optest.Compare(got[i], x.Want, x.Bound); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// alone applies one pass to a copy.
func alone(p rewrite.Pass) rewriting {
	return func(g *graph.Graph) (*graph.Graph, error) {
		c := g.Clone()
		return c, p.Apply(c)
	}
}

func TestCasesKeepTheirOutputs(t *testing.T) {
	for _, c := range optest.Cases() {
		ways := map[string]rewriting{"all": rewrite.Run}
		for _, p := range rewrite.Passes {
			if strings.HasPrefix(c.Name, "pattern/") {
				ways["pass "+p.Name+" alone"] = alone(p)
			}
		}
		keeps(t, c.Name, c.Graph, c.Inputs, ways)
	}
}

func TestRandomNetworksKeepTheirOutputs(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 40
	}
	applied := map[string]int{}
	for seed := range seeds {
		g, in := optest.Random(rand.New(rand.NewPCG(seed, 2)))
		p := rewrite.Passes[seed%uint64(len(rewrite.Passes))]
		keeps(t, fmt.Sprintf("seed %d", seed), g, in, map[string]rewriting{"all": rewrite.Run, "pass " + p.Name + " alone": alone(p)})
		// Passes in their order, to know that each finds something to do.
		c, text := g.Clone(), g.Text()
		for _, p := range rewrite.Passes {
			if err := p.Apply(c); err != nil {
				t.Fatalf("seed %d: pass %s: %v", seed, p.Name, err)
			}
			if now := c.Text(); now != text {
				applied[p.Name]++
				text = now
			}
		}
		// Once fused there is nothing left to do.
		again, err := rewrite.Run(c)
		if err != nil {
			t.Fatalf("seed %d: again: %v", seed, err)
		}
		if again.Text() != text {
			t.Errorf("seed %d: a second run still finds something to do", seed)
		}
	}
	for _, p := range rewrite.Passes {
		if applied[p.Name] == 0 {
			t.Errorf("pass %s changed none of %d random networks", p.Name, seeds)
		}
	}
}

// unbound takes a graph's weights away, but not its constants.
func unbound(g *graph.Graph) *graph.Graph {
	c := g.Clone()
	for i := range c.Values {
		if k := c.Values[i].Kind; k == graph.Parameter || k == graph.Buffer {
			c.Values[i].Data = nil
		}
	}
	return c
}

// Without weights the same passes apply, so that shapes and counts of the fused graph are
// known; only the folded numbers are missing.
func TestUnboundWeights(t *testing.T) {
	for _, c := range optest.Cases() {
		bound, err := rewrite.Run(c.Graph)
		if err != nil {
			t.Fatal(err)
		}
		free, err := rewrite.Run(unbound(c.Graph))
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if got, want := describe(free), describe(bound); got != want {
			t.Errorf("%s: without weights: got %s, want %s", c.Name, got, want)
		}
		if _, err := interp.Run(free, c.Inputs); err == nil && len(c.Graph.Weights) > 0 && usesWeights(bound, c.Graph) {
			t.Errorf("%s: runs without its weights", c.Name)
		}
	}
}

// usesWeights reports whether a node reads a value that is not there without weights.
func usesWeights(fused, g *graph.Graph) bool {
	for _, n := range fused.Nodes {
		for _, id := range n.In {
			if v := fused.Value(id); v.Kind == graph.Parameter || v.Kind == graph.Buffer {
				return true
			} else if v.Kind == graph.Constant && g.Find(v.Name) == graph.None {
				return true
			}
		}
	}
	return false
}

// describe lists a graph's nodes with what is fused into them.
func describe(g *graph.Graph) string {
	words := make([]string, len(g.Nodes))
	for i, n := range g.Nodes {
		w := n.Op.Name()
		switch op := n.Op.(type) {
		case graph.Conv:
			w = flags(w, op.Bias, op.Residual, op.Act)
			if op.Pad != (graph.Padding{}) {
				w += "+pad"
			}
		case graph.Linear:
			w = flags(w, op.Bias, false, op.Act)
		case graph.Binary:
			w = flags(op.Fn.String(), false, false, op.Act)
		case graph.Activate:
			w = op.Act.String()
		}
		words[i] = w
	}
	return strings.Join(words, " ")
}

func flags(w string, bias, residual bool, a graph.Act) string {
	if bias {
		w += "+bias"
	}
	if residual {
		w += "+residual"
	}
	if a.Kind != graph.ActNone {
		w += "+" + a.String()
	}
	return w
}
