package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/export"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/internal/structure"
)

// wisp show prints what a network is: counts and their explanation, layers, blocks, the
// graph at any stage, as a table, Markdown, CSV, DOT, SVG or JSON.
func newShow(a *app) *cobra.Command {
	var models modelFlags
	var form, stage, colour, calibrate string
	var blocks, explain bool
	var look lookFlags
	cmd := &cobra.Command{
		Use:   "show MODEL",
		Short: "Show a network's layers, counts, sizes and blocks",
		Example: `  wisp show ghostnet_2020
  wisp show mobilenet_v2:0.75@192 --blocks
  wisp show ghostnet --stage fused
  wisp show ghostnet --explain
  wisp show ghostnet --features photo.jpg -o maps.png
  wisp show model.onnx --format svg --colour time > model.svg`,
		Args: exactly(1, "one MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(showFormats, form) {
				return usagef("--format %s: want one of %s", form, strings.Join(showFormats, ", "))
			}
			if stage != "" && stage != "planned" && !slices.Contains(rewrite.Stages, rewrite.Stage(stage)) {
				return usagef("--stage %s: want one of read, inferred, folded, fused, planned", stage)
			}
			if colour != "" && (heatOf[colour] == nil || blocks || form != "svg" && form != "dot") {
				return usagef("--colour %s: want one of %s, with --format svg or dot of the whole graph", colour, strings.Join(sortedKeys(heatOf), ", "))
			}
			if err := look.check(cmd); err != nil {
				return err
			}
			// Counts need no weights, so what is said of synthetic ones is no matter here.
			m, err := wisp.Open(args[0], models.options()...)
			if err != nil {
				var u *wisp.UnrecognizedError
				if errors.As(err, &u) {
					return errors.Join(a.showTensors(u), err)
				}
				return err
			}
			for _, n := range report.Doubts(m, nil) {
				a.say("%s", n)
			}
			if _, err := structure.Annotate(m.Graph); err != nil {
				return err
			}
			switch {
			case look.image != "":
				return a.showFeatures(m, &look)
			case explain && !a.json:
				return a.showExplained(m, 1)
			case stage != "":
				return a.showStage(m, stage)
			case form == "dot" || form == "svg" && !blocks:
				return a.showGraph(m, form, colour, calibrate)
			case form == "svg":
				return a.showSVG(m)
			}
			r, err := cost.Of(m.Graph)
			if err != nil {
				return err
			}
			for _, n := range report.Doubts(m, r) {
				a.say("%s", n)
			}
			if a.json {
				return a.showJSON(m, r)
			}
			if blocks {
				return a.showBlocks(m, form)
			}
			return a.showLayers(m, r, form)
		},
	}
	models.add(cmd)
	look.add(cmd)
	cmd.Flags().StringVar(&form, "format", "table", "table, markdown, csv, dot or svg")
	cmd.Flags().StringVar(&stage, "stage", "", "print the graph as it is `read`, inferred, folded, fused or planned")
	cmd.Flags().StringVar(&colour, "colour", "", "colour the graph of --format svg or dot by `FIGURE`: bytes, macs, params, sqnr (of INT8, worst first) or time")
	cmd.Flags().StringVar(&calibrate, "calibrate", "", "images (`DIR`) that --colour sqnr calibrates on; without it, synthetic inputs")
	cmd.Flags().BoolVar(&blocks, "blocks", false, "blocks instead of layers: each drawn once, the stages in the paper's columns, each beside a plain convolution of its shape")
	cmd.Flags().BoolVar(&explain, "explain", false, "what bounds each layer on this machine, and how the network keeps ShuffleNetV2's guidelines")
	return cmd
}

var showFormats = []string{"table", "markdown", "csv", "dot", "svg"}

func (a *app) showJSON(m *wisp.Model, r *cost.Report) error {
	s, err := report.NewShow(m, r)
	if err != nil {
		return err
	}
	s.Sizes = a.sizes(m)
	return a.print(struct {
		envelope
		*report.Show
	}{a.envelope(), s})
}

// sizes are those of the files that wisp convert writes of a model; why there is none is said.
func (a *app) sizes(m *wisp.Model) map[string]*int64 {
	sizes, notes := export.Sizes(m, version)
	for _, n := range notes {
		a.say("%s", n)
	}
	return sizes
}

func (a *app) showLayers(m *wisp.Model, r *cost.Report, form string) error {
	cells := report.LayerCells(r)
	t := cells.Table(a.tableWidth(form))
	if form != "table" {
		return a.render(t, form)
	}
	fmt.Fprintf(a.out, "%s\n\n", t.Render())
	for _, line := range a.summary(m, r) {
		fmt.Fprintln(a.out, line)
	}
	for _, own := range sortedKeys(m.Renames) {
		if !m.Guessed {
			break
		}
		fmt.Fprintf(a.out, "matched by order and shape: %s is %s\n", m.Renames[own], own)
	}
	return nil
}

// summary is the lines below the layers: the counts, in words.
func (a *app) summary(m *wisp.Model, r *cost.Report) []string {
	facts := report.Facts(m, r)
	lines := []string{fmt.Sprintf("%s: %s %s", m.Name, facts[0].Name, facts[0].Text)}
	for _, f := range facts[1:] {
		lines = append(lines, fmt.Sprintf("%-18s %s", f.Name, f.Text))
	}
	sizes := a.sizes(m)
	text := func(precision string) string {
		if n := sizes[precision]; n != nil {
			return report.Group(*n) + " bytes " + precision
		}
		return "– " + precision
	}
	lines = append(lines, fmt.Sprintf("%-18s %s, %s  (the .tflite files that wisp convert writes)", "size", text("float32"), text("int8")))
	lines = append(lines, "mult-adds as other tools count them:")
	for _, t := range report.ToolCells(r).Rows {
		lines = append(lines, fmt.Sprintf("  %-14s   %s  (%s)", t[0], t[1], t[2]))
	}
	for _, f := range report.Remarks(m) {
		lines = append(lines, fmt.Sprintf("%-18s %s", f.Name, f.Text))
	}
	return lines
}

func (a *app) showBlocks(m *wisp.Model, form string) error {
	if form == "table" {
		if err := a.drawBlocks(m); err != nil {
			return err
		}
	}
	blocks, err := cost.Blocks(m.Graph)
	if err != nil {
		return err
	}
	cells := report.BlockCells(blocks)
	t := cells.Table(a.tableWidth(form))
	if form != "table" {
		return a.render(t, form)
	}
	fmt.Fprintf(a.out, "%s\n", t.Render())
	if said := report.GhostFact(cost.GhostModules(m.Graph)); said != "" {
		fmt.Fprintf(a.out, "\n%s\n", said)
	}
	return nil
}

func (a *app) showStage(m *wisp.Model, stage string) error {
	if stage == "planned" {
		p, err := m.Compile()
		if err != nil {
			return err
		}
		defer p.Close()
		_, err = fmt.Fprint(a.out, p.Engine.Text())
		return err
	}
	g, err := rewrite.Until(m.Graph, rewrite.Stage(stage))
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.out, g.Text())
	return err
}

// showSVG draws each kind of block once.
func (a *app) showSVG(m *wisp.Model) error {
	doc, err := report.BlockSheet(m.Graph, m.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.out, doc)
	return err
}

// showTensors lists the tensors of a checkpoint whose network is not known.
func (a *app) showTensors(u *wisp.UnrecognizedError) error {
	a.say("its network is not recognised; these are its tensors")
	if a.json {
		return a.print(struct {
			envelope
			*report.Unrecognized
		}{a.envelope(), report.NewUnrecognized(u)})
	}
	cells := report.TensorCells(u)
	_, err := fmt.Fprintln(a.out, cells.Table(a.width()).Render())
	return err
}

func (a *app) tableWidth(form string) int {
	if form == "table" {
		return a.width()
	}
	return 0
}

// render writes a table as Markdown or CSV.
func (a *app) render(t table.Writer, form string) error {
	if form == "markdown" {
		_, err := fmt.Fprintln(a.out, t.RenderMarkdown())
		return err
	}
	// go-pretty quotes by backslash; spreadsheets want RFC 4180.
	rows := strings.Split(t.RenderTSV(), "\n")
	w := csv.NewWriter(a.out)
	for _, r := range rows {
		if err := w.Write(strings.Split(r, "\t")); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
