package onnx

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
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

// Odd parameters are refused by one line that names the node and what stands in the way.
func TestQuantizedRefusals(t *testing.T) {
	quantized := func(scale float32, attrs ...[]byte) []byte {
		return parts{
			opset: 21, in: [][]byte{port("x", 1, 3, 2, 2)}, out: [][]byte{port("y", 1, 3, 2, 2)},
			nodes: [][]byte{op("QuantizeLinear", []string{"x", "s"}, []string{"q"}, attrs...), op("DequantizeLinear", []string{"q", "s"}, []string{"y"})},
			inits: [][]byte{scalar("s", scale)},
		}.bytes()
	}
	for _, c := range []struct {
		file []byte
		want string
	}{
		{quantized(1e-44), "node 0"}, {quantized(3e38), "scale 3e+38: want one from"}, {quantized(0), "want a positive number"},
		{quantized(0.1, aInt("block_size", 2)), "block_size 2"}, {quantized(0.1, aInt("output_dtype", 21)), "output_dtype 21"},
		{quantized(0.1, aInt("output_dtype", 3)), ""}, {quantized(0.1), ""},
	} {
		_, err := Read(c.file, Options{})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// A network of signed inputs and outputs is written with a DequantizeLinear behind the one and
// a QuantizeLinear before the other, and read back with the same bytes.
func TestByteEnds(t *testing.T) {
	for _, d := range []tensor.DType{tensor.Int8, tensor.Uint8} {
		b := graph.NewBuilder("ends")
		x := b.Input("x", graph.Type{DType: d, Shape: tensor.Shape{1, 2, 3, 4}})
		y := b.Add("y", graph.Activate{Act: graph.ReLU}, x)
		g, err := b.Build(y)
		if err != nil {
			t.Fatal(err)
		}
		g.Value(x).Quant = &tensor.Quant{Scale: []float32{0.05}, Zero: []int32{7}}
		g.Value(y).Quant = &tensor.Quant{Scale: []float32{0.031}, Zero: []int32{3}}
		var file bytes.Buffer
		if err := Write(&file, g); err != nil {
			t.Fatal(err)
		}
		m, err := Read(file.Bytes(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		in := tensor.New(d, tensor.Shape{1, 2, 3, 4})
		for i := range 24 {
			switch v := in.Data.(type) {
			case []int8:
				v[i] = int8(10*i - 120)
			case []uint8:
				v[i] = uint8(10 * i)
			}
		}
		want, err := interp.TraceAs(g, []*tensor.Tensor{in}, fixed.ONNX, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := interp.TraceAs(m.Graph, []*tensor.Tensor{in}, fixed.ONNX, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got[0].DType != d || !slices.Equal(got[0].Floats(), want[0].Floats()) {
			t.Errorf("%v: got %v %v, want %v", d, got[0].DType, got[0].Floats(), want[0].Floats())
		}
	}
}
