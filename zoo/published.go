package zoo

import (
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Published is what somebody published about one set of weights. It is never adjusted:
// where it disagrees with the graph, both stand side by side.
type Published struct {
	Model     string  // the network that the weights fit
	Width     float64 // and its width
	Size      int     // image side of the evaluation
	Weights   string  // the publisher's name of the weights or row
	Precision string  // float32 or int8
	ParamsM   float64 // millions, as published; 0 where not stated, as below
	MacsM     float64 // millions of multiply-adds, as published
	Top1      float64 // percent, ImageNet validation
	Top5      float64
	Latency   string // with the publisher's own machine; not comparable with ours
	Source    string
}

//go:embed published.csv
var publishedCSV string

// parsePublished reads the committed table. The table is ours, so an error in it is a
// panic, and a test reads it.
func parsePublished(text string) []Published {
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("zoo: published.csv: %v", err))
	}
	number := func(line int, s string) float64 {
		if s == "" {
			return 0
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			panic(fmt.Sprintf("zoo: published.csv: line %d: %v", line, err))
		}
		return v
	}
	out := make([]Published, 0, len(records)-1)
	for i, r := range records[1:] {
		line := i + 2
		out = append(out, Published{Model: r[0], Width: number(line, r[1]), Size: int(number(line, r[2])), Weights: r[3], Precision: r[4],
			ParamsM: number(line, r[5]), MacsM: number(line, r[6]), Top1: number(line, r[7]), Top5: number(line, r[8]), Latency: r[9], Source: r[10]})
	}
	return out
}

// publishedFor gives a model its rows: its own first, then, for a bare name, those of
// its tf_ and timm_ forms, whose weights fit the same table in another graph.
func publishedFor(all []Published, m Model) []Published {
	var out []Published
	for _, p := range all {
		if p.Model == m.Name {
			out = append(out, p)
		}
	}
	if m.Form != Bare {
		return out
	}
	for _, p := range all {
		if p.Model == "tf_"+m.Name || p.Model == "timm_"+m.Name {
			out = append(out, p)
		}
	}
	return out
}

// Published returns what was published at this width, of other graphs, sizes and precisions
// too, the most comparable first: this very graph, this size, float32, an accuracy stated;
// else in the table's order. It is for lists that say of each figure what it is of; Figures
// has those that are of this network.
func (s Spec) Published() []Published {
	var out []Published
	for _, p := range s.Model().Published {
		if p.Width == s.Width {
			out = append(out, p)
		}
	}
	rank := func(bad bool) int {
		if bad {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(out, func(a, b Published) int {
		return cmp.Or(
			cmp.Compare(rank(a.Model != s.Name), rank(b.Model != s.Name)),
			cmp.Compare(rank(a.Size != s.H || a.Size != s.W), rank(b.Size != s.H || b.Size != s.W)),
			cmp.Compare(rank(a.Precision != "float32"), rank(b.Precision != "float32")),
			cmp.Compare(rank(a.Top1 == 0), rank(b.Top1 == 0)))
	})
	return out
}

// Unlike says in what this network, computing in float32, is not the one that a figure was
// published for: its width, whose graph it is, its keys, its precision or its input size. It
// is "" where the figure is of this very network. Weights and preprocessing are not the
// Spec's to judge: catalog.Figures does.
func (s Spec) Unlike(p Published) string {
	_, why := s.unlike(p)
	return why
}

// unlike is Unlike with a rank: the higher, the nearer the figure.
func (s Spec) unlike(p Published) (rank int, why string) {
	own := s.Model().Spec()
	switch {
	case p.Width != s.Width:
		return 0, fmt.Sprintf("published at width %s, not %s", formatWidth(p.Width), formatWidth(s.Width))
	case s.Phi != own.Phi:
		return 1, fmt.Sprintf("published for φ = %v, not %v", own.Phi, s.Phi)
	case s.Ratio != own.Ratio:
		return 1, fmt.Sprintf("published for s = %d, not %d", own.Ratio, s.Ratio)
	case s.Cheap != own.Cheap:
		return 1, fmt.Sprintf("published for d = %d, not %d", own.Cheap, s.Cheap)
	case SameGraph(p.Model) != SameGraph(s.Name):
		return 2, fmt.Sprintf("published for the graph of %s", p.Model)
	case p.Size != s.H || p.Size != s.W:
		return 3, fmt.Sprintf("published at %d×%d, not %d×%d", p.Size, p.Size, s.H, s.W)
	case p.Precision != "float32":
		return 4, "published for weights in " + p.Precision
	}
	return 5, ""
}

// Figures are what was published of this very network in float32, in the table's order; where
// no accuracy is among them, why says what the nearest one is of.
func (s Spec) Figures() (figures []Published, why string) {
	nearest, stated := -1, false
	for _, p := range s.related() {
		rank, unlike := s.unlike(p)
		switch {
		case unlike == "":
			figures = append(figures, p)
			stated = stated || p.Top1 > 0
		case p.Top1 > 0 && rank > nearest:
			nearest, why = rank, unlike
		}
	}
	switch {
	case stated:
		return figures, ""
	case why == "":
		why = "none was published for any form of it"
	}
	return figures, why
}

// related are the figures of the network, of its other names and of its other graphs.
func (s Spec) related() []Published {
	all := slices.Clone(s.Model().Published)
	for _, form := range []Form{Bare, TF, Timm} {
		name := s.Model().Base
		if form != Bare {
			name = string(form) + "_" + name
		}
		if m, err := Find(name); err == nil && name != s.Name {
			for _, p := range m.Published {
				if !slices.Contains(all, p) {
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// sameGraph are the timm_ names whose bare name has timm's graph already: figures and weights
// stand under the bare name.
var sameGraph = []string{
	"mobilenet_v1", "mnasnet_a1", "mnasnet_small", "se_resnet50", "legacy_seresnet50",
	"efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "efficientnet_lite3", "efficientnet_lite4",
}

// SameGraph is the name under which a network's graph stands first: the bare one of a timm_
// name that is the same graph, else the name itself.
func SameGraph(name string) string {
	if base, ok := strings.CutPrefix(name, string(Timm)+"_"); ok && slices.Contains(sameGraph, base) {
		return base
	}
	return name
}

// pixels is how the published tables write latencies on Pixel phones: one figure, or one
// for each of several ("51.2/61/44 ms Pixel 1/2/3 large core TFLite").
var pixels = regexp.MustCompile(`^([\d./]+) ms Pixel (\d(?:/\d)*)\b`)

// PixelLatency returns the published milliseconds on Pixel phone number n.
func (p Published) PixelLatency(n int) (float64, bool) {
	m := pixels.FindStringSubmatch(p.Latency)
	if m == nil {
		return 0, false
	}
	figures, phones := strings.Split(m[1], "/"), strings.Split(m[2], "/")
	i := slices.Index(phones, strconv.Itoa(n))
	if i < 0 || len(figures) != len(phones) {
		return 0, false
	}
	v, err := strconv.ParseFloat(figures[i], 64)
	return v, err == nil && v > 0
}
