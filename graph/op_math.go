package graph

import (
	"fmt"

	"github.com/wispnet/wisp/tensor"
)

// BinaryFn is the arithmetic of a Binary.
type BinaryFn uint8

const (
	Add BinaryFn = iota
	Sub
	Mul
	Div
)

var binaryNames = [...]string{"add", "sub", "mul", "div"}

func (f BinaryFn) String() string {
	if int(f) >= len(binaryNames) {
		return fmt.Sprintf("fn(%d)", uint8(f))
	}
	return binaryNames[f]
}

// Binary combines two inputs element by element and then activates:
// y = Act(Fn(a, b)). Shapes broadcast as in NumPy; squeeze-and-excite is a Mul of
// [N,C,H,W] with [N,C,1,1].
type Binary struct {
	Fn  BinaryFn
	Act Act
}

func (Binary) Name() string { return "binary" }

func (b Binary) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	x, y := in[0].Shape, in[1].Shape
	if in[0].DType != in[1].DType {
		return nil, fmt.Errorf("got %v and %v, want one element type", in[0], in[1])
	}
	out := make(tensor.Shape, max(len(x), len(y)))
	for i := range out {
		p, q := dimFromEnd(x, len(out)-1-i), dimFromEnd(y, len(out)-1-i)
		switch {
		case p == q || q == 1:
			out[i] = p
		case p == 1:
			out[i] = q
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast", x, y)
		}
	}
	return []Type{{in[0].DType, out}}, nil
}

func dimFromEnd(s tensor.Shape, i int) int {
	if i >= len(s) {
		return 1
	}
	return s[len(s)-1-i]
}

// Softmax turns scores into probabilities along Axis: eˣⁱ / Σ eˣʲ.
type Softmax struct{ Axis int }

func (Softmax) Name() string { return "softmax" }

func (s Softmax) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if s.Axis < 0 || s.Axis >= len(in[0].Shape) {
		return nil, fmt.Errorf("axis %d: want 0 to %d", s.Axis, len(in[0].Shape)-1)
	}
	return same(in), nil
}
