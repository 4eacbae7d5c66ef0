// Package tensor holds the words every other package speaks: an element type,
// a shape, quantization parameters and a typed buffer.
//
// It does no arithmetic on elements beyond converting them to float32; kernels
// live in internal/kernel, operators in package graph. A tensor is always dense
// and row-major (last index fastest); what its dimensions mean (NCHW, OIHW, …) is
// said by whoever holds it.
package tensor

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Shape is the extent of every dimension, outermost first. A scalar has none.
type Shape []int

// Count returns the number of elements, and false where a dimension is negative
// or the product does not fit an int. Shapes from files must pass through here.
func (s Shape) Count() (int, bool) {
	n := 1
	for _, d := range s {
		if d < 0 {
			return 0, false
		}
		if d != 0 && n > math.MaxInt/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// Elements returns the number of elements of a shape that is known to be valid.
// It panics on one that is not.
func (s Shape) Elements() int {
	n, ok := s.Count()
	if !ok {
		panic("tensor: elements of an invalid shape")
	}
	return n
}

// Equal reports whether both shapes have the same dimensions.
func (s Shape) Equal(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i, d := range s {
		if d != t[i] {
			return false
		}
	}
	return true
}

// Clone returns a copy that shares nothing with s.
func (s Shape) Clone() Shape { return append(Shape{}, s...) }

// String prints a shape as [1,3,224,224].
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = strconv.Itoa(d)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// Quant maps stored integers q to real numbers scale·(q − zero).
// One scale and zero for the whole tensor, or one per index of dimension Axis.
type Quant struct {
	Scale []float32
	Zero  []int32
	Axis  int
}

// Tensor is a dense row-major buffer. Data holds the Go slice that belongs to
// DType (see DType); its length is Shape.Elements().
type Tensor struct {
	DType DType
	Shape Shape
	Quant *Quant
	Data  any
}

// New returns a zeroed tensor. The shape must be valid.
func New(d DType, s Shape) *Tensor {
	return &Tensor{DType: d, Shape: s.Clone(), Data: d.makeSlice(s.Elements())}
}

// Of wraps a slice without copying it. It panics where the length does not
// match the shape or the slice's type is not one that a DType stores.
func Of(s Shape, data any) *Tensor {
	d, n := typeOf(data)
	if n != s.Elements() {
		panic(fmt.Sprintf("tensor: shape %v wants %d elements, got %d", s, s.Elements(), n))
	}
	return &Tensor{DType: d, Shape: s.Clone(), Data: data}
}

// Float32 returns the stored slice of a Float32 tensor, and nil for any other type.
func (t *Tensor) Float32() []float32 { v, _ := t.Data.([]float32); return v }

// Int64 returns the stored slice of an Int64 tensor, and nil for any other type.
func (t *Tensor) Int64() []int64 { v, _ := t.Data.([]int64); return v }

// Floats returns the elements as float32: the stored slice of a Float32 tensor,
// a converted copy of any other. Quantization parameters are not applied.
func (t *Tensor) Floats() []float32 {
	switch v := t.Data.(type) {
	case []float32:
		return v
	case []float64:
		return convert(v, func(x float64) float32 { return float32(x) })
	case []uint16:
		if t.DType == BFloat16 {
			return convert(v, FromBFloat16)
		}
		return convert(v, FromFloat16)
	case []int8:
		return convert(v, func(x int8) float32 { return float32(x) })
	case []uint8:
		return convert(v, func(x uint8) float32 { return float32(x) })
	case []int16:
		return convert(v, func(x int16) float32 { return float32(x) })
	case []int32:
		return convert(v, func(x int32) float32 { return float32(x) })
	case []int64:
		return convert(v, func(x int64) float32 { return float32(x) })
	case []bool:
		return convert(v, func(x bool) float32 {
			if x {
				return 1
			}
			return 0
		})
	}
	panic("tensor: data of an unknown type")
}

func convert[T any](in []T, f func(T) float32) []float32 {
	out := make([]float32, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}
