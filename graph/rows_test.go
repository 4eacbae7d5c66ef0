package graph

import (
	"slices"
	"testing"

	"github.com/wispnet/wisp/tensor"
)

// Each output of a graph over x [2,3,4,4]: whether its first dimension is the batch.
func TestRows(t *testing.T) {
	dims := func(d ...int) Dims { x, _ := DimsOf(d...); return x }
	b := NewBuilder("rows")
	x := b.Input("x", F32(2, 3, 4, 4))
	w := b.Param("w", 5, 3, 1, 1)
	one := b.Bound(Constant, "one", tensor.New(tensor.Float32, tensor.Shape{1, 3, 1, 1}))
	flat := b.Add("flat", Flatten{Axis: 1}, x)
	cases := []struct {
		what string
		id   ID
		want bool
	}{
		{"conv", b.Add("conv", Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, x, w), true},
		{"flatten", flat, true},
		{"a constant beside it", b.Add("mul", Binary{Fn: Mul}, x, one), true},
		{"softmax over the classes", b.Add("soft", Softmax{Axis: 1}, flat), true},
		{"softmax over the rows", b.Add("mixing", Softmax{Axis: 0}, flat), false},
		{"rows and channels swapped", b.Add("swap", Transpose{Perm: dims(1, 0, 2, 3)}, x), false},
		{"rows joined with channels", b.Add("join", Reshape{To: dims(-1, 4)}, x), false},
		{"a shape that copies the rows", b.Add("copy", Reshape{To: dims(0, -1)}, x), true},
		{"rows below channels", b.Add("cat", Concat{Axis: 0}, x, x), false},
		{"channels", b.Add("cat1", Concat{Axis: 1}, x, x), true},
		{"one row", b.Add("first", Slice{Axis: 0, End: 1, Step: 1}, x), false},
		{"the input itself", x, true},
		{"a constant", one, false},
	}
	var outs []ID
	for _, c := range cases {
		outs = append(outs, c.id)
	}
	g, err := b.Build(outs...)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range g.Rows() {
		if got != cases[i].want {
			t.Errorf("%s: got %v, want %v", cases[i].what, got, cases[i].want)
		}
	}

	// A shape that is right at one batch alone is no batch.
	b = NewBuilder("fixed")
	x = b.Input("x", F32(2, 6))
	if g, err = b.Build(b.Add("r", Reshape{To: dims(2, 3, 2)}, x)); err != nil {
		t.Fatal(err)
	}
	if got := g.Rows(); !slices.Equal(got, []bool{false}) {
		t.Errorf("a fixed shape: got %v", got)
	}
	if at, err := g.AtBatch(1); err == nil {
		t.Errorf("a fixed shape of two rows at batch 1: got %v", at.Value(at.Outputs[0]).Type)
	}
	b = NewBuilder("hwc") // no output grows with dimension 0
	x = b.Input("x", F32(8, 8, 3))
	if g, err = b.Build(b.Add("s", Slice{Axis: 0, End: 1, Step: 1}, x)); err != nil {
		t.Fatal(err)
	}
	if at, err := g.AtBatch(1); err != nil || at != g {
		t.Errorf("no batch at one row: got %v, want the graph itself", err)
	}
	if _, err := g.AtBatch(2); err == nil {
		t.Error("no batch at two rows: want an error")
	}
	b = NewBuilder("scalar")
	x = b.Input("x", F32())
	if g, err = b.Build(b.Add("r", Activate{Act: ReLU}, x)); err != nil {
		t.Fatal(err)
	}
	if got := g.Rows(); !slices.Equal(got, []bool{false}) {
		t.Errorf("a scalar: got %v", got)
	}
}
