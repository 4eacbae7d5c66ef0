package report

import (
	"bufio"
	"fmt"
	"io"

	"github.com/wispnet/wisp/graph"
)

// DOT writes a graph in Graphviz' language, blocks as clusters, coloured by heat where
// that is not nil.
func DOT(w io.Writer, g *graph.Graph, heat *Heat) error {
	peak := 0.0
	if heat != nil {
		for _, v := range heat.Of {
			peak = max(peak, v)
		}
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "digraph %q {\n node [shape=box, fontname=\"sans-serif\", fontsize=10];\n", g.Name)
	for _, id := range g.Inputs {
		fmt.Fprintf(b, " %q [shape=ellipse, label=%q];\n", g.Value(id).Name, g.Value(id).Name+"\n"+Extent(g.Value(id).Type.Shape))
	}
	node := func(n *graph.Node) {
		label, _ := describeOp(g, n)
		label = n.Name + "\n" + label + "\n" + Extent(g.Value(n.Out[0]).Type.Shape)
		fill := ""
		if heat != nil {
			if v, ok := heat.at([]string{n.Name}); ok {
				label += "\n" + heat.Text(v)
				fill = fmt.Sprintf(", style=filled, fillcolor=\"#d55e00%02x\"", 25*heat.shade(v, peak))
			}
		}
		fmt.Fprintf(b, "  %q [label=%q%s];\n", n.Name, label, fill)
	}
	for i := range g.Blocks {
		fmt.Fprintf(b, " subgraph \"cluster_%d\" {\n  label=%q; color=gray;\n", i, g.Blocks[i].Kind+" "+g.Blocks[i].Name)
		for k := range g.Nodes {
			if g.Nodes[k].Block == i {
				node(&g.Nodes[k])
			}
		}
		b.WriteString(" }\n")
	}
	maker := map[graph.ID]string{}
	for k := range g.Nodes {
		n := &g.Nodes[k]
		if n.Block < 0 {
			node(n)
		}
		for _, id := range n.Out {
			maker[id] = n.Name
		}
	}
	for k := range g.Nodes {
		for _, id := range g.Nodes[k].In {
			if id == graph.None {
				continue
			}
			if from, ok := maker[id]; ok {
				fmt.Fprintf(b, " %q -> %q;\n", from, g.Nodes[k].Name)
			} else if g.Value(id).Kind == graph.Input {
				fmt.Fprintf(b, " %q -> %q;\n", g.Value(id).Name, g.Nodes[k].Name)
			}
		}
	}
	b.WriteString("}\n")
	return b.Flush()
}
