package optest_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/tensor"
)

// Every operator has cases of its own, each named once.
func TestCases(t *testing.T) {
	perOp := map[string]int{}
	seen := map[string]bool{}
	for _, c := range optest.Cases() {
		if seen[c.Name] {
			t.Errorf("two cases are named %q", c.Name)
		}
		seen[c.Name] = true
		family, _, _ := strings.Cut(c.Name, "/")
		perOp[family]++
		if family != "pattern" && !slices.ContainsFunc(c.Graph.Nodes, func(n graph.Node) bool { return n.Op.Name() == family }) {
			t.Errorf("%s: has no %s", c.Name, family)
		}
	}
	for _, row := range graph.Ops {
		if row.Class != graph.Integer && perOp[row.Zero.Name()] < 3 {
			t.Errorf("%s: %d cases, want at least 3", row.Zero.Name(), perOp[row.Zero.Name()])
		}
	}
}

// Bounds follow the class of the operator: what only moves elements must be exact, and
// nothing else may be; and no bound is so wide that it says nothing.
func TestBounds(t *testing.T) {
	class := map[string]graph.Tolerance{}
	for _, row := range graph.Ops {
		class[row.Zero.Name()] = row.Class
	}
	for _, c := range optest.Cases() {
		all, err := optest.Expect(c.Graph, c.Inputs)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		got, err := interp.Run(c.Graph, c.Inputs)
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		for i, x := range all {
			if !slices.Equal(got[i].Float32(), x.Want.Float32()) {
				t.Errorf("%s: output %d: the interpreter differs between a graph and its nodes one by one", c.Name, i)
			}
			top := 0.0
			for _, v := range x.Want.Float32() {
				top = max(top, math.Abs(float64(v)))
			}
			if b := x.Bound.Largest(); !(b <= 1e-4*max(top, 0.1)) {
				t.Errorf("%s: output %d: a bound of %g on values up to %g says nothing", c.Name, i, b, top)
			}
			family, _, _ := strings.Cut(c.Name, "/")
			if kind, ok := class[family]; ok && len(c.Graph.Nodes) == 1 && (kind == graph.Exact) != (x.Bound.Largest() == 0) && family != "activate" {
				t.Errorf("%s: output %d: bound %g", c.Name, i, x.Bound.Largest())
			}
		}
	}
}

// Random networks use every operator, are the same for a seed, and their bounds mean
// something: a wrong weight does not hide in them.
func TestRandom(t *testing.T) {
	used := map[string]int{}
	var widths []float64
	seeds := uint64(150)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		g, in := optest.Random(rand.New(rand.NewPCG(seed, 0)))
		for _, n := range g.Nodes {
			used[n.Op.Name()]++
		}
		again, _ := optest.Random(rand.New(rand.NewPCG(seed, 0)))
		if len(again.Nodes) != len(g.Nodes) {
			t.Fatalf("seed %d: two different networks", seed)
		}
		all, err := optest.Expect(g, in)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, x := range all {
			top := 0.0
			for _, v := range x.Want.Float32() {
				top = max(top, math.Abs(float64(v)))
			}
			if math.IsNaN(top) || math.IsInf(top, 0) || top > 1e6 {
				t.Errorf("seed %d: values up to %g", seed, top)
			}
			widths = append(widths, x.Bound.Largest()/max(top, 0.1))
		}
	}
	for _, row := range graph.Ops {
		if row.Class != graph.Integer && used[row.Zero.Name()] < int(seeds)/20 {
			t.Errorf("%s: %d times in the random networks", row.Zero.Name(), used[row.Zero.Name()])
		}
	}
	slices.Sort(widths)
	if middle, widest := widths[len(widths)/2], widths[len(widths)-1]; middle > 1e-4 || widest > 0.05 {
		t.Errorf("bounds are %g of the values, at most %g", middle, widest)
	}
}

func TestCompare(t *testing.T) {
	want := tensor.Of(tensor.Shape{3}, []float32{1, 0, float32(math.NaN())})
	for _, c := range []struct {
		name string
		got  []float32
		b    optest.Bound
		ok   bool
	}{
		{"same", []float32{1, 0, float32(math.NaN())}, optest.Bound{0, 0, 0}, true},
		{"negative zero", []float32{1, float32(math.Copysign(0, -1)), float32(math.NaN())}, optest.Bound{0, 0, 0}, true},
		{"within", []float32{1.0001, 0, float32(math.NaN())}, optest.Bound{1e-3, 0, 0}, true},
		{"beyond", []float32{1.01, 0, float32(math.NaN())}, optest.Bound{1e-3, 0, 0}, false},
		{"not exact", []float32{1, 1e-30, float32(math.NaN())}, optest.Bound{0, 0, 0}, false},
		{"NaN for a number", []float32{float32(math.NaN()), 0, float32(math.NaN())}, optest.Bound{1, 1, 1}, false},
		{"a number for NaN", []float32{1, 0, 0}, optest.Bound{1, 1, 1}, false},
		{"infinity", []float32{float32(math.Inf(1)), 0, float32(math.NaN())}, optest.Bound{1, 1, 1}, false},
	} {
		if err := optest.Compare(tensor.Of(tensor.Shape{3}, c.got), want, c.b); (err == nil) != c.ok {
			t.Errorf("%s: got error %v, want ok %v", c.name, err, c.ok)
		}
	}
	if optest.Compare(tensor.New(tensor.Float32, tensor.Shape{1, 3}), want, nil) == nil {
		t.Error("another shape: want an error")
	}
}
