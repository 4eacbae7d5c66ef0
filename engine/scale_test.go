package engine_test

import (
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// A product of an image and a vector that a pointwise convolution reads scales weights in
// place of the image; one that something else reads too does not.
func TestScaledWeights(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	random := func(s ...int) *tensor.Tensor {
		x := tensor.New(tensor.Float32, s)
		for i := range x.Float32() {
			x.Float32()[i] = r.Float32()*2 - 1
		}
		return x
	}
	for _, c := range []struct {
		name          string
		swap, another bool
		want          int
	}{{"folded", false, false, 1}, {"vector first", true, false, 1}, {"read twice", false, true, 0}} {
		t.Run(c.name, func(t *testing.T) {
			b := graph.NewBuilder("scale")
			image := graph.Type{DType: tensor.Float32, Shape: tensor.Shape{1, 21, 12, 11}}
			x := b.Input("x", image)
			one := graph.Conv{Groups: 1, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Bias: true}
			s := b.Add("pool", graph.GlobalAvgPool{}, x)
			s = b.Add("fc", one, s, b.Bound(graph.Constant, "w1", random(21, 21, 1, 1)), b.Bound(graph.Constant, "b1", random(21)))
			in := []graph.ID{x, s}
			if c.swap {
				in = []graph.ID{s, x}
			}
			y := b.Add("mul", graph.Binary{Fn: graph.Mul}, in...)
			z := b.Add("conv", one, y, b.Bound(graph.Constant, "w2", random(19, 21, 1, 1)), b.Bound(graph.Constant, "b2", random(19)))
			outs := []graph.ID{z}
			if c.another {
				outs = append(outs, b.Add("relu", graph.Activate{Act: graph.Act{Kind: graph.ActReLU}}, y))
			}
			g, err := b.Build(outs...)
			if err != nil {
				t.Fatal(err)
			}
			p, err := engine.Compile(g, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			scales := 0
			for _, step := range p.Steps() {
				if step.Op == "scale" {
					scales++
				}
			}
			if scales != c.want {
				t.Errorf("steps that scale weights: got %d, want %d\n%s", scales, c.want, p.Text())
			}
			check(t, g, []*tensor.Tensor{random(1, 21, 12, 11)})
		})
	}
}
