package wisp_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/zoo"
)

// A program outlives its model's file: what it computes with is its own, wherever in the
// file the numbers lay.
func TestProgramOutlivesFile(t *testing.T) {
	source, err := wisp.Open("mobilenet_v3_small:0.35@64")
	if err != nil {
		t.Fatal(err)
	}
	g, err := source.Bound()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Write(f, g); err != nil {
		t.Fatal(err)
	}
	f.Close()
	m, err := wisp.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	in := zoo.SyntheticInput(1, m.Graph.Value(m.Graph.Inputs[0]).Type.Shape, "input")
	before, err := p.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := p.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range before[0].Float32() {
		if after[0].Float32()[i] != v {
			t.Fatalf("output %d was %v and is %v", i, v, after[0].Float32()[i])
		}
	}
}
