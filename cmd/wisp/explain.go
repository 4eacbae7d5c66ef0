package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/report"
)

// --explain says why networks of equal multiply-adds differ in latency: the roofline of
// their layers on this machine's measured peaks, and ShuffleNetV2's four guidelines.

// roofed is a network's roofline summed up, milliseconds of one image.
type roofed struct {
	Peaks    machinePeaks     `json:"peaks"`
	Variant  string           `json:"variant"` // of the kernels whose peak is taken
	Threads  int              `json:"threads"`
	Compute  float64          `json:"compute_bound_ms"` // layers that their operations bound
	Memory   float64          `json:"memory_bound_ms"`  // layers that their bytes bound
	MS       float64          `json:"roof_ms"`          // both: the least latency
	Share    *float64         `json:"share_of_roof"`    // roof over measured latency
	LayersOf []cost.LayerRoof `json:"layers,omitempty"`
}

// roofOf bounds a network by the best peaks of this machine.
func roofOf(m *wisp.Model, peak kernel.Peak, threads int) (*roofed, error) {
	if len(peak.FMA) == 0 {
		return nil, fmt.Errorf("%s: this machine has no measured peak", m.Name)
	}
	variant := peak.FMA[0].Variant
	machine, _ := machineOf(peak, variant, threads)
	layers, err := cost.Roofs(m.Graph, machine)
	if err != nil {
		return nil, err
	}
	r := &roofed{Peaks: peaksOf(peak), Variant: variant, Threads: threads, LayersOf: layers}
	for _, l := range layers {
		if l.Roof.Bound == "compute" {
			r.Compute += l.Roof.MS()
		} else {
			r.Memory += l.Roof.MS()
		}
	}
	r.MS = r.Compute + r.Memory
	return r, nil
}

// explained are the cells that the guidelines fill in a table.
func explained(g *cost.Guidelines) table.Row {
	ratio := func(v *float64) string {
		if v == nil {
			return "–"
		}
		return fmt.Sprintf("%.2f", *v)
	}
	fragments := "–"
	if f := g.Fragments; f != nil {
		fragments = fmt.Sprintf("%.1f, %d", f.Mean, f.Most)
	}
	e := g.Elements
	return table.Row{ratio(g.Balance.Ratio), ratio(g.Groups.Ratio), fragments, fmt.Sprintf("%.0f + %.0f %%", 100*e.Elements, 100*e.Depthwise), fmt.Sprintf("%.0f %%", 100*e.Moves)}
}

var explainedHeads = []string{"G1 access", "G2 access", "G3 fragments", "G4 bytes", "moved"}

// guidelineText says what the columns are.
func guidelineText() string {
	var b strings.Builder
	for i, name := range []string{"g1_channel_balance", "g2_group_convolution", "g3_fragmentation", "g4_element_wise"} {
		fmt.Fprintf(&b, "G%d: %s\n", i+1, cost.Formulas[name])
	}
	return b.String() + "The guidelines are of Ma et al., ShuffleNet V2, ECCV 2018; lower is better. Batch norms are left out.\n"
}

// printExplained prints the rooflines and guidelines of compared rows.
func (a *app) printExplained(c *compared) {
	t := report.NewTable(append([]string{"network", "M MACs", "MB moved", "roof ms", "of it memory", "latency ms", "of roof"}, explainedHeads...),
		[]bool{false, true, true, true, true, true, true, true, true, true, true, true}, a.width())
	for i, r := range c.rows {
		if r.Guidelines == nil {
			continue
		}
		row := table.Row{c.Rows[i].Model, fmt.Sprintf("%.1f", float64(*r.MACs)/1e6), fmt.Sprintf("%.1f", float64(r.Guidelines.Elements.Bytes)/1e6), "–", "–", "–", "–"}
		if r.Roof != nil {
			row[3], row[4], row[6] = ms(&r.Roof.MS), fmt.Sprintf("%.0f %%", 100*r.Roof.Memory/max(r.Roof.MS, 1e-12)), percent(r.Roof.Share)
		}
		if r.Latency != nil {
			row[5] = ms(&r.Latency.Median)
		}
		t.AppendRow(append(row, explained(r.Guidelines)...))
	}
	fmt.Fprintf(a.out, "\nWhy equal multiply-adds take unequal time\n\n%s\n"+
		"roof: the least time that the machine's measured peaks allow the layers of the fused network, each bound by its operations or its bytes;\n"+
		"bytes that are still in a nearer cache, and 3×3 convolutions by Winograd's fewer products, may beat it\n"+
		"moved: bytes of joining, splitting and shuffling, as G4\n%s", t.Render(), guidelineText())
}

// showExplained prints every layer's roof, and the guidelines.
func (a *app) showExplained(m *wisp.Model, threads int) error {
	g, err := cost.GuidelinesOf(m.Graph)
	if err != nil {
		return err
	}
	r, err := roofOf(m, better(kernel.Peaks(), kernel.Peaks()), threads)
	if err != nil {
		return err
	}
	t := report.NewTable([]string{"layer", "op", "MACs", "bytes", "compute ms", "memory ms", "bound by"}, []bool{false, false, true, true, true, true, false}, a.width())
	for _, l := range r.LayersOf {
		op, by := l.Op, l.Roof.Bound
		if l.Shape.Kind != "" {
			op = l.Shape.Kind
		}
		if by == "memory" {
			by = l.Roof.Level
		}
		t.AppendRow(table.Row{l.Name, op, group(l.MACs), group(l.Bytes), fmt.Sprintf("%.4f", l.Roof.ComputeMS), fmt.Sprintf("%.4f", l.Roof.MemoryMS), by})
	}
	fmt.Fprintf(a.out, "%s\n\n%s on %s, %d %s: at least %.3g ms: %.3g ms in layers bound by their operations, %.3g ms in layers bound by their bytes\n\n",
		t.Render(), m.Name, r.Variant, r.Threads, plural(r.Threads, "thread"), r.MS, r.Compute, r.Memory)
	w := report.NewTable(explainedHeads, []bool{true, true, true, true, true}, a.width())
	w.AppendRow(explained(&g))
	_, err = fmt.Fprintf(a.out, "%s\n%s", w.Render(), guidelineText())
	return err
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
