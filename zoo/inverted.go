package zoo

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/graph"
)

// inverted is an inverted residual in numbers: what MobileNetV2, V3, MnasNet and
// EfficientNet have in common, before an implementation names its tensors.
type inverted struct {
	kind           string // of the block
	ratio          int    // of hidden to input, where the table states one
	hidden, out    int
	k, stride      int
	act            graph.Act
	reduced        int // squeeze-and-excite channels; 0 for none
	exciteAct      graph.Act
	gate           graph.Act
	separable      bool // no expansion: depthwise, then pointwise
	neverSkip      bool // no shortcut even where the shapes would allow one
	channelsOfSkip int  // compared with out instead of the real input channels, where not 0
}

// skips reports whether the block adds its input: stride 1 and as many channels out
// as in.
func (b inverted) skips(in int) bool {
	if b.channelsOfSkip > 0 {
		in = b.channelsOfSkip
	}
	return !b.neverSkip && b.stride == 1 && in == b.out
}

func (n *net) skip(name string, x, y graph.ID, b inverted) graph.ID {
	if !b.skips(n.ch(x)) {
		return y
	}
	return n.shortcut(name, x, y)
}

// timmBlock names a block as timm's DepthwiseSeparableConv and InvertedResidual do.
func (n *net) timmBlock(name string, x graph.ID, b inverted) graph.ID {
	n.Block(name, b.kind)
	y, bn := x, 1
	norm := func(y graph.ID, a graph.Act) graph.ID {
		bnName := fmt.Sprintf("%s.bn%d", name, bn)
		bn++
		return n.act(bnName+".act", n.bn(bnName, y), a)
	}
	last := ".conv_pw"
	if !b.separable {
		y = norm(n.conv(name+".conv_pw", y, b.hidden, 1, 1, 1), b.act)
		last = ".conv_pwl"
	}
	y = norm(n.dw(name+".conv_dw", y, b.k, b.stride), b.act)
	if b.reduced > 0 {
		y = n.squeeze(name+".se", y, b.reduced, exciteTimm, b.exciteAct, b.gate)
	}
	y = norm(n.conv(name+last, y, b.out, 1, 1, 1), graph.Act{})
	return n.skip(name, x, y, b)
}

// torchvisionBlock names a block as torchvision's MobileNetV3 and EfficientNet do:
// the parts present are counted through, name.block.0, .1, …
func (n *net) torchvisionBlock(name string, x graph.ID, b inverted) graph.ID {
	n.Block(name, b.kind)
	y, i := x, 0
	part := func() string {
		i++
		return fmt.Sprintf("%s.block.%d", name, i-1)
	}
	if b.hidden != n.ch(x) {
		y = n.unit(part(), y, b.hidden, 1, 1, 1, b.act)
	}
	y = n.unit(part(), y, b.hidden, b.k, b.stride, b.hidden, b.act)
	if b.reduced > 0 {
		y = n.squeeze(part(), y, b.reduced, exciteTorchvision, b.exciteAct, b.gate)
	}
	y = n.unit(part(), y, b.out, 1, 1, 1, graph.Act{})
	return n.skip(name, x, y, b)
}

// timmStem is the 3×3 convolution of stride 2 that starts timm's networks.
func (n *net) timmStem(x graph.ID, out int, a graph.Act) graph.ID {
	n.Block("conv_stem", "stem")
	x = n.conv("conv_stem", x, out, 3, 2, 1)
	return n.act("bn1.act", n.bn("bn1", x), a)
}

// timmHead is the 1×1 convolution before timm's pooling.
func (n *net) timmHead(x graph.ID, out int, a graph.Act) graph.ID {
	n.Block("conv_head", "head")
	x = n.conv("conv_head", x, out, 1, 1, 1)
	return n.act("bn2.act", n.bn("bn2", x), a)
}

// timmPool is timm's SelectAdaptivePool2d with flattening.
func (n *net) timmPool(x graph.ID) graph.ID {
	x = n.Add("global_pool.pool", graph.GlobalAvgPool{}, x)
	return n.Add("global_pool.flatten", graph.Flatten{Axis: 1}, x)
}

// beforeSlash and lastField take "Conv dw / s2" apart.
func beforeSlash(s string) string {
	before, _, _ := strings.Cut(s, "/")
	return strings.TrimSpace(before)
}

func lastField(s string) string {
	f := strings.Fields(s)
	if len(f) == 0 {
		return ""
	}
	return f[len(f)-1]
}
