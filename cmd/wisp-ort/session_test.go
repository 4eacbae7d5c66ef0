//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// ONNX Runtime computes on an export what the reference computes on the graph.
func TestExportsAgree(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"mobilenet_v2@64", "mobilenet_v3_small@64", "ghostnet@64", "shufflenet_v2:0.5@64", "shufflenet_v1_g3:0.5@64", "tf_efficientnet_b0@64", "resnet18@64"} {
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
			if g, err = rewrite.Run(g); err != nil {
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
			s := &session{api: a, level: optimizeAll, q: runner.LoadRequest{Model: path, Threads: 1, Batch: 1}}
			if _, err := s.Build(); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.MakeInputs(1, 7); err != nil {
				t.Fatal(err)
			}
			in := zoo.SyntheticInput(1, tensor.Shape{1, 3, 64, 64}, "input")
			copy(s.library[0], in.Float32())
			if err := s.Run(0); err != nil {
				t.Fatal(err)
			}
			want, err := interp.Run(g, []*tensor.Tensor{in})
			if err != nil {
				t.Fatal(err)
			}
			top, off := float32(0), float32(0)
			for i, w := range want[0].Float32() {
				d := w - s.lanes[0].results[0][i]
				top, off = max(top, w, -w), max(off, d, -d)
			}
			// float32 sums of up to some thousand products over some fifty layers.
			if !(off <= 1e-4*top) || top == 0 {
				t.Errorf("off by %g, the largest output is %g", off, top)
			}
			t.Logf("off by %g of %g; %.0f allocations a run", off, top, testing.AllocsPerRun(3, func() { _ = s.Run(0) }))
		})
	}
}
