package structure_test

import (
	"testing"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/structure"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/zoo"
)

// alike is what papers call differently and build alike.
func alike(kind string, n *structure.Network, b *structure.Block) bool {
	switch kind {
	case "mbconv":
		return b.Arch == "inverted residual"
	case "depthwise separable":
		return b.Arch == kind || b.Arch == "inverted residual" && b.Hidden == b.In.C
	}
	return b.Arch == kind
}

// TestZooBlocksAreRecognised: with its names taken away, every network of the zoo is cut
// into the very blocks that the zoo builds it of.
func TestZooBlocksAreRecognised(t *testing.T) {
	for _, m := range zoo.All {
		t.Run(m.Name, func(t *testing.T) {
			spec, err := zoo.Parse(m.Name)
			if err != nil {
				t.Fatal(err)
			}
			g, err := spec.Build(1000)
			if err != nil {
				t.Fatal(err)
			}
			bare := g.Clone()
			bare.Blocks = nil
			for i := range bare.Nodes {
				bare.Nodes[i].Block = -1
			}
			n, err := structure.Of(bare)
			if err != nil {
				t.Fatal(err)
			}
			if len(n.Blocks) != len(g.Blocks) {
				for _, b := range n.Blocks {
					t.Logf("%s (%s) %d layers", b.Kind, b.Name, len(b.Layers))
				}
				t.Fatalf("got %d blocks, want the zoo's %d", len(n.Blocks), len(g.Blocks))
			}
			for i := range n.Blocks {
				if !alike(g.Blocks[i].Kind, n, &n.Blocks[i]) {
					t.Errorf("block %d (%s): got %s, want %s", i, n.Blocks[i].Name, n.Blocks[i].Kind, g.Blocks[i].Kind)
				}
			}
			if found, err := structure.Annotate(bare); err != nil || !found {
				t.Fatalf("annotate: %v %v", found, err)
			}
			for i := range bare.Nodes {
				// Whether the global average ends the head or begins the classifier is a
				// matter of taste, in which the zoo follows each implementation's modules.
				between := bare.Nodes[i].Block >= len(g.Blocks)-2 && g.Nodes[i].Block >= len(g.Blocks)-2 && weightless(g.Nodes[i].Op)
				if bare.Nodes[i].Block != g.Nodes[i].Block && !between {
					t.Errorf("node %s: got block %d, want %d", g.Nodes[i].Name, bare.Nodes[i].Block, g.Nodes[i].Block)
				}
			}
		})
	}
}

func weightless(op graph.Op) bool {
	switch op.(type) {
	case graph.GlobalAvgPool, graph.Flatten:
		return true
	}
	return false
}

// TestForeignFiles: exporters of other frameworks drop names, write a split as two slices
// and a shuffle as transposes; the architecture is read all the same.
func TestForeignFiles(t *testing.T) {
	for _, c := range []struct {
		file, like string
	}{
		{"formats/mobilenet_v2_0.10_opset13.onnx", "mobilenet_v2:0.1@96"},
		{"formats/mobilenet_v2_0.10_opset13_unfolded.onnx", "mobilenet_v2:0.1@96"},
		{"formats/mobilenet_v2_0.10_opset17.onnx", "mobilenet_v2:0.1@96"},
		{"formats/mobilenet_v3_small_0.35_opset13.onnx", "mobilenet_v3_small:0.35@96"},
		{"formats/mobilenet_v3_small_0.35_opset17.onnx", "mobilenet_v3_small:0.35@96"},
		{"formats/shufflenet_v2_tiny_opset13.onnx", ""},
		{"formats/shufflenet_v2_tiny_opset17.onnx", ""},
		{"tflite/mobilenet_v1_0.25_128_quant.tflite", "mobilenet_v1:0.25@128"},
		{"tflite/mobilenet_v2_1.0_224_quant.tflite", "mobilenet_v2"},
		{"tflite/tf2_mobilenet_v2_1.0_224_ptq.tflite", "mobilenet_v2"},
		{"trained/tf2_mobilenet_v2_dequantized.onnx", "mobilenet_v2"},
		{"trained/mobilenet_v1_0.75_192_dequantized.onnx", "mobilenet_v1:0.75@192"},
	} {
		t.Run(c.file, func(t *testing.T) {
			f, err := format.Open(testkit.Shared(t, "golden", c.file))
			if err != nil {
				t.Fatal(err)
			}
			n, err := structure.Of(f.Graph)
			if err != nil {
				t.Fatal(err)
			}
			want := c.like
			if want == "" {
				want = "shufflenet_v2"
			}
			spec, err := zoo.Parse(want)
			if err != nil {
				t.Fatal(err)
			}
			g, err := spec.Build(10)
			if err != nil {
				t.Fatal(err)
			}
			if len(n.Blocks) != len(g.Blocks) {
				t.Fatalf("got %d blocks, want %d", len(n.Blocks), len(g.Blocks))
			}
			names := map[string]bool{}
			for i, b := range n.Blocks {
				if !alike(g.Blocks[i].Kind, n, &n.Blocks[i]) {
					t.Errorf("block %d: got %s, want %s", i, b.Kind, g.Blocks[i].Kind)
				}
				if names[b.Name] {
					t.Errorf("two blocks are named %q", b.Name)
				}
				names[b.Name] = true
			}
		})
	}
}
