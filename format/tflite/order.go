package tflite

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Values of rank 4, and of rank 5 where an image's channels were split, are images: NHWC
// in the file, NCHW in the graph. Everything else has the file's order.

// order gives, for every dimension of the graph's value, the file's.
func order(rank int, image bool) []int {
	p := make([]int, rank)
	for i := range p {
		p[i] = i
	}
	if image && rank >= 4 {
		for i := 1; i < rank; i++ {
			p[i] = i + 2
			if i+2 >= rank {
				p[i] = i + 3 - rank
			}
		}
	}
	return p
}

// permute reorders dimensions: element i of the result is s[p[i]].
func permute(s tensor.Shape, p []int) tensor.Shape {
	out := make(tensor.Shape, len(s))
	for i, k := range p {
		out[i] = s[k]
	}
	return out
}

func inverse(p []int) []int {
	out := make([]int, len(p))
	for i, k := range p {
		out[k] = i
	}
	return out
}

// still reports whether a permutation leaves the elements of a shape in their order: it
// moves only dimensions of one element.
func still(s tensor.Shape, p []int) bool {
	last := -1
	for _, k := range p {
		if s[k] != 1 {
			if k < last {
				return false
			}
			last = k
		}
	}
	return true
}

func dims(s []int) graph.Dims {
	d, _ := graph.DimsOf(s...) // of at most eight, as every shape of a file
	return d
}

// reorder returns a constant's elements, row-major by shape s, in the order of p.
func reorder(t *tensor.Tensor, s tensor.Shape, p []int) *tensor.Tensor {
	to := permute(s, p)
	if still(s, p) {
		return &tensor.Tensor{DType: t.DType, Shape: to, Quant: t.Quant, Data: t.Data}
	}
	st := make([]int, len(s))
	n := 1
	for d := len(s) - 1; d >= 0; d-- {
		st[d] = n
		n *= s[d]
	}
	out := tensor.New(t.DType, to)
	out.Quant = t.Quant
	st = permute(st, p)
	switch y := out.Data.(type) {
	case []float32:
		scatter(y, t.Data.([]float32), to, st)
	case []int8:
		scatter(y, t.Data.([]int8), to, st)
	case []uint8:
		scatter(y, t.Data.([]uint8), to, st)
	case []int32:
		scatter(y, t.Data.([]int32), to, st)
	case []int64:
		scatter(y, t.Data.([]int64), to, st)
	case []uint16:
		scatter(y, t.Data.([]uint16), to, st)
	}
	return out
}

// scatter fills y, of shape s, with the elements of x that lie at strides st.
func scatter[T any](y, x []T, s tensor.Shape, st []int) {
	at := make([]int, len(s))
	from := 0
	for i := range y {
		y[i] = x[from]
		for d := len(s) - 1; d >= 0; d-- {
			at[d]++
			from += st[d]
			if at[d] < s[d] {
				break
			}
			from -= at[d] * st[d]
			at[d] = 0
		}
	}
}
