// Package report turns a comparison of networks into what people read: a table in the
// terminal, Markdown, CSV, and one self-contained HTML page with plots and block
// diagrams.
//
// It measures and counts nothing: package cost counts, bench measures, and cmd/wisp puts
// their figures into a Comparison. columns.go is the one list of columns that every form of
// the table shares; scatter.go and blockdiagram.go draw.
package report

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"

	"github.com/wispnet/wisp/bench"
)

// Latency is a measured latency in milliseconds, as bench reports it.
type Latency struct {
	Median float64
	Lo, Hi float64 // 95 % interval of the median
}

// Row is one network of a comparison. A figure that is not known is nil.
type Row struct {
	Model, Family string
	Device        string // where several were measured on
	Input         string // 224×224
	Params, MACs  int64
	Bytes         int64    // of the file that wisp convert writes in the precision that ran; 0 where it is not known
	Top1, Top5    *float64 // published, percent
	Accuracy      string   // which weights the published figures belong to, with their source, or why there are none
	Precision     string   // that ran; "" where nothing did
	Borrowed      string   // the precision that the published figures are of, where it is not the row's: they count for no front
	Latency       *Latency
	Grade         string // trust grade of the latency: A, B, C
	Context       string // rows are ranked only among those of the same
	OnFront       bool   // no other row of its context has both more published top-1 and less latency
	Year          int
	Designed      string // by hand, searched
}

// Picture is a drawing with its caption.
type Picture struct {
	Caption string
	SVG     string
}

// Comparison is everything that a report shows.
type Comparison struct {
	Title    string
	Where    string // where and how it was measured; stands above every ranking
	Rows     []Row  // in the order to show
	Pictures []Picture
	Notes    []string // diagnostics: what is missing and why
	Command  string   // what prints the same
	Context  []Field  // the context of the figures
	Sheets   []Sheet  // further tables for a workbook
	Results  []bench.Result
	Losses   []Loss  // of networks that were quantized
	Commands []Field // how to reproduce what the report shows
	Features []FeaturePicture
	Devices  []DeviceColumn // where several were measured on
}

// Sheet is a table of numbers and text with a name of its own.
type Sheet struct {
	Name, Note string
	Heads      []string
	Rows       [][]any // string, int, int64, float64 or nil
}

// FeaturePicture is a network's feature maps for a photograph, as package features draws
// them.
type FeaturePicture struct {
	Model, Text string
	PNG         []byte
}

// Data is the picture as an address that holds it.
func (p FeaturePicture) Data() template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(p.PNG))
}

// Field is one line of a context.
type Field struct{ Name, Value string }

// Plots returns the comparison's scatter plots: published top-1 against MACs, parameters,
// size and, where anything was measured, latency, which comes last.
func (c *Comparison) Plots() []Scatter {
	const y = "ImageNet top-1, published, %"
	plots := []Scatter{
		{ID: "accuracy-macs", Title: "Published accuracy against MACs", XLabel: "million multiply-adds (log scale)"},
		{ID: "accuracy-params", Title: "Published accuracy against parameters", XLabel: "million parameters (log scale)"},
		{ID: "accuracy-size", Title: "Published accuracy against the size of the file", XLabel: "MB in the precision of the row (log scale)"},
		{ID: "accuracy-latency", Title: "Published accuracy against measured latency", XLabel: "median latency, ms (log scale), with its 95 % interval"},
	}
	of := []func(*Row) float64{
		func(r *Row) float64 { return float64(r.MACs) / 1e6 },
		func(r *Row) float64 { return float64(r.Params) / 1e6 },
		func(r *Row) float64 { return float64(r.Bytes) / 1e6 },
		func(r *Row) float64 {
			if r.Latency == nil {
				return 0
			}
			return r.Latency.Median
		},
	}
	for i := range plots {
		p := &plots[i]
		p.YLabel, p.LogX = y, true
		p.Caption = "Up and left is better; the dashed line is the Pareto front, which no other network here beats in both."
		for k := range c.Rows {
			r := &c.Rows[k]
			if r.Top1 == nil || r.Borrowed != "" || of[i](r) <= 0 {
				continue
			}
			q := Point{Label: r.Model, Group: r.Family, X: of[i](r), Y: *r.Top1}
			if p.ID == "accuracy-latency" {
				q.Lo, q.Hi, q.Panel = r.Latency.Lo, r.Latency.Hi, c.panel(r)
			} else if slices.Contains(p.Points, q) {
				continue // of another device
			}
			p.Points = append(p.Points, q)
		}
	}
	last := &plots[3]
	if len(last.Points) == 0 {
		return plots[:3]
	}
	if panels := last.panels(); len(panels) > 1 {
		last.Caption += " Each device has a front of its own: devices are not ranked with one another."
		if over := len(panels) - mostPanels; over > 0 {
			last.Caption += fmt.Sprintf(" %d further devices stand in the tables alone.", over)
			last.Points = nil
			for _, q := range panels[:mostPanels] {
				last.Points = append(last.Points, q.Points...)
			}
		}
	}
	return plots
}

// panel names the panel of a row measured on one of several devices: the device, and which of
// its contexts where it has several, since a front is within a context.
func (c *Comparison) panel(r *Row) string {
	var contexts []string
	for i := range c.Rows {
		if x := &c.Rows[i]; x.Device == r.Device && !slices.Contains(contexts, x.Context) {
			contexts = append(contexts, x.Context)
		}
	}
	if r.Device == "" || len(contexts) < 2 {
		return r.Device
	}
	return fmt.Sprintf("%s, context %d of %d", r.Device, slices.Index(contexts, r.Context)+1, len(contexts))
}

// Sourced are the rows whose published figures are named with their sources: of several
// devices, one's.
func (c *Comparison) Sourced() []Row {
	var out []Row
	for _, r := range c.Rows {
		if r.Accuracy != "" && r.Device == c.Rows[0].Device {
			out = append(out, r)
		}
	}
	return out
}

// mostPanels is how many devices a picture shows.
const mostPanels = 12

// MarkFront sets OnFront for the rows that no other of the same context beats in published
// top-1 and measured latency. Rows whose top-1 is of another precision take no part.
func (c *Comparison) MarkFront() {
	points, at := map[string][]Point{}, map[string][]int{}
	for i, r := range c.Rows {
		if r.Top1 != nil && r.Borrowed == "" && r.Latency != nil {
			points[r.Context] = append(points[r.Context], Point{X: r.Latency.Median, Y: *r.Top1})
			at[r.Context] = append(at[r.Context], i)
		}
	}
	for context := range points {
		for _, k := range Pareto(points[context]) {
			c.Rows[at[context][k]].OnFront = true
		}
	}
}
