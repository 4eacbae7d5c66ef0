package graph

import (
	"fmt"
	"math"

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

// KeepsQuanta reports whether the results of an operator over quantized values have the
// quantization of its input: it moves, selects or averages integers and rescales none.
func KeepsQuanta(op Op) bool {
	switch op.(type) {
	case MaxPool, AvgPool, Split, Slice, Shuffle, Pad, Resize, Reshape, Flatten, Transpose, Identity:
		return true
	}
	return false
}

// scaleNoise is how far the scales of a value before and after a move may differ, relative to
// them: files hold them in float32.
const scaleNoise = 1e-6

// SameQuanta reports whether integers of two quantizations of one scale each stand for the same
// numbers.
func SameQuanta(a, b *tensor.Quant) bool {
	if len(a.Scale) != 1 || len(b.Scale) != 1 || len(a.Zero) != 1 || len(b.Zero) != 1 {
		return false
	}
	p, q := float64(a.Scale[0]), float64(b.Scale[0])
	return a.Zero[0] == b.Zero[0] && math.Abs(p-q) <= scaleNoise*math.Abs(p)
}

// keptQuanta checks that a node that rescales nothing has one quantization before and after
// it, where both are known: else its results would mean other numbers than its input. An
// Identity may say just that: the same bytes, read as other numbers.
func (g *Graph) keptQuanta(n *Node) error {
	if _, ok := n.Op.(Identity); ok || !KeepsQuanta(n.Op) || len(n.In) == 0 || n.In[0] == None {
		return nil
	}
	x := g.Values[n.In[0]].Quant
	for _, id := range n.Out {
		if y := g.Values[id].Quant; x != nil && y != nil && g.Values[id].Type.Quantized() && !SameQuanta(x, y) {
			return fmt.Errorf("%s rescales nothing, but reads scale %v, zero point %v and results in scale %v, zero point %v", n.Op.Name(), x.Scale, x.Zero, y.Scale, y.Zero)
		}
	}
	return nil
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
