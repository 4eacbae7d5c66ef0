package onnx_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/internal/testkit/onnxgen"
	"github.com/wispnet/wisp/tensor"
)

// Random networks in the styles of many exporters are read as what they were drawn from.
func TestStyled(t *testing.T) {
	refused, total := 0, 0
	for seed := range uint64(testkit.Random(300)) {
		rng := rand.New(rand.NewPCG(seed, 16))
		draw := optest.Random
		if seed%3 == 0 {
			draw = optest.RandomResidual
		}
		g, in := draw(rng)
		want, err := interp.Run(g, in)
		if err != nil {
			t.Fatal(err)
		}
		for style := range 3 {
			data, side, ok := onnxgen.Styled(rng, g)
			if !ok {
				refused++
				continue
			}
			total++
			if err := readsAs(data, side, g, in, want); err != nil {
				t.Errorf("seed %d, style %d: %v", seed, style, err)
				if folder := os.Getenv("WISP_RANDOM_KEEP"); folder != "" {
					os.WriteFile(filepath.Join(folder, fmt.Sprintf("styled-%d-%d.onnx", seed, style)), data, 0o644)
				}
			}
		}
		if t.Failed() && seed > 50 {
			break
		}
	}
	t.Logf("%d files; %d networks have no form in the opset that was drawn", total, refused)
	if refused > total/2 {
		t.Errorf("%d of %d have no form", refused, total+refused)
	}
}

func readsAs(data []byte, side map[string][]byte, g *graph.Graph, in, want []*tensor.Tensor) error {
	m, err := onnx.Read(data, onnx.Options{External: func(name string) ([]byte, error) {
		if b, ok := side[name]; ok {
			return b, nil
		}
		return nil, os.ErrNotExist
	}})
	if err != nil {
		return err
	}
	got, err := interp.Run(m.Graph, in)
	if err != nil {
		return err
	}
	for i := range g.Outputs {
		if err := near(got[i], want[i]); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// near compares within what another order of a few roundings may change.
func near(got, want *tensor.Tensor) error {
	if !got.Shape.Equal(want.Shape) {
		return fmt.Errorf("shape %v, want %v", got.Shape, want.Shape)
	}
	top := 0.0
	for _, v := range want.Floats() {
		top = max(top, math.Abs(float64(v)))
	}
	for k, v := range got.Floats() {
		w := want.Floats()[k]
		if v != w && !(math.Abs(float64(v)-float64(w)) <= 2e-5*top) {
			return fmt.Errorf("element %d is %v, want %v", k, v, w)
		}
	}
	return nil
}
