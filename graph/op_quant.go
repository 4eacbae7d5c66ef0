package graph

import (
	"fmt"

	"github.com/wispnet/wisp/tensor"
)

// A value of type Int8 or Uint8 that has quantization parameters (Value.Quant) stands for
// real numbers. Operators over such values have the same meaning as over float32; how
// their results are rounded is an arithmetic profile's affair (internal/fixed). Weights
// of a quantized Conv or Linear are Int8 or Uint8, their bias Int32 in units of the
// product of the scales.

// Quantize turns real numbers into integers by the output's quantization parameters.
// Input Float32 of any shape; output To, Int8 or Uint8.
type Quantize struct{ To tensor.DType }

func (Quantize) Name() string { return "quantize" }

func (q Quantize) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if in[0].DType != tensor.Float32 {
		return nil, fmt.Errorf("got %v, want float32", in[0])
	}
	if q.To != tensor.Int8 && q.To != tensor.Uint8 {
		return nil, fmt.Errorf("to %v: want int8 or uint8", q.To)
	}
	return []Type{{q.To, in[0].Shape.Clone()}}, nil
}

// Dequantize turns integers into the real numbers that they stand for.
// Input Int8 or Uint8 of any shape, output Float32.
type Dequantize struct{}

func (Dequantize) Name() string { return "dequantize" }

func (Dequantize) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if !in[0].Quantized() {
		return nil, fmt.Errorf("got %v, want int8 or uint8", in[0])
	}
	return []Type{{tensor.Float32, in[0].Shape.Clone()}}, nil
}

// Requantize gives integers other quantization parameters, and perhaps the other type.
// Input Int8 or Uint8 of any shape, output To.
type Requantize struct{ To tensor.DType }

func (Requantize) Name() string { return "requantize" }

func (r Requantize) Infer(in []Type) ([]Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if !in[0].Quantized() || r.To != tensor.Int8 && r.To != tensor.Uint8 {
		return nil, fmt.Errorf("from %v to %v: want int8 or uint8", in[0], r.To)
	}
	return []Type{{r.To, in[0].Shape.Clone()}}, nil
}

// Quantized reports whether values of the type are 8-bit integers that stand for real
// numbers.
func (t Type) Quantized() bool { return t.DType == tensor.Int8 || t.DType == tensor.Uint8 }

// Quantized reports whether any value that a node computes is quantized. What only moves the
// bytes of an input computes none.
func (g *Graph) Quantized() bool {
	for i := range g.Nodes {
		switch g.Nodes[i].Op.(type) {
		case Identity, Reshape, Flatten, Transpose, Split, Slice, Shuffle, Concat:
			continue
		}
		for _, id := range g.Nodes[i].Out {
			if g.Values[id].Type.Quantized() {
				return true
			}
		}
	}
	return false
}
