package structure_test

import (
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/structure"
	"github.com/wispnet/wisp/tensor"
)

// A network of integers that multiplies and adds by quantized constants, one for each channel, as
// a normalization of the input or a batch norm before a convolution becomes, is read and compared.
func TestQuantizedConstants(t *testing.T) {
	q := &tensor.Quant{Scale: []float32{0.5}, Zero: []int32{3}}
	build := func(d tensor.DType, factors any, offset any) *structure.Network {
		b := graph.NewBuilder("g")
		x := b.Input("x", graph.F32(1, 3, 8, 8))
		k := b.Bound(graph.Constant, "k", &tensor.Tensor{DType: d, Shape: tensor.Shape{1, 3, 1, 1}, Data: factors, Quant: q})
		o := b.Bound(graph.Constant, "o", &tensor.Tensor{DType: d, Shape: tensor.Shape{1, 1, 1, 1}, Data: offset, Quant: q})
		y := b.Add("q", graph.Quantize{To: d}, x)
		y = b.Add("mul", graph.Binary{Fn: graph.Mul}, y, k)
		y = b.Add("add", graph.Binary{Fn: graph.Add}, y, o)
		g, err := b.Build(b.Add("y", graph.Dequantize{}, y))
		if err != nil {
			t.Fatal(err)
		}
		for i := range g.Values {
			if v := &g.Values[i]; v.Type.Quantized() {
				v.Quant = q
			}
		}
		n, err := structure.Of(g)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	a := build(tensor.Int8, []int8{5, 7, 9}, []int8{1})
	c := build(tensor.Uint8, []uint8{5, 7, 9}, []uint8{1})
	if len(a.Layers) == 0 {
		t.Error("no layers")
	}
	if d := structure.Compare(a, c); d.Verdict == structure.Different {
		t.Errorf("signed and unsigned bytes: got %s, %v", d.Verdict, d.DiffersIn)
	}
}
