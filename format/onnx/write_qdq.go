package onnx

import (
	"cmp"
	"fmt"
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Quantized values are written in the form that ONNX Runtime turns into its integer
// operators: every one passes a QuantizeLinear and a DequantizeLinear, weights and biases
// are integers with a DequantizeLinear behind them, and the operators between are those of
// float32. Activations are uint8, which that runtime computes fastest; weights are int8, a
// scale for every output. Inputs and outputs of integers keep their own type, with a
// DequantizeLinear behind the one and a QuantizeLinear before the other. A limit that the
// quantization implies is left out.

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
	return e.parametersAs(tensor.Uint8, v.Quant.Scale[0], raised(v))
}

// parametersAs are those of bytes of a type.
func (e *exporter) parametersAs(d tensor.DType, s float32, z int32) (scale, zero string) {
	key := fmt.Sprintf("wisp/%v %d", d, z)
	if !e.made[key] {
		e.made[key] = true
		if d == tensor.Int8 {
			e.initializer(key, tensor.Of(tensor.Shape{}, []int8{int8(z)}))
		} else {
			e.initializer(key, tensor.Of(tensor.Shape{}, []uint8{uint8(z)}))
		}
	}
	return e.floats(tensor.Shape{}, s), key
}

// byteInput makes real numbers of an input of integers, and the integers that are stored: a
// QuantizeLinear takes no integers.
func (e *exporter) byteInput(id graph.ID) error {
	v := e.g.Value(id)
	if v.Quant == nil || len(v.Quant.Scale) != 1 || len(v.Quant.Zero) != 1 {
		return fmt.Errorf("onnx: write: input %q has no quantization of one scale", v.Name)
	}
	scale, zero := e.parametersAs(v.Type.DType, v.Quant.Scale[0], v.Quant.Zero[0])
	if v.Type.DType == tensor.Uint8 {
		e.whole[id] = e.ports[id]
		e.emit("DequantizeLinear", v.Name+"/dequantize", []string{e.ports[id], scale, zero}, []string{e.names[id]})
		return nil
	}
	real := e.fresh(e.ports[id] + "/given")
	e.emit("DequantizeLinear", v.Name+"/given", []string{e.ports[id], scale, zero}, []string{real})
	e.store(id, real, v.Name)
	return nil
}

// byteOutput returns the name of an output's integers, in their own type.
func (e *exporter) byteOutput(id graph.ID, again bool) string {
	v := e.g.Value(id)
	name := e.ports[id]
	if again {
		name = e.fresh(name)
	}
	switch {
	case v.Type.DType == tensor.Int8:
		scale, zero := e.parametersAs(tensor.Int8, v.Quant.Scale[0], v.Quant.Zero[0])
		e.emit("QuantizeLinear", name+"/quantize", []string{e.names[id], scale, zero}, []string{name})
	case e.whole[id] != name:
		e.emit("Identity", name, []string{e.whole[id]}, []string{name})
	}
	return name
}

// store writes the real number named from as the quantized value id: integers and the real
// numbers that they stand for, which readers take.
func (e *exporter) store(id graph.ID, from, node string) {
	v := e.g.Value(id)
	scale, zero := e.parameters(v)
	if e.whole[id] = e.ports[id]; v.Type.DType != tensor.Uint8 || e.ports[id] == "" {
		e.whole[id] = e.fresh(cmp.Or(e.ports[id], e.names[id]) + "/uint8")
	}
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
	case graph.Identity:
		if x, y := e.g.Value(n.In[0]), e.g.Value(n.Out[0]); !same(x.Quant, y.Quant) { // the same bytes for other numbers
			if err := e.need(n.In[0], n.Name); err != nil {
				return err
			}
			scale, zero := e.parameters(y)
			if e.whole[n.Out[0]] = e.whole[n.In[0]]; e.ports[n.Out[0]] != "" && y.Type.DType == tensor.Uint8 {
				e.whole[n.Out[0]] = e.ports[n.Out[0]]
				e.emit("Identity", n.Name+"/as", []string{e.whole[n.In[0]]}, []string{e.ports[n.Out[0]]})
			}
			e.emit("DequantizeLinear", n.Name, []string{e.whole[n.Out[0]], scale, zero}, []string{e.names[n.Out[0]]})
			return nil
		}
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
		name := e.names[n.In[2]]
		if err := e.bias(n); err != nil {
			return err
		}
		defer func() { e.names[n.In[2]] = name }()
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

// bias lists a layer's bias, in quanta of the product of the input's and the weights', and
// gives the value the name of its real numbers. Layers that share one may read it in different
// quanta.
func (e *exporter) bias(n *graph.Node) error {
	id := n.In[2]
	v := e.g.Value(id)
	sx, w := e.g.Value(n.In[0]).Quant, e.g.Value(n.In[1]).Quant
	if v.Data == nil || sx == nil || w == nil {
		return fmt.Errorf("onnx: write: node %q: bias %q has no data, or its layer no quantization", n.Name, v.Name)
	}
	outs := v.Type.Shape[0]
	scales := make([]float32, outs)
	for i := range scales {
		scales[i] = sx.Scale[0] * w.Scale[i%len(w.Scale)]
		if scales[i] == 0 {
			scales[i] = math.SmallestNonzeroFloat32
		}
	}
	if !e.listed[id] {
		e.listed[id] = true
		e.whole[id] = e.fresh(e.names[id] + "/integers")
		e.initializer(e.whole[id], v.Data)
	} else {
		e.names[id] = e.fresh(e.names[id])
	}
	whole, scale, zero := e.whole[id], e.fresh(e.names[id]+"/scale"), e.fresh(e.names[id]+"/zero")
	e.initializer(scale, tensor.Of(tensor.Shape{outs}, scales))
	e.initializer(zero, tensor.New(tensor.Int32, tensor.Shape{outs}))
	e.emit("DequantizeLinear", e.names[id]+"/dequantize", []string{whole, scale, zero}, []string{e.names[id]}, intAttr("axis", 0))
	return nil
}
