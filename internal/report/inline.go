package report

import (
	"strings"

	"github.com/wispnet/wisp/graph"
)

// Pictures inside a page whose stylesheet has their classes: a page with a strict policy
// of contents allows no style in the text itself.

// Style is the stylesheet of every picture of this package.
func Style() string { return svgStyle }

// Inline is a picture of this package without its own style, for pages that have Style.
func Inline(svg string) string {
	before, rest, ok := strings.Cut(svg, "<style>")
	if !ok {
		return svg
	}
	_, after, _ := strings.Cut(rest, "</style>")
	return before + strings.TrimPrefix(after, "\n")
}

// GraphMap is GraphDiagram for looking around in: each box is a group of class "node" with
// the further classes and the tip that dress gives for the names of the operators in it.
func GraphMap(g *graph.Graph, title string, dress func(nodes []string) (class, tip string)) string {
	d := newDiagram(g, func(*graph.Node) bool { return true })
	d.dress = dress
	d.place()
	return d.draw(title)
}
