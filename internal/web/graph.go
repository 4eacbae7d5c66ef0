package web

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/report"
)

// A whole graph to look around in: zoom, pan and find are graph.js's; what colours it is a
// class of every box for every measure, so that another measure is another attribute of the
// picture and no new drawing.

// measure is what a graph can be coloured by.
type measure struct {
	Key, Title, Unit string
	of               func(cost.Layer) float64
}

var measures = []measure{
	{"kind", "kind of operator", "", nil},
	{"macs", "MACs", "MACs", func(l cost.Layer) float64 { return float64(l.MACs) }},
	{"params", "parameters", "parameters", func(l cost.Layer) float64 { return float64(l.Params) }},
	{"bytes", "bytes moved", "bytes", func(l cost.Layer) float64 { return float64(l.BytesMoved) }},
	{"time", "time", "ms", nil},
}

// graphBody is the view of a graph.
type graphBody struct {
	ref
	By       string
	Measures []measure
	Find     string
	SVG      string
	Nodes    int
	Profile  string // where the times come from; empty where there is none
	Top      []topLayer
}

// topLayer is a box that has much of the measure.
type topLayer struct {
	Name  string
	Share float64 // percent
	Value string
}

// shades is how many shades of a colour a measure has.
const shades = 9

// shade is the class of a box that has value of a largest: by the square root, so that
// small ones are told apart.
func shade(value, most float64) int {
	if !(value > 0) || !(most > 0) {
		return 0
	}
	return max(1, int(math.Ceil(shades*math.Sqrt(value/most))))
}

func (s *Server) showGraph(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json")
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
	if !slices.ContainsFunc(measures, func(x measure) bool { return x.Key == by }) {
		return problem(http.StatusBadRequest, "by=%.20s: want kind, macs, params, bytes or time", by)
	}
	opened, err := s.open(m)
	if err != nil {
		return err
	}
	defer opened.Close()
	if form == "json" {
		return s.verb(w, r, "application/json", "show", "--json", "--", m.Arg)
	}
	counts, err := cost.Of(opened.Graph)
	if err != nil {
		return err
	}
	times, from := s.profileOf(m)
	layers := map[string]cost.Layer{}
	for _, l := range counts.Layers {
		layers[l.Name] = l
	}
	value := func(x measure, nodes []string) (v float64) {
		for _, n := range nodes {
			switch {
			case x.Key == "time":
				v += times[n]
			case x.of != nil:
				v += x.of(layers[n])
			}
		}
		return v
	}
	var boxes [][]string
	report.GraphMap(opened.Graph, m.Title, func(nodes []string) (string, string) {
		boxes = append(boxes, nodes)
		return "", ""
	})
	most, total := map[string]float64{}, map[string]float64{}
	for _, nodes := range boxes {
		for _, x := range measures {
			v := value(x, nodes)
			most[x.Key], total[x.Key] = max(most[x.Key], v), total[x.Key]+v
		}
	}
	b := graphBody{ref: m, By: by, Measures: measures, Find: q.Get("find"), Nodes: len(opened.Graph.Nodes), Profile: from}
	b.SVG = report.GraphMap(opened.Graph, m.Title, func(nodes []string) (class, tip string) {
		tips := []string{nodes[0]}
		if len(nodes) > 1 {
			tips = []string{nodes[0] + " … " + nodes[len(nodes)-1]}
		}
		var classes []string
		for _, x := range measures {
			v := value(x, nodes)
			if x.Unit == "" || x.Key == "time" && from == "" {
				continue
			}
			classes = append(classes, fmt.Sprintf("%s%d", x.Key, shade(v, most[x.Key])))
			if v > 0 {
				tips = append(tips, amount(v, x.Unit)+fmt.Sprintf(" (%.1f %%)", 100*v/total[x.Key]))
			}
		}
		return strings.Join(classes, " "), strings.Join(tips, "; ")
	})
	if i := slices.IndexFunc(measures, func(x measure) bool { return x.Key == by }); measures[i].Unit != "" && total[by] > 0 {
		b.Top = topOf(boxes, measures[i], value, total[by])
	}
	return s.html(w, r, "graph", &page{Title: m.Title + ": graph", Command: []string{"show", m.Arg, "--format", "svg"}, Forms: []string{"json"}, Wide: true, Scripts: []string{"graph.js"}, Body: &b})
}

func amount(v float64, unit string) string {
	if unit == "ms" {
		return fmt.Sprintf("%.3f ms", v)
	}
	return group(int64(v)) + " " + unit
}

// topOf are the boxes that have most of a measure.
func topOf(boxes [][]string, x measure, value func(measure, []string) float64, total float64) []topLayer {
	order := slices.Clone(boxes)
	slices.SortStableFunc(order, func(a, b []string) int { return cmp.Compare(value(x, b), value(x, a)) })
	var out []topLayer
	for _, nodes := range order[:min(8, len(order))] {
		if v := value(x, nodes); v > 0 {
			out = append(out, topLayer{nodes[0], 100 * v / total, amount(v, x.Unit)})
		}
	}
	return out
}
