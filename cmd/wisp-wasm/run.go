//go:build js && wasm

package main

import (
	"fmt"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/tensor"
)

// runs is how often a network runs for its time, of which the fastest counts.
const runs = 3

// ran is what running a network came to.
type ran struct {
	Facts   []report.Fact `json:"facts"`
	Classes *report.Cells `json:"classes"` // of a photograph, by trained weights
	Notes   []string      `json:"notes"`
}

// run runs a network on a photograph or, as wisp run does without --input, on synthetic:1.
func run(q request) (any, error) {
	m, err := q.open(0)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	in, what, err := input(m, q.Image)
	if err != nil {
		return nil, err
	}
	say("planning " + m.Name)
	p, err := m.Compile(wisp.Threads(1))
	if err != nil {
		return nil, err
	}
	defer p.Close()
	best := time.Duration(1<<63 - 1)
	var outs []*tensor.Tensor
	for i := range runs {
		say(fmt.Sprintf("running %s: %d of %d", m.Name, i+1, runs))
		start := time.Now()
		if outs, err = p.Run(in...); err != nil {
			return nil, err
		}
		best = min(best, time.Since(start))
	}
	out := ran{Notes: append([]string{}, m.Notes...), Facts: []report.Fact{
		{Name: "time", Text: fmt.Sprintf("%.1f ms, the fastest of %d runs of the portable kernels on one thread of this browser", float64(best.Microseconds())/1e3, runs)},
		{Name: "input", Text: what},
		{Name: "weights", Text: m.Weights.ID},
	}}
	if a := p.Arithmetic(); a != "" {
		out.Facts = append(out.Facts, report.Fact{Name: "arithmetic", Text: a})
	}
	for i, port := range m.Outputs() {
		out.Facts = append(out.Facts, report.Fact{Name: "output", Text: report.OutputFact(port.Name, m.ToArray(i, outs[i]))})
	}
	if q.Image != "" {
		out.Notes = append(out.Notes, m.PictureNotes()...)
	}
	if q.Image != "" && !m.Weights.Synthetic && m.Classifier() == nil {
		classes, err := m.Top(m.Scores(outs[0]), 5)
		if err != nil {
			return nil, err
		}
		cells := report.ClassCells(classes)
		out.Classes = &cells
	}
	return out, nil
}

// input is the model's input or inputs, and what they are of.
func input(m *wisp.Model, image string) ([]*tensor.Tensor, string, error) {
	if image == "" {
		var in []*tensor.Tensor
		for i := range m.Graph.Inputs {
			in = append(in, m.Synthetic(i, 1))
		}
		return in, "synthetic:1, " + m.WantInputs(), nil
	}
	if err := m.Doubtful(); err != nil {
		return nil, "", err
	}
	say("decoding " + image)
	img, err := wisp.ReadImage(image)
	if err != nil {
		return nil, "", err
	}
	t, err := m.Preprocess(img)
	if err != nil {
		return nil, "", err
	}
	return []*tensor.Tensor{t}, fmt.Sprintf("%s, %d×%d pixels, as %v by recipe %s (%s)", image, img.W, img.H, t.Shape, m.Recipe.ID, m.RecipeWhy), nil
}
