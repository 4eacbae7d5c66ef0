package zoo

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
)

// MobileNetV1: Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam.
// "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
// Applications", 2017, arXiv:1704.04861, Table 1. Graph and names are timm's
// mobilenetv1_100; tf_mobilenet_v1 has SAME padding and epsilon 1e-3 as the slim
// release does.
//
// Beyond the paper: the releases use ReLU6 where it has ReLU. The paper prints s2 for
// the last depthwise row, which its next row's 7×7 contradicts; it is s1 here.
// The slim checkpoints have 1001 classes, background first, and a 1×1 convolution as
// classifier; slim rounds widths to whole numbers, timm to multiples of 8 (the same at
// 0.25, 0.5, 0.75 and 1).
//
// The brace "5×" of the paper is the first column.
const mobilenetV1Table = `
n  Type / Stride  Filter Shape     Input Size
1  Conv / s2      3×3×3×32         224×224×3
1  Conv dw / s1   3×3×32 dw        112×112×32
1  Conv / s1      1×1×32×64        112×112×32
1  Conv dw / s2   3×3×64 dw        112×112×64
1  Conv / s1      1×1×64×128       56×56×64
1  Conv dw / s1   3×3×128 dw       56×56×128
1  Conv / s1      1×1×128×128      56×56×128
1  Conv dw / s2   3×3×128 dw       56×56×128
1  Conv / s1      1×1×128×256      28×28×128
1  Conv dw / s1   3×3×256 dw       28×28×256
1  Conv / s1      1×1×256×256      28×28×256
1  Conv dw / s2   3×3×256 dw       28×28×256
1  Conv / s1      1×1×256×512      14×14×256
5  Conv dw / s1   3×3×512 dw       14×14×512
5  Conv / s1      1×1×512×512      14×14×512
1  Conv dw / s2   3×3×512 dw       14×14×512
1  Conv / s1      1×1×512×1024     7×7×512
1  Conv dw / s1   3×3×1024 dw      7×7×1024
1  Conv / s1      1×1×1024×1024    7×7×1024
1  Avg Pool / s1  Pool 7×7         7×7×1024
1  FC / s1        1024×1000        1×1×1024
1  Softmax / s1   Classifier       1×1×1000
`

func buildMobilenetV1(n *net, t *table) graph.ID {
	x := n.Input("input", n.spec.inputType())
	stage, index := -1, 0
	for i := 0; i < len(t.rows); i++ {
		r := t.rows[i]
		var stride int
		if _, err := fmt.Sscanf(lastField(r.str("Type / Stride")), "s%d", &stride); err != nil || stride < 1 {
			r.fail("Type / Stride", "got %q, want it to end in s1 or s2", r.str("Type / Stride"))
			return x
		}
		switch beforeSlash(r.str("Type / Stride")) {
		case "Conv": // the stem; every other one is read with its depthwise row
			n.expect(r, "Input Size", x)
			n.Block("conv_stem", "stem")
			x = n.conv("conv_stem", x, scale(n.filter(r, x), n.spec.Width, 8), r.kernel("Filter Shape"), stride, 1)
			x = n.act("bn1.act", n.bn("bn1", x), graph.ReLU6)
		case "Conv dw":
			if i++; i == len(t.rows) {
				r.fail("Type / Stride", "a depthwise row needs a pointwise row below it")
				return x
			}
			pw := t.rows[i]
			if r.num("n") != pw.num("n") {
				pw.fail("n", "got %d, want %d as in the row above", pw.num("n"), r.num("n"))
			}
			for range r.num("n") {
				// timm starts a stage with every first block and every stride.
				if stage < 0 || stride > 1 {
					stage, index = stage+1, 0
				}
				n.expect(r, "Input Size", x)
				n.filter(r, x)
				name := fmt.Sprintf("blocks.%d.%d", stage, index)
				n.Block(name, "depthwise separable")
				x = n.dw(name+".conv_dw", x, r.kernel("Filter Shape"), stride)
				x = n.act(name+".bn1.act", n.bn(name+".bn1", x), graph.ReLU6)
				n.expect(pw, "Input Size", x)
				x = n.conv(name+".conv_pw", x, scale(n.filter(pw, x), n.spec.Width, 8), 1, 1, 1)
				x = n.act(name+".bn2.act", n.bn(name+".bn2", x), graph.ReLU6)
				index++
			}
		case "Avg Pool":
			n.expect(r, "Input Size", x)
			n.Block("classifier", "classifier")
			x = n.timmPool(x)
		case "FC":
			n.expect(r, "Input Size", x)
			x = n.linear("classifier", x, n.classes, true)
		}
	}
	return x
}

// filter checks the input channels of a filter shape, kh×kw×in[×out], and returns out.
func (n *net) filter(r row, x graph.ID) (out int) {
	var kh, kw, in int
	s := r.str("Filter Shape")
	if c, _ := fmt.Sscanf(s, "%d×%d×%d×%d", &kh, &kw, &in, &out); c < 3 {
		r.fail("Filter Shape", "got %q, want a shape such as 3×3×3×32", s)
	}
	if n.facts && n.Err() == nil && in != n.ch(x) {
		r.fail("Filter Shape", "table says %d input channels, the rows above give %d", in, n.ch(x))
	}
	return out
}
