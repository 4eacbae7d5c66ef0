package cost

import (
	"slices"

	"github.com/wispnet/wisp/graph"
)

// Tool is the total that another counting tool prints for the same network, and what
// parts it from ours.
type Tool struct {
	Name     string `json:"name"`
	MultAdds int64  `json:"mult_adds"`
	// Differences explain MultAdds − MACs: their amounts sum to it. In order of size.
	Differences []Difference `json:"differences"`
}

// Difference is a kind of operator that the tool counts otherwise than MACs do.
type Difference struct {
	What   string `json:"what"`
	Count  int    `json:"count"`  // operators
	Amount int64  `json:"amount"` // added to MACs; negative where the tool misses some
}

// ToolNames are the tools whose totals are reproduced.
var ToolNames = []string{"torchsummaryx", "thop", "fvcore", "ptflops"}

// rule says what a tool adds to a node's MACs, and under which heading. Every tool counts
// the multiply-adds of a convolution and a linear layer as we do; they differ in the rest.
type rule func(c call) (what string, amount int64)

// rules are taken from the tools' sources, one image, evaluation mode. They count PyTorch's
// own modules: an implementation that puts batch norm and activation into a module of its
// own, as recent timm does, hides its batch norms from all but fvcore.
var rules = []struct {
	tool string
	rule rule
}{
	{"torchsummaryx", torchsummaryx},
	{"thop", thop},
	{"fvcore", fvcore},
	{"ptflops", ptflops},
}

// torchsummaryx hooks modules: a convolution is its weight's elements times output
// positions, any other module with a weight is that weight's elements, once. So a batch
// norm adds its channels. (nmhkahn/torchsummaryX, torchsummaryX.py.)
func torchsummaryx(c call) (string, int64) {
	switch {
	case c.functional:
		return unseen(c)
	case c.kind == kindBatchNorm:
		return "batch norm: its weight's elements", c.weight
	}
	return "", 0
}

// thop hooks modules: an affine batch norm is 4 operations an element, an average pool one
// an output, an adaptive one the window and a division an output, a softmax 3n − 1 a row of
// n, an up-sampling by nearest neighbour one an output; activations are nothing.
// (Lyken17/pytorch-OpCounter, vision/basic_hooks.py. The versions of early 2020 also counted a linear
// layer's additions, which doubles it: their 236 and 239 M for MobileNetV3.)
func thop(c call) (string, int64) {
	switch {
	case c.functional:
		return unseen(c)
	case c.kind == kindBatchNorm:
		return "batch norm: 4 an element", 4 * c.out
	case c.kind == kindAvgPool, c.globalWindow():
		return "average pool: 1 an output", c.out
	case c.kind == kindGlobalAvgPool:
		return "adaptive average pool: window + 1 an output", c.in + c.out
	case c.kind == kindSoftmax:
		n := int64(c.inShape[c.node.Op.(graph.Softmax).Axis])
		return "softmax: 3n − 1 a row of n", c.out / max(n, 1) * (3*n - 1)
	case c.kind == kindResize:
		return "up-sampling: 1 an output", c.out
	}
	return "", 0
}

// fvcore traces the operators themselves, functions and modules alike: batch norm 2 an
// element, adaptive average pool one an input, nearest up-sampling one an output. Plain
// average pools, means, activations and element-wise arithmetic are skipped.
// (facebookresearch/fvcore, nn/flop_count.py and nn/jit_handles.py.)
func fvcore(c call) (string, int64) {
	switch {
	case c.kind == kindBatchNorm:
		return "batch norm: 2 an element", 2 * c.out
	case c.kind == kindGlobalAvgPool && !c.mean() && !c.globalWindow():
		return "adaptive average pool: 1 an input", c.in
	case c.kind == kindResize:
		return "up-sampling: 1 an output", c.out
	}
	return "", 0
}

// ptflops (backend pytorch) hooks modules and replaces the functions of
// torch.nn.functional: bias one an output, batch norm 2 an element, ReLU, ReLU6 and SiLU
// one an element, pools one an input, softmax one an element, interpolation to a size that
// size's area. x.mean(), the operators + and ×, hard-swish, sigmoid and clamp are not seen;
// GhostNet's hard-sigmoid is, as it calls relu6.
//
// Each is counted once, which gives the tool's own table (ResNet-50 4.12 G). Its versions
// from 0.7 on count the ReLU, softmax and pooling modules twice, by the hook and by the
// function that the module calls. (sovrasov/flops-counter.pytorch,
// pytorch_ops.py.)
func ptflops(c call) (string, int64) {
	switch c.kind {
	case kindConv, kindLinear:
		if c.functional {
			return unseen(c)
		}
		if c.bias {
			return "bias: 1 an output", c.out
		}
	case kindBatchNorm:
		return "batch norm: 2 an element", 2 * c.out
	case kindAct:
		relu := c.act == graph.ReLU || c.act == graph.ReLU6 || c.act == graph.SiLU
		if relu || c.functional && c.act == graph.HardSigmoid {
			return "activation: 1 an element", c.out
		}
	case kindMaxPool, kindAvgPool:
		return "pool: 1 an input", c.in
	case kindGlobalAvgPool:
		if !c.mean() {
			return "pool: 1 an input", c.in
		}
	case kindSoftmax:
		return "softmax: 1 an element", c.out
	case kindResize:
		if c.functional {
			h, w := spatial(c.outShape)
			return "interpolation: its output's area", int64(h) * int64(w)
		}
		return "up-sampling: 1 an output", c.out
	}
	return "", 0
}

// mean reports whether a global pool is a call of the tensor's mean method, which no tool
// counts.
func (c call) mean() bool {
	return c.kind == kindGlobalAvgPool && c.functional && c.function == "mean"
}

// globalWindow reports whether a global pool is a plain average pool whose window is the
// whole image in the official code: megvii's ShuffleNetV1, a 7×7 pool called globalpool.
func (c call) globalWindow() bool {
	return c.kind == kindGlobalAvgPool && !c.functional && c.function == "globalpool"
}

func unseen(c call) (string, int64) {
	if c.macs == 0 {
		return "", 0
	}
	return "called as a function, not seen", -c.macs
}

func tools(calls []call) []Tool {
	out := make([]Tool, len(rules))
	for i, r := range rules {
		t := &out[i]
		t.Name, t.Differences = r.tool, []Difference{}
		for _, c := range calls {
			t.MultAdds += c.macs
			what, amount := r.rule(c)
			if what == "" {
				continue
			}
			t.MultAdds += amount
			k := slices.IndexFunc(t.Differences, func(d Difference) bool { return d.What == what })
			if k < 0 {
				k = len(t.Differences)
				t.Differences = append(t.Differences, Difference{What: what})
			}
			t.Differences[k].Count++
			t.Differences[k].Amount += amount
		}
		slices.SortStableFunc(t.Differences, func(a, b Difference) int { return int(max(-1, min(1, b.Amount-a.Amount))) })
	}
	return out
}

// functionNote says so where a graph does not tell modules from functions, as files do not.
func functionNote(calls []call) string {
	if len(calls) == 0 || slices.ContainsFunc(calls, func(c call) bool { return c.functional }) {
		return ""
	}
	return "the graph does not tell modules from function calls: for thop, torchsummaryx and ptflops every operator is taken as a module"
}
