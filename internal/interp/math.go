package interp

import (
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// act is the activation function in float64.
func act(a graph.Act, x float64) float64 {
	switch a.Kind {
	case graph.ActReLU:
		return max(x, 0)
	case graph.ActClip:
		return min(max(x, float64(a.Lo)), float64(a.Hi))
	case graph.ActSigmoid:
		return 1 / (1 + math.Exp(-x))
	case graph.ActSiLU:
		return x / (1 + math.Exp(-x))
	case graph.ActHardSigmoid:
		return min(max(x+3, 0), 6) / 6
	case graph.ActHardSwish:
		return x * min(max(x+3, 0), 6) / 6
	}
	return x
}

func activate(op graph.Op, in, out []*tensor.Tensor) {
	y := out[0].Float32()
	for i, x := range in[0].Float32() {
		y[i] = float32(act(op.(graph.Activate).Act, float64(x)))
	}
}

// binary: y = Act(Fn(a, b)) with NumPy's broadcasting.
func binary(op graph.Op, in, out []*tensor.Tensor) {
	b := op.(graph.Binary)
	x, z, y := in[0].Float32(), in[1].Float32(), out[0].Float32()
	xs, zs := broadcast(in[0].Shape, out[0].Shape), broadcast(in[1].Shape, out[0].Shape)
	each(out[0].Shape, func(i int, at []int) {
		p, q := float64(x[offset(at, xs)]), float64(z[offset(at, zs)])
		switch b.Fn {
		case graph.Add:
			p += q
		case graph.Sub:
			p -= q
		case graph.Mul:
			p *= q
		case graph.Div:
			p /= q
		}
		y[i] = float32(act(b.Act, p))
	})
}

// broadcast returns the strides with which a shape is read as a larger one: 0 where its
// dimension is 1 or absent.
func broadcast(s, to tensor.Shape) []int {
	strides := make([]int, len(to))
	step := 1
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] > 1 {
			strides[len(to)-len(s)+i] = step
		}
		step *= s[i]
	}
	return strides
}

func offset(at, strides []int) int {
	n := 0
	for i, a := range at {
		n += a * strides[i]
	}
	return n
}

// each visits the elements of a shape in row-major order with their coordinates.
func each(s tensor.Shape, visit func(i int, at []int)) {
	at := make([]int, len(s))
	for i := range s.Elements() {
		visit(i, at)
		for d := len(s) - 1; d >= 0; d-- {
			if at[d]++; at[d] < s[d] {
				break
			}
			at[d] = 0
		}
	}
}

// softmax: eˣⁱ⁻ᵐ / Σ eˣʲ⁻ᵐ along an axis, m being its largest element.
func softmax(op graph.Op, in, out []*tensor.Tensor) {
	axis := op.(graph.Softmax).Axis
	x, y, s := in[0].Float32(), out[0].Float32(), in[0].Shape
	n, inner := s[axis], s[axis+1:].Elements()
	for outer := range s[:axis].Elements() {
		for k := range inner {
			at := outer*n*inner + k
			top, sum := math.Inf(-1), 0.0
			for i := range n {
				top = max(top, float64(x[at+i*inner]))
			}
			for i := range n {
				sum += math.Exp(float64(x[at+i*inner]) - top)
			}
			for i := range n {
				y[at+i*inner] = float32(math.Exp(float64(x[at+i*inner])-top) / sum)
			}
		}
	}
}
