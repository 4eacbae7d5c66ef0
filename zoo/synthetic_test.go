package zoo

import (
	"math"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// The worked examples of the generator's specification, bit for bit.
func TestSyntheticExamples(t *testing.T) {
	for _, c := range []struct {
		name  string
		shape tensor.Shape
		at    int
		fnv   uint64
		bits  uint32
	}{
		{"features.0.0.weight", tensor.Shape{32, 3, 3, 3}, 0, 0xdc61ac3bf1020d2c, 0x3e7ecb67},
		{"features.0.1.weight", tensor.Shape{32}, 1, 0x98ae3b4fa3d760cd, 0x3f2557df},
		{"features.0.1.running_var", tensor.Shape{32}, 5, 0x2bfdc3ab4194e3c6, 0x3f9e9139},
		{"classifier.1.bias", tensor.Shape{1000}, 999, 0x9b159c054fdbcef8, 0xbe2c26f0},
	} {
		if got := fnv1a64(c.name); got != c.fnv {
			t.Errorf("%s: hash %#x, want %#x", c.name, got, c.fnv)
		}
		w, err := Synthetic(1, 2).Tensor(c.name, graph.Type{DType: tensor.Float32, Shape: c.shape})
		if err != nil {
			t.Fatal(err)
		}
		if got := math.Float32bits(w.Float32()[c.at]); got != c.bits {
			t.Errorf("%s[%d] is %#08x, want %#08x", c.name, c.at, got, c.bits)
		}
	}
	in := SyntheticInput(1, tensor.Shape{1, 3, 224, 224}, "input")
	if got := math.Float32bits(in.Float32()[2]); got != 0x3ee35af8 {
		t.Errorf("input[2] is %#08x, want 0x3ee35af8", got)
	}
}

func TestSyntheticLaw(t *testing.T) {
	s := Synthetic(1, 1)
	n, err := s.Tensor("bn1.num_batches_tracked", graph.Type{DType: tensor.Int64})
	if err != nil || n.Int64()[0] != 0 {
		t.Errorf("num_batches_tracked: %v, %v", n, err)
	}
	for _, c := range []struct {
		name string
		typ  graph.Type
	}{
		{"a.gamma", graph.F32(4)},
		{"a.weight", graph.F32(2, 2, 2)},
		{"a.weight", graph.Type{DType: tensor.Int8, Shape: tensor.Shape{2, 2}}},
	} {
		if _, err := s.Tensor(c.name, c.typ); err == nil {
			t.Errorf("%s %v: no error", c.name, c.typ)
		}
	}
	a, _ := Synthetic(7, 1).Tensor("fc.bias", graph.F32(8))
	b, _ := Synthetic(1, 1).Tensor("fc.bias", graph.F32(8))
	if a.Float32()[0] == b.Float32()[0] {
		t.Error("the seed changes nothing")
	}
}
