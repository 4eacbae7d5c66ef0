package format_test

import (
	"math"
	"strings"
	"testing"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

func open(t *testing.T, path string) *format.File {
	t.Helper()
	f, err := format.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func array(t *testing.T, name string) *tensor.Tensor {
	t.Helper()
	a, err := npy.ReadFile(testkit.Shared(t, "golden", "formats", name))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// agree compares logits. PyTorch's float32 run itself is some 1e-6 of the spread away
// from the truth in these narrow networks; 2e-5 leaves room for its order of summing
// and is far below what a wrong padding or epsilon does (WEIGHTS.md: above 1e-3).
func agree(t *testing.T, title string, got, want *tensor.Tensor) {
	t.Helper()
	if !got.Shape.Equal(want.Shape) {
		t.Errorf("%s: got shape %v, want %v", title, got.Shape, want.Shape)
		return
	}
	g, w := got.Floats(), want.Floats()
	var sum, squares, worst float64
	for i := range w {
		sum += float64(w[i])
		squares += float64(w[i]) * float64(w[i])
		worst = max(worst, math.Abs(float64(g[i])-float64(w[i])))
	}
	n := float64(len(w))
	std := math.Sqrt(squares/n - sum/n*sum/n)
	if !(worst <= 2e-5*std) {
		t.Errorf("%s: off by %.3g of the spread, want at most 2e-5", title, worst/std)
	}
}

// twice stacks a batch of one upon itself.
func twice(x *tensor.Tensor) *tensor.Tensor {
	s := x.Shape.Clone()
	s[0] = 2
	return tensor.Of(s, append(append([]float32{}, x.Floats()...), x.Floats()...))
}

// TestONNX runs PyTorch's exports and compares with PyTorch's own outputs, at the
// file's batch and at twice that.
func TestONNX(t *testing.T) {
	for _, file := range []string{
		"mobilenet_v2_0.10_opset13.onnx", "mobilenet_v2_0.10_opset13_unfolded.onnx", "mobilenet_v2_0.10_opset17.onnx",
		"mobilenet_v3_small_0.35_opset13.onnx", "mobilenet_v3_small_0.35_opset17.onnx",
		"shufflenet_v2_tiny_opset13.onnx", "shufflenet_v2_tiny_opset17.onnx",
	} {
		t.Run(file, func(t *testing.T) {
			f := open(t, testkit.Shared(t, "golden", "formats", file))
			base, _, _ := strings.Cut(file, "_opset")
			x, want := array(t, "onnx_input_96.npy"), array(t, base+"_output.npy")
			if len(f.Warnings) > 0 {
				t.Errorf("warnings: %q", f.Warnings)
			}
			if in, out := f.Graph.Value(f.Graph.Inputs[0]).Name, f.Graph.Value(f.Graph.Outputs[0]).Name; in != "input" || out != "logits" {
				t.Errorf("input %q and output %q do not have the file's names", in, out)
			}
			got, err := interp.Run(f.Graph, []*tensor.Tensor{x})
			if err != nil {
				t.Fatal(err)
			}
			agree(t, "batch 1", got[0], want)
			g, err := f.Graph.WithBatch(2)
			if err != nil {
				t.Fatal(err)
			}
			if got, err = interp.Run(g, []*tensor.Tensor{twice(x)}); err != nil {
				t.Fatal(err)
			}
			agree(t, "batch 2", got[0], twice(want))
		})
	}
}

// TestTrainedONNX: the two trained networks load with all their parameters and end in
// probabilities.
func TestTrainedONNX(t *testing.T) {
	for _, c := range []struct {
		file   string
		size   int
		params int
	}{
		// MobileNetV2's 3,504,872 without one scale per normalized channel (17,056), with
		// the class of the background (1,281)
		{"tf2_mobilenet_v2_dequantized.onnx", 224, 3_489_097},
		// Σ over the 13 blocks of 9·a + a + a·b + b, the stem and the classifier
		{"mobilenet_v1_0.75_192_dequantized.onnx", 192, 2_578_121},
	} {
		f := open(t, testkit.Shared(t, "golden", "trained", c.file))
		in, out := f.Graph.Value(f.Graph.Inputs[0]), f.Graph.Value(f.Graph.Outputs[0])
		if !in.Type.Equal(graph.F32(1, 3, c.size, c.size)) || !out.Type.Equal(graph.F32(1, 1001)) {
			t.Errorf("%s: from %v to %v", c.file, in.Type, out.Type)
		}
		params := 0
		for _, w := range f.Tensors {
			params += w.Tensor.Shape.Elements()
		}
		if params != c.params || len(f.Warnings) > 0 {
			t.Errorf("%s: %d parameters, want %d; warnings %q", c.file, params, c.params, f.Warnings)
		}
	}
}

// TestGhostNet reads one network from every kind of checkpoint: the tensors are the
// same, and they compute what PyTorch computed.
func TestGhostNet(t *testing.T) {
	spec, err := zoo.Parse("ghostnet:0.1@64")
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(10)
	if err != nil {
		t.Fatal(err)
	}
	x, full := array(t, "ghostnet_0.1_input_64.npy"), array(t, "ghostnet_0.1_output.npy")
	first := open(t, testkit.Shared(t, "golden", "formats", "ghostnet_0.1_zip.pth"))
	for _, c := range []struct {
		file string
		want *tensor.Tensor
		bits float64 // of the mantissa
	}{
		{"ghostnet_0.1_zip.pth", full, 24},
		{"ghostnet_0.1_legacy.pth", full, 24},
		{"ghostnet_0.1_checkpoint_module.pth", full, 24},
		{"ghostnet_0.1.safetensors", full, 24},
		{"ghostnet_0.1_half.pth", array(t, "ghostnet_0.1_half_output.npy"), 11},
		{"ghostnet_0.1_bf16.safetensors", nil, 8},
	} {
		t.Run(c.file, func(t *testing.T) {
			f := open(t, testkit.Shared(t, "golden", "formats", c.file))
			if len(f.Tensors) != len(first.Tensors) {
				t.Fatalf("got %d tensors, want %d", len(f.Tensors), len(first.Tensors))
			}
			for i, n := range f.Tensors {
				w := first.Tensors[i]
				if n.Name != w.Name || n.Kind != w.Kind || !n.Tensor.Shape.Equal(w.Tensor.Shape) {
					t.Fatalf("tensor %d: got %v %s%v, want %v %s%v", i, n.Kind, n.Name, n.Tensor.Shape, w.Kind, w.Name, w.Tensor.Shape)
				}
				a, b := n.Tensor.Floats(), w.Tensor.Floats()
				for k := range a {
					// half an ulp of the narrower type, or of its least number
					if d := math.Abs(float64(a[k]) - float64(b[k])); d > math.Exp2(-c.bits)*math.Abs(float64(b[k]))+math.Exp2(-25) && c.bits < 24 || d != 0 && c.bits == 24 {
						t.Fatalf("%s[%d]: got %v, want %v", n.Name, k, a[k], b[k])
					}
				}
			}
			if f.Classes(1000) != 10 {
				t.Errorf("got %d classes, want 10", f.Classes(1000))
			}
			w := f.Weights()
			bound := g.Clone()
			if err := bound.Bind(w); err != nil {
				t.Fatal(err)
			}
			if left := w.Unused(); left != nil {
				t.Errorf("unused tensors: %v", left)
			}
			if c.want == nil {
				return
			}
			got, err := interp.Run(bound, []*tensor.Tensor{x})
			if err != nil {
				t.Fatal(err)
			}
			agree(t, "logits", got[0], c.want)
		})
	}
}
