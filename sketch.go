package wisp

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
)

// Sketch is the model in a precision, "float32" or "int8", as far as the size of its files
// goes: every tensor has its name, type and shape, the numbers mean nothing. Weights that are
// not bound are not read or generated, and integers are not calibrated: without islands
// (quant.Options) no size depends on either.
func (m *Model) Sketch(precision string) (*Model, error) {
	g := m.Graph
	switch {
	case m.source != nil:
		g = g.Clone()
		if err := g.Bind(zeros{}); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	case m.Precision() == precision:
		return m, nil
	}
	switch {
	case precision == "int8" && !g.Quantized():
		var err error
		if g, err = quant.Layout(g); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
	case precision == "float32" && g.Quantized():
		return nil, fmt.Errorf("%s: its weights are 8-bit integers: it has no float32 form", m.Name)
	case precision != "int8" && precision != "float32":
		return nil, fmt.Errorf("%s: precision %s: want float32 or int8", m.Name, precision)
	}
	return m.with(g), nil
}

// zeros are weights of any name, all zero.
type zeros struct{}

func (zeros) Tensor(_ string, want graph.Type) (*tensor.Tensor, error) {
	return tensor.New(want.DType, want.Shape), nil
}
