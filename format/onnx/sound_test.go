package onnx

import (
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
)

// Weights beside the file and weights of one value repeated are no more than the file allows.
func TestLargeWeights(t *testing.T) {
	const n = 12 << 20 // 48 MiB
	body := make([]byte, 4*n)
	side := func(string) ([]byte, error) { return body, nil }
	p := parts{opset: 20, in: [][]byte{port("x", 1, 12<<10)}, out: [][]byte{port("y")}, inits: [][]byte{external("w", []int64{12 << 10, 1 << 10}, "location", "w.bin")},
		nodes: [][]byte{op("MatMul", x1("x", "w"), x1("y"))}}
	if _, err := Read(p.bytes(), Options{External: side}); err != nil {
		t.Errorf("external data: %v", err)
	}
	p.inits = [][]byte{ints("s", 12<<10, 1<<10)}
	p.nodes = append([][]byte{op("ConstantOfShape", x1("s"), x1("w"), aTensor("value", tFloat("", []int64{1}, 0.5)))}, p.nodes...)
	m, err := Read(p.bytes(), Options{})
	if err != nil {
		t.Fatalf("one value repeated: %v", err)
	}
	if w := m.Graph.Value(m.Graph.Weights[0]); w.Data.Float32()[n-1] != 0.5 || !w.Type.Shape.Equal(tensor.Shape{1 << 10, 12 << 10}) {
		t.Errorf("one value repeated: %v", w.Type)
	}
}

// Integers may come in, move and become floats, but not be computed with.
func TestWholeInputs(t *testing.T) {
	for _, elem := range []int64{5, 6, 7, 9} {
		p := parts{opset: 13, in: [][]byte{typed("x", elem, 1, 3)}, out: [][]byte{port("y")}, inits: [][]byte{ints("i", 2, 0)},
			nodes: [][]byte{op("Gather", x1("x", "i"), x1("g"), aInt("axis", 1)), op("Cast", x1("g"), x1("f"), aInt("to", 1)), op("Neg", x1("f"), x1("y"))}}
		m, err := Read(p.bytes(), Options{})
		if err != nil {
			t.Errorf("type %d: %v", elem, err)
			continue
		}
		y, err := interp.Run(m.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 3}, []float32{1, 0, 1})})
		if err != nil || !slices.Equal(y[0].Float32(), []float32{-1, -1}) {
			t.Errorf("type %d: %v, %v", elem, y, err)
		}
		p.nodes[2] = op("Neg", x1("g"), x1("y"))
		if _, err := Read(p.bytes(), Options{}); err == nil {
			t.Errorf("type %d: computed with", elem)
		}
	}
}

// A Dropout in training mode draws, of a constant too, so it is not computed in advance.
func TestConstantDropout(t *testing.T) {
	flag := func(v byte) []byte { return msg(fInt(2, 9), fStr(8, "t"), fBytes(9, []byte{v})) }
	for _, training := range []byte{0, 1} {
		p := parts{opset: 13, in: [][]byte{port("x", 1, 2)}, out: [][]byte{port("y")},
			inits: [][]byte{tFloat("w", []int64{1, 2}, 3, 4), scalar("r", 0.5), flag(training)},
			nodes: [][]byte{op("Dropout", x1("w", "r", "t"), x1("d")), op("Add", x1("x", "d"), x1("y"))}}
		m, err := Read(p.bytes(), Options{})
		if training == 1 {
			if err == nil || !strings.Contains(err.Error(), "training_mode") {
				t.Errorf("in training: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		y, err := interp.Run(m.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 2}, []float32{1, 1})})
		if err != nil || !slices.Equal(y[0].Float32(), []float32{4, 5}) {
			t.Errorf("not in training: %v, %v", y, err)
		}
	}
}
