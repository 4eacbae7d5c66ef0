package quant

import (
	"math"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/tensor"
)

// The islands of a graph of integers are spelled out as a network of floats is, and nothing
// else of it changes, though the fusing passes went over it.
func TestPlainIslands(t *testing.T) {
	b := graph.NewBuilder("island")
	x := b.Input("x", graph.Type{DType: tensor.Int8, Shape: tensor.Shape{1, 2, 2, 2}})
	real := b.Add("real", graph.Dequantize{}, x)
	w := b.Bound(graph.Parameter, "w", tensor.Of(tensor.Shape{2, 2, 1, 1}, []float32{1, -2, 0.5, 3}))
	bias := b.Bound(graph.Parameter, "b", tensor.Of(tensor.Shape{2}, []float32{0.25, -1}))
	sum := b.Add("conv", graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1, Bias: true, Act: graph.HardSigmoid}, real, w, bias)
	y := b.Add("y", graph.Quantize{To: tensor.Int8}, sum)
	g, err := b.Build(y)
	if err != nil {
		t.Fatal(err)
	}
	g.Value(x).Quant = &tensor.Quant{Scale: []float32{0.05}, Zero: []int32{3}}
	g.Value(y).Quant = &tensor.Quant{Scale: []float32{1.0 / 255}, Zero: []int32{-128}}
	fused, err := rewrite.Run(g)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Plain(fused)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Nodes {
		if c, ok := p.Nodes[i].Op.(graph.Conv); ok && !limit(c.Act) {
			t.Errorf("%s still ends in %v", p.Nodes[i].Name, c.Act)
		}
	}
	in := tensor.New(tensor.Int8, tensor.Shape{1, 2, 2, 2})
	copy(in.Data.([]int8), []int8{-128, 127, 5, 3, 40, -60, 0, 99})
	want, err := interp.Run(g, []*tensor.Tensor{in})
	if err != nil {
		t.Fatal(err)
	}
	got, err := interp.Run(p, []*tensor.Tensor{in})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got[0].Data.([]int8) {
		if d := math.Abs(float64(v) - float64(want[0].Data.([]int8)[i])); d > 1 { // a sixth is multiplied or divided
			t.Errorf("element %d: got %d, want %d", i, v, want[0].Data.([]int8)[i])
		}
	}
}
