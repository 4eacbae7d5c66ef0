package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// Heat colours a whole graph's boxes by a figure of their operators.
type Heat struct {
	What string             // "MACs", "time, native engine"
	Of   map[string]float64 // by operator's name; a box has the sum of its operators'
	Text func(float64) string
	// Good is set where a small figure is the worse one, as a signal-to-noise ratio in dB: the
	// figure from which a box has no colour. A box then has its operators' smallest.
	Good float64
}

// HeatLevels is how many shades there are: classes heat0 (none) to heat9.
const HeatLevels = 10

// at is a box's figure, and whether it has one.
func (h *Heat) at(nodes []string) (float64, bool) {
	sum, found := 0.0, false
	for _, n := range nodes {
		v, ok := h.Of[n]
		switch {
		case !ok:
		case h.Good > 0 && (!found || v < sum):
			sum = v
		case h.Good <= 0:
			sum += v
		}
		found = found || ok
	}
	return sum, found
}

// shade is 0 to 9 of a figure among figures of which peak is the largest. Roots tell the
// middle ground apart, where most layers are.
func (h *Heat) shade(v, peak float64) int {
	share := 0.0
	switch {
	case h.Good > 0:
		share = 1 - v/h.Good
	case peak > 0:
		share = math.Sqrt(v / peak)
	}
	return int(math.Round((HeatLevels - 1) * max(0, min(1, share))))
}

// HeatMap draws a whole graph with each box in the shade of its figure, which stands in
// the box's tip too.
func HeatMap(g *graph.Graph, title string, h *Heat) string {
	d := newDiagram(g, func(*graph.Node) bool { return true })
	peak := 0.0
	for i := range d.boxes {
		if v, ok := h.at(d.boxes[i].nodes); ok {
			peak = max(peak, v)
		}
	}
	for i := range d.boxes {
		if v, ok := h.at(d.boxes[i].nodes); ok {
			d.boxes[i].shape += " · " + h.Text(v)
		}
	}
	d.dress = func(nodes []string) (class, tip string) {
		v, ok := h.at(nodes)
		if !ok {
			return "heat0", strings.Join(nodes, ", ")
		}
		return fmt.Sprintf("heat%d", h.shade(v, peak)), fmt.Sprintf("%s: %s %s", strings.Join(nodes, ", "), h.Text(v), h.What)
	}
	d.place()
	return d.draw(fmt.Sprintf("%s, coloured by %s", title, h.What))
}
