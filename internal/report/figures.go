package report

import (
	"slices"

	"github.com/wispnet/wisp/bench"
)

// Figure is a picture of a report with a name for its file.
type Figure struct {
	ID      string // accuracy-macs, latency, …
	Caption string // what it shows and how to read it
	SVG     string
}

// Figures lists every picture of the comparison that there is something to show in, in
// the order of the report.
func (c *Comparison) Figures() []Figure {
	var out []Figure
	for _, p := range c.Plots() {
		out = append(out, Figure{p.ID, p.Caption, p.SVG()})
	}
	if svg := Distributions(c.Results); svg != "" {
		out = append(out, Figure{"latency", "Every timed run. The box holds the middle half of the runs, the line in it is the median, the whiskers end at the 5th and 95th percentile; each dot is a run.", svg})
	}
	if svg := TimeByKind(c.Results); svg != "" {
		out = append(out, Figure{"time-by-kind", "Where the time goes: the medians of all steps, each timed in runs of their own, by kind of layer.", svg})
	}
	if svg := Roofline(c.Results); svg != "" {
		out = append(out, Figure{"roofline", "Each step's operations a second against its operations per byte moved. The roof is what this machine does at best, measured in the same run: the slope is memory, the flat part the multiply-add peak. A step far below the roof is one that the engine could still speed up.", svg})
	}
	if svg := LayerLoss(c.Losses); svg != "" {
		out = append(out, Figure{"int8-loss", "What eight bits leave of each layer's signal, layer after layer, everything before it quantized too. A step down is a layer that loses.", svg})
	}
	return out
}

// Loss is what quantization left of each layer of a network.
type Loss struct {
	Model  string
	Layers []LayerSQNR
}

// LayerSQNR is one layer's signal-to-noise ratio, dB.
type LayerSQNR struct {
	Name     string
	SQNR     float64
	FellBack bool // stays in float32
}

// profiled are the results with a profile, with their labels.
func profiled(results []bench.Result) (labels []string, profiles []*bench.Profile) {
	for i := range results {
		if p := results[i].Profile; p != nil && len(p.Steps) > 0 {
			labels, profiles = append(labels, bench.Label(results, i)), append(profiles, p)
		}
	}
	return labels, profiles
}

// stepKinds sorts steps for colours: the kinds that the papers reason about.
var stepKinds = []struct {
	name, class string
	is          func(s *bench.ProfileStep) bool
}{
	{"1×1 convolution", "c1", func(s *bench.ProfileStep) bool { return s.Shape.Kind == "pointwise" }},
	{"depthwise convolution", "c5", func(s *bench.ProfileStep) bool { return s.Shape.Kind == "depthwise" }},
	{"k×k convolution", "c0", func(s *bench.ProfileStep) bool { return s.Shape.Kind == "dense" || s.Shape.Kind == "grouped" }},
	{"linear", "c4", func(s *bench.ProfileStep) bool { return s.Shape.Kind == "linear" }},
	{"sums, copies, pools", "c7", func(*bench.ProfileStep) bool { return true }},
}

func kindOfStep(s *bench.ProfileStep) int {
	for i := range stepKinds {
		if stepKinds[i].is(s) {
			return i
		}
	}
	return len(stepKinds) - 1
}

// legendRow writes names with their colours from left to right and returns the height it
// took.
func legendRow(s *svg, x, y, w float64, names, classes []string) float64 {
	cx, h := x, 18.0
	for i, n := range names {
		width := 26 + 7*float64(len([]rune(n)))
		if cx > x && cx+width > x+w {
			cx, h = x, h+18
		}
		s.rect(classes[i], cx, y+h-28, 11, 11, 2)
		s.text("soft", "start", cx+16, y+h-18, n)
		cx += width
	}
	return h
}

// legendHeight is what legendRow takes.
func legendHeight(w float64, names []string) float64 {
	return legendRow(&svg{}, 0, 0, w, names, names)
}

// labelWidth is the room that names on the left take.
func labelWidth(names []string) float64 {
	n := 0
	for _, name := range names {
		n = max(n, len([]rune(name)))
	}
	return 24 + 7.2*float64(min(n, 40))
}

// cut shortens a name to n characters.
func cut(name string, n int) string {
	if r := []rune(name); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return name
}

// sorted is a copy in ascending order.
func sorted(v []float64) []float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v
}
