package quant

import (
	"testing"
	"time"

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

func TestNetworks(t *testing.T) {
	for _, name := range []string{"mobilenet_v2@96", "ghostnet@96", "mobilenet_v3_small@96", "shufflenet_v2@96", "efficientnet_b0@96", "mnasnet_b1@96"} {
		t.Run(name, func(t *testing.T) {
			g, images := zooGraph(t, name)
			plain, err := Quantize(g, images, Options{})
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			best, err := Quantize(g, images, Recommended())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("min-max %.1f dB, recommended %.1f dB, islands %.2f %% in %v", plain.SQNR, best.SQNR, 100*best.IslandMACs, time.Since(begin))
		})
	}
}
