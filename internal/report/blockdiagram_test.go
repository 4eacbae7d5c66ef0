package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/zoo"
)

func network(t *testing.T, name string) *graph.Graph {
	t.Helper()
	spec, err := zoo.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func blockNamed(t *testing.T, g *graph.Graph, name string) int {
	t.Helper()
	for i, b := range g.Blocks {
		if b.Name == name {
			return i
		}
	}
	t.Fatalf("no block is named %q", name)
	return -1
}

func TestBlockDiagram(t *testing.T) {
	for _, c := range []struct {
		model, block string
		want         []string
	}{
		{"ghostnet", "blocks.3.0", []string{"1×1 conv, BN, ReLU", "3×3 depthwise, BN, ReLU", "concat", "5×5 depthwise, stride 2, BN", "× scale", "add"}},
		{"mobilenet_v2", "features.3", []string{"1×1 conv, BN, ReLU6", "3×3 depthwise, BN, ReLU6", "1×1 conv, BN", "add"}},
		{"shufflenet_v2", "", []string{"shuffle g=2", "concat"}},
		{"resnet18", "", []string{"3×3 conv, stride 2, BN, ReLU", "3×3 conv, BN", "add, ReLU"}},
	} {
		g := network(t, c.model)
		i := 3
		if c.block != "" {
			i = blockNamed(t, g, c.block)
		}
		svg, err := BlockDiagram(g, i, c.model+" "+g.Blocks[i].Name)
		if err != nil {
			t.Errorf("%s: %v", c.model, err)
			continue
		}
		wellFormed(t, svg)
		look(t, "block_"+c.model+".svg", svg)
		for _, w := range c.want {
			if !strings.Contains(svg, ">"+w+"</text>") {
				t.Errorf("%s %s: no box says %q", c.model, g.Blocks[i].Name, w)
			}
		}
	}
	if _, err := BlockDiagram(network(t, "resnet18"), 99, ""); err == nil {
		t.Error("a block that is not there: want an error")
	}
}

func TestGraphDrawings(t *testing.T) {
	g := network(t, "ghostnet")
	whole := GraphDiagram(g, "ghostnet")
	wellFormed(t, whole)
	look(t, "whole.svg", whole)
	drawn := map[string]int{}
	groups := 0
	mapped := GraphMap(g, "<ghostnet>", func(nodes []string) (string, string) {
		groups++
		for _, n := range nodes {
			drawn[n]++
		}
		return "m7", "<" + nodes[0]
	})
	wellFormed(t, mapped)
	if n := strings.Count(mapped, `<g class="node m7">`); n != groups {
		t.Errorf("%d groups are drawn, want %d", n, groups)
	}
	for i := range g.Nodes {
		if drawn[g.Nodes[i].Name] != 1 {
			t.Errorf("node %s stands in %d boxes, want one", g.Nodes[i].Name, drawn[g.Nodes[i].Name])
		}
	}
	if bare := Inline(mapped); strings.Contains(bare, "style") || len(mapped)-len(bare) < len(Style()) {
		t.Error("inline: the style is still there")
	} else {
		wellFormed(t, bare)
	}
	sheet, err := BlockSheet(g, "ghostnet")
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, sheet)
	look(t, "sheet.svg", sheet)
	var dot bytes.Buffer
	if err := DOT(&dot, g, nil); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(dot.String(), "subgraph"); got != len(g.Blocks) {
		t.Errorf("DOT: %d clusters, want %d", got, len(g.Blocks))
	}
	for i := range g.Nodes {
		if !strings.Contains(dot.String(), fmt.Sprintf("%q [label", g.Nodes[i].Name)) {
			t.Errorf("DOT: node %s is missing", g.Nodes[i].Name)
		}
	}
}

func sample() *Comparison {
	top := func(v float64) *float64 { return &v }
	c := &Comparison{Title: "Eleven networks <on> this machine", Where: "server CPU, portable kernels: not a phone ranking", Command: "wisp compare",
		Context: []Field{{"processor", "test"}}, Notes: []string{"synthetic weights"}}
	for i, name := range []string{"ghostnet", "mobilenet_v2", "=cmd|evil"} {
		c.Rows = append(c.Rows, Row{Model: name, Family: name, Input: "224×224", Params: int64(5e6 + i), MACs: int64(141e6 * (i + 1)), Bytes: 2e7,
			Top1: top(70 + float64(i)), Accuracy: "somebody", Latency: &Latency{10 * float64(i+1), 9 * float64(i+1), 12 * float64(i+1)}, Grade: "B"})
	}
	c.Rows = append(c.Rows, Row{Model: "no_figures", Family: "none", Input: "224×224", Grade: ""})
	c.MarkFront()
	return c
}

func TestForms(t *testing.T) {
	c := sample()
	var text, md, csv, page bytes.Buffer
	for _, f := range []func() error{func() error { return c.Text(&text, 100) }, func() error { return c.Markdown(&md) }, func() error { return c.CSV(&csv) }, func() error { return c.HTML(&page) }} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
	look(t, "sample.html", page.String())
	for _, width := range []int{60, 80, 100} {
		var narrow bytes.Buffer
		if err := c.Text(&narrow, width); err != nil {
			t.Fatal(err)
		}
		if n := widest(narrow.String()); n > width {
			t.Errorf("a line of %d characters does not fit a terminal of %d:\n%s", n, width, narrow.String())
		}
	}
	for name, doc := range map[string]string{"text": text.String(), "markdown": md.String(), "page": page.String()} {
		if !strings.Contains(doc, c.Where) {
			t.Errorf("%s: the place of the measurement is missing", name)
		}
		if strings.Index(doc, c.Where) > strings.Index(doc, "mobilenet_v2") {
			t.Errorf("%s: the place of the measurement must stand above the ranking", name)
		}
	}
	if strings.Contains(page.String(), "<on>") || strings.Contains(page.String(), "http://") && strings.Count(page.String(), "http://") != strings.Count(page.String(), "http://www.w3.org/2000/svg") {
		t.Error("page: text is not escaped, or it refers to the network")
	}
	if strings.Contains(csv.String(), "\n=cmd") {
		t.Error("CSV: a cell would be taken for a formula")
	}
	if strings.Count(csv.String(), "\n") != 5 {
		t.Errorf("CSV: %q: want a header and four rows", csv.String())
	}
}
