package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/structure"
)

// What show prints of a network as tables of texts, which the terminal and the page in a
// browser lay out alike; show.go has the document, diff.go two networks.

// Cells is a table whose cells are written as people read them.
type Cells struct {
	Heads []string   `json:"heads"`
	Right []bool     `json:"right"` // columns of figures, set to the right
	Rows  [][]string `json:"rows"`
}

func (c *Cells) add(cells ...string) { c.Rows = append(c.Rows, cells) }

// Group writes a whole number with its digits in threes.
func Group(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

func oneDecimal(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", v)
}

func orNone(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// LayerCells is a row for every layer.
func LayerCells(r *cost.Report) Cells {
	c := Cells{[]string{"layer", "op", "output", "params", "MACs", "bytes moved", "FLOP/B"}, []bool{false, false, false, true, true, true, true}, [][]string{}}
	for _, l := range r.Layers {
		op := strings.TrimSpace(l.Op + " " + l.Detail)
		c.add(l.Name, op, Extent(l.OutputShape), Group(l.Params), Group(l.MACs), Group(l.BytesMoved), oneDecimal(l.ArithmeticIntensity))
	}
	return c
}

// StageCells is a row for every stage, in the columns of the papers' tables.
func StageCells(n *structure.Network) Cells {
	c := Cells{[]string{"input", "operator", "exp size", "#out", "SE", "NL", "s", "n"}, []bool{false, false, true, true, false, false, true, true}, [][]string{}}
	for _, r := range n.Table() {
		exp, se := "–", "–"
		if r.Hidden > 0 {
			exp = strconv.Itoa(r.Hidden)
		}
		if r.SE {
			se = "✓"
		}
		c.add(Extent([]int{1, r.Input.C, r.Input.H, r.Input.W}), r.Operator, exp, strconv.Itoa(r.Out), se, orNone(r.Act), strconv.Itoa(r.Stride), strconv.Itoa(r.Repeat))
	}
	return c
}

// BlockCells is a row for every block, beside a plain convolution of its shape.
func BlockCells(blocks []cost.Block) Cells {
	c := Cells{[]string{"block", "kind", "input", "output", "k", "s", "params", "MACs", "plain conv MACs", "× cheaper"},
		[]bool{false, false, false, false, true, true, true, true, true, true}, [][]string{}}
	for _, b := range blocks {
		k, s, plain, ratio := "–", "–", "–", "–"
		if b.Plain != nil {
			k, s, plain, ratio = strconv.Itoa(b.Kernel), strconv.Itoa(b.Stride), Group(b.Plain.MACs), fmt.Sprintf("%.1f", b.Plain.MACRatio)
		}
		c.add(b.Name, b.Kind, Extent(b.Input), Extent(b.Output), k, s, Group(b.Params), Group(b.MACs), plain, ratio)
	}
	return c
}

// ToolCells is a row for every other tool's total, with what makes it differ from the MACs.
func ToolCells(r *cost.Report) Cells {
	c := Cells{[]string{"tool", "mult-adds", "what parts it from the MACs"}, []bool{false, true, false}, [][]string{}}
	for _, t := range r.Tools {
		c.add(t.Name, Group(t.MultAdds), whyDifferent(t))
	}
	return c
}

func whyDifferent(t cost.Tool) string {
	if len(t.Differences) == 0 {
		return "the same"
	}
	var parts []string
	for _, d := range t.Differences[:min(4, len(t.Differences))] {
		parts = append(parts, fmt.Sprintf("%d %s: %+d", d.Count, d.What, d.Amount))
	}
	if n := len(t.Differences) - 4; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more kinds", n))
	}
	return strings.Join(parts, "; ")
}

// TensorCells lists the tensors of a checkpoint whose network is not known.
func TensorCells(u *wisp.UnrecognizedError) Cells {
	c := Cells{[]string{"tensor", "shape", "type", "kind"}, make([]bool, 4), [][]string{}}
	for _, n := range u.File.Tensors {
		c.add(n.Name, n.Tensor.Shape.String(), n.Tensor.DType.String(), n.Kind.String())
	}
	return c
}

// ClassCells ranks what a network takes a picture for.
func ClassCells(classes []wisp.Class) Cells {
	c := Cells{[]string{"probability", "class", "label"}, []bool{true, true, false}, [][]string{}}
	for _, k := range classes {
		c.add(fmt.Sprintf("%.1f %%", 100*k.Probability), strconv.Itoa(k.Index), orNone(k.Label))
	}
	return c
}
