package report

import (
	"cmp"
	_ "embed"
	"html/template"
	"io"
	"slices"
	"strings"
)

//go:embed page.html
var pageHTML string

// page parses the template where it is written: as a variable it would bring package html/template
// into programs that write no page.
func page() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"picture": func(s string) template.HTML { return template.HTML(Inline(s)) }, // our own SVG, escaped where it was made
		"style":   func() template.CSS { return template.CSS(svgStyle) },
	}).Parse(pageHTML))
}

// worstLayers are the layers of a network that lose most to eight bits.
type worstLayers struct {
	Model  string
	Layers []LayerSQNR
	Float  int // layers that stay in float32
}

func (c *Comparison) worst() []worstLayers {
	var out []worstLayers
	for _, l := range c.Losses {
		w := worstLayers{Model: l.Model}
		for _, v := range l.Layers {
			if v.FellBack {
				w.Float++
			} else {
				w.Layers = append(w.Layers, v)
			}
		}
		slices.SortStableFunc(w.Layers, func(p, q LayerSQNR) int { return cmp.Compare(p.SQNR, q.SQNR) })
		w.Layers = w.Layers[:min(len(w.Layers), 5)]
		out = append(out, w)
	}
	return out
}

type htmlCell struct {
	Text  string
	Right bool
}

// HTML writes the comparison as one page that needs nothing else: no script, no
// network. It follows the reader's light or dark setting and prints.
func (c *Comparison) HTML(w io.Writer) error {
	data := struct {
		*Comparison
		Heads  []htmlCell
		Table  [][]htmlCell
		Legend string
		Plots  []Figure
		Layers []Figure
		Worst  []worstLayers
		Across *Cells // of several devices
		Ranks  string // how to read them
	}{Comparison: c, Legend: c.legend(), Plots: c.Figures(), Worst: c.worst()}
	if len(c.Devices) > 0 {
		data.Across, data.Ranks = deviceCells(c.Devices), strings.Join(deviceLegend(c.Devices), " ")
	}
	columns := c.read()
	for _, col := range columns {
		data.Heads = append(data.Heads, htmlCell{col.head, col.right})
	}
	for _, r := range c.Rows {
		var row []htmlCell
		for _, col := range columns {
			row = append(row, htmlCell{col.human(r), col.right})
		}
		data.Table = append(data.Table, row)
	}
	labels, profiles := profiled(c.Results)
	for i := range profiles {
		if svg := LayerBars(labels[i], profiles[i]); svg != "" {
			data.Layers = append(data.Layers, Figure{"layers-" + labels[i], labels[i], Inline(svg)})
		}
	}
	for i := range data.Plots {
		data.Plots[i].SVG = Inline(data.Plots[i].SVG)
	}
	return page().Execute(w, data)
}
