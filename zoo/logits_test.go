package zoo_test

import (
	"math"
	"os"
	"slices"
	"testing"

	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// Without WISP_ALL_GOLDENS the goldens above this many multiply-adds are left out, but
// for the smallest of families that have only larger ones, so that the test stays
// within its seconds; -short keeps the smallest alone.
const (
	goldenMacs      = 170e6
	goldenMacsShort = 15e6
)

var goldenAnyway = []string{"efficientnet_lite0__224", "efficientnet_b0__161", "mobilenet_v2_1.00__160x256", "resnet18__224"}

// The interpreter's logits against the official implementation's in float64. The bound
// is the one that the goldens' document suggests: twenty times what PyTorch's own
// float32 run is off, at least 1e-5 and at most 5e-4 of the logits' spread.
func TestGoldenLogits(t *testing.T) {
	limit := int64(goldenMacs)
	if testing.Short() {
		limit = goldenMacsShort
	}
	if os.Getenv("WISP_ALL_GOLDENS") != "" {
		limit = math.MaxInt64
	}
	ran := 0
	for _, file := range goldens(t) {
		want := readGolden(t, file)
		if want.Macs > limit && (testing.Short() || !slices.Contains(goldenAnyway, want.ID)) {
			continue
		}
		ran++
		t.Run(want.ID, func(t *testing.T) {
			t.Parallel()
			spec := specOf(t, want)
			g, err := spec.Build(1000)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Bind(zoo.Synthetic(want.Seed, spec.Gain())); err != nil {
				t.Fatal(err)
			}
			out, err := interp.Run(g, []*tensor.Tensor{zoo.SyntheticInput(want.Seed, want.Input, "input")})
			if err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i, y := range out[0].Float32() {
				if d := math.Abs(float64(y) - want.LogitsF64[i]); !(d <= worst) {
					worst = d
				}
			}
			bound := min(max(20*want.F32VsF64, 1e-5*want.LogitsStd), 5e-4*want.LogitsStd)
			if !(worst <= bound) {
				t.Errorf("logits are off by %.3g, want at most %.3g (spread %.3g)", worst, bound, want.LogitsStd)
			}
			t.Logf("off by %.3g of %.3g", worst, bound)
		})
	}
	if ran == 0 {
		t.Error("no golden is small enough")
	}
}
