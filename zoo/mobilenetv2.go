package zoo

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
)

// MobileNetV2: Sandler, Howard, Zhu, Zhmoginov, Chen. "MobileNetV2: Inverted Residuals
// and Linear Bottlenecks", CVPR 2018, arXiv:1801.04381, Table 2. Graph and names are
// torchvision's mobilenet_v2; timm_mobilenet_v2 and tf_mobilenet_v2 are timm's.
//
// Beyond the paper: the last convolution is 1280·max(1, width). The first bottleneck
// (t = 1) has no expansion convolution. The classifier is a linear layer. The slim
// README's parameter counts (3.47 M) leave out batch norm.
const mobilenetV2Table = `
input     Operator    t  c     n  s
224²×3    conv2d 3x3  -  32    1  2
112²×32   bottleneck  1  16    1  1
112²×16   bottleneck  6  24    2  2
56²×24    bottleneck  6  32    3  2
28²×32    bottleneck  6  64    4  2
14²×64    bottleneck  6  96    3  1
14²×96    bottleneck  6  160   3  2
7²×160    bottleneck  6  320   1  1
7²×320    conv2d 1x1  -  1280  1  1
7²×1280   avgpool 7x7
1²×1280   conv2d 1x1  -  1000
`

func buildMobilenetV2(n *net, t *table) graph.ID {
	x := n.Input("input", n.spec.inputType())
	feature, stage, pooled := 0, 0, false
	for _, r := range t.rows {
		n.expect(r, "input", x)
		name := fmt.Sprintf("features.%d", feature)
		switch op := r.str("Operator"); {
		case op == "bottleneck":
			for i := range r.num("n") {
				b := inverted{kind: "inverted residual", ratio: r.num("t"), k: 3, act: graph.ReLU6,
					out: scale(r.num("c"), n.spec.Width, 8), stride: 1}
				if i == 0 {
					b.stride = r.stride("s")
				}
				b.hidden = b.ratio * n.ch(x)
				if n.timm {
					b.separable = b.ratio == 1
					x = n.timmBlock(fmt.Sprintf("blocks.%d.%d", stage, i), x, b)
				} else {
					x = n.torchvisionV2Block(fmt.Sprintf("features.%d", feature), x, b)
				}
				feature++
			}
			stage++
		case op == "avgpool 7x7":
			n.Block("classifier", "classifier")
			if pooled = true; n.timm {
				x = n.Add("global_pool.pool", graph.GlobalAvgPool{}, x)
			} else {
				x = n.functional("adaptive_avg_pool2d", graph.GlobalAvgPool{}, x)
			}
		case pooled && n.timm:
			x = n.Add("global_pool.flatten", graph.Flatten{Axis: 1}, x)
			x = n.linear("classifier", x, n.classes, true)
		case pooled:
			x = n.linear("classifier.1", n.flatten(x), n.classes, true)
		case feature == 0:
			c := scale(r.num("c"), n.spec.Width, 8)
			if n.timm {
				x = n.timmStem(x, c, graph.ReLU6)
			} else {
				n.Block(name, "stem")
				x = n.unit(name, x, c, r.kernel("Operator"), r.stride("s"), 1, graph.ReLU6)
			}
			feature++
		default:
			c := scale(r.num("c"), max(1, n.spec.Width), 8)
			if n.timm {
				x = n.timmHead(x, c, graph.ReLU6)
			} else {
				n.Block(name, "head")
				x = n.unit(name, x, c, 1, 1, 1, graph.ReLU6)
			}
		}
	}
	return x
}

// torchvisionV2Block names an inverted residual conv.0, conv.1 for the units with an
// activation and counts on for the last convolution and its batch norm.
func (n *net) torchvisionV2Block(name string, x graph.ID, b inverted) graph.ID {
	n.Block(name, b.kind)
	y, i := x, 0
	if b.ratio != 1 {
		y = n.unit(fmt.Sprintf("%s.conv.%d", name, i), y, b.hidden, 1, 1, 1, b.act)
		i++
	}
	y = n.unit(fmt.Sprintf("%s.conv.%d", name, i), y, b.hidden, b.k, b.stride, b.hidden, b.act)
	y = n.conv(fmt.Sprintf("%s.conv.%d", name, i+1), y, b.out, 1, 1, 1)
	y = n.bn(fmt.Sprintf("%s.conv.%d", name, i+2), y)
	return n.skip(name, x, y, b)
}
