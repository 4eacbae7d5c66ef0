package report

import (
	"bufio"
	"fmt"
	"io"

	"github.com/wispnet/wisp/graph"
)

// DOT writes a graph in Graphviz' language, blocks as clusters.
func DOT(w io.Writer, g *graph.Graph) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "digraph %q {\n node [shape=box, fontname=\"sans-serif\", fontsize=10];\n", g.Name)
	for _, id := range g.Inputs {
		fmt.Fprintf(b, " %q [shape=ellipse, label=%q];\n", g.Value(id).Name, g.Value(id).Name+"\n"+Extent(g.Value(id).Type.Shape))
	}
	node := func(n *graph.Node) {
		label, _ := describeOp(g, n)
		fmt.Fprintf(b, "  %q [label=%q];\n", n.Name, n.Name+"\n"+label+"\n"+Extent(g.Value(n.Out[0]).Type.Shape))
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
