package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// golden is what the official implementation computes with the synthetic weights.
type golden struct {
	ID, Variant string
	Input       []int
	Seed        uint64
	Gain        float64
	Macs        int64
	LogitsF64   []float64 `json:"logits_f64"`
	F32VsF64    float64   `json:"f32_vs_f64_max_abs"`
	LogitsStd   float64   `json:"logits_std"`
}

// zooNames maps a golden's variant to the zoo's name.
var zooNames = []struct{ pattern, name string }{
	{`^mnasnet(\d)_(\d+)$`, "mnasnet_b1:$1.$2"},
	{`^mnasnet_100$`, "timm_mnasnet_b1"},
	{`^semnasnet_(\d)(\d\d)$`, "mnasnet_a1:$1.$2"},
	{`^seresnet50$`, "se_resnet50"},
	{`^shufflenet_v1_([\d.]+)x_g(\d)$`, "shufflenet_v1_g$2:$1"},
	{`^shufflenet_v2_x(\d)_(\d)$`, "shufflenet_v2:$1.$2"},
	{`^tf_mobilenetv3_(large|small)_minimal_(\d)(\d\d)$`, "tf_mobilenet_v3_${1}_minimal:$2.$3"},
	{`^tf_mobilenetv3_(large|small)_(\d)(\d\d)$`, "tf_mobilenet_v3_$1:$2.$3"},
	{`^mobilenetv3_(large|small)_(\d)(\d\d)$`, "timm_mobilenet_v3_$1:$2.$3"},
	{`^(ghostnet|ghostnetv2|(?:tf_)?mobilenet_v[123](?:_large|_small)?)_(\d\.\d+)$`, "$1:$2"},
	{`^(.*)$`, "$1"},
}

// network is a zoo network with its synthetic weights.
func network(t testing.TB, name string, seed uint64, gain float64) *graph.Graph {
	t.Helper()
	spec, err := zoo.Parse(name)
	if err != nil {
		var unknown *zoo.UnknownError
		if errors.As(err, &unknown) {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	if gain == 0 {
		gain = spec.Gain()
	}
	if err := g.Bind(zoo.Synthetic(seed, gain)); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGoldens compares the engine's logits with the official implementations' in float64,
// within the bound that the goldens' document suggests. Of the large networks only resnet18
// runs unless WISP_ALL_GOLDENS is set; under -short only the smallest run.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testkit.Shared(t, "golden", "models"), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens", err)
	}
	limit := int64(600e6)
	if testing.Short() {
		limit = 20e6
	}
	if os.Getenv("WISP_ALL_GOLDENS") != "" {
		limit = math.MaxInt64
	}
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want golden
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(file, err)
		}
		if want.Macs > limit && (testing.Short() || want.ID != "resnet18__224") {
			continue
		}
		t.Run(want.ID, func(t *testing.T) {
			var name string
			for _, m := range zooNames {
				if re := regexp.MustCompile(m.pattern); re.MatchString(want.Variant) {
					name = re.ReplaceAllString(want.Variant, m.name)
					break
				}
			}
			g := network(t, fmt.Sprintf("%s@%dx%d", name, want.Input[2], want.Input[3]), want.Seed, want.Gain)
			p, s := session(t, g, engine.Options{Threads: 1 + i%2})
			out := outputs(p)
			if err := s.Run([]*tensor.Tensor{zoo.SyntheticInput(want.Seed, want.Input, "input")}, out); err != nil {
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
			s.Close()
		})
	}
}

// A network of the zoo allocates nothing while it runs, on one thread and on two.
func TestNetworkAllocatesNothing(t *testing.T) {
	g := network(t, "mobilenet_v3_small@64", 1, 0)
	in := []*tensor.Tensor{zoo.SyntheticInput(1, tensor.Shape{1, 3, 64, 64}, "input")}
	for _, threads := range []int{1, 2} {
		p, s := session(t, g, engine.Options{Threads: threads})
		out := outputs(p)
		if n := testing.AllocsPerRun(5, func() {
			if err := s.Run(in, out); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("threads=%d: got %v allocations per run, want 0", threads, n)
		}
		s.Close()
	}
}

func BenchmarkNetwork(b *testing.B) {
	for _, name := range []string{
		"ghostnet", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "shufflenet_v1_g3",
		"shufflenet_v2", "mnasnet_b1", "mnasnet_a1", "efficientnet_b0", "efficientnet_lite0", "resnet18",
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/threads=%d", name, threads), func(b *testing.B) {
				g := network(b, name, 1, 0)
				p, s := session(b, g, engine.Options{Threads: threads})
				in := []*tensor.Tensor{tensor.New(tensor.Float32, p.Inputs()[0].Type.Shape)}
				out := outputs(p)
				macs := int64(0)
				for _, st := range p.Steps() {
					macs += st.Macs
				}
				for b.Loop() {
					if err := s.Run(in, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(2*float64(macs)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
