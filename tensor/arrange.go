package tensor

import "fmt"

// Transposed returns a tensor whose dimension i is dimension p[i] of t; p is a permutation of
// t's dimensions.
func (t *Tensor) Transposed(p []int) *Tensor {
	shape, stride := make(Shape, len(p)), make([]int, len(p))
	for i, k := range p {
		shape[i], stride[i] = t.Shape[k], t.Shape[k+1:].Elements()
	}
	out := New(t.DType, shape)
	out.Quant = t.Quant
	switch x := t.Data.(type) {
	case []float32:
		gather(out.Data.([]float32), x, shape, stride)
	case []float64:
		gather(out.Data.([]float64), x, shape, stride)
	case []uint16:
		gather(out.Data.([]uint16), x, shape, stride)
	case []int8:
		gather(out.Data.([]int8), x, shape, stride)
	case []uint8:
		gather(out.Data.([]uint8), x, shape, stride)
	case []int16:
		gather(out.Data.([]int16), x, shape, stride)
	case []int32:
		gather(out.Data.([]int32), x, shape, stride)
	case []int64:
		gather(out.Data.([]int64), x, shape, stride)
	case []bool:
		gather(out.Data.([]bool), x, shape, stride)
	default:
		panic("tensor: data of an unknown type")
	}
	return out
}

// gather fills y, of the given shape, with the elements of x that lie at the strides.
func gather[T any](y, x []T, shape Shape, stride []int) {
	at := make([]int, len(shape))
	from := 0
	for i := range y {
		y[i] = x[from]
		for d := len(shape) - 1; d >= 0; d-- {
			at[d]++
			from += stride[d]
			if at[d] < shape[d] {
				break
			}
			from -= at[d] * stride[d]
			at[d] = 0
		}
	}
}

// Rows returns rows from ≤ i < to of dimension 0, which share t's memory.
func (t *Tensor) Rows(from, to int) *Tensor {
	row := t.Shape[1:].Elements()
	shape := t.Shape.Clone()
	shape[0] = to - from
	a, b := from*row, to*row
	out := &Tensor{DType: t.DType, Shape: shape, Quant: t.Quant}
	switch x := t.Data.(type) {
	case []float32:
		out.Data = x[a:b]
	case []float64:
		out.Data = x[a:b]
	case []uint16:
		out.Data = x[a:b]
	case []int8:
		out.Data = x[a:b]
	case []uint8:
		out.Data = x[a:b]
	case []int16:
		out.Data = x[a:b]
	case []int32:
		out.Data = x[a:b]
	case []int64:
		out.Data = x[a:b]
	case []bool:
		out.Data = x[a:b]
	default:
		panic("tensor: data of an unknown type")
	}
	return out
}

// Copy fills t, from its row at on, with the rows of x, which has t's element type and the
// same dimensions but for the first. What does not fit is left out.
func (t *Tensor) Copy(at int, x *Tensor) {
	if t.DType != x.DType || len(t.Shape) == 0 || len(x.Shape) == 0 || !t.Shape[1:].Equal(x.Shape[1:]) {
		panic(fmt.Sprintf("tensor: copy %v%v into %v%v", x.DType, x.Shape, t.DType, t.Shape))
	}
	i := at * t.Shape[1:].Elements()
	switch y := t.Data.(type) {
	case []float32:
		copy(y[i:], x.Data.([]float32))
	case []float64:
		copy(y[i:], x.Data.([]float64))
	case []uint16:
		copy(y[i:], x.Data.([]uint16))
	case []int8:
		copy(y[i:], x.Data.([]int8))
	case []uint8:
		copy(y[i:], x.Data.([]uint8))
	case []int16:
		copy(y[i:], x.Data.([]int16))
	case []int32:
		copy(y[i:], x.Data.([]int32))
	case []int64:
		copy(y[i:], x.Data.([]int64))
	case []bool:
		copy(y[i:], x.Data.([]bool))
	default:
		panic("tensor: data of an unknown type")
	}
}
