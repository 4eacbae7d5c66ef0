package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// anything draws a graph of one operator with attributes and inputs of all kinds that its
// Infer accepts: ranks from 0 to 6, empty shapes, bytes with any quantization or none,
// inputs that are given, constants or weights; then perhaps a second that moves the result.
func anything(rng *rand.Rand, zero graph.Op) *graph.Graph {
	for range 2000 {
		v := reflect.New(reflect.TypeOf(zero)).Elem()
		draw(rng, v)
		b := graph.NewBuilder("anything")
		var in []graph.ID
		rank, n := rng.IntN(7), 1+rng.IntN(5)
		if rng.IntN(3) > 0 {
			rank = []int{2, 4}[rng.IntN(2)]
		}
		base := make(tensor.Shape, rank)
		for d := range base {
			base[d] = 1 + rng.IntN(6)
		}
		types := []tensor.DType{tensor.Float32, tensor.Float32, tensor.Float32, tensor.Int8, tensor.Uint8, tensor.Int32, tensor.Int64}
		dtype := types[rng.IntN(len(types))]
		for i := range n {
			s := base.Clone()
			switch {
			case i > 0 && rng.IntN(2) == 0 && rank > 1: // one for every channel
				s = tensor.Shape{base[1]}
			case rng.IntN(3) == 0:
				for d := range s {
					s[d] = []int{s[d], 1, 0, 3}[rng.IntN(4)]
				}
			}
			in = append(in, value(rng, b, i, dtype, s))
			if rng.IntN(6) == 0 {
				dtype = types[rng.IntN(len(types))]
			}
		}
		op := v.Interface().(graph.Op)
		ts := make([]graph.Type, len(in))
		for i, id := range in {
			ts[i] = b.Type(id)
		}
		outs, err := op.Infer(ts)
		if err != nil || len(outs) > 8 {
			continue
		}
		ids := b.AddN("y", op, len(outs), in...)
		if rng.IntN(3) == 0 {
			ids = append(ids, b.Add("moved", graph.Flatten{Axis: min(1, len(outs[0].Shape))}, ids[0]))
		}
		g, err := b.Build(ids...)
		if err != nil {
			continue
		}
		for _, id := range ids {
			if v := g.Value(id); v.Type.Quantized() && rng.IntN(4) > 0 {
				v.Quant = quantization(rng, v.Type.Shape)
			}
		}
		return g
	}
	return nil
}

func value(rng *rand.Rand, b *graph.Builder, i int, d tensor.DType, s tensor.Shape) graph.ID {
	name := fmt.Sprint("x", i)
	if i == 0 || rng.IntN(3) == 0 {
		id := b.Input(name, graph.Type{DType: d, Shape: s})
		return id
	}
	t := tensor.New(d, s)
	for k := range t.Float32() {
		t.Float32()[k] = float32(rng.NormFloat64())
	}
	if d == tensor.Int8 || d == tensor.Uint8 || d == tensor.Int32 {
		t.Quant = quantization(rng, s)
	}
	return b.Bound([]graph.Kind{graph.Parameter, graph.Constant}[rng.IntN(2)], name, t)
}

func quantization(rng *rand.Rand, s tensor.Shape) *tensor.Quant {
	n := 1
	q := &tensor.Quant{}
	if rng.IntN(3) == 0 && len(s) > 0 {
		q.Axis = rng.IntN(len(s) + 1)
		n = rng.IntN(4)
	}
	for range n {
		q.Scale = append(q.Scale, []float32{0.5, 1. / 128, 1e-44, 3e38, 0, -1, float32(math.NaN())}[rng.IntN(7)])
		q.Zero = append(q.Zero, []int32{0, 3, -128, 255, math.MaxInt32, math.MinInt32}[rng.IntN(6)])
	}
	if rng.IntN(8) == 0 {
		q.Zero = nil
	}
	return q
}

// draw sets attributes: small numbers, most of which fit.
func draw(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			draw(rng, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			draw(rng, v.Index(i))
		}
	case reflect.Int:
		v.SetInt(int64([]int{1, 1, 1, 0, 2, 3, 4, -1, 5}[rng.IntN(9)]))
	case reflect.Uint8:
		v.SetUint(uint64(rng.IntN(7)))
		if v.Type() == reflect.TypeFor[graph.BinaryFn]() {
			v.SetUint(uint64(rng.IntN(4)))
		}
	case reflect.Bool:
		v.SetBool(rng.IntN(3) == 0)
	case reflect.Float32, reflect.Float64:
		v.SetFloat([]float64{0, 1, -1, 1e-5, math.NaN(), math.Inf(1)}[rng.IntN(6)])
	}
}

// tryAnything compiles and runs a graph on the engine and the interpreter: an error is fine,
// a panic is not.
func tryAnything(g *graph.Graph) error {
	in := make([]*tensor.Tensor, len(g.Inputs))
	for i, id := range g.Inputs {
		in[i] = tensor.New(g.Value(id).Type.DType, g.Value(id).Type.Shape)
	}
	if err := guard.Do("interpreter", func() error { _, _ = interp.Run(g, in); return nil }); err != nil {
		return err
	}
	for threads := 1; threads <= 2; threads++ {
		if err := guard.Do("engine", func() error {
			p, err := engine.Compile(g, engine.Options{Threads: threads})
			if err != nil {
				return nil
			}
			s, err := p.NewSession()
			if err != nil {
				return nil
			}
			defer s.Close()
			_ = s.Run(in, outputs(p))
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// Whatever Infer accepts, compiling and running it is an answer or an error.
func TestAnything(t *testing.T) {
	n := 150
	if testkit.Thorough() {
		n = 5000
	}
	for _, row := range graph.Ops {
		t.Run(row.Zero.Name(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 23))
			drawn := 0
			for range n {
				g := anything(rng, row.Zero)
				if g == nil {
					continue
				}
				drawn++
				if err := tryAnything(g); err != nil {
					t.Fatalf("%v\n%s", err, g.Text())
				}
			}
			if drawn < n/2 {
				t.Errorf("only %d of %d draws are a graph", drawn, n)
			}
		})
	}
}
