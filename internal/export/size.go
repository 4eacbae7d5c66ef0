// Package export writes models as files of other tools' formats, ONNX and TensorFlow Lite, and
// says how large such files are. Package format's readers take back what it writes.
package export

import (
	"errors"
	"fmt"
	"sync"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/graph"
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
	err = TFLite(&n, s, version)
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
	if err := ONNX(&n, s); err != nil {
		return Size{}, fmt.Errorf("%s: no file of it can be written: %w", m.Name, err)
	}
	return Size{int64(n), "onnx"}, nil
}

// Sizes are a model's by precision, null where it has none, and what is to be said of them.
func Sizes(m *wisp.Model, version string) (sizes map[string]*int64, notes []string) {
	precisions := []string{"float32", "int8"}
	found, errs := make([]Size, 2), make([]error, 2)
	var both sync.WaitGroup
	for i, p := range precisions {
		both.Go(func() { found[i], errs[i] = SizeOf(m, p, version) })
	}
	both.Wait()
	sizes = map[string]*int64{}
	for i, p := range precisions {
		if errs[i] != nil {
			sizes[p] = nil
			notes = append(notes, fmt.Sprintf("%s: size_bytes.%s is null: %v", m.Name, p, errs[i]))
			continue
		}
		sizes[p] = &found[i].Bytes
		if f := found[i].Format; f != "tflite" {
			notes = append(notes, fmt.Sprintf("%s: its size in %s is that of an .%s file: it has no form as TensorFlow Lite", m.Name, p, f))
		}
	}
	return sizes, notes
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
