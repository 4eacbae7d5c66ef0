package engines

import (
	"errors"
	"testing"

	"github.com/wispnet/wisp/internal/runner"
)

func TestGrid(t *testing.T) {
	good := Grid{Engines: "native,tflite", Precisions: "float32,int8", Threads: []int{1, 2}, Batches: []int{1}, Sessions: []int{1}}
	rows, err := good.Rows([]string{"ghostnet", "mobilenet_v2"}, "synthetic:1")
	if err != nil || len(rows) != 2*2*2*2 {
		t.Fatalf("got %d rows, %v", len(rows), err)
	}
	// What is compared most closely stands together: engines, then precisions.
	if a, b, c := rows[0], rows[1], rows[2]; a.Engine.Name != "native" || b.Engine.Name != "tflite" || a.Precision != b.Precision || c.Precision != "int8" || c.Threads != 1 {
		t.Errorf("got %+v, %+v, %+v", a, b, c)
	}
	for name, change := range map[string]func(*Grid){
		"no threads": func(g *Grid) { g.Threads = nil }, "no thread": func(g *Grid) { g.Threads = []int{0} }, "threads": func(g *Grid) { g.Threads = []int{MaxThreads + 1} },
		"batch": func(g *Grid) { g.Batches = []int{MaxBatch + 1} }, "sessions": func(g *Grid) { g.Sessions = []int{runner.MaxSessions + 1} }, "precision": func(g *Grid) { g.Precisions = "float16" },
	} {
		g := good
		change(&g)
		var usage *UsageError
		if rows, err := g.Rows([]string{"ghostnet"}, ""); !errors.As(err, &usage) {
			t.Errorf("%s: got %d rows, %v", name, len(rows), err)
		}
	}
	g := good
	g.Engines = "native,abacus"
	var unknown *UnknownError
	if _, err := g.Rows([]string{"ghostnet"}, ""); !errors.As(err, &unknown) {
		t.Errorf("abacus: got %v", err)
	}
	if _, err := good.Rows([]string{"ghostnot"}, ""); err == nil {
		t.Error("a network that is none was taken")
	}
}
