package wisp_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
)

// photoNetwork is a small network over an input of the given shape: a transpose to NCHW where
// the channels are last, a convolution, a pool and five classes.
func photoNetwork(t *testing.T, shape ...int) *wisp.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	bound := func(b *graph.Builder, name string, dims ...int) graph.ID {
		x := tensor.New(tensor.Float32, dims)
		for i := range x.Float32() {
			x.Float32()[i] = float32(rng.NormFloat64())
		}
		return b.Bound(graph.Parameter, name, x)
	}
	b := graph.NewBuilder("photo")
	x := b.Input("x", graph.Type{DType: tensor.Float32, Shape: shape})
	dims := func(d ...int) graph.Dims { v, _ := graph.DimsOf(d...); return v }
	channels := shape[1]
	if c := shape[3]; c == 3 || c == 1 {
		x, channels = b.Add("nchw", graph.Transpose{Perm: dims(0, 3, 1, 2)}, x), c
	}
	y := b.Add("conv", graph.Conv{Stride: [2]int{2, 2}, Dilation: [2]int{1, 1}, Groups: 1}, x, bound(b, "w", 8, channels, 3, 3))
	y = b.Add("flat", graph.Flatten{Axis: 1}, b.Add("pool", graph.GlobalAvgPool{}, b.Add("relu", graph.Activate{Act: graph.ReLU}, y)))
	g, err := b.Build(b.Add("fc", graph.Linear{}, y, bound(b, "fc.w", 5, 8)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(onnx.Write(f, g), f.Close()); err != nil {
		t.Fatal(err)
	}
	m, err := wisp.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func noise(w, h int) *imagenet.RGB {
	rng := rand.New(rand.NewPCG(3, 4))
	img := imagenet.NewRGB(w, h)
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.Uint32())
	}
	return img
}

// One network whose files have the channels second and last sees one photograph.
func TestPhotographLayouts(t *testing.T) {
	img := noise(60, 40)
	var first []wisp.Class
	for _, shape := range [][]int{{1, 3, 24, 20}, {1, 24, 20, 3}} {
		m := photoNetwork(t, shape...)
		if h, w, err := m.ImageSize(); err != nil || h != 24 || w != 20 {
			t.Fatalf("%v: got %d×%d, %v, want 24×20", shape, h, w, err)
		}
		if got := m.Inputs()[0]; !slices.Equal(got.Shape, shape) || got.Name != "x" {
			t.Errorf("got %v, want %v", got, shape)
		}
		p, err := m.Compile()
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		got, err := p.ClassifyImage(img, 5)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		} else if !slices.EqualFunc(got, first, func(a, b wisp.Class) bool { return a.Index == b.Index && math.Abs(a.Probability-b.Probability) < 1e-6 }) {
			t.Errorf("%v: got %v, want %v", shape, got, first)
		}
	}
}

// A network of one channel takes the photograph in grey, as Pillow's mode L: the values
// beside it are Pillow's.
func TestGreyPhotograph(t *testing.T) {
	img := imagenet.NewRGB(4, 1)
	copy(img.Pix, []uint8{255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30})
	var got []uint8
	for i := 0; i < len(img.Pix); i += 3 {
		got = append(got, img.Grey().Pix[i])
	}
	if want := []uint8{76, 150, 29, 18}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}

	for _, shape := range [][]int{{1, 1, 24, 20}, {1, 24, 20, 1}} {
		m := photoNetwork(t, shape...)
		in, err := m.Preprocess(noise(20, 24))
		if err != nil {
			t.Fatal(err)
		}
		crop, err := m.Recipe.Crop(noise(20, 24).Grey(), 24, 20)
		if err != nil {
			t.Fatal(err)
		}
		mean, std := m.Recipe.Mean, m.Recipe.Std
		for i, x := range in.Float32() {
			want := (float64(crop.Pix[3*i])/float64(m.Recipe.Divide) - float64(mean[0]+mean[1]+mean[2])/3) / (float64(std[0]+std[1]+std[2]) / 3)
			if math.Abs(float64(x)-want) > 1e-5 {
				t.Fatalf("%v: value %d: got %v, want %v", shape, i, x, want)
			}
		}
		notes := strings.Join(m.PictureNotes(), "\n")
		if !strings.Contains(notes, "grey") || !strings.Contains(notes, "averages of recipe torchvision") {
			t.Errorf("notes: %s", notes)
		}
	}
	m := photoNetwork(t, 1, 3, 16, 3)
	if notes := m.PictureNotes(); len(notes) != 1 || !strings.Contains(notes[0], "the other order") {
		t.Errorf("an input that may be either: got %q", notes)
	}
}

// Arrays of every element type are taken exactly or refused.
func TestRunArrays(t *testing.T) {
	m := photoNetwork(t, 1, 24, 20, 3)
	p, err := m.Compile()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	x := tensor.New(tensor.Uint8, tensor.Shape{1, 24, 20, 3})
	for i := range x.Data.([]uint8) {
		x.Data.([]uint8)[i] = uint8(i * 7 % 2)
	}
	real, err := x.Exactly(tensor.Float32)
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.RunArrays(real)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []tensor.DType{tensor.Uint8, tensor.Int8, tensor.Int16, tensor.Int32, tensor.Int64, tensor.Float64, tensor.Bool} {
		a, err := x.Exactly(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.RunArrays(a)
		if err != nil || !slices.Equal(got[0].Float32(), want[0].Float32()) {
			t.Errorf("%v: got %v, %v, want %v", d, got, err, want[0].Data)
		}
	}
	third := tensor.New(tensor.Float64, tensor.Shape{1, 24, 20, 3})
	third.Data.([]float64)[5] = 1.0 / 3
	if _, err := p.RunArrays(third); err == nil || !strings.Contains(err.Error(), "is not exact in float32") {
		t.Errorf("a third: got %v", err)
	}
	if _, err := p.RunArrays(real, real); err == nil || !strings.Contains(err.Error(), `want "x" float32[?,24,20,3]`) {
		t.Errorf("two arrays: got %v", err)
	}
	if _, err := p.RunArrays(tensor.New(tensor.Float32, tensor.Shape{24, 20, 3})); err == nil {
		t.Error("an array of three dimensions: want an error")
	}
	ref, err := interp.Run(m.Graph, []*tensor.Tensor{real})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range ref[0].Float32() {
		if d := math.Abs(float64(want[0].Float32()[i] - w)); d > 1e-4 {
			t.Errorf("output %d: got %v, want %v", i, want[0].Float32()[i], w)
		}
	}
}
