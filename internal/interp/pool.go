package interp

import (
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// windows calls f for every output with its window clipped to the image, rows r0…r1−1
// and columns c0…c1−1, and the window's area clipped to the padded image.
func windows(x, y tensor.Shape, kernel, stride [2]int, p graph.Padding, f func(out, image, r0, r1, c0, c1, padded int)) {
	p = p.Resolve(x[2], x[3], kernel, stride, [2]int{1, 1})
	out := 0
	for image := range x[0] * x[1] {
		for i := range y[2] {
			for j := range y[3] {
				top, left := i*stride[0]-p.Top, j*stride[1]-p.Left
				bottom, right := min(top+kernel[0], x[2]+p.Bottom), min(left+kernel[1], x[3]+p.Right)
				f(out, image, max(top, 0), min(bottom, x[2]), max(left, 0), min(right, x[3]), (bottom-top)*(right-left))
				out++
			}
		}
	}
}

func maxPool(op graph.Op, in, out []*tensor.Tensor) {
	p := op.(graph.MaxPool)
	x, y, w := in[0].Float32(), out[0].Float32(), in[0].Shape[3]
	area := in[0].Shape[2] * w
	windows(in[0].Shape, out[0].Shape, p.Kernel, p.Stride, p.Pad, func(o, image, r0, r1, c0, c1, _ int) {
		top := float32(math.Inf(-1))
		for r := r0; r < r1; r++ {
			for c := c0; c < c1; c++ {
				top = max(top, x[image*area+r*w+c])
			}
		}
		y[o] = top
	})
}

// avgPool divides by the window's area within the padded image where padding counts,
// else by the elements of the image in it.
func avgPool(op graph.Op, in, out []*tensor.Tensor) {
	p := op.(graph.AvgPool)
	x, y, w := in[0].Float32(), out[0].Float32(), in[0].Shape[3]
	area := in[0].Shape[2] * w
	windows(in[0].Shape, out[0].Shape, p.Kernel, p.Stride, p.Pad, func(o, image, r0, r1, c0, c1, padded int) {
		sum := 0.0
		for r := r0; r < r1; r++ {
			for c := c0; c < c1; c++ {
				sum += float64(x[image*area+r*w+c])
			}
		}
		n := (r1 - r0) * (c1 - c0)
		if p.CountPad {
			n = padded
		}
		y[o] = float32(sum / float64(n))
	})
}

func globalAvgPool(_ graph.Op, in, out []*tensor.Tensor) {
	x, y := in[0].Float32(), out[0].Float32()
	area := in[0].Shape[2] * in[0].Shape[3]
	for i := range y {
		sum := 0.0
		for _, v := range x[i*area:][:area] {
			sum += float64(v)
		}
		y[i] = float32(sum / float64(area))
	}
}

// resize: y[i,j] = x[row[i], column[j]], as the operator's rule picks them.
func resize(op graph.Op, in, out []*tensor.Tensor) {
	x, y, s, t := in[0].Float32(), out[0].Float32(), in[0].Shape, out[0].Shape
	rows, cols := op.(graph.Resize).Pick(s[2], s[3])
	each(t, func(i int, at []int) {
		y[i] = x[((at[0]*s[1]+at[1])*s[2]+int(rows[at[2]]))*s[3]+int(cols[at[3]])]
	})
}
