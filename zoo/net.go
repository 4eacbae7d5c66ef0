package zoo

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
)

// net is a graph under construction with what all of a network's layers share.
type net struct {
	*graph.Builder
	spec    Spec
	classes int
	same    bool    // TensorFlow's SAME padding where the stride is 2
	eps     float64 // batch norm
	timm    bool    // timm's module names, where the network has two sets
	facts   bool    // the size columns of the paper's tables hold: width 1, 224×224
}

// scale is the rounding rule of MobileNet and its children: c·width to the nearest
// multiple of d, at least d, and never below nine tenths of c·width.
//
// The explicit conversions here keep the product rounded on processors that could fuse
// it with the sum: 40·1.1 is 44 and becomes 48.
func scale(c int, width float64, d int) int { return divisible(float64(float64(c)*width), d) }

func divisible(v float64, d int) int {
	half := float64(d / 2)
	n := max(d, int(v+half)/d*d)
	if float64(n) < 0.9*v {
		n += d
	}
	return n
}

// repeats is ⌈r·depth⌉, EfficientNet's rule for the number of layers of a stage.
func repeats(r int, depth float64) int { return int(math.Ceil(float64(r) * depth)) }

// ch is the number of channels (or features) of a value.
func (n *net) ch(x graph.ID) int {
	if s := n.Type(x).Shape; len(s) > 1 {
		return s[1]
	}
	return 1
}

// hw is the height and width of a value.
func (n *net) hw(x graph.ID) (h, w int) {
	if s := n.Type(x).Shape; len(s) == 4 {
		return s[2], s[3]
	}
	return 1, 1
}

// expect checks a size column against the value that reached its row. It compares
// where the paper's numbers apply (net.facts).
func (n *net) expect(r row, col string, x graph.ID) {
	if !r.yes(col) {
		return
	}
	want := r.extent(col)
	if n.Err() != nil || !n.facts {
		return
	}
	h, w := n.hw(x)
	got := extent{h, w, n.ch(x)}
	if want.c == 0 {
		got.c = 0
	}
	if got != want {
		r.fail(col, "table says %v, the rows above give %v", want, got)
	}
}

// functional adds a node that the official code computes by a function call.
func (n *net) functional(name string, op graph.Op, in ...graph.ID) graph.ID {
	y := n.Add(name, op, in...)
	n.Functional()
	return y
}

// pad is half the kernel on every side or, for a strided window of a tf_ network,
// SAME. For stride 1 and an odd kernel both are the same numbers.
func (n *net) pad(kh, kw, stride int) graph.Padding {
	if n.same && stride > 1 {
		return graph.SamePadding
	}
	return graph.Symmetric(kh/2, kw/2)
}

// conv is a square convolution without bias.
func (n *net) conv(name string, x graph.ID, out, k, stride, groups int) graph.ID {
	return n.convolve(name, x, out, k, k, stride, groups, false)
}

// dw is a depthwise convolution: every channel is filtered alone.
func (n *net) dw(name string, x graph.ID, k, stride int) graph.ID {
	return n.conv(name, x, n.ch(x), k, stride, n.ch(x))
}

// pointwise is a 1×1 convolution with bias.
func (n *net) pointwise(name string, x graph.ID, out int) graph.ID {
	return n.convolve(name, x, out, 1, 1, 1, 1, true)
}

func (n *net) convolve(name string, x graph.ID, out, kh, kw, stride, groups int, bias bool) graph.ID {
	if groups < 1 || n.ch(x)%groups != 0 {
		n.Fail(fmt.Errorf("zoo: %s: %s: %d channels do not split into %d groups", n.spec.Name, name, n.ch(x), groups))
		return graph.None
	}
	op := graph.Conv{Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1}, Groups: groups, Bias: bias, Pad: n.pad(kh, kw, stride)}
	in := []graph.ID{x, n.Param(name+".weight", out, n.ch(x)/groups, kh, kw)}
	if bias {
		in = append(in, n.Param(name+".bias", out))
	}
	return n.Add(name, op, in...)
}

// linear is a fully connected layer.
func (n *net) linear(name string, x graph.ID, out int, bias bool) graph.ID {
	in := []graph.ID{x, n.Param(name+".weight", out, n.ch(x))}
	if bias {
		in = append(in, n.Param(name+".bias", out))
	}
	return n.Add(name, graph.Linear{Bias: bias}, in...)
}

// bn is a batch norm with the five entries that PyTorch's state_dict has for one.
func (n *net) bn(name string, x graph.ID) graph.ID {
	c := n.ch(x)
	in := []graph.ID{x, n.Param(name+".weight", c), n.Param(name+".bias", c),
		n.Buffer(name+".running_mean", graph.F32(c)), n.Buffer(name+".running_var", graph.F32(c))}
	n.Buffer(name+".num_batches_tracked", graph.Type{DType: int64Type})
	return n.Add(name, graph.BatchNorm{Eps: n.eps}, in...)
}

// act is an activation; graph.Act{} adds nothing.
func (n *net) act(name string, x graph.ID, a graph.Act) graph.ID {
	if a == (graph.Act{}) {
		return x
	}
	return n.Add(name, graph.Activate{Act: a}, x)
}

// unit is torchvision's sequence name.0 convolution, name.1 batch norm, name.2
// activation.
func (n *net) unit(name string, x graph.ID, out, k, stride, groups int, a graph.Act) graph.ID {
	x = n.conv(name+".0", x, out, k, stride, groups)
	return n.act(name+".2", n.bn(name+".1", x), a)
}

// shortcut adds the block's input, by a function call.
func (n *net) shortcut(block string, x, y graph.ID) graph.ID {
	return n.functional(block+".add", graph.Binary{Fn: graph.Add}, x, y)
}

// flatten turns [N,C,1,1] into [N,C] by a function call.
func (n *net) flatten(x graph.ID) graph.ID {
	return n.functional("flatten", graph.Flatten{Axis: 1}, x)
}

// maxpool is the 3×3 pooling of stride 2 after a stem.
func (n *net) maxpool(name string, x graph.ID) graph.ID {
	return n.Add(name, graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: n.pad(3, 3, 2)}, x)
}

// excite names the parts of a squeeze-and-excite module in one implementation and
// says which of them are function calls there.
type excite struct {
	pool, reduce, act, expand, gate string
	poolCall, gateCall              bool
}

var (
	exciteTorchvision = excite{pool: "avgpool", reduce: "fc1", act: "activation", expand: "fc2", gate: "scale_activation"}
	exciteTimm        = excite{pool: "mean", reduce: "conv_reduce", act: "act1", expand: "conv_expand", gate: "gate", poolCall: true}
	exciteGhost       = excite{pool: "avg_pool", reduce: "conv_reduce", act: "act1", expand: "conv_expand", gate: "hard_sigmoid", gateCall: true}
	exciteResNet      = excite{pool: "mean", reduce: "fc1", act: "act", expand: "fc2", gate: "gate", poolCall: true}
	exciteLegacy      = excite{pool: "mean", reduce: "fc1", act: "relu", expand: "fc2", gate: "sigmoid", poolCall: true}
)

// squeeze is squeeze-and-excite (Hu et al. 2018, Fig. 1) of 1×1 convolutions with
// bias: x · gate(expand(act(reduce(mean(x))))).
func (n *net) squeeze(name string, x graph.ID, reduced int, e excite, a, gate graph.Act) graph.ID {
	c := n.ch(x)
	y := n.Add(name+"."+e.pool, graph.GlobalAvgPool{}, x)
	if e.poolCall {
		n.Functional()
	}
	y = n.pointwise(name+"."+e.reduce, y, reduced)
	y = n.act(name+"."+e.act, y, a)
	y = n.pointwise(name+"."+e.expand, y, c)
	y = n.act(name+"."+e.gate, y, gate)
	if e.gateCall {
		n.Functional()
	}
	return n.functional(name+".mul", graph.Binary{Fn: graph.Mul}, x, y)
}
