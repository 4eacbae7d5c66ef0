package native

import (
	"bytes"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
)

// What is said of a quantized network is what its file gives: near what was measured before it
// was written where the file is sound, and far below where it is not.
func TestWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	draw := func(scale float64, d ...int) *tensor.Tensor {
		x := tensor.New(tensor.Float32, d)
		for i := range x.Float32() {
			x.Float32()[i] = float32(scale * rng.NormFloat64())
		}
		return x
	}
	layer := func(b *graph.Builder, x graph.ID, name string, in, out, side int) graph.ID {
		w := b.Bound(graph.Parameter, name+".w", draw(1/math.Sqrt(float64(in*side*side)), out, in, side, side))
		pad := graph.Symmetric(side/2, side/2)
		return b.Add(name, graph.Conv{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1, Pad: pad, Act: graph.ReLU}, x, w)
	}
	for name, end := range map[string]func(b *graph.Builder, x graph.ID) graph.ID{
		"image": func(b *graph.Builder, x graph.ID) graph.ID { return x },
		"probabilities": func(b *graph.Builder, x graph.ID) graph.ID {
			return b.Add("p", graph.Softmax{Axis: 1}, b.Add("f", graph.Flatten{Axis: 1}, b.Add("m", graph.GlobalAvgPool{}, x)))
		},
		"probabilities of pixels": func(b *graph.Builder, x graph.ID) graph.ID { return b.Add("p", graph.Softmax{Axis: 1}, x) },
		"rows": func(b *graph.Builder, x graph.ID) graph.ID {
			to, _ := graph.DimsOf(0, 7, 30)
			return b.Add("r", graph.Reshape{To: to}, x)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := graph.NewBuilder("g")
			x := b.Input("x", graph.F32(1, 3, 5, 6))
			g, err := b.Build(end(b, layer(b, layer(b, x, "a", 3, 6, 3), "b", 6, 7, 1)))
			if err != nil {
				t.Fatal(err)
			}
			var images []*tensor.Tensor
			for range 8 {
				images = append(images, draw(1, 1, 3, 5, 6))
			}
			r, err := quant.Quantize(g, images, quant.Recommended())
			if err != nil {
				t.Fatal(err)
			}
			broken := r.Graph.Clone()
			for i := range broken.Values {
				if v := &broken.Values[i]; v.Type.Quantized() && v.Kind == graph.Activation && v.Quant != nil {
					v.Quant = &tensor.Quant{Scale: []float32{v.Quant.Scale[0] / 3}, Zero: v.Quant.Zero}
					break // what the first layer reads: other numbers, the same file otherwise
				}
			}
			for form, write := range map[string]func(io.Writer, *graph.Graph) error{
				"onnx":   func(w io.Writer, g *graph.Graph) error { return onnx.Write(w, g) },
				"tflite": func(w io.Writer, g *graph.Graph) error { return tflite.Write(w, g, "") },
			} {
				for _, sound := range []bool{true, false} {
					written := r.Graph
					if !sound {
						written = broken
					}
					var file bytes.Buffer
					if err := write(&file, written); err != nil {
						t.Fatal(err)
					}
					got, err := Written(r, form, file.Bytes())
					if err != nil {
						t.Fatalf("%s: %v", form, err)
					}
					if near := math.Abs(got-r.SQNR) < 1.5; near != sound || !sound && got > r.SQNR-10 {
						t.Errorf("%s, sound %v: got %.1f dB in the file and %.1f before", form, sound, got, r.SQNR)
					}
				}
			}
		})
	}
}
