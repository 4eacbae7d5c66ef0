package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/report"
)

// A whole graph to look around in: zoom, pan and find are graph.js's, the drawing and its
// shades internal/report's.

// measure is what a graph can be coloured by; its key is that of show --colour.
type measure struct {
	Key, Title string
	unit       float64
	form       string
	of         func(*cost.Layer) int64 // nil: not a count
}

var measures = []measure{
	{Key: "kind", Title: "kind of operator"},
	{"macs", "MACs", 1e6, "%.2f M", func(l *cost.Layer) int64 { return l.MACs }},
	{"params", "parameters", 1e3, "%.1f k", func(l *cost.Layer) int64 { return l.Params }},
	{"bytes", "bytes moved", 1e3, "%.0f kB", func(l *cost.Layer) int64 { return l.BytesMoved }},
	{Key: "time", Title: "time", unit: 1e-3, form: "%.1f µs"},
}

// graphBody is the view of a graph.
type graphBody struct {
	ref
	By       string
	Measures []measure
	Find     string
	SVG      string
	Nodes    int
	Profile  string // where the times come from; empty where there are none
	Top      []topLayer
}

// topLayer is a layer that has much of the measure.
type topLayer struct {
	Name  string
	Share float64 // percent
	Value string
}

func (s *Server) showGraph(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	m, err := s.ref(q.Get("m"))
	if err != nil {
		return err
	}
	by := q.Get("by")
	if by == "" {
		by = "kind"
	}
	at := slices.IndexFunc(measures, func(x measure) bool { return x.Key == by })
	if at < 0 {
		return problem(http.StatusBadRequest, "by=%.20s: want kind, macs, params, bytes or time", by)
	}
	opened, err := s.open(m)
	if err != nil {
		return err
	}
	defer opened.Close()
	switch form {
	case "json":
		return s.verb(w, r, "application/json", "show", "--json", "--", m.Arg)
	case "csv":
		return s.verb(w, r, "text/csv; charset=utf-8", "show", "--format", "csv", "--", m.Arg)
	}
	b := graphBody{ref: m, By: by, Measures: measures, Find: q.Get("find"), Nodes: len(opened.Graph.Nodes)}
	measured := s.profileOf(m)
	b.Profile = measured.from
	command := []string{"show", m.Arg, "--format", "svg"}
	if by == "kind" {
		b.SVG = report.GraphMap(opened.Graph, m.Title, func(nodes []string) (class, tip string) { return "", strings.Join(nodes, ", ") })
	} else {
		x := measures[at]
		heat := &report.Heat{What: x.Title, Of: measured.times, Text: func(v float64) string { return fmt.Sprintf(x.form, v/x.unit) }}
		switch {
		case x.of != nil:
			counts, err := cost.Of(opened.Graph)
			if err != nil {
				return err
			}
			heat.Of = map[string]float64{}
			for i := range counts.Layers {
				if v := x.of(&counts.Layers[i]); v > 0 {
					heat.Of[counts.Layers[i].Name] += float64(v)
				}
			}
		case measured.from == "":
			return problem(http.StatusNotFound, "%s: nobody measured its layers yet: run a latency with time by layer first", m.Title)
		}
		b.SVG, b.Top = report.HeatMap(opened.Graph, m.Title, heat), topOf(heat)
		command = append(command, "--colour", by)
	}
	return s.html(w, r, "graph", &page{Title: m.Title + ": graph", Command: command, Forms: []string{"json", "csv"}, Wide: true, Scripts: []string{"graph.js"}, Body: &b})
}

// topOf are the layers that have most of a measure.
func topOf(h *report.Heat) []topLayer {
	var out []topLayer
	total := 0.0
	for name, v := range h.Of {
		out = append(out, topLayer{name, v, h.Text(v)})
		total += v
	}
	slices.SortFunc(out, func(a, b topLayer) int { return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Name, b.Name)) })
	out = out[:min(8, len(out))]
	for i := range out {
		out[i].Share *= 100 / max(total, 1e-12)
	}
	return out
}
