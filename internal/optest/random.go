package optest

import (
	"fmt"
	"math/rand/v2"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Random draws a small network of every operator, in the arrangements that the zoo's
// networks, others' and exported files have, with its weights bound, and inputs for it. It has one
// input or two, one output or several, and a batch of one to three.
func Random(rng *rand.Rand) (*graph.Graph, []*tensor.Tensor) {
	r := &random{maker: newMaker("random", rng)}
	sides := func() int { return 4 + rng.IntN([]int{9, 9, 9, 25}[rng.IntN(4)]) }
	r.images = []graph.ID{r.input([]int{1, 1, 1, 2, 3}[rng.IntN(5)], 1+rng.IntN(12), sides(), sides())}
	if rng.IntN(4) == 0 {
		r.images = append(r.images, r.input(r.shape(r.images[0])...))
	}
	for range 2 + rng.IntN(5) {
		r.step()
	}
	outputs := []graph.ID{r.head(r.images[len(r.images)-1])}
	for rng.IntN(3) == 0 { // an intermediate is an output too
		id := r.images[rng.IntN(len(r.images))]
		outputs = append(outputs, id)
	}
	c := r.done("random", outputs...)
	return c.Graph, c.Inputs
}

// random grows a network: images are the [N,C,H,W] values that later steps may read.
type random struct {
	*maker
	images []graph.ID
	names  int
}

func (r *random) name(what string) string {
	r.names++
	return fmt.Sprintf("%s%d", what, r.names)
}

func (r *random) shape(id graph.ID) tensor.Shape { return r.Type(id).Shape }

func (r *random) add(op graph.Op, in ...graph.ID) graph.ID {
	return r.Add(r.name(op.Name()), op, in...)
}

func (r *random) yes() bool { return r.rng.IntN(2) == 0 }

// step adds one arrangement to an image, mostly to the last one.
func (r *random) step() {
	x := r.images[len(r.images)-1]
	if r.rng.IntN(4) == 0 {
		x = r.images[r.rng.IntN(len(r.images))]
	}
	y := arrangements[r.rng.IntN(len(arrangements))](r, x)
	if s := r.shape(y); s[1] > 40 { // keep it small
		y = r.add(graph.Slice{Axis: 1, End: 1 + r.rng.IntN(40), Step: 1}, y)
	}
	r.images = append(r.images, y)
}

var arrangements = []func(r *random, x graph.ID) graph.ID{
	(*random).layer, (*random).layer, (*random).separable, (*random).residual, (*random).residual, (*random).excite,
	(*random).ghost, (*random).shuffleUnit, (*random).dense, (*random).pool, (*random).join, (*random).gate,
	(*random).border, (*random).move, (*random).broadcast, (*random).apart,
	(*random).strided, (*random).strided, (*random).window, (*random).anyPool, (*random).rowsOf,
}

// activation draws none one time in four.
func (r *random) activation(x graph.ID) graph.ID {
	if a := Acts[r.rng.IntN(len(Acts))]; a.Kind != graph.ActNone && r.rng.IntN(4) > 0 {
		return r.act(r.name("act"), x, a)
	}
	return x
}

// filter is a convolution to out channels with stride s, most often followed by a batch
// norm, and no activation.
func (r *random) filter(x graph.ID, out, s int, depthwise bool) graph.ID {
	in := r.shape(x)
	k := []int{1, 3, 3, 5}[r.rng.IntN(4)]
	c := graph.Conv{Stride: [2]int{s, s}, Pad: graph.Symmetric(k/2, k/2), Bias: r.rng.IntN(4) == 0}
	switch {
	case depthwise:
		c.Groups, out = in[1], in[1]
	case in[1]%2 == 0 && out%2 == 0 && r.rng.IntN(5) == 0:
		c.Groups = 2
	}
	switch r.rng.IntN(5) {
	case 0:
		c.Pad = graph.SamePadding
	case 1:
		if k > 1 {
			c.Dilation = [2]int{2, 2}
			c.Pad = graph.Symmetric(k-1, k-1)
		}
	}
	y := r.conv(r.name("conv"), x, out, [2]int{k, k}, c)
	if r.rng.IntN(4) > 0 {
		y = r.norm(r.name("bn"), y)
	}
	return y
}

func (r *random) layer(x graph.ID) graph.ID {
	return r.activation(r.filter(x, 1+r.rng.IntN(20), 1+r.rng.IntN(2), false))
}

func (r *random) separable(x graph.ID) graph.ID {
	return r.layer(r.activation(r.filter(x, 0, 1+r.rng.IntN(2), true)))
}

func (r *random) residual(x graph.ID) graph.ID {
	y := x
	if r.yes() {
		y = r.activation(r.filter(y, 4+r.rng.IntN(12), 1, false))
	}
	if r.yes() {
		y = r.activation(r.filter(y, 0, 1, true))
	}
	y = r.filter(y, r.shape(x)[1], 1, false)
	if r.rng.IntN(4) == 0 {
		y = r.activation(y)
	}
	if r.rng.IntN(3) == 0 { // a projected shortcut
		x = r.filter(x, r.shape(x)[1], 1, false)
	}
	if r.yes() {
		x, y = y, x
	}
	return r.activation(r.add(graph.Binary{Fn: graph.Add}, x, y))
}

func (r *random) excite(x graph.ID) graph.ID {
	one, c := [2]int{1, 1}, r.shape(x)[1]
	s := r.add(graph.GlobalAvgPool{}, x)
	s = r.activation(r.conv(r.name("conv"), s, 1+r.rng.IntN(6), one, graph.Conv{Bias: true}))
	s = r.conv(r.name("conv"), s, c, one, graph.Conv{Bias: true})
	s = r.act(r.name("act"), s, []graph.Act{graph.Sigmoid, graph.HardSigmoid}[r.rng.IntN(2)])
	return r.add(graph.Binary{Fn: graph.Mul}, x, s)
}

// ghost is GhostNet's module, cut where the channels do not divide.
func (r *random) ghost(x graph.ID) graph.ID {
	a := r.activation(r.filter(x, 2+r.rng.IntN(9), 1, false))
	b := r.activation(r.filter(a, 0, 1, true))
	y := r.add(graph.Concat{Axis: 1}, a, b)
	if c := r.shape(y)[1]; r.yes() {
		y = r.add(graph.Slice{Axis: 1, End: c - 1, Step: 1}, y)
	}
	return y
}

func (r *random) shuffleUnit(x graph.ID) graph.ID {
	if r.shape(x)[1]%2 != 0 {
		x = r.filter(x, r.shape(x)[1]+1, 1, false)
	}
	halves := r.AddN(r.name("split"), graph.Split{Axis: 1, Parts: 2}, 2, x)
	y := r.activation(r.filter(r.filter(halves[1], 0, 1, true), r.shape(halves[1])[1], 1, false))
	y = r.add(graph.Concat{Axis: 1}, halves[0], y)
	s := r.shape(y)
	if r.yes() {
		return r.add(graph.Shuffle{Groups: 2}, y)
	}
	y = r.add(graph.Reshape{To: dims(0, 2, s[1]/2, s[2], s[3])}, y)
	y = r.add(graph.Transpose{Perm: dims(0, 2, 1, 3, 4)}, y)
	return r.add(graph.Reshape{To: dims(0, -1, s[2], s[3])}, y)
}

// dense nests concatenations, before the convolution or behind it.
func (r *random) dense(x graph.ID) graph.ID {
	for range 1 + r.rng.IntN(3) {
		y := r.activation(r.filter(x, 1+r.rng.IntN(6), 1, false))
		if r.yes() {
			x, y = y, x
		}
		x = r.add(graph.Concat{Axis: 1}, x, y)
		if r.rng.IntN(3) == 0 {
			x = r.activation(r.norm(r.name("bn"), x))
		}
	}
	return x
}

func (r *random) pool(x graph.ID) graph.ID {
	k := [2]int{2 + r.rng.IntN(2), 2 + r.rng.IntN(2)}
	if s := r.shape(x); s[2] < k[0] || s[3] < k[1] {
		return r.add(graph.Identity{}, x)
	}
	s := [2]int{1 + r.rng.IntN(2), 1 + r.rng.IntN(2)}
	pad := []graph.Padding{{}, graph.Symmetric(1, 1), graph.SamePadding, {Bottom: 1, Right: 1}}[r.rng.IntN(4)]
	if r.yes() {
		return r.add(graph.MaxPool{Kernel: k, Stride: s, Pad: pad, Ceil: r.yes()}, x)
	}
	return r.add(graph.AvgPool{Kernel: k, Stride: s, Pad: pad, Ceil: r.yes(), CountPad: r.yes()}, x)
}

// join brings another image to x's size and concatenates it.
func (r *random) join(x graph.ID) graph.ID {
	y, s := r.images[r.rng.IntN(len(r.images))], r.shape(x)
	if r.yes() { // the same value twice is fine, and so is the same size
		y = r.add(graph.Resize{H: s[2], W: s[3]}, y)
	}
	if t := r.shape(y); t[2] != s[2] || t[3] != s[3] {
		y = r.add(graph.Resize{H: s[2], W: s[3]}, y)
	}
	return r.add(graph.Concat{Axis: 1}, y, x)
}

// gate spells an activation as exporters do.
func (r *random) gate(x graph.ID) graph.ID {
	mul := graph.Binary{Fn: graph.Mul}
	switch r.rng.IntN(3) {
	case 0:
		return r.add(mul, x, r.act(r.name("act"), x, graph.Sigmoid))
	case 1:
		return r.add(mul, r.act(r.name("act"), x, graph.HardSigmoid), x)
	}
	y := r.add(graph.Binary{Fn: graph.Add}, x, r.constant(r.name("three"), nil, 3))
	y = r.act(r.name("act"), y, graph.ReLU6)
	return r.add(mul, x, r.add(graph.Binary{Fn: graph.Div}, y, r.constant(r.name("six"), nil, 6)))
}

// border pads, and mostly filters or pools what it padded.
func (r *random) border(x graph.ID) graph.ID {
	p := graph.Padding{Top: r.rng.IntN(3), Left: r.rng.IntN(3), Bottom: r.rng.IntN(3), Right: r.rng.IntN(3)}
	y := r.add(graph.Pad{Pad: p, Value: float32(r.rng.IntN(2))}, x)
	switch r.rng.IntN(4) {
	case 0:
		return y
	case 1:
		return r.pool(y)
	}
	s := r.shape(y)
	k := [2]int{min(3, s[2]), min(3, s[3])}
	return r.norm(r.name("bn"), r.conv(r.name("conv"), y, 1+r.rng.IntN(12), k, graph.Conv{Stride: [2]int{2, 1}}))
}

// move only moves and selects elements.
func (r *random) move(x graph.ID) graph.ID {
	s := r.shape(x)
	switch r.rng.IntN(6) {
	case 0:
		return r.add(graph.Transpose{Perm: dims(0, 1, 3, 2)}, x)
	case 1:
		n := 1 + r.rng.IntN(s[1])
		return r.add(graph.Slice{Axis: 1, Start: n - 1, End: s[1], Step: 1 + r.rng.IntN(2)}, x)
	case 2:
		return r.add(graph.Slice{Axis: 2, Start: 0, End: s[2], Step: 2}, x)
	case 3:
		if s[2]*s[3] <= 100 {
			return r.add(graph.Resize{H: s[2] + r.rng.IntN(6), W: 2 * s[3]}, x)
		}
	case 4:
		return r.add(graph.Reshape{To: dims(0, s[1], s[3], -1)}, x)
	}
	return r.add(graph.Identity{}, x)
}

// broadcast combines x with something smaller: a scalar, one number per channel or per
// pixel, of an input or a constant.
func (r *random) broadcast(x graph.ID) graph.ID {
	s := r.shape(x)
	fn := []graph.BinaryFn{graph.Add, graph.Sub, graph.Mul}[r.rng.IntN(3)]
	var y graph.ID
	switch r.rng.IntN(4) {
	case 0:
		y = r.Bound(graph.Constant, r.name("c"), r.draw(0, 1, s[1], 1, 1))
	case 1:
		y = r.Bound(graph.Parameter, r.name("c"), r.draw(0, 1, 1, s[1], 1, 1))
	case 2:
		y = r.add(graph.Slice{Axis: 1, End: 1, Step: 1}, x)
	case 3:
		c := r.draw(0, 1, s[2], s[3])
		if r.yes() { // divisors stay away from zero
			fn = graph.Div
			for i, v := range c.Float32() {
				c.Float32()[i] = 0.5 + v*v
			}
		}
		y = r.Bound(graph.Constant, r.name("c"), c)
	}
	in := []graph.ID{x, y}
	if fn != graph.Div && r.rng.IntN(3) == 0 {
		in[0], in[1] = y, x
	}
	return r.activation(r.add(graph.Binary{Fn: fn}, in...))
}

// apart is a convolution whose bias is added by a node of its own, as files have it.
func (r *random) apart(x graph.ID) graph.ID {
	out := 1 + r.rng.IntN(9)
	y := r.conv(r.name("conv"), x, out, [2]int{1, 1}, graph.Conv{})
	c := r.Bound(graph.Constant, r.name("c"), r.draw(0, 1, 1, out, 1, 1))
	return r.activation(r.add(graph.Binary{Fn: graph.Add}, y, c))
}

// head ends the network: with the image itself, its mean, or scores of classes.
func (r *random) head(x graph.ID) graph.ID {
	kind := r.rng.IntN(4)
	if kind == 0 {
		return x
	}
	if kind == 1 && r.shape(x)[2:].Elements() <= 60 {
		x = r.add(graph.Reshape{To: dims(0, -1)}, x)
	} else {
		x = r.add(graph.Flatten{Axis: 1}, r.add(graph.GlobalAvgPool{}, x))
	}
	x = r.add(graph.Identity{}, x)
	x = r.activation(r.linear(r.name("linear"), x, 2+r.rng.IntN(20), graph.Linear{Bias: r.yes()}))
	if r.yes() {
		x = r.norm(r.name("bn"), x)
	}
	if r.yes() {
		x = r.add(graph.Softmax{Axis: 1}, x)
	}
	return x
}
