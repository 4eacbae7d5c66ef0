package optest

import (
	"math/rand/v2"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Arrangements in which one reader of an image skips rows that another looks at: blocks with
// strided shortcuts, as RegNet, ResNetV2 and many exported files have them, and windows of
// every size and stride.

// RandomResidual draws a network of residual blocks with strided shortcuts, as RegNet and
// ResNetV2 are, over maps of 12 to 40 rows and columns: large enough for plans that only
// large maps have.
func RandomResidual(rng *rand.Rand) (*graph.Graph, []*tensor.Tensor) {
	r := &random{maker: newMaker("residual", rng)}
	x := r.input(1+rng.IntN(2), 1+rng.IntN(6), 12+rng.IntN(29), 12+rng.IntN(29))
	if r.yes() {
		x = r.layer(x)
	}
	r.images = []graph.ID{x}
	for range 1 + rng.IntN(4) {
		x = []func(r *random, x graph.ID) graph.ID{
			(*random).strided, (*random).strided, (*random).strided, (*random).residual, (*random).window, (*random).anyPool,
		}[rng.IntN(6)](r, x)
		r.images = append(r.images, x)
	}
	outputs := []graph.ID{r.head(x)}
	for rng.IntN(3) == 0 {
		outputs = append(outputs, r.images[rng.IntN(len(r.images))])
	}
	c := r.done("residual", outputs...)
	return c.Graph, c.Inputs
}

func (r *random) side(n int) [2]int { return [2]int{1 + r.rng.IntN(n), 1 + r.rng.IntN(n)} }

// window is any convolution that fits the image: even and odd kernels, strides to 3 of each
// direction, uneven padding, dense, grouped or depthwise.
func (r *random) window(x graph.ID) graph.ID {
	in := r.shape(x)
	k, s := r.side(5), r.side(3)
	k[0], k[1] = min(k[0], in[2]), min(k[1], in[3])
	c := graph.Conv{Stride: s, Bias: r.yes()}
	switch r.rng.IntN(4) {
	case 0:
		c.Pad = graph.SamePadding
	case 1:
		c.Pad = graph.Symmetric(k[0]/2, k[1]/2)
	case 2:
		c.Pad = graph.Padding{Top: r.rng.IntN(k[0]), Left: r.rng.IntN(k[1]), Bottom: r.rng.IntN(k[0]), Right: r.rng.IntN(k[1])}
	}
	out := 1 + r.rng.IntN(20)
	if r.rng.IntN(3) == 0 {
		c.Groups, out = in[1], in[1]
	}
	return r.activation(r.conv(r.name("conv"), x, out, k, c))
}

// anyPool is a pooling of every kind that fits the image, kernels of one element included.
func (r *random) anyPool(x graph.ID) graph.ID {
	in := r.shape(x)
	k, s := r.side(4), r.side(3)
	k[0], k[1] = min(k[0], in[2]), min(k[1], in[3])
	return r.poolOf(x, k, s)
}

func (r *random) poolOf(x graph.ID, k, s [2]int) graph.ID {
	pad := graph.Padding{}
	switch r.rng.IntN(4) {
	case 0:
		pad = graph.SamePadding
	case 1:
		pad = graph.Symmetric(k[0]/2, k[1]/2)
	case 2:
		pad = graph.Padding{Top: r.rng.IntN(k[0]), Left: r.rng.IntN(k[1]), Bottom: r.rng.IntN(k[0]), Right: r.rng.IntN(k[1])}
	}
	if r.yes() {
		return r.add(graph.MaxPool{Kernel: k, Stride: s, Pad: pad, Ceil: r.yes()}, x)
	}
	return r.add(graph.AvgPool{Kernel: k, Stride: s, Pad: pad, Ceil: r.yes(), CountPad: r.yes()}, x)
}

// shrink is what a shortcut does to an image of in rows and columns so that strides of s are
// made: it looks at few of the pixels, or at all.
func (r *random) shrink(x graph.ID, s [2]int) graph.ID {
	one, in := [2]int{1, 1}, r.shape(x)
	switch r.rng.IntN(7) {
	case 0:
		return r.add(graph.MaxPool{Kernel: one, Stride: s}, x)
	case 1:
		return r.add(graph.AvgPool{Kernel: one, Stride: s, Ceil: r.yes()}, x)
	case 2: // 2×2, often of a stride above it
		k := [2]int{min(2, in[2]), min(2, in[3])}
		return r.conv(r.name("conv"), x, in[1], k, graph.Conv{Stride: s, Bias: r.yes()})
	case 3:
		return r.conv(r.name("conv"), x, in[1], one, graph.Conv{Groups: in[1], Stride: s})
	case 4:
		return r.poolOf(x, [2]int{min(2, in[2]), min(2, in[3])}, s)
	}
	y := r.conv(r.name("conv"), x, 1+r.rng.IntN(16), one, graph.Conv{Stride: s, Bias: r.yes()})
	if r.yes() {
		y = r.norm(r.name("bn"), y)
	}
	return y
}

// strided is a residual block with a strided shortcut, which comes first or last; the block
// is a bottleneck or a separable or plain pair of convolutions, before or behind its norms.
func (r *random) strided(x graph.ID) graph.ID {
	s := r.side(3)
	if r.rng.IntN(3) > 0 {
		s = [2]int{2, 2}
	}
	before := x
	if r.yes() { // ResNetV2: the norm comes first, and the shortcut may start before or behind it
		before = r.act(r.name("act"), r.norm(r.name("bn"), x), graph.ReLU)
		if r.yes() {
			x = before
		}
	} else if r.rng.IntN(3) > 0 { // something that computes rows in turn comes before it
		x = r.activation(r.conv(r.name("conv"), x, 1+r.rng.IntN(16), [2]int{1, 1}, graph.Conv{Bias: true}))
		before = x
	}
	branch := func() graph.ID {
		y := before
		if r.rng.IntN(3) > 0 {
			y = r.activation(r.conv(r.name("conv"), y, 4*(1+r.rng.IntN(4)), [2]int{1, 1}, graph.Conv{Bias: r.yes()}))
		}
		k := []int{1, 3, 3, 5, 7}[r.rng.IntN(5)]
		c := graph.Conv{Stride: s, Pad: graph.Symmetric(k/2, k/2), Bias: true}
		out := 1 + r.rng.IntN(16)
		switch {
		case r.rng.IntN(3) == 0:
			c.Groups, out = r.shape(y)[1], r.shape(y)[1]
		case r.shape(y)[1]%4 == 0:
			c.Groups, out = 2, 8
		}
		y = r.activation(r.conv(r.name("conv"), y, out, [2]int{k, k}, c))
		if r.rng.IntN(4) == 0 {
			y = r.excite(y)
		}
		return y
	}
	var cut, main graph.ID
	if r.yes() {
		cut = r.shrink(x, s)
		main = branch()
	} else {
		main = branch()
		cut = r.shrink(x, s)
	}
	main = r.conv(r.name("conv"), main, r.shape(cut)[1], [2]int{1, 1}, graph.Conv{Bias: true})
	h, w := min(r.shape(cut)[2], r.shape(main)[2]), min(r.shape(cut)[3], r.shape(main)[3])
	cut, main = r.crop(cut, h, w), r.crop(main, h, w)
	if r.yes() {
		cut, main = main, cut
	}
	return r.activation(r.add(graph.Binary{Fn: graph.Add}, cut, main))
}

// crop keeps the first h rows and w columns.
func (r *random) crop(x graph.ID, h, w int) graph.ID {
	for i, n := range [2]int{h, w} {
		if r.shape(x)[2+i] > n {
			x = r.add(graph.Slice{Axis: 2 + i, End: n, Step: 1}, x)
		}
	}
	return x
}

// rowsOf combines an image with some rows of its own or the same elements as other rows.
func (r *random) rowsOf(x graph.ID) graph.ID {
	x = r.activation(r.conv(r.name("conv"), x, 1+r.rng.IntN(12), [2]int{1, 1}, graph.Conv{Bias: true}))
	s := r.shape(x)
	from := r.rng.IntN(s[2])
	some := func() graph.ID { return r.add(graph.Slice{Axis: 2, Start: from, End: s[2], Step: 1}, x) }
	switch r.rng.IntN(4) {
	case 0: // rows above are added to rows below
		y := r.conv(r.name("conv"), r.crop(x, s[2]-from, s[3]), s[1], [2]int{1, 1}, graph.Conv{})
		return r.add(graph.Binary{Fn: graph.Add}, y, some())
	case 1:
		return r.window(some())
	case 2:
		return r.anyPool(r.add(graph.Reshape{To: dims(0, s[1], s[3], -1)}, x))
	}
	y := r.window(x)
	return r.add(graph.Concat{Axis: 2}, y, r.crop(y, 1, r.shape(y)[3]), y)
}
