package quant

import (
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

func zooGraph(t *testing.T, name string) (*graph.Graph, []*tensor.Tensor) {
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
	var images []*tensor.Tensor
	for i := range 8 {
		images = append(images, zoo.SyntheticInput(uint64(i+1), g.Value(g.Inputs[0]).Type.Shape, "input"))
	}
	return g, images
}

// What is recommended serves the outputs no worse than plain min-max, within the islands
// that are allowed, gives the same network each time, and says of every layer what it cost.
func TestRecommended(t *testing.T) {
	recommended := Recommended()
	recommended.Islands = 0.05
	names := []string{"shufflenet_v2:0.5@48"}
	if !testing.Short() {
		names = append(names, "mobilenet_v3_small:0.5@48", "mnasnet_b1:0.5@48")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			g, images := zooGraph(t, name)
			plain, err := Quantize(g, images, Options{})
			if err != nil {
				t.Fatal(err)
			}
			best, err := Quantize(g, images, recommended)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("min-max %.1f dB, recommended %.1f dB, islands %.2f %%", plain.SQNR, best.SQNR, 100*best.IslandMACs)
			if best.SQNR < plain.SQNR || plain.SQNR < 10 || best.IslandMACs > 0.05 || plain.IslandMACs != 0 {
				t.Errorf("min-max %.1f dB, recommended %.1f dB, islands %v", plain.SQNR, best.SQNR, best.IslandMACs)
			}
			again, err := Quantize(g, images, recommended)
			if err != nil {
				t.Fatal(err)
			}
			if again.Graph.Text() != best.Graph.Text() || again.SQNR != best.SQNR {
				t.Error("a second quantization gives another network")
			}
			if err := best.Graph.Validate(); err != nil {
				t.Error(err)
			}
			for _, l := range best.Layers {
				if l.FellBack != (l.Why != "") || l.Hi < l.Lo || l.Clipped < 0 || l.Clipped > 1 || l.Name == "" {
					t.Errorf("%+v", l)
				}
			}
		})
	}
}

// The float network is left as it was, whatever is equalized.
func TestLeavesTheNetworkAlone(t *testing.T) {
	g, images := zooGraph(t, "mobilenet_v1:0.25@32")
	before, err := outputs(g, images[:1], engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Quantize(g, images[:2], Recommended()); err != nil {
		t.Fatal(err)
	}
	after, err := outputs(g, images[:1], engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range before[0] {
		if after[0][i] != v {
			t.Fatalf("output %d: %v became %v", i, v, after[0][i])
		}
	}
}

// What cannot be quantized is said.
func TestRefusals(t *testing.T) {
	g, images := zooGraph(t, "mobilenet_v1:0.25@32")
	if _, err := Quantize(g, nil, Options{}); err == nil {
		t.Error("no images: want an error")
	}
	r, err := Quantize(g, images[:1], Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Quantize(r.Graph, images[:1], Options{}); err == nil {
		t.Error("a quantized network: want an error")
	}
}
