package optest

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// mathCases: batch norm, activations, arithmetic of two inputs, softmax.
func mathCases() []Case {
	var all []Case
	for _, dims := range [][]int{{1, 8, 5, 5}, {3, 5, 2, 7}, {1, 1, 4, 4}, {2, 19, 1, 1}, {4, 10}} {
		name := fmt.Sprint("batchnorm/", tensor.Shape(dims))
		m := named(name)
		all = append(all, m.done(name, m.norm("bn", m.input(dims...))))
	}
	for _, a := range Acts {
		name := "activate/" + a.String()
		m := named(name)
		all = append(all, m.done(name, m.act("act", m.input(2, 7, 5, 3), a)))
		name += " far"
		m = named(name)
		x := m.input(1, 4, 4, 5)
		c := m.done(name, m.act("act", x, a))
		for i := range c.Inputs[0].Float32() { // the flat ends and every kink
			c.Inputs[0].Float32()[i] = []float32{-100, -20, -6, -3, -1, -1e-6, 0, 1e-6, 0.75, 3, 6, 7, 20, 80, 100}[i%15]
		}
		all = append(all, c)
	}
	name := "activate/vector"
	m := named(name)
	all = append(all, m.done(name, m.act("act", m.input(3, 10), graph.HardSigmoid)))

	for _, fn := range []graph.BinaryFn{graph.Add, graph.Sub, graph.Mul, graph.Div} {
		for _, s := range []struct{ a, b []int }{
			{[]int{2, 6, 4, 5}, []int{2, 6, 4, 5}},
			{[]int{1, 7, 3, 3}, []int{1, 7, 1, 1}}, // squeeze-and-excite
			{[]int{2, 6, 1, 1}, []int{2, 6, 4, 5}},
			{[]int{2, 6, 4, 5}, []int{6, 1, 1}},
			{[]int{2, 6, 4, 5}, []int{1, 1, 4, 5}},
			{[]int{2, 6, 4, 5}, []int{2, 1, 4, 5}},
			{[]int{2, 1, 4, 1}, []int{1, 6, 1, 5}},
			{[]int{2, 6, 4, 5}, []int{5}},
			{[]int{3, 9}, []int{3, 9}},
			{[]int{3, 9}, []int{9}},
		} {
			name := fmt.Sprint("binary/", fn, " ", tensor.Shape(s.a), " ", tensor.Shape(s.b))
			m := named(name)
			c := m.done(name, m.Add("y", graph.Binary{Fn: fn}, m.input(s.a...), m.input(s.b...)))
			if fn == graph.Div { // divisors away from zero
				for i, v := range c.Inputs[1].Float32() {
					c.Inputs[1].Float32()[i] = max(v*v, 0.5)
				}
			}
			all = append(all, c)
		}
		name := fmt.Sprint("binary/", fn, " scalar constant")
		m := named(name)
		x := m.input(1, 5, 3, 4)
		all = append(all, m.done(name, m.Add("y", graph.Binary{Fn: fn}, x, m.constant("c", nil, 2.5))))
		name = fmt.Sprint("binary/", fn, " constant first")
		m = named(name)
		x = m.input(1, 5, 3, 4)
		sig := m.act("s", x, graph.Sigmoid) // a divisor above zero
		all = append(all, m.done(name, m.Add("y", graph.Binary{Fn: fn}, m.constant("c", tensor.Shape{1}, -1.5), sig)))
	}
	for _, a := range Acts[1:] {
		name := "binary/add " + a.String()
		m := named(name)
		all = append(all, m.done(name, m.Add("y", graph.Binary{Fn: graph.Add, Act: a}, m.input(2, 3, 4, 5), m.input(2, 3, 4, 5))))
	}
	for _, channels := range []int{1, 7} { // twice the same value
		name := fmt.Sprint("binary/own square of ", channels)
		m := named(name)
		x := m.input(1, channels, 3, 3)
		all = append(all, m.done(name, m.Add("y", graph.Binary{Fn: graph.Mul}, x, x)))
	}

	for _, s := range []struct {
		axis int
		dims []int
	}{{1, []int{1, 10}}, {1, []int{4, 7}}, {0, []int{5, 3}}, {1, []int{2, 6, 3, 4}}, {3, []int{2, 6, 3, 4}}, {1, []int{2, 1}}} {
		name := fmt.Sprint("softmax/axis ", s.axis, " of ", tensor.Shape(s.dims))
		m := named(name)
		all = append(all, m.done(name, m.Add("y", graph.Softmax{Axis: s.axis}, m.input(s.dims...))))
	}
	m = named("softmax/large scores")
	c := m.done("softmax/large scores", m.Add("y", graph.Softmax{Axis: 1}, m.input(2, 9)))
	for i := range c.Inputs[0].Float32() {
		c.Inputs[0].Float32()[i] *= 40
	}
	return append(all, c)
}
