package quant

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// How much better than plain min-max the recommended quantization is: the signal-to-noise
// ratio of the centred logits of networks with synthetic weights, on inputs that the
// quantization has not seen.

// gains are the networks whose gain is measured, and the decibels that it may not fall under.
var gains = []struct {
	network string
	least   float64
}{
	{"shufflenet_v2:0.5@160", 3},
	{"ghostnet", 5},
	{"mobilenet_v3_large", 5},
	{"mobilenet_v3_small", 2},
	{"efficientnet_b0", 4},
	{"shufflenet_v2", 5},
	{"mnasnet_b1", 5},
	{"mnasnet_a1", 3},
}

// TestGain measures the first network; WISP_GAIN=all measures all of them, WISP_GAIN=NAME,…
// some, and WISP_GAIN_ON=photographs calibrates on 20 of the shared photographs and measures
// on 20 others, where nothing is asserted but printed.
func TestGain(t *testing.T) {
	if testing.Short() {
		t.Skip("quantizes a network twice")
	}
	which, photographs := os.Getenv("WISP_GAIN"), os.Getenv("WISP_GAIN_ON") == "photographs"
	for i, c := range gains {
		if which == "" && i > 0 || which != "" && which != "all" && !strings.Contains(","+which+",", ","+c.network+",") {
			continue
		}
		t.Run(c.network, func(t *testing.T) {
			g, _ := zooGraph(t, c.network)
			watched, held := noiseInputs(g, 1, 16), noiseInputs(g, 1001, 8)
			if which != "" {
				watched, held = noiseInputs(g, 1, 32), noiseInputs(g, 1001, 16)
			}
			if photographs {
				watched, held = photographed(t, g)
			}
			plain, err := Quantize(g, watched, Options{})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			o := Recommended()
			o.Islands = 0.05
			ours, err := Quantize(g, watched, o)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			a, b := heldOut(t, g, plain.Graph, held), heldOut(t, g, ours.Graph, held)
			t.Logf("| %s | %.1f | %.1f | %+.1f | %.2f | %.0f |", c.network, a, b, b-a, 100*ours.IslandMACs, took.Seconds())
			if ours.IslandMACs > 0.05 {
				t.Errorf("%.2f %% of the multiply-adds stay in float32, want at most 5", 100*ours.IslandMACs)
			}
			if !photographs && b-a < c.least {
				t.Errorf("min-max %.2f dB, recommended %.2f dB: want %v dB more", a, b, c.least)
			}
		})
	}
}

// noiseInputs are n synthetic inputs, by their seeds.
func noiseInputs(g *graph.Graph, from, n int) []*tensor.Tensor {
	var all []*tensor.Tensor
	for i := range n {
		all = append(all, zoo.SyntheticInput(uint64(from+i), g.Value(g.Inputs[0]).Type.Shape, "input"))
	}
	return all
}

// photographed are 20 of the shared photographs and 20 others.
func photographed(t *testing.T, g *graph.Graph) (watched, held []*tensor.Tensor) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Shared(t, "golden", "images"), "*.JPEG"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := imagenet.FindRecipe("torchvision")
	if err != nil {
		t.Fatal(err)
	}
	s := g.Value(g.Inputs[0]).Type.Shape
	for i, f := range files {
		if i%5 != 0 && i%5 != 2 {
			continue
		}
		img, err := imagenet.DecodeFile(f, imagenet.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.New(tensor.Float32, s)
		if err := r.Apply(img, s[2], s[3], x.Float32()); err != nil {
			t.Fatal(err)
		}
		if i%5 == 0 {
			watched = append(watched, x)
		} else {
			held = append(held, x)
		}
	}
	return watched, held
}

// heldOut is the ratio over all inputs together.
func heldOut(t *testing.T, g, q *graph.Graph, inputs []*tensor.Tensor) float64 {
	t.Helper()
	want, err := outputs(scores(g), inputs, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := outputs(scores(q), inputs, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	signal, errs := 0.0, 0.0
	for i := range got {
		noise(centred(want[i]), centred(got[i]), &signal, &errs)
	}
	return ratio(signal, errs)
}
