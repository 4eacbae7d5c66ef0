package zoo

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
)

// buildGhostnet2020 is the author's first release, iamhankai/ghostnet.pytorch,
// ghost_net.py at commit d0c5177: the network that the study measured (5,180,840
// parameters; 140,773,144 mult-adds by torchsummaryX's rule). It reads GhostNet's
// Table 1 as the second release does and differs in:
//   - squeeze-and-excite: linear layers, hidden/4 by plain integer division, and a gate
//     that clamps to [0, 1] where hard-sigmoid came later;
//   - the shortcut's depthwise convolution: always 3×3;
//   - the 1280 layer: linear without bias, with batch norm;
//   - tensor names: features.N.conv.{0,1,2,3} with empty slots, squeeze, classifier.
func buildGhostnet2020(n *net, t *table) graph.ID {
	x := n.Input("input", n.spec.inputType())
	w := n.spec.Width
	feature, pooled := 0, false
	for _, r := range t.rows {
		n.expect(r, "input", x)
		out := scale(r.num("#out"), w, 4)
		name := fmt.Sprintf("features.%d", feature)
		switch op := r.str("Operator"); {
		case op == "G-bneck":
			x = n.ghostBottleneck2020(ghostBlock{name: name, hidden: scale(r.num("#exp"), w, 4), out: out,
				k: r.num("k"), stride: r.stride("Stride"), excite: r.yes("SE")}, x)
			feature++
		case feature == 0:
			n.Block(name, "stem")
			x = n.unit(name, x, out, r.kernel("Operator"), r.stride("Stride"), 1, graph.ReLU)
			feature++
		case op == "AvgPool 7×7":
			x = n.Add("squeeze.3", graph.GlobalAvgPool{}, x)
			x = n.flatten(x)
			pooled = true
		case op == "FC":
			n.Block("classifier.4", "classifier")
			x = n.linear("classifier.4", x, n.classes, true)
		case !pooled:
			n.Block("squeeze", "head")
			x = n.unit("squeeze", x, out, 1, 1, 1, graph.ReLU)
		default:
			x = n.bn("classifier.1", n.linear("classifier.0", x, r.num("#out"), false))
			x = n.act("classifier.2", x, graph.ReLU)
		}
	}
	return x
}

func (n *net) ghostBottleneck2020(b ghostBlock, x graph.ID) graph.ID {
	n.Block(b.name, "ghost bottleneck")
	y := n.ghost(b.name+".conv.0", x, b.hidden, graph.ReLU)
	if b.stride > 1 {
		y = n.bn(b.name+".conv.1.1", n.dw(b.name+".conv.1.0", y, b.k, b.stride))
	}
	if b.excite {
		y = n.excite2020(b.name+".conv.2", y)
	}
	y = n.ghost(b.name+".conv.3", y, b.out, graph.Act{})
	if b.stride > 1 || n.ch(x) != b.out {
		x = n.bn(b.name+".shortcut.0.1", n.dw(b.name+".shortcut.0.0", x, 3, b.stride))
		x = n.bn(b.name+".shortcut.2", n.conv(b.name+".shortcut.1", x, b.out, 1, 1, 1))
	}
	return n.shortcut(b.name, y, x)
}

// excite2020 is squeeze-and-excite with linear layers and a gate clamped to [0, 1].
func (n *net) excite2020(name string, x graph.ID) graph.ID {
	c := n.ch(x)
	y := n.Add(name+".avg_pool", graph.GlobalAvgPool{}, x)
	y = n.functional(name+".view", graph.Flatten{Axis: 1}, y)
	y = n.act(name+".fc.1", n.linear(name+".fc.0", y, max(c/4, 1), true), graph.ReLU)
	y = n.linear(name+".fc.2", y, c, true)
	y = n.functional(name+".clamp", graph.Activate{Act: graph.Clip(0, 1)}, y)
	y = n.functional(name+".unsqueeze", graph.Reshape{To: graph.Dims{D: [8]int{0, c, 1, 1}, Rank: 4}}, y)
	return n.functional(name+".mul", graph.Binary{Fn: graph.Mul}, x, y)
}
