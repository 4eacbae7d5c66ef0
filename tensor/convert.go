package tensor

import (
	"fmt"
	"math"
)

// InexactError says that a number cannot be written in another element type.
type InexactError struct {
	Value string
	Index []int // of the element
	From  DType
	To    DType
}

func (e *InexactError) Error() string {
	return fmt.Sprintf("the %v value %s at %v is not exact in %v", e.From, e.Value, Shape(e.Index), e.To)
}

// Exactly returns the tensor in another element type, every number unchanged; true is 1 and
// false 0. The first number that the type does not hold is an *InexactError. To is none of
// the types of 16 bits. The tensor itself is returned where it is of the type already.
func (t *Tensor) Exactly(to DType) (*Tensor, error) {
	if t.DType == to {
		return t, nil
	}
	out := New(to, t.Shape)
	out.Quant = t.Quant
	if whole := t.integers(); whole != nil {
		for i := range t.Shape.Elements() {
			v := whole(i)
			if !out.setInteger(i, v) {
				return nil, &InexactError{fmt.Sprint(v), t.Shape.index(i), t.DType, to}
			}
		}
		return out, nil
	}
	real := t.reals()
	for i := range t.Shape.Elements() {
		v := real(i)
		if !out.setReal(i, v) {
			return nil, &InexactError{fmt.Sprint(v), t.Shape.index(i), t.DType, to}
		}
	}
	return out, nil
}

// index is the place of the element that is number i of a row-major tensor.
func (s Shape) index(i int) []int {
	out := make([]int, len(s))
	for d := len(s) - 1; d >= 0; d-- {
		out[d] = i % s[d]
		i /= s[d]
	}
	return out
}

// integers reads the elements of a type of whole numbers; nil for any other.
func (t *Tensor) integers() func(i int) int64 {
	switch x := t.Data.(type) {
	case []int8:
		return func(i int) int64 { return int64(x[i]) }
	case []uint8:
		return func(i int) int64 { return int64(x[i]) }
	case []int16:
		return func(i int) int64 { return int64(x[i]) }
	case []int32:
		return func(i int) int64 { return int64(x[i]) }
	case []int64:
		return func(i int) int64 { return x[i] }
	case []bool:
		return func(i int) int64 {
			if x[i] {
				return 1
			}
			return 0
		}
	}
	return nil
}

// reals reads the elements of a type of floating-point numbers.
func (t *Tensor) reals() func(i int) float64 {
	switch x := t.Data.(type) {
	case []float32:
		return func(i int) float64 { return float64(x[i]) }
	case []float64:
		return func(i int) float64 { return x[i] }
	case []uint16:
		if t.DType == BFloat16 {
			return func(i int) float64 { return float64(FromBFloat16(x[i])) }
		}
		return func(i int) float64 { return float64(FromFloat16(x[i])) }
	}
	panic("tensor: data of an unknown type")
}

// setReal stores a number as element i and reports whether the type holds it.
func (t *Tensor) setReal(i int, v float64) bool {
	switch y := t.Data.(type) {
	case []float32:
		y[i] = float32(v)
		return float64(y[i]) == v || v != v
	case []float64:
		y[i] = v
		return true
	}
	return v == math.Trunc(v) && math.Abs(v) < 1<<63 && t.setInteger(i, int64(v))
}

// setInteger is setReal for a whole number.
func (t *Tensor) setInteger(i int, v int64) bool {
	switch y := t.Data.(type) {
	case []float32:
		y[i] = float32(v)
		f := float64(y[i])
		return f < 1<<63 && int64(f) == v
	case []float64:
		y[i] = float64(v)
		return y[i] < 1<<63 && int64(y[i]) == v
	case []int8:
		y[i] = int8(v)
		return int64(y[i]) == v
	case []uint8:
		y[i] = uint8(v)
		return int64(y[i]) == v
	case []int16:
		y[i] = int16(v)
		return int64(y[i]) == v
	case []int32:
		y[i] = int32(v)
		return int64(y[i]) == v
	case []int64:
		y[i] = v
		return true
	case []bool:
		y[i] = v == 1
		return v == 0 || v == 1
	}
	panic("tensor: data of an unknown type")
}
