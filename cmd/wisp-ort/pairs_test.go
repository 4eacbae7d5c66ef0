//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/tensor"
)

// ONNX Runtime adds and multiplies every pair of bytes as internal/fixed does, whatever the
// quantizations: a whole network meets too few of the halves that rounding must decide.
func TestPairs(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	draw := func(rng *rand.Rand, low, high float32) *tensor.Quant {
		return &tensor.Quant{Scale: []float32{low + (high-low)*rng.Float32()}, Zero: []int32{int32(rng.IntN(256)) - 128}}
	}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pairs(t, a, graph.Add, draw(rng, 0.01, 0.11), draw(rng, 0.01, 0.11), draw(rng, 0.02, 0.2))
		pairs(t, a, graph.Mul, draw(rng, 0.01, 0.11), draw(rng, 0.01, 0.11), draw(rng, 1, 4))
	}
	// A half that is even or not as the zero point is odd or not.
	pairs(t, a, graph.Mul, &tensor.Quant{Scale: []float32{0.047325097}, Zero: []int32{-120}}, &tensor.Quant{Scale: []float32{0.003921569}, Zero: []int32{-128}},
		&tensor.Quant{Scale: []float32{0.025676733}, Zero: []int32{-113}})
}

func pairs(t *testing.T, a *api, fn graph.BinaryFn, qa, qb, qy *tensor.Quant) {
	t.Helper()
	of := func(q *tensor.Quant) fixed.Quant {
		return fixed.Quant{Scale: q.Scale[0], Zero: q.Zero[0], Lo: -128, Hi: 127}
	}
	b := graph.NewBuilder("pairs")
	in := graph.Type{DType: tensor.Float32, Shape: tensor.Shape{1, 256, 256}}
	x, y := b.Add("x8", graph.Quantize{To: tensor.Int8}, b.Input("x", in)), b.Add("y8", graph.Quantize{To: tensor.Int8}, b.Input("y", in))
	z := b.Add("z8", graph.Binary{Fn: fn}, x, y)
	g, err := b.Build(b.Add("z", graph.Dequantize{}, z))
	if err != nil {
		t.Fatal(err)
	}
	g.Value(x).Quant, g.Value(y).Quant, g.Value(z).Quant = qa, qb, qy
	s := opened(t, a, g)
	ra, rb, ry := of(qa), of(qb), of(qy)
	for i := range 1 << 16 {
		s.library[0][i], s.library[1][i] = ra.Real(int32(i>>8)-128), rb.Real(int32(i&255)-128)
	}
	if err := s.Run(0); err != nil {
		t.Fatal(err)
	}
	sum, product := fixed.NewAdder(ra, rb, ry, false, ry.Range(), fixed.ONNX), fixed.NewTimes(ra, rb, ry, ry.Range(), fixed.ONNX)
	wrong := 0
	for i, got := range s.lanes[0].results[0] {
		p, q := int32(i>>8)-128, int32(i&255)-128
		want := product.Apply(p, q)
		if fn == graph.Add {
			want = sum.Apply(p, q)
		}
		if got != ry.Real(want) {
			if wrong++; wrong == 1 {
				t.Errorf("%v of %d and %d by %v, %v, %v: got %v, want %v", fn, p, q, ra, rb, ry, got, ry.Real(want))
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%v by %v, %v, %v: %d of %d pairs differ", fn, ra, rb, ry, wrong, 1<<16)
	}
}
