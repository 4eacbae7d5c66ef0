package engine_test

import (
	"errors"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/tensor"
)

// A kernel that panics on any thread ends the run with an error that a door makes of it, not
// the process, and the session can be closed.
func TestPanicOnAnyThread(t *testing.T) {
	g := build(t, func(b *graph.Builder) graph.ID {
		x := b.Input("x", graph.F32(1, 8, 64, 64))
		w := b.Bound(graph.Parameter, "w", tensor.New(tensor.Float32, tensor.Shape{16, 8, 3, 3}))
		return b.Add("y", graph.Conv{Pad: graph.Symmetric(1, 1), Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, x, w)
	})
	for range 20 {
		p, err := engine.Compile(g, engine.Options{Threads: 4})
		if err != nil {
			t.Fatal(err)
		}
		if !engine.BreakChunk(p, "broken on purpose") {
			t.Fatal("no step is divided among threads")
		}
		s, err := p.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		in, out := tensor.New(tensor.Float32, tensor.Shape{1, 8, 64, 64}), tensor.New(tensor.Float32, p.Outputs()[0].Type.Shape)
		err = guard.Do("test", func() error { return s.Run([]*tensor.Tensor{in}, []*tensor.Tensor{out}) })
		var panicked *guard.Panic
		if !errors.As(err, &panicked) || panicked.Value != "broken on purpose" {
			t.Fatalf("got %v, want the kernel's panic", err)
		}
		if !s.Broken() {
			t.Error("the session runs on")
		}
		s.Close()
	}
}
