package optest

import (
	"math"

	"github.com/wispnet/wisp/graph"
)

func sqrt(n int) float64 { return math.Sqrt(float64(n)) }

// Acts is every form of activation, with bounds that inputs of the cases cross.
var Acts = []graph.Act{
	{}, graph.ReLU, graph.ReLU6, graph.Clip(-0.5, 0.75), graph.Sigmoid, graph.SiLU, graph.HardSigmoid, graph.HardSwish,
}

func convCases() []Case {
	both := func(n int) [2]int { return [2]int{n, n} }
	sym := graph.Symmetric
	var all []Case
	for _, c := range []struct {
		name   string
		in     [4]int
		out    int
		kernel [2]int
		op     graph.Conv
	}{
		// pointwise
		{"1x1", [4]int{1, 8, 5, 5}, 16, both(1), graph.Conv{}},
		{"1x1 one pixel", [4]int{1, 24, 1, 1}, 10, both(1), graph.Conv{Bias: true, Act: graph.ReLU}},
		{"1x1 odd channels", [4]int{2, 13, 7, 3}, 19, both(1), graph.Conv{Bias: true}},
		{"1x1 one channel in", [4]int{1, 1, 4, 6}, 5, both(1), graph.Conv{}},
		{"1x1 one channel out", [4]int{1, 9, 4, 6}, 1, both(1), graph.Conv{}},
		{"1x1 wide", [4]int{1, 130, 9, 11}, 70, both(1), graph.Conv{Bias: true, Act: graph.ReLU6}},
		{"1x1 long", [4]int{1, 600, 3, 3}, 33, both(1), graph.Conv{}},
		{"1x1 stride 2", [4]int{2, 8, 7, 8}, 12, both(1), graph.Conv{Stride: both(2)}},
		{"1x1 padded", [4]int{1, 4, 3, 3}, 6, both(1), graph.Conv{Pad: sym(1, 1), Bias: true}},
		{"1x1 groups", [4]int{1, 24, 5, 4}, 12, both(1), graph.Conv{Groups: 3}},
		{"1x1 groups odd", [4]int{2, 15, 3, 5}, 9, both(1), graph.Conv{Groups: 3, Act: graph.ReLU}},
		// dense
		{"3x3", [4]int{1, 4, 8, 8}, 8, both(3), graph.Conv{Pad: sym(1, 1)}},
		{"3x3 valid", [4]int{1, 3, 9, 7}, 5, both(3), graph.Conv{}},
		{"3x3 stem", [4]int{1, 3, 17, 15}, 16, both(3), graph.Conv{Stride: both(2), Pad: sym(1, 1), Bias: true, Act: graph.HardSwish}},
		{"3x3 stride 3", [4]int{1, 2, 10, 11}, 3, both(3), graph.Conv{Stride: both(3), Pad: sym(1, 1)}},
		{"3x3 same", [4]int{2, 3, 7, 8}, 6, both(3), graph.Conv{Pad: graph.SamePadding}},
		{"3x3 stride 2 same, even and odd", [4]int{1, 3, 8, 9}, 6, both(3), graph.Conv{Stride: both(2), Pad: graph.SamePadding}},
		{"3x3 asymmetric", [4]int{1, 3, 6, 7}, 4, both(3), graph.Conv{Pad: graph.Padding{Top: 0, Left: 2, Bottom: 1, Right: 0}}},
		{"3x3 dilated", [4]int{1, 3, 11, 10}, 4, both(3), graph.Conv{Dilation: both(2), Pad: sym(2, 2)}},
		{"3x3 dilated unevenly, same", [4]int{1, 3, 11, 10}, 4, both(3), graph.Conv{Dilation: [2]int{3, 2}, Stride: [2]int{1, 2}, Pad: graph.SamePadding}},
		{"3x3 one pixel", [4]int{1, 5, 1, 1}, 4, both(3), graph.Conv{Pad: sym(1, 1)}},
		{"3x3 padded beyond the image", [4]int{1, 2, 2, 2}, 3, both(3), graph.Conv{Pad: sym(4, 3)}},
		{"3x3 groups", [4]int{1, 12, 6, 6}, 8, both(3), graph.Conv{Groups: 4, Pad: sym(1, 1), Bias: true}},
		{"3x3 groups, batch", [4]int{3, 6, 5, 4}, 10, both(3), graph.Conv{Groups: 2, Stride: both(2), Pad: sym(1, 1)}},
		{"2x2 even kernel", [4]int{1, 3, 5, 6}, 4, both(2), graph.Conv{Stride: both(2), Pad: graph.SamePadding}},
		{"1x3", [4]int{1, 4, 5, 9}, 6, [2]int{1, 3}, graph.Conv{Pad: sym(0, 1)}},
		{"5x1 stride 2x1", [4]int{1, 4, 9, 5}, 6, [2]int{5, 1}, graph.Conv{Stride: [2]int{2, 1}, Pad: sym(2, 0)}},
		{"5x5", [4]int{1, 3, 7, 9}, 7, both(5), graph.Conv{Pad: sym(2, 2), Act: graph.SiLU}},
		{"7x7 stem", [4]int{1, 3, 23, 22}, 8, both(7), graph.Conv{Stride: both(2), Pad: sym(3, 3), Act: graph.ReLU}},
		{"full image", [4]int{2, 6, 4, 5}, 9, [2]int{4, 5}, graph.Conv{Bias: true}},
		// depthwise
		{"depthwise 3x3", [4]int{1, 16, 8, 8}, 16, both(3), graph.Conv{Groups: 16, Pad: sym(1, 1)}},
		{"depthwise 3x3 odd channels", [4]int{2, 13, 7, 5}, 13, both(3), graph.Conv{Groups: 13, Pad: sym(1, 1), Bias: true, Act: graph.ReLU6}},
		{"depthwise 3x3 stride 2", [4]int{1, 24, 9, 8}, 24, both(3), graph.Conv{Groups: 24, Stride: both(2), Pad: sym(1, 1)}},
		{"depthwise 3x3 stride 2 same", [4]int{1, 8, 8, 9}, 8, both(3), graph.Conv{Groups: 8, Stride: both(2), Pad: graph.SamePadding}},
		{"depthwise 3x3 dilated", [4]int{1, 8, 9, 9}, 8, both(3), graph.Conv{Groups: 8, Dilation: both(2), Pad: sym(2, 2)}},
		{"depthwise 3x3 one pixel", [4]int{1, 20, 1, 1}, 20, both(3), graph.Conv{Groups: 20, Pad: sym(1, 1)}},
		{"depthwise 3x3 valid", [4]int{1, 9, 3, 3}, 9, both(3), graph.Conv{Groups: 9}},
		{"depthwise 5x5", [4]int{1, 17, 9, 7}, 17, both(5), graph.Conv{Groups: 17, Pad: sym(2, 2), Act: graph.HardSwish}},
		{"depthwise 5x5 stride 2 asymmetric", [4]int{2, 10, 11, 10}, 10, both(5), graph.Conv{Groups: 10, Stride: both(2), Pad: graph.Padding{Top: 1, Left: 2, Bottom: 2, Right: 1}}},
		{"depthwise 7x7", [4]int{1, 6, 10, 12}, 6, both(7), graph.Conv{Groups: 6, Pad: sym(3, 3)}},
		{"depthwise 1x5", [4]int{1, 6, 5, 8}, 6, [2]int{1, 5}, graph.Conv{Groups: 6, Pad: sym(0, 2)}},
		{"depthwise 5x1", [4]int{1, 6, 5, 8}, 6, [2]int{5, 1}, graph.Conv{Groups: 6, Pad: sym(2, 0)}},
		{"depthwise 1x1", [4]int{1, 7, 4, 4}, 7, both(1), graph.Conv{Groups: 7, Bias: true}},
		{"depthwise wide", [4]int{1, 100, 6, 6}, 100, both(3), graph.Conv{Groups: 100, Pad: sym(1, 1), Act: graph.SiLU}},
		{"depthwise multiplier 2", [4]int{1, 6, 6, 5}, 12, both(3), graph.Conv{Groups: 6, Pad: sym(1, 1)}},
		{"one channel both ways", [4]int{1, 1, 6, 6}, 1, both(3), graph.Conv{Pad: sym(1, 1)}},
	} {
		m := named("conv/" + c.name)
		x := m.input(c.in[:]...)
		all = append(all, m.done("conv/"+c.name, m.conv("conv", x, c.out, c.kernel, c.op)))
	}
	// Every activation, with and without a residual, pointwise, dense and depthwise.
	for _, a := range Acts {
		for _, form := range []struct {
			name string
			k    int
			op   graph.Conv
		}{
			{"1x1", 1, graph.Conv{Bias: true}},
			{"3x3", 3, graph.Conv{Pad: sym(1, 1)}},
			{"depthwise", 3, graph.Conv{Pad: sym(1, 1), Groups: 9, Bias: true}},
		} {
			form.op.Act = a
			name := "conv/" + form.name + " " + a.String()
			m := named(name)
			all = append(all, m.done(name, m.conv("conv", m.input(1, 9, 5, 6), 9, both(form.k), form.op)))
			name += " residual"
			m = named(name)
			form.op.Residual = true
			x, r := m.input(2, 9, 5, 6), m.input(2, 9, 5, 6)
			all = append(all, m.done(name, m.conv("conv", x, 9, both(form.k), form.op, r)))
		}
	}
	// The residual may be the convolution's own input.
	m := named("conv/residual of its input")
	x := m.input(1, 8, 5, 5)
	all = append(all, m.done("conv/residual of its input",
		m.conv("conv", x, 8, both(3), graph.Conv{Pad: sym(1, 1), Residual: true, Act: graph.ReLU}, x)))
	return all
}

func linearCases() []Case {
	var all []Case
	for _, c := range []struct {
		name    string
		n, k, o int
		op      graph.Linear
	}{
		{"plain", 1, 20, 10, graph.Linear{}},
		{"bias", 1, 33, 17, graph.Linear{Bias: true}},
		{"batch", 5, 31, 13, graph.Linear{Bias: true}},
		{"one by one", 1, 1, 1, graph.Linear{Bias: true}},
		{"long", 2, 1280, 24, graph.Linear{Bias: true}},
		{"wide", 1, 40, 1000, graph.Linear{Bias: true}},
	} {
		m := named("linear/" + c.name)
		all = append(all, m.done("linear/"+c.name, m.linear("linear", m.input(c.n, c.k), c.o, c.op)))
	}
	for _, a := range Acts {
		name := "linear/" + a.String()
		m := named(name)
		all = append(all, m.done(name, m.linear("linear", m.input(3, 18), 11, graph.Linear{Bias: true, Act: a})))
	}
	return all
}

// linear adds a fully connected layer of out features.
func (m *maker) linear(name string, x graph.ID, out int, l graph.Linear) graph.ID {
	in := []graph.ID{x, m.weight(name+".weight", out, m.Type(x).Shape[1])}
	if l.Bias {
		in = append(in, m.vector(name+".bias", 0, out))
	}
	return m.Add(name, l, in...)
}
