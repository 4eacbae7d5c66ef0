package graph

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/tensor"
)

// Concat joins its inputs, one or more, along Axis.
type Concat struct{ Axis int }

func (Concat) Name() string { return "concat" }

func (c Concat) Infer(in []Type) ([]Type, error) {
	if err := arity(in, max(len(in), 1)); err != nil {
		return nil, err
	}
	if c.Axis < 0 || c.Axis >= len(in[0].Shape) {
		return nil, fmt.Errorf("axis %d: want 0 to %d", c.Axis, len(in[0].Shape)-1)
	}
	out := in[0].Shape.Clone()
	for i, t := range in[1:] {
		if t.DType != in[0].DType || len(t.Shape) != len(out) {
			return nil, fmt.Errorf("input %d: got %v, want the type and rank of %v", i+1, t, in[0])
		}
		for d := range out {
			if d != c.Axis && t.Shape[d] != out[d] {
				return nil, fmt.Errorf("input %d: got shape %v, want %v but for axis %d", i+1, t.Shape, in[0].Shape, c.Axis)
			}
		}
		out[c.Axis] += t.Shape[c.Axis]
	}
	return []Type{{in[0].DType, out}}, nil
}

// Split cuts its input along Axis into Parts equal pieces, one output each.
type Split struct{ Axis, Parts int }

func (Split) Name() string { return "split" }

func (s Split) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if s.Axis < 0 || s.Axis >= len(x) || s.Parts < 1 || s.Parts > maxPadding || x[s.Axis]%s.Parts != 0 {
		return nil, fmt.Errorf("shape %v does not split into %d parts along axis %d", x, s.Parts, s.Axis)
	}
	part := x.Clone()
	part[s.Axis] /= s.Parts
	out := make([]Type, s.Parts)
	for i := range out {
		out[i] = Type{in[0].DType, part.Clone()}
	}
	return out, nil
}

// Slice keeps the elements Start, Start+Step, … below End of one axis.
type Slice struct{ Axis, Start, End, Step int }

func (Slice) Name() string { return "slice" }

func (s Slice) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if s.Axis < 0 || s.Axis >= len(x) || s.Step < 1 || s.Start < 0 || s.End > x[s.Axis] || s.Start > s.End {
		return nil, fmt.Errorf("slice %d:%d:%d of axis %d does not fit shape %v", s.Start, s.End, s.Step, s.Axis, x)
	}
	out := x.Clone()
	out[s.Axis] = 0
	if s.End > s.Start {
		out[s.Axis] = (s.End-s.Start-1)/s.Step + 1
	}
	return []Type{{in[0].DType, out}}, nil
}

// Shuffle permutes channels as ShuffleNet does (Zhang et al. 2018, Fig. 1): view C
// as (Groups, C/Groups), transpose, flatten; so y[i·Groups+j] = x[j·C/Groups+i].
// Its inverse is the shuffle with C/Groups groups. Input [N,C,H,W], output the same.
type Shuffle struct{ Groups int }

func (Shuffle) Name() string { return "shuffle" }

func (s Shuffle) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := rank(in, 0, 4); err != nil {
		return nil, err
	}
	if s.Groups < 1 || in[0].Shape[1]%s.Groups != 0 {
		return nil, fmt.Errorf("%d channels do not shuffle in %d groups", in[0].Shape[1], s.Groups)
	}
	return same(in), nil
}

// Pad surrounds an image with Value. Input [N,C,H,W]; output grows by Pad.
type Pad struct {
	Pad   Padding
	Value float32
}

func (Pad) Name() string { return "pad" }

func (p Pad) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := rank(in, 0, 4); err != nil {
		return nil, err
	}
	q := p.Pad
	if q.Same || min(q.Top, q.Left, q.Bottom, q.Right) < 0 || max(q.Top, q.Left, q.Bottom, q.Right) > maxPadding {
		return nil, fmt.Errorf("padding %+v: want explicit numbers from 0 to %d", q, maxPadding)
	}
	x := in[0].Shape
	return []Type{{in[0].DType, tensor.Shape{x[0], x[1], x[2] + q.Top + q.Bottom, x[3] + q.Left + q.Right}}}, nil
}

// Dims is a short list of dimensions that can be compared with ==. Rank says how
// many of D are used.
type Dims struct {
	D    [8]int
	Rank int
}

// DimsOf makes Dims of at most eight numbers.
func DimsOf(d ...int) (Dims, error) {
	var out Dims
	if len(d) > len(out.D) {
		return out, fmt.Errorf("got %d dimensions, want at most %d", len(d), len(out.D))
	}
	out.Rank = copy(out.D[:], d)
	return out, nil
}

// Slice returns the used dimensions.
func (d Dims) Slice() []int {
	n := min(max(d.Rank, 0), len(d.D))
	return d.D[:n:n]
}

// Reshape gives the elements another shape. In To, 0 copies the input's dimension
// at that place and one −1 takes what remains, so a batch can change.
type Reshape struct{ To Dims }

func (Reshape) Name() string { return "reshape" }

func (r Reshape) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	x := in[0].Shape
	out := tensor.Shape(r.To.Slice()).Clone()
	free := -1
	for i, d := range out {
		switch {
		case d == 0 && i < len(x):
			out[i] = x[i]
		case d == -1 && free < 0:
			free, out[i] = i, 1
		case d < 1:
			return nil, fmt.Errorf("shape %v: dimension %d: want at least 1, one −1, or 0 to copy", r.To.Slice(), i)
		}
	}
	have := x.Elements()
	want, ok := out.Count()
	if !ok {
		return nil, fmt.Errorf("shape %v overflows", r.To.Slice())
	}
	if free >= 0 && want == 0 {
		return nil, fmt.Errorf("%v has no elements: the −1 of %v may be anything", x, r.To.Slice())
	}
	if free >= 0 && have%want == 0 {
		out[free] = have / want
		want = have
	}
	if want != have {
		return nil, fmt.Errorf("%v has %d elements and does not reshape to %v", x, have, r.To.Slice())
	}
	return []Type{{in[0].DType, out}}, nil
}

// Flatten joins all dimensions from Axis on: [N,C,H,W] becomes [N,C·H·W] with 1.
type Flatten struct{ Axis int }

func (Flatten) Name() string { return "flatten" }

func (f Flatten) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if f.Axis < 0 || f.Axis > len(x) {
		return nil, fmt.Errorf("axis %d: want 0 to %d", f.Axis, len(x))
	}
	rest, ok := x[f.Axis:].Count()
	if !ok {
		return nil, fmt.Errorf("dimensions %v of shape %v overflow", x[f.Axis:], x)
	}
	out := append(x[:f.Axis].Clone(), rest)
	return []Type{{in[0].DType, out}}, nil
}

// Transpose reorders dimensions: output dimension i is input dimension Perm[i].
type Transpose struct{ Perm Dims }

func (Transpose) Name() string { return "transpose" }

func (t Transpose) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	perm := t.Perm.Slice()
	sorted := slices.Sorted(slices.Values(perm))
	for i, p := range sorted {
		if p != i {
			return nil, fmt.Errorf("%v is not a permutation", perm)
		}
	}
	if len(perm) != len(in[0].Shape) {
		return nil, fmt.Errorf("permutation %v does not fit shape %v", perm, in[0].Shape)
	}
	out := make(tensor.Shape, len(perm))
	for i, p := range perm {
		out[i] = in[0].Shape[p]
	}
	return []Type{{in[0].DType, out}}, nil
}

// Identity passes its input on: dropout at inference, and what exporters leave behind. Where its
// input and its result are bytes of two quantizations, the same bytes stand for other numbers.
type Identity struct{}

func (Identity) Name() string { return "identity" }

func (Identity) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	return same(in), nil
}
