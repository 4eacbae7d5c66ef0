package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/zoo"
)

// compare --study: every figure that the study published beside ours, each marked
// comparable or not, with the reason.

// studyModels are the networks that the study's rows are about, each once.
func studyModels() []string {
	var names []string
	for _, f := range zoo.Study {
		if !slices.Contains(names, f.Model) {
			names = append(names, f.Model)
		}
	}
	return names
}

type studyRow struct {
	Row        string   `json:"row"`
	Model      string   `json:"model"`
	Device     string   `json:"study_device"`
	Figure     string   `json:"figure"`
	Study      float64  `json:"study"`
	Ours       *float64 `json:"ours"`
	Comparable bool     `json:"comparable"`
	Why        string   `json:"why"`
}

// studyRows pairs each figure of the study with ours.
func (c *compared) studyRows() []studyRow {
	rows := []studyRow{}
	for _, f := range zoo.Study {
		add := func(figure string, study float64, ours *float64) {
			if study != 0 {
				rows = append(rows, studyRow{f.Row, f.Model, f.Device, figure, study, ours, f.Comparable, f.Why})
			}
		}
		params, adds := torchsummaryx(f.Model)
		add("params_millions", f.ParamsM, params)
		add("mult_adds_millions", f.MultAddsM, adds)
		add("top1_percent", f.Top1, nil)
		add("top5_percent", f.Top5, nil)
		add("latency_ms", f.LatencyMs, c.latencyOf(f.Model))
	}
	return rows
}

// torchsummaryx counts a network in millions by the rule of the study's tool.
func torchsummaryx(model string) (params, adds *float64) {
	spec, err := zoo.Parse(model)
	if err != nil {
		return nil, nil
	}
	g, err := spec.Build(1000)
	if err != nil {
		return nil, nil
	}
	r, err := cost.Of(g)
	if err != nil {
		return nil, nil
	}
	p := float64(r.Params) / 1e6
	for _, t := range r.Tools {
		if t.Name == "torchsummaryx" {
			m := float64(t.MultAdds) / 1e6
			return &p, &m
		}
	}
	return &p, nil
}

// studySheet is the study's summary sheet with ours beside it.
func (c *compared) studySheet() report.Sheet {
	s := report.Sheet{Name: "study", Note: "the study's figures beside ours; comparable: of the same thing, measured alike",
		Heads: []string{"study_row", "network", "study_device", "figure", "study", "ours", "comparable", "why"}}
	for _, r := range c.studyRows() {
		var ours any
		if r.Ours != nil {
			ours = *r.Ours
		}
		comparable := "no"
		if r.Comparable {
			comparable = "yes"
		}
		s.Rows = append(s.Rows, []any{r.Row, r.Model, r.Device, r.Figure, r.Study, ours, comparable, r.Why})
	}
	return s
}

func (a *app) printStudy(c *compared) error {
	fmt.Fprintf(a.out, "%s\n\n", c.Where)
	t := report.NewTable([]string{"the study's row", "network here", "figure", "study", "ours", "comparable"}, []bool{false, false, false, true, true, false}, a.width())
	whys := map[string][]string{}
	for _, r := range c.studyRows() {
		ours := "–"
		if r.Ours != nil {
			ours = figure(*r.Ours)
			if r.Figure == "latency_ms" {
				ours = ms(r.Ours) // a measurement, not a count
			}
		}
		verdict := "yes"
		if !r.Comparable {
			verdict = "no"
			if !slices.Contains(whys[r.Why], r.Row) {
				whys[r.Why] = append(whys[r.Why], r.Row)
			}
		}
		t.AppendRow(table.Row{r.Row, r.Model, r.Figure, figure(r.Study), ours, verdict})
	}
	fmt.Fprintf(a.out, "%s\n\nWhy figures cannot be compared:\n", t.Render())
	for _, why := range sortedKeys(whys) {
		fmt.Fprintf(a.out, "- %s: %s\n", strings.Join(whys[why], "; "), why)
	}
	return nil
}

// figure prints up to six digits behind the point, as the study did.
func figure(v float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.6f", v), "0"), ".")
}
