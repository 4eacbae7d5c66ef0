package engine_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// The engine's bytes are TensorFlow Lite's, on all 20 reference images of each model (one
// for each variant with -short), by every variant of the kernels in turns, with one thread and with two.
func TestTFLiteBytes(t *testing.T) {
	for _, m := range []struct{ name, input string }{
		{"mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.25_128_quant"},
		{"mobilenet_v1_0.5_160_quant", "mobilenet_v1_0.5_160_quant"},
		{"mobilenet_v1_0.75_192_quant", "mobilenet_v1_0.75_192_quant"},
		{"mobilenet_v2_1.0_224_quant", "mobilenet_v2_1.0_224_quant"},
		{"tf2_mobilenet_v2_1.0_224_ptq", "mobilenet_v2_1.0_224_quant"},
	} {
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
			n := in.Shape[0]
			switch {
			case testing.Short():
				n = len(variants())
			case !testkit.Thorough():
				n = min(n, 8)
			}
			h, w := in.Shape[1], in.Shape[2]
			var sessions []*engine.Session
			for i, name := range variants() {
				p, err := engine.Compile(model.Graph, engine.Options{Threads: 1 + i%2, Kernels: name, Arithmetic: string(fixed.Builtin)})
				if err != nil {
					t.Fatal(err)
				}
				s, err := p.NewSession()
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				sessions = append(sessions, s)
			}
			x, y := tensor.New(tensor.Uint8, tensor.Shape{1, 3, h, w}), tensor.New(tensor.Uint8, tensor.Shape{1, 1001})
			for k := range n {
				row := in.Data.([]uint8)[k*h*w*3:]
				for c := range 3 {
					for i := range h * w {
						x.Data.([]uint8)[c*h*w+i] = row[3*i+c]
					}
				}
				if err := sessions[k%len(sessions)].Run([]*tensor.Tensor{x}, []*tensor.Tensor{y}); err != nil {
					t.Fatal(err)
				}
				if got := y.Data.([]uint8); !bytes.Equal(got, want.Data.([]uint8)[k*1001:][:1001]) {
					t.Errorf("image %d: bytes differ", k)
				}
			}
		})
	}
}
