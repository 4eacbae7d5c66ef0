package cost_test

import (
	"math"
	"testing"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/zoo"
)

func TestShapes(t *testing.T) {
	for model, want := range map[string]map[string]cost.Shape{
		"mobilenet_v2": {
			"features.0.0":        {Kind: "dense", K: 27, N: 32, Stride: 2},
			"features.2.conv.1.0": {Kind: "depthwise", K: 9, N: 1, Stride: 2},
			"features.2.conv.0.0": {Kind: "pointwise", K: 16, N: 96, Stride: 1},
			"classifier.1":        {Kind: "linear", K: 1280, N: 1000, Stride: 1},
		},
		"shufflenet_v1_g3": {"features.1.branch_main_1.0": {Kind: "grouped", K: 80, N: 20, Stride: 1}},
	} {
		spec, err := zoo.Parse(model)
		if err != nil {
			t.Fatal(err)
		}
		g, err := spec.Build(1000)
		if err != nil {
			t.Fatal(err)
		}
		got := cost.Shapes(g)
		for node, s := range want {
			if got[node] != s {
				t.Errorf("%s: %s: got %+v, want %+v", model, node, got[node], s)
			}
		}
	}
}

func TestRoof(t *testing.T) {
	m := cost.Machine{GFLOPs: 100, Lanes: 16, Levels: []cost.Level{{"L1", 1000, 50}, {"L2", 10000, 20}, {"memory", 0, 10}}}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	r := m.Roof(cost.Shape{Kind: "pointwise", K: 64, N: 32}, 1e6, 800)
	near("full lanes", r.ComputeMS, 0.02)
	near("L1", r.MemoryMS, 800/50e6)
	if r.Bound != "compute" || r.Level != "L1" {
		t.Errorf("got %+v", r)
	}
	r = m.Roof(cost.Shape{Kind: "pointwise", K: 64, N: 24}, 1e6, 5000) // 24 of 32 lanes
	near("three quarters of the lanes", r.ComputeMS, 0.02*32/24)
	r = m.Roof(cost.Shape{Kind: "depthwise", K: 9, N: 1}, 1e3, 1e6)
	near("depthwise fills its lanes", r.ComputeMS, 2e3/100e6)
	near("memory", r.MemoryMS, 1e6/10e6)
	if r.Bound != "memory" || r.Level != "memory" {
		t.Errorf("got %+v", r)
	}
	if r := m.Roof(cost.Shape{}, 0, 0); r.Bound != "" || r.MS() != 0 {
		t.Errorf("nothing to do: got %+v", r)
	}
}

// The layers of a roofline hold all multiply-adds, and their sum is the machine's bound.
func TestRoofs(t *testing.T) {
	spec, err := zoo.Parse("mobilenet_v2")
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	totals, err := cost.Count(g)
	if err != nil {
		t.Fatal(err)
	}
	m := cost.Machine{GFLOPs: 100, Lanes: 1, Levels: []cost.Level{{"memory", 0, 1e9}}} // so that nothing waits for memory
	roofs, err := cost.Roofs(g, m)
	if err != nil {
		t.Fatal(err)
	}
	var macs int64
	var ms float64
	for _, r := range roofs {
		macs, ms = macs+r.MACs, ms+r.Roof.MS()
	}
	if macs != totals.MACs || math.Abs(ms/(2*float64(macs)/100e6)-1) > 1e-6 {
		t.Errorf("%d MACs, want %d; %v ms", macs, totals.MACs, ms)
	}
}
