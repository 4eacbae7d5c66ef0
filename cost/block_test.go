package cost_test

import (
	"math"
	"testing"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/graph"
)

func blocks(t *testing.T, spec string) map[string]cost.Block {
	t.Helper()
	list, err := cost.Blocks(build(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]cost.Block{}
	for _, b := range list {
		out[b.Name] = b
	}
	return out
}

// TestBlocks compares blocks with plain convolutions computed by hand from the papers'
// tables: input channels, output channels, kernel, stride, output side.
func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		spec, block                string
		in, out, kernel, stride, h int
	}{
		{"ghostnet:1.0", "conv_stem", 3, 16, 3, 2, 112},
		{"ghostnet:1.0", "blocks.0.0", 16, 16, 3, 1, 112},
		{"ghostnet:1.0", "blocks.1.0", 16, 24, 3, 2, 56},
		{"ghostnet:1.0", "blocks.3.0", 24, 40, 5, 2, 28},
		{"ghostnet:1.0", "blocks.8.3", 160, 160, 3, 1, 7}, // the table's 5 is not in a block of stride 1
		{"ghostnetv2:1.0", "blocks.8.3", 160, 160, 3, 1, 7},
		{"mobilenet_v2:1.0", "features.2", 16, 24, 3, 2, 56},
		{"mobilenet_v2:1.0", "features.18", 320, 1280, 1, 1, 7},
		{"shufflenet_v2:1.0", "stage2.0", 24, 116, 3, 2, 28},
		{"shufflenet_v1_g3:1.0", "features.0", 24, 240, 3, 2, 28},
		{"efficientnet_b0", "features.3.0", 24, 40, 5, 2, 28},
		{"resnet18", "layer2.0", 64, 128, 3, 2, 28},
		{"resnet50", "layer2.0", 256, 512, 3, 2, 28},
	} {
		b, ok := blocks(t, c.spec)[c.block]
		if !ok || b.Plain == nil {
			t.Errorf("%s: %s: got %+v, no plain convolution", c.spec, c.block, b)
			continue
		}
		weights := int64(c.in) * int64(c.out) * int64(c.kernel) * int64(c.kernel)
		if b.Kernel != c.kernel || b.Stride != c.stride || b.Plain.Params != weights || b.Plain.MACs != weights*int64(c.h)*int64(c.h) {
			t.Errorf("%s: %s: got %d×%d /%d, %+v, want %d×%d /%d, %d weights on %d²", c.spec, c.block,
				b.Kernel, b.Kernel, b.Stride, *b.Plain, c.kernel, c.kernel, c.stride, weights, c.h)
		}
		if want := float64(b.Plain.MACs) / float64(b.MACs); math.Abs(b.Plain.MACRatio-want) > 1e-12*want {
			t.Errorf("%s: %s: ratio %v, want %v", c.spec, c.block, b.Plain.MACRatio, want)
		}
	}
	all := blocks(t, "ghostnet:1.0")
	if b := all["conv_stem"]; b.Plain.MACRatio != 1 {
		t.Errorf("a stem of one convolution: ratio %v, want 1", b.Plain.MACRatio)
	}
	if b := all["blocks.8.3"]; b.Plain.MACRatio <= 1 {
		t.Errorf("ghost bottleneck of 160 channels: ratio %v, want above 1", b.Plain.MACRatio)
	}
	if b := all["classifier"]; b.Plain != nil || b.Kernel != 0 || b.Params != 1281000 {
		t.Errorf("classifier: got %+v, want 1281000 parameters and no plain convolution", b)
	}
}

// TestGhostModules holds equations 4 and 5 of the GhostNet paper against its network.
func TestGhostModules(t *testing.T) {
	for _, c := range []struct {
		spec string
		s, d int
	}{{"ghostnet:1.0", 2, 3}, {"ghostnet:1.3", 2, 3}, {"ghostnet_2020", 2, 3}, {"ghostnetv2:1.0", 2, 3}, {"ghostnet:1.0,s=3,d=5", 3, 5}, {"ghostnet:1.0,s=4,d=1", 4, 1}} {
		all := cost.GhostModules(build(t, c.spec))
		if len(all) != 32 { // two in each of 16 bottlenecks
			t.Errorf("%s: got %d ghost modules, want 32", c.spec, len(all))
		}
		for _, h := range all {
			if h.S != c.s || h.D != c.d || h.K != 1 || h.Block == "" || h.M != (h.N+h.S-1)/h.S {
				t.Errorf("%s: got %+v, want s=%d, d=%d", c.spec, h, c.s, c.d)
			}
			actual := float64(h.PlainMACs) / float64(h.MACs)
			if weights := float64(h.PlainWeights) / float64(h.Weights); weights != actual {
				t.Errorf("%s: %s: compression %v differs from speed-up %v", c.spec, h.Name, weights, actual)
			}
			switch whole := h.N == h.S*h.M; {
			case whole && math.Abs(actual-h.Formula) > 1e-12*actual:
				t.Errorf("%s: %s: speed-up %v, formula %v", c.spec, h.Name, actual, h.Formula)
			case !whole && actual >= h.Formula:
				t.Errorf("%s: %s: speed-up %v is not below %v though channels are cut", c.spec, h.Name, actual, h.Formula)
			}
			// d² ≥ k² makes the approximation an upper bound, and s is one of that.
			if h.Formula > h.Approximation+1e-12 || h.Approximation > float64(h.S) {
				t.Errorf("%s: %s: want %v ≤ %v ≤ %d", c.spec, h.Name, h.Formula, h.Approximation, h.S)
			}
		}
	}
	first := cost.GhostModules(build(t, "ghostnet:1.0"))[0]
	if first.C != 16 || first.N != 16 || first.Formula != 1.28 || first.MACs != 12544*(128+72) || first.PlainMACs != 12544*256 {
		t.Errorf("first module: got %+v, want 16 → 16, 1.28 times", first)
	}
	for _, spec := range []string{"mobilenet_v2:1.0", "shufflenet_v2:1.0", "shufflenet_v1_g3", "resnet18"} {
		if got := cost.GhostModules(build(t, spec)); len(got) != 0 {
			t.Errorf("%s: got ghost modules %+v, want none", spec, got)
		}
	}
}

// TestGhostOfPaper is the paper's own setting, a k×k primary convolution and cheap
// operations of the same size, where the approximation is exact.
func TestGhostOfPaper(t *testing.T) {
	b := graph.NewBuilder("ghost")
	x := b.Input("x", graph.F32(1, 16, 8, 8))
	a := conv(b, "primary", x, 8, 1)
	y := b.Add("cat", graph.Concat{Axis: 1}, a, conv(b, "cheap", a, 8, 8))
	g, err := b.Build(y)
	if err != nil {
		t.Fatal(err)
	}
	all := cost.GhostModules(g)
	if len(all) != 1 {
		t.Fatalf("got %+v, want one module", all)
	}
	h := all[0]
	if want := 2.0 * 16 / 17; math.Abs(h.Formula-want) > 1e-12 || math.Abs(h.Approximation-want) > 1e-12 {
		t.Errorf("got r_s = %v, approximation %v, want both %v", h.Formula, h.Approximation, want)
	}
}

// TestSeparables holds MobileNetV1's 1/N + 1/k² against its network.
func TestSeparables(t *testing.T) {
	for spec, want := range map[string]int{"mobilenet_v1": 13, "mobilenet_v2:1.0": 17, "mobilenet_v3_large": 15, "efficientnet_b0": 16, "resnet18": 0} {
		all := cost.Separables(build(t, spec))
		if len(all) != want {
			t.Errorf("%s: got %d separable convolutions, want %d", spec, len(all), want)
		}
		for _, s := range all {
			got := float64(s.MACs) / float64(s.PlainMACs)
			if math.Abs(got-s.Formula) > 1e-12 {
				t.Errorf("%s: %s: ratio %v, formula %v", spec, s.Pointwise, got, s.Formula)
			}
		}
	}
	// The paper: 3×3 depthwise-separable convolutions take between 8 and 9 times less.
	last := cost.Separables(build(t, "mobilenet_v1"))[12]
	if last.N != 1024 || last.K != 3 || last.Formula < 1.0/9 || last.Formula > 1.0/8 {
		t.Errorf("got %+v", last)
	}
}
