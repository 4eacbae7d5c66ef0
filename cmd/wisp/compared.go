package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/catalog"
	"github.com/wispnet/wisp/internal/export"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/zoo"
)

// The rows of a comparison, from counts, published figures and measurements; compare.go has
// the verb.

// compared is a comparison with all that its forms need.
type compared struct {
	*report.Comparison
	rows     []comparedRow
	measured *bench.Report
	pareto   []string
	silent   []string // why networks have no published accuracy or no size
	exact    bool     // a document is written, which has sizes in every precision
	sizes    map[string]size
	joined   *joined    // with --from or --on
	devices  []onDevice // with --on
}

type comparedRow struct {
	Model      string             `json:"model"`
	On         string             `json:"on,omitempty"` // the device, where there are several
	Family     *string            `json:"family"`
	Input      []int              `json:"input"`
	Params     *int64             `json:"params"` // null for a record of a model that is not here
	MACs       *int64             `json:"macs"`
	Bytes      map[string]*int64  `json:"bytes"` // of the files that wisp convert writes
	Published  []report.Published `json:"published"`
	Latency    *bench.Latency     `json:"latency_ms"`
	PubTop1    *float64           `json:"published_top1"`      // of this very network in published_precision; null where none was
	PubTop5    *float64           `json:"published_top5"`      // published for it
	PubFor     *string            `json:"published_precision"` // likewise
	Top1       *float64           `json:"top1"`                // measured; null without trained weights and data
	Top5       *float64           `json:"top5"`
	Engine     string             `json:"engine,omitempty"`
	Precision  string             `json:"precision,omitempty"`
	Threads    int                `json:"threads,omitempty"`
	Batch      int                `json:"batch,omitempty"`
	Sessions   int                `json:"sessions,omitempty"`
	Weights    string             `json:"weights"`
	Guidelines *cost.Guidelines   `json:"guidelines,omitempty"` // with --explain, as roof
	Roof       *roofed            `json:"roof,omitempty"`
	Grade      bench.Grade        `json:"grade,omitempty"`
}

// add makes a model's rows: one for each of its results, or its counts alone.
func (c *compared) add(m *wisp.Model) error {
	bare := true
	for i := range c.measured.Results {
		r := &c.measured.Results[i]
		if r.Model != m.Name {
			continue
		}
		bare = false
		if err := c.addRow(m, r, bench.Label(c.measured.Results, i), fmt.Sprint(r.Engine, r.Precision, r.Threads, r.Batch, r.Sessions)); err != nil {
			return err
		}
	}
	if bare {
		return c.addRow(m, nil, m.Name, "")
	}
	return nil
}

// addRow makes a row from a model's counts, what was published and what was measured; m is
// nil for a model that is not here, r for one that was not measured. Rows are ranked among
// those of the same context.
func (c *compared) addRow(m *wisp.Model, r *bench.Result, label, context string) error {
	row := comparedRow{Published: []report.Published{}}
	out := report.Row{Model: label, Context: context}
	if m != nil {
		if err := count(m, &row, &out); err != nil {
			return err
		}
		precision := m.Precision()
		if r != nil {
			precision = r.Precision
		}
		c.weigh(m, precision, &row, &out)
	}
	if r != nil {
		row.Model, row.Weights = r.Model, r.Weights
		row.Latency, row.Engine, row.Precision, row.Threads, row.Grade = &r.Latency, r.Engine, r.Precision, r.Threads, r.Grade
		row.Batch, row.Sessions = r.Batch, r.Sessions
		out.Grade, out.Precision = string(r.Grade), r.Precision
		out.Latency = &report.Latency{Median: r.Latency.Median, Lo: r.Latency.Median, Hi: r.Latency.Median}
		if ci := r.Latency.CI95; ci != nil {
			out.Latency.Lo, out.Latency.Hi = ci.Lo, ci.Hi
		}
	}
	if m != nil {
		c.publish(m, r, &row, &out)
	}
	c.rows, c.Rows = append(c.rows, row), append(c.Rows, out)
	return nil
}

// publish fills in what was published of the network as the row has it: figures are of
// float32 networks, beside one of integers they say so.
func (c *compared) publish(m *wisp.Model, r *bench.Result, row *comparedRow, out *report.Row) {
	figures, why := publishedOf(m, r)
	row.Published = report.PublishedOf(figures, figures)
	precision := m.Precision()
	if r != nil {
		precision = r.Precision
	}
	for _, p := range figures {
		if p.Top1 == 0 {
			continue
		}
		out.Top1, out.Top5 = known(p.Top1), known(p.Top5)
		out.Accuracy = fmt.Sprintf("top-1 %.2f %%: %s at %d×%d, %s; %s", p.Top1, p.Weights, p.Size, p.Size, p.Precision, p.Source)
		row.PubTop1, row.PubTop5, row.PubFor = out.Top1, out.Top5, &p.Precision
		if precision != p.Precision {
			out.Borrowed = p.Precision
		}
		return
	}
	out.Accuracy = "none: " + why
	c.lacks("%s: no published accuracy is shown for it: %s", m.Name, why)
}

// lacks keeps why a figure is missing, once.
func (c *compared) lacks(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(c.silent, text) {
		c.silent = append(c.silent, text)
	}
}

// size is the size of a model's file, or why there is none.
type size struct {
	export.Size
	err error
}

// weigh fills in the sizes of a model's files: that of the row's precision and, for a
// document, the others.
func (c *compared) weigh(m *wisp.Model, precision string, row *comparedRow, out *report.Row) {
	row.Bytes = map[string]*int64{"float32": nil, "float16": nil, "int8": nil}
	for _, p := range []string{"float32", "int8"} {
		if p != precision && !c.exact {
			continue
		}
		s := c.sizeOf(m, p)
		if s.err != nil {
			c.lacks("%s: bytes.%s is null: %v", m.Name, p, s.err)
			continue
		}
		row.Bytes[p] = &s.Bytes
		if p == precision {
			out.Bytes = s.Bytes
		}
		if s.Format != "tflite" {
			c.lacks("%s: its size in %s is that of an .%s file: it has no form as TensorFlow Lite", m.Name, p, s.Format)
		}
	}
	if c.exact {
		c.lacks("rows: bytes.float16 is null: wisp convert writes float32 and int8")
	}
}

// sizeOf is a size, found once: the rows of a model share it.
func (c *compared) sizeOf(m *wisp.Model, precision string) size {
	key := precision + " " + m.Name
	s, ok := c.sizes[key]
	if !ok {
		s.Size, s.err = export.SizeOf(m, precision, version)
		if c.sizes == nil {
			c.sizes = map[string]size{}
		}
		c.sizes[key] = s
	}
	return s
}

// publishedOf are the figures that were published of a network as it was measured: a record's
// weights may be others than those that the name has here.
func publishedOf(m *wisp.Model, r *bench.Result) ([]zoo.Published, string) {
	if r == nil || r.Weights == m.Weights.ID {
		return m.Published()
	}
	w := catalog.Configured{Spec: m.Spec, Synthetic: strings.HasPrefix(r.Weights, "synthetic:")}
	if e, ok := catalog.ByHash(r.Loaded.WeightsHash); ok {
		w.Weights = &e
	}
	return catalog.Figures(w)
}

// count fills in what a model itself says.
func count(m *wisp.Model, row *comparedRow, out *report.Row) error {
	counts, err := cost.Of(m.Graph)
	if err != nil {
		return err
	}
	shape := m.InputShape()
	row.Model, row.Input, row.Params, row.MACs, row.Weights = m.Name, shape, &counts.Params, &counts.MACs, m.Weights.ID
	out.Family, out.Params, out.MACs = m.Family, counts.Params, counts.MACs
	if h, w, err := m.ImageSize(); err == nil {
		out.Input = fmt.Sprintf("%d×%d", h, w)
	}
	if m.Family != "" {
		row.Family = &m.Family
	}
	if m.Spec != nil {
		out.Year, out.Designed = m.Spec.Model().Year, m.Spec.Model().Designed
	}
	return nil
}

// context lists what the figures depend on.
func (c *compared) context() {
	h := record.ReadHost()
	add := func(name, value string) {
		if value != "" {
			c.Context = append(c.Context, report.Field{Name: name, Value: value})
		}
	}
	add("processor", h.CPU)
	add("device", h.Device)
	add("cores", fmt.Sprint(h.Cores))
	add("system", strings.TrimSpace(h.OS+"/"+h.Arch+" "+h.Kernel))
	add("level", c.measured.Level.Name)
	add("seed", fmt.Sprint(c.measured.Seed))
	if len(c.measured.Results) > 0 {
		r := c.measured.Results[0]
		add("engine", r.Engine+" "+r.EngineVersion)
		add("kernels", strings.Join(r.Loaded.Kernels, ", "))
		add("threads", fmt.Sprint(r.Threads))
		add("batch", fmt.Sprint(r.Batch))
		add("precision", r.Precision)
		add("reading the clock", fmt.Sprintf("%.0f ns a sample", r.Timer.CostNS))
	}
	for _, m := range h.Missing {
		add("not readable: "+m.Sensor, m.Reason)
	}
}

// latencyOf returns the measured median of a model, or nil.
func (c *compared) latencyOf(model string) *float64 {
	for i := range c.rows {
		if c.rows[i].Model == model && c.rows[i].Latency != nil {
			return &c.rows[i].Latency.Median
		}
	}
	return nil
}
