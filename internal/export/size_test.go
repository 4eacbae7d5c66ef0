package export

import (
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// TestSizeOf: a size is that of the very file, whatever the weights, the images that the
// integers are calibrated on and the method are.
func TestSizeOf(t *testing.T) {
	names := []string{"ghostnet:0.3@64", "mobilenet_v3_small:0.35@64", "shufflenet_v2:0.5@64", "ghostnet_2020:0.3@64", "tf_mobilenet_v1:0.25@64"}
	if testkit.Thorough() { // and every fifth of the table; TestEverySize takes them all
		for i, m := range zoo.All {
			if i%5 == 0 && m.AnyWidth {
				names = append(names, m.Name+":0.3@64")
			}
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			for _, weights := range []string{"", "synthetic:7"} {
				m, err := wisp.Open(name, wisp.WithWeights(weights))
				if err != nil {
					t.Fatal(err)
				}
				is(t, m, "float32", m)
				if weights == "" {
					continue
				}
				shape := m.Graph.Value(m.Graph.Inputs[0]).Type.Shape
				images := []*tensor.Tensor{zoo.SyntheticInput(1, shape, "input"), zoo.SyntheticInput(2, shape, "input")}
				for _, o := range []quant.Options{quant.Recommended(), {Method: quant.Percentile}} {
					whole, _, err := m.Int8(images, o)
					if err != nil {
						t.Fatal(err)
					}
					is(t, m, "int8", whole)
					is(t, whole, "int8", whole)
				}
			}
		})
	}
}

// TestEverySize: every network of the zoo has a form in integers as TensorFlow Lite, and so a
// size; one of each family, and all where there is time.
func TestEverySize(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range zoo.All {
		if seen[a.Family] && !testkit.Thorough() {
			continue
		}
		seen[a.Family] = true
		name := a.Name + "@64"
		if a.AnyWidth {
			name = a.Name + ":0.3@64"
		}
		m, err := wisp.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := SizeOf(m, "int8", ""); err != nil || s.Format != "tflite" || s.Bytes < 10_000 {
			t.Errorf("%s: got %+v, %v", name, s, err)
		}
	}
}

// is compares the size of a model in a precision with the file that is written of written.
func is(t *testing.T, m *wisp.Model, precision string, written *wisp.Model) {
	t.Helper()
	got, err := SizeOf(m, precision, "1.2")
	if err != nil {
		t.Fatal(err)
	}
	var n counter
	if got.Format == "onnx" {
		err = ONNX(&n, written)
	} else {
		err = TFLite(&n, written, "1.2")
	}
	if err != nil {
		t.Fatal(err)
	}
	if got.Bytes != int64(n) {
		t.Errorf("%s: %s in .%s: got %d bytes, the file has %d", m.Name, precision, got.Format, got.Bytes, n)
	}
}

func TestSizeOfRefuses(t *testing.T) {
	m, err := wisp.Open("mobilenet_v1:0.25@32")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := m.Sketch("int8")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := SizeOf(whole, "float32", "1"); err == nil {
		t.Error("a network of integers has a size in float32")
	}
	if _, err := SizeOf(m, "float16", "1"); err == nil {
		t.Error("a size in a precision that is not written")
	}
}
