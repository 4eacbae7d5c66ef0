package onnx

import (
	_ "embed"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// resizeFacts holds, for every rule and given by scales or by sizes, a CRC-32 of what ONNX
// Runtime 1.32 picks from 1 to 80 elements for 1 to 80: a byte for the length of each
// answer, then its indices.
//
//go:embed testdata/resize.txt
var resizeFacts string

// resizeFile is a Resize of n columns to m.
func resizeFile(n, m int, coord, near string, bySizes bool) []byte {
	in, init := x1("x", "", "s"), tFloat("s", []int64{4}, 1, 1, 1, float32(m)/float32(n))
	if bySizes {
		in, init = x1("x", "", "", "s"), ints("s", 1, 1, 1, int64(m))
	}
	return parts{opset: 19, in: [][]byte{port("x", 1, 1, 1, n)}, out: [][]byte{port("y")}, inits: [][]byte{init},
		nodes: [][]byte{op("Resize", in, x1("y"), aStr("mode", "nearest"), aStr("coordinate_transformation_mode", coord), aStr("nearest_mode", near))}}.bytes()
}

func TestResizePicks(t *testing.T) {
	for line := range strings.Lines(resizeFacts) {
		f := strings.Fields(line)
		at, okAt := graph.ParseResizeAt(f[0])
		near, okNear := graph.ParseResizeNear(f[1])
		if !okAt || !okNear {
			t.Fatal(line)
		}
		sum := uint32(0)
		read := 0
		for n := 1; n <= 80; n++ {
			for m := 1; m <= 80; m++ {
				r := graph.Resize{H: 1, W: m, At: at, Near: near}
				if f[2] == "scales" {
					r.Scale = [2]float32{1, float32(m) / float32(n)}
					r.W = int(float32(n) * r.Scale[1])
				}
				var picks []int32
				if r.W > 0 {
					_, picks = r.Pick(1, n)
				}
				row := []byte{byte(r.W)}
				for _, p := range picks {
					row = append(row, byte(p))
				}
				sum = crc32.Update(sum, crc32.IEEETable, row)
				if all := testkit.Thorough() && (n+m)%7 == 0; r.W == 0 || !all && (n*80+m)%97 != 0 {
					continue
				}
				read++
				model, err := Read(resizeFile(n, m, f[0], f[1], f[2] == "sizes"), Options{})
				if err != nil {
					t.Fatalf("%s: %d to %d: %v", line, n, m, err)
				}
				y, err := interp.Run(model.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 1, 1, n}, seq(0, 1, n))})
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range y[0].Float32() {
					if int32(v) != picks[i] {
						t.Fatalf("%s: %d to %d: element %d is %v, want %d", line, n, m, i, v, picks[i])
					}
				}
			}
		}
		if got := fmt.Sprintf("%08x", sum); got != f[3] || read < 50 {
			t.Errorf("%s: got %s", strings.TrimSpace(line), got)
		}
	}
}

// The elements that a wrong order of the formula or a dropped term would pick.
func TestResizeKnown(t *testing.T) {
	for _, c := range []struct {
		opset int64
		n     int
		scale float32
		coord string
		near  string
		at    []int // of the output
		want  []float32
	}{
		// onnxruntime issue 12098: 64/26 in float32 makes 32/scale end just below 13
		{opset: 13, n: 26, scale: 64.0 / 26, coord: "asymmetric", near: "floor", at: []int{31, 32, 33}, want: []float32{12, 12, 13}},
		{opset: 19, n: 7, scale: 0.5, coord: "half_pixel_symmetric", near: "round_prefer_floor", at: []int{0, 1, 2}, want: []float32{1, 3, 5}},
		// opset 10 rounds down when it shrinks; ONNX Runtime rounds up: 0, 3, 5
		{opset: 10, n: 7, scale: 0.45, at: []int{0, 1, 2}, want: []float32{0, 2, 4}},
	} {
		node := op("Resize", x1("x", "", "s"), x1("y"), aStr("mode", "nearest"), aStr("coordinate_transformation_mode", c.coord), aStr("nearest_mode", c.near))
		if c.opset == 10 {
			node = op("Resize", x1("x", "s"), x1("y"), aStr("mode", "nearest"))
		}
		m, err := Read(parts{opset: c.opset, in: [][]byte{port("x", 1, 1, 1, c.n)}, out: [][]byte{port("y")}, nodes: [][]byte{node},
			inits: [][]byte{tFloat("s", []int64{4}, 1, 1, 1, c.scale)}}.bytes(), Options{})
		if err != nil {
			t.Errorf("%d by %v: %v", c.n, c.scale, err)
			continue
		}
		y, err := interp.Run(m.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 1, 1, c.n}, seq(0, 1, c.n))})
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range c.at {
			if got := y[0].Float32()[at]; got != c.want[i] {
				t.Errorf("%d by %v, %s, %s: element %d is %v, want %v", c.n, c.scale, c.coord, c.near, at, got, c.want[i])
			}
		}
	}
}

// Where stride is far above the kernel, SAME pads nothing: windows begin at element 0.
// ONNX Runtime begins them later.
func TestSameFar(t *testing.T) {
	for _, kind := range []string{"Conv", "AveragePool", "MaxPool"} {
		for _, pad := range []string{"SAME_UPPER", "SAME_LOWER"} {
			in, attrs := x1("x"), [][]byte{aInts("kernel_shape", 1, 1), aInts("strides", 1, 4), aStr("auto_pad", pad)}
			if kind == "Conv" {
				in = x1("x", "w")
			}
			m, err := Read(parts{opset: 19, in: [][]byte{port("x", 1, 1, 1, 7)}, out: [][]byte{port("y")}, nodes: [][]byte{op(kind, in, x1("y"), attrs...)},
				inits: [][]byte{tFloat("w", []int64{1, 1, 1, 1}, 1)}}.bytes(), Options{})
			if err != nil {
				t.Errorf("%s: %v", kind, err)
				continue
			}
			y, err := interp.Run(m.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 1, 1, 7}, seq(0, 1, 7))})
			if err != nil {
				t.Fatal(err)
			}
			if got := y[0].Float32(); len(got) != 2 || got[0] != 0 || got[1] != 4 {
				t.Errorf("%s, %s: got %v, want 0, 4", kind, pad, got)
			}
		}
	}
}
