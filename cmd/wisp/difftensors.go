package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// maxMisfits bounds the rows that a terminal is given; --json has all.
const maxMisfits = 60

// diffTensors says how a checkpoint that is no network of the zoo differs from one that is, as
// far as tensors tell: which are missing, which are more, and which have another shape.
func (a *app) diffTensors(u *wisp.UnrecognizedError, other, form string) error {
	m, err := wisp.Open(other)
	if err != nil {
		return errors.Join(u, err)
	}
	defer m.Close()
	if m.Spec == nil {
		return fmt.Errorf("%w; %s is no network of the zoo to compare its tensors with", u, other)
	}
	names, shapes := u.File.Shapes()
	d, err := zoo.Compare(*m.Spec, m.Classes, names, shapes)
	if err != nil {
		return err
	}
	a.say("%s: its network is not recognised: compared by tensors, which tell no strides, padding or activations", u.Path)
	if a.json {
		type row struct {
			Tensor string `json:"tensor"`
			Own    string `json:"name_in_checkpoint,omitempty"`
			Change string `json:"change"`
			Got    []int  `json:"checkpoint"`
			Want   []int  `json:"network"`
		}
		rows := []row{}
		for _, r := range d.Rows {
			rows = append(rows, row{r.Name, r.Own, r.Change(), r.Got, r.Want})
		}
		return a.print(struct {
			envelope
			Checkpoint string `json:"checkpoint"`
			Network    string `json:"network"`
			Alike      int    `json:"tensors_alike"`
			ByOrder    bool   `json:"paired_by_order"`
			Tensors    []row  `json:"tensors"`
		}{a.envelope(), u.Path, d.Network, d.Same, d.ByOrder, rows})
	}
	cells := report.Cells{Heads: []string{"change", "tensor", u.Path, d.Network}, Right: make([]bool, 4), Rows: [][]string{}}
	shape := func(s tensor.Shape) string {
		if s == nil {
			return "–"
		}
		return s.String()
	}
	shown := len(d.Rows)
	if form == "table" {
		shown = min(shown, maxMisfits)
	}
	for _, r := range d.Rows[:shown] {
		cells.Rows = append(cells.Rows, []string{r.Change(), strings.ToValidUTF8(r.Name, "?"), shape(r.Got), shape(r.Want)})
	}
	t := cells.Table(a.tableWidth(form))
	if form == "markdown" {
		if err := a.render(t, form); err != nil {
			return err
		}
	} else if shown > 0 {
		fmt.Fprintln(a.out, t.Render())
	}
	if n := len(d.Rows) - shown; n > 0 {
		fmt.Fprintf(a.out, "… %d more: --json has all\n", n)
	}
	how := "by name"
	if d.ByOrder {
		how = "by role, order and shape, since their names are others"
	}
	fmt.Fprintf(a.out, "\n%d tensors alike, %d of another shape, %d missing, %d more; paired %s\n", d.Same, d.Count("shape"), d.Count("missing"), d.Count("extra"), how)
	return nil
}
