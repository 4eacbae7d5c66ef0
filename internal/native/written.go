package native

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/quant"
)

// Written is the SQNR of a quantized network, in dB, in the file that was written of it: as wisp
// reads it and with the arithmetic of such files. The form is "onnx" or "tflite".
func Written(r *quant.Result, form string, file []byte) (float64, error) {
	f := quant.Form{Arithmetic: fixed.ForFormat(form)}
	var in, out graph.Port
	moved := func(rank int) []int { return nil }
	if form == "onnx" {
		m, err := onnx.Read(file, onnx.Options{})
		if err != nil {
			return 0, fmt.Errorf("as it would be written: %w", err)
		}
		f.Graph, in, out = m.Graph, m.Inputs[0], m.Outputs[0]
	} else {
		m, err := tflite.Read(file)
		if err != nil {
			return 0, fmt.Errorf("as it would be written: %w", err)
		}
		f.Graph, in, out = m.Graph, m.Inputs[0], m.Outputs[0]
		moved = func(rank int) []int { // what the file's dimensions were before: images are written NHWC
			if rank != 4 {
				return nil
			}
			return []int{0, 2, 3, 1}
		}
	}
	f.In, f.Out = joined(moved(len(in.Shape)), in.Order), joined(moved(len(out.Shape)), out.Order)
	return r.Measure(f)
}

// joined is the permutation a, then b; nil stands for none.
func joined(a, b []int) []int {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	p := slices.Clone(b)
	for i, k := range b {
		p[i] = a[k]
	}
	return p
}
