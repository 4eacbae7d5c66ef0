package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// everything turns all on but what is searched for.
var everything = Options{Method: MinMax, Equalize: true, CorrectBias: true, Readers: true, Islands: 0.2}

// checkQuantized quantizes a network and compares engine and interpreter on what came of it,
// bit for bit, and the ratio that is reported with the interpreter's.
func checkQuantized(t *testing.T, g *graph.Graph, images []*tensor.Tensor, o Options) *Result {
	t.Helper()
	r, err := Quantize(g, images, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, g.Text())
	}
	if err := r.Graph.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []fixed.Profile{fixed.Builtin, fixed.XNNPACK} {
		want, err := interp.TraceAs(r.Graph, images[:1], p, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Graph.Text())
		}
		got := compute(t, r, images[0], engine.Options{Arithmetic: string(p)})
		bad, top := 0.0, 1.0
		for i, v := range want[0].Floats() {
			if d := math.Abs(float64(v - got[i])); !(d <= bad) {
				bad = d
			}
			top = max(top, math.Abs(float64(v)))
		}
		limit := 0.0
		for i := range r.Graph.Nodes { // what stays in real numbers is rounded otherwise
			if !r.Graph.Value(r.Graph.Nodes[i].Out[0]).Type.Quantized() {
				if _, ok := r.Graph.Nodes[i].Op.(graph.Dequantize); !ok {
					limit = 0.05 * top
				}
			}
		}
		if !(bad <= limit) {
			t.Errorf("%s: engine and interpreter differ by %v\n%s", p, bad, r.Graph.Text())
		}
	}
	return r
}

// Every operator in all its forms, of every rank, survives quantization.
func TestEveryOperator(t *testing.T) {
	quantized := 0
	for _, c := range optest.Cases() {
		if len(c.Inputs) != 1 || c.Graph.Quantized() {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			r := checkQuantized(t, c.Graph, c.Inputs, everything)
			if r.Graph.Quantized() {
				quantized++
			}
		})
	}
	if quantized < 50 {
		t.Errorf("%d cases were quantized, want 50 and more", quantized)
	}
}

// So do random networks.
func TestRandomNetworks(t *testing.T) {
	n := 25
	if testkit.Thorough() {
		n = 400
	}
	for seed := range n {
		g, in := optest.Random(rand.New(rand.NewPCG(uint64(seed), 4)))
		if len(in) != 1 {
			continue
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { checkQuantized(t, g, in, everything) })
	}
}

// A probability's quanta are a 256th whatever it passes through, or it is given others: the
// answer stays close to the real one, and the report says how close.
func TestSigmoidMoved(t *testing.T) {
	dims := func(d ...int) graph.Dims {
		s, err := graph.DimsOf(d...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	type move func(b *graph.Builder, s, other graph.ID) graph.ID
	for _, c := range []struct {
		name string
		do   move
	}{
		{"reshape", func(b *graph.Builder, s, _ graph.ID) graph.ID {
			return b.Add("r", graph.Reshape{To: dims(0, 4, 12, 3)}, s)
		}},
		{"flatten", func(b *graph.Builder, s, _ graph.ID) graph.ID { return b.Add("r", graph.Flatten{Axis: 1}, s) }},
		{"transpose", func(b *graph.Builder, s, _ graph.ID) graph.ID {
			return b.Add("r", graph.Transpose{Perm: dims(0, 1, 3, 2)}, s)
		}},
		{"split", func(b *graph.Builder, s, _ graph.ID) graph.ID {
			two := b.AddN("r", graph.Split{Axis: 1, Parts: 2}, 2, s)
			return b.Add("m", graph.Binary{Fn: graph.Mul}, two[0], two[1])
		}},
		{"slice", func(b *graph.Builder, s, _ graph.ID) graph.ID {
			return b.Add("r", graph.Slice{Axis: 2, Start: 1, End: 5, Step: 2}, s)
		}},
		{"shuffle", func(b *graph.Builder, s, _ graph.ID) graph.ID { return b.Add("r", graph.Shuffle{Groups: 2}, s) }},
		{"maxpool", func(b *graph.Builder, s, _ graph.ID) graph.ID {
			return b.Add("r", graph.MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, s)
		}},
		{"avgpool", func(b *graph.Builder, s, _ graph.ID) graph.ID {
			return b.Add("r", graph.AvgPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, s)
		}},
		{"pad", func(b *graph.Builder, s, _ graph.ID) graph.ID {
			return b.Add("r", graph.Pad{Pad: graph.Symmetric(1, 1)}, s)
		}},
		{"two moves", func(b *graph.Builder, s, _ graph.ID) graph.ID {
			return b.Add("r2", graph.Transpose{Perm: dims(0, 1, 3, 2)}, b.Add("r", graph.Shuffle{Groups: 2}, s))
		}},
		{"concat of sigmoids", func(b *graph.Builder, s, other graph.ID) graph.ID {
			return b.Add("r", graph.Concat{Axis: 1}, s, b.Add("s2", graph.Activate{Act: graph.Sigmoid}, other))
		}},
		{"concat with another", func(b *graph.Builder, s, other graph.ID) graph.ID {
			return b.Add("r", graph.Concat{Axis: 1}, s, other)
		}},
		{"moved, then with another", func(b *graph.Builder, s, other graph.ID) graph.ID {
			return b.Add("r2", graph.Concat{Axis: 1}, b.Add("r", graph.Identity{}, s), other)
		}},
		{"read twice", func(b *graph.Builder, s, other graph.ID) graph.ID {
			m := b.Add("m", graph.Binary{Fn: graph.Mul}, s, other)
			return b.Add("r", graph.Concat{Axis: 1}, s, m)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			draw := func(scale float64, d ...int) *tensor.Tensor {
				x := tensor.New(tensor.Float32, d)
				for i := range x.Float32() {
					x.Float32()[i] = float32(scale * rng.NormFloat64())
				}
				return x
			}
			b := graph.NewBuilder(c.name)
			x := b.Input("x", graph.F32(1, 3, 6, 6))
			filter := func(name string) graph.ID {
				w := b.Bound(graph.Parameter, name+".w", draw(0.8, 4, 3, 1, 1))
				return b.Add(name, graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, x, w)
			}
			s := b.Add("s", graph.Activate{Act: graph.Sigmoid}, filter("a"))
			g, err := b.Build(c.do(b, s, filter("b")))
			if err != nil {
				t.Fatal(err)
			}
			var images []*tensor.Tensor
			for range 3 {
				images = append(images, draw(1, 1, 3, 6, 6))
			}
			r := checkQuantized(t, g, images, Options{})
			if r.SQNR < 30 {
				t.Errorf("%.1f dB, want 30 and more", r.SQNR)
			}
			want, err := interp.Run(g, images[:1])
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range compute(t, r, images[0], engine.Options{}) {
				if d := math.Abs(float64(v - want[0].Float32()[i])); d > 0.15 {
					t.Fatalf("element %d: got %v, want %v", i, v, want[0].Float32()[i])
				}
			}
		})
	}
}
