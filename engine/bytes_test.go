package engine_test

import (
	"fmt"
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

// checkBytes compares engine and interpreter on one graph of integers: every bit, under one
// arithmetic and one set of kernels, with one thread and two.
func checkBytes(t *testing.T, g *graph.Graph, in []*tensor.Tensor, profile fixed.Profile, kernels string) {
	t.Helper()
	want, err := interp.TraceAs(g, in, profile, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, g.Text())
	}
	for threads := 1; threads <= 2; threads++ {
		p, err := engine.Compile(g, engine.Options{Arithmetic: string(profile), Kernels: kernels, Threads: threads})
		if err != nil {
			t.Fatalf("%v\n%s", err, g.Text())
		}
		s, err := p.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // what a first run leaves in memory must not matter to the next
			out := outputs(p)
			if err := s.Run(in, out); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				w, y := want[i].Floats(), out[i].Floats()
				for k := range w {
					if w[k] != y[k] {
						s.Close()
						t.Fatalf("%s, kernels %s, %d threads: output %d, element %d: got %v, want %v\n%s", profile, kernels, threads, i, k, y[k], w[k], g.Text())
					}
				}
			}
		}
		s.Close()
	}
}

// byteTypes are the two types of integers, byteStyles both with all that the graph can say and
// with what TensorFlow Lite takes.
var byteStyles = []optest.ByteStyle{{Type: tensor.Int8}, {Type: tensor.Uint8}, {Type: tensor.Int8, TFLite: true}, {Type: tensor.Uint8, TFLite: true}}

// The engine's integers are the interpreter's whichever operator reads the input and whichever
// computes the output.
func TestBytesFirstAndLast(t *testing.T) {
	kinds, names := optest.ByteKinds(), variants()
	for first := range kinds {
		t.Run(kinds[first], func(t *testing.T) {
			made := 0
			for last := range kinds {
				for k, style := range byteStyles[:2] {
					rng := rand.New(rand.NewPCG(uint64(first), uint64(last)))
					g, in, ok := optest.BytePair(rng, style, first, last)
					for try := 0; !ok && try < 10; try++ {
						g, in, ok = optest.BytePair(rng, style, first, last)
					}
					if !ok {
						continue
					}
					made++
					profile := []fixed.Profile{fixed.Builtin, fixed.XNNPACK}[(first+last+k)%2]
					checkBytes(t, g, in, profile, names[(first+k)%len(names)])
				}
			}
			if made < len(kinds) {
				t.Errorf("%d networks begin with it, want most of %d", made, 2*len(kinds))
			}
		})
	}
}

// The same for random networks of integers.
func TestBytesRandom(t *testing.T) {
	n, names := 150, variants()
	if testkit.Thorough() {
		n = 3000
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			g, in := optest.RandomBytes(rand.New(rand.NewPCG(uint64(seed), 1)), byteStyles[seed%len(byteStyles)])
			checkBytes(t, g, in, []fixed.Profile{fixed.Builtin, fixed.XNNPACK}[seed/4%2], names[seed/8%len(names)])
		})
	}
}
