package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/advise"
	"github.com/wispnet/wisp/internal/export"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/zoo"
)

// wisp list prints the networks of the zoo with their counts and published accuracies,
// or the preprocessing recipes.
func newList(a *app) *cobra.Command {
	var recipes bool
	var f listFlags
	cmd := &cobra.Command{
		Use:     "list [TEXT]",
		Short:   "List the networks of the zoo, or the preprocessing recipes",
		Example: "  wisp list\n  wisp list ghost\n  wisp list --widths --max-macs 150M --min-top1 70\n  wisp list --recipes",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			want := strings.Join(args, "")
			if recipes {
				return a.listRecipes(want)
			}
			return a.listModels(want, &f)
		},
	}
	cmd.Flags().BoolVar(&f.widths, "widths", false, "a row for every width of the networks, without those of tf_ and timm_")
	cmd.Flags().StringVar(&f.family, "family", "", "only networks of one family (`NAME`)")
	cmd.Flags().StringVar(&f.form, "format", "table", "table, markdown or csv")
	f.counts.add(cmd)
	cmd.Flags().BoolVar(&recipes, "recipes", false, "list preprocessing recipes")
	return cmd
}

type listFlags struct {
	widths bool
	family string
	form   string
	counts countFlags
}

type listed struct {
	Name      string             `json:"name"`
	Family    string             `json:"family"`
	Title     string             `json:"title"`
	Year      int                `json:"year"`
	Designed  string             `json:"designed"`
	Paper     string             `json:"paper"`
	Widths    []float64          `json:"widths"`
	AnyWidth  bool               `json:"any_width"`
	InputSize int                `json:"input_size"`
	Params    int64              `json:"params"`
	MACs      int64              `json:"macs"`
	Recipe    string             `json:"recipe"`
	Published []report.Published `json:"published"`
	Notes     []string           `json:"notes"`
}

// known turns the zoo's 0 for "not stated" into null.
func known(v float64) *float64 {
	if v == 0 {
		return nil
	}
	return &v
}

func (a *app) listModels(want string, f *listFlags) error {
	if !slices.Contains([]string{"table", "markdown", "csv"}, f.form) {
		return usagef("--format %s: want table, markdown or csv", f.form)
	}
	if f.family != "" && !slices.Contains(zoo.Families, f.family) {
		return usagef("--family %s: want one of %s", f.family, strings.Join(zoo.Families, ", "))
	}
	limits, err := f.counts.read()
	if err != nil {
		return err
	}
	var names []string
	if f.widths {
		names = zooNames()
	} else {
		for _, m := range zoo.All {
			names = append(names, m.Name)
		}
	}
	rows := []listed{}
	for _, name := range names {
		spec, err := zoo.Parse(name)
		if err != nil {
			return err
		}
		m := spec.Model()
		if !strings.Contains(name+" "+m.Family+" "+strings.ToLower(m.Title), strings.ToLower(want)) || f.family != "" && m.Family != f.family {
			continue
		}
		g, err := spec.Build(1000)
		if err != nil {
			return err
		}
		c, err := cost.Count(g)
		if err != nil {
			return err
		}
		own, _ := spec.Figures()
		figures := m.Published
		if f.widths {
			figures = spec.Published()
		}
		row := listed{name, m.Family, m.Title, m.Year, m.Designed, m.Paper, m.Widths, m.AnyWidth, spec.H,
			c.Params, c.MACs, m.Recipe, report.PublishedOf(figures, own), append([]string{}, m.Notes...)}
		if !keeps(c, top1Of(spec), limits) {
			continue
		}
		if limits.Bytes > 0 {
			if small, err := weighsAtMost(name, limits.Bytes); err != nil {
				return err
			} else if !small {
				continue
			}
		}
		rows = append(rows, row)
	}
	if a.json {
		return a.print(struct {
			envelope
			Models []listed `json:"models"`
		}{a.envelope(), rows})
	}
	if len(rows) == 0 {
		return usagef("list: no network's name, family or title holds %q and keeps the limits: wisp list shows all", want)
	}
	t := report.NewTable([]string{"network", "family", "year", "widths", "input", "params M", "MACs M", "top-1 %", "designed"},
		[]bool{false, false, true, false, true, true, true, true, false}, a.tableWidth(f.form))
	for _, r := range rows {
		spec, err := zoo.Parse(r.Name)
		if err != nil {
			return err
		}
		top1 := "–"
		if v := top1Of(spec); v > 0 {
			top1 = fmt.Sprintf("%.1f", v)
		}
		widths := widthsText(spec.Model())
		if f.widths {
			widths = fmt.Sprint(spec.Width)
		}
		t.AppendRow(table.Row{r.Name, r.Family, r.Year, widths, r.InputSize,
			fmt.Sprintf("%.2f", float64(r.Params)/1e6), fmt.Sprintf("%.1f", float64(r.MACs)/1e6), top1, r.Designed})
	}
	if f.form != "table" {
		return a.render(t, f.form)
	}
	of := "for width 1.0 at the default input"
	if f.widths {
		of = "at the default input"
	}
	_, err = fmt.Fprintf(a.out, "%s\n\nCounts are %s. top-1 is published, not measured here. Any size from %d works: NAME[:WIDTH][@SIZE].\n", t.Render(), of, zoo.MinSize)
	return err
}

// top1Of is the published top-1 of this very network; 0 where there is none.
func top1Of(s zoo.Spec) float64 {
	figures, _ := s.Figures()
	for _, p := range figures {
		if p.Top1 > 0 {
			return p.Top1
		}
	}
	return 0
}

// keeps reports whether counts and an accuracy keep limits, that of bytes aside.
func keeps(c cost.Totals, top1 float64, l advise.Limits) bool {
	return (l.Params <= 0 || c.Params <= l.Params) && (l.MACs <= 0 || c.MACs <= l.MACs) && top1 >= l.Top1
}

// weighsAtMost reports whether the file of a network in float32 has so many bytes at most.
func weighsAtMost(name string, most int64) (bool, error) {
	m, err := wisp.Open(name, wisp.WithWeights("synthetic:1"))
	if err != nil {
		return false, err
	}
	s, err := export.SizeOf(m, "float32", version)
	return err == nil && s.Bytes <= most, err
}

func widthsText(m zoo.Model) string {
	var parts []string
	for _, w := range m.Widths {
		parts = append(parts, fmt.Sprint(w))
	}
	text := strings.Join(parts, " ")
	switch {
	case m.AnyWidth:
		return text + " …"
	case len(m.Widths) == 1:
		return "–"
	}
	return text
}

func (a *app) listRecipes(want string) error {
	type row struct {
		ID      string `json:"id"`
		Version int    `json:"version"`
		Title   string `json:"title"`
		Source  string `json:"source"`
		SHA256  string `json:"sha256"`
	}
	rows := []row{}
	for i := range imagenet.Recipes {
		r := &imagenet.Recipes[i]
		if strings.Contains(r.ID+" "+r.Title, want) {
			rows = append(rows, row{r.ID, r.Version, r.Title, r.Source, r.Hash()})
		}
	}
	if a.json {
		return a.print(struct {
			envelope
			Recipes []row `json:"recipes"`
		}{a.envelope(), rows})
	}
	t := report.NewTable([]string{"recipe", "version", "what it does"}, []bool{false, true, false}, a.width())
	for _, r := range rows {
		t.AppendRow(table.Row{r.ID, r.Version, r.Title})
	}
	_, err := fmt.Fprintln(a.out, t.Render())
	return err
}
