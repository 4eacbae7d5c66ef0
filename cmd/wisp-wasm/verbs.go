//go:build js && wasm

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/structure"
)

// shown is a network as the page shows it.
type shown struct {
	Model  string          `json:"model"`
	Input  []int           `json:"input"`
	Notes  []string        `json:"notes"`
	Cost   *cost.Report    `json:"cost"`
	Stages []structure.Row `json:"stages"`
	Blocks string          `json:"blocks_svg"` // "" where no block is recognised
}

func show(q request) (any, error) {
	m, err := wisp.Open(q.Models[0])
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if _, err := structure.Annotate(m.Graph); err != nil {
		return nil, err
	}
	r, err := cost.Of(m.Graph)
	if err != nil {
		return nil, err
	}
	n, err := structure.Of(m.Graph)
	if err != nil {
		return nil, err
	}
	notes := append([]string{}, r.Notes...)
	if !m.Weights.Synthetic { // counts need no weights
		notes = append(notes, m.Notes...)
	}
	sheet, err := report.BlockSheet(m.Graph, title(m.Name))
	if err != nil {
		notes = append(notes, err.Error())
	}
	return shown{m.Name, m.Graph.Value(m.Graph.Inputs[0]).Type.Shape, notes, r, n.Table(), report.Inline(sheet)}, nil
}

// title is a model's name without the worker's folder.
func title(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func diff(q request) (any, error) {
	var two [2]*wisp.Model
	for i, name := range q.Models {
		m, err := wisp.Open(name)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		two[i] = m
	}
	d, err := report.NewDiff(two[0], two[1])
	if err != nil {
		return nil, err
	}
	return struct {
		*report.Diff
		Text          []string `json:"text"`
		Substitutions []string `json:"substitutions"`
	}{d, d.Text(), d.Substitutions()}, nil
}

// runs is how often a network runs for its time, of which the fastest counts.
const runs = 3

func run(q request) (any, error) {
	m, err := wisp.Open(q.Models[0])
	if err != nil {
		return nil, err
	}
	defer m.Close()
	h, w, err := m.ImageSize()
	if err != nil {
		return nil, err
	}
	p, err := m.Compile(wisp.Threads(1))
	if err != nil {
		return nil, err
	}
	defer p.Close()
	img := gradient(h, w)
	if q.Image != "" {
		if img, err = wisp.ReadImage(q.Image); err != nil {
			return nil, err
		}
	}
	in, err := m.Preprocess(img)
	if err != nil {
		return nil, err
	}
	best := time.Duration(1<<63 - 1)
	for range runs {
		start := time.Now()
		if _, err := p.Run(in); err != nil {
			return nil, err
		}
		best = min(best, time.Since(start))
	}
	out := struct {
		MS      float64      `json:"ms"`
		Runs    int          `json:"runs"`
		Classes []wisp.Class `json:"classes"` // of a photograph, for trained weights
	}{MS: float64(best.Microseconds()) / 1e3, Runs: runs}
	if q.Image != "" && !m.Weights.Synthetic {
		if out.Classes, err = p.ClassifyImage(img, 5); err != nil {
			return nil, fmt.Errorf("%s: %w", title(m.Name), err)
		}
	}
	return out, nil
}

// gradient is the synthetic picture.
func gradient(h, w int) *imagenet.RGB {
	img := &imagenet.RGB{W: w, H: h, Pix: make([]byte, 3*h*w)}
	for i := range img.Pix {
		img.Pix[i] = byte(i / 3 % w * 255 / w)
	}
	return img
}
