package optest

import (
	"github.com/wispnet/wisp/graph"
)

func poolCases() []Case {
	both := func(n int) [2]int { return [2]int{n, n} }
	var all []Case
	for _, c := range []struct {
		name           string
		in             [4]int
		kernel, stride [2]int
		pad            graph.Padding
		ceil           bool
	}{
		{"2x2", [4]int{1, 8, 6, 6}, both(2), both(2), graph.Padding{}, false},
		{"3x3 stem", [4]int{1, 16, 12, 11}, both(3), both(2), graph.Symmetric(1, 1), false},
		{"3x3 stem, batch, odd channels", [4]int{2, 13, 7, 9}, both(3), both(2), graph.Symmetric(1, 1), false},
		{"3x3 stride 1", [4]int{1, 5, 6, 5}, both(3), both(1), graph.Symmetric(1, 1), false},
		{"3x3 ceil", [4]int{1, 6, 8, 7}, both(3), both(2), graph.Padding{}, true},
		{"3x3 ceil, padded", [4]int{1, 6, 8, 7}, both(3), both(2), graph.Symmetric(1, 1), true},
		{"2x2 ceil, padded, last window dropped", [4]int{1, 3, 5, 5}, both(2), both(3), graph.Symmetric(1, 1), true},
		{"3x3 same, even and odd", [4]int{1, 4, 8, 9}, both(3), both(2), graph.SamePadding, false},
		{"2x2 same stride 1", [4]int{1, 4, 5, 6}, both(2), both(1), graph.SamePadding, false},
		{"3x3 asymmetric", [4]int{1, 4, 7, 6}, both(3), both(2), graph.Padding{Top: 0, Left: 1, Bottom: 2, Right: 0}, false},
		{"1x1 stride 2", [4]int{1, 4, 5, 6}, both(1), both(2), graph.Padding{}, false},
		{"2x3 stride 1x2", [4]int{2, 7, 5, 8}, [2]int{2, 3}, [2]int{1, 2}, graph.Symmetric(0, 1), false},
		{"whole image", [4]int{2, 9, 4, 5}, [2]int{4, 5}, both(1), graph.Padding{}, false},
		{"one pixel", [4]int{1, 4, 1, 1}, both(3), both(2), graph.Symmetric(1, 1), false},
	} {
		for _, p := range []struct {
			family string
			op     graph.Op
		}{
			{"maxpool/" + c.name, graph.MaxPool{Kernel: c.kernel, Stride: c.stride, Pad: c.pad, Ceil: c.ceil}},
			{"avgpool/" + c.name, graph.AvgPool{Kernel: c.kernel, Stride: c.stride, Pad: c.pad, Ceil: c.ceil}},
			{"avgpool/" + c.name + ", padding counts", graph.AvgPool{Kernel: c.kernel, Stride: c.stride, Pad: c.pad, Ceil: c.ceil, CountPad: true}},
		} {
			m := named(p.family)
			all = append(all, m.done(p.family, m.Add("pool", p.op, m.input(c.in[:]...))))
		}
	}
	m := named("maxpool/all negative")
	c := m.done("maxpool/all negative", m.Add("pool", graph.MaxPool{Kernel: both(3), Stride: both(2), Pad: graph.Symmetric(1, 1)}, m.input(1, 4, 5, 5)))
	for i, v := range c.Inputs[0].Float32() {
		c.Inputs[0].Float32()[i] = -1 - v*v
	}
	all = append(all, c)
	for _, in := range [][4]int{{1, 8, 7, 7}, {3, 13, 5, 4}, {1, 3, 1, 1}, {2, 1, 6, 6}, {1, 50, 20, 20}} {
		name := "globalavgpool/" + graph.F32(in[:]...).Shape.String()
		m := named(name)
		all = append(all, m.done(name, m.Add("pool", graph.GlobalAvgPool{}, m.input(in[:]...))))
	}
	return all
}
