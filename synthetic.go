package wisp

import (
	"math"

	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// Synthetic is the made-up input i of a seed, as Run takes it: for real numbers the zoo's
// values in [−1, 1), quantized for a quantized input. An input of whole numbers that are no
// quantized ones gets bytes from the same values: −128…127 for int8, 0…255 else; a bool is
// whether the value is positive.
func (m *Model) Synthetic(i int, seed uint64) *tensor.Tensor {
	name, port := "input", m.Inputs()[i]
	if len(m.Graph.Inputs) > 1 {
		name = port.Name
	}
	v := m.Graph.Value(m.Graph.Inputs[i])
	t := zoo.SyntheticInput(seed, v.Type.Shape, name)
	if v.Type.Quantized() && !plain(v) {
		return m.quantized(i, t)
	}
	x := t.Float32()
	switch port.DType {
	case tensor.Bool:
		for k := range x {
			x[k] = float32(math.Max(0, math.Copysign(1, float64(x[k]))))
		}
	case tensor.Int8, tensor.Uint8, tensor.Int16, tensor.Int32, tensor.Int64:
		low := 0.0
		if port.DType == tensor.Int8 {
			low = -128
		}
		for k := range x {
			x[k] = float32(math.Floor(128*(float64(x[k])+1)) + low)
		}
	}
	if t, err := t.Exactly(v.Type.DType); err == nil {
		return t
	}
	return t
}
