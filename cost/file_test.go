package cost_test

import (
	"slices"
	"testing"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/zoo"
)

// TestFiles holds what exporters made of a network to the network itself: the same
// multiply-adds convolution by convolution, the same INT8 size and the same arena, batch
// norms folded or not; and the same parameters where they are not.
func TestFiles(t *testing.T) {
	for _, c := range []struct {
		file, spec string
		folded     bool
	}{
		{"mobilenet_v2_0.10_opset13.onnx", "mobilenet_v2:0.1@96", true},
		{"mobilenet_v2_0.10_opset13_unfolded.onnx", "mobilenet_v2:0.1@96", false},
		{"mobilenet_v2_0.10_opset17.onnx", "mobilenet_v2:0.1@96", true},
		{"mobilenet_v3_small_0.35_opset13.onnx", "mobilenet_v3_small:0.35@96", true},
		{"mobilenet_v3_small_0.35_opset17.onnx", "mobilenet_v3_small:0.35@96", true},
	} {
		f, err := format.Open(testkit.Shared(t, "golden", "formats", c.file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		file, err := cost.Of(f.Graph)
		if err != nil {
			t.Fatal(err)
		}
		s, err := zoo.Parse(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		g, err := s.Build(10)
		if err != nil {
			t.Fatal(err)
		}
		own, err := cost.Of(g)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := macsByLayer(file), macsByLayer(own); !slices.Equal(a, b) {
			t.Errorf("%s: got MACs %v, want %v", c.file, a, b)
		}
		if file.MACs != own.MACs || file.Bytes.Int8 != own.Bytes.Int8 || file.ActivationPeakBytes != own.ActivationPeakBytes || file.Batch != 1 {
			t.Errorf("%s: got %d MACs, %d bytes in INT8, a peak of %d, want %d, %d, %d", c.file,
				file.MACs, file.Bytes.Int8, file.ActivationPeakBytes, own.MACs, own.Bytes.Int8, own.ActivationPeakBytes)
		}
		if (file.Params == own.Params) == c.folded {
			t.Errorf("%s: got %d parameters, the network has %d", c.file, file.Params, own.Params)
		}
		if !c.folded && tool(t, file, "torchsummaryx").MultAdds != tool(t, own, "torchsummaryx").MultAdds {
			t.Errorf("%s: torchsummaryx differs", c.file)
		}
		if len(file.Notes) != 1 {
			t.Errorf("%s: got notes %q, want that a file does not tell functions from modules", c.file, file.Notes)
		}
	}
}

func macsByLayer(r *cost.Report) []int64 {
	var out []int64
	for _, l := range r.Layers {
		if l.MACs > 0 {
			out = append(out, l.MACs)
		}
	}
	return out
}
