package graph

import (
	"fmt"
	"math"
	"slices"
)

// Resize enlarges or shrinks an image to H×W by nearest neighbour. Its zero rule is
// y[i,j] = x[⌊i·h/H⌋, ⌊j·w/W⌋] in whole numbers (PyTorch's mode "nearest"); with At and
// Near it is one of ONNX's, computed in float32 as the formulas of onnx/docs/Operators.md
// (Resize) stand there, by ONNX Runtime too. A resize to the image's own size copies it.
// Input [N,C,h,w], output [N,C,H,W].
type Resize struct {
	H, W int
	At   ResizeAt
	Near ResizeNear
	// Scale is by how much the file says that height and width grow; zero stands for H/h
	// and W/w. Only rules other than the zero one look at it.
	Scale [2]float32
}

// ResizeAt is where in the input an output element lies: coordinate_transformation_mode.
type ResizeAt uint8

const (
	AtWhole              ResizeAt = iota // i·h/H, exactly
	AtAsymmetric                         // i/scale
	AtHalfPixel                          // (i+½)/scale − ½
	AtPyTorchHalfPixel                   // the same, 0 where H is 1
	AtAlignCorners                       // i·(h−1)/(H−1)
	AtHalfPixelSymmetric                 // half pixel about the centre that a fraction of a pixel cut off moves
	AtTFHalfPixel                        // (i+½)/scale
)

var resizeAtNames = [...]string{"whole", "asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners", "half_pixel_symmetric", "tf_half_pixel_for_nn"}

// String is ONNX's name, "whole" for the one that ONNX does not have.
func (a ResizeAt) String() string { return resizeAtNames[a] }

// ParseResizeAt finds a rule by its name.
func ParseResizeAt(name string) (ResizeAt, bool) {
	i := slices.Index(resizeAtNames[:], name)
	return ResizeAt(max(i, 0)), i >= 0
}

// ResizeNear is which element is nearest to a place between two: nearest_mode.
type ResizeNear uint8

const (
	NearFloor ResizeNear = iota
	NearCeil
	NearHalfDown // round_prefer_floor
	NearHalfUp   // round_prefer_ceil
)

var resizeNearNames = [...]string{"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"}

// String is ONNX's name.
func (n ResizeNear) String() string { return resizeNearNames[n] }

// ParseResizeNear finds a rule by its name.
func ParseResizeNear(name string) (ResizeNear, bool) {
	i := slices.Index(resizeNearNames[:], name)
	return ResizeNear(max(i, 0)), i >= 0
}

// maxResize bounds a side of an image that is resized: float32 still counts its pixels.
const maxResize = 1 << 24

func (Resize) Name() string { return "resize" }

func (r Resize) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := rank(in, 0, 4); err != nil {
		return nil, err
	}
	x := in[0].Shape
	if r.H < 1 || r.W < 1 || x[2] < 1 || x[3] < 1 {
		return nil, fmt.Errorf("resize of %v to %d×%d: each side must be at least 1", x, r.H, r.W)
	}
	if max(r.H, r.W, x[2], x[3]) > maxResize {
		return nil, fmt.Errorf("resize of %v to %d×%d: each side must be at most %d", x, r.H, r.W, maxResize)
	}
	if int(r.At) >= len(resizeAtNames) || int(r.Near) >= len(resizeNearNames) {
		return nil, fmt.Errorf("resize by rule %d, %d", uint8(r.At), uint8(r.Near))
	}
	for _, s := range r.Scale {
		if !(s >= 0 && s <= maxPadding) {
			return nil, fmt.Errorf("resize by a scale of %v", s)
		}
	}
	return []Type{{in[0].DType, []int{x[0], x[1], r.H, r.W}}}, nil
}

// Plain reports whether the rule is the zero one.
func (r Resize) Plain() bool { return r.At == AtWhole }

// Pick returns, for an image of h×w, the input row of each output row and the input
// column of each output column.
func (r Resize) Pick(h, w int) (rows, cols []int32) {
	rows, cols = make([]int32, r.H), make([]int32, r.W)
	r.fill(rows, h, r.Scale[0], h == r.H && w == r.W)
	r.fill(cols, w, r.Scale[1], h == r.H && w == r.W)
	return rows, cols
}

func (r Resize) fill(pick []int32, from int, scale float32, same bool) {
	to := len(pick)
	if scale == 0 {
		scale = float32(to) / float32(from)
	}
	for i := range pick {
		switch {
		case same:
			pick[i] = int32(i)
		case r.Plain():
			pick[i] = int32(i * from / to)
		default:
			x := r.place(i, from, to, scale)
			pick[i] = int32(min(max(r.Near.choose(x), 0), float64(from-1)))
		}
	}
}

// place is the coordinate in an input of length from. Each conversion to float32 is a
// rounding of the formula's that decides between two elements where it ends near a whole
// number or a half.
func (r Resize) place(i, from, to int, scale float32) float32 {
	x, n, m := float32(i), float32(from), float32(to)
	switch r.At {
	case AtHalfPixel:
		return float32(float32(x+0.5)/scale) - 0.5
	case AtPyTorchHalfPixel:
		if to == 1 {
			return 0
		}
		return float32(float32(x+0.5)/scale) - 0.5
	case AtAlignCorners:
		if to == 1 {
			return 0
		}
		return float32(x*float32(n-1)) / float32(m-1)
	case AtHalfPixelSymmetric:
		adjustment := m / float32(scale*n)
		offset := float32(n/2) * float32(1-adjustment)
		return float32(float64(offset) + (float64(x)+0.5)/float64(scale) - 0.5)
	case AtTFHalfPixel:
		return float32(x+0.5) / scale
	}
	return x / scale
}

// halfway is how far from a half a float32 coordinate still counts as one.
const halfway = 1e-6

func (n ResizeNear) choose(at float32) float64 {
	x := float64(at)
	low := math.Floor(x)
	switch n {
	case NearCeil:
		return math.Ceil(x)
	case NearHalfDown, NearHalfUp:
		if math.Abs(x-low-0.5) <= halfway {
			if n == NearHalfUp {
				return low + 1
			}
			return low
		}
		return math.Floor(x + 0.5)
	}
	return low
}
