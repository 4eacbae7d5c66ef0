package npy

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

func TestRoundTrip(t *testing.T) {
	for _, want := range []*tensor.Tensor{
		tensor.Of(tensor.Shape{2, 3}, []float32{1, -2, 3.5, 0, 1e-9, 7}),
		tensor.Of(tensor.Shape{}, []float64{4}),
		tensor.Of(tensor.Shape{3}, []int64{-1, 0, 1 << 40}),
		tensor.Of(tensor.Shape{0, 4}, []uint8{}),
		tensor.Of(tensor.Shape{2}, []bool{true, false}),
		tensor.Of(tensor.Shape{1, 2, 1}, []int8{-128, 127}),
	} {
		var b bytes.Buffer
		if err := Write(&b, want); err != nil {
			t.Fatal(err)
		}
		got, err := read(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatalf("%v%v: %v", want.DType, want.Shape, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func header(text string) []byte {
	return append(append([]byte(magic+"\x01\x00"), byte(len(text)), byte(len(text)>>8)), text...)
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"empty":    {"", "does not begin as one"},
		"html":     {"<!DOCTYPE html><html>", "does not begin as one"},
		"cut":      {magic + "\x01\x00\xff\x00{'descr'", "no more than the file holds"},
		"huge":     {string(header("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000), }")), "needs more bytes"},
		"large":    {string(header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000,), }")), "needs more bytes"},
		"object":   {string(header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")), "element type"},
		"unsigned": {string(header("{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }")), "astype"},
		"version":  {magic + "\x04\x00\x00\x00", "version 4"},
		"nine":     {string(header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }")), "eight"},
	} {
		path := filepath.Join(t.TempDir(), name+".npy")
		if err := os.WriteFile(path, []byte(c.file), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
}

func TestNumPyWroteIt(t *testing.T) {
	got, err := ReadFile(testkit.Shared(t, "golden", "formats", "onnx_input_96.npy"))
	if err != nil {
		t.Fatal(err)
	}
	if got.DType != tensor.Float32 || !got.Shape.Equal(tensor.Shape{1, 3, 96, 96}) {
		t.Errorf("got %v%v, want float32[1,3,96,96]", got.DType, got.Shape)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n\x00\x00\x80\x3f"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if a, err := read(bytes.NewReader(file), int64(len(file))); err == nil && a.Shape.Elements() > len(file) {
			t.Errorf("read %v from %d bytes", a.Shape, len(file))
		}
	})
}

// Arrays as NumPy saves them where they are not C order or not of this machine's byte order.
func TestOrders(t *testing.T) {
	text := func(descr, fortran, shape string) string {
		return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n"
	}
	with := func(head []byte, data ...byte) []byte { return append(head, data...) }
	version := func(v byte, text string, data ...byte) []byte {
		head := append([]byte(magic), v, 0, byte(len(text)), byte(len(text)>>8), 0, 0)
		return append(append(head, text...), data...)
	}
	for name, c := range map[string]struct {
		file []byte
		want *tensor.Tensor
	}{
		"big":      {with(header(text(">i2", "False", "(2,)")), 1, 2, 0xff, 0xfe), tensor.Of(tensor.Shape{2}, []int16{258, -2})},
		"fortran":  {with(header(text("|u1", "True", "(2, 3)")), 1, 4, 2, 5, 3, 6), tensor.Of(tensor.Shape{2, 3}, []uint8{1, 2, 3, 4, 5, 6})},
		"both":     {with(header(text(">i2", "True", "(1, 2, 2)")), 0, 1, 0, 3, 0, 2, 0, 4), tensor.Of(tensor.Shape{1, 2, 2}, []int16{1, 2, 3, 4})},
		"vector":   {with(header(text("|i1", "True", "(2,)")), 1, 255), tensor.Of(tensor.Shape{2}, []int8{1, -1})},
		"version2": {version(2, text("|b1", "False", "(2,)"), 0, 1), tensor.Of(tensor.Shape{2}, []bool{false, true})},
		"version3": {version(3, text(">f8", "False", "()"), 0x3f, 0xf8, 0, 0, 0, 0, 0, 0), tensor.Of(tensor.Shape{}, []float64{1.5})},
		"python2":  {with(header(text("<i4", "False", "(1L,)")), 7, 0, 0, 0), tensor.Of(tensor.Shape{1}, []int32{7})},
		"empty":    {header(text("<f4", "True", "(0, 3)")), tensor.New(tensor.Float32, tensor.Shape{0, 3})},
	} {
		got, err := read(bytes.NewReader(c.file), int64(len(c.file)))
		if err != nil || got.DType != c.want.DType || !got.Shape.Equal(c.want.Shape) || !reflect.DeepEqual(got.Data, c.want.Data) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}
