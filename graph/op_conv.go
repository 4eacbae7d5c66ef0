package graph

import (
	"fmt"

	"github.com/wispnet/wisp/tensor"
)

// Padding adds rows and columns around an image. With Same the four numbers are
// unused and come from the actual image size by TensorFlow's rule (Resolve).
type Padding struct {
	Top, Left, Bottom, Right int
	Same                     bool
}

// Symmetric pads h rows above and below, w columns left and right.
func Symmetric(h, w int) Padding { return Padding{Top: h, Left: w, Bottom: h, Right: w} }

// SamePadding is TensorFlow's SAME: output size ⌈in/stride⌉, the odd row or column
// at the bottom or right.
var SamePadding = Padding{Same: true}

// Resolve returns explicit numbers for an image of h×w.
func (p Padding) Resolve(h, w int, kernel, stride, dilation [2]int) Padding {
	if !p.Same {
		return p
	}
	top, bottom := samePad(h, kernel[0], stride[0], dilation[0])
	left, right := samePad(w, kernel[1], stride[1], dilation[1])
	return Padding{Top: top, Left: left, Bottom: bottom, Right: right}
}

// samePad: total = max((⌈in/s⌉−1)·s + (k−1)·d + 1 − in, 0), before = ⌊total/2⌋.
func samePad(in, k, s, d int) (before, after int) {
	total := max(((in+s-1)/s-1)*s+(k-1)*d+1-in, 0)
	return total / 2, total - total/2
}

// Conv is a two-dimensional convolution with everything that may be fused into it:
//
//	y = Act(conv(x, w) + bias + residual)
//
// Inputs: x [N,C,H,W]; w [O,C/Groups,kh,kw]; then bias [O] where Bias; then
// residual, of the output's shape, where Residual. Output [N,O,H',W'].
type Conv struct {
	Stride   [2]int // rows, columns; at least 1
	Dilation [2]int // at least 1
	Pad      Padding
	Groups   int // at least 1; C where depthwise
	Bias     bool
	Residual bool
	Act      Act
}

func (Conv) Name() string { return "conv" }

// Depthwise reports whether every channel is filtered alone, for c input channels.
func (c Conv) Depthwise(channels int) bool { return c.Groups == channels && channels > 1 }

func (c Conv) Infer(in []Type) ([]Type, error) {
	want := 2
	if c.Bias {
		want++
	}
	if c.Residual {
		want++
	}
	if err := arity(in, want); err != nil {
		return nil, err
	}
	if err := rank(in, 0, 4); err != nil {
		return nil, err
	}
	if err := rank(in, 1, 4); err != nil {
		return nil, err
	}
	x, w := in[0].Shape, in[1].Shape
	if c.Groups < 1 || min(c.Stride[0], c.Stride[1], c.Dilation[0], c.Dilation[1], w[0], w[1], w[2], w[3]) < 1 {
		return nil, fmt.Errorf("groups %d, stride %v, dilation %v, weight %v: each must be at least 1", c.Groups, c.Stride, c.Dilation, w)
	}
	if x[1]%c.Groups != 0 || w[0]%c.Groups != 0 || w[1] != x[1]/c.Groups {
		return nil, fmt.Errorf("input %v and weight %v do not fit %d groups", x, w, c.Groups)
	}
	if c.Bias {
		if err := vector(in, 2, w[0], "bias"); err != nil {
			return nil, err
		}
	}
	k := [2]int{w[2], w[3]}
	h, wd, err := window(x, k, c.Stride, c.Dilation, c.Pad, false)
	if err != nil {
		return nil, err
	}
	out := tensor.Shape{x[0], w[0], h, wd}
	if c.Residual && !in[want-1].Shape.Equal(out) {
		return nil, fmt.Errorf("residual: got shape %v, want %v", in[want-1].Shape, out)
	}
	return []Type{{in[0].DType, out}}, nil
}

// maxPadding bounds what a file may ask for; no network pads more than its kernel.
const maxPadding = 1 << 16

// maxSide bounds the sides of what a window slides over, so that positions in it
// cannot overflow.
const maxSide = 1 << 30

// window returns the output height and width of a sliding window over x [N,C,H,W].
// With ceil, a last partial window counts as long as it starts inside the image or
// its leading padding (PyTorch's ceil_mode).
func window(x tensor.Shape, kernel, stride, dilation [2]int, p Padding, ceil bool) (h, w int, err error) {
	for _, n := range [...]int{kernel[0], kernel[1], stride[0], stride[1], dilation[0], dilation[1]} {
		if n > maxPadding {
			return 0, 0, fmt.Errorf("kernel %v, stride %v, dilation %v: want at most %d", kernel, stride, dilation, maxPadding)
		}
	}
	if max(x[2], x[3]) > maxSide {
		return 0, 0, fmt.Errorf("an image of %d×%d: want sides of at most %d", x[2], x[3], maxSide)
	}
	p = p.Resolve(x[2], x[3], kernel, stride, dilation)
	for _, n := range [4]int{p.Top, p.Left, p.Bottom, p.Right} {
		if n < 0 || n > maxPadding {
			return 0, 0, fmt.Errorf("padding %d: want 0 to %d", n, maxPadding)
		}
	}
	h = windows(x[2], p.Top, p.Bottom, kernel[0], stride[0], dilation[0], ceil)
	w = windows(x[3], p.Left, p.Right, kernel[1], stride[1], dilation[1], ceil)
	if h < 1 || w < 1 {
		return 0, 0, fmt.Errorf("kernel %v with padding %v does not fit an image of %d×%d", kernel, [4]int{p.Top, p.Left, p.Bottom, p.Right}, x[2], x[3])
	}
	return h, w, nil
}

func windows(in, before, after, k, s, d int, ceil bool) int {
	span := in + before + after - ((k-1)*d + 1)
	if span < 0 {
		return 0
	}
	n := span/s + 1
	if ceil && span%s != 0 && n*s < in+before {
		n++
	}
	return n
}

// Linear is a fully connected layer with what may be fused into it:
//
//	y = Act(x·wᵀ + bias)
//
// Inputs: x [N,K]; w [O,K]; then bias [O] where Bias. Output [N,O].
type Linear struct {
	Bias bool
	Act  Act
}

func (Linear) Name() string { return "linear" }

func (l Linear) Infer(in []Type) ([]Type, error) {
	want := 2
	if l.Bias {
		want = 3
	}
	if err := arity(in, want); err != nil {
		return nil, err
	}
	for i := range 2 {
		if err := rank(in, i, 2); err != nil {
			return nil, err
		}
	}
	x, w := in[0].Shape, in[1].Shape
	if x[1] != w[1] {
		return nil, fmt.Errorf("input %v has %d features, weight %v wants %d", x, x[1], w, w[1])
	}
	if l.Bias {
		if err := vector(in, 2, w[0], "bias"); err != nil {
			return nil, err
		}
	}
	return []Type{{in[0].DType, tensor.Shape{x[0], w[0]}}}, nil
}

// BatchNorm normalizes each channel with stored statistics:
//
//	y = (x − mean) / √(var + Eps) · weight + bias
//
// Inputs: x [N,C] or [N,C,H,W]; weight, bias, mean, var [C]. Output like x.
type BatchNorm struct{ Eps float64 }

func (BatchNorm) Name() string { return "batchnorm" }

func (BatchNorm) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 5); err != nil {
		return nil, err
	}
	if len(in[0].Shape) < 2 {
		return nil, fmt.Errorf("input: got shape %v, want at least 2 dimensions", in[0].Shape)
	}
	for i, what := range [...]string{"weight", "bias", "mean", "variance"} {
		if err := vector(in, i+1, in[0].Shape[1], what); err != nil {
			return nil, err
		}
	}
	return same(in), nil
}
