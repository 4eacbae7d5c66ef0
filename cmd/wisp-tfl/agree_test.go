//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

func network(t *testing.T, name string) *graph.Graph {
	t.Helper()
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
	return g
}

// runTFLite writes a graph, runs it in TensorFlow Lite and returns the first output's bytes.
func runTFLite(t *testing.T, a *api, g *graph.Graph, image *tensor.Tensor) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := tflite.Write(&file, g, ""); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.tflite")
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	b, err := backend{a}.Read(runner.LoadRequest{Model: path})
	if err != nil {
		t.Fatal(err)
	}
	l, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	s := l.(*session)
	defer s.Close()
	x, at := image.Float32(), 0
	in := make([]byte, len(s.in[0].data))
	c, area := image.Shape[1], image.Shape[2]*image.Shape[3]
	for i := range area {
		for k := range c {
			bits := math.Float32bits(x[k*area+i])
			in[at], in[at+1], in[at+2], in[at+3] = byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24)
			at += 4
		}
	}
	s.inputs = [][][]byte{{in}}
	if err := s.Run(0); err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(s.out[0].data)
	if fed, err := s.Feed(in); err != nil || !bytes.Equal(fed, out) {
		t.Errorf("fed the same input it answers differently: %v", err)
	}
	if _, err := s.Feed(in[1:]); err == nil {
		t.Error("it takes an input that is too short")
	}
	return out
}

func floats(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24)
	}
	return out
}

// What wisp writes gives TensorFlow Lite the same answers as wisp itself: in integers the
// very same, in float32 within the rounding of a deep network.
func TestAgree(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	names := []string{"mobilenet_v2@64", "mobilenet_v3_small@64", "shufflenet_v2@64"}
	if !testing.Short() {
		names = append(names, "ghostnet@64", "mnasnet_b1@64", "efficientnet_lite0@64", "shufflenet_v1_g3@64", "resnet18@64", "mobilenet_v1@64", "efficientnet_b0@64")
	}
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			g := network(t, name)
			shape := g.Value(g.Inputs[0]).Type.Shape
			image := zoo.SyntheticInput(9, shape, "input")
			fused, err := rewrite.Run(g)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := quant.Plain(fused)
			if err != nil {
				t.Fatal(err)
			}
			want, top := run(t, g, image), float32(0)
			for _, v := range want {
				top = max(top, v, -v)
			}
			for i, v := range floats(runTFLite(t, a, plain, image)) {
				if d := v - want[i]; d > 1e-3*top || d < -1e-3*top {
					t.Fatalf("float32: output %d: got %v, want %v", i, v, want[i])
				}
			}
			images := []*tensor.Tensor{zoo.SyntheticInput(1, shape, "input"), zoo.SyntheticInput(2, shape, "input")}
			options := []quant.Options{{}, quant.Recommended()}
			if i > 1 && os.Getenv("WISP_ALL_GOLDENS") == "" {
				options = options[:1] // choosing ranges takes a second and more
			}
			for _, o := range options {
				r, err := quant.Quantize(g, images, o)
				if err != nil {
					t.Fatal(err)
				}
				got, bad := floats(runTFLite(t, a, r.Graph, image)), 0
				for i, v := range run(t, r.Graph, image) {
					if v != got[i] {
						bad++
					}
				}
				if bad > 0 {
					t.Errorf("int8, %+v: %d of %d outputs differ", o, bad, len(got))
				}
			}
		})
	}
}

func run(t *testing.T, g *graph.Graph, image *tensor.Tensor) []float32 {
	t.Helper()
	p, err := engine.Compile(g, engine.Options{Arithmetic: string(fixed.Builtin)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out := tensor.New(tensor.Float32, p.Outputs()[0].Type.Shape)
	if err := s.Run([]*tensor.Tensor{image}, []*tensor.Tensor{out}); err != nil {
		t.Fatal(err)
	}
	return out.Float32()
}
