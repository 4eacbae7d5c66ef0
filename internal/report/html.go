package report

import (
	_ "embed"
	"html/template"
	"io"
)

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"picture": func(s string) template.HTML { return template.HTML(s) }, // our own SVG, escaped where it was made
}).Parse(pageHTML))

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
		Plots  []string
	}{Comparison: c, Legend: legend}
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
	for _, p := range c.Plots() {
		data.Plots = append(data.Plots, p.SVG())
	}
	return page.Execute(w, data)
}
