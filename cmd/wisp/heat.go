package main

import (
	"fmt"
	"io"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/native"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/quant"
)

// The whole graph, coloured by a figure of its layers: show --format svg|dot --colour.

// heatOf computes what each colour of --colour stands for.
var heatOf = map[string]func(*app, *wisp.Model, string) (*report.Heat, error){
	"macs":   counted("MACs", 1e6, "%.2f M", func(l *cost.Layer) int64 { return l.MACs }),
	"params": counted("parameters", 1e3, "%.1f k", func(l *cost.Layer) int64 { return l.Params }),
	"bytes":  counted("bytes moved", 1e3, "%.0f kB", func(l *cost.Layer) int64 { return l.BytesMoved }),
	"time":   timed,
	"sqnr":   noisy,
}

func counted(what string, unit float64, form string, of func(*cost.Layer) int64) func(*app, *wisp.Model, string) (*report.Heat, error) {
	return func(_ *app, m *wisp.Model, _ string) (*report.Heat, error) {
		r, err := cost.Of(m.Graph)
		if err != nil {
			return nil, err
		}
		h := &report.Heat{What: what, Of: map[string]float64{}, Text: func(v float64) string { return fmt.Sprintf(form, v/unit) }}
		for i := range r.Layers {
			if v := of(&r.Layers[i]); v > 0 {
				h.Of[r.Layers[i].Name] += float64(v)
			}
		}
		return h, nil
	}
}

// timed is the median of each step's time on one thread.
func timed(a *app, m *wisp.Model, _ string) (*report.Heat, error) {
	p, err := newProfiled(m, 1)
	if err != nil {
		return nil, err
	}
	defer p.close()
	for run := range profileRuns + 3 {
		if err := p.run(run >= 3); err != nil {
			return nil, err
		}
	}
	h := &report.Heat{What: "time in the native engine, one thread", Of: map[string]float64{}, Text: func(v float64) string { return fmt.Sprintf("%.1f µs", 1e3*v) }}
	names, ms := p.medians()
	for i, n := range names {
		h.Of[n] += ms[i]
	}
	a.say("time: medians of %d runs, each step by itself: indicative; wisp bench --profile says more", profileRuns)
	return h, nil
}

// noisy is what INT8 leaves of each layer's signal.
func noisy(a *app, m *wisp.Model, folder string) (*report.Heat, error) {
	inputs, err := native.Calibration(m, folder)
	if err != nil {
		return nil, err
	}
	if folder != "" {
		a.warnOfGuess(m)
	}
	if folder == "" {
		a.say("sqnr: calibrated on %d synthetic inputs: give photographs with --calibrate DIR", len(inputs))
	}
	_, r, err := m.Int8(inputs, quant.Recommended())
	if err != nil {
		return nil, err
	}
	h := &report.Heat{What: "INT8's signal-to-noise ratio", Of: map[string]float64{}, Good: 50, Text: func(v float64) string { return fmt.Sprintf("%.1f dB", v) }}
	for _, l := range r.Layers {
		if !l.FellBack {
			h.Of[l.Name] = l.SQNR
		}
	}
	return h, nil
}

// showGraph draws the whole graph.
func (a *app) showGraph(m *wisp.Model, form, colour, folder string) error {
	var heat *report.Heat
	if colour != "" {
		var err error
		if heat, err = heatOf[colour](a, m, folder); err != nil {
			return err
		}
	}
	if form == "dot" {
		return report.DOT(a.out, m.Graph, heat)
	}
	doc := report.GraphDiagram(m.Graph, m.Name)
	if heat != nil {
		doc = report.HeatMap(m.Graph, m.Name, heat)
	}
	_, err := io.WriteString(a.out, doc)
	return err
}
