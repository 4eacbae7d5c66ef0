//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"errors"
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
// output. Where its default saturates, its exact products are asked for.
func TestInt8Agrees(t *testing.T) {
	t.Setenv("WISP_ORT_EXACT", "1")
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
			options := []quant.Options{{}, quant.Recommended()}
			if i > 1 && os.Getenv("WISP_ALL_GOLDENS") == "" {
				options = options[:1] // choosing ranges takes a second and more
			}
			for _, o := range options {
				agrees(t, a, g, images, o)
			}
		})
	}
}

// opened is a quantized graph, written as a file, in ONNX Runtime, with one input.
func opened(t *testing.T, a *api, g *graph.Graph) *session {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(onnx.WriteFixed(f, g), f.Close()); err != nil {
		t.Fatal(err)
	}
	model, err := backend{a}.Read(runner.LoadRequest{Model: path, Threads: 1, Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := model.Build()
	if err != nil {
		t.Fatal(err)
	}
	s := l.(*session)
	t.Cleanup(func() { s.Close() })
	if err := s.MakeInputs(1, 1); err != nil {
		t.Fatal(err)
	}
	return s
}

// agrees quantizes a network, runs it here and there and compares.
func agrees(t *testing.T, a *api, g *graph.Graph, images []*tensor.Tensor, o quant.Options) {
	t.Helper()
	shape := g.Value(g.Inputs[0]).Type.Shape
	r, err := quant.Quantize(g, images, o)
	if err != nil {
		t.Fatal(err)
	}
	s := opened(t, a, r.Graph)
	p, err := engine.Compile(r.Graph, engine.Options{Arithmetic: string(fixed.ONNX)})
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

// A convolution that was kept in float32 stays so in ONNX Runtime, which would quantize its
// weights again where it finds it between casts. Each output has one large weight, for a
// channel that is zero, and small ones that make the answer: eight bits would leave nothing
// of them. Answers are to be within one quantum of the output.
func TestIslandsAgree(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	const channels, quantum = 4, 0.0002
	shape := tensor.Shape{1, channels, 8, 8}
	w := make([]float32, channels*channels)
	for i := range w {
		if w[i] = 0.001 * float32(1+i%3); i%channels == 0 {
			w[i] = 1
		}
	}
	b := graph.NewBuilder("island")
	in := b.Input("input", graph.Type{DType: tensor.Float32, Shape: shape})
	q := b.Add("whole", graph.Quantize{To: tensor.Int8}, in)
	x := b.Add("real", graph.Dequantize{}, q)
	one := [2]int{1, 1}
	y := b.Add("conv", graph.Conv{Stride: one, Dilation: one, Groups: 1}, x, b.Bound(graph.Parameter, "w", tensor.Of(tensor.Shape{channels, channels, 1, 1}, w)))
	out := b.Add("again", graph.Quantize{To: tensor.Int8}, y)
	g, err := b.Build(b.Add("logits", graph.Dequantize{}, out))
	if err != nil {
		t.Fatal(err)
	}
	g.Value(q).Quant = &tensor.Quant{Scale: []float32{1.0 / 127}, Zero: []int32{0}}
	g.Value(out).Quant = &tensor.Quant{Scale: []float32{quantum}, Zero: []int32{0}}
	image := zoo.SyntheticInput(1, shape, "input")
	clear(image.Float32()[:8*8])

	s := opened(t, a, g)
	copy(s.library[0], image.Float32())
	if err := s.Run(0); err != nil {
		t.Fatal(err)
	}
	p, err := engine.Compile(g, engine.Options{Arithmetic: string(fixed.ONNX)})
	if err != nil {
		t.Fatal(err)
	}
	es, err := p.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer es.Close()
	want := tensor.New(tensor.Float32, shape)
	if err := es.Run([]*tensor.Tensor{image}, []*tensor.Tensor{want}); err != nil {
		t.Fatal(err)
	}
	largest, most := 0.0, 0.0
	for i, v := range want.Float32() {
		largest = max(largest, math.Abs(float64(v)))
		most = max(most, math.Abs(float64(v-s.lanes[0].results[0][i]))/quantum)
	}
	if largest < 10*quantum {
		t.Fatalf("the largest answer is %v: the test says nothing", largest)
	}
	t.Logf("at most %.2f quanta apart", most)
	if most > 1.01 {
		t.Errorf("got outputs %.2f quanta apart, want at most one", most)
	}
}
