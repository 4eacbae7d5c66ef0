package onnx

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/tensor"
)

// Quantized files have ONNX Runtime's answers: limits before a symmetric quantization, a
// DequantizeLinear of other parameters than its QuantizeLinear, sums that are rounded once.
func TestQuantizedFiles(t *testing.T) {
	folder := filepath.Join("testdata", "quantized")
	for _, c := range []struct {
		name, input string
		exact       bool // else the last operator is one of real numbers
	}{
		{"relu", "relu", true}, {"relu6", "relu", true}, {"add_relu", "relu", true}, {"dq_other_scale", "dq_other_scale", false},
		{"conv_relu0", "conv", true}, {"conv_s2", "conv", true}, {"conv_conv", "conv", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(folder, c.name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := Read(data, Options{})
			if err != nil {
				t.Fatal(err)
			}
			x, err := npy.ReadFile(filepath.Join(folder, c.input+".x.npy"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := npy.ReadFile(filepath.Join(folder, c.name+".want.npy"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := interp.TraceAs(m.Graph, []*tensor.Tensor{x}, fixed.ONNX, nil)
			if err != nil {
				t.Fatal(err)
			}
			wrong := 0
			for i, v := range got[0].Float32() {
				w := want.Float32()[i]
				if d := math.Abs(float64(v - w)); d > 0 && (c.exact || d > 1e-5*math.Abs(float64(w))+1e-5) {
					if wrong++; wrong == 1 {
						t.Errorf("output %d: got %v, want %v", i, v, w)
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%d of %d outputs are wrong", wrong, len(want.Float32()))
			}
		})
	}
}
