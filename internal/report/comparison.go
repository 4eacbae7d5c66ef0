// Package report turns a comparison of networks into what people read: a table in the
// terminal, Markdown, CSV, and one self-contained HTML page with plots and block
// diagrams.
//
// It measures and counts nothing: package cost counts, bench measures, and cmd/wisp puts
// their figures into a Comparison. columns.go is the one list of columns that every form of
// the table shares; scatter.go and blockdiagram.go draw.
package report

// Latency is a measured latency in milliseconds, as bench reports it.
type Latency struct {
	Median float64
	Lo, Hi float64 // 95 % interval of the median
}

// Row is one network of a comparison. A figure that is not known is nil.
type Row struct {
	Model, Family string
	Input         string // 224×224
	Params, MACs  int64
	Bytes         int64    // of the weights in the precision that ran
	Top1, Top5    *float64 // published, percent
	Accuracy      string   // which weights the published figures belong to, with their source
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
}

// Sheet is a table of numbers and text with a name of its own.
type Sheet struct {
	Name, Note string
	Heads      []string
	Rows       [][]any // string, int, int64, float64 or nil
}

// Field is one line of a context.
type Field struct{ Name, Value string }

// Plots returns the comparison's scatter plots: published top-1 against MACs and, where
// anything was measured, against latency.
func (c *Comparison) Plots() []Scatter {
	macs := Scatter{Title: "Published accuracy against MACs", XLabel: "million multiply-adds (log scale)", YLabel: "ImageNet top-1, published, %", LogX: true}
	lat := Scatter{Title: "Published accuracy against measured latency", XLabel: "median latency, ms (log scale), with its 95 % interval", YLabel: "ImageNet top-1, published, %", LogX: true}
	for _, r := range c.Rows {
		if r.Top1 == nil {
			continue
		}
		macs.Points = append(macs.Points, Point{Label: r.Model, Group: r.Family, X: float64(r.MACs) / 1e6, Y: *r.Top1})
		if r.Latency != nil {
			lat.Points = append(lat.Points, Point{Label: r.Model, Group: r.Family, X: r.Latency.Median, Y: *r.Top1, Lo: r.Latency.Lo, Hi: r.Latency.Hi})
		}
	}
	plots := []Scatter{macs}
	if len(lat.Points) > 0 {
		plots = append(plots, lat)
	}
	return plots
}

// MarkFront sets OnFront for the rows that no other of the same context beats in published
// top-1 and measured latency.
func (c *Comparison) MarkFront() {
	points, at := map[string][]Point{}, map[string][]int{}
	for i, r := range c.Rows {
		if r.Top1 != nil && r.Latency != nil {
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
