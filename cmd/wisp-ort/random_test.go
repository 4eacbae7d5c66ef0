//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/internal/testkit/onnxgen"
	"github.com/wispnet/wisp/tensor"
)

// ONNX Runtime has the answers that random quantized files are drawn with, to the byte: those
// that engine's TestQuantizedONNX holds wisp to, file by file. Its optimizer changes some
// (onnxgen.Model.Optimized), which are counted, and makes operators that it then refuses.
// WISP_RANDOM says how many files there are.
func TestQuantizedONNX(t *testing.T) {
	if saturates() {
		t.Setenv("WISP_ORT_EXACT", "1")
	}
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	count := testkit.Random(100)
	for style := range onnxgen.Styles {
		t.Run(style.String(), func(t *testing.T) {
			wrong, optimized, refused, path := 0, 0, 0, filepath.Join(t.TempDir(), "model.onnx")
			for seed := range uint64(count) / uint64(onnxgen.Styles) {
				m, ok := onnxgen.Draw(rand.New(rand.NewPCG(seed, uint64(style))), style)
				if !ok {
					continue
				}
				if err := os.WriteFile(path, m.File, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := agreesWith(a, optimizeAll, path, m); errors.Is(err, errRefused) {
					if refused++; refused < 5 {
						t.Logf("seed %d: %v", seed, err)
					}
				} else if err != nil {
					if optimized++; !m.Optimized {
						t.Errorf("seed %d: optimized: %v: %v", seed, err, m.Ops)
					}
				}
				if err := agreesWith(a, optimizeNothing, path, m); err != nil {
					if wrong++; wrong <= 5 {
						t.Errorf("seed %d: %v: %v", seed, err, m.Ops)
						if folder := os.Getenv("WISP_RANDOM_KEEP"); folder != "" {
							os.WriteFile(filepath.Join(folder, fmt.Sprintf("%v-%d.onnx", style, seed)), m.File, 0o644)
						}
					}
				}
			}
			t.Logf("%d wrong; its optimizer changes %d and fails on %d", wrong, optimized, refused)
		})
	}
}

// rawOf is a tensor's memory as ONNX Runtime takes it.
func rawOf(t *tensor.Tensor) []byte {
	switch v := t.Data.(type) {
	case []float32:
		return bytesOf(runner.Port{DType: "float32"}, v)
	case []uint8:
		return v
	case []int8:
		out := make([]byte, len(v))
		for i, x := range v {
			out[i] = byte(x)
		}
		return out
	}
	return nil
}

var errRefused = errors.New("refused")

// agreesWith runs a file under a level of optimization and compares every output with the
// right one.
func agreesWith(a *api, level uintptr, path string, m *onnxgen.Model) error {
	s := &session{api: a, level: level, q: runner.LoadRequest{Model: path, Threads: 1, Batch: m.Input.Shape[0]}}
	if _, err := s.Build(); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	defer s.Close()
	if err := s.MakeInputs(1, 1); err != nil {
		return err
	}
	copy(bytesOf(s.in[0], s.library[0]), rawOf(m.Input))
	if err := s.Run(0); err != nil {
		return err
	}
	for i, o := range m.Outputs {
		got, err := tensor.FromBytes(o.Want.DType, o.Want.Shape, bytesOf(s.out[i], s.lanes[0].results[i]))
		if err != nil {
			return fmt.Errorf("output %d is %s%v: %w", i, s.out[i].DType, s.out[i].Shape, err)
		}
		bad, first, want := 0, "", o.Want.Floats()
		for k, v := range got.Floats() {
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
