package engine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// In all tests memory that nothing was written to is poisoned, and plans are checked.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() == "" {
		engine.SetPoison(engine.PoisonNaN)
	}
	goleak.VerifyTestMain(m)
}

// variants are the words for Options.Kernels that make a difference on this processor.
func variants() []string {
	names := []string{"go"}
	for _, name := range kernel.Names {
		if name != "go" && kernel.Pick(kernel.GemmF32, name).Name == name {
			names = append(names, name)
		}
	}
	return names
}

func session(t testing.TB, g *graph.Graph, o engine.Options) (*engine.Program, *engine.Session) {
	t.Helper()
	p, err := engine.Compile(g, o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return p, s
}

func outputs(p *engine.Program) []*tensor.Tensor {
	var out []*tensor.Tensor
	for _, port := range p.Outputs() {
		t := tensor.New(port.Type.DType, port.Type.Shape)
		for i := range t.Float32() {
			t.Float32()[i] = -12345 // every element must be overwritten
		}
		out = append(out, t)
	}
	return out
}

// batched repeats inputs along dimension 0 with other values in the later rows, where the
// graph can take another batch.
func batched(g *graph.Graph, in []*tensor.Tensor, n int) (*graph.Graph, []*tensor.Tensor, bool) {
	for i, id := range g.Inputs {
		if s := g.Values[id].Type.Shape; len(s) == 0 || s[0] != 1 || len(in[i].Float32()) == 0 {
			return nil, nil, false
		}
	}
	b, err := g.WithBatch(n)
	if err != nil {
		return nil, nil, false
	}
	var out []*tensor.Tensor
	for _, t := range in {
		s := t.Shape.Clone()
		s[0] = n
		u := tensor.New(t.DType, s)
		for row := range n {
			part := u.Float32()[row*len(t.Float32()):]
			for i, x := range t.Float32() {
				part[i] = x * (1 - 0.375*float32(row))
			}
		}
		out = append(out, u)
	}
	return b, out, true
}

var poisons = []engine.Poison{engine.PoisonNaN, engine.PoisonHigh, engine.PoisonLow}

// check compares engine and interpreter on one graph, in every way to run it.
func check(t *testing.T, g *graph.Graph, in []*tensor.Tensor) {
	t.Helper()
	for _, batch := range []int{1, 3} {
		bg, bin := g, in
		if batch > 1 {
			var ok bool
			if bg, bin, ok = batched(g, in, batch); !ok {
				continue
			}
		}
		want, err := optest.Expect(bg, bin)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range variants() {
			for _, threads := range []int{1, 2, 3} {
				o := engine.Options{Threads: threads, Kernels: name, Poison: poisons[(threads+batch)%len(poisons)]}
				if batch > 1 {
					o.Batch = batch
				}
				p, err := engine.Compile(g, o)
				if err != nil {
					t.Fatal(err)
				}
				s, err := p.NewSession()
				if err != nil {
					t.Fatal(err)
				}
				for range 2 { // what a first run leaves in memory must not matter to the next
					out := outputs(p)
					if err := s.Run(bin, out); err != nil {
						t.Fatal(err)
					}
					for i, w := range want {
						if err := optest.Compare(out[i], w.Want, w.Bound); err != nil {
							t.Fatalf("%s threads=%d batch=%d: output %d: %v\n%s\n%s", name, threads, batch, i, err, g.Text(), p.Text())
						}
					}
				}
				s.Close()
			}
		}
	}
}

func TestCases(t *testing.T) {
	for _, c := range optest.Cases() {
		t.Run(c.Name, func(t *testing.T) { check(t, c.Graph, c.Inputs) })
	}
}

func TestRandom(t *testing.T) {
	n := 150
	switch {
	case testing.Short():
		n = 40
	case testkit.Thorough():
		n = 300
	}
	for i := range n {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			g, in := optest.Random(rand.New(rand.NewPCG(uint64(i), 7)))
			check(t, g, in)
		})
	}
}

func FuzzRandom(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		g, in := optest.Random(rand.New(rand.NewPCG(seed, 1)))
		check(t, g, in)
	})
}

// Every operator of the language has a case here, so check has run it.
func TestComplete(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, c := range optest.Cases() {
		for _, n := range c.Graph.Nodes {
			seen[reflect.TypeOf(n.Op)] = true
		}
	}
	for _, row := range graph.Ops {
		if row.Class != graph.Integer && !seen[reflect.TypeOf(row.Zero)] {
			t.Errorf("no case of internal/optest has a %s", row.Zero.Name())
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	for _, threads := range []int{1, 2} {
		for _, c := range optest.Cases() {
			p, s := session(t, c.Graph, engine.Options{Threads: threads})
			out := outputs(p)
			if n := testing.AllocsPerRun(5, func() {
				if err := s.Run(c.Inputs, out); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s: threads=%d: got %v allocations per run, want 0", c.Name, threads, n)
			}
			s.Close()
		}
	}
}

// Sessions of one program are independent: their results do not depend on who else runs.
func TestManySessions(t *testing.T) {
	g, in := optest.Random(rand.New(rand.NewPCG(11, 7)))
	p, err := engine.Compile(g, engine.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	want, err := optest.Expect(g, in)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := p.NewSession()
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			out := outputs(p)
			for range 20 {
				if err := s.Run(in, out); err != nil {
					t.Error(err)
					return
				}
				for i, w := range want {
					if err := optest.Compare(out[i], w.Want, w.Bound); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

func TestRunErrors(t *testing.T) {
	c := optest.Find(optest.Cases()[0].Name)
	p, s := session(t, c.Graph, engine.Options{})
	out := outputs(p)
	wrong := tensor.New(tensor.Float32, tensor.Shape{1, 1})
	for want, args := range map[string][2][]*tensor.Tensor{
		"got 0 inputs":   {nil, out},
		"is nil":         {make([]*tensor.Tensor, len(c.Inputs)), out},
		"got 0 outputs":  {c.Inputs, nil},
		"float32[1,1]":   {c.Inputs, slices.Repeat([]*tensor.Tensor{wrong}, len(out))},
		"got 2 elements": {c.Inputs, slices.Repeat([]*tensor.Tensor{{DType: tensor.Float32, Shape: out[0].Shape, Data: []float32{1, 2}}}, len(out))},
	} {
		if err := s.Run(args[0], args[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if err := s.Run(c.Inputs, out); err != nil {
		t.Errorf("a good run after bad ones: %v", err)
	}
	s.Close()
	s.Close()
	if err := s.Run(c.Inputs, out); err == nil {
		t.Error("a closed session ran")
	}
}
