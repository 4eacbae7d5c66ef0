// Package cost counts what a network costs before it runs: parameters, multiply-adds,
// bytes, the memory of its activations, and what other counting tools would say of the
// same network and why.
//
// It measures nothing (package bench does) and needs no weight data: a graph straight from
// the zoo will do. Blocks compares each block with a plain convolution of the same shape,
// GhostModules and Separables hold the papers' formulas against the graph. The command line
// and the reports print what is counted here.
//
// Units: a MAC is one multiply-add of a convolution or a linear layer, and nothing else is
// one; FLOPs are 2 × MACs. Every figure is for one image (batch 1).
package cost

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Report is the cost of a network.
type Report struct {
	// Batch is 1, or the input's own batch where the graph cannot run another; then every
	// figure is for that many images and Notes says so.
	Batch  int     `json:"batch"`
	Layers []Layer `json:"layers"` // one for each node, in execution order
	Totals
	// OtherParams are the trainable elements that no layer reads: Params less the sum of
	// the layers'.
	OtherParams int64 `json:"other_params"`
	Bytes       Bytes `json:"bytes"`
	// ActivationPeakBytes is the size of the arena; see ActivationPeak for the rule.
	ActivationPeakBytes int64    `json:"activation_peak_bytes"`
	Elements            Elements `json:"elements"`
	// Tools are other tools' totals, in the order of ToolNames.
	Tools []Tool   `json:"tools"`
	Notes []string `json:"notes"` // doubts, each one sentence
}

// Totals are the figures that a list or a comparison shows.
type Totals struct {
	Params  int64 `json:"params"`  // trainable elements
	Buffers int64 `json:"buffers"` // elements of state that is not trained; a num_batches_tracked is one
	MACs    int64 `json:"macs"`
	FLOPs   int64 `json:"flops"` // 2 × MACs
	// BytesMoved is the sum of the layers'.
	BytesMoved int64 `json:"bytes_moved"`
}

// Elements counts the element-wise work that MACs leave out.
type Elements struct {
	BatchNormOutputs int64 `json:"batch_norm_outputs"` // elements that batch norms write
	GateMultiplies   int64 `json:"gate_multiplies"`    // elements that multiplications write: squeeze-and-excite, attention gates
	Additions        int64 `json:"additions"`          // elements that additions write: shortcuts
	Activations      int64 `json:"activations"`        // elements that activation functions write
	ConvOutputs      int64 `json:"conv_outputs"`       // elements that convolutions write, squeeze-and-excite's included
}

// Count returns the totals alone, without layers, plan or tools: what a list needs.
// The error is of a graph whose types cannot be inferred for one image.
func Count(g *graph.Graph) (Totals, error) {
	g, _, err := oneImage(g)
	if err != nil {
		return Totals{}, err
	}
	return count(g)
}

func count(g *graph.Graph) (Totals, error) {
	var t Totals
	for _, id := range g.Weights {
		v := g.Value(id)
		switch v.Kind {
		case graph.Parameter:
			t.Params += elements(v.Type)
		case graph.Buffer:
			t.Buffers += elements(v.Type)
		}
	}
	for i := range g.Nodes {
		c, err := describe(g, i)
		if err != nil {
			return Totals{}, err
		}
		t.MACs += c.macs
		t.BytesMoved += c.bytes
		if t.MACs > maxMACs || t.BytesMoved > maxMACs {
			return Totals{}, fmt.Errorf("cost: %s: more than %d multiply-adds or bytes up to node %d %q", g.Name, int64(maxMACs), i, g.Nodes[i].Name)
		}
	}
	t.FLOPs = 2 * t.MACs
	return t, nil
}

// Of counts everything. The graph is left as it is; it should be as read, before any
// rewriting, since a folded graph has no parameters and no batch norms left to count.
func Of(g *graph.Graph) (*Report, error) {
	g, batch, err := oneImage(g)
	if err != nil {
		return nil, err
	}
	r := &Report{Batch: batch, Notes: []string{}}
	if batch > 1 {
		r.Notes = append(r.Notes, fmt.Sprintf("the graph runs only batches of %d: every figure is for %d images", batch, batch))
	}
	if r.Totals, err = count(g); err != nil {
		return nil, err
	}
	calls := make([]call, len(g.Nodes))
	for i := range g.Nodes {
		if calls[i], err = describe(g, i); err != nil {
			return nil, err
		}
		r.Elements.add(calls[i])
	}
	r.Layers = layers(g, calls)
	r.OtherParams = r.Params
	for _, l := range r.Layers {
		r.OtherParams -= l.Params
	}
	r.Bytes = weightBytes(g)
	r.Tools = tools(calls)
	if note := functionNote(calls); note != "" {
		r.Notes = append(r.Notes, note)
	}
	peak, err := ActivationPeak(g)
	if err != nil {
		return nil, err
	}
	r.ActivationPeakBytes = peak
	return r, nil
}

// What a file may claim; sums of what is within them fit an int64.
const (
	maxElements = 1 << 40 // of one value
	maxMACs     = 1 << 58 // of a network, and bytes
)

// oneImage returns the graph for batch 1. A graph whose shapes fix another batch is
// returned as it is, with that batch.
func oneImage(g *graph.Graph) (*graph.Graph, int, error) {
	for i := range g.Values {
		v := &g.Values[i]
		if n, ok := v.Type.Shape.Count(); !ok || int64(n) > maxElements {
			return nil, 0, fmt.Errorf("cost: %s: value %q %v has more than %d elements", g.Name, v.Name, v.Type.Shape, int64(maxElements))
		}
	}
	batch := 1
	for _, id := range g.Inputs {
		if s := g.Value(id).Type.Shape; len(s) > 0 {
			batch = max(batch, s[0])
		}
	}
	if batch == 1 {
		return g, 1, nil
	}
	if one, err := g.AtBatch(1); err == nil {
		return one, 1, nil
	}
	return g, batch, nil
}

func elements(t graph.Type) int64 { return int64(t.Shape.Elements()) }

func (e *Elements) add(c call) {
	switch c.kind {
	case kindConv:
		e.ConvOutputs += c.out
	case kindBatchNorm:
		e.BatchNormOutputs += c.out
	case kindMul:
		e.GateMultiplies += c.out
	case kindAdd:
		e.Additions += c.out
	}
	if c.act.Kind != graph.ActNone {
		e.Activations += c.out
	}
}

// spatial is the height and width of an image's shape, 1 and 1 of any other.
func spatial(s tensor.Shape) (h, w int) {
	if len(s) == 4 {
		return s[2], s[3]
	}
	return 1, 1
}
