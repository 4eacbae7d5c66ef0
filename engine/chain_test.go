package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// Chains of steps over bands compute what the steps compute alone: here every buffer is
// large enough for them, and bands are of one row, of three or of all that fit.
func TestChainsOfCases(t *testing.T) {
	defer engine.SetChainBuffer(1)()
	for i, c := range optest.Cases() {
		if !testkit.Thorough() && i%2 == 1 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			defer engine.SetChainLimits([]int{1, 3, 16}[i%3], []int{2, 3, 4, 16}[i/2%4])()
			check(t, c.Graph, c.Inputs)
		})
	}
	n := 80
	switch {
	case testing.Short():
		n = 20
	case testkit.Thorough():
		n = 300
	}
	for i := range n {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			defer engine.SetChainLimits([]int{1, 3, 16}[i%3], []int{2, 3, 4, 16}[i/2%4])()
			rng := rand.New(rand.NewPCG(uint64(i), 11))
			if i%2 == 0 {
				g, in := optest.Random(rng)
				check(t, g, in)
				return
			}
			g, in := optest.RandomResidual(rng)
			check(t, g, in)
		})
	}
}

// The random networks take part in chains: on one thread most of them, and in many a value
// of a chain is read by others too.
func TestRandomNetworksFormChains(t *testing.T) {
	defer engine.SetChainBuffer(1)()
	const n = 100
	for threads, want := range map[int][2]int{1: {60, 30}, 2: {40, 0}} {
		chains, shared := 0, 0
		for i := range n {
			g, _ := optest.Random(rand.New(rand.NewPCG(uint64(i), 11)))
			p, err := engine.Compile(g, engine.Options{Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			c, s := engine.Chains(p)
			chains, shared = chains+min(c, 1), shared+min(s, 1)
		}
		if chains < want[0] || shared < want[1] {
			t.Errorf("threads=%d: of %d networks %d have chains, %d values of which others read; want %v", threads, n, chains, shared, want)
		}
	}
}

// In whole networks, with strips for several threads, chains change no bit: every element
// is the same sum in the same order, whatever the bands.
func TestChainsOfNetworks(t *testing.T) {
	names := []string{"mobilenet_v2@96", "ghostnet@64", "shufflenet_v1_g3:0.5@96", "efficientnet_b0@75", "shufflenet_v2:0.5@97", "resnet18@64", "mobilenet_v3_small@65"}
	kernels := variants()
	if testing.Short() {
		names, kernels = names[:3], kernels[min(1, len(kernels)-1):][:1]
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			spec, err := zoo.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			g, err := spec.Build(10)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Bind(zoo.Synthetic(1, 1.7)); err != nil {
				t.Fatal(err)
			}
			in := []*tensor.Tensor{zoo.SyntheticInput(1, g.Values[g.Inputs[0]].Type.Shape, "input")}
			run := func(chainBuffer, threads int, kernels string) []float32 {
				defer engine.SetChainBuffer(chainBuffer)()
				p, s := session(t, g, engine.Options{Threads: threads, Kernels: kernels})
				banded := false
				for _, step := range p.Steps() {
					banded = banded || step.Band > 0
				}
				if want := chainBuffer == 1; banded != want {
					t.Fatalf("chains: got %v, want %v\n%s", banded, want, p.Text())
				}
				out := outputs(p)
				if err := s.Run(in, out); err != nil {
					t.Fatal(err)
				}
				return out[0].Float32()
			}
			for _, kernels := range kernels {
				for _, threads := range []int{1, 2, 3} {
					want := run(1<<28, threads, kernels)
					for i, x := range run(1, threads, kernels) {
						if x != want[i] {
							t.Fatalf("%s threads=%d: output %d: got %v, want %v", kernels, threads, i, x, want[i])
						}
					}
				}
			}
		})
	}
}

// An image of a million rows is compiled at once: no plan walks them.
func TestTallImage(t *testing.T) {
	b := graph.NewBuilder("tall")
	x := b.Input("x", graph.Type{DType: tensor.Float32, Shape: tensor.Shape{1, 3, 1 << 20, 2}})
	w := tensor.New(tensor.Float32, tensor.Shape{3, 3, 1, 1})
	conv := graph.Conv{Groups: 1, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	for i := range 12 {
		x = b.Add(fmt.Sprint("conv", i), conv, x, b.Bound(graph.Constant, fmt.Sprint("w", i), w))
	}
	g, err := b.Build(x)
	if err != nil {
		t.Fatal(err)
	}
	p, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Steps() {
		if s.Band > 0 {
			t.Fatalf("step %s takes turns over %d rows", s.Node, s.Band)
		}
	}
}

// A graph of many steps over tall images is planned as far as the bound of work allows, and
// the rest runs step by step.
func TestManyTallSteps(t *testing.T) {
	b := graph.NewBuilder("many")
	x := b.Input("x", graph.Type{DType: tensor.Float32, Shape: tensor.Shape{1, 3, 4096, 16}})
	w := tensor.New(tensor.Float32, tensor.Shape{3, 3, 1, 1})
	conv := graph.Conv{Groups: 1, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	for i := range 400 {
		x = b.Add(fmt.Sprint("conv", i), conv, x, b.Bound(graph.Constant, fmt.Sprint("w", i), w))
	}
	g, err := b.Build(x)
	if err != nil {
		t.Fatal(err)
	}
	p, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	banded := 0
	for _, s := range p.Steps() {
		if s.Band > 0 {
			banded++
		}
	}
	if banded == 0 || banded > 300 {
		t.Errorf("steps in chains: got %d of 400, want some and not all", banded)
	}
}
