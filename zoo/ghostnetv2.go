package zoo

import "github.com/wispnet/wisp/graph"

// buildGhostnetV2: Tang, Han, Guo, Xu, Xu, Wang. "GhostNetV2: Enhance Cheap Operation
// with Long-Range Attention", NeurIPS 2022, arXiv:2211.12905. The table is GhostNet's;
// from the third bottleneck on, the first ghost module is multiplied by a decoupled
// fully connected attention (DFC, Fig. 4). Graph and names are those of
// huawei-noah/Efficient-AI-Backbones, ghostnetv2_pytorch. Released at 1.0, 1.3, 1.6;
// their files carry stray total_ops and total_params entries of a counting tool.
func buildGhostnetV2(n *net, t *table) graph.ID {
	return n.ghostnet(t, func(block int) bool { return block > 1 })
}

// ghostAttention is a ghost module times the gate σ(F_v(F_h(conv(pool(x))))) enlarged
// by nearest neighbour to the module's size.
//
// The official 2×2 pooling rounds down and has nothing to take from a side of one
// element (an image side of 32); there the window is one element wide.
func (n *net) ghostAttention(name string, x graph.ID, out int) graph.ID {
	y := n.ghost(name, x, out, graph.ReLU)
	h, w := n.hw(x)
	window := [2]int{min(2, h), min(2, w)}
	g := n.functional(name+".avg_pool2d", graph.AvgPool{Kernel: window, Stride: window, CountPad: true}, x)
	g = n.bn(name+".short_conv.1", n.conv(name+".short_conv.0", g, out, 1, 1, 1))
	g = n.bn(name+".short_conv.3", n.convolve(name+".short_conv.2", g, out, 1, 5, 1, out, false))
	g = n.bn(name+".short_conv.5", n.convolve(name+".short_conv.4", g, out, 5, 1, 1, out, false))
	g = n.act(name+".gate_fn", g, graph.Sigmoid)
	h, w = n.hw(y)
	g = n.functional(name+".interpolate", graph.Resize{H: h, W: w}, g)
	return n.functional(name+".mul", graph.Binary{Fn: graph.Mul}, y, g)
}
