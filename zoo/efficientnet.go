package zoo

import (
	"fmt"
	"math"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// EfficientNet: Tan, Le. "EfficientNet: Rethinking Model Scaling for Convolutional
// Neural Networks", ICML 2019, arXiv:1905.11946, Table 1 (B0). Graph and names are
// torchvision's; timm_ and tf_ are timm's.
//
// The column Resolution is the stage's input; a stage's stride is what makes the next
// row's. Squeeze-and-excite stands in every block and reduces to a quarter of the
// block's input, with swish and sigmoid.
//
// Beyond the paper: B1 to B7 as shipped do not follow from the compound rule (eq. 3,
// α = 1.2, β = 1.1, γ = 1.15); their coefficients are rounded by hand and stand in
// efficientnetCoefficients. efficientnet,phi=… applies the rule as written.
// torchvision's B2 was evaluated at 288, the paper's B2 is 260.
const efficientnetTable = `
Stage  Operator                Resolution  #Channels  #Layers
1      Conv3x3                 224×224     32         1
2      MBConv1, k3x3           112×112     16         1
3      MBConv6, k3x3           112×112     24         2
4      MBConv6, k5x5           56×56       40         2
5      MBConv6, k3x3           28×28       80         3
6      MBConv6, k5x5           14×14       112        3
7      MBConv6, k5x5           14×14       192        4
8      MBConv6, k3x3           7×7         320        1
9      Conv1x1 & Pooling & FC  7×7         1280       1
`

// efficientnetCoefficients are those of tensorflow/tpu efficientnet_builder.py, and of
// lite/efficientnet_lite_builder.py.
const efficientnetCoefficients = `
model  width  depth
b0     1.0    1.0
b1     1.0    1.1
b2     1.1    1.2
b3     1.2    1.4
b4     1.4    1.8
b5     1.6    2.2
b6     1.8    2.6
b7     2.0    3.1
lite0  1.0    1.0
lite1  1.0    1.1
lite2  1.1    1.2
lite3  1.2    1.4
lite4  1.4    1.8
`

// compound is how far a network is scaled from B0.
type compound struct{ width, depth float64 }

// The compound rule's constants: depth 1.2^φ, width 1.1^φ, resolution 1.15^φ.
const (
	alpha = 1.2
	beta  = 1.1
	gamma = 1.15
)

// compoundAt is the rule for a given φ.
func compoundAt(phi float64) compound { return compound{math.Pow(beta, phi), math.Pow(alpha, phi)} }

// compoundSize is the image side that the rule gives, to the nearest whole number.
func compoundSize(phi float64) int { return int(math.Round(224 * math.Pow(gamma, phi))) }

func buildEfficientnet(model string) func(n *net, t *table) graph.ID {
	return func(n *net, t *table) graph.ID { return n.efficientnet(t, n.shipped(model), false) }
}

func buildEfficientnetPhi(n *net, t *table) graph.ID {
	return n.efficientnet(t, compoundAt(n.spec.Phi), false)
}

func buildEfficientnetLite(model string) func(n *net, t *table) graph.ID {
	return func(n *net, t *table) graph.ID { return n.efficientnet(t, n.shipped(model), true) }
}

func (n *net) shipped(model string) compound {
	t := parseTable(n.spec.Name+" coefficients", efficientnetCoefficients)
	for _, r := range t.rows {
		if r.str("model") == model {
			return compound{r.float("width"), r.float("depth")}
		}
	}
	n.Fail(fmt.Errorf("zoo: %s: no coefficients for %q", n.spec.Name, model))
	return compound{1, 1}
}

// efficientnet builds B0…B7 and, with lite, what efficientnetlite.go describes.
func (n *net) efficientnet(t *table, c compound, lite bool) graph.ID {
	x := n.Input("input", n.spec.inputType())
	n.facts = n.facts && c.width == 1
	a := graph.SiLU
	if lite {
		a = graph.ReLU6
	}
	for i, r := range t.rows {
		n.expect(r, "Resolution", x)
		op := r.str("Operator")
		stage, channels, layers := r.num("Stage"), scale(r.num("#Channels"), c.width, 8), repeats(r.num("#Layers"), c.depth)
		if lite && (i == 0 || i == len(t.rows)-1) {
			channels = r.num("#Channels")
		}
		if lite && (i == 1 || i == len(t.rows)-2) {
			layers = r.num("#Layers")
		}
		stride := 1
		if i+1 < len(t.rows) {
			here, next := r.extent("Resolution"), t.rows[i+1].extent("Resolution")
			if stride = here.h / max(next.h, 1); stride != 1 && stride != 2 {
				r.fail("Resolution", "stride %d to the next row, want 1 or 2", stride)
				return x
			}
		}
		name := fmt.Sprintf("features.%d", stage-1)
		switch {
		case op == "Conv3x3" && n.timm:
			x = n.timmStem(x, channels, a)
		case op == "Conv3x3":
			n.Block(name, "stem")
			x = n.unit(name, x, channels, 3, stride, 1, a)
		case strings.HasPrefix(op, "MBConv"):
			b := inverted{kind: "mbconv", k: r.kernel("Operator"), act: a, out: channels, stride: stride,
				exciteAct: graph.SiLU, gate: graph.Sigmoid}
			if _, err := fmt.Sscanf(op, "MBConv%d", &b.ratio); err != nil || b.ratio < 1 {
				r.fail("Operator", "got %q, want an expansion such as MBConv6", op)
				return x
			}
			for k := range layers {
				b.hidden = b.ratio * n.ch(x)
				if !lite {
					b.reduced = max(1, n.ch(x)/4)
				}
				if b.separable = b.ratio == 1; n.timm {
					x = n.timmBlock(fmt.Sprintf("blocks.%d.%d", stage-2, k), x, b)
				} else {
					x = n.torchvisionBlock(fmt.Sprintf("%s.%d", name, k), x, b)
				}
				b.stride = 1
			}
		case n.timm:
			x = n.timmPool(n.timmHead(x, channels, a))
			n.Block("classifier", "classifier")
			x = n.linear("classifier", x, n.classes, true)
		default:
			n.Block(name, "head")
			x = n.unit(name, x, channels, 1, 1, 1, a)
			n.Block("classifier", "classifier")
			x = n.flatten(n.Add("avgpool", graph.GlobalAvgPool{}, x))
			x = n.linear("classifier.1", x, n.classes, true)
		}
	}
	return x
}
