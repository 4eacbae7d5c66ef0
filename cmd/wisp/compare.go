package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/zoo"
)

// representatives is what compare shows without arguments: the networks of the study,
// every family at least once.
var representatives = []string{
	"ghostnet", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "shufflenet_v1_g3", "shufflenet_v2",
	"mnasnet_b1", "mnasnet_a1", "efficientnet_b0", "efficientnet_lite0", "resnet18",
}

// quickCap bounds the timed part of each network, so that the whole comparison stays
// within two minutes even on portable kernels; a figure from too few runs says so.
const quickCap = 4 * time.Second

// wisp compare prints networks side by side: parameters, size, MACs, published accuracy
// and measured latency; as a table, a page, Markdown, CSV or JSON.
func newCompare(a *app) *cobra.Command {
	var models modelFlags
	var flags benchFlags
	var outputs []string
	var overwrite, study, explain bool
	var from []string
	var by string
	cmd := &cobra.Command{
		Use:   "compare [MODEL...]",
		Short: "Compare networks: counts, size, published accuracy, measured latency",
		Long: `Compare networks by parameters, size, MACs, published accuracy and measured latency. Without arguments the networks of
the study are compared, one of every family at least; no weights and no data are needed.`,
		Example: "  wisp compare\n  wisp compare ghostnet mobilenet_v2:0.75@192 -o report.html\n  wisp compare --study\n  wisp compare --from results --by machines",
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, o := range outputs {
				if reportForm(o) == nil {
					return usagef("-o %s: want a name that ends in .html, .md, .csv, .xlsx, .svg or .json", o)
				}
			}
			if flags.level != "quick" && !cmd.Flags().Changed("max-time") {
				flags.maxTime = 0
			}
			if len(from) > 0 {
				return a.compareRecords(from, args, by, outputs, overwrite, &flags)
			}
			if study {
				if len(args) > 0 {
					return usagef("compare: --study has rows of its own: give no MODEL with it")
				}
				args = studyModels()
			} else if len(args) == 0 {
				args = representatives
			}
			c, err := a.compare(cmd, args, &models, &flags, explain)
			if c == nil {
				return err
			}
			if study {
				c.Sheets = append(c.Sheets, c.studySheet())
			}
			for _, o := range outputs {
				if err := writeFile(o, overwrite, func(w io.Writer) error { return reportForm(o)(a, c, w) }); err != nil {
					return err
				}
			}
			if perr := a.printCompared(c, study); perr != nil {
				return perr
			}
			if explain && !a.json {
				a.printExplained(c)
			}
			if err != nil {
				return err
			}
			return strictly(flags.strict, c.measured)
		},
	}
	models.add(cmd)
	flags.add(cmd, "quick")
	flags.maxTime = quickCap
	cmd.Flags().Lookup("max-time").DefValue = quickCap.String()
	cmd.Flags().StringArrayVarP(&outputs, "output", "o", nil, "write `FILE`.html, .md, .csv, .xlsx, .svg or .json too; may be repeated")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace existing files of -o")
	cmd.Flags().StringArrayVar(&from, "from", nil, "records instead of a measurement: `DIR|FILE`; further ones may follow as arguments")
	cmd.Flags().StringVar(&by, "by", "", "with --from, what is compared: models, engines, precisions, machines or versions")
	cmd.Flags().BoolVar(&explain, "explain", false, "say too what bounds each network on this machine, and how it keeps ShuffleNetV2's guidelines")
	cmd.Flags().BoolVar(&study, "study", false, "the rows of the study that wisp grew from, with its figures beside ours")
	return cmd
}

// compared is a comparison with all that its forms need.
type compared struct {
	*report.Comparison
	rows     []comparedRow
	measured *bench.Report
	pareto   []string
	joined   *joined // with --from
}

type comparedRow struct {
	Model      string           `json:"model"`
	Family     *string          `json:"family"`
	Input      []int            `json:"input"`
	Params     *int64           `json:"params"` // null for a record of a model that is not here
	MACs       *int64           `json:"macs"`
	Bytes      map[string]int64 `json:"bytes"`
	Published  []published      `json:"published"`
	Latency    *bench.Latency   `json:"latency_ms"`
	Top1       *float64         `json:"top1"` // measured; null without trained weights and data
	Top5       *float64         `json:"top5"`
	Engine     string           `json:"engine,omitempty"`
	Precision  string           `json:"precision,omitempty"`
	Threads    int              `json:"threads,omitempty"`
	Batch      int              `json:"batch,omitempty"`
	Sessions   int              `json:"sessions,omitempty"`
	Weights    string           `json:"weights"`
	Guidelines *cost.Guidelines `json:"guidelines,omitempty"` // with --explain, as roof
	Roof       *roofed          `json:"roof,omitempty"`
	Grade      bench.Grade      `json:"grade,omitempty"`
}

func (a *app) compare(cmd *cobra.Command, names []string, models *modelFlags, flags *benchFlags, explain bool) (*compared, error) {
	var unique []string
	for _, n := range names {
		if !slices.Contains(unique, n) {
			unique = append(unique, n)
		}
	}
	var opened []*wisp.Model
	for _, n := range unique { // a wrong name is said before anything is measured
		m, err := wisp.Open(n, models.options()...)
		if err != nil {
			return nil, err
		}
		opened = append(opened, m)
	}
	rows, err := flags.wanted(unique, models.weights)
	if err != nil {
		return nil, err
	}
	p, err := flags.plan(cmd.Context(), a, rows, models)
	if err != nil {
		return nil, err
	}
	measured, stopped := a.measure(cmd.Context(), p)
	if measured == nil {
		return nil, stopped
	}
	c := &compared{measured: measured, Comparison: &report.Comparison{
		Title:   fmt.Sprintf("%d networks on this machine", len(unique)),
		Where:   where(measured, record.ReadHost()),
		Command: strings.Join(append([]string{"wisp"}, a.args...), " "),
	}}
	a.say("top1 and top5 are null: accuracy is measured by wisp eval, with trained weights and labelled images")
	for _, m := range opened {
		if err := c.add(m); err != nil {
			return nil, err
		}
	}
	if explain {
		if err := c.explain(opened); err != nil {
			return nil, err
		}
	}
	c.MarkFront()
	for _, r := range c.Rows {
		if r.OnFront {
			c.pareto = append(c.pareto, r.Model)
		}
	}
	if c.Pictures, err = blockPictures(); err != nil {
		return nil, err
	}
	c.context()
	c.Notes = append(append([]string{}, a.diagnostics...), gradeReasons(measured)...)
	return c, stopped
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
	row := comparedRow{Published: []published{}}
	out := report.Row{Model: label, Context: context}
	if m != nil {
		if err := count(m, &row, &out); err != nil {
			return err
		}
	}
	if r != nil {
		row.Model, row.Weights = r.Model, r.Weights
		row.Latency, row.Engine, row.Precision, row.Threads, row.Grade = &r.Latency, r.Engine, r.Precision, r.Threads, r.Grade
		row.Batch, row.Sessions = r.Batch, r.Sessions
		out.Grade = string(r.Grade)
		out.Latency = &report.Latency{Median: r.Latency.Median, Lo: r.Latency.Median, Hi: r.Latency.Median}
		if ci := r.Latency.CI95; ci != nil {
			out.Latency.Lo, out.Latency.Hi = ci.Lo, ci.Hi
		}
	}
	c.rows, c.Rows = append(c.rows, row), append(c.Rows, out)
	return nil
}

// count fills in what a model itself says.
func count(m *wisp.Model, row *comparedRow, out *report.Row) error {
	counts, err := cost.Of(m.Graph)
	if err != nil {
		return err
	}
	shape := m.Graph.Value(m.Graph.Inputs[0]).Type.Shape
	row.Model, row.Input, row.Params, row.MACs, row.Weights = m.Name, shape, &counts.Params, &counts.MACs, m.Weights.ID
	row.Bytes = map[string]int64{"float32": counts.Bytes.Float32, "float16": counts.Bytes.Float16, "int8": counts.Bytes.Int8}
	out.Family, out.Params, out.MACs, out.Bytes = m.Family, counts.Params, counts.MACs, counts.Bytes.Float32
	if len(shape) == 4 {
		out.Input = fmt.Sprintf("%d×%d", shape[2], shape[3])
	}
	if m.Family != "" {
		row.Family = &m.Family
	}
	if m.Spec != nil && m.File == nil {
		row.Published = publishedOf(m.Spec.Published())
		out.Year, out.Designed = m.Spec.Model().Year, m.Spec.Model().Designed
		for _, p := range row.Published {
			if p.Top1 != nil {
				out.Top1, out.Top5 = p.Top1, p.Top5
				out.Accuracy = fmt.Sprintf("top-1 %.2f %%: %s at %d×%d; %s", *p.Top1, p.Weights, p.InputSize, p.InputSize, p.Source)
				break
			}
		}
	}
	return nil
}

// explain adds the guidelines and the roofline to every row. Rooflines are of one image.
func (c *compared) explain(models []*wisp.Model) error {
	peak := better(kernel.Peaks(), kernel.Peaks())
	for i := range c.rows {
		row := &c.rows[i]
		k := slices.IndexFunc(models, func(m *wisp.Model) bool { return m.Name == row.Model })
		if k < 0 {
			continue
		}
		g, err := cost.GuidelinesOf(models[k].Graph)
		if err != nil {
			return err
		}
		row.Guidelines = &g
		if row.Batch > 1 || row.Sessions > 1 {
			continue
		}
		if row.Roof, err = roofOf(models[k], peak, max(row.Threads, 1)); err != nil {
			return err
		}
		row.Roof.LayersOf = nil
		if row.Latency != nil {
			row.Roof.Share = known(row.Roof.MS / row.Latency.Median)
		}
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

// blockPictures draws the ghost bottleneck beside the inverted residual.
func blockPictures() ([]report.Picture, error) {
	var out []report.Picture
	for _, p := range []struct{ model, kind, caption string }{
		{"ghostnet", "ghost bottleneck", "GhostNet's bottleneck with stride 2: half of the features come from a 1×1 convolution, the other half from a cheap depthwise one."},
		{"mobilenet_v2", "inverted residual", "MobileNetV2's inverted residual: widen by 1×1, filter depthwise, narrow by 1×1, add."},
	} {
		spec, err := zoo.Parse(p.model)
		if err != nil {
			return nil, err
		}
		g, err := spec.Build(1000)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(g.Blocks, func(b graph.Block) bool { return b.Kind == p.kind })
		i = telling(g, i, p.kind)
		svg, err := report.BlockDiagram(g, i, fmt.Sprintf("%s: %s (%s)", p.model, p.kind, g.Blocks[max(i, 0)].Name))
		if err != nil {
			return nil, err
		}
		out = append(out, report.Picture{Caption: p.caption, SVG: svg})
	}
	return out, nil
}

// telling picks the block that shows most of its kind: the first ghost bottleneck with
// stride 2, the first inverted residual with a shortcut.
func telling(g *graph.Graph, first int, kind string) int {
	for i := range g.Blocks {
		if g.Blocks[i].Kind != kind {
			continue
		}
		strided, added := false, false
		for n := range g.Nodes {
			if g.Nodes[n].Block != i {
				continue
			}
			switch op := g.Nodes[n].Op.(type) {
			case graph.Conv:
				strided = strided || op.Stride[0] == 2
			case graph.Binary:
				added = added || op.Fn == graph.Add
			}
		}
		if kind == "ghost bottleneck" && strided || kind != "ghost bottleneck" && added {
			return i
		}
	}
	return first
}

type comparedDocument struct {
	envelope
	Where       string             `json:"where"`
	Level       string             `json:"level"`
	Seed        uint64             `json:"seed"`
	Rows        []comparedRow      `json:"rows"`
	Pareto      []string           `json:"pareto"`
	Comparisons []bench.Comparison `json:"comparisons"`
	Results     []bench.Result     `json:"results"`
	Study       []studyRow         `json:"study,omitempty"`
	By          string             `json:"by,omitempty"`     // with --from
	Tables      []joinedTable      `json:"tables,omitempty"` // likewise
}

func (a *app) comparedDocument(c *compared) comparedDocument {
	d := comparedDocument{a.envelope(), c.Where, c.measured.Level.Name, c.measured.Seed, c.rows, append([]string{}, c.pareto...),
		append([]bench.Comparison{}, c.measured.Comparisons...), append([]bench.Result{}, c.measured.Results...), nil, "", nil}
	if c.joined != nil {
		d.By, d.Tables = c.joined.by.Name, c.joined.documents()
	}
	return d
}

// compareRecords is compare --from.
func (a *app) compareRecords(from, args []string, by string, outputs []string, overwrite bool, flags *benchFlags) error {
	j, err := a.join(from, args, by, flags.force)
	if err != nil {
		return err
	}
	c, err := j.compared(a)
	if err != nil {
		return err
	}
	c.joined = j
	for _, o := range outputs {
		if err := writeFile(o, overwrite, func(w io.Writer) error { return reportForm(o)(a, c, w) }); err != nil {
			return err
		}
	}
	if a.json {
		err = a.print(a.comparedDocument(c))
	} else {
		a.printJoined(j)
	}
	return errors.Join(err, j.strictly(flags.strict))
}

func (a *app) printCompared(c *compared, study bool) error {
	if a.json {
		d := a.comparedDocument(c)
		if study {
			d.Study = c.studyRows()
		}
		return a.print(d)
	}
	if study {
		return a.printStudy(c)
	}
	return c.Text(a.out, a.width())
}

// reportForm returns the writer of a report by its file name, or nil.
func reportForm(path string) func(*app, *compared, io.Writer) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".html":
		return func(_ *app, c *compared, w io.Writer) error { return c.HTML(w) }
	case ".md":
		return func(_ *app, c *compared, w io.Writer) error { return c.Markdown(w) }
	case ".csv":
		return func(_ *app, c *compared, w io.Writer) error { return c.CSV(w) }
	case ".xlsx":
		return func(_ *app, c *compared, w io.Writer) error { return c.XLSX(w) }
	case ".svg":
		return func(_ *app, c *compared, w io.Writer) error {
			plots := c.Plots()
			_, err := io.WriteString(w, plots[len(plots)-1].SVG())
			return err
		}
	case ".json":
		return func(a *app, c *compared, w io.Writer) error { return writeJSON(w, a.comparedDocument(c)) }
	}
	return nil
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
