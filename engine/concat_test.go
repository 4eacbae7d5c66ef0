package engine_test

import (
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/tensor"
)

// A transpose of an image of one row may be a view of its input: a concatenation that
// reads it must copy it, once for every place.
func TestConcatOfViews(t *testing.T) {
	g, err := graph.ParseText(`graph g
input x float32[1,10,1,7]
to = transpose(x) perm=0,2,3,1 -> float32[1,1,7,10]
back = transpose(to) perm=0,3,1,2 -> float32[1,10,1,7]
y = concat(back, back) axis=1 -> float32[1,20,1,7]
output y
`)
	if err != nil {
		t.Fatal(err)
	}
	in := tensor.New(tensor.Float32, tensor.Shape{1, 10, 1, 7})
	for i := range in.Float32() {
		in.Float32()[i] = float32(i + 1)
	}
	p, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := []*tensor.Tensor{tensor.New(tensor.Float32, tensor.Shape{1, 20, 1, 7})}
	if err := s.Run([]*tensor.Tensor{in}, out); err != nil {
		t.Fatal(err)
	}
	if err := optest.Check(g, []*tensor.Tensor{in}, out); err != nil {
		t.Error(err)
	}
}
