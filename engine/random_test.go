package engine_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// campaign says which seeds TestRandomGraphs takes: WISP_RANDOM=20000, or 5000-10000.
func campaign(t *testing.T) (from, to int) {
	word := os.Getenv("WISP_RANDOM")
	if word == "" {
		if testkit.Thorough() && !testing.Short() {
			return 0, 1000
		}
		return 0, 100
	}
	first, last, two := strings.Cut(word, "-")
	if !two {
		first, last = "0", word
	}
	from, err := strconv.Atoi(first)
	if err != nil {
		t.Fatalf("WISP_RANDOM: %v", err)
	}
	if to, err = strconv.Atoi(last); err != nil {
		t.Fatalf("WISP_RANDOM: %v", err)
	}
	return from, to
}

// Random graphs on one, two and three threads, each seed with kernels, batch, poison and
// limits of its own, are within the interpreter's bounds.
func TestRandomGraphs(t *testing.T) {
	from, to := campaign(t)
	kernels, worst, at := variants(), 0.0, 0
	failed := 0
	for i := from; i < to; i++ {
		rng := rand.New(rand.NewPCG(uint64(i), 17))
		draw := optest.Random
		if i%3 == 0 {
			draw = optest.RandomResidual
		}
		g, in := draw(rng)
		batch := 0
		if i%4 == 0 {
			if b, more, ok := batched(g, in, 2+i%3); ok {
				batch, in = b.Values[b.Inputs[0]].Type.Shape[0], more
			}
		}
		o := engine.Options{Batch: batch, Kernels: kernels[i%len(kernels)], Poison: poisons[i%len(poisons)]}
		off, err := func() (float64, error) {
			if i%5 > 0 {
				defer engine.SetChainBuffer(1)()
				defer engine.SetChainLimits(1+rng.IntN(16), 2+rng.IntN(15))()
			}
			if i%7 == 0 {
				defer engine.SetWinograd(1, 1)()
			}
			return compareThreads(g, in, o)
		}()
		if off > worst {
			worst, at = off, i
		}
		if err != nil {
			t.Errorf("seed %d: %v", i, err)
			if failed++; failed == 20 {
				t.Fatal("and so on")
			}
		}
	}
	t.Logf("%d graphs: the largest error is %.2f of its bound (seed %d)", to-from, worst, at)
}

func compareThreads(g *graph.Graph, in []*tensor.Tensor, o engine.Options) (worst float64, err error) {
	whole := g
	if o.Batch > 0 {
		if whole, err = g.WithBatch(o.Batch); err != nil {
			return 0, err
		}
	}
	want, err := optest.Expect(whole, in)
	if err != nil {
		return 0, err
	}
	for o.Threads = 1; o.Threads <= 3; o.Threads++ {
		p, err := engine.Compile(g, o)
		if err != nil {
			return 0, err
		}
		s, err := p.NewSession()
		if err != nil {
			return 0, err
		}
		out := outputs(p)
		err = s.Run(in, out)
		s.Close()
		if err != nil {
			return 0, err
		}
		for k, w := range want {
			off, _ := optest.Off(out[k], w.Want, w.Bound)
			worst = max(worst, off)
			if err := optest.Compare(out[k], w.Want, w.Bound); err != nil {
				return worst, fmt.Errorf("%s threads=%d batch=%d: output %d: %w", o.Kernels, o.Threads, o.Batch, k, err)
			}
		}
	}
	return worst, nil
}
