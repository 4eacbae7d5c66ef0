package zoo

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// MnasNet: Tan, Chen, Pang, Vasudevan, Sandler, Howard, Le. "MnasNet: Platform-Aware
// Neural Architecture Search for Mobile", CVPR 2019, arXiv:1807.11626. A1 is Fig. 7;
// B1 (no squeeze-and-excite) and small are tensorflow/tpu's mnasnet_models.py written
// in the same columns. Graph and names: mnasnet_b1 torchvision's, mnasnet_a1 and
// mnasnet_small timm's (semnasnet, mnasnet_small), timm_mnasnet_b1 timm's mnasnet_100.
//
// Beyond the paper, from the released code:
//   - Squeeze-and-excite reduces to a quarter of the block's input, not of its hidden
//     width, with ReLU and sigmoid.
//   - The 1280 convolution is not scaled by the width.
//   - torchvision's file of version 1 (up to 0.3) leaves stem and first block unscaled
//     at other widths; this is version 2.
//   - The first stage of small has 8 channels in and out at stride 1. timm adds the
//     skip; TensorFlow compares a configured 16 with 8 and does not, so tf_mnasnet_small
//     has none. The other first stages, and timm's last of B1, never skip.
//   - README: 312 M multiply-adds for A1 in the text, 315.2 M in its table; the graph
//     has 311.6 M.
const mnasnetA1Table = `
output     layer    kernel  SE  #layers
112²×32    Conv     3×3     -   1
112²×16    SepConv  3×3     -   1
56²×24     MBConv6  3×3     -   2
28²×40     MBConv3  5×5     √   3
14²×80     MBConv6  3×3     -   4
14²×112    MBConv6  3×3     √   2
7²×160     MBConv6  5×5     √   3
7²×320     MBConv6  3×3     -   1
7²×1280    Conv     1×1     -   1
1²×1280    Pooling
1²×1000    FC
`

const mnasnetB1Table = `
output     layer    kernel  SE  #layers
112²×32    Conv     3×3     -   1
112²×16    SepConv  3×3     -   1
56²×24     MBConv3  3×3     -   3
28²×40     MBConv3  5×5     -   3
14²×80     MBConv6  5×5     -   3
14²×96     MBConv6  3×3     -   2
7²×192     MBConv6  5×5     -   4
7²×320     MBConv6  3×3     -   1
7²×1280    Conv     1×1     -   1
1²×1280    Pooling
1²×1000    FC
`

const mnasnetSmallTable = `
output     layer    kernel  SE  #layers
112²×8     Conv     3×3     -   1
112²×8     SepConv  3×3     -   1
56²×16     MBConv3  3×3     -   1
28²×16     MBConv6  3×3     -   2
14²×32     MBConv6  5×5     √   4
14²×32     MBConv6  3×3     √   3
7²×88      MBConv6  5×5     √   3
7²×144     MBConv6  3×3     -   1
7²×1280    Conv     1×1     -   1
1²×1280    Pooling
1²×1000    FC
`

func buildMnasnet(n *net, t *table) graph.ID { return n.mnasnet(t, true, false) }

// buildMnasnetB1 has timm's rule that the last stage never skips; torchvision has none.
func buildMnasnetB1(n *net, t *table) graph.ID { return n.mnasnet(t, true, n.timm) }

func buildMnasnetSmall(n *net, t *table) graph.ID { return n.mnasnet(t, false, false) }

func (n *net) mnasnet(t *table, firstNeverSkips, lastNeverSkips bool) graph.ID {
	x := n.Input("input", n.spec.inputType())
	w := n.spec.Width
	size, stage := 224, 0
	for i, r := range t.rows {
		e := r.extent("output")
		if e.h == 0 {
			return x
		}
		b := inverted{kind: "mbconv", stride: size / e.h, act: graph.ReLU, out: scale(e.c, w, 8), exciteAct: graph.ReLU, gate: graph.Sigmoid}
		size = e.h
		layer := r.str("layer")
		if layer != "Pooling" && layer != "FC" {
			if b.k = r.kernel("kernel"); b.stride != 1 && b.stride != 2 {
				r.fail("output", "stride %d from the row above, want 1 or 2", b.stride)
			}
		}
		last := i+1 < len(t.rows) && t.rows[i+1].str("layer") == "Conv"
		switch {
		case layer == "Conv" && stage == 0:
			x = n.mnasnetConv(x, "layers.0", "layers.1", "layers.2", b, "stem")
		case layer == "Conv":
			b.out = e.c
			x = n.mnasnetConv(x, "layers.14", "layers.15", "layers.16", b, "head")
		case layer == "SepConv":
			b.separable, b.kind, b.neverSkip = true, "depthwise separable", firstNeverSkips
			if n.same && !firstNeverSkips {
				b.channelsOfSkip = scale(16, w, 8)
			}
			b.hidden = n.ch(x)
			if n.timm {
				x = n.timmBlock("blocks.0.0", x, b)
			} else {
				n.Block("layers.3", b.kind)
				x = n.act("layers.5", n.bn("layers.4", n.dw("layers.3", x, b.k, b.stride)), b.act)
				x = n.bn("layers.7", n.conv("layers.6", x, b.out, 1, 1, 1))
			}
			stage++
		case strings.HasPrefix(layer, "MBConv"):
			if _, err := fmt.Sscanf(layer, "MBConv%d", &b.ratio); err != nil || b.ratio < 1 {
				r.fail("layer", "got %q, want an expansion such as MBConv6", layer)
				return x
			}
			b.neverSkip = last && lastNeverSkips
			for k := range r.num("#layers") {
				b.hidden = b.ratio * n.ch(x)
				if r.yes("SE") {
					b.reduced = max(1, n.ch(x)/4)
				}
				if n.timm {
					x = n.timmBlock(fmt.Sprintf("blocks.%d.%d", stage, k), x, b)
				} else {
					x = n.torchvisionMnasBlock(fmt.Sprintf("layers.%d.%d", 7+stage, k), x, b)
				}
				b.stride = 1
			}
			stage++
		case layer == "Pooling":
			n.Block("classifier", "classifier")
			if n.timm {
				x = n.Add("global_pool.pool", graph.GlobalAvgPool{}, x)
			} else {
				x = n.functional("mean", graph.GlobalAvgPool{}, x)
			}
		case layer == "FC" && n.timm:
			x = n.Add("global_pool.flatten", graph.Flatten{Axis: 1}, x)
			x = n.linear("classifier", x, n.classes, true)
		case layer == "FC":
			x = n.linear("classifier.1", n.flatten(x), n.classes, true)
		}
		if layer != "FC" || n.classes == e.c {
			n.expect(r, "output", x)
		}
	}
	return x
}

// mnasnetConv is the stem or the head: torchvision's names are given, timm's are fixed.
func (n *net) mnasnetConv(x graph.ID, conv, bn, act string, b inverted, kind string) graph.ID {
	if n.timm && kind == "stem" {
		return n.timmStem(x, b.out, b.act)
	}
	if n.timm {
		return n.timmHead(x, b.out, b.act)
	}
	n.Block(conv, kind)
	return n.act(act, n.bn(bn, n.conv(conv, x, b.out, b.k, b.stride, 1)), b.act)
}

func (n *net) torchvisionMnasBlock(name string, x graph.ID, b inverted) graph.ID {
	n.Block(name, b.kind)
	l := name + ".layers."
	y := n.unit(name+".layers", x, b.hidden, 1, 1, 1, b.act)
	y = n.act(l+"5", n.bn(l+"4", n.dw(l+"3", y, b.k, b.stride)), b.act)
	y = n.bn(l+"7", n.conv(l+"6", y, b.out, 1, 1, 1))
	return n.skip(name, x, y, b)
}
