package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/structure"
)

// Diff is two networks side by side: what the terminal, the JSON document and the page
// show of how B differs from A.
type Diff struct {
	A         DiffModel       `json:"a"`
	B         DiffModel       `json:"b"`
	Verdict   string          `json:"verdict"`
	DiffersIn []string        `json:"differs_in"`
	Stages    []DiffStage     `json:"stages"`
	Layers    []DiffLayer     `json:"layers"`  // those that changed
	Weights   *DiffWeights    `json:"weights"` // null where they were not compared
	Totals    map[string]Pair `json:"totals"`  // params, macs, bytes, layers, blocks; latency_ms where measured
	Notes     []string        `json:"notes"`

	nets [2]*structure.Network
}

// DiffModel is one of the two.
type DiffModel struct {
	Model     string   `json:"model"`
	Family    *string  `json:"family"`
	Input     []int    `json:"input"`
	Precision []string `json:"precision"`
}

// Pair is one figure of both; nil where there is none.
type Pair struct {
	A     *float64 `json:"a"`
	B     *float64 `json:"b"`
	Ratio *float64 `json:"ratio"` // B over A
}

// DiffStage pairs a stage with the one that stands in its place. A and B are the kind of
// their blocks, nil where there is no such stage.
type DiffStage struct {
	A       *string     `json:"a"`
	B       *string     `json:"b"`
	Change  string      `json:"change"`
	DetailA *StageSide  `json:"a_detail"`
	DetailB *StageSide  `json:"b_detail"`
	Blocks  []DiffBlock `json:"blocks"`
}

// StageSide is a stage of one network.
type StageSide struct {
	Text      string   `json:"text"`      // "6 × ghost bottleneck, 14², 4×80 2×112"
	Blocks    []string `json:"blocks"`    // names
	Reduction int      `json:"reduction"` // image height over map height
	Params    int64    `json:"params"`
	MACs      int64    `json:"macs"`
	LatencyMS *float64 `json:"latency_ms"`
}

// DiffBlock pairs two blocks by name.
type DiffBlock struct {
	A      *string `json:"a"`
	B      *string `json:"b"`
	Change string  `json:"change"`
}

// DiffLayer is a layer that changed.
type DiffLayer struct {
	A      *string  `json:"a"`
	B      *string  `json:"b"`
	Block  string   `json:"block"`
	Change string   `json:"change"`
	What   []string `json:"what"`
}

// DiffWeights is the comparison of weights, batch norms folded in.
type DiffWeights struct {
	Compared int               `json:"layers_compared"`
	Layers   []DiffLayerWeight `json:"layers"` // those that differ
}

// DiffLayerWeight is a layer whose weights differ.
type DiffLayerWeight struct {
	A      string  `json:"a"`
	B      string  `json:"b"`
	MaxAbs float64 `json:"max_abs"`
	SQNR   float64 `json:"sqnr_db"`
}

// NewDiff compares two models. Weights are compared where both have some of their own,
// not synthetic ones.
func NewDiff(a, b *wisp.Model) (*Diff, error) {
	out := &Diff{Totals: map[string]Pair{}, DiffersIn: []string{}, Layers: []DiffLayer{}, Notes: []string{}}
	models := [2]*wisp.Model{a, b}
	own := !a.Weights.Synthetic && !b.Weights.Synthetic
	for i, m := range models {
		g := m.Graph
		var err error
		if own {
			if g, err = m.Bound(); err != nil {
				return nil, err
			}
		}
		if out.nets[i], err = structure.Of(g); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	d := structure.Compare(out.nets[0], out.nets[1])
	if own {
		d.CompareWeights()
	} else {
		out.Notes = append(out.Notes, "weights are not compared: "+without(a, b))
	}
	out.A, out.B = out.model(0, a), out.model(1, b)
	if x, y := out.nets[0].BatchNorms(), out.nets[1].BatchNorms(); (x == 0) != (y == 0) {
		out.Notes = append(out.Notes, fmt.Sprintf("batch norms: %d in A, %d in B; they are compared as folded into the layer before them", x, y))
	}
	out.Notes = append(out.Notes, d.Notes...)
	out.Verdict, out.DiffersIn = string(d.Verdict), append(out.DiffersIn, d.DiffersIn...)
	if err := out.count(models); err != nil {
		return nil, err
	}
	sides, err := out.sides(models)
	if err != nil {
		return nil, err
	}
	for i := range d.Stages {
		out.stage(d, &d.Stages[i], sides)
	}
	if d.Weights != nil {
		w := &DiffWeights{Compared: d.Weights.Compared, Layers: []DiffLayerWeight{}}
		for _, l := range d.Weights.Layers {
			w.Layers = append(w.Layers, DiffLayerWeight{out.layerName(0, l.A), out.layerName(1, l.B), l.MaxAbs, l.SQNR})
		}
		out.Weights = w
		if d.Weights.Quantized {
			note := "weights of 8 bits beside others: a layer counts as different where less than 10 dB is left of it"
			if d.Weights.Worst > 0 {
				note += fmt.Sprintf("; of those that count as equal at least %.1f dB is left", d.Weights.Worst)
			}
			if n := d.Weights.Equalized; n > 0 {
				note += fmt.Sprintf("; %d layers are equal but for factors of their channels, as equalization leaves them", n)
			}
			out.Notes = append(out.Notes, note)
		}
	}
	return out, nil
}

func without(a, b *wisp.Model) string {
	switch {
	case a.Weights.Synthetic && b.Weights.Synthetic:
		return "neither has weights of its own"
	case a.Weights.Synthetic:
		return a.Name + " has none of its own (give --weights, or pull them)"
	}
	return b.Name + " has none of its own (give --weights, or pull them)"
}

func (d *Diff) model(i int, m *wisp.Model) DiffModel {
	out := DiffModel{Model: m.Name, Input: m.InputShape(), Precision: d.nets[i].Precision()}
	if m.Family != "" {
		out.Family = &m.Family
	}
	return out
}

// count fills in the totals.
func (d *Diff) count(models [2]*wisp.Model) error {
	var params, macs, bytes [2]float64
	for i, m := range models {
		r, err := cost.Of(m.Graph)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		params[i], macs[i], bytes[i] = float64(r.Params), float64(r.MACs), float64(r.Bytes.Float32)
		if m.Precision() == "int8" {
			bytes[i] = float64(r.Bytes.Int8)
		}
	}
	d.Totals["params"], d.Totals["macs"], d.Totals["bytes"] = pair(params[0], params[1]), pair(macs[0], macs[1]), pair(bytes[0], bytes[1])
	d.Totals["blocks"] = pair(float64(len(d.nets[0].Blocks)), float64(len(d.nets[1].Blocks)))
	d.Totals["layers"] = pair(float64(len(d.nets[0].Layers)), float64(len(d.nets[1].Layers)))
	return nil
}

func pair(a, b float64) Pair {
	p := Pair{A: &a, B: &b}
	if a != 0 {
		r := b / a
		p.Ratio = &r
	}
	return p
}

// sides counts every stage of both.
func (d *Diff) sides(models [2]*wisp.Model) ([2][]StageSide, error) {
	var out [2][]StageSide
	for i, m := range models {
		r, err := cost.Of(m.Graph)
		if err != nil {
			return out, err
		}
		n := d.nets[i]
		stage := make([]int, len(n.Blocks))
		for s := range n.Stages {
			side := StageSide{Text: n.Words(&n.Stages[s]), Reduction: n.Stages[s].Reduction, Blocks: []string{}}
			for _, b := range n.Stages[s].Blocks {
				stage[b] = s
				side.Blocks = append(side.Blocks, n.Blocks[b].Name)
			}
			out[i] = append(out[i], side)
		}
		for k, b := range n.NodeBlocks() {
			if b >= 0 {
				out[i][stage[b]].Params += r.Layers[k].Params
				out[i][stage[b]].MACs += r.Layers[k].MACs
			}
		}
	}
	return out, nil
}

func (d *Diff) stage(diff *structure.Diff, s *structure.StageDiff, sides [2][]StageSide) {
	out := DiffStage{Change: string(s.Change), Blocks: []DiffBlock{}}
	if s.A >= 0 {
		out.A, out.DetailA = &diff.A.Stages[s.A].Kind, &sides[0][s.A]
	}
	if s.B >= 0 {
		out.B, out.DetailB = &diff.B.Stages[s.B].Kind, &sides[1][s.B]
	}
	for _, b := range s.Blocks {
		x := DiffBlock{Change: string(b.Change)}
		block := ""
		if b.B >= 0 {
			x.B, block = &diff.B.Blocks[b.B].Name, diff.B.Blocks[b.B].Name
		}
		if b.A >= 0 {
			x.A, block = &diff.A.Blocks[b.A].Name, diff.A.Blocks[b.A].Name
		}
		out.Blocks = append(out.Blocks, x)
		for _, l := range b.Layers {
			y := DiffLayer{Block: block, Change: string(l.Change), What: append([]string{}, l.What...)}
			if l.A >= 0 {
				name := d.layerName(0, l.A)
				y.A = &name
			}
			if l.B >= 0 {
				name := d.layerName(1, l.B)
				y.B = &name
			}
			d.Layers = append(d.Layers, y)
		}
	}
	d.Stages = append(d.Stages, out)
}

func (d *Diff) layerName(side, layer int) string {
	return structure.ShortName(d.nets[side].Layers[layer].Name)
}

// Latency enters how long the engine's steps of one side (0 or 1) take, by the name of
// the node that a step computes. A step of no layer (a copy) belongs to the one before.
func (d *Diff) Latency(side int, steps []string, ms []float64) {
	n := d.nets[side]
	stage := make([]int, len(n.Blocks))
	for s := range n.Stages {
		for _, b := range n.Stages[s].Blocks {
			stage[b] = s
		}
	}
	sum := make([]float64, len(n.Stages))
	at := 0
	for i, name := range steps {
		if b := n.BlockOf(name); b >= 0 {
			at = stage[b]
		}
		if len(sum) > 0 {
			sum[at] += ms[i]
		}
	}
	s := 0
	for i := range d.Stages {
		detail := d.Stages[i].DetailA
		if side == 1 {
			detail = d.Stages[i].DetailB
		}
		if detail != nil {
			v := sum[s]
			detail.LatencyMS = &v
			s++
		}
	}
}

// Text is the verdict and what differs, in the two lines that every form begins with.
func (d *Diff) Text() []string {
	lines := []string{"verdict: " + d.Verdict}
	if len(d.DiffersIn) > 0 {
		lines = append(lines, "differs in: "+strings.Join(d.DiffersIn, ", "))
	}
	return lines
}

// ChangeSigns are the signs of changes, for those who do not see colours.
var ChangeSigns = map[string]string{"same": "=", "replaced": "→", "added": "+", "removed": "−", "resized": "~"}

// Cells is stage beside stage, a row for each of d.Stages and one of totals; columns of
// milliseconds stand in it where both were timed.
func (d *Diff) Cells() Cells {
	timed := d.Totals["latency_ms"].A != nil
	heads, right := []string{"params", "M MACs"}, []bool{true, true}
	if timed {
		heads, right = append(heads, "ms"), append(right, true)
	}
	c := Cells{Rows: [][]string{}}
	c.Heads = slices.Concat([]string{"A: " + filepath.Base(d.A.Model)}, heads, []string{"", "B: " + filepath.Base(d.B.Model)}, heads)
	c.Right = slices.Concat([]bool{false}, right, []bool{false, false}, right)
	side := func(s *StageSide) []string {
		cells := make([]string, 1+len(heads))
		if s == nil {
			return cells
		}
		cells[0], cells[1], cells[2] = s.Text, Group(s.Params), fmt.Sprintf("%.1f", float64(s.MACs)/1e6)
		if timed {
			cells[3] = orDash(s.LatencyMS, "%.2f")
		}
		return cells
	}
	for _, s := range d.Stages {
		c.add(slices.Concat(side(s.DetailA), []string{ChangeSigns[s.Change] + " " + s.Change}, side(s.DetailB))...)
	}
	total := func(of func(Pair) *float64) []string {
		millions := func(key, format string) string {
			v := of(d.Totals[key])
			if v == nil {
				return "–"
			}
			return fmt.Sprintf(format, *v/1e6)
		}
		cells := []string{millions("params", "%.2f M"), millions("macs", "%.1f")}
		if timed {
			cells = append(cells, orDash(of(d.Totals["latency_ms"]), "%.2f"))
		}
		return cells
	}
	c.add(slices.Concat([]string{"total"}, total(func(p Pair) *float64 { return p.A }), []string{"", ""}, total(func(p Pair) *float64 { return p.B }))...)
	return c
}

// diffLines is how many changed layers Lines names.
const diffLines = 8

// Lines is what stands below the stages: what replaces what, ratios, changed layers, weights.
func (d *Diff) Lines() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, s := range d.Substitutions() {
		say("in place of each other: %s", s)
	}
	ratio := func(key string) string { return orDash(d.Totals[key].Ratio, "%.2f ×") }
	say("B over A: %s parameters, %s MACs, %s bytes of weights", ratio("params"), ratio("macs"), ratio("bytes"))
	groups := d.SameChanges()
	for i, g := range groups {
		if i == diffLines {
			say("and %d more kinds of change: --json lists all %d layers", len(groups)-i, len(d.Layers))
			break
		}
		names := g.Layers[0].Name()
		if n := len(g.Layers); n == 2 {
			names += " and " + g.Layers[1].Name()
		} else if n > 2 {
			names += fmt.Sprintf(" and %d more", n-1)
		}
		say("layer %s: %s", names, g.What)
	}
	if d.Weights == nil {
		return out
	}
	if len(d.Weights.Layers) == 0 {
		say("weights: equal in all %d layers compared", d.Weights.Compared)
		return out
	}
	say("weights: %d of %d layers compared differ", len(d.Weights.Layers), d.Weights.Compared)
	for i, l := range d.Weights.Layers {
		if i == diffLines {
			say("  and %d more: --json lists them", len(d.Weights.Layers)-i)
			break
		}
		say("  %s: by at most %.3g (%.1f dB)", l.A, l.MaxAbs, l.SQNR)
	}
	return out
}

// LayerCells is a row for every layer that changed.
func (d *Diff) LayerCells() Cells {
	c := Cells{[]string{"A", "B", "block", "what"}, make([]bool, 4), [][]string{}}
	name := func(s *string) string {
		if s == nil {
			return "–"
		}
		return *s
	}
	for _, l := range d.Layers {
		what := strings.Join(l.What, ", ")
		if what == "" {
			what = l.Change
		}
		c.add(name(l.A), name(l.B), orNone(l.Block), what)
	}
	return c
}

// Substitutions says which kind stands in place of which, and how often: "6 × inverted
// residual → ghost bottleneck".
func (d *Diff) Substitutions() []string {
	var kinds []string
	count := map[string]int{}
	for _, s := range d.Stages {
		if s.Change != string(structure.Replaced) {
			continue
		}
		for _, b := range s.Blocks {
			if b.Change == string(structure.Replaced) {
				k := *s.A + " → " + *s.B
				if count[k]++; !slices.Contains(kinds, k) {
					kinds = append(kinds, k)
				}
			}
		}
	}
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%d × %s", count[k], k)
	}
	return kinds
}

// SameChanges joins changed layers that say the same: a change that runs through the
// whole network is one line.
func (d *Diff) SameChanges() []ChangedLayers {
	var out []ChangedLayers
	at := map[string]int{}
	for _, l := range d.Layers {
		what := strings.Join(l.What, ", ")
		if what == "" {
			what = l.Change
		}
		i, ok := at[what]
		if !ok {
			i = len(out)
			at[what] = i
			out = append(out, ChangedLayers{What: what})
		}
		out[i].Layers = append(out[i].Layers, l)
	}
	return out
}

// ChangedLayers are layers that changed in the same way.
type ChangedLayers struct {
	What   string
	Layers []DiffLayer
}

// Name is the layer's name in B, or in A where B has none.
func (l *DiffLayer) Name() string {
	if l.B != nil && l.A == nil {
		return *l.B
	}
	return *l.A
}
