package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/structure"
)

// Blocks as the papers' figures draw them, and stages in the papers' columns: what
// show --blocks and diff --blocks print.

// drawBlocks draws each block of a network once, then prints its stages.
func (a *app) drawBlocks(m *wisp.Model) error {
	for _, f := range report.Forms(m.Graph) {
		fmt.Fprintf(a.out, "%s\n", f.Title())
		for _, l := range f.Lines() {
			fmt.Fprintf(a.out, "    %s\n", l)
		}
		fmt.Fprintln(a.out)
	}
	n, err := structure.Of(m.Graph)
	if err != nil {
		return err
	}
	cells := report.StageCells(n)
	fmt.Fprintf(a.out, "%s\n\n", cells.Table(a.width()).Render())
	return nil
}

// diffBlocks draws each block of two networks once, side by side.
func (a *app) diffBlocks(m [2]*wisp.Model, form string) error {
	for _, x := range m {
		if _, err := structure.Annotate(x.Graph); err != nil {
			return err
		}
	}
	if form == "svg" {
		_, err := io.WriteString(a.out, report.BlockPair(m[0].Graph, m[1].Graph, m[0].Name, m[1].Name))
		return err
	}
	columns := [2][]string{}
	for i, x := range m {
		columns[i] = append(columns[i], x.Name, strings.Repeat("─", utf8.RuneCountInString(x.Name)), "")
		for _, f := range report.Forms(x.Graph) {
			if f.Kind == "stem" || f.Kind == "head" || f.Kind == "classifier" {
				continue
			}
			columns[i] = append(append(append(columns[i], f.Title()), f.Lines()...), "")
		}
	}
	width := 0
	for _, l := range columns[0] {
		width = max(width, utf8.RuneCountInString(l))
	}
	for i := range max(len(columns[0]), len(columns[1])) {
		l, r := "", ""
		if i < len(columns[0]) {
			l = columns[0][i]
		}
		if i < len(columns[1]) {
			r = columns[1][i]
		}
		line := l + strings.Repeat(" ", width-utf8.RuneCountInString(l)) + "   │   " + r
		fmt.Fprintln(a.out, strings.TrimRight(line, " "))
	}
	return nil
}
