package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/internal/testkit/onnxgen"
	"github.com/wispnet/wisp/tensor"
)

// Random quantized files in five quantizers' styles have the right bytes, in the interpreter
// and in the engine. WISP_RANDOM says how many; WISP_RANDOM_KEEP is a folder for those that
// are wrong.
func TestQuantizedONNX(t *testing.T) {
	count := testkit.Random(150)
	names := variants()
	for style := range onnxgen.Styles {
		t.Run(style.String(), func(t *testing.T) {
			t.Parallel()
			wrong, skipped := 0, 0
			for seed := range uint64(count) / uint64(onnxgen.Styles) {
				m, ok := onnxgen.Draw(rand.New(rand.NewPCG(seed, uint64(style))), style)
				if !ok {
					skipped++
					continue
				}
				if err := checkFile(m, engine.Options{Threads: 1 + int(seed)%2, Kernels: names[seed%uint64(len(names))]}); err != nil {
					if wrong++; wrong <= 5 {
						t.Errorf("seed %d: %v: %v", seed, err, m.Ops)
						keep(t, m, fmt.Sprintf("%v-%d.onnx", style, seed))
					}
				}
			}
			t.Logf("%d wrong, %d without scales", wrong, skipped)
			if 2*skipped > count/int(onnxgen.Styles) {
				t.Errorf("%d of %d draws found no scales", skipped, count/int(onnxgen.Styles))
			}
		})
	}
}

func keep(t *testing.T, m *onnxgen.Model, name string) {
	if folder := os.Getenv("WISP_RANDOM_KEEP"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name), m.File, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// checkFile reads a model and compares its outputs by the interpreter and by the engine.
func checkFile(m *onnxgen.Model, o engine.Options) error {
	r, err := onnx.Read(m.File, onnx.Options{})
	if err != nil {
		return err
	}
	got, err := interp.TraceAs(r.Graph, []*tensor.Tensor{m.Input}, fixed.ONNX, nil)
	if err != nil {
		return err
	}
	if err := compareFile(m, got); err != nil {
		return fmt.Errorf("interpreter: %w", err)
	}
	o.Arithmetic = string(fixed.ONNX)
	p, err := engine.Compile(r.Graph, o)
	if err != nil {
		return err
	}
	s, err := p.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	for i, port := range p.Outputs() {
		got[i] = tensor.New(port.Type.DType, port.Type.Shape)
	}
	if err := s.Run([]*tensor.Tensor{m.Input}, got); err != nil {
		return err
	}
	if err := compareFile(m, got); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

func compareFile(m *onnxgen.Model, got []*tensor.Tensor) error {
	if len(got) != len(m.Outputs) {
		return fmt.Errorf("got %d outputs, want %d", len(got), len(m.Outputs))
	}
	for i, o := range m.Outputs {
		if got[i].DType != o.Want.DType || !got[i].Shape.Equal(o.Want.Shape) {
			return fmt.Errorf("output %d: got %v%v, want %v%v", i, got[i].DType, got[i].Shape, o.Want.DType, o.Want.Shape)
		}
		bad, first := 0, ""
		want := o.Want.Floats()
		for k, v := range got[i].Floats() {
			if d := math.Abs(float64(v) - float64(want[k])); !(d <= o.Error) {
				if bad++; bad == 1 {
					first = fmt.Sprintf("element %d is %v, want %v within %v", k, v, want[k], o.Error)
				}
			}
		}
		if bad > 0 {
			return fmt.Errorf("output %d: %d of %d are wrong: %s", i, bad, len(want), first)
		}
	}
	return nil
}
