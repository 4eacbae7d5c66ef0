package zoo_test

import (
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

func build(t *testing.T, name string) *graph.Graph {
	t.Helper()
	s, err := zoo.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What shapes do not show: epsilon and padding belong to the set of weights.
func TestForms(t *testing.T) {
	for name, want := range map[string]struct {
		eps  float64
		same bool
	}{
		"mobilenet_v2": {1e-5, false}, "timm_mobilenet_v2": {1e-5, false}, "tf_mobilenet_v2": {1e-3, true},
		"mobilenet_v3_large": {1e-3, false}, "timm_mobilenet_v3_large": {1e-5, false}, "tf_mobilenet_v3_large": {1e-3, true},
		"mobilenet_v3_small_minimal": {1e-3, false}, "tf_mobilenet_v3_small_minimal": {1e-3, true},
		"efficientnet_b4": {1e-5, false}, "efficientnet_b5": {1e-3, false}, "timm_efficientnet_b5": {1e-5, false}, "tf_efficientnet_b5": {1e-3, true},
		"efficientnet_lite2": {1e-5, false}, "tf_efficientnet_lite2": {1e-3, true}, "tf_ghostnet": {1e-3, true}, "tf_shufflenet_v2": {1e-3, true},
	} {
		g := build(t, name)
		same := 0
		for i := range g.Nodes {
			n := &g.Nodes[i]
			switch op := n.Op.(type) {
			case graph.BatchNorm:
				if op.Eps != want.eps {
					t.Errorf("%s: %s: epsilon %v, want %v", name, n.Name, op.Eps, want.eps)
				}
			case graph.Conv:
				if op.Pad.Same {
					same++
				}
				if op.Pad.Same != (want.same && op.Stride[0] > 1) {
					t.Errorf("%s: %s: stride %v, padding %+v", name, n.Name, op.Stride, op.Pad)
				}
			}
		}
		if (same > 0) != want.same {
			t.Errorf("%s: %d convolutions are padded SAME", name, same)
		}
	}
}

func adds(g *graph.Graph) (n int) {
	for i := range g.Nodes {
		if op, ok := g.Nodes[i].Op.(graph.Binary); ok && op.Fn == graph.Add {
			n++
		}
	}
	return n
}

// timm's first stage of mnasnet_small adds its input, TensorFlow's does not; timm's
// last stage of B1 never does, torchvision's does where a small width makes 320 and 192
// equal.
func TestMnasnetSkips(t *testing.T) {
	if bare, tf := adds(build(t, "mnasnet_small")), adds(build(t, "tf_mnasnet_small")); bare != tf+1 {
		t.Errorf("mnasnet_small adds %d times, tf_mnasnet_small %d times; want one less", bare, tf)
	}
	if tv, timm := adds(build(t, "mnasnet_b1:0.02")), adds(build(t, "timm_mnasnet_b1:0.02")); tv != timm+1 {
		t.Errorf("mnasnet_b1:0.02 adds %d times, timm's %d times; want one less", tv, timm)
	}
}

func shapeOf(t *testing.T, g *graph.Graph, name string) tensor.Shape {
	t.Helper()
	id := g.Find(name)
	if id == graph.None {
		t.Fatalf("%s has no value %q", g.Name, name)
	}
	return g.Value(id).Type.Shape
}

// The keys of the ghost module: ⌈16/3⌉ primary channels, two cheap 5×5 features of
// each, cut to 16.
func TestGhostKeys(t *testing.T) {
	g := build(t, "ghostnet,s=3,d=5")
	for name, want := range map[string]tensor.Shape{
		"blocks.0.0.ghost1.primary_conv.0.weight":    {6, 16, 1, 1},
		"blocks.0.0.ghost1.cheap_operation.0.weight": {12, 1, 5, 5},
		"blocks.0.0.ghost1.cat":                      {1, 18, 112, 112},
		"blocks.0.0.ghost1.slice":                    {1, 16, 112, 112},
	} {
		if got := shapeOf(t, g, name); !got.Equal(want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// φ = 0 is B0. φ = 1.5 by hand: width 1.1537, depth 1.3145, side 224·1.2333 = 276.25;
// 16 becomes 18.5, and 16 is below nine tenths of that, so 24; 1280 becomes 1476.7, so
// 1480; two layers become three, four become six.
func TestCompound(t *testing.T) {
	b0, phi0 := build(t, "efficientnet_b0"), build(t, "efficientnet,phi=0")
	if stateHash(b0) != stateHash(phi0) {
		t.Error("φ = 0 is not B0")
	}
	g := build(t, "efficientnet,phi=1.5")
	for name, want := range map[string]tensor.Shape{
		"input":                           {1, 3, 276, 276},
		"features.0.0.weight":             {40, 3, 3, 3},
		"features.1.0.block.2.0.weight":   {24, 40, 1, 1},
		"features.2.2.block.0.0.weight":   {192, 32, 1, 1},
		"features.6.5.block.3.0.weight":   {224, 1344, 1, 1},
		"features.8.0.weight":             {1480, 368, 1, 1},
		"features.1.1.block.1.fc1.weight": {6, 24, 1, 1},
	} {
		if got := shapeOf(t, g, name); !got.Equal(want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if g.Find("features.6.6.block.0.0.weight") != graph.None {
		t.Error("stage 6 has a seventh layer")
	}
	// The shipped coefficients are not the rule's.
	if p1, b1 := stateHash(build(t, "efficientnet,phi=1")), stateHash(build(t, "efficientnet_b1")); p1 == b1 {
		t.Error("φ = 1 is B1, which the documentation denies")
	}
}

// Blocks are named in lower-case words that pictures and diffs rely on.
func TestBlockKinds(t *testing.T) {
	known := map[string]bool{}
	for _, k := range []string{"stem", "head", "classifier", "ghost bottleneck", "depthwise separable", "inverted residual", "mbconv", "shuffle unit", "basic block", "bottleneck"} {
		known[k] = true
	}
	for _, m := range zoo.All {
		g, err := m.Spec().Build(10)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, b := range g.Blocks {
			if !known[b.Kind] || names[b.Name] || strings.ContainsAny(b.Name, " :") {
				t.Errorf("%s: block %+v", m.Name, b)
			}
			names[b.Name] = true
		}
		if first, last := g.Blocks[0].Kind, g.Blocks[len(g.Blocks)-1].Kind; first != "stem" || last != "classifier" {
			t.Errorf("%s: blocks run from %s to %s", m.Name, first, last)
		}
	}
}
