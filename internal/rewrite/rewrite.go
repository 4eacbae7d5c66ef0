// Package rewrite turns a graph as it was read into the graph that is run: identities
// gone, batch norms folded into convolutions, bias, activation and residual fused into
// the operator before them.
//
// Passes is the whole list, in its order, with the reason for it; Run applies them all,
// Until stops at a stage so that people can look. A pass never changes the data of a
// weight: folded weights are new values. Weights that are not bound yet fold to values
// without data, so shapes and costs of a fused graph can be known without weights.
//
// It chooses no kernel and places no buffer: that is package engine.
package rewrite

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
)

// Stage is a point at which the graph can be looked at.
type Stage string

const (
	Read     Stage = "read"     // as the zoo or the file has it
	Inferred Stage = "inferred" // every type recomputed from the inputs
	Folded   Stage = "folded"   // identities and batch norms gone
	Fused    Stage = "fused"    // what the engine compiles
)

// Stages are all of them, in order.
var Stages = []Stage{Read, Inferred, Folded, Fused}

// Pass is one rewriting of the whole graph.
type Pass struct {
	Name  string
	Stage Stage // the stage that is reached once all passes of it have run
	Why   string
	rule  rule
}

// rule tries to rewrite around node n and reports whether it changed anything.
type rule func(e *edit, n int) bool

// Passes is every pass in its order.
var Passes = []Pass{
	{"identities", Folded, "first: what does nothing would hide every other pattern", removeIdentity},
	{"shuffle", Folded, "after identities: exporters write a channel shuffle as reshape, transpose, reshape", recogniseShuffle},
	{"pad", Folded, "before batch norm, which looks for a convolution's only reader", foldPad},
	{"batchnorm", Folded, "before bias and activation: a folded batch norm becomes the bias they join", foldBatchNorm},
	{"gate", Fused, "before activation: x·sigmoid(x) and clip(x+3,0,6)/6 are activations spelled out", recogniseGate},
	{"bias", Fused, "before residual: adding a constant is a bias, adding an image is a residual", fuseBias},
	{"activation", Fused, "before residual: an activation between convolution and addition forbids that fusion", fuseActivation},
	{"residual", Fused, "last: the addition brings the activation that was joined to it", fuseResidual},
}

// Run applies every pass to a copy of the graph.
func Run(g *graph.Graph) (*graph.Graph, error) { return Until(g, Fused) }

// Until applies the passes up to and including a stage to a copy of the graph.
func Until(g *graph.Graph, stage Stage) (*graph.Graph, error) {
	c := g.Clone()
	switch stage {
	case Read:
		return c, nil
	case Inferred:
		return c, c.Infer()
	case Folded, Fused:
	default:
		return nil, fmt.Errorf("rewrite: no stage is named %q: want one of %v", stage, Stages)
	}
	if err := c.Infer(); err != nil {
		return nil, err
	}
	for _, p := range Passes {
		if p.Stage == Fused && stage == Folded {
			break
		}
		if err := p.Apply(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// moves reports whether a pass touches only operators that move elements, whose values
// may as well be quantized. The others change where results are rounded.
func (p *Pass) moves() bool { return p.Name == "identities" || p.Name == "shuffle" || p.Name == "pad" }

// quantized reports whether a node computes or reads quantized values.
func (e *edit) quantized(n int) bool {
	for _, list := range [...][]graph.ID{e.Nodes[n].In, e.Nodes[n].Out} {
		for _, id := range list {
			if id != graph.None && e.Value(id).Type.Quantized() {
				return true
			}
		}
	}
	return false
}

// Apply runs one pass on the graph itself until it finds nothing more to do.
func (p Pass) Apply(g *graph.Graph) error {
	e := newEdit(g)
	for changed := true; changed; {
		changed = false
		for n := range g.Nodes {
			// A rule consumes a node or an attribute each time it applies, so this ends.
			for !e.dead[n] && (p.moves() || !e.quantized(n)) && p.rule(e, n) {
				changed = true
			}
		}
	}
	e.sweep()
	if err := g.Validate(); err != nil {
		return fmt.Errorf("rewrite: pass %s: %w", p.Name, err)
	}
	return nil
}
