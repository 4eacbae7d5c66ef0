package interp_test

import (
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// direct is a second implementation of every operator that shares nothing with the
// first: it asks, for one element of one output, which elements it is made of, straight
// from the operator's documented equation. It is as slow as that sounds.
func direct(op graph.Op, in []*tensor.Tensor, out tensor.Shape, which int, at []int) float64 {
	switch o := op.(type) {
	case graph.Conv:
		w := in[1].Shape
		top, left := o.Pad.Top, o.Pad.Left
		if o.Pad.Same {
			top = before(in[0].Shape[2], out[2], w[2], o.Stride[0], o.Dilation[0])
			left = before(in[0].Shape[3], out[3], w[3], o.Stride[1], o.Dilation[1])
		}
		perGroup := w[0] / o.Groups
		y := 0.0
		for c := range w[1] {
			for u := range w[2] {
				for v := range w[3] {
					x := element(in[0], at[0], at[1]/perGroup*w[1]+c, at[2]*o.Stride[0]+u*o.Dilation[0]-top, at[3]*o.Stride[1]+v*o.Dilation[1]-left)
					y += x * element(in[1], at[1], c, u, v)
				}
			}
		}
		next := 2
		if o.Bias {
			y += element(in[next], at[1])
			next++
		}
		if o.Residual {
			y += element(in[next], at...)
		}
		return curve(o.Act, y)
	case graph.Linear:
		y := 0.0
		for k := range in[0].Shape[1] {
			y += element(in[0], at[0], k) * element(in[1], at[1], k)
		}
		if o.Bias {
			y += element(in[2], at[1])
		}
		return curve(o.Act, y)
	case graph.BatchNorm:
		c := at[1]
		scale := element(in[1], c) / math.Sqrt(element(in[4], c)+o.Eps)
		return scale*element(in[0], at...) + (element(in[2], c) - element(in[3], c)*scale)
	case graph.Activate:
		return curve(o.Act, element(in[0], at...))
	case graph.Binary:
		a, b := element(in[0], trimmed(in[0].Shape, at)...), element(in[1], trimmed(in[1].Shape, at)...)
		return curve(o.Act, map[graph.BinaryFn]float64{graph.Add: a + b, graph.Sub: a - b, graph.Mul: a * b, graph.Div: a / b}[o.Fn])
	case graph.MaxPool:
		y := math.Inf(-1)
		pooled(in[0], out, o.Kernel, o.Stride, o.Pad, at, func(x float64, image, _ bool) {
			if image && x > y {
				y = x
			}
		})
		return y
	case graph.AvgPool:
		sum, n := 0.0, 0.0
		pooled(in[0], out, o.Kernel, o.Stride, o.Pad, at, func(x float64, image, border bool) {
			if image || border && o.CountPad {
				sum, n = sum+x, n+1
			}
		})
		return sum / n
	case graph.GlobalAvgPool:
		sum, n := 0.0, 0.0
		for r := range in[0].Shape[2] {
			for c := range in[0].Shape[3] {
				sum, n = sum+element(in[0], at[0], at[1], r, c), n+1
			}
		}
		return sum / n
	case graph.Softmax:
		sum, own := 0.0, element(in[0], at...)
		for k := range out[o.Axis] {
			sum += math.Exp(element(in[0], with(at, o.Axis, k)...) - own)
		}
		return 1 / sum
	case graph.Concat:
		k := at[o.Axis]
		for _, t := range in {
			if k < t.Shape[o.Axis] {
				return element(t, with(at, o.Axis, k)...)
			}
			k -= t.Shape[o.Axis]
		}
	case graph.Split:
		return element(in[0], with(at, o.Axis, which*out[o.Axis]+at[o.Axis])...)
	case graph.Slice:
		return element(in[0], with(at, o.Axis, o.Start+o.Step*at[o.Axis])...)
	case graph.Shuffle:
		i, j := at[1]/o.Groups, at[1]%o.Groups
		return element(in[0], with(at, 1, j*(out[1]/o.Groups)+i)...)
	case graph.Pad:
		r, c := at[2]-o.Pad.Top, at[3]-o.Pad.Left
		if r < 0 || c < 0 || r >= in[0].Shape[2] || c >= in[0].Shape[3] {
			return float64(o.Value)
		}
		return element(in[0], at[0], at[1], r, c)
	case graph.Resize:
		if !o.Plain() {
			rows, cols := o.Pick(in[0].Shape[2], in[0].Shape[3])
			return element(in[0], at[0], at[1], int(rows[at[2]]), int(cols[at[3]]))
		}
		r := math.Floor(float64(at[2]) * float64(in[0].Shape[2]) / float64(o.H))
		c := math.Floor(float64(at[3]) * float64(in[0].Shape[3]) / float64(o.W))
		return element(in[0], at[0], at[1], int(r), int(c))
	case graph.Reshape, graph.Flatten, graph.Identity:
		n := 0
		for d, a := range at {
			n = n*out[d] + a
		}
		return float64(in[0].Float32()[n])
	case graph.Transpose:
		from := make([]int, len(at))
		for d, p := range o.Perm.Slice() {
			from[p] = at[d]
		}
		return element(in[0], from...)
	}
	panic("direct: no equation for " + op.Name())
}

// element reads a tensor, 0 outside of it.
func element(t *tensor.Tensor, at ...int) float64 {
	n := 0
	for d, a := range at {
		if a < 0 || a >= t.Shape[d] {
			return 0
		}
		n = n*t.Shape[d] + a
	}
	return float64(t.Float32()[n])
}

// before is TensorFlow's padding before the first element, from the output's size.
func before(in, out, k, s, d int) int { return max((out-1)*s+(k-1)*d+1-in, 0) / 2 }

func with(at []int, axis, value int) []int {
	c := append([]int(nil), at...)
	c[axis] = value
	return c
}

// trimmed is a coordinate in a shape that broadcasts.
func trimmed(s tensor.Shape, at []int) []int {
	c := append([]int(nil), at[len(at)-len(s):]...)
	for d := range c {
		if s[d] == 1 {
			c[d] = 0
		}
	}
	return c
}

// pooled shows a window's elements: those of the image and those of its padding.
func pooled(t *tensor.Tensor, out tensor.Shape, kernel, stride [2]int, p graph.Padding, at []int, see func(x float64, image, border bool)) {
	h, w := t.Shape[2], t.Shape[3]
	if p.Same {
		p.Top, p.Left = before(h, out[2], kernel[0], stride[0], 1), before(w, out[3], kernel[1], stride[1], 1)
		p.Bottom, p.Right = max((out[2]-1)*stride[0]+kernel[0]-h, 0)-p.Top, max((out[3]-1)*stride[1]+kernel[1]-w, 0)-p.Left
	}
	for u := range kernel[0] {
		for v := range kernel[1] {
			r, c := at[2]*stride[0]+u-p.Top, at[3]*stride[1]+v-p.Left
			image := r >= 0 && c >= 0 && r < h && c < w
			see(element(t, at[0], at[1], r, c), image, !image && r < h+p.Bottom && c < w+p.Right)
		}
	}
}

// curve is the activation, written with other functions than the interpreter's.
func curve(a graph.Act, x float64) float64 {
	sigmoid := (1 + math.Tanh(x/2)) / 2
	switch a.Kind {
	case graph.ActReLU:
		return (x + math.Abs(x)) / 2
	case graph.ActClip:
		if x < float64(a.Lo) {
			return float64(a.Lo)
		} else if x > float64(a.Hi) {
			return float64(a.Hi)
		}
	case graph.ActSigmoid:
		return sigmoid
	case graph.ActSiLU:
		return x * sigmoid
	case graph.ActHardSigmoid, graph.ActHardSwish:
		gate := x/6 + 0.5
		if x <= -3 {
			gate = 0
		} else if x >= 3 {
			gate = 1
		}
		if a.Kind == graph.ActHardSwish {
			return gate * x
		}
		return gate
	}
	return x
}
