package zoo

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// ShuffleNetV1: Zhang, Zhou, Lin, Sun. "ShuffleNet: An Extremely Efficient
// Convolutional Neural Network for Mobile Devices", CVPR 2018, arXiv:1707.01083,
// Table 1. Graph and names are megvii-model/ShuffleNet-Series, ShuffleNetV1.
//
// Beyond the paper, from the released code:
//   - The shuffle stands after the depthwise convolution and is the inverse of the
//     paper's (Fig. 2 has it before, with the other permutation); an equivalent
//     network, but weights do not pass from one to the other.
//   - The very first 1×1 convolution is not grouped, its unit shuffles all the same.
//     Group 1 does not shuffle.
//   - Hidden channels are a quarter of the stage's output in the first unit too.
//   - The classifier has no bias.
//   - Widths are released for g = 3 and 8 only, with stems of their own.
//   - The released code pools 7×7 at the end; here the pooling is global, so that any
//     size works.
const shufflenetV1Table = `
Layer       Output size  KSize  Stride  Repeat  g=1   g=2   g=3   g=4   g=8
Image       224×224      -      -       -       3     3     3     3     3
Conv1       112×112      3×3    2       1       24    24    24    24    24
MaxPool     56×56        3×3    2
Stage2      28×28        -      2       1       144   200   240   272   384
Stage2      28×28        -      1       3       144   200   240   272   384
Stage3      14×14        -      2       1       288   400   480   544   768
Stage3      14×14        -      1       7       288   400   480   544   768
Stage4      7×7          -      2       1       576   800   960   1088  1536
Stage4      7×7          -      1       3       576   800   960   1088  1536
GlobalPool  1×1          7×7
FC          -            -      -       -       1000  1000  1000  1000  1000
`

// shufflenetV1Widths are megvii's released widths: the stem and stage 2; the later
// stages double.
const shufflenetV1Widths = `
g  width  Conv1  Stage2
3  0.5    12     120
3  1.5    24     360
3  2      48     480
8  0.5    16     192
8  1.5    24     576
8  2      48     768
`

func buildShufflenetV1(group int) func(n *net, t *table) graph.ID {
	return func(n *net, t *table) graph.ID { return n.shufflenetV1(t, group) }
}

func (n *net) shufflenetV1(t *table, group int) graph.ID {
	x := n.Input("input", n.spec.inputType())
	column := fmt.Sprintf("g=%d", group)
	stem, stage2, base := 0, 0, 0
	if n.spec.Width != 1 {
		w := parseTable(n.spec.Name+" widths", shufflenetV1Widths)
		for _, r := range w.rows {
			if r.num("g") == group && r.float("width") == n.spec.Width {
				stem, stage2 = r.num("Conv1"), r.num("Stage2")
			}
		}
		if w.err != nil || stage2 == 0 {
			n.Fail(fmt.Errorf("zoo: %s: no row for width %v", n.spec.Name, n.spec.Width))
			return x
		}
	}
	unit := 0
	for _, r := range t.rows {
		out := r.num(column)
		switch layer := r.str("Layer"); {
		case layer == "Conv1":
			if stem > 0 {
				out = stem
			}
			n.Block("first_conv", "stem")
			x = n.unit("first_conv", x, out, r.kernel("KSize"), r.stride("Stride"), 1, graph.ReLU)
		case layer == "MaxPool":
			x = n.maxpool("maxpool", x)
		case strings.HasPrefix(layer, "Stage"):
			if base == 0 {
				base = out
			}
			if stage2 > 0 {
				out = out / base * stage2
			}
			for range r.num("Repeat") {
				x = n.shuffleUnitV1(fmt.Sprintf("features.%d", unit), x, out, group, r.stride("Stride"), unit == 0)
				unit++
			}
		case layer == "GlobalPool":
			n.Block("classifier", "classifier")
			x = n.Add("globalpool", graph.GlobalAvgPool{}, x)
		case layer == "FC":
			x = n.functional("view", graph.Flatten{Axis: 1}, x)
			x = n.linear("classifier.0", x, n.classes, false)
		}
		n.expect(r, "Output size", x)
	}
	return x
}

// shuffleUnitV1 is Fig. 2 (b) for stride 1 and (c) for stride 2.
func (n *net) shuffleUnitV1(name string, x graph.ID, out, group, stride int, first bool) graph.ID {
	n.Block(name, "shuffle unit")
	hidden, branch := out/4, out
	if stride == 2 {
		branch = out - n.ch(x)
	}
	firstGroup := group
	if first {
		firstGroup = 1
	}
	y := n.conv(name+".branch_main_1.0", x, hidden, 1, 1, firstGroup)
	y = n.act(name+".branch_main_1.2", n.bn(name+".branch_main_1.1", y), graph.ReLU)
	y = n.bn(name+".branch_main_1.4", n.dw(name+".branch_main_1.3", y, 3, stride))
	if group > 1 {
		y = n.functional(name+".channel_shuffle", graph.Shuffle{Groups: hidden / group}, y)
	}
	y = n.bn(name+".branch_main_2.1", n.conv(name+".branch_main_2.0", y, branch, 1, 1, group))
	relu := graph.Activate{Act: graph.ReLU}
	if stride == 1 {
		return n.functional(name+".relu", relu, n.shortcut(name, x, y))
	}
	pool := graph.AvgPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: n.pad(3, 3, 2), CountPad: !n.same}
	x = n.Add(name+".branch_proj", pool, x)
	y = n.functional(name+".relu", relu, y)
	return n.functional(name+".cat", graph.Concat{Axis: 1}, x, y)
}
