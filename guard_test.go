package wisp_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// onnxFile writes a network of the zoo and returns its path.
func onnxFile(t *testing.T, name string) string {
	t.Helper()
	source, err := wisp.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := source.Bound()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Write(f, g); err != nil {
		t.Fatal(err)
	}
	f.Close()
	return path
}

// A closed model is refused by all that would read its file.
func TestClosedModel(t *testing.T) {
	m, err := wisp.Open(onnxFile(t, "mobilenet_v3_small:0.35@64"))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	in := []*tensor.Tensor{zoo.SyntheticInput(1, tensor.Shape{1, 3, 64, 64}, "input")}
	_, compile := m.Compile()
	_, bound := m.Bound()
	_, _, int8 := m.Int8(in, quant.Options{})
	for what, err := range map[string]error{"Compile": compile, "Bound": bound, "Int8": int8} {
		if err == nil || !strings.Contains(err.Error(), "the model is closed") {
			t.Errorf("%s: got %v, want an error", what, err)
		}
	}
}

// A file that is cut short while its model is open is an error of whatever reads it, on
// systems that map files, and no fault of the process.
func TestFileCutShort(t *testing.T) {
	in := []*tensor.Tensor{zoo.SyntheticInput(1, tensor.Shape{1, 3, 64, 64}, "input")}
	for what, use := range map[string]func(m *wisp.Model) error{
		"Compile": func(m *wisp.Model) error { _, err := m.Compile(); return err },
		"Int8":    func(m *wisp.Model) error { _, _, err := m.Int8(in, quant.Options{}); return err },
	} {
		path := onnxFile(t, "mobilenet_v3_small:0.35@64")
		m, err := wisp.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := os.Truncate(path, 4096); err != nil {
			t.Fatal(err)
		}
		var fault *guard.Fault
		if err := use(m); err != nil && !errors.As(err, &fault) || err == nil && runtime.GOOS == "linux" {
			t.Errorf("%s: got %v, want a fault", what, err)
		} else if err != nil && !strings.HasPrefix(err.Error(), path+": the file was cut short") {
			t.Errorf("%s: got %q", what, err)
		}
	}
}

// No, or fewer than no classes are asked for: none come.
func TestClassifyNone(t *testing.T) {
	m, err := wisp.Open("mobilenet_v3_small:0.35@64")
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[int]int{-1: 0, 0: 0, 3: 3, 1 << 40: 1000} {
		got, err := m.Top(make([]float32, 1000), k)
		if err != nil || len(got) != want {
			t.Errorf("k=%d: got %d classes, %v; want %d", k, len(got), err, want)
		}
	}
}

// Weights that are NaN are refused by name before anything is computed with them; infinite
// ones are numbers, and what comes of them is said with the answer.
func TestWeightsNotANumber(t *testing.T) {
	source, err := wisp.Open("mobilenet_v3_small:0.35@64")
	if err != nil {
		t.Fatal(err)
	}
	bound, err := source.Bound()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		g := bound.Clone()
		id := g.Find("features.0.0.weight")
		data := tensor.New(tensor.Float32, g.Value(id).Type.Shape)
		copy(data.Float32(), g.Value(id).Data.Float32())
		data.Float32()[7] = float32(bad)
		g.Value(id).Data = data
		path := filepath.Join(t.TempDir(), "model.onnx")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := onnx.Write(f, g); err != nil {
			t.Fatal(err)
		}
		f.Close()
		m, err := wisp.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		p, err := m.Compile()
		if math.IsNaN(bad) {
			var refused *format.Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "values are NaN") {
				t.Errorf("got %v, want it refused", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		out, err := p.Run(zoo.SyntheticInput(1, tensor.Shape{1, 3, 64, 64}, "input"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Top(out[0].Float32(), 5); err == nil || !strings.Contains(err.Error(), "not a finite number") {
			t.Errorf("got %v, want the answer refused", err)
		}
	}
}
