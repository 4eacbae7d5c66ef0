package interp_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// tfliteModels are the quantized classifiers with the answers of TensorFlow Lite itself.
var tfliteModels = []struct{ name, input string }{
	{"mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.25_128_quant"},
	{"mobilenet_v1_0.5_160_quant", "mobilenet_v1_0.5_160_quant"},
	{"mobilenet_v1_0.75_192_quant", "mobilenet_v1_0.75_192_quant"},
	{"mobilenet_v2_1.0_224_quant", "mobilenet_v2_1.0_224_quant"},
	{"tf2_mobilenet_v2_1.0_224_ptq", "mobilenet_v2_1.0_224_quant"},
}

// The interpreter's bytes are the runtime's, on two images of each model (one where the test
// is short).
func TestTFLiteBytes(t *testing.T) {
	for _, m := range tfliteModels {
		t.Run(m.name, func(t *testing.T) {
			data, err := os.ReadFile(testkit.Shared(t, "golden", "tflite", m.name+".tflite"))
			if err != nil {
				t.Fatal(err)
			}
			model, err := tflite.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			in, err := npy.ReadFile(testkit.Shared(t, "golden", "tflite", "reference", m.input+".input.npy"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := npy.ReadFile(testkit.Shared(t, "golden", "tflite", "reference", m.name+".output.npy"))
			if err != nil {
				t.Fatal(err)
			}
			n := 2 // the engine is tested on all of them
			if testing.Short() {
				n = 1
			}
			h, w := in.Shape[1], in.Shape[2]
			for k := range n {
				x := tensor.New(tensor.Uint8, tensor.Shape{1, 3, h, w})
				row := in.Data.([]uint8)[k*h*w*3:]
				for c := range 3 {
					for i := range h * w {
						x.Data.([]uint8)[c*h*w+i] = row[3*i+c]
					}
				}
				out, err := interp.TraceAs(model.Graph, []*tensor.Tensor{x}, fixed.Builtin, nil)
				if err != nil {
					t.Fatal(err)
				}
				got := out[0].Data.([]uint8)
				if ref := want.Data.([]uint8)[k*len(got):][:len(got)]; !bytes.Equal(got, ref) {
					bad := 0
					for i := range ref {
						if ref[i] != got[i] {
							bad++
						}
					}
					t.Errorf("image %d: %d of %d bytes differ", k, bad, len(ref))
				}
			}
		})
	}
}
