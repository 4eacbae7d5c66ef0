package wisp

import (
	"fmt"
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
)

// What quantized models need at their edges: how numbers become their inputs and their
// outputs become scores.

// Precision is "int8" for a network that computes with 8-bit integers, else "float32".
func (m *Model) Precision() string {
	if m.Graph.Quantized() {
		return "int8"
	}
	return "float32"
}

// bytesOf is the quantization of a value of 8-bit integers.
func bytesOf(d tensor.DType, q *tensor.Quant) (fixed.Quant, bool) {
	if q == nil || len(q.Scale) != 1 || len(q.Zero) != 1 {
		return fixed.Quant{}, false
	}
	switch d {
	case tensor.Uint8:
		return fixed.Quant{Scale: q.Scale[0], Zero: q.Zero[0], Hi: math.MaxUint8}, true
	case tensor.Int8:
		return fixed.Quant{Scale: q.Scale[0], Zero: q.Zero[0], Lo: math.MinInt8, Hi: math.MaxInt8}, true
	}
	return fixed.Quant{}, false
}

// plain reports whether a value's bytes are the numbers themselves: of scale 1 and zero point
// 0, as those are that a file casts to real numbers.
func plain(v *graph.Value) bool {
	q, ok := bytesOf(v.Type.DType, v.Quant)
	return ok && q.Scale == 1 && q.Zero == 0
}

// TakesBytes reports whether the model's input is the picture's bytes themselves, so that a
// recipe's scale plays no part.
func (m *Model) TakesBytes() bool { return m.rawBytes() }

// rawBytes reports whether the input's integers are a picture's bytes, up to the sign: one
// quantum is about 1/128 and the middle stands for zero; or the file declares plain bytes, or
// gives uint8 the metadata of pictures.
func (m *Model) rawBytes() bool {
	if len(m.Graph.Inputs) != 1 {
		return false
	}
	v := m.Graph.Value(m.Graph.Inputs[0])
	if plain(v) || !v.Type.Quantized() {
		return m.Inputs()[0].DType == tensor.Uint8
	}
	if v.Type.DType == tensor.Uint8 && m.saysScale() { // that of a float network: bytes go in as they are
		return true
	}
	q, ok := bytesOf(v.Type.DType, v.Quant)
	middle := q.Zero - q.Lo
	return ok && q.Scale >= 1.0/128-1e-4 && q.Scale <= 2.0/255+1e-4 && (middle == 127 || middle == 128)
}

// AsInput turns real numbers into the model's input type; float32 inputs stay as they
// are.
func (m *Model) AsInput(t *tensor.Tensor) *tensor.Tensor { return m.quantized(0, t) }

// quantized is AsInput for input i.
func (m *Model) quantized(i int, t *tensor.Tensor) *tensor.Tensor {
	v := m.Graph.Value(m.Graph.Inputs[i])
	q, ok := bytesOf(v.Type.DType, v.Quant)
	if !ok {
		return t
	}
	out := tensor.New(v.Type.DType, t.Shape)
	for i, x := range t.Floats() {
		switch y := out.Data.(type) {
		case []uint8:
			y[i] = uint8(q.Of(x, fixed.Builtin))
		case []int8:
			y[i] = int8(q.Of(x, fixed.Builtin))
		}
	}
	return out
}

// Scores are the first output's real numbers: those of a quantized one times its scale.
func (m *Model) Scores(t *tensor.Tensor) []float32 {
	v := t.Floats()
	q, ok := bytesOf(t.DType, m.Graph.Value(m.Graph.Outputs[0]).Quant)
	if !ok {
		return v
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = q.Real(int32(x))
	}
	return out
}

// Int8 returns the model computing with 8-bit integers, as package quant makes it from
// calibration inputs, and what became of every layer. The model itself stays as it is and
// must stay open as long as the new one is used.
func (m *Model) Int8(calibration []*tensor.Tensor, o quant.Options) (*Model, *quant.Result, error) {
	g, err := m.Bound()
	if err != nil {
		return nil, nil, err
	}
	if err := m.Doubtful(); err != nil {
		return nil, nil, err
	}
	var r *quant.Result
	err = guard.Do(m.Name, func() error {
		if r, err = quant.Quantize(g, calibration, o); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	n := m.with(r.Graph)
	if n.Quantized, err = m.quantization(calibration, o); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	if n.hashed.sum, err = hashGraph(r.Graph, n.Quantized.SHA256()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	return n, r, nil
}

// with is the model with another graph of the same inputs and outputs, whose weights are bound.
func (m *Model) with(g *graph.Graph) *Model {
	return &Model{
		Name: m.Name, Family: m.Family, Graph: g, Spec: m.Spec, File: m.File, Weights: m.Weights, Recipe: m.Recipe, RecipeWhy: m.RecipeWhy,
		Classes: m.Classes, Background: m.Background, Probability: m.Probability, ChannelsLast: m.ChannelsLast, Notes: m.Notes, Renames: m.Renames, Guessed: m.Guessed, taken: m.taken,
		Labels: m.Labels, classes: m.classes,
		ins: typed(m.ins, g, g.Inputs), outs: typed(m.outs, g, g.Outputs), entry: m.entry, RecipeGuessed: m.RecipeGuessed,
	}
}

// typed are ports with the element types that the values of a graph made of theirs have.
func typed(ports []graph.Port, g *graph.Graph, ids []graph.ID) []graph.Port {
	out := slices.Clone(ports)
	for i := range out {
		if v := g.Value(ids[i]); v.Type.Quantized() {
			out[i].DType = v.Type.DType
		}
	}
	return out
}
