package zoo_test

import (
	"encoding/csv"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/zoo"
)

// stateHash is FNV-1a-64 over "name dim dim …\n" of every weight in order.
func stateHash(g *graph.Graph) string {
	h := fnv.New64a()
	for _, id := range g.Weights {
		v := g.Value(id)
		fmt.Fprint(h, v.Name)
		for _, d := range v.Type.Shape {
			fmt.Fprint(h, " ", d)
		}
		fmt.Fprintln(h)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// testdata/facts.csv holds what the official implementations count: parameters,
// multiply-adds and, where their state_dict is known, a hash of its names, shapes and
// order. It bites where the shared goldens are absent.
func TestFacts(t *testing.T) {
	f, err := os.Open("testdata/facts.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows[1:] {
		checkCounts(t, r[0], r[1], r[2])
		if r[3] == "" {
			continue
		}
		spec, _ := zoo.Parse(r[0])
		g, err := spec.Build(1000)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := stateHash(g); got != r[3] {
			t.Errorf("%s: state_dict %s, want %s: a name, shape or the order differs", r[0], got, r[3])
		}
	}
}

func TestAll(t *testing.T) {
	names := map[string]bool{}
	for _, m := range zoo.All {
		if names[m.Name] {
			t.Errorf("%s stands twice", m.Name)
		}
		names[m.Name] = true
		if !slices.Contains(zoo.Families, m.Family) {
			t.Errorf("%s: family %q", m.Name, m.Family)
		}
		if m.Title == "" || m.Year < 2015 || m.Doc == "" || m.Paper == "" || m.Source == "" || m.Recipe == "" || m.Gain <= 0 || len(m.Widths) == 0 || m.DefaultSize < 224 {
			t.Errorf("%s: a field is missing: %+v", m.Name, m)
		}
		if m.Designed != "by hand" && m.Designed != "searched" {
			t.Errorf("%s: designed %q", m.Name, m.Designed)
		}
		for _, w := range m.Widths {
			spec := m.Spec()
			spec.Width = w
			if _, err := imagenet.FindRecipe(spec.Recipe()); err != nil {
				t.Errorf("%v: %v", spec, err)
			}
		}
		if !slices.Contains(m.Widths, 1) {
			t.Errorf("%s: width 1 is not among %v", m.Name, m.Widths)
		}
	}
	for _, want := range strings.Fields(`ghostnet ghostnet_2020 ghostnetv2 mobilenet_v1 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small
		mobilenet_v3_large_minimal mobilenet_v3_small_minimal mobilenet_v3_large_draft shufflenet_v1_g1 shufflenet_v1_g2 shufflenet_v1_g3
		shufflenet_v1_g4 shufflenet_v1_g8 shufflenet_v2 mnasnet_a1 mnasnet_b1 mnasnet_small efficientnet_b0 efficientnet_b1 efficientnet_b2
		efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2
		efficientnet_lite3 efficientnet_lite4 resnet18 resnet34 resnet50 se_resnet50 legacy_seresnet50 tf_mobilenet_v1 tf_mobilenet_v2
		tf_mobilenet_v3_large tf_mobilenet_v3_small_minimal tf_efficientnet_b0 tf_efficientnet_lite4 tf_mnasnet_small timm_mobilenet_v3_large
		timm_mobilenet_v3_small timm_mnasnet_b1 timm_efficientnet_b5 timm_mobilenet_v2`) {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

// Every published row belongs to a network, and its parameter count is the graph's
// within what rounding to its last digit and the listed discrepancies explain.
func TestPublished(t *testing.T) {
	seen := 0
	for _, m := range zoo.All {
		for _, p := range m.Published {
			if p.Model != m.Name {
				continue // listed under its own name too
			}
			seen++
			if p.Weights == "" || p.Source == "" || p.Top1 < 0 || p.Top1 > 100 || p.Top5 != 0 && p.Top5 < p.Top1 || p.Size < zoo.MinSize {
				t.Errorf("%s: %+v", m.Name, p)
			}
			s := m.Spec()
			s.Width, s.H, s.W = p.Width, p.Size, p.Size
			if !m.AnyWidth && !slices.Contains(m.Widths, p.Width) {
				t.Errorf("%s has no width %v: %+v", m.Name, p.Width, p)
				continue
			}
			g, err := s.Build(1000)
			if err != nil {
				t.Error(err)
				continue
			}
			params, _, macs := count(g)
			near(t, s, p, "parameters", p.ParamsM, float64(params)/1e6, 0.03)
			// Counting tools add batch norm and pooling, papers round.
			near(t, s, p, "multiply-adds", p.MacsM, float64(macs)/1e6, 0.08)
		}
	}
	for c, met := range contradicted {
		if !met {
			t.Errorf("nothing contradicts %q any more", c)
		}
	}
	if seen < 300 {
		t.Errorf("%d published rows found their network", seen)
	}
}

// contradicted are published figures that the graph contradicts by more than the
// tolerance, as the notes of the models say; true once met.
var contradicted = map[string]bool{
	"mobilenet_v3 small":    false, // slim's README is older than the released graph
	"mobilenet_v1_0.25_192": false, // 34 M where the graph has 30.2 M
	"MobileNetV2 (1.4)":     false, // 6.9 M parameters in the paper, 6.1 M released
	"ShuffleNet 1.0x":       false, // imgclsmob counts batch norm and activations
	"ShuffleNet 0.5x":       false, // likewise
}

func near(t *testing.T, s zoo.Spec, p zoo.Published, what string, published, ours, tolerance float64) {
	t.Helper()
	if published == 0 {
		return
	}
	// One unit of the last printed digit: 0.1 M parameters, 1 M multiply-adds, or 10 M
	// where a tool prints 0.01 G.
	unit := 0.1
	if what == "multiply-adds" {
		unit = 1
	}
	if math.Mod(published, 10) == 0 {
		unit *= 10
	}
	if d := math.Abs(published - ours); d > tolerance*ours && d > unit {
		for c := range contradicted {
			if strings.Contains(p.Weights, c) {
				contradicted[c] = true
				return
			}
		}
		t.Errorf("%v: %s: published %s %v M, the graph has %.3f M", s, p.Weights, what, published, ours)
	}
}

func TestStudy(t *testing.T) {
	if len(zoo.Study) != 10 {
		t.Errorf("got %d rows, want the study's 10", len(zoo.Study))
	}
	for _, f := range zoo.Study {
		if _, err := zoo.Parse(f.Model); err != nil || f.Why == "" || f.Row == "" {
			t.Errorf("%+v: %v", f, err)
		}
		if f.LatencyMs > 0 && f.TotalS > 0 && math.Abs(f.TotalS/5-f.LatencyMs) > 0.01 {
			t.Errorf("%s: %v s for 5000 images are not %v ms each", f.Row, f.TotalS, f.LatencyMs)
		}
	}
	f := zoo.Study[0]
	spec, _ := zoo.Parse(f.Model)
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	params, _, macs := count(g)
	for i := range g.Nodes {
		if _, ok := g.Nodes[i].Op.(graph.BatchNorm); ok {
			macs += int64(g.Value(g.Nodes[i].In[1]).Type.Shape.Elements())
		}
	}
	if params != 5180840 || macs != 140773144 || f.ParamsM != 5.18084 || f.MultAddsM != 140.773144 {
		t.Errorf("%d parameters and %d mult-adds, want the study's 5180840 and 140773144", params, macs)
	}
}

func TestPublishedOrder(t *testing.T) {
	for name, want := range map[string]string{
		"ghostnet": "GhostNet 1.0x official PyTorch", "mobilenet_v2": "torchvision mobilenet_v2 IMAGENET1K_V1",
		"tf_mobilenet_v2:0.75@160": "mobilenet_v2_0.75_160", "efficientnet_lite1": "efficientnet-lite1 FP32", "shufflenet_v2:2.0": "torchvision shufflenet_v2_x2_0",
	} {
		s, err := zoo.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Published(); len(got) == 0 || got[0].Weights != want {
			t.Errorf("%s: first of %d is %+v, want %s", name, len(got), got[:min(1, len(got))], want)
		}
	}
}
