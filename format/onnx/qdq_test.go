package onnx

import (
	"bytes"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
)

// A quantized network that is written as QDQ is read back as one of integers, with the same
// answers: signed bytes become unsigned ones, which changes nothing.
func TestQDQ(t *testing.T) {
	b := graph.NewBuilder("net")
	q := map[graph.ID]*tensor.Quant{}
	kept := func(id graph.ID, scale float32, zero int32) graph.ID {
		q[id] = &tensor.Quant{Scale: []float32{scale}, Zero: []int32{zero}}
		return id
	}
	weights := func(name string, dims ...int) graph.ID {
		w := tensor.New(tensor.Int8, tensor.Shape(dims))
		for i := range w.Data.([]int8) {
			w.Data.([]int8)[i] = int8(i*37%255 - 127)
		}
		w.Quant = &tensor.Quant{Scale: make([]float32, dims[0]), Zero: make([]int32, dims[0])}
		for i := range dims[0] {
			w.Quant.Scale[i] = 0.001 * float32(i+1)
		}
		return b.Bound(graph.Parameter, name, w)
	}
	bias := b.Bound(graph.Parameter, "stem.b", tensor.Of(tensor.Shape{4}, []int32{100, -200, 300, -400}))
	one := [2]int{1, 1}
	in := b.Input("image", graph.F32(1, 3, 8, 8))
	x := kept(b.Add("in", graph.Quantize{To: tensor.Int8}, in), 0.02, 3)
	x = kept(b.Add("stem", graph.Conv{Stride: one, Dilation: one, Groups: 1, Pad: graph.Symmetric(1, 1), Bias: true, Act: graph.ReLU}, x, weights("stem.w", 4, 3, 3, 3), bias), 0.03, -128)
	y := kept(b.Add("dw", graph.Conv{Stride: one, Dilation: one, Groups: 4, Pad: graph.Symmetric(1, 1)}, x, weights("dw.w", 4, 1, 3, 3)), 0.05, -3)
	y = kept(b.Add("sum", graph.Binary{Fn: graph.Add}, x, y), 0.06, -10)
	y = kept(b.Add("mean", graph.GlobalAvgPool{}, y), 0.02, 0)
	y = kept(b.Add("flat", graph.Flatten{Axis: 1}, y), 0.02, 0)
	y = kept(b.Add("fc", graph.Linear{}, y, weights("fc.w", 5, 4)), 0.001, 1)
	g, err := b.Build(b.Add("logits", graph.Dequantize{}, y))
	if err != nil {
		t.Fatal(err)
	}
	for id, v := range q {
		g.Values[id].Quant = v
	}
	var file bytes.Buffer
	if err := Write(&file, g); err != nil {
		t.Fatal(err)
	}
	m, err := Read(file.Bytes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		switch n.Op.(type) {
		case graph.Conv, graph.Linear, graph.Binary, graph.GlobalAvgPool:
			if !m.Graph.Value(n.Out[0]).Type.Quantized() {
				t.Errorf("node %q is not of integers", n.Name)
			}
		}
	}
	image := tensor.New(tensor.Float32, tensor.Shape{1, 3, 8, 8})
	for i := range image.Float32() {
		image.Float32()[i] = float32(i%29)/10 - 1.4
	}
	want, err := interp.Run(g, []*tensor.Tensor{image})
	if err != nil {
		t.Fatal(err)
	}
	got, err := interp.Run(m.Graph, []*tensor.Tensor{image})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got[0].Float32() {
		// uint8 and int8 differ in how TensorFlow Lite rounds the product of the scales.
		if d := v - want[0].Float32()[i]; d > 0.0011 || d < -0.0011 {
			t.Errorf("output %d: got %v, want %v", i, v, want[0].Float32()[i])
		}
	}
}
