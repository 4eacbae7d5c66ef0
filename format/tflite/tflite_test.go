package tflite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// small builds a network of a few operators, float or quantized.
func small(t testing.TB, integer bool) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder("small")
	q := map[graph.ID]*tensor.Quant{}
	per := &tensor.Quant{Scale: []float32{0.05}, Zero: []int32{-3}}
	kept := func(id graph.ID) graph.ID {
		if integer {
			q[id] = per
		}
		return id
	}
	weights := func(name string, dims ...int) graph.ID {
		s := tensor.Shape(dims)
		if !integer {
			f := tensor.New(tensor.Float32, s)
			for i := range f.Float32() {
				f.Float32()[i] = float32(i%7) - 3
			}
			return b.Bound(graph.Parameter, name, f)
		}
		w := tensor.New(tensor.Int8, s)
		for i := range w.Data.([]int8) {
			w.Data.([]int8)[i] = int8(i%15 - 7)
		}
		w.Quant = &tensor.Quant{Scale: make([]float32, dims[0]), Zero: make([]int32, dims[0])}
		for i := range dims[0] {
			w.Quant.Scale[i] = 0.01 * float32(i+1)
		}
		return b.Bound(graph.Parameter, name, w)
	}
	x := b.Input("image", graph.F32(1, 3, 8, 8))
	if integer {
		x = kept(b.Add("quantized", graph.Quantize{To: tensor.Int8}, x))
	}
	one := [2]int{1, 1}
	x = kept(b.Add("stem", graph.Conv{Stride: [2]int{2, 2}, Dilation: one, Groups: 1, Pad: graph.SamePadding, Act: graph.ReLU6}, x, weights("stem.w", 4, 3, 3, 3)))
	y := kept(b.Add("dw", graph.Conv{Stride: one, Dilation: one, Groups: 4, Pad: graph.Symmetric(1, 1)}, x, weights("dw.w", 4, 1, 3, 3)))
	y = kept(b.Add("sum", graph.Binary{Fn: graph.Add}, x, y))
	y = kept(b.Add("both", graph.Concat{Axis: 1}, x, y))
	y = kept(b.Add("shuffle", graph.Shuffle{Groups: 2}, y))
	y = kept(b.Add("top", graph.MaxPool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: graph.Symmetric(1, 1)}, y))
	y = kept(b.Add("mean", graph.GlobalAvgPool{}, y))
	y = kept(b.Add("flat", graph.Flatten{Axis: 1}, y))
	y = kept(b.Add("fc", graph.Linear{}, y, weights("fc.w", 5, 8)))
	if integer {
		y = b.Add("real", graph.Dequantize{}, y)
	}
	g, err := b.Build(b.Add("prob", graph.Softmax{Axis: 1}, y))
	if err != nil {
		t.Fatal(err)
	}
	for id, v := range q {
		g.Values[id].Quant = v
	}
	return g
}

func encoded(t testing.TB, g *graph.Graph) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, g, "made by a test"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written reads back as a network of the same answers, and writing is the same each
// time.
func TestRoundTrip(t *testing.T) {
	for _, integer := range []bool{false, true} {
		g := small(t, integer)
		file := encoded(t, g)
		if !bytes.Equal(file, encoded(t, g)) {
			t.Error("two writings differ")
		}
		m, err := Read(file)
		if err != nil {
			t.Fatal(err)
		}
		if m.About.Description != "made by a test" || m.Graph.Name != "small" {
			t.Errorf("got description %q of graph %q", m.About.Description, m.Graph.Name)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		x := tensor.New(tensor.Float32, tensor.Shape{1, 3, 8, 8})
		for i := range x.Float32() {
			x.Float32()[i] = float32(rng.NormFloat64())
		}
		want, err := interp.Run(g, []*tensor.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		got, err := interp.Run(m.Graph, []*tensor.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[0].Float32(), want[0].Float32()) {
			t.Errorf("integer %v: got %v, want %v", integer, got[0].Float32(), want[0].Float32())
		}
	}
}

// Whatever a file holds, the reader says so in one line and never panics: every truncation,
// and every byte of the small files changed.
func TestDamaged(t *testing.T) {
	for _, integer := range []bool{false, true} {
		file := encoded(t, small(t, integer))
		for n := range file {
			if _, err := Read(file[:n:n]); err != nil {
				one(t, err)
			}
		}
		for n := range file {
			for _, v := range []byte{0, 1, 0x7F, 0x80, 0xFF} {
				b := bytes.Clone(file)
				b[n] = v
				if _, err := Read(b); err != nil {
					one(t, err)
				}
			}
		}
	}
}

func one(t *testing.T, err error) {
	t.Helper()
	var r *graph.Refused
	var u *graph.UnsupportedError
	if !errors.As(err, &r) && !errors.As(err, &u) || strings.ContainsAny(err.Error(), "\n\r") {
		t.Fatalf("got %q, want one line of a *graph.Refused or *graph.UnsupportedError", err)
	}
}

// Numbers that lie are refused before anything is allocated for them.
func TestHostile(t *testing.T) {
	f := func(tensors fbTables, ops fbTables, in, out fbVector) []byte {
		sub := fbTable{tensors, in, out, ops}
		return encode(fbTable{3, fbTables{{int8(3), nil, 1, 3}}, fbTables{sub}, nil, fbTables{{}}}, "TFL3")
	}
	value := func(name string, s ...int) fbTable { return fbTable{fbInts(s...), int8(0), 0, fbString(name)} }
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"no graph", encode(fbTable{3}, "TFL3"), "no graph"},
		{"no ports", f(fbTables{value("x", 1)}, nil, fbInts(), fbInts()), "0 inputs"},
		{"a negative dimension", f(fbTables{value("x", 1, -2)}, nil, fbInts(0), fbInts(0)), "dimension 1 is -2"},
		{"a huge tensor", f(fbTables{value("x", 1<<30, 1<<30, 1<<30)}, nil, fbInts(0), fbInts(0)), "too large"},
		{"an input that is not there", f(fbTables{value("x", 1)}, nil, fbInts(7), fbInts(0)), "tensor 7 of 1"},
		{"an operator of no code", f(fbTables{value("x", 1)}, fbTables{{9, fbInts(0), fbInts(0)}}, fbInts(0), fbInts(0)), "code 9 of 1"},
		{"a cycle", f(fbTables{value("x", 1, 2, 2, 1), value("y", 1, 2, 2, 1)}, fbTables{{0, fbInts(1, 1), fbInts(1), int8(1), fbTable{}}}, fbInts(0), fbInts(1)), "nothing computes"},
		{"a buffer that is not there", f(fbTables{{fbInts(1), int8(0), 5, fbString("x")}}, nil, fbInts(0), fbInts(0)), "buffer 5 of 1"},
		{"a scale of zero", f(fbTables{{fbInts(1), int8(9), 0, fbString("x"), fbTable{nil, nil, fbFloats([]float32{0}), fbLongs([]int32{0})}}}, nil, fbInts(0), fbInts(0)), "scale 0"},
		{"a zero point outside of the type", f(fbTables{{fbInts(1), int8(9), 0, fbString("x"), fbTable{nil, nil, fbFloats([]float32{1}), fbLongs([]int32{300})}}}, nil, fbInts(0), fbInts(0)), "zero point 300"},
		{"an unknown type", f(fbTables{{fbInts(1), int8(5), 0, fbString("x")}}, nil, fbInts(0), fbInts(0)), "string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want it to say %q", err, c.want)
			}
			one(t, err)
		})
	}
	// One vector that every operator shares.
	ops := make(fbTables, 1<<14)
	for i := range ops {
		ops[i] = fbTable{0, fbInts(0, 0), fbInts(1)}
	}
	if _, err := Read(f(fbTables{value("x", 1), value("y", 1)}, ops, fbInts(0), fbInts(1))); err == nil {
		t.Error("16384 operators that compute one value: want an error")
	}
}

// All unknown operators of a real file are named.
func TestUnsupported(t *testing.T) {
	data, err := os.ReadFile(testkit.Shared(t, "golden", "tflite", "model_invoking_error.tflite"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Read(data)
	var u *graph.UnsupportedError
	if !errors.As(err, &u) || !slices.ContainsFunc(u.Ops, func(o graph.Unsupported) bool { return strings.Contains(o.Op, "fake-op-double") }) {
		t.Errorf("got %v, want the operator fake-op-double", err)
	}
}

// FuzzRead feeds damaged files: one line each, and what reads must be a sound graph.
func FuzzRead(f *testing.F) {
	f.Add(encoded(f, small(f, false)))
	f.Add(encoded(f, small(f, true)))
	f.Add(encode(fbTable{3}, "TFL3"))
	seeds, _ := filepath.Glob(filepath.Join("testdata", "*.tflite"))
	for _, s := range seeds {
		if b, err := os.ReadFile(s); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 8 {
			b = bytes.Clone(b)
			copy(b[4:], "TFL3")
			if binary.LittleEndian.Uint32(b) > uint32(len(b)) {
				binary.LittleEndian.PutUint32(b, 12)
			}
		}
		m, err := Read(b)
		if err != nil {
			one(t, err)
			return
		}
		if err := m.Graph.Validate(); err != nil {
			t.Error(err)
		}
	})
}
