package wisp_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/format/safetensors"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// trained writes a network's synthetic weights as a safetensors file, under the names that
// rename gives them, in the order of the names where sorted.
func trained(t *testing.T, network string, rename func(string) string, sorted bool, says map[string]string) string {
	t.Helper()
	spec, err := zoo.Parse(network)
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
	var list []tensor.Named
	for _, id := range g.Weights {
		v := g.Value(id)
		list = append(list, tensor.Named{Name: rename(v.Name), Tensor: v.Data})
	}
	if sorted {
		slices.SortFunc(list, func(a, b tensor.Named) int { return strings.Compare(a.Name, b.Name) })
	}
	var b bytes.Buffer
	if err := safetensors.WriteAll(&b, list, says); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mine.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func same(name string) string { return name }

func photograph(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "grey.png")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// answer is a model's output for one made-up input.
func answer(t *testing.T, m *wisp.Model) []float32 {
	t.Helper()
	p, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	in := zoo.SyntheticInput(1, m.Graph.Value(m.Graph.Inputs[0]).Type.Shape, "input")
	out, err := p.Run(in)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out[0].Float32())
}

// The names of EfficientNet-PyTorch, for tf_efficientnet_lite0 at first hand.
func efficientNetPyTorch(name string) string {
	parts := strings.Split(name, ".")
	if parts[0] != "blocks" {
		return strings.NewReplacer("conv_stem", "_conv_stem", "bn1", "_bn0", "conv_head", "_conv_head", "bn2", "_bn1", "classifier", "_fc").Replace(name)
	}
	at := map[string]string{"0.0": "0", "1.0": "1", "1.1": "2", "2.0": "3", "2.1": "4", "3.0": "5", "3.1": "6", "3.2": "7", "4.0": "8", "4.1": "9", "4.2": "10",
		"5.0": "11", "5.1": "12", "5.2": "13", "5.3": "14", "6.0": "15"}[parts[1]+"."+parts[2]]
	rename := map[string]string{"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1", "conv_pwl": "_project_conv", "bn3": "_bn2"}
	if at == "0" {
		rename = map[string]string{"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
	}
	return "_blocks." + at + "." + rename[parts[3]] + "." + parts[4]
}

// TestNamesDecide: trained EfficientNets under EfficientNet-PyTorch's names run with SAME
// padding and epsilon 1e-3, whatever the order of the tensors.
func TestNamesDecide(t *testing.T) {
	want, err := wisp.Open("tf_efficientnet_lite0", wisp.WithWeights("synthetic:1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sorted := range []bool{false, true} {
		path := trained(t, "tf_efficientnet_lite0", efficientNetPyTorch, sorted, nil)
		m, err := wisp.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if m.Spec.Name != "tf_efficientnet_lite0" || m.Recipe.ID != want.Recipe.ID || m.Doubtful() != nil {
			t.Errorf("got %s, recipe %s, doubt %v; want tf_efficientnet_lite0 and recipe %s", m.Spec, m.Recipe.ID, m.Doubtful(), want.Recipe.ID)
		}
		if got, want := answer(t, m), answer(t, want); !slices.Equal(got, want) {
			t.Errorf("sorted %v: logits begin with %v, want %v", sorted, got[:3], want[:3])
		}
		named, err := wisp.Open("tf_efficientnet_lite0", wisp.WithWeights(path))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := answer(t, named), answer(t, want); !slices.Equal(got, want) {
			t.Errorf("as weights of the named network: logits begin with %v, want %v", got[:3], want[:3])
		}
	}
}

// TestDoubtStopsPredictions: where nothing tells two networks apart, what makes predictions
// stops and counts go on.
func TestDoubtStopsPredictions(t *testing.T) {
	grey := photograph(t)
	for name, c := range map[string]struct {
		path, arch string
		stops      bool
	}{
		"timm's names":       {path: trained(t, "efficientnet_lite0", same, true, nil), stops: true},
		"with --arch":        {path: trained(t, "efficientnet_lite0", same, true, nil), arch: "tf_efficientnet_lite0"},
		"said by the file":   {path: trained(t, "tf_efficientnet_lite0", same, true, map[string]string{format.NetworkKey: "tf_efficientnet_lite0"})},
		"said wrongly":       {path: trained(t, "tf_efficientnet_lite0", same, true, map[string]string{format.NetworkKey: "ghostnet"}), stops: true},
		"resnet50, any v":    {path: trained(t, "resnet50", same, true, nil), stops: true},
		"torchvision's name": {path: trained(t, "mobilenet_v2:0.35", same, true, nil)},
		"names of its own":   {path: trained(t, "mobilenet_v2:0.35", func(n string) string { return "my." + n[strings.Index(n, ".")+1:] }, false, nil), stops: true},
	} {
		m, err := wisp.Open(c.path, wisp.WithArch(c.arch))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		p, err := m.Compile()
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Classify(grey, 1)
		var e *wisp.AmbiguousError
		if errors.As(err, &e) != c.stops || err != nil && !c.stops {
			t.Errorf("%s: %v, want a stop: %v", name, err, c.stops)
		}
		if c.stops {
			if !strings.Contains(err.Error(), "--arch "+m.Spec.String()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %q does not say what to do", name, err)
			}
			if _, _, err := m.Int8([]*tensor.Tensor{zoo.SyntheticInput(1, m.Graph.Value(m.Graph.Inputs[0]).Type.Shape, "input")}, quant.Recommended()); !errors.As(err, &e) {
				t.Errorf("%s: calibration: %v", name, err)
			}
		}
		answer(t, m)
		p.Close()
	}
}
