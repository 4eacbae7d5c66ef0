package graph

import (
	"fmt"

	"github.com/wispnet/wisp/tensor"
)

// MaxPool takes the largest element of every window; padding never wins.
// Input [N,C,H,W], output [N,C,H',W'].
type MaxPool struct {
	Kernel, Stride [2]int
	Pad            Padding
	Ceil           bool // PyTorch's ceil_mode
}

func (MaxPool) Name() string { return "maxpool" }

func (p MaxPool) Infer(in []Type) ([]Type, error) {
	return inferPool(in, p.Kernel, p.Stride, p.Pad, p.Ceil)
}

// AvgPool takes the mean of every window. With CountPad the padding counts as
// zeros and the divisor is the kernel's area (PyTorch's default); without, only
// elements of the image count (TensorFlow).
// Input [N,C,H,W], output [N,C,H',W'].
type AvgPool struct {
	Kernel, Stride [2]int
	Pad            Padding
	Ceil           bool
	CountPad       bool
}

func (AvgPool) Name() string { return "avgpool" }

func (p AvgPool) Infer(in []Type) ([]Type, error) {
	return inferPool(in, p.Kernel, p.Stride, p.Pad, p.Ceil)
}

func inferPool(in []Type, kernel, stride [2]int, pad Padding, ceil bool) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := rank(in, 0, 4); err != nil {
		return nil, err
	}
	if min(kernel[0], kernel[1], stride[0], stride[1]) < 1 {
		return nil, fmt.Errorf("kernel %v, stride %v: each must be at least 1", kernel, stride)
	}
	x := in[0].Shape
	if min(x[2], x[3]) < 1 {
		return nil, fmt.Errorf("input %v has no element to pool", x)
	}
	h, w, err := window(x, kernel, stride, [2]int{1, 1}, pad, ceil)
	if err != nil {
		return nil, err
	}
	if !pad.Same && (max(pad.Top, pad.Bottom) >= kernel[0] || max(pad.Left, pad.Right) >= kernel[1]) {
		return nil, fmt.Errorf("padding %v leaves windows of %v without an element", pad, kernel)
	}
	return []Type{{in[0].DType, tensor.Shape{x[0], x[1], h, w}}}, nil
}

// GlobalAvgPool takes the mean over the image. Input [N,C,H,W], output [N,C,1,1].
type GlobalAvgPool struct{}

func (GlobalAvgPool) Name() string { return "globalavgpool" }

func (GlobalAvgPool) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := rank(in, 0, 4); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if x[2] == 0 || x[3] == 0 {
		return nil, fmt.Errorf("input %v has no element to average", x)
	}
	return []Type{{in[0].DType, tensor.Shape{x[0], x[1], 1, 1}}}, nil
}
