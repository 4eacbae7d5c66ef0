package main

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/zoo"
)

// blockPictures draws the ghost bottleneck beside the inverted residual.
func blockPictures() ([]report.Picture, error) {
	var out []report.Picture
	for _, p := range []struct{ model, kind, caption string }{
		{"ghostnet", "ghost bottleneck", "GhostNet's bottleneck with stride 2: half of the features come from a 1×1 convolution, the other half from a cheap depthwise one."},
		{"mobilenet_v2", "inverted residual", "MobileNetV2's inverted residual: widen by 1×1, filter depthwise, narrow by 1×1, add."},
	} {
		spec, err := zoo.Parse(p.model)
		if err != nil {
			return nil, err
		}
		g, err := spec.Build(1000)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(g.Blocks, func(b graph.Block) bool { return b.Kind == p.kind })
		i = telling(g, i, p.kind)
		svg, err := report.BlockDiagram(g, i, fmt.Sprintf("%s: %s (%s)", p.model, p.kind, g.Blocks[max(i, 0)].Name))
		if err != nil {
			return nil, err
		}
		out = append(out, report.Picture{Caption: p.caption, SVG: svg})
	}
	return out, nil
}

// telling picks the block that shows most of its kind: the first ghost bottleneck with
// stride 2, the first inverted residual with a shortcut.
func telling(g *graph.Graph, first int, kind string) int {
	for i := range g.Blocks {
		if g.Blocks[i].Kind != kind {
			continue
		}
		strided, added := false, false
		for n := range g.Nodes {
			if g.Nodes[n].Block != i {
				continue
			}
			switch op := g.Nodes[n].Op.(type) {
			case graph.Conv:
				strided = strided || op.Stride[0] == 2
			case graph.Binary:
				added = added || op.Fn == graph.Add
			}
		}
		if kind == "ghost bottleneck" && strided || kind != "ghost bottleneck" && added {
			return i
		}
	}
	return first
}
