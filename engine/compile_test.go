package engine_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

func build(t *testing.T, f func(b *graph.Builder) graph.ID) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder("test")
	g, err := b.Build(f(b))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestCompileErrors(t *testing.T) {
	good := build(t, func(b *graph.Builder) graph.ID {
		return b.Add("y", graph.Activate{Act: graph.ReLU}, b.Input("x", graph.F32(1, 4)))
	})
	for _, c := range []struct {
		name string
		g    *graph.Graph
		o    engine.Options
		want string
	}{
		{"threads", good, engine.Options{Threads: -1}, "threads: got -1"},
		{"too many threads", good, engine.Options{Threads: 100000}, "threads: got 100000"},
		{"batch", good, engine.Options{Batch: -3}, "batch: got -3"},
		{"kernels", good, engine.Options{Kernels: "mmx"}, `variant "mmx"`},
		{"a batch that is too large", good, engine.Options{Batch: math.MaxInt32}, "takes more than 16 GiB"},
		{"many values that are too large together", build(t, func(b *graph.Builder) graph.ID {
			x := b.Input("x", graph.F32(1, 1<<20, 30, 50))
			return b.Add("y", graph.Binary{}, b.Add("p", graph.Activate{Act: graph.SiLU}, x), b.Add("q", graph.Softmax{Axis: 1}, x))
		}), engine.Options{}, "want at most 17179869184"},
		{"no weights", build(t, func(b *graph.Builder) graph.ID {
			return b.Add("fc", graph.Linear{}, b.Input("x", graph.F32(1, 2)), b.Param("fc.weight", 3, 2))
		}), engine.Options{}, `weight "fc.weight" has no data`},
		{"no elements", build(t, func(b *graph.Builder) graph.ID {
			return b.Add("y", graph.Activate{Act: graph.ReLU}, b.Add("s", graph.Slice{Axis: 1, Start: 1, End: 1, Step: 1}, b.Input("x", graph.F32(1, 2))))
		}), engine.Options{}, "has no elements"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := engine.Compile(c.g, c.o); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "engine: ") {
				t.Errorf("got %v, want an error of the engine with %q", err, c.want)
			}
		})
	}
}

// Everything that cannot run is named at once.
func TestUnsupported(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.ID {
		x := b.Input("x", graph.Type{DType: tensor.Int64, Shape: tensor.Shape{1, 4}})
		return b.Add("flat", graph.Reshape{To: graph.Dims{D: [8]int{4}, Rank: 1}}, b.Add("copy", graph.Transpose{Perm: graph.Dims{D: [8]int{1, 0}, Rank: 2}}, x))
	})
	_, err := engine.Compile(g, engine.Options{})
	var u *graph.UnsupportedError
	if !errors.As(err, &u) {
		t.Fatalf("got %v, want a *graph.UnsupportedError", err)
	}
	var ops []string
	for _, op := range u.Ops {
		ops = append(ops, op.Op)
	}
	slices.Sort(ops)
	if want := []string{"input", "reshape", "transpose"}; !slices.Equal(ops, want) {
		t.Errorf("got %v, want %v", ops, want)
	}
}

// Joining and splitting channels moves nothing: ghost modules and dense blocks have no
// step of their own for it, a shuffle has one copy for each part.
func TestChannelsMoveForFree(t *testing.T) {
	for name, want := range map[string]int{"ghostnet@64": 0, "mobilenet_v2@64": 0, "shufflenet_v2@64": 2 * 16} {
		p, err := engine.Compile(network(t, name, 1, 0), engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		copies := 0
		for _, s := range p.Steps() {
			if strings.HasPrefix(s.Kernel, "copy/") && s.Op != "output" {
				copies++
			}
		}
		if copies != want {
			t.Errorf("%s: got %d copies, want %d\n%s", name, copies, want, p.Text())
		}
	}
}

// A chain reuses its memory: the arena is far smaller than the sum of its values.
func TestArenaIsShared(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.ID {
		x := b.Input("x", graph.F32(1, 8, 32, 32))
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			x = b.Add(name, graph.Softmax{Axis: 1}, x)
		}
		return x
	})
	p, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.ArenaBytes(), int64(2*8*32*32*4+1024); got > want {
		t.Errorf("arena: got %d bytes, want at most %d for two buffers", got, want)
	}
}
