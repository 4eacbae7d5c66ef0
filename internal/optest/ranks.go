package optest

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Ranks draws a small network whose values have one to six dimensions: reshapes,
// transposes, broadcasts of constants and values of fewer dimensions, cuts and sums along any
// dimension, and between them what images alone have. It asks of those who store images in
// another order than the graph's that every element is where the graph has it.
func Ranks(rng *rand.Rand) (*graph.Graph, []*tensor.Tensor) {
	r := &random{maker: newMaker("ranks", rng)}
	x := r.input([]int{1, 1, 2, 3}[rng.IntN(4)], 1+rng.IntN(8), 2+rng.IntN(7), 2+rng.IntN(7))
	switch rng.IntN(6) {
	case 0:
		x = r.input(1+rng.IntN(3), 2+rng.IntN(24))
	case 1:
		x = r.input(1+rng.IntN(2), 2+rng.IntN(6), 2+rng.IntN(12))
	case 2:
		x = r.input(1, 2+rng.IntN(3), 1+rng.IntN(3), 2+rng.IntN(4), 1+rng.IntN(4))
	}
	values := []graph.ID{x}
	for range 2 + rng.IntN(7) {
		x := values[len(values)-1]
		if rng.IntN(4) == 0 {
			x = values[rng.IntN(len(values))]
		}
		f := anyRank[rng.IntN(len(anyRank))]
		if len(r.shape(x)) == 4 && rng.IntN(5) < 2 {
			f = arrangements[rng.IntN(len(arrangements))]
			r.images = nil
			for _, id := range values {
				if s := r.shape(id); len(s) == 4 && s[0] == r.shape(x)[0] {
					r.images = append(r.images, id)
				}
			}
		}
		if y := f(r, x); r.shape(y).Elements() <= 6000 {
			values = append(values, y)
		}
	}
	outputs := []graph.ID{values[len(values)-1]}
	for rng.IntN(3) == 0 {
		outputs = append(outputs, values[rng.IntN(len(values))])
	}
	for i, id := range outputs { // what is computed
		if i == 0 && len(values) == 1 || r.Type(id).Shape == nil {
			outputs[i] = r.add(graph.Activate{Act: graph.ReLU}, id)
		}
	}
	c := r.done("ranks", outputs...)
	return c.Graph, c.Inputs
}

var anyRank = []func(r *random, x graph.ID) graph.ID{
	(*random).regroup, (*random).regroup, (*random).permute, (*random).permute, (*random).spread, (*random).spread, (*random).meet,
	(*random).cutAny, (*random).joinAny, (*random).share, (*random).limited, (*random).normAny, (*random).pixels, (*random).flat, (*random).asImage,
}

// regroup joins two neighbouring dimensions, cuts one in two, or adds or drops one of one.
func (r *random) regroup(x graph.ID) graph.ID {
	s := r.shape(x).Clone()
	i := r.rng.IntN(len(s))
	switch r.rng.IntN(4) {
	case 0:
		if len(s) > 1 && i+1 < len(s) {
			s[i] *= s[i+1]
			s = slices.Delete(s, i+1, i+2)
		}
	case 1:
		for d := 2 + r.rng.IntN(3); d > 1; d-- {
			if s[i]%d == 0 && len(s) < 6 {
				s[i] /= d
				s = slices.Insert(s, i+r.rng.IntN(2), d)
				break
			}
		}
	case 2:
		if len(s) < 6 {
			s = slices.Insert(s, r.rng.IntN(len(s)+1), 1)
		}
	case 3:
		if s[i] == 1 && len(s) > 1 {
			s = slices.Delete(s, i, i+1)
		} else if len(s) > 1 { // the same elements in other rows
			j := r.rng.IntN(len(s))
			s[i], s[j] = s[j], s[i]
		}
	}
	return r.add(graph.Reshape{To: dims(s...)}, x)
}

func (r *random) permute(x graph.ID) graph.ID {
	n := len(r.shape(x))
	p := r.rng.Perm(n)
	if n == 4 && r.yes() {
		p = [][]int{{0, 2, 3, 1}, {0, 3, 1, 2}, {0, 1, 3, 2}}[r.rng.IntN(3)]
	}
	return r.add(graph.Transpose{Perm: dims(p...)}, x)
}

// spread combines x with a constant of as many dimensions or fewer, each of which is x's or
// one.
func (r *random) spread(x graph.ID) graph.ID {
	s := r.shape(x)
	c := s[r.rng.IntN(len(s)+1):].Clone()
	for i := range c {
		if r.rng.IntN(5) < 2 {
			c[i] = 1
		}
	}
	fn := []graph.BinaryFn{graph.Add, graph.Sub, graph.Mul, graph.Div}[r.rng.IntN(4)]
	t := r.draw(0, 1, c...)
	if fn == graph.Div {
		for i, v := range t.Float32() {
			t.Float32()[i] = 0.5 + v*v
		}
	}
	in := []graph.ID{x, r.Bound(graph.Constant, r.name("c"), t)}
	if fn != graph.Div && r.rng.IntN(3) == 0 {
		in[0], in[1] = in[1], in[0]
	}
	return r.add(graph.Binary{Fn: fn, Act: r.clipOrNone()}, in...)
}

// meet combines x with a value that is computed from it and has fewer elements.
func (r *random) meet(x graph.ID) graph.ID {
	y, s := x, r.shape(x)
	for i := range s {
		if r.yes() {
			at := r.rng.IntN(s[i])
			y = r.add(graph.Slice{Axis: i, Start: at, End: at + 1, Step: 1}, y)
		}
	}
	if t := r.shape(y); len(t) > 1 && t[0] == 1 && r.yes() {
		y = r.add(graph.Reshape{To: dims(t[1:]...)}, y)
	}
	in := []graph.ID{x, y}
	if r.yes() {
		in[0], in[1] = in[1], in[0]
	}
	return r.add(graph.Binary{Fn: []graph.BinaryFn{graph.Add, graph.Sub, graph.Mul}[r.rng.IntN(3)], Act: r.clipOrNone()}, in...)
}

func (r *random) clipOrNone() graph.Act {
	return []graph.Act{{}, {}, graph.ReLU, graph.Clip(-0.5, 1.25)}[r.rng.IntN(4)]
}

// cutAny takes a part along any dimension.
func (r *random) cutAny(x graph.ID) graph.ID {
	s := r.shape(x)
	a := r.rng.IntN(len(s))
	if n := s[a]; n%2 == 0 && r.yes() {
		return r.AddN(r.name("split"), graph.Split{Axis: a, Parts: 2}, 2, x)[r.rng.IntN(2)]
	}
	start := r.rng.IntN(s[a])
	return r.add(graph.Slice{Axis: a, Start: start, End: s[a], Step: 1 + r.rng.IntN(2)}, x)
}

// joinAny concatenates x, something computed from it and perhaps a constant.
func (r *random) joinAny(x graph.ID) graph.ID {
	s := r.shape(x)
	a := r.rng.IntN(len(s))
	in := []graph.ID{x, r.add(graph.Activate{Act: graph.ReLU}, x)}
	if r.rng.IntN(3) == 0 {
		c := s.Clone()
		c[a] = 1 + r.rng.IntN(2)
		in = slices.Insert(in, r.rng.IntN(3), r.Bound(graph.Constant, r.name("c"), r.draw(0, 1, c...)))
	}
	return r.add(graph.Concat{Axis: a}, in...)
}

func (r *random) share(x graph.ID) graph.ID {
	return r.add(graph.Softmax{Axis: r.rng.IntN(len(r.shape(x)))}, x)
}

func (r *random) limited(x graph.ID) graph.ID {
	lo, hi := float32(r.rng.NormFloat64()), float32(math.Inf(1))
	if r.yes() {
		hi = lo + r.rng.Float32()
	} else if r.yes() {
		lo, hi = float32(math.Inf(-1)), lo
	}
	return r.act(r.name("act"), x, []graph.Act{graph.Clip(lo, hi), graph.Clip(-1, 1), graph.ReLU6, graph.HardSwish, graph.Sigmoid, graph.SiLU}[r.rng.IntN(6)])
}

func (r *random) normAny(x graph.ID) graph.ID {
	if len(r.shape(x)) < 2 {
		return r.limited(x)
	}
	return r.norm(r.name("bn"), x)
}

// pixels is a pixel shuffle, or its inverse, of the first dimensions that divide.
func (r *random) pixels(x graph.ID) graph.ID {
	s := r.shape(x)
	if len(s) != 4 {
		return r.permute(x)
	}
	if s[1]%4 == 0 {
		y := r.add(graph.Reshape{To: dims(s[0], s[1]/4, 2, 2, s[2], s[3])}, x)
		y = r.add(graph.Transpose{Perm: dims(0, 1, 4, 2, 5, 3)}, y)
		return r.add(graph.Reshape{To: dims(s[0], s[1]/4, 2*s[2], 2*s[3])}, y)
	}
	if s[2]%2 == 0 && s[3]%2 == 0 {
		y := r.add(graph.Reshape{To: dims(s[0], s[1], s[2]/2, 2, s[3]/2, 2)}, x)
		y = r.add(graph.Transpose{Perm: dims(r.rng.Perm(6)...)}, y)
		t := r.shape(y)
		return r.add(graph.Reshape{To: dims(t[0]*t[1], t[2], t[3], t[4]*t[5])}, y)
	}
	return r.permute(x)
}

// flat joins all dimensions from one on, and mostly multiplies what are then rows.
func (r *random) flat(x graph.ID) graph.ID {
	s := r.shape(x)
	y := r.add(graph.Flatten{Axis: r.rng.IntN(len(s))}, x)
	if t := r.shape(y); len(t) == 2 && t[1] <= 400 && r.rng.IntN(3) > 0 {
		y = r.linear(r.name("linear"), y, 2+r.rng.IntN(12), graph.Linear{Bias: r.yes()})
	}
	return y
}

// asImage gives x four dimensions and filters or pools it.
func (r *random) asImage(x graph.ID) graph.ID {
	s := r.shape(x)
	n := s.Elements()
	var c int
	for _, d := range []int{6, 4, 3, 2, 1} {
		if n%d == 0 {
			c = d
			break
		}
	}
	h := 1
	for _, d := range []int{5, 4, 3, 2} {
		if n/c%d == 0 {
			h = d
			break
		}
	}
	y := r.add(graph.Reshape{To: dims(1, c, h, n/c/h)}, x)
	if r.yes() {
		return r.pool(y)
	}
	if r.shape(y)[3] > 60 {
		return y
	}
	return r.filter(y, 1+r.rng.IntN(8), 1+r.rng.IntN(2), false)
}
