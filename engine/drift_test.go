package engine_test

import (
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Softmax and means over thousands of like terms stay within the bound: rounded to the same
// side every time, float32 sums of them would drift out of it. Products are summed in float32
// all the same: the bound of theirs is one for terms that are not alike.
func TestLongSumsOfLikeTerms(t *testing.T) {
	like := func(dims ...int) *tensor.Tensor {
		x := tensor.New(tensor.Float32, dims)
		for i := range x.Float32() {
			x.Float32()[i] = 0.1
		}
		return x
	}
	for name, c := range map[string]struct {
		in tensor.Shape
		op graph.Op
	}{
		"softmax":           {tensor.Shape{1, 9728}, graph.Softmax{Axis: 1}},
		"softmax of pixels": {tensor.Shape{1, 2, 64, 80}, graph.Softmax{Axis: 2}},
		"mean 112x112":      {tensor.Shape{1, 24, 112, 112}, graph.GlobalAvgPool{}},
		"mean 9x8":          {tensor.Shape{1, 24, 9, 8}, graph.GlobalAvgPool{}},
		"mean of one row":   {tensor.Shape{1, 3, 1, 5000}, graph.GlobalAvgPool{}},
		"mean of a column":  {tensor.Shape{1, 3, 5000, 1}, graph.GlobalAvgPool{}},
		"avgpool, all":      {tensor.Shape{1, 70, 56, 56}, graph.AvgPool{Kernel: [2]int{56, 56}, Stride: [2]int{1, 1}}},
		"avgpool, wide":     {tensor.Shape{1, 70, 40, 56}, graph.AvgPool{Kernel: [2]int{40, 40}, Stride: [2]int{1, 8}, Pad: graph.Symmetric(8, 8), CountPad: true}},
	} {
		t.Run(name, func(t *testing.T) {
			b := graph.NewBuilder(name)
			g, err := b.Build(b.Add("y", c.op, b.Input("x", graph.F32(c.in...))))
			if err != nil {
				t.Fatal(err)
			}
			check(t, g, []*tensor.Tensor{like(c.in...)})
		})
	}
}
