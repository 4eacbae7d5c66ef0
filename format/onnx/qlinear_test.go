package onnx

import (
	"math"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
)

// rawTensor is a tensor of one byte an element.
func rawTensor(name string, kind int64, dims []int64, v ...byte) []byte {
	return msg(fBytes(1, packedInts(dims)), fInt(2, kind), fStr(8, name), fBytes(9, v))
}

// qlinearFile is a small model of that form.
func qlinearFile() []byte {
	i8 := func(v int) byte { return byte(int8(v)) }
	add := append(op("QLinearAdd", []string{"c", "cs", "cz", "c", "cs", "cz", "as", "az"}, []string{"a"}), fStr(7, "com.microsoft")...)
	mean := append(op("QLinearGlobalAveragePool", []string{"a", "as", "az", "as", "az"}, []string{"m"}), fStr(7, "com.microsoft")...)
	return parts{
		opset: 13, in: [][]byte{port("x", 1, 1, 2, 2)}, out: [][]byte{port("y", 1, 2, 1, 1)},
		nodes: [][]byte{
			op("QuantizeLinear", []string{"x", "xs", "xz"}, []string{"q"}),
			op("QLinearConv", []string{"q", "xs", "xz", "w", "ws", "wz", "cs", "cz", "b"}, []string{"c"}),
			add, mean,
			op("DequantizeLinear", []string{"m", "as", "az"}, []string{"y"}),
		},
		inits: [][]byte{
			scalar("xs", 0.1), rawTensor("xz", 2, nil, 100), scalar("cs", 0.05), rawTensor("cz", 2, nil, 120), scalar("as", 0.1), rawTensor("az", 2, nil, 110),
			rawTensor("w", 3, []int64{2, 1, 1, 1}, i8(50), i8(-20)), tFloat("ws", []int64{2}, 0.02, 0.05), rawTensor("wz", 3, []int64{2}, 0, 0),
			msg(fBytes(1, packedInts([]int64{2})), fInt(2, 6), fStr(8, "b"), fBytes(9, []byte{100, 0, 0, 0, 0x9C, 0xFF, 0xFF, 0xFF})),
		},
	}.bytes()
}

// Operators that carry their scales become operators of integers.
func TestQLinear(t *testing.T) {
	m, err := Read(qlinearFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		switch n.Op.(type) {
		case graph.Conv, graph.Binary, graph.GlobalAvgPool:
			if !m.Graph.Value(n.Out[0]).Type.Quantized() {
				t.Errorf("node %q is not of integers", n.Name)
			}
		}
	}
	x := []float32{1, 2, -1, 0.5}
	got, err := interp.Run(m.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 1, 2, 2}, x)})
	if err != nil {
		t.Fatal(err)
	}
	for c, w := range []float64{50 * 0.02, -20 * 0.05} {
		bias := []float64{100 * 0.1 * 0.02, -100 * 0.1 * 0.05}[c]
		want := 0.0
		for _, v := range x {
			want += 2 * (w*float64(v) + bias) / float64(len(x))
		}
		if d := math.Abs(float64(got[0].Float32()[c]) - want); d > 0.1 {
			t.Errorf("channel %d: got %v, want %v within a quantum", c, got[0].Float32()[c], want)
		}
	}
}

// productWeights are those of productsFile, [2,3].
var productWeights = []int8{50, -20, 127, 7, -90, 30}

// productsFile is a model of matrix products of that form.
func productsFile() []byte {
	ms := func(b []byte) []byte { return append(b, fStr(7, "com.microsoft")...) }
	var w, flipped []byte
	for _, v := range productWeights {
		w = append(w, byte(v))
	}
	for i := range 6 {
		flipped = append(flipped, w[i%2*3+i/2])
	}
	bias := msg(fBytes(1, packedInts([]int64{3})), fInt(2, 6), fStr(8, "b"), fBytes(9, []byte{100, 0, 0, 0, 0x9C, 0xFF, 0xFF, 0xFF, 7, 0, 0, 0}))
	return parts{
		opset: 13, in: [][]byte{port("x", 1, 2)}, out: [][]byte{port("y", 1, 9)},
		nodes: [][]byte{
			op("QuantizeLinear", []string{"x", "xs", "xz"}, []string{"q"}),
			op("QLinearMatMul", []string{"q", "xs", "xz", "w", "ws", "wz", "cs", "cz"}, []string{"m"}),
			ms(op("QGemm", []string{"q", "xs", "xz", "w", "ws", "wz", "b", "cs", "cz"}, []string{"g"})),
			ms(op("QGemm", []string{"q", "xs", "xz", "wt", "ws", "wz", "b", "cs", "cz"}, []string{"h"}, aInt("transB", 1))),
			ms(op("QLinearSigmoid", []string{"h", "cs", "cz", "ss", "sz"}, []string{"s"})),
			ms(op("QLinearConcat", []string{"cs", "cz", "m", "cs", "cz", "g", "cs", "cz", "s", "ss", "sz"}, []string{"j"}, aInt("axis", 1))),
			op("DequantizeLinear", []string{"j", "cs", "cz"}, []string{"y"}),
		},
		inits: [][]byte{
			scalar("xs", 0.1), rawTensor("xz", 2, nil, 100), scalar("cs", 0.05), rawTensor("cz", 2, nil, 120), scalar("ss", 1.0/256), rawTensor("sz", 2, nil, 0),
			rawTensor("w", 3, []int64{2, 3}, w...), rawTensor("wt", 3, []int64{3, 2}, flipped...), tFloat("ws", []int64{3}, 0.02, 0.05, 0.01), rawTensor("wz", 3, []int64{3}, 0, 0, 0), bias,
		},
	}.bytes()
}

// Matrix products with scales by column, their transposes, joined and passed through a
// function: all of integers, and the real network's answers within their quanta.
func TestQLinearProducts(t *testing.T) {
	m, err := Read(productsFile(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Graph.Nodes {
		switch n := &m.Graph.Nodes[i]; n.Op.(type) {
		case graph.Linear, graph.Activate, graph.Concat:
			if !m.Graph.Value(n.Out[0]).Type.Quantized() {
				t.Errorf("node %q is not of integers", n.Name)
			}
		}
	}
	x := []float32{1.3, -0.8}
	got, err := interp.Run(m.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 2}, x)})
	if err != nil {
		t.Fatal(err)
	}
	for o := range 3 {
		scale := []float64{0.02, 0.05, 0.01}[o]
		product := scale * (1.3*float64(productWeights[o]) - 0.8*float64(productWeights[3+o]))
		sum := product + 0.1*scale*[]float64{100, -100, 7}[o]
		for k, want := range []float64{product, sum, 1 / (1 + math.Exp(-sum))} {
			if v := float64(got[0].Float32()[3*k+o]); math.Abs(v-want) > 0.05 {
				t.Errorf("part %d, output %d: got %v, want %v", k, o, v, want)
			}
		}
	}
}
