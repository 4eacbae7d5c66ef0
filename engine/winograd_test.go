package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/tensor"
)

// Winograd's algorithm gives what the interpreter does, over every size, padding and tail;
// here few channels are enough for it.
func TestWinograd(t *testing.T) {
	defer engine.SetWinograd(1, 1)()
	for i, size := range [][2]int{{1, 1}, {2, 3}, {7, 7}, {8, 5}, {14, 14}, {30, 17}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(i), 5))
			random := func(s ...int) *tensor.Tensor {
				x := tensor.New(tensor.Float32, s)
				for i := range x.Float32() {
					x.Float32()[i] = r.Float32()*2 - 1
				}
				return x
			}
			c, o := []int{3, 8, 16, 17, 33, 40}[i], []int{5, 8, 33, 16, 70, 31}[i]
			b := graph.NewBuilder("winograd")
			x := b.Input("x", graph.Type{DType: tensor.Float32, Shape: tensor.Shape{1, c, size[0], size[1]}})
			pad := graph.Padding{Top: 1, Left: 1, Bottom: 1, Right: 1}
			relu := graph.Act{Kind: graph.ActReLU}
			// The first convolution reads pixels because a 1×1 stands before it.
			y := b.Add("in", graph.Conv{Groups: 1, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}, x, b.Bound(graph.Constant, "w0", random(c, c, 1, 1)))
			y = b.Add("a", graph.Conv{Groups: 1, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: pad, Bias: true, Act: relu}, y, b.Bound(graph.Constant, "w1", random(o, c, 3, 3)), b.Bound(graph.Constant, "b1", random(o)))
			z := b.Add("b", graph.Conv{Groups: 1, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: pad, Bias: true, Residual: true, Act: relu}, y, b.Bound(graph.Constant, "w2", random(o, o, 3, 3)), b.Bound(graph.Constant, "b2", random(o)), y)
			if i > 1 {
				z = b.Add("c", graph.Conv{Groups: 1, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: graph.Padding{Left: 2, Bottom: 1}}, z, b.Bound(graph.Constant, "w3", random(3, o, 3, 3)))
			}
			g, err := b.Build(z)
			if err != nil {
				t.Fatal(err)
			}
			check(t, g, []*tensor.Tensor{random(1, c, size[0], size[1])})
		})
	}
	for i := range 60 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			g, in := optest.Random(rand.New(rand.NewPCG(uint64(i), 13)))
			check(t, g, in)
		})
	}
}
