package zoo

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
)

// GhostNet: Han, Wang, Tian, Guo, Xu, Xu. "GhostNet: More Features from Cheap
// Operations", CVPR 2020, arXiv:1911.11907, Table 1. Graph and tensor names are those
// of huawei-noah/Efficient-AI-Backbones, ghostnet_pytorch/ghostnet.py.
//
// Beyond the paper, from the released code:
//   - Table 1 prints no kernel for the bottlenecks. The strided depthwise convolution
//     and the shortcut's use the sizes of the last column; the cheap operation is 3×3
//     everywhere (the paper's d).
//   - Squeeze-and-excite reduces to a quarter of the hidden width rounded to 4, with
//     ReLU and hard-sigmoid. The 1280 convolution has a bias and no batch norm.
//   - Every width is rounded to a multiple of 4. The released TensorFlow graph rounds
//     otherwise, normalizes the 1280 convolution and takes BGR; tf_ghostnet here is
//     the PyTorch graph with SAME padding and epsilon 1e-3, not that one.
//   - README: 142 M multiply-adds and 73.98 % top-1, the paper 141 M and 73.9 %; the
//     graph's convolutions and classifier make 141,150,512.
const ghostnetTable = `
input     Operator    #exp  #out  SE  Stride  k
224²×3    Conv2d 3×3  -     16    -   2       3
112²×16   G-bneck     16    16    -   1       3
112²×16   G-bneck     48    24    -   2       3
56²×24    G-bneck     72    24    -   1       3
56²×24    G-bneck     72    40    1   2       5
28²×40    G-bneck     120   40    1   1       5
28²×40    G-bneck     240   80    -   2       3
14²×80    G-bneck     200   80    -   1       3
14²×80    G-bneck     184   80    -   1       3
14²×80    G-bneck     184   80    -   1       3
14²×80    G-bneck     480   112   1   1       3
14²×112   G-bneck     672   112   1   1       3
14²×112   G-bneck     672   160   1   2       5
7²×160    G-bneck     960   160   -   1       5
7²×160    G-bneck     960   160   1   1       5
7²×160    G-bneck     960   160   -   1       5
7²×160    G-bneck     960   160   1   1       5
7²×160    Conv2d 1×1  -     960   -   1
7²×960    AvgPool 7×7
1²×960    Conv2d 1×1  -     1280  -   1
1²×1280   FC          -     1000
`

// ghostBlock is a row of Table 1 at the network's width.
type ghostBlock struct {
	name                   string
	hidden, out, k, stride int
	excite                 bool
	attention              bool // GhostNetV2's gate in the first ghost module
}

func buildGhostnet(n *net, t *table) graph.ID {
	return n.ghostnet(t, func(int) bool { return false })
}

// ghostnet builds versions 1 and 2; attention says which bottlenecks, counted from 0,
// have the gate of version 2.
func (n *net) ghostnet(t *table, attention func(block int) bool) graph.ID {
	x := n.Input("input", n.spec.inputType())
	w := n.spec.Width
	stage, index, blocks := 0, 0, 0
	strided, head := false, false
	for _, r := range t.rows {
		n.expect(r, "input", x)
		out := scale(r.num("#out"), w, 4)
		switch op := r.str("Operator"); {
		case op == "G-bneck":
			b := ghostBlock{hidden: scale(r.num("#exp"), w, 4), out: out, k: r.num("k"), stride: r.stride("Stride"), excite: r.yes("SE")}
			// A strided bottleneck is a stage of its own.
			if blocks > 0 && (b.stride > 1 || strided) {
				stage, index = stage+1, 0
			}
			strided = b.stride > 1
			b.name = fmt.Sprintf("blocks.%d.%d", stage, index)
			b.attention = attention(blocks)
			x = n.ghostBottleneck(b, x)
			index++
			blocks++
		case blocks == 0:
			n.Block("conv_stem", "stem")
			x = n.conv("conv_stem", x, out, r.kernel("Operator"), r.stride("Stride"), 1)
			x = n.act("act1", n.bn("bn1", x), graph.ReLU)
		case op == "AvgPool 7×7":
			x = n.Add("global_pool", graph.GlobalAvgPool{}, x)
			head = true
		case op == "FC":
			n.Block("classifier", "classifier")
			x = n.linear("classifier", n.flatten(x), n.classes, true)
		case !head:
			name := fmt.Sprintf("blocks.%d.0", stage+1)
			n.Block(name, "head")
			x = n.conv(name+".conv", x, out, 1, 1, 1)
			x = n.act(name+".act1", n.bn(name+".bn1", x), graph.ReLU)
		default:
			x = n.act("act2", n.pointwise("conv_head", x, r.num("#out")), graph.ReLU)
		}
	}
	return x
}

// ghostBottleneck is Fig. 3 of the paper: ghost module, strided depthwise convolution
// where the stride is 2, squeeze-and-excite where asked, ghost module, shortcut.
func (n *net) ghostBottleneck(b ghostBlock, x graph.ID) graph.ID {
	n.Block(b.name, "ghost bottleneck")
	y := x
	if b.attention {
		y = n.ghostAttention(b.name+".ghost1", y, b.hidden)
	} else {
		y = n.ghost(b.name+".ghost1", y, b.hidden, graph.ReLU)
	}
	if b.stride > 1 {
		y = n.bn(b.name+".bn_dw", n.dw(b.name+".conv_dw", y, b.k, b.stride))
	}
	if b.excite {
		y = n.squeeze(b.name+".se", y, divisible(float64(b.hidden)*0.25, 4), exciteGhost, graph.ReLU, graph.HardSigmoid)
	}
	y = n.ghost(b.name+".ghost2", y, b.out, graph.Act{})
	if b.stride > 1 || n.ch(x) != b.out {
		x = n.bn(b.name+".shortcut.1", n.dw(b.name+".shortcut.0", x, b.k, b.stride))
		x = n.bn(b.name+".shortcut.3", n.conv(b.name+".shortcut.2", x, b.out, 1, 1, 1))
	}
	return n.shortcut(b.name, y, x)
}

// ghost is the ghost module (section 3.1): ⌈out/s⌉ features from a 1×1 convolution,
// s−1 cheap d×d depthwise features from each, together cut to out channels.
func (n *net) ghost(name string, x graph.ID, out int, a graph.Act) graph.ID {
	s, d := n.spec.Ratio, n.spec.Cheap
	primary := (out + s - 1) / s
	x = n.conv(name+".primary_conv.0", x, primary, 1, 1, 1)
	x = n.act(name+".primary_conv.2", n.bn(name+".primary_conv.1", x), a)
	y := n.conv(name+".cheap_operation.0", x, primary*(s-1), d, 1, primary)
	y = n.act(name+".cheap_operation.2", n.bn(name+".cheap_operation.1", y), a)
	y = n.functional(name+".cat", graph.Concat{Axis: 1}, x, y)
	if n.ch(y) != out {
		y = n.functional(name+".slice", graph.Slice{Axis: 1, End: out, Step: 1}, y)
	}
	return y
}
