package main

import (
	"cmp"
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
	"github.com/wispnet/wisp/internal/report"
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
	var from, where []string
	var by, plots string
	cmd := &cobra.Command{
		Use:   "compare [MODEL...]",
		Short: "Compare networks: counts, size, published accuracy, measured latency",
		Long: `Compare networks by parameters, size, MACs, published accuracy and measured latency. Without arguments the networks of
the study are compared, one of every family at least; no weights and no data are needed.`,
		Example: "  wisp compare\n  wisp compare ghostnet mobilenet_v2:0.75@192 -o report.html\n  wisp compare ghostnet mobilenet_v2 --plots plots\n  wisp compare --study\n  wisp compare --from results --by machines\n  wisp compare ghostnet mobilenet_v2 --on adb:A --on adb:B --on local",
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, o := range outputs {
				if reportForm(o) == nil {
					return usagef("-o %s: want a name that ends in .html, .md, .csv, .xlsx, .svg or .json", o)
				}
			}
			flags.document = slices.ContainsFunc(outputs, func(o string) bool { return strings.EqualFold(filepath.Ext(o), ".json") })
			if flags.look != "" {
				if !slices.ContainsFunc(outputs, func(o string) bool { return strings.EqualFold(filepath.Ext(o), ".html") }) {
					return usagef("--features belongs to a report: give -o FILE.html with it")
				}
				if _, err := wisp.ReadImage(flags.look); err != nil { // before anything is measured
					return err
				}
			}
			if flags.level != "quick" && !cmd.Flags().Changed("max-time") {
				flags.maxTime = 0
			}
			if len(from) > 0 {
				return a.compareRecords(from, args, where, by, outputs, overwrite, &flags)
			}
			if study {
				if len(args) > 0 {
					return usagef("compare: --study has rows of its own: give no MODEL with it")
				}
				args = studyModels()
			} else if len(args) == 0 {
				args = representatives
			}
			targets, err := flags.at.targets()
			if err != nil {
				return err
			}
			if err := labOnly(cmd, targets, append([]string{"output", "overwrite", "plots"}, labSends...)); err != nil {
				return err
			}
			if len(targets) > 1 || len(targets) == 1 && targets[0].Kind != "local" {
				if study || explain || flags.look != "" {
					return usagef("compare: --on: give no --study, --explain or --features with it")
				}
				c, columns, err := a.compareDevices(cmd, targets, unique(args), &models, &flags)
				if c == nil {
					return err
				}
				for _, o := range outputs {
					if err := writeFile(o, overwrite, func(w io.Writer) error { return reportForm(o)(a, c, w) }); err != nil {
						return err
					}
				}
				if plots != "" {
					if err := c.writePlots(plots, overwrite); err != nil {
						return err
					}
				}
				err = cmp.Or(err, strictDevices(flags.strict, columns))
				if a.json {
					return errors.Join(a.print(a.comparedDocument(c)), err)
				}
				report.PrintDevices(a.out, columns, a.width())
				return err
			}
			// A page shows where the time goes; a table has no place for it.
			flags.profile = plots != "" || slices.ContainsFunc(outputs, func(o string) bool { return strings.EqualFold(filepath.Ext(o), ".html") })
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
			if plots != "" {
				if err := c.writePlots(plots, overwrite); err != nil {
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
			return a.strictly(flags.strict, c.measured)
		},
	}
	models.add(cmd)
	flags.add(cmd, "quick")
	flags.maxTime = quickCap
	cmd.Flags().Lookup("max-time").DefValue = quickCap.String()
	cmd.Flags().StringArrayVarP(&outputs, "output", "o", nil, "write `FILE`.html, .md, .csv, .xlsx, .svg or .json too; may be repeated")
	cmd.Flags().StringVar(&flags.look, "features", "", "show in the report what each network makes of an `IMAGE`: feature maps in pairs")
	cmd.Flags().StringVar(&plots, "plots", "", "write every picture of the report into a folder (`DIR`), as .svg and as .png")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace existing files of -o and --plots")
	cmd.Flags().StringArrayVar(&from, "from", nil, "records instead of a measurement: `DIR|FILE`; further ones may follow as arguments")
	cmd.Flags().StringArrayVar(&where, "where", nil, "with --from, only rows whose context has `FIELD=VALUE`, such as engine=native; may be repeated")
	cmd.Flags().StringVar(&by, "by", "", "with --from, what is compared: models, engines, precisions, machines or versions")
	cmd.Flags().BoolVar(&explain, "explain", false, "say too what bounds each network on this machine, and how it keeps ShuffleNetV2's guidelines")
	cmd.Flags().BoolVar(&study, "study", false, "the rows of the study that wisp grew from, with its figures beside ours")
	return cmd
}

// unique are names without those that were there before.
func unique(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func (a *app) compare(cmd *cobra.Command, names []string, models *modelFlags, flags *benchFlags, explain bool) (*compared, error) {
	names = unique(names)
	var opened []*wisp.Model
	for _, n := range names { // a wrong name is said before anything is measured
		m, err := wisp.Open(n, models.options()...)
		if err != nil {
			return nil, err
		}
		opened = append(opened, m)
	}
	rows, err := flags.wanted(names, models.weights)
	if err != nil {
		return nil, err
	}
	p, err := flags.plan(cmd.Context(), a, rows, models)
	if err != nil {
		return nil, err
	}
	if flags.profile {
		p.Profile = 20
	}
	measured, stopped := a.measure(cmd.Context(), p)
	if measured == nil {
		return nil, stopped
	}
	if flags.profile {
		boundProfiles(measured)
	}
	if a.json {
		a.diagnostics = append(a.diagnostics, "results: around_ms is null: wisp bench times what comes before and after a run")
	}
	c := &compared{measured: measured, exact: a.json || flags.document, Comparison: &report.Comparison{
		Title:   fmt.Sprintf("%d networks on this machine", len(names)),
		Where:   where(measured, a.machine()),
		Command: strings.Join(append([]string{"wisp"}, a.args...), " "),
	}}
	a.say("top1 and top5 are null: accuracy is measured by wisp eval, with trained weights and labelled images")
	for _, m := range opened {
		if err := c.add(m); err != nil {
			return nil, err
		}
	}
	for _, s := range c.silent {
		a.say("%s", s)
	}
	if explain {
		if err := c.explain(opened); err != nil {
			return nil, err
		}
	}
	c.Results, c.Losses = measured.Results, flags.losses(opened)
	if flags.look != "" {
		if c.Features, err = featuresOf(opened, flags.look); err != nil {
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
	c.Commands = a.reproduce()
	c.Notes = append(append([]string{}, a.diagnostics...), gradeReasons(measured)...)
	return c, stopped
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
	By          string             `json:"by,omitempty"`      // with --from
	Tables      []joinedTable      `json:"tables,omitempty"`  // likewise
	Devices     []onDevice         `json:"devices,omitempty"` // with --on
}

func (a *app) comparedDocument(c *compared) comparedDocument {
	d := comparedDocument{a.envelope(), c.Where, c.measured.Level.Name, c.measured.Seed, c.rows, append([]string{}, c.pareto...),
		append([]bench.Comparison{}, c.measured.Comparisons...), append([]bench.Result{}, c.measured.Results...), nil, "", nil, c.devices}
	if c.joined != nil {
		d.By, d.Tables = c.joined.by.Name, c.joined.documents()
	}
	return d
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
