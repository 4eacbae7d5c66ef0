package optest

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// patternCases are small networks that passes rewrite, and beside each those that look
// alike and must be left alone. What a pass makes of them is tested in internal/rewrite.
func patternCases() []Case {
	var all []Case
	pattern := func(name string, build func(m *maker) []graph.ID) {
		name = "pattern/" + name
		m := named(name)
		all = append(all, m.done(name, build(m)...))
	}
	ids := func(id ...graph.ID) []graph.ID { return id }
	one, three := [2]int{1, 1}, [2]int{3, 3}
	around := graph.Symmetric(1, 1)
	add, mul := graph.Binary{Fn: graph.Add}, graph.Binary{Fn: graph.Mul}

	// batch norm
	pattern("conv bn relu", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(2, 3, 9, 8), 10, three, graph.Conv{Stride: [2]int{2, 2}, Pad: around})
		return ids(m.act("relu", m.norm("bn", x), graph.ReLU))
	})
	pattern("conv bias bn", func(m *maker) []graph.ID {
		return ids(m.norm("bn", m.conv("conv", m.input(1, 5, 4, 4), 7, one, graph.Conv{Bias: true})))
	})
	pattern("depthwise bn hardswish", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 11, 7, 7), 11, three, graph.Conv{Pad: around, Groups: 11})
		return ids(m.act("act", m.norm("bn", x), graph.HardSwish))
	})
	pattern("linear bn relu", func(m *maker) []graph.ID {
		x := m.linear("linear", m.input(3, 12), 9, graph.Linear{Bias: true})
		return ids(m.act("relu", m.norm("bn", x), graph.ReLU))
	})
	pattern("bn twice", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 4, 5, 5), 6, one, graph.Conv{})
		return ids(m.norm("bn2", m.norm("bn1", x)))
	})
	pattern("bn before conv", func(m *maker) []graph.ID { // pre-activation: nothing to fold into
		x := m.act("relu", m.norm("bn", m.input(1, 6, 5, 5)), graph.ReLU)
		return ids(m.conv("conv", x, 4, three, graph.Conv{Pad: around}))
	})
	pattern("bn after concat", func(m *maker) []graph.ID {
		x := m.input(1, 6, 5, 5)
		a := m.conv("a", x, 5, one, graph.Conv{})
		b := m.conv("b", x, 3, three, graph.Conv{Pad: around})
		return ids(m.act("relu", m.norm("bn", m.Add("cat", graph.Concat{Axis: 1}, a, b)), graph.ReLU))
	})
	pattern("bn after relu", func(m *maker) []graph.ID {
		x := m.act("relu", m.conv("conv", m.input(1, 6, 5, 5), 8, one, graph.Conv{}), graph.ReLU)
		return ids(m.norm("bn", x))
	})
	pattern("conv read beside its bn", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 6, 5, 5), 8, one, graph.Conv{})
		return ids(m.Add("add", add, m.norm("bn", x), x))
	})
	pattern("conv is an output beside its bn", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 6, 5, 5), 8, one, graph.Conv{})
		return ids(m.norm("bn", x), x)
	})
	pattern("one weight, two convs, two bns", func(m *maker) []graph.ID {
		x, w := m.input(1, 6, 5, 5), m.weight("w", 6, 6, 1, 1)
		c := graph.Conv{Stride: one, Dilation: one, Groups: 1}
		a := m.norm("bn1", m.Add("conv1", c, x, w))
		return ids(m.norm("bn2", m.Add("conv2", c, m.act("relu", a, graph.ReLU), w)), a)
	})
	pattern("conv with computed weights, bn", func(m *maker) []graph.ID {
		x := m.input(1, 6, 5, 5)
		w := m.act("w", m.weight("raw", 4, 6, 1, 1), graph.HardSigmoid)
		return ids(m.norm("bn", m.Add("conv", graph.Conv{Stride: one, Dilation: one, Groups: 1}, x, w)))
	})
	pattern("bn with a computed weight", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 6, 5, 5), 4, one, graph.Conv{})
		w := m.Add("w", graph.Flatten{Axis: 0}, m.Add("pool", graph.GlobalAvgPool{}, x))
		y := m.conv("conv2", m.act("relu", x, graph.ReLU), 4, one, graph.Conv{})
		positive := m.constant("var", tensor.Shape{4}, 1, 2, 3, 4)
		return ids(m.Add("bn", graph.BatchNorm{Eps: 1e-3}, y, w, m.vector("b", 0, 4), m.vector("mean", 0, 4), positive))
	})

	// residuals
	pattern("bottleneck", func(m *maker) []graph.ID { // ResNet: bn, relu, bn, add, relu
		x := m.input(1, 8, 6, 6)
		y := m.act("relu1", m.norm("bn1", m.conv("conv1", x, 8, three, graph.Conv{Pad: around})), graph.ReLU)
		y = m.norm("bn2", m.conv("conv2", y, 8, three, graph.Conv{Pad: around}))
		return ids(m.act("relu2", m.Add("add", add, y, x), graph.ReLU))
	})
	pattern("downsampling bottleneck", func(m *maker) []graph.ID { // both summands are convolutions
		x := m.input(1, 8, 6, 6)
		y := m.norm("bn1", m.conv("conv1", x, 12, three, graph.Conv{Pad: around, Stride: [2]int{2, 2}}))
		z := m.norm("bn2", m.conv("conv2", x, 12, one, graph.Conv{Stride: [2]int{2, 2}}))
		return ids(m.act("relu", m.Add("add", add, z, y), graph.ReLU))
	})
	pattern("inverted residual", func(m *maker) []graph.ID {
		x := m.input(2, 6, 5, 5)
		y := m.act("act1", m.norm("bn1", m.conv("expand", x, 18, one, graph.Conv{})), graph.ReLU6)
		y = m.act("act2", m.norm("bn2", m.conv("dw", y, 18, three, graph.Conv{Pad: around, Groups: 18})), graph.ReLU6)
		return ids(m.Add("add", add, x, m.norm("bn3", m.conv("project", y, 6, one, graph.Conv{}))))
	})
	pattern("act before the addition and after", func(m *maker) []graph.ID {
		x := m.input(1, 6, 5, 5)
		y := m.act("a", m.norm("bn", m.conv("conv", x, 6, three, graph.Conv{Pad: around})), graph.SiLU)
		return ids(m.act("b", m.Add("add", add, y, x), graph.ReLU))
	})
	pattern("two additions in a row", func(m *maker) []graph.ID {
		x := m.input(1, 6, 5, 5)
		y := m.Add("add1", add, m.conv("conv1", x, 6, one, graph.Conv{}), x)
		return ids(m.Add("add2", add, m.conv("conv2", x, 6, one, graph.Conv{}), y))
	})
	pattern("conv added to itself", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 6, 5, 5), 6, one, graph.Conv{})
		return ids(m.Add("add", add, x, x))
	})
	pattern("addition that broadcasts", func(m *maker) []graph.ID {
		x := m.input(1, 6, 5, 5)
		return ids(m.Add("add", add, m.conv("conv", x, 6, one, graph.Conv{}), m.Add("pool", graph.GlobalAvgPool{}, x)))
	})
	pattern("summand is an output", func(m *maker) []graph.ID {
		x := m.input(1, 6, 5, 5)
		y := m.conv("conv", x, 6, one, graph.Conv{})
		return ids(y, m.Add("add", add, y, x))
	})
	pattern("difference", func(m *maker) []graph.ID { // no residual
		x := m.input(1, 6, 5, 5)
		return ids(m.Add("sub", graph.Binary{Fn: graph.Sub}, x, m.conv("conv", x, 6, one, graph.Conv{})))
	})

	pattern("constant image added to a conv", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 6, 5, 4), 3, one, graph.Conv{})
		return ids(m.Add("add", add, m.Bound(graph.Constant, "image", m.draw(0, 1, 1, 3, 5, 4)), x))
	})
	pattern("activation of a residual conv twice", func(m *maker) []graph.ID {
		x := m.input(1, 6, 5, 4)
		y := m.Add("add", add, m.conv("conv", x, 6, one, graph.Conv{}), x)
		return ids(m.act("outer", m.act("inner", y, graph.ReLU), graph.Sigmoid))
	})

	// bias
	for _, c := range []struct {
		name  string
		shape tensor.Shape
	}{{"bias 1C11", tensor.Shape{1, 6, 1, 1}}, {"bias C11", tensor.Shape{6, 1, 1}}, {"bias that is an image", tensor.Shape{1, 6, 5, 6}},
		{"bias along columns", tensor.Shape{6}}, {"bias with a rank too many", tensor.Shape{1, 1, 6, 1, 1}}, {"bias that is a scalar", nil}} {
		pattern(c.name, func(m *maker) []graph.ID {
			x := m.conv("conv", m.input(2, 4, 5, 6), 6, one, graph.Conv{})
			return ids(m.act("relu", m.Add("add", add, x, m.Bound(graph.Constant, "c", m.draw(0, 1, c.shape...))), graph.ReLU))
		})
	}
	pattern("bias first, of one channel", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 4, 5, 6), 1, three, graph.Conv{})
		return ids(m.Add("add", add, m.constant("c", tensor.Shape{1, 1, 1}, 0.5), x))
	})
	pattern("bias to a bias", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 4, 5, 6), 3, one, graph.Conv{Bias: true})
		return ids(m.Add("add", add, m.constant("c", tensor.Shape{3, 1, 1}, 0.5, 1, -2), x))
	})
	pattern("matmul bias", func(m *maker) []graph.ID {
		x := m.linear("linear", m.input(2, 7), 5, graph.Linear{})
		return ids(m.Add("add", add, m.vector("c", 0, 5), x))
	})
	pattern("matmul bias with a rank too many", func(m *maker) []graph.ID {
		x := m.linear("linear", m.input(2, 7), 5, graph.Linear{})
		return ids(m.Add("add", add, x, m.Bound(graph.Constant, "c", m.draw(0, 1, 1, 1, 5))))
	})

	// activations spelled out
	six := func(m *maker) graph.ID { return m.constant("six", nil, 6) }
	ramp := func(m *maker, x graph.ID) graph.ID {
		return m.act("clip", m.Add("plus3", add, x, m.constant("three", nil, 3)), graph.ReLU6)
	}
	div := graph.Binary{Fn: graph.Div}
	pattern("hardsigmoid as clip", func(m *maker) []graph.ID {
		return ids(m.Add("y", div, ramp(m, m.input(1, 5, 4, 4)), six(m)))
	})
	pattern("hardsigmoid as clip times a sixth", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 5, 4, 4), 6, one, graph.Conv{})
		return ids(m.Add("y", mul, m.constant("sixth", tensor.Shape{1}, 1.0/6), ramp(m, x)))
	})
	pattern("hardsigmoid with the clip in the addition", func(m *maker) []graph.ID {
		x := m.conv("conv", m.input(1, 5, 4, 4), 6, one, graph.Conv{})
		up := m.Add("up", graph.Binary{Fn: graph.Add, Act: graph.ReLU6}, x, m.constant("three", tensor.Shape{1}, 3))
		return ids(m.Add("y", mul, up, m.constant("sixth", tensor.Shape{1}, 1.0/6)))
	})
	pattern("hardswish as x·(clip/6)", func(m *maker) []graph.ID {
		x := m.norm("bn", m.conv("conv", m.input(1, 5, 4, 4), 6, one, graph.Conv{}))
		return ids(m.Add("y", mul, x, m.Add("gate", div, ramp(m, x), six(m))))
	})
	pattern("hardswish as (x·clip)/6", func(m *maker) []graph.ID {
		x := m.norm("bn", m.conv("conv", m.input(1, 5, 4, 4), 6, one, graph.Conv{}))
		return ids(m.Add("y", div, m.Add("m", mul, ramp(m, x), x), six(m)))
	})
	pattern("hardswish as x·hardsigmoid(x)", func(m *maker) []graph.ID {
		x := m.input(1, 5, 4, 4)
		return ids(m.Add("y", mul, m.act("gate", x, graph.HardSigmoid), x))
	})
	pattern("silu as x·sigmoid(x)", func(m *maker) []graph.ID {
		x := m.norm("bn", m.conv("conv", m.input(1, 5, 4, 4), 6, one, graph.Conv{}))
		return ids(m.Add("y", mul, x, m.act("gate", x, graph.Sigmoid)))
	})
	pattern("silu whose gate is an output", func(m *maker) []graph.ID {
		x := m.input(1, 5, 4, 4)
		gate := m.act("gate", x, graph.Sigmoid)
		return ids(gate, m.Add("y", mul, gate, x))
	})
	pattern("gate of another value", func(m *maker) []graph.ID {
		x := m.input(1, 5, 4, 4)
		return ids(m.Add("y", mul, m.act("relu", x, graph.ReLU), m.act("gate", x, graph.Sigmoid)))
	})
	pattern("clip of x+2 over 6", func(m *maker) []graph.ID {
		x := m.Add("plus2", add, m.input(1, 5, 4, 4), m.constant("two", nil, 2))
		return ids(m.Add("y", div, m.act("clip", x, graph.ReLU6), six(m)))
	})
	pattern("hardsigmoid that gains a rank", func(m *maker) []graph.ID {
		x := m.Add("plus3", add, m.input(2, 5), m.constant("three", tensor.Shape{1, 1, 1}, 3))
		return ids(m.Add("y", div, m.act("clip", x, graph.ReLU6), six(m)))
	})
	pattern("squeeze-and-excite", func(m *maker) []graph.ID {
		x := m.act("act", m.norm("bn", m.conv("conv", m.input(2, 5, 6, 6), 12, three, graph.Conv{Pad: around, Groups: 1})), graph.HardSwish)
		s := m.Add("pool", graph.GlobalAvgPool{}, x)
		s = m.act("relu", m.conv("reduce", s, 4, one, graph.Conv{Bias: true}), graph.ReLU)
		s = m.act("gate", m.conv("expand", s, 12, one, graph.Conv{Bias: true}), graph.HardSigmoid)
		return ids(m.Add("scale", mul, x, s))
	})

	// shuffle
	shuffle := func(m *maker, x graph.ID, groups int, perm ...int) (mid, y graph.ID) {
		s := m.Type(x).Shape
		v := m.Add("view", graph.Reshape{To: dims(0, groups, s[1]/groups, s[2], s[3])}, x)
		mid = m.Add("swap", graph.Transpose{Perm: dims(perm...)}, v)
		return mid, m.Add("flat", graph.Reshape{To: dims(0, -1, s[2], s[3])}, mid)
	}
	pattern("shuffle", func(m *maker) []graph.ID {
		_, y := shuffle(m, m.input(2, 12, 3, 4), 3, 0, 2, 1, 3, 4)
		return ids(y)
	})
	pattern("shuffle whose middle is an output", func(m *maker) []graph.ID {
		mid, y := shuffle(m, m.input(2, 12, 3, 4), 3, 0, 2, 1, 3, 4)
		return ids(mid, y)
	})
	pattern("shuffle of the wrong axes", func(m *maker) []graph.ID {
		_, y := shuffle(m, m.input(1, 12, 4, 4), 3, 0, 1, 2, 4, 3)
		return ids(y)
	})
	pattern("shuffle and its inverse", func(m *maker) []graph.ID {
		return ids(m.Add("back", graph.Shuffle{Groups: 4}, m.Add("s", graph.Shuffle{Groups: 3}, m.input(1, 12, 3, 3))))
	})
	pattern("shuffle unit", func(m *maker) []graph.ID { // ShuffleNetV2
		halves := m.AddN("split", graph.Split{Axis: 1, Parts: 2}, 2, m.input(1, 12, 5, 5))
		y := m.act("relu1", m.norm("bn1", m.conv("a", halves[1], 6, one, graph.Conv{})), graph.ReLU)
		y = m.norm("bn2", m.conv("b", y, 6, three, graph.Conv{Pad: around, Groups: 6}))
		y = m.act("relu2", m.norm("bn3", m.conv("c", y, 6, one, graph.Conv{})), graph.ReLU)
		return ids(m.Add("shuffle", graph.Shuffle{Groups: 2}, m.Add("cat", graph.Concat{Axis: 1}, halves[0], y)))
	})
	pattern("ghost module", func(m *maker) []graph.ID { // GhostNet: concatenate, then cut
		x := m.act("relu1", m.norm("bn1", m.conv("primary", m.input(1, 6, 5, 5), 5, one, graph.Conv{})), graph.ReLU)
		y := m.act("relu2", m.norm("bn2", m.conv("cheap", x, 5, three, graph.Conv{Pad: around, Groups: 5})), graph.ReLU)
		return ids(m.Add("cut", graph.Slice{Axis: 1, End: 9, Step: 1}, m.Add("cat", graph.Concat{Axis: 1}, x, y)))
	})
	pattern("dense block", func(m *maker) []graph.ID { // concatenations nest
		x := m.input(1, 4, 5, 5)
		for _, name := range []string{"1", "2", "3"} {
			y := m.act("relu"+name, m.norm("bn"+name, m.conv("conv"+name, x, 3, three, graph.Conv{Pad: around})), graph.ReLU)
			x = m.Add("cat"+name, graph.Concat{Axis: 1}, x, y)
		}
		return ids(x)
	})

	// padding
	for _, c := range []struct {
		name string
		pad  graph.Pad
		conv graph.Conv
		c    int
	}{
		{"pad and conv", graph.Pad{Pad: graph.Padding{Top: 0, Left: 0, Bottom: 1, Right: 1}}, graph.Conv{Stride: [2]int{2, 2}}, 4},
		{"pad and padded depthwise", graph.Pad{Pad: graph.Padding{Top: 1, Left: 2, Bottom: 0, Right: 1}}, graph.Conv{Pad: around, Groups: 5}, 5},
		{"pad of ones and conv", graph.Pad{Pad: around, Value: 1}, graph.Conv{}, 4},
		{"pad and same conv", graph.Pad{Pad: around}, graph.Conv{Stride: [2]int{2, 2}, Pad: graph.SamePadding}, 4},
	} {
		pattern(c.name, func(m *maker) []graph.ID {
			return ids(m.conv("conv", m.Add("pad", c.pad, m.input(1, 5, 7, 6)), c.c, three, c.conv))
		})
	}
	pattern("pad twice and conv", func(m *maker) []graph.ID {
		x := m.Add("pad1", graph.Pad{Pad: graph.Symmetric(1, 0)}, m.input(1, 3, 5, 5))
		return ids(m.conv("conv", m.Add("pad2", graph.Pad{Pad: graph.Symmetric(0, 1)}, x), 4, three, graph.Conv{}))
	})
	pattern("pad read twice", func(m *maker) []graph.ID {
		x := m.Add("pad", graph.Pad{Pad: around}, m.input(1, 3, 5, 5))
		return ids(m.conv("conv", x, 4, three, graph.Conv{}), m.Add("pool", graph.GlobalAvgPool{}, x))
	})
	pattern("pad and pool", func(m *maker) []graph.ID {
		x := m.Add("pad", graph.Pad{Pad: around}, m.input(1, 3, 5, 5))
		return ids(m.Add("pool", graph.MaxPool{Kernel: three, Stride: [2]int{2, 2}}, x))
	})
	pattern("pad of a residual", func(m *maker) []graph.ID { // padding what is not the image
		x := m.input(1, 3, 3, 3)
		y := m.Add("pad", graph.Pad{Pad: around}, x)
		return ids(m.conv("conv", m.input(1, 3, 5, 5), 3, one, graph.Conv{Residual: true}, y))
	})

	// what does nothing
	pattern("identities", func(m *maker) []graph.ID {
		x := m.Add("drop", graph.Identity{}, m.input(1, 4, 3, 3))
		x = m.Add("cat", graph.Concat{Axis: 1}, m.act("none", x, graph.Act{}))
		x = m.Add("all", graph.Slice{Axis: 1, End: 4, Step: 1}, m.Add("pad", graph.Pad{}, x))
		x = m.conv("conv", m.Add("shuffle", graph.Shuffle{Groups: 4}, x), 4, one, graph.Conv{})
		x = m.Add("perm", graph.Transpose{Perm: dims(0, 1, 2, 3)}, m.Add("size", graph.Resize{H: 3, W: 3}, x))
		return ids(m.Add("shape", graph.Reshape{To: dims(0, 0, 0, -1)}, m.AddN("split", graph.Split{Axis: 1, Parts: 1}, 1, x)[0]))
	})
	pattern("input is an output", func(m *maker) []graph.ID {
		x := m.input(1, 4, 3, 3)
		return ids(m.Add("drop", graph.Identity{}, x), x)
	})
	pattern("one value is two outputs", func(m *maker) []graph.ID {
		x := m.act("relu", m.input(1, 4, 3, 3), graph.ReLU)
		return ids(m.Add("a", graph.Identity{}, x), m.Add("b", graph.Identity{}, x), x)
	})
	pattern("node that nobody reads", func(m *maker) []graph.ID {
		x := m.input(1, 4, 3, 3)
		m.norm("unread", m.conv("conv", x, 3, one, graph.Conv{}))
		return ids(m.act("relu", x, graph.ReLU))
	})
	pattern("half of a split is unread", func(m *maker) []graph.ID {
		h := m.AddN("split", graph.Split{Axis: 1, Parts: 2}, 2, m.input(1, 6, 3, 3))
		return ids(m.conv("conv", h[1], 4, one, graph.Conv{}))
	})
	pattern("classifier", func(m *maker) []graph.ID {
		x := m.Add("pool", graph.GlobalAvgPool{}, m.input(2, 10, 7, 7))
		x = m.Add("drop", graph.Identity{}, m.Add("flat", graph.Flatten{Axis: 1}, x))
		return ids(m.Add("prob", graph.Softmax{Axis: 1}, m.linear("fc", x, 12, graph.Linear{Bias: true})))
	})
	return all
}
