package cost_test

import (
	"math"
	"testing"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/zoo"
)

func guidelinesOf(t *testing.T, name string) cost.Guidelines {
	t.Helper()
	spec, err := zoo.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	out, err := cost.GuidelinesOf(g)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What the paper says of these networks.
func TestGuidelines(t *testing.T) {
	v1, v2, mobile, res := guidelinesOf(t, "shufflenet_v1_g3"), guidelinesOf(t, "shufflenet_v2"), guidelinesOf(t, "mobilenet_v2"), guidelinesOf(t, "resnet18")
	// ShuffleNetV2 has equal widths but for its first and last layers; inverted bottlenecks
	// are a factor of six apart.
	if *v2.Balance.Channels > 2 || *mobile.Balance.Channels < 5 || *v2.Balance.Ratio >= *mobile.Balance.Ratio || *v2.Balance.Ratio < 1 {
		t.Errorf("G1: ShuffleNetV2 %v, MobileNetV2 %v", *v2.Balance.Ratio, *mobile.Balance.Ratio)
	}
	if v2.Groups.Layers != 0 || v2.Groups.Ratio != nil || v1.Groups.Layers == 0 || *v1.Groups.Ratio <= 1 {
		t.Errorf("G2: ShuffleNetV1 %+v, V2 %+v", v1.Groups, v2.Groups)
	}
	// A ShuffleNetV2 unit of stride 1 has three convolutions, one of stride 2 has five.
	if v2.Fragments.Most != 5 || v2.Fragments.Mean < 2 || v2.Fragments.Mean > 4 {
		t.Errorf("G3: %+v", v2.Fragments)
	}
	if !(mobile.Elements.Elements > res.Elements.Elements*0.5) || mobile.Elements.Depthwise < 0.1 || res.Elements.Depthwise != 0 || v2.Elements.Moves == 0 {
		t.Errorf("G4: MobileNetV2 %+v, ResNet-18 %+v", mobile.Elements, res.Elements)
	}
}

// The first pointwise layer of a network by hand: 112×112, 32 → 64 channels.
func TestGuidelineFormulas(t *testing.T) {
	g := guidelinesOf(t, "mobilenet_v1:1.0@224")
	// 13 pointwise layers: (area, c1, c2) of MobileNetV1's table.
	access, least := 0.0, 0.0
	for _, l := range [][3]float64{{112, 32, 64}, {56, 64, 128}, {56, 128, 128}, {28, 128, 256}, {28, 256, 256}, {14, 256, 512},
		{14, 512, 512}, {14, 512, 512}, {14, 512, 512}, {14, 512, 512}, {14, 512, 512}, {7, 512, 1024}, {7, 1024, 1024}} {
		hw := l[0] * l[0]
		access += hw*(l[1]+l[2]) + l[1]*l[2]
		least += 2*hw*math.Sqrt(l[1]*l[2]) + l[1]*l[2]
	}
	if g.Balance.Layers != 13 || float64(g.Balance.Access) != access || math.Abs(*g.Balance.Ratio-access/least) > 1e-12 {
		t.Errorf("got %+v (ratio %v), want access %v, ratio %v", g.Balance, *g.Balance.Ratio, access, access/least)
	}
	for _, f := range []string{"g1_channel_balance", "g2_group_convolution", "g3_fragmentation", "g4_element_wise"} {
		if cost.Formulas[f] == "" {
			t.Errorf("%s has no formula", f)
		}
	}
}
