//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// What wisp writes as QDQ gives ONNX Runtime wisp's own answers, within one quantum of the
// output.
func TestInt8Agrees(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	names := []string{"mobilenet_v2@64", "shufflenet_v2@64"}
	if !testing.Short() {
		names = append(names, "mobilenet_v1@64", "ghostnet@64", "mobilenet_v3_small@64", "mnasnet_b1@64", "efficientnet_lite0@64", "resnet18@64", "shufflenet_v1_g3@64")
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			spec, err := zoo.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			g, err := spec.Build(1000)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Bind(zoo.Synthetic(1, spec.Gain())); err != nil {
				t.Fatal(err)
			}
			shape := g.Value(g.Inputs[0]).Type.Shape
			images := []*tensor.Tensor{zoo.SyntheticInput(1, shape, "input"), zoo.SyntheticInput(2, shape, "input")}
			ours := quant.Recommended()
			ours.Islands = 0 // the last layer might stay in float32
			options := []quant.Options{{}, ours}
			if i > 1 && os.Getenv("WISP_ALL_GOLDENS") == "" {
				options = options[:1] // choosing ranges takes a second and more
			}
			for _, o := range options {
				agrees(t, a, g, images, o)
			}
		})
	}
}

// agrees quantizes a network, runs it here and there and compares.
func agrees(t *testing.T, a *api, g *graph.Graph, images []*tensor.Tensor, o quant.Options) {
	t.Helper()
	shape := g.Value(g.Inputs[0]).Type.Shape
	r, err := quant.Quantize(g, images, o)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.WriteFixed(f, r.Graph); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := backend{a}.Read(runner.LoadRequest{Model: path, Threads: 1, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	s := l.(*session)
	defer s.Close()
	if err := s.MakeInputs(1, 1); err != nil {
		t.Fatal(err)
	}
	p, err := engine.Compile(r.Graph, engine.Options{Arithmetic: string(fixed.XNNPACK)})
	if err != nil {
		t.Fatal(err)
	}
	es, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer es.Close()
	out := tensor.New(tensor.Float32, p.Outputs()[0].Type.Shape)
	quantum := float64(r.Graph.Value(r.Graph.Find("logits/int8")).Quant.Scale[0])
	differ, most := 0, 0.0
	for seed := uint64(9); seed < 13; seed++ {
		image := zoo.SyntheticInput(seed, shape, "input")
		copy(s.library[0], image.Float32())
		if err := s.Run(0); err != nil {
			t.Fatal(err)
		}
		if err := es.Run([]*tensor.Tensor{image}, []*tensor.Tensor{out}); err != nil {
			t.Fatal(err)
		}
		for i, v := range out.Float32() {
			d := math.Abs(float64(v-s.lanes[0].results[0][i])) / quantum
			if most = max(most, d); d > 0.01 {
				differ++
			}
		}
	}
	t.Logf("at most %.2f quanta apart, %d of %d not equal", most, differ, 4*len(out.Float32()))
	if most > 1.01 {
		t.Errorf("got outputs %.2f quanta apart, want at most one", most)
	}
}
