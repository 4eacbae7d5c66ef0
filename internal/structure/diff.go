package structure

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
)

// Verdict is the answer of Compare.
type Verdict string

const (
	// Identical: the same layers with the same attributes; weights equal where both
	// networks have weights of their own.
	Identical Verdict = "identical"
	// SameNetwork: the same layers, but for what a deployment may change without its
	// being another network: padding, classes, precision, input size, weights, …
	SameNetwork Verdict = "same network"
	// Different: another architecture.
	Different Verdict = "different"
)

// Change says what became of a stage, block or layer.
type Change string

const (
	Same     Change = "same"
	Replaced Change = "replaced" // by another kind
	Added    Change = "added"    // in B only
	Removed  Change = "removed"  // in A only
	Resized  Change = "resized"  // the same kind with other numbers
)

// Diff is how B differs from A.
type Diff struct {
	A, B      *Network
	Verdict   Verdict
	DiffersIn []string // in the order of Aspects
	Stages    []StageDiff
	Weights   *WeightsDiff // nil where they were not compared
	Notes     []string
}

// StageDiff pairs a stage of A with one of B; −1 where there is none.
type StageDiff struct {
	A, B   int
	Change Change
	Blocks []BlockDiff
}

// BlockDiff pairs a block of A with one of B; −1 where there is none.
type BlockDiff struct {
	A, B   int
	Change Change
	Layers []LayerDiff // those that changed, where both blocks are of one kind
}

// LayerDiff is a layer that changed; −1 where there is none.
type LayerDiff struct {
	A, B   int
	Change Change
	What   []string // "kernel 3×3 → 5×5"
	allow  []string // the aspects under which it is still the same network
}

// Aspects are what may differ between two forms of one network, in the order in which
// they are listed.
var Aspects = []string{"input size", "padding", "classes", "activations", "shuffle", "precision", "softmax", "bias", "batch-norm epsilon", "weights", "widths", "blocks", "layers"}

// Compare says how B differs from A: stages are paired by the size of their maps, blocks
// within stages and layers within blocks by likeness.
func Compare(a, b *Network) *Diff {
	d := &Diff{A: a, B: b}
	for _, p := range align(len(a.Stages), len(b.Stages), d.scoreStages) {
		s := StageDiff{A: p[0], B: p[1]}
		var left, right []int
		if p[0] >= 0 {
			left = a.Stages[p[0]].Blocks
		}
		if p[1] >= 0 {
			right = b.Stages[p[1]].Blocks
		}
		for _, q := range align(len(left), len(right), func(i, j int) int { return d.scoreBlocks(left[i], right[j]) }) {
			s.Blocks = append(s.Blocks, d.block(at(left, q[0]), at(right, q[1])))
		}
		s.Change = d.stageChange(&s)
		d.Stages = append(d.Stages, s)
	}
	d.judge()
	return d
}

func at(list []int, i int) int {
	if i < 0 {
		return -1
	}
	return list[i]
}

func (d *Diff) scoreStages(i, j int) int {
	a, b := &d.A.Stages[i], &d.B.Stages[j]
	switch {
	case a.Role != b.Role:
		return 0
	case a.Role != "body":
		return 8
	case a.Reduction != b.Reduction:
		return 0
	case a.Arch == b.Arch:
		return 8
	}
	return 5
}

// scoreBlocks is high for blocks that are alike in many numbers.
func (d *Diff) scoreBlocks(i, j int) int {
	a, b := &d.A.Blocks[i], &d.B.Blocks[j]
	score := 4
	if a.Arch == b.Arch {
		score += 12
	}
	for _, same := range []bool{a.Stride == b.Stride, a.Out.C == b.Out.C, a.In.C == b.In.C, a.Hidden == b.Hidden, a.Kernel == b.Kernel,
		a.SE == b.SE, a.Shortcut == b.Shortcut, len(a.Layers) == len(b.Layers)} {
		if same {
			score += 2
		}
	}
	return score
}

func (d *Diff) block(i, j int) BlockDiff {
	out := BlockDiff{A: i, B: j}
	switch {
	case i < 0:
		out.Change = Added
		return out
	case j < 0:
		out.Change = Removed
		return out
	}
	a, b := &d.A.Blocks[i], &d.B.Blocks[j]
	out.Change = Same
	if a.Arch != b.Arch {
		out.Change = Replaced
		return out
	}
	for _, p := range align(len(a.Layers), len(b.Layers), func(x, y int) int { return d.scoreLayers(a.Layers[x], b.Layers[y]) }) {
		l := d.layer(at(a.Layers, p[0]), at(b.Layers, p[1]))
		if l.Change == Same {
			continue
		}
		out.Layers = append(out.Layers, l)
		if !l.allowed() {
			out.Change = Resized
		}
	}
	return out
}

func (d *Diff) stageChange(s *StageDiff) Change {
	switch {
	case s.A < 0:
		return Added
	case s.B < 0:
		return Removed
	case d.A.Stages[s.A].Arch != d.B.Stages[s.B].Arch:
		return Replaced
	}
	for i := range s.Blocks {
		if s.Blocks[i].Change != Same {
			return Resized
		}
	}
	return Same
}

func (d *Diff) scoreLayers(i, j int) int {
	a, b := &d.A.Layers[i], &d.B.Layers[j]
	if a.Op != b.Op {
		if a.Weighted() && b.Weighted() {
			return 1 // a convolution that became another sort of convolution
		}
		return 0
	}
	score := 6
	for _, same := range []bool{a.Kernel == b.Kernel, a.Stride == b.Stride, a.In.C == b.In.C, a.Out.C == b.Out.C, a.Act == b.Act} {
		if same {
			score++
		}
	}
	return score
}

// layer compares two layers attribute by attribute.
func (d *Diff) layer(i, j int) LayerDiff {
	out := LayerDiff{A: i, B: j, Change: Same}
	switch {
	case i < 0:
		out.Change = Added
		if d.B.Layers[j].Op == "softmax" {
			out.allow = []string{"softmax"}
		}
		return out
	case j < 0:
		out.Change = Removed
		if d.A.Layers[i].Op == "softmax" {
			out.allow = []string{"softmax"}
		}
		return out
	}
	a, b := &d.A.Layers[i], &d.B.Layers[j]
	hard := 0
	differ := func(aspect, format string, args ...any) {
		out.What = append(out.What, fmt.Sprintf(format, args...))
		if out.Change == Same {
			out.Change = Resized
		}
		if aspect == "" {
			hard++
		} else if !slices.Contains(out.allow, aspect) {
			out.allow = append(out.allow, aspect)
		}
	}
	if a.Op != b.Op {
		differ("", "%s → %s", a.Op, b.Op)
		out.Change = Replaced
	}
	if a.Kernel != b.Kernel {
		differ("", "kernel %d×%d → %d×%d", a.Kernel[0], a.Kernel[1], b.Kernel[0], b.Kernel[1])
	}
	if a.Stride != b.Stride {
		differ("", "stride %d → %d", a.Stride[0], b.Stride[0])
	}
	if a.Dilation != b.Dilation {
		differ("", "dilation %d → %d", a.Dilation[0], b.Dilation[0])
	}
	if a.Groups != b.Groups && a.Op == "group conv" && b.Op == "group conv" {
		differ("", "%d → %d groups", a.Groups, b.Groups)
	}
	last := d.A.classifies(i) && d.B.classifies(j)
	if a.In.C != b.In.C && !(last && a.Op == "softmax") {
		differ("", "input channels %d → %d", a.In.C, b.In.C)
	}
	if a.Out.C != b.Out.C && !(last && a.Op == "softmax") {
		aspect := ""
		if last {
			aspect = "classes"
		}
		differ(aspect, "output channels %d → %d", a.Out.C, b.Out.C)
	}
	if a.Act != b.Act {
		differ("", "activation %s → %s", actOrNone(a.Act), actOrNone(b.Act))
	}
	if a.Detail != b.Detail {
		differ("", "%s → %s", a.Detail, b.Detail)
	}
	if p, q := a.border(), b.border(); p != q {
		differ("padding", "padding %s → %s", paddingWords(p), paddingWords(q))
	}
	if a.Bias != b.Bias && a.Op == "linear" && b.Op == "linear" {
		differ("bias", "bias %s → %s", yes(a.Bias), yes(b.Bias))
	}
	if a.Weighted() && b.Weighted() {
		if p, q := d.A.precision(a), d.B.precision(b); p != q {
			differ("precision", "weights %v → %v", p, q)
		}
	}
	if hard > 0 {
		out.allow = nil
	}
	return out
}

// allowed reports whether the layer may differ so in one network.
func (l *LayerDiff) allowed() bool { return l.Change == Same || len(l.allow) > 0 }

// classifies reports whether layer i makes the classes: it is the last linear layer, or
// comes after it.
func (n *Network) classifies(i int) bool {
	for k := i + 1; k < len(n.Layers); k++ {
		if n.Layers[k].Weighted() {
			return false
		}
	}
	return true
}

// border is the padding that a layer's windows reach: SAME, explicit and symmetric
// padding of the same effect are one, and a last row that no window reaches is none.
func (l *Layer) border() graph.Padding {
	if l.Kernel[0] == 0 {
		return graph.Padding{}
	}
	s, d := maxStride(l.Stride), maxStride(l.Dilation)
	p := l.Pad.Resolve(l.In.H, l.In.W, l.Kernel, s, d)
	p.Bottom = max(0, (l.Out.H-1)*s[0]+(l.Kernel[0]-1)*d[0]+1-l.In.H-p.Top)
	p.Right = max(0, (l.Out.W-1)*s[1]+(l.Kernel[1]-1)*d[1]+1-l.In.W-p.Left)
	return p
}

func paddingWords(p graph.Padding) string {
	switch {
	case p == (graph.Padding{}):
		return "none"
	case p.Top == p.Bottom && p.Left == p.Right && p.Top == p.Left:
		return fmt.Sprintf("%d all around", p.Top)
	}
	return fmt.Sprintf("%d above, %d below, %d left, %d right", p.Top, p.Bottom, p.Left, p.Right)
}

func maxStride(s [2]int) [2]int { return [2]int{max(1, s[0]), max(1, s[1])} }

func actOrNone(a graph.Act) string {
	if a.Kind == graph.ActNone {
		return "none"
	}
	return ActName(a)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// judge draws the verdict from the pairs.
func (d *Diff) judge() {
	found := map[string]bool{}
	different := false
	for i := range d.Stages {
		for _, b := range d.Stages[i].Blocks {
			if b.Change == Added || b.Change == Removed || b.Change == Replaced {
				different = true
				found["blocks"] = true
			}
			for _, l := range b.Layers {
				for _, aspect := range l.allow {
					found[aspect] = true
				}
				if !l.allowed() {
					different = true
					for _, aspect := range d.hardAspects(&l) {
						found[aspect] = true
					}
				}
			}
		}
	}
	if d.A.Input.H != d.B.Input.H || d.A.Input.W != d.B.Input.W {
		found["input size"] = true
		if !different { // odd and even sizes pad differently under SAME; that is the size's doing
			d.dropPaddingOfSize(found)
		}
	}
	if a, b := d.A.epsilon(), d.B.epsilon(); a > 0 && b > 0 && a != b {
		found["batch-norm epsilon"] = true
		d.Notes = append(d.Notes, fmt.Sprintf("batch norms add %v to the variance in A, %v in B", a, b))
	}
	for _, aspect := range Aspects {
		if found[aspect] {
			d.DiffersIn = append(d.DiffersIn, aspect)
		}
	}
	switch {
	case different:
		d.Verdict = Different
	case len(d.DiffersIn) > 0:
		d.Verdict = SameNetwork
	default:
		d.Verdict = Identical
	}
}

// hardAspects sorts what makes a layer another one.
func (d *Diff) hardAspects(l *LayerDiff) []string {
	if l.A < 0 || l.B < 0 {
		return []string{"layers"}
	}
	a, b := &d.A.Layers[l.A], &d.B.Layers[l.B]
	var out []string
	if a.Op != b.Op || a.Kernel != b.Kernel || a.Stride != b.Stride || a.Groups != b.Groups && a.Op == "group conv" {
		out = append(out, "layers")
	}
	if a.Act != b.Act {
		out = append(out, "activations")
	}
	if a.In.C != b.In.C || a.Out.C != b.Out.C {
		out = append(out, "widths")
	}
	if a.Detail != b.Detail {
		switch a.Op {
		case "shuffle":
			out = append(out, "shuffle")
		default:
			out = append(out, "widths")
		}
	}
	if len(out) == 0 {
		out = append(out, "layers")
	}
	return out
}

// dropPaddingOfSize forgets differences in padding that two sizes of one rule explain.
func (d *Diff) dropPaddingOfSize(found map[string]bool) {
	for i := range d.Stages {
		for _, b := range d.Stages[i].Blocks {
			for _, l := range b.Layers {
				if l.A >= 0 && l.B >= 0 && d.A.Layers[l.A].Pad.Same != d.B.Layers[l.B].Pad.Same {
					return
				}
			}
		}
	}
	delete(found, "padding")
}

// epsilon is the first batch norm's, 0 where the graph has none.
func (n *Network) epsilon() float64 {
	for i := range n.source.Nodes {
		if bn, ok := n.source.Nodes[i].Op.(graph.BatchNorm); ok {
			return bn.Eps
		}
	}
	return 0
}

// Changed lists the layers that differ, in order.
func (d *Diff) Changed() []LayerDiff {
	var out []LayerDiff
	for i := range d.Stages {
		for _, b := range d.Stages[i].Blocks {
			out = append(out, b.Layers...)
		}
	}
	return out
}
