package zoo

import (
	"fmt"
	"math"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// MobileNetV3: Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le,
// Adam. "Searching for MobileNetV3", ICCV 2019, arXiv:1905.02244, Tables 1 and 2.
// Graph and names of the bare names are torchvision's; timm_ and tf_ are timm's.
//
// Beyond the paper, from the released code:
//   - Table 2 ticks SE for the 1×1 convolution to 576; no release has it there.
//   - The layer after pooling (1280, 1024) has a bias and no batch norm ("NBN").
//   - torchvision scales and rounds every width, that layer's too; timm and slim expand
//     by exp/in of the table from the actual input, keep that layer, and timm keeps the
//     stem at 16 below width 0.75. The widths agree at 1 only.
//   - Squeeze-and-excite reduces to a quarter of hidden, rounded to 8, after the
//     activation of the depthwise convolution.
//   - _minimal is the minimalistic form of slim's README: 3×3 kernels, ReLU, no SE. No
//     torchvision weights exist for it; the bare name is its graph in torchvision's
//     manner.
//   - slim's README gives 66 M / 2.9 M for small; the released graph has 56.5 M / 2.54 M.
const mobilenetV3LargeTable = `
input     Operator         exp size  #out  SE  NL  s
224²×3    conv2d, 3x3      -         16    -   HS  2
112²×16   bneck, 3x3       16        16    -   RE  1
112²×16   bneck, 3x3       64        24    -   RE  2
56²×24    bneck, 3x3       72        24    -   RE  1
56²×24    bneck, 5x5       72        40    √   RE  2
28²×40    bneck, 5x5       120       40    √   RE  1
28²×40    bneck, 5x5       120       40    √   RE  1
28²×40    bneck, 3x3       240       80    -   HS  2
14²×80    bneck, 3x3       200       80    -   HS  1
14²×80    bneck, 3x3       184       80    -   HS  1
14²×80    bneck, 3x3       184       80    -   HS  1
14²×80    bneck, 3x3       480       112   √   HS  1
14²×112   bneck, 3x3       672       112   √   HS  1
14²×112   bneck, 5x5       672       160   √   HS  2
7²×160    bneck, 5x5       960       160   √   HS  1
7²×160    bneck, 5x5       960       160   √   HS  1
7²×160    conv2d, 1x1      -         960   -   HS  1
7²×960    pool, 7x7        -         -     -   -   1
1²×960    conv2d 1x1, NBN  -         1280  -   HS  1
1²×1280   conv2d 1x1, NBN  -         1000  -   -   1
`

const mobilenetV3SmallTable = `
input     Operator         exp size  #out  SE  NL  s
224²×3    conv2d, 3x3      -         16    -   HS  2
112²×16   bneck, 3x3       16        16    √   RE  2
56²×16    bneck, 3x3       72        24    -   RE  2
28²×24    bneck, 3x3       88        24    -   RE  1
28²×24    bneck, 5x5       96        40    √   HS  2
14²×40    bneck, 5x5       240       40    √   HS  1
14²×40    bneck, 5x5       240       40    √   HS  1
14²×40    bneck, 5x5       120       48    √   HS  1
14²×48    bneck, 5x5       144       48    √   HS  1
14²×48    bneck, 5x5       288       96    √   HS  2
7²×96     bneck, 5x5       576       96    √   HS  1
7²×96     bneck, 5x5       576       96    √   HS  1
7²×96     conv2d, 1x1      -         576   √   HS  1
7²×576    pool, 7x7        -         -     -   -   1
1²×576    conv2d 1x1, NBN  -         1024  -   HS  1
1²×1024   conv2d 1x1, NBN  -         1000  -   -   1
`

// mobilenetV3DraftTable is Table 1 of the paper's first draft (May 2019), the one that
// the study prints: the stride stands a row later and that row is narrower. No weights
// were released for it; its blocks are torchvision's.
const mobilenetV3DraftTable = `
input     Operator         exp size  #out  SE  NL  s
224²×3    conv2d, 3x3      -         16    -   HS  2
112²×16   bneck, 3x3       16        16    -   RE  1
112²×16   bneck, 3x3       64        24    -   RE  2
56²×24    bneck, 3x3       72        24    -   RE  1
56²×24    bneck, 5x5       72        40    √   RE  2
28²×40    bneck, 5x5       120       40    √   RE  1
28²×40    bneck, 5x5       120       40    √   RE  1
28²×40    bneck, 3x3       240       80    -   HS  2
14²×80    bneck, 3x3       200       80    -   HS  1
14²×80    bneck, 3x3       184       80    -   HS  1
14²×80    bneck, 3x3       184       80    -   HS  1
14²×80    bneck, 3x3       480       112   √   HS  1
14²×112   bneck, 3x3       672       112   √   HS  1
14²×112   bneck, 5x5       672       160   √   HS  1
14²×160   bneck, 5x5       672       160   √   HS  2
7²×160    bneck, 5x5       960       160   √   HS  1
7²×160    conv2d, 1x1      -         960   -   HS  1
7²×960    pool, 7x7        -         -     -   -   1
1²×960    conv2d 1x1, NBN  -         1280  -   HS  1
1²×1280   conv2d 1x1, NBN  -         1000  -   -   1
`

func buildMobilenetV3(n *net, t *table) graph.ID { return n.mobilenetV3(t, false) }

func buildMobilenetV3Minimal(n *net, t *table) graph.ID { return n.mobilenetV3(t, true) }

func (n *net) mobilenetV3(t *table, minimal bool) graph.ID {
	x := n.Input("input", n.spec.inputType())
	w := n.spec.Width
	feature, stage, index := 0, -1, 0
	lastBlock, lastOut := -1, 0 // the last bottleneck's row and its width in the table
	for i, r := range t.rows {
		if strings.HasPrefix(r.str("Operator"), "bneck") {
			lastBlock, lastOut = i, r.num("#out")
		}
	}
	for i, r := range t.rows {
		n.expect(r, "input", x)
		a := r.nonlinearity("NL", minimal)
		name := fmt.Sprintf("features.%d", feature)
		switch op := r.str("Operator"); {
		case strings.HasPrefix(op, "bneck"):
			b := inverted{kind: "inverted residual", k: r.kernel("Operator"), stride: r.stride("s"), act: a,
				out: scale(r.num("#out"), w, 8), exciteAct: graph.ReLU, gate: graph.HardSigmoid}
			if minimal {
				b.k = 3
			}
			excited := r.yes("SE") && !minimal
			if !n.timm {
				b.hidden = scale(r.num("exp size"), w, 8)
				if excited {
					b.reduced = divisible(float64(b.hidden/4), 8)
				}
				x = n.torchvisionBlock(name, x, b)
				feature++
				break
			}
			tableIn := t.rows[i-1].num("#out")
			b.hidden = divisible(float64(float64(n.ch(x))*ratio2(r.num("exp size"), tableIn)), 8)
			b.separable = r.num("exp size") == tableIn
			if excited {
				b.reduced = divisible(float64(b.hidden)*0.25, 8)
			}
			// A stage starts with the first block, a stride or a new width.
			if stage < 0 || b.stride > 1 || r.num("#out") != tableIn {
				stage, index = stage+1, 0
			}
			x = n.timmBlock(fmt.Sprintf("blocks.%d.%d", stage, index), x, b)
			index++
		case op == "pool, 7x7":
			if n.timm {
				x = n.Add("global_pool.pool", graph.GlobalAvgPool{}, x)
			} else {
				x = n.flatten(n.Add("avgpool", graph.GlobalAvgPool{}, x))
			}
		case i == 0 && n.timm:
			c := r.num("#out")
			if w >= 0.75 {
				c = scale(c, w, 8)
			}
			x = n.timmStem(x, c, a)
		case i == 0:
			n.Block(name, "stem")
			x = n.unit(name, x, scale(r.num("#out"), w, 8), r.kernel("Operator"), r.stride("s"), 1, a)
			feature++
		case i == lastBlock+1 && n.timm:
			name = fmt.Sprintf("blocks.%d.0", stage+1)
			n.Block(name, "head")
			x = n.conv(name+".conv", x, scale(r.num("#out"), w, 8), 1, 1, 1)
			x = n.act(name+".bn1.act", n.bn(name+".bn1", x), a)
		case i == lastBlock+1:
			// torchvision: the table's multiple of the rounded width before it.
			n.Block(name, "head")
			x = n.unit(name, x, r.num("#out")/max(lastOut, 1)*n.ch(x), 1, 1, 1, a)
		case i < len(t.rows)-1 && n.timm:
			x = n.act("act2", n.pointwise("conv_head", x, r.num("#out")), a)
			x = n.Add("flatten", graph.Flatten{Axis: 1}, x)
		case i < len(t.rows)-1:
			x = n.act("classifier.1", n.linear("classifier.0", x, scale(r.num("#out"), w, 8), true), a)
		case n.timm:
			n.Block("classifier", "classifier")
			x = n.linear("classifier", x, n.classes, true)
		default:
			n.Block("classifier.3", "classifier")
			x = n.linear("classifier.3", x, n.classes, true)
		}
	}
	return x
}

// ratio2 is a/b to two decimals, as timm's definitions state expansion ratios.
func ratio2(a, b int) float64 { return math.Round(float64(a)/float64(max(b, 1))*100) / 100 }

// nonlinearity reads the paper's RE and HS; the minimalistic form has ReLU everywhere.
func (r row) nonlinearity(col string, minimal bool) graph.Act {
	switch s := r.str(col); {
	case s == "":
		return graph.Act{}
	case s == "HS" && !minimal:
		return graph.HardSwish
	case s == "HS" || s == "RE":
		return graph.ReLU
	default:
		r.fail(col, "got %q, want RE or HS", s)
		return graph.Act{}
	}
}
