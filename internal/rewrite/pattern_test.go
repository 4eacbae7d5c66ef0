package rewrite_test

import (
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/rewrite"
)

// What is left of every pattern once it is fused, and of those that only look like one.
var patterns = map[string]string{
	"conv bn relu":                              "conv+bias+relu+pad",
	"conv bias bn":                              "conv+bias",
	"depthwise bn hardswish":                    "conv+bias+hardswish+pad",
	"linear bn relu":                            "linear+bias+relu",
	"bn twice":                                  "conv+bias",
	"bn before conv":                            "batchnorm relu conv+pad",
	"bn after concat":                           "conv conv+pad concat batchnorm relu",
	"bn after relu":                             "conv+relu batchnorm",
	"conv read beside its bn":                   "conv batchnorm add",
	"conv is an output beside its bn":           "conv batchnorm",
	"one weight, two convs, two bns":            "conv+bias relu conv+bias",
	"conv with computed weights, bn":            "hardsigmoid conv batchnorm",
	"bn with a computed weight":                 "conv globalavgpool flatten relu conv batchnorm",
	"bottleneck":                                "conv+bias+relu+pad conv+bias+residual+relu+pad",
	"downsampling bottleneck":                   "conv+bias+pad conv+bias+residual+relu",
	"inverted residual":                         "conv+bias+relu6 conv+bias+relu6+pad conv+bias+residual",
	"act before the addition and after":         "conv+bias+silu+pad add+relu",
	"two additions in a row":                    "conv+residual conv+residual",
	"conv added to itself":                      "conv add",
	"addition that broadcasts":                  "conv globalavgpool add",
	"summand is an output":                      "conv add",
	"difference":                                "conv sub",
	"bias 1C11":                                 "conv+bias+relu",
	"bias C11":                                  "conv+bias+relu",
	"bias that is an image":                     "conv add+relu",
	"bias along columns":                        "conv add+relu",
	"bias with a rank too many":                 "conv add+relu",
	"bias that is a scalar":                     "conv add+relu",
	"bias first, of one channel":                "conv+bias",
	"bias to a bias":                            "conv+bias add",
	"matmul bias":                               "linear+bias",
	"matmul bias with a rank too many":          "linear add",
	"hardsigmoid as clip":                       "hardsigmoid",
	"hardsigmoid as clip times a sixth":         "conv+hardsigmoid",
	"hardsigmoid with the clip in the addition": "conv+hardsigmoid",
	"hardswish as x·(clip/6)":                   "conv+bias+hardswish",
	"hardswish as (x·clip)/6":                   "conv+bias+hardswish",
	"hardswish as x·hardsigmoid(x)":             "hardswish",
	"silu as x·sigmoid(x)":                      "conv+bias+silu",
	"silu whose gate is an output":              "sigmoid silu",
	"gate of another value":                     "relu sigmoid mul",
	"clip of x+2 over 6":                        "add+relu6 div",
	"hardsigmoid that gains a rank":             "add+relu6 div",
	"squeeze-and-excite":                        "conv+bias+hardswish+pad globalavgpool conv+bias+relu conv+bias+hardsigmoid mul",
	"shuffle":                                   "shuffle",
	"shuffle whose middle is an output":         "reshape transpose reshape",
	"shuffle of the wrong axes":                 "reshape transpose reshape",
	"shuffle and its inverse":                   "shuffle shuffle",
	"shuffle unit":                              "split conv+bias+relu conv+bias+pad conv+bias+relu concat shuffle",
	"ghost module":                              "conv+bias+relu conv+bias+relu+pad concat slice",
	"dense block":                               "conv+bias+relu+pad concat conv+bias+relu+pad concat conv+bias+relu+pad concat",
	"pad and conv":                              "conv+pad",
	"pad and padded depthwise":                  "conv+pad",
	"pad of ones and conv":                      "pad conv",
	"pad and same conv":                         "pad conv+pad",
	"pad twice and conv":                        "conv+pad",
	"pad read twice":                            "pad conv globalavgpool",
	"pad and pool":                              "pad maxpool",
	"pad of a residual":                         "pad conv+residual",
	"identities":                                "conv",
	"input is an output":                        "identity",
	"one value is two outputs":                  "relu identity identity",
	"node that nobody reads":                    "relu",
	"half of a split is unread":                 "split conv",
	"classifier":                                "globalavgpool flatten linear+bias softmax",
	"constant image added to a conv":            "conv+residual",
	"activation of a residual conv twice":       "conv+residual+relu sigmoid",
}

func TestPatterns(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range optest.Cases() {
		name, ok := strings.CutPrefix(c.Name, "pattern/")
		if !ok {
			continue
		}
		tested[name] = true
		g, err := rewrite.Run(c.Graph)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := describe(g); got != patterns[name] {
			t.Errorf("%s: got %q, want %q", name, got, patterns[name])
		}
	}
	for name := range patterns {
		if !tested[name] {
			t.Errorf("no case is named pattern/%s", name)
		}
	}
}

// A border that together with the convolution's own would be wider than a padding may be
// stays a node of its own.
func TestPadTooWide(t *testing.T) {
	g, err := graph.ParseText(`graph g
input x float32[1,1,65530,1]
parameter w float32[1,1,1,1]
p = pad(x) pad=65536 -> float32[1,1,196602,131073]
y = conv(p, w) pad=1 -> float32[1,1,196604,131075]
output y
`)
	if err != nil {
		t.Fatal(err)
	}
	fused, err := rewrite.Run(g)
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(fused); got != "pad conv+pad" {
		t.Errorf("got %q, want the pad to stay", got)
	}
}
