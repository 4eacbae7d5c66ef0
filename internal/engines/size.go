package engines

import (
	"errors"
	"fmt"
	"io"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/native"
)

// Size is what a model weighs in a precision: the bytes of the file that wisp convert writes.
type Size struct {
	Bytes  int64
	Format string // "tflite", or "onnx" for float32 that has no form as TensorFlow Lite
}

// SizeOf is the size of a model in a precision, "float32" or "int8"; version is the program's,
// which stands in the file. It runs the writer without keeping what it writes. No weights are
// read or made up and nothing is calibrated: --islands, which wisp convert takes none of
// unless it is asked to, is all that a size depends on beside the network.
func SizeOf(m *wisp.Model, precision, version string) (Size, error) {
	s, err := m.Sketch(precision)
	if err != nil {
		return Size{}, err
	}
	var n counter
	err = WriteTFLite(&n, s, version)
	if err == nil {
		return Size{int64(n), "tflite"}, nil
	}
	var unsupported *graph.UnsupportedError
	if !errors.As(err, &unsupported) {
		return Size{}, err
	}
	if precision == "int8" { // that writer shares equal scales and zero points
		return Size{}, fmt.Errorf("%s: no size in int8 without a calibration: it has no form as TensorFlow Lite, and in ONNX the size depends on the ranges: wisp convert says it", m.Name)
	}
	n = 0
	if err := WriteONNX(&n, s); err != nil {
		return Size{}, fmt.Errorf("%s: no file of it can be written: %w", m.Name, err)
	}
	return Size{int64(n), "onnx"}, nil
}

// WriteONNX writes a model as an ONNX file.
func WriteONNX(w io.Writer, m *wisp.Model) error {
	g, err := native.Exportable(m)
	if err != nil {
		return err
	}
	return onnx.WriteAbout(w, g, m.About(""))
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
