package onnx

import (
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Quantized values are written in the form that ONNX Runtime turns into its integer
// operators: every one passes a QuantizeLinear and a DequantizeLinear, weights and biases
// are integers with a DequantizeLinear behind them, and the operators between are those of
// float32. Activations are uint8, which that runtime computes fastest; weights are int8, a
// scale for every output. A limit that the quantization implies is left out.

// quantized reports whether a node reads or computes quantized values.
func (e *exporter) quantized(n *graph.Node) bool {
	for _, list := range [...][]graph.ID{n.In, n.Out} {
		for _, id := range list {
			if id != graph.None && e.g.Value(id).Type.Quantized() {
				return true
			}
		}
	}
	return false
}

// raised is a value's zero point as that of uint8.
func raised(v *graph.Value) int32 {
	if v.Type.DType == tensor.Int8 {
		return v.Quant.Zero[0] + 128
	}
	return v.Quant.Zero[0]
}

// parameters are the inputs of QuantizeLinear that say how a value is stored.
func (e *exporter) parameters(v *graph.Value) (scale, zero string) {
	z := uint8(raised(v))
	key := fmt.Sprintf("wisp/uint8 %d", z)
	if !e.made[key] {
		e.made[key] = true
		e.initializer(key, tensor.Of(tensor.Shape{}, []uint8{z}))
	}
	return e.floats(tensor.Shape{}, v.Quant.Scale[0]), key
}

// store writes the real number named from as the quantized value id: integers and the real
// numbers that they stand for, which readers take.
func (e *exporter) store(id graph.ID, from, node string) {
	v := e.g.Value(id)
	scale, zero := e.parameters(v)
	e.whole[id] = e.fresh(e.names[id] + "/uint8")
	e.emit("QuantizeLinear", node+"/quantize", []string{from, scale, zero}, []string{e.whole[id]})
	e.emit("DequantizeLinear", node+"/dequantize", []string{e.whole[id], scale, zero}, []string{e.names[id]})
}

func (e *exporter) quantNode(n *graph.Node) error {
	for _, list := range [...][]graph.ID{n.In[:1], n.Out} {
		for _, id := range list {
			if v := e.g.Value(id); v.Type.Quantized() && (v.Quant == nil || len(v.Quant.Scale) != 1) {
				return fmt.Errorf("onnx: write: node %q: %q has no quantization of one scale", n.Name, v.Name)
			}
		}
	}
	switch n.Op.(type) {
	case graph.Quantize, graph.Requantize:
		if err := e.need(n.In[0], n.Name); err != nil {
			return err
		}
		e.store(n.Out[0], e.names[n.In[0]], n.Name)
		return nil
	case graph.Dequantize:
		if err := e.need(n.In[0], n.Name); err != nil {
			return err
		}
		x := e.g.Value(n.In[0])
		scale, zero := e.parameters(x)
		real, guarded := e.names[n.Out[0]], e.feedsProducts(n.Out[0])
		if guarded {
			real = e.fresh(real + "/real")
		}
		e.emit("DequantizeLinear", n.Name, []string{e.whole[n.In[0]], scale, zero}, []string{real})
		if guarded {
			// ONNX Runtime quantizes float weights that it finds between a DequantizeLinear and a
			// QuantizeLinear (WeightBiasQuantization, one scale a tensor), which is what this layer was
			// kept from. A limit that no value reaches stands in its way.
			s, z := x.Quant.Scale[0], float32(raised(x))
			e.emit("Clip", n.Name+"/whole", []string{real, e.floats(nil, -z*s), e.floats(nil, (255-z)*s)}, []string{e.names[n.Out[0]]})
		}
		return nil
	}
	plain := *n
	y := e.g.Value(n.Out[0])
	switch op := n.Op.(type) {
	case graph.Conv:
		if implied(op.Act, y) {
			op.Act = graph.Act{}
		}
		plain.Op = op
	case graph.Linear:
		if implied(op.Act, y) {
			op.Act = graph.Act{}
		}
		plain.Op = op
	case graph.Binary:
		if implied(op.Act, y) {
			op.Act = graph.Act{}
		}
		plain.Op = op
	}
	if len(n.In) == 3 && e.g.Value(n.In[2]).Type.DType == tensor.Int32 {
		e.bias(n)
	}
	real := make([]string, len(n.Out))
	for k, id := range n.Out {
		real[k] = e.names[id]
		e.names[id] = e.fresh(real[k] + "/real")
	}
	if err := e.plainNode(&plain); err != nil {
		return err
	}
	for k, id := range n.Out {
		from := e.names[id]
		e.names[id] = real[k]
		e.store(id, from, fmt.Sprintf("%s/%d", n.Name, k))
	}
	return nil
}

// feedsProducts reports whether a convolution or linear layer of real numbers reads a value.
func (e *exporter) feedsProducts(id graph.ID) bool {
	for i := range e.g.Nodes {
		n := &e.g.Nodes[i]
		switch n.Op.(type) {
		case graph.Conv, graph.Linear:
			if n.In[0] == id {
				return true
			}
		}
	}
	return false
}

// needQuantized lists quantized weights and constants, and what makes real numbers of them.
func (e *exporter) needQuantized(id graph.ID, node string) error {
	v := e.g.Value(id)
	if e.listed[id] {
		return nil
	}
	if v.Data == nil || v.Quant == nil {
		return fmt.Errorf("onnx: write: node %q: weight %q has no data or no quantization", node, v.Name)
	}
	e.listed[id] = true
	e.whole[id] = e.fresh(e.names[id] + "/integers")
	t := *v.Data
	if v.Kind == graph.Constant && len(v.Quant.Scale) == 1 { // read as an activation
		if x, ok := t.Data.([]int8); ok {
			u := make([]uint8, len(x))
			for i, b := range x {
				u[i] = uint8(int(b) + 128)
			}
			t.DType, t.Data = tensor.Uint8, u
		}
		e.initializer(e.whole[id], &t)
		scale, zero := e.parameters(v)
		e.emit("DequantizeLinear", e.names[id]+"/dequantize", []string{e.whole[id], scale, zero}, []string{e.names[id]})
		return nil
	}
	e.initializer(e.whole[id], &t)
	shape := tensor.Shape{len(v.Quant.Scale)}
	scale, zero := e.fresh(e.names[id]+"/scale"), e.fresh(e.names[id]+"/zero")
	e.initializer(scale, tensor.Of(shape, v.Quant.Scale))
	zeros := tensor.New(t.DType, shape)
	for i, z := range v.Quant.Zero {
		switch d := zeros.Data.(type) {
		case []int8:
			d[i] = int8(z)
		case []uint8:
			d[i] = uint8(z)
		}
	}
	e.initializer(zero, zeros)
	e.emit("DequantizeLinear", e.names[id]+"/dequantize", []string{e.whole[id], scale, zero}, []string{e.names[id]}, intAttr("axis", 0))
	return nil
}

// bias lists a layer's bias, in quanta of the product of the input's and the weights'.
func (e *exporter) bias(n *graph.Node) {
	id := n.In[2]
	v := e.g.Value(id)
	if e.listed[id] || v.Data == nil {
		return
	}
	e.listed[id] = true
	sx, w := e.g.Value(n.In[0]).Quant, e.g.Value(n.In[1]).Quant
	if sx == nil || w == nil {
		return
	}
	outs := v.Type.Shape[0]
	scales := make([]float32, outs)
	for i := range scales {
		scales[i] = sx.Scale[0] * w.Scale[i%len(w.Scale)]
		if scales[i] == 0 {
			scales[i] = math.SmallestNonzeroFloat32
		}
	}
	whole, scale, zero := e.fresh(e.names[id]+"/integers"), e.fresh(e.names[id]+"/scale"), e.fresh(e.names[id]+"/zero")
	e.initializer(whole, v.Data)
	e.initializer(scale, tensor.Of(tensor.Shape{outs}, scales))
	e.initializer(zero, tensor.New(tensor.Int32, tensor.Shape{outs}))
	e.emit("DequantizeLinear", e.names[id]+"/dequantize", []string{whole, scale, zero}, []string{e.names[id]}, intAttr("axis", 0))
}
