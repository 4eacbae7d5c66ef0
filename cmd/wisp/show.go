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
	"github.com/wispnet/wisp/graph"
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
			for _, n := range m.Notes {
				if !m.Weights.Synthetic {
					a.say("%s", n)
				}
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
			for _, n := range r.Notes {
				a.say("%s: %s", m.Name, n)
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

type shownLayer struct {
	Name        string   `json:"name"`
	Op          string   `json:"op"`
	Detail      string   `json:"detail"`
	Block       string   `json:"block"`
	Inputs      []string `json:"inputs"`
	OutputShape []int    `json:"output_shape"`
	Params      int64    `json:"params"`
	MACs        int64    `json:"macs"`
	BytesMoved  int64    `json:"bytes_moved"`
	Intensity   float64  `json:"arithmetic_intensity"`
}

type shownTensor struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"`
	Kind  string `json:"kind"`
}

type shownTool struct {
	Tool        string            `json:"tool"`
	MultAdds    int64             `json:"mult_adds"`
	Differences []cost.Difference `json:"differences"`
}

func (a *app) showJSON(m *wisp.Model, r *cost.Report) error {
	layers := []shownLayer{}
	for _, l := range r.Layers {
		layers = append(layers, shownLayer{l.Name, l.Op, l.Detail, l.Block, append([]string{}, l.Inputs...), append([]int{}, l.OutputShape...), l.Params, l.MACs, l.BytesMoved, l.ArithmeticIntensity})
	}
	adds := map[string]int64{}
	var tools []shownTool
	for _, t := range r.Tools {
		adds[t.Name] = t.MultAdds
		tools = append(tools, shownTool{t.Name, t.MultAdds, t.Differences})
	}
	blocks, err := cost.Blocks(m.Graph)
	if err != nil {
		return err
	}
	guidelines, err := cost.GuidelinesOf(m.Graph)
	if err != nil {
		return err
	}
	var fileBytes *int64
	var published_ []published
	if m.File != nil {
		fileBytes = &m.File.Bytes
	} else {
		published_ = publishedOf(m.Spec.Published())
	}
	var family *string
	if m.Family != "" {
		family = &m.Family
	}
	return a.print(struct {
		envelope
		Model        string            `json:"model"`
		Family       *string           `json:"family"`
		Input        []int             `json:"input"`
		Params       int64             `json:"params"`
		Buffers      int64             `json:"buffers"`
		MACs         int64             `json:"macs"`
		FLOPs        int64             `json:"flops"`
		MultAdds     map[string]int64  `json:"mult_adds"`
		Tools        []shownTool       `json:"mult_adds_explained"`
		Bytes        map[string]int64  `json:"bytes"`
		FileBytes    *int64            `json:"file_bytes"`
		Peak         int64             `json:"activation_peak_bytes"`
		Layers       []shownLayer      `json:"layers"`
		Blocks       []cost.Block      `json:"blocks"`
		GhostModules []cost.Ghost      `json:"ghost_modules"`
		Separables   []cost.Separable  `json:"separables"`
		StateDict    []shownTensor     `json:"state_dict"`
		Renames      map[string]string `json:"renames,omitempty"`
		Published    []published       `json:"published"`
		Recipe       string            `json:"recipe"`
		Guidelines   cost.Guidelines   `json:"guidelines"`
		Formulas     map[string]string `json:"guideline_formulas"`
	}{a.envelope(), m.Name, family, m.Graph.Value(m.Graph.Inputs[0]).Type.Shape, r.Params, r.Buffers, r.MACs, r.FLOPs, adds, tools,
		map[string]int64{"float32": r.Bytes.Float32, "float16": r.Bytes.Float16, "int8": r.Bytes.Int8}, fileBytes, r.ActivationPeakBytes,
		layers, blocks, append([]cost.Ghost{}, cost.GhostModules(m.Graph)...), append([]cost.Separable{}, cost.Separables(m.Graph)...),
		stateDict(m.Graph), m.Renames, published_, m.Recipe.ID, guidelines, cost.Formulas})
}

func stateDict(g *graph.Graph) []shownTensor {
	out := []shownTensor{}
	for _, id := range g.Weights {
		v := g.Value(id)
		out = append(out, shownTensor{v.Name, append([]int{}, v.Type.Shape...), v.Type.DType.String(), v.Kind.String()})
	}
	return out
}

func (a *app) showLayers(m *wisp.Model, r *cost.Report, form string) error {
	t := report.NewTable([]string{"layer", "op", "output", "params", "MACs", "bytes moved", "FLOP/B"}, []bool{false, false, false, true, true, true, true}, a.tableWidth(form))
	for _, l := range r.Layers {
		t.AppendRow(table.Row{l.Name, opText(l), report.Extent(l.OutputShape), group(l.Params), group(l.MACs), group(l.BytesMoved), oneDecimal(l.ArithmeticIntensity)})
	}
	if form != "table" {
		return a.render(t, form)
	}
	fmt.Fprintf(a.out, "%s\n\n", t.Render())
	for _, line := range a.summary(m, r) {
		fmt.Fprintln(a.out, line)
	}
	for _, own := range sortedKeys(m.Renames) {
		fmt.Fprintf(a.out, "matched by order and shape: %s is %s\n", m.Renames[own], own)
	}
	return nil
}

func opText(l cost.Layer) string {
	if l.Detail != "" {
		return l.Op + " " + l.Detail
	}
	return l.Op
}

// summary is the lines below the layers: the counts, in words.
func (a *app) summary(m *wisp.Model, r *cost.Report) []string {
	shape := m.Graph.Value(m.Graph.Inputs[0]).Type.Shape
	lines := []string{
		fmt.Sprintf("%s: input %v", m.Name, shape),
		fmt.Sprintf("parameters         %s  (and %s in buffers)", group(r.Params), group(r.Buffers)),
		fmt.Sprintf("MACs               %s  (multiply-adds of convolutions and linear layers; FLOPs are twice as many: %s)", group(r.MACs), group(r.FLOPs)),
		fmt.Sprintf("size               %s bytes float32, %s float16, %s int8", group(r.Bytes.Float32), group(r.Bytes.Float16), group(r.Bytes.Int8)),
		fmt.Sprintf("activation peak    %s bytes (the arena of the plan, float32, batch 1)", group(r.ActivationPeakBytes)),
	}
	if m.File != nil {
		lines = append(lines, fmt.Sprintf("file               %s bytes: %s", group(m.File.Bytes), fileWhy(m.File.Bytes, r)))
	}
	lines = append(lines, "mult-adds as other tools count them:")
	for _, t := range r.Tools {
		lines = append(lines, fmt.Sprintf("  %-14s   %s%s", t.Name, group(t.MultAdds), whyDifferent(t)))
	}
	if m.Spec != nil {
		for _, p := range m.Spec.Published() {
			if p.Top1 > 0 {
				lines = append(lines, fmt.Sprintf("published          top-1 %.2f %% (%s; %s)", p.Top1, p.Weights, p.Source))
				break
			}
		}
		for _, n := range m.Spec.Model().Notes {
			lines = append(lines, "note               "+n)
		}
	}
	return lines
}

// fileWhy says why a file is not exactly four bytes a parameter.
func fileWhy(bytes int64, r *cost.Report) string {
	d := bytes - 4*r.Params
	switch {
	case bytes < 3*r.Params:
		return fmt.Sprintf("%s fewer than parameters × 4: weights are stored in fewer than four bytes", group(-d))
	case d < 0:
		return fmt.Sprintf("%s fewer than parameters × 4: batch norms are folded", group(-d))
	}
	return fmt.Sprintf("%s more than parameters × 4: buffers (%s), names and the format's own structure", group(d), group(4*r.Buffers))
}

func whyDifferent(t cost.Tool) string {
	if len(t.Differences) == 0 {
		return "  (the same)"
	}
	var parts []string
	for _, d := range t.Differences[:min(4, len(t.Differences))] {
		parts = append(parts, fmt.Sprintf("%d %s: %+d", d.Count, d.What, d.Amount))
	}
	if n := len(t.Differences) - 4; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more kinds", n))
	}
	return "  (" + strings.Join(parts, "; ") + ")"
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
	t := report.NewTable([]string{"block", "kind", "input", "output", "k", "s", "params", "MACs", "plain conv MACs", "× cheaper"},
		[]bool{false, false, false, false, true, true, true, true, true, true}, a.tableWidth(form))
	for _, b := range blocks {
		k, s, plain, ratio := "–", "–", "–", "–"
		if b.Plain != nil {
			k, s, plain, ratio = fmt.Sprint(b.Kernel), fmt.Sprint(b.Stride), group(b.Plain.MACs), fmt.Sprintf("%.1f", b.Plain.MACRatio)
		}
		t.AppendRow(table.Row{b.Name, b.Kind, report.Extent(b.Input), report.Extent(b.Output), k, s, group(b.Params), group(b.MACs), plain, ratio})
	}
	if form != "table" {
		return a.render(t, form)
	}
	fmt.Fprintf(a.out, "%s\n", t.Render())
	if ghosts := cost.GhostModules(m.Graph); len(ghosts) > 0 {
		var macs, plain int64
		for _, g := range ghosts {
			macs, plain = macs+g.MACs, plain+g.PlainMACs
		}
		fmt.Fprintf(a.out, "\n%d ghost modules: %s MACs where plain convolutions of their shapes would take %s: %.2f times as many.\n"+
			"The paper's estimate for a module is s·c/(s+c−1), close to s (GhostNet, equations 4 and 5).\n", len(ghosts), group(macs), group(plain), float64(plain)/float64(macs))
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
		list := []shownTensor{}
		for _, t := range u.File.Tensors {
			list = append(list, shownTensor{t.Name, append([]int{}, t.Tensor.Shape...), t.Tensor.DType.String(), t.Kind.String()})
		}
		return a.print(struct {
			envelope
			Model     string        `json:"model"`
			Family    *string       `json:"family"`
			StateDict []shownTensor `json:"state_dict"`
		}{a.envelope(), u.Path, nil, list})
	}
	t := report.NewTable([]string{"tensor", "shape", "type", "kind"}, nil, a.width())
	for _, n := range u.File.Tensors {
		t.AppendRow(table.Row{n.Name, n.Tensor.Shape, n.Tensor.DType, n.Kind})
	}
	_, err := fmt.Fprintln(a.out, t.Render())
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
