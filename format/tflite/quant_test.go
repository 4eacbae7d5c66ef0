package tflite

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

const int8Code = 9

// whole is a value of signed bytes.
func (m *made) whole(name string, scale float32, zero int32, s ...int) int {
	i := m.value(name, s...)
	m.tensors[i][1] = int8(int8Code)
	m.quantized(i, []float32{scale}, []int32{zero}, 0)
	return i
}

func (m *made) quantized(i int, scale []float32, zero []int32, axis int) {
	m.tensors[i] = append(m.tensors[i], fbTable{nil, nil, fbFloats(scale), fbLongs(zero), nil, nil, axis})
}

// layer is a fully connected layer of one row of integers: x·w + b.
func layer(x, w, y float32, zero int32, bias []float32) []byte {
	f := newMade()
	f.inputs = []int{f.whole("x", x, zero, 1, 2)}
	f.data("w", int8Code, []byte{1, 2, 3, 4}, 2, 2)
	f.quantized(1, []float32{w}, []int32{0}, 0)
	b := f.data("b", 2, fbInts(10, -10).data, 2)
	if bias != nil {
		f.quantized(b, bias, make([]int32, len(bias)), 3)
	}
	f.outputs = []int{f.op(9, fullyOptions, fbTable{int8(0), int8(0), false}, f.whole("y", y, 0, 1, 2), 0, 1, b)}
	return f.file()
}

// Scales and zero points that the arithmetic cannot hold are refused where they are read, in a
// line that names the tensor and the next step.
func TestOddScales(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		x, w, y float32
		zero    int32
		want    string
	}{
		{0.1, 0.1, 0.1, 0, ""}, {1e-20, 1e20, 1, 127, ""}, {0.1, 0x1p-126, 0.1, -128, ""},
		{1e-44, 0.1, 0.1, 0, `tensor 0 "x": scale 1e-44`},
		{0.1, 1e-44, 0.1, 0, `tensor 1 "w": scale 1e-44`},
		{0.1, 3e38, 0.1, 0, `tensor 1 "w": scale 3e+38`},
		{0.1, 0.1, 7e35, 0, `tensor 3 "y": scale 7e+35`},
		{nan, 0.1, 0.1, 0, `tensor 0 "x": scale NaN`},
		{inf, 0.1, 0.1, 0, `tensor 0 "x": scale +Inf`},
		{0, 0.1, 0.1, 0, `tensor 0 "x": scale 0`},
		{-0.1, 0.1, 0.1, 0, `tensor 0 "x": scale -0.1`},
		{0.1, 0.1, 0.1, 128, `tensor 0 "x": zero point 128`},
		{0.1, 0.1, 0.1, -129, `tensor 0 "x": zero point -129`},
		{1e5, 1e5, 1e-2, 0, `tensor "w": its scale 100000 times that of the other operand over the result's 0.01 is 1e+12`},
	} {
		_, err := Read(layer(c.x, c.w, c.y, c.zero, nil))
		var refused *graph.Refused
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.want != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || refused.Hint != "quantize the model again"):
			t.Errorf("%+v: got %v", c, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(testkit.Shared(t, "faults", "odd-scales"), "*.tflite"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(data); err == nil || !strings.Contains(err.Error(), ": scale ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A bias has the scales of its layer, whatever the file says of its own: some converters name
// the dimension of the weights' scales.
func TestBiasWithScales(t *testing.T) {
	in := &tensor.Tensor{DType: tensor.Int8, Shape: tensor.Shape{1, 2}, Data: []int8{50, -20}}
	_, want := answer(t, layer(0.1, 0.1, 0.1, 0, nil), in)
	for _, bias := range [][]float32{{0.01}, {0.01, 0.01}, {0.5, 0}, {1e-44, 3e38}} {
		if _, got := answer(t, layer(0.1, 0.1, 0.1, 0, bias), in); !slices.Equal(got[0].Data.([]int8), want[0].Data.([]int8)) {
			t.Errorf("scales %v: got %v, want %v", bias, got[0].Data, want[0].Data)
		}
	}
}

// Operators that move integers copy them. Where the quantizations before and after one are
// unlike, the same bytes are read as other numbers, as the runtime does; a pooling of such is
// what it refuses.
func TestUnlikeScales(t *testing.T) {
	x := make([]int8, 24)
	for i := range x {
		x[i] = int8(i*11 - 128)
	}
	for _, c := range []struct {
		name  string
		build func(f *made, x int) []int // the results of whole(…, 0.5, 3, …)
		want  func(i int) int            // the element of x that element i of the results is, all joined; −1 for padding
	}{
		{"RESHAPE", func(f *made, x int) []int {
			return []int{f.op(opReshape, 0, nil, f.whole("y", 0.5, 3, 1, 24), x, f.ints(1, 24))}
		}, func(i int) int { return i }},
		{"TRANSPOSE", func(f *made, x int) []int {
			return []int{f.op(opTranspose, 0, nil, f.whole("y", 0.5, 3, 6, 4), x, f.ints(1, 0))}
		}, func(i int) int { return i%4*6 + i/4 }},
		{"SPLIT", func(f *made, x int) []int {
			a, b := f.whole("y", 0.5, 3, 2, 6), f.whole("z", 0.5, 3, 2, 6)
			f.op(49, 35, fbTable{2}, a, f.ints(0), x)
			f.ops[0][2] = fbInts(a, b)
			return []int{a, b}
		}, func(i int) int { return i }},
		{"SPLIT_V", func(f *made, x int) []int {
			a, b := f.whole("y", 0.5, 3, 1, 6), f.whole("z", 0.5, 3, 3, 6)
			f.op(102, 79, fbTable{2}, a, x, f.ints(1, 3), f.ints(0))
			f.ops[0][2] = fbInts(a, b)
			return []int{a, b}
		}, func(i int) int { return i }},
		{"SLICE", func(f *made, x int) []int {
			return []int{f.op(65, 0, nil, f.whole("y", 0.5, 3, 2, 3), x, f.ints(1, 2), f.ints(2, 3))}
		}, func(i int) int { return (1+i/3)*6 + 2 + i%3 }},
		{"STRIDED_SLICE", func(f *made, x int) []int {
			return []int{f.op(opStridedSlice, stridedOptions, fbTable{0, 0, 0, 0, 0}, f.whole("y", 0.5, 3, 2, 6), x, f.ints(0, 0), f.ints(4, 6), f.ints(2, 1))}
		}, func(i int) int { return i/6*12 + i%6 }},
		{"GATHER", func(f *made, x int) []int {
			return []int{f.op(opGather, 23, fbTable{0}, f.whole("y", 0.5, 3, 2, 6), x, f.ints(3, 1))}
		}, func(i int) int { return []int{3, 1}[i/6]*6 + i%6 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newMade()
			i := f.whole("x", 0.1, -10, 4, 6)
			f.inputs = []int{i}
			f.outputs = c.build(f, i)
			m, out := answer(t, f.file(), &tensor.Tensor{DType: tensor.Int8, Shape: tensor.Shape{4, 6}, Data: x})
			k := 0
			for o, y := range out {
				q := m.Graph.Value(m.Graph.Outputs[o]).Quant
				if q.Scale[0] != 0.5 || q.Zero[0] != 3 {
					t.Errorf("output %d: got scale %v, zero point %v", o, q.Scale, q.Zero)
				}
				for _, v := range y.Data.([]int8) {
					if want := x[c.want(k)]; v != want {
						t.Errorf("element %d: got %d, want %d", k, v, want)
					}
					k++
				}
			}
			if err := m.Graph.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Of an image: padding is the zero point of the result, and poolings are refused.
func TestUnlikeScalesOfImages(t *testing.T) {
	image := func(op func(f *made, x int) int) []byte {
		f := newMade()
		x := f.whole("x", 0.1, -10, 1, 2, 2, 1)
		f.inputs = []int{x}
		f.outputs = []int{op(f, x)}
		return f.file()
	}
	in := &tensor.Tensor{DType: tensor.Int8, Shape: tensor.Shape{1, 1, 2, 2}, Data: []int8{1, 2, 3, 4}}
	_, out := answer(t, image(func(f *made, x int) int {
		return f.op(34, 0, nil, f.whole("y", 0.5, 3, 1, 2, 3, 1), x, f.data("p", 2, fbInts(0, 0, 0, 0, 1, 0, 0, 0).data, 4, 2))
	}), in)
	if got := out[0].Data.([]int8); !slices.Equal(got, []int8{3, 1, 2, 3, 3, 4}) {
		t.Errorf("PAD: got %v", got)
	}
	_, out = answer(t, image(func(f *made, x int) int {
		return f.op(97, 74, fbTable{false, false}, f.whole("y", 0.5, 3, 1, 4, 2, 1), x, f.ints(4, 2))
	}), in)
	if got := out[0].Data.([]int8); !slices.Equal(got, []int8{1, 2, 1, 2, 3, 4, 3, 4}) {
		t.Errorf("RESIZE_NEAREST_NEIGHBOR: got %v", got)
	}
	for code, name := range map[int]string{opAveragePool: "AVERAGE_POOL_2D", opMaxPool: "MAX_POOL_2D"} {
		_, err := Read(image(func(f *made, x int) int {
			return f.op(code, poolOptions, poolOption(1, [2]int{2, 2}, [2]int{1, 1}), f.whole("y", 0.5, 3, 1, 1, 1, 1), x)
		}))
		var no *graph.UnsupportedError
		if !errors.As(err, &no) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "[0.5]") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
