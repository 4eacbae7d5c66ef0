package onnx

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Quantized models in the form QLinear: operators that carry their operands' and their
// result's scales and zero points. Each is read as the operator of float32 between a
// DequantizeLinear and a QuantizeLinear, which fuseQuantized joins again.

// part is the node with other inputs and one output of its own.
func (n *node) part(out string, in ...*value) *node {
	p, proto := *n, *n.nodeProto
	proto.out = []string{out}
	p.nodeProto, p.in = &proto, in
	return &p
}

// scaled is the node as it would be a DequantizeLinear or QuantizeLinear of input x by inputs
// scale and zero.
func (n *node) scaled(out string, x *value, scale, zero int) *node {
	p := n.part(out, x, n.input(scale), nil)
	if zero < len(n.in) {
		p.in[2] = n.input(zero)
	}
	return p
}

// operandOf is the real numbers of input k: an activation dequantized, or a constant.
func (n *node) operandOf(k, scale, zero int) (*value, error) {
	x := n.input(k)
	if x == nil {
		return nil, n.refuse("input %d is absent", k)
	}
	name := n.fresh(n.label + "/real")
	p := n.scaled(name, x, scale, zero)
	if x.con == nil {
		if err := dequantizeLinear(p); err != nil {
			return nil, err
		}
		return n.im.values[name], nil
	}
	c, err := dequantizeConstant(p)
	if err != nil {
		return nil, err
	}
	// A product's weights have their scales by output.
	if q := c.whole.Quant; len(q.Scale) > 1 && q.Axis != 0 {
		return nil, lacks("scales along dimension %d of the weights", q.Axis)
	}
	return &value{name: n.fresh(x.name + "/real"), id: graph.None, con: c}, nil
}

// linear reads a QLinear operator: do emits the operator of float32 to the output that it is
// given, then that is quantized by inputs scale and zero.
func (n *node) linear(scale, zero int, do func(out string) error) error {
	name := n.fresh(n.label + "/sum")
	if err := do(name); err != nil {
		return err
	}
	x := n.im.values[name]
	if x == nil {
		return lacks("that form")
	}
	return quantizeLinear(n.scaled(n.out[0], x, scale, zero))
}

// qLinearConv: x, its scale and zero, w, its scales and zeros, the result's scale and zero,
// and a bias in quanta of the product of the scales.
func qLinearConv(n *node) error {
	n.setAxis(0)
	x, err := n.operandOf(0, 1, 2)
	if err != nil {
		return err
	}
	w, err := n.operandOf(3, 4, 5)
	if err != nil {
		return err
	}
	in := []*value{x, w}
	if len(n.in) > 8 && n.in[8] != nil {
		b, qw := n.constant(8), w.con
		qx := n.im.g.Values[n.input(0).id].Quant
		if b == nil || b.raw == nil || qw == nil || qx == nil {
			return lacks("a bias that is not constant")
		}
		c := &constant{dtype: tensor.Float32, shape: b.shape, bulk: make([]float32, b.elements()), init: b.init}
		for i := range c.bulk {
			scales := qw.whole.Quant.Scale
			c.bulk[i] = float32(at(b.raw, i) * float64(qx.Scale[0]) * float64(scales[i%len(scales)]))
		}
		in = append(in, &value{name: n.fresh(n.input(8).name + "/real"), id: graph.None, con: c})
	}
	return n.linear(6, 7, func(out string) error { return conv(n.part(out, in...)) })
}

// qLinearBinary: a, its scale and zero, b, its scale and zero, the result's.
func qLinearBinary(fn graph.BinaryFn) func(*node) error {
	return func(n *node) error {
		a, err := n.operandOf(0, 1, 2)
		if err != nil {
			return err
		}
		b, err := n.operandOf(3, 4, 5)
		if err != nil {
			return err
		}
		return n.linear(6, 7, func(out string) error { return binary(fn)(n.part(out, a, b)) })
	}
}

// qLinearMean: x, its scale and zero, the result's; channels stand second.
func qLinearMean(n *node) error {
	if n.int("channels_last", 0) != 0 {
		return lacks("channels that stand last")
	}
	x, err := n.operandOf(0, 1, 2)
	if err != nil {
		return err
	}
	return n.linear(3, 4, func(out string) error { return globalAveragePool(n.part(out, x)) })
}

// setAxis gives the node the attribute axis, by which its constants are dequantized.
func (n *node) setAxis(a int64) {
	proto := *n.nodeProto
	proto.attrs = append(append([]attrProto(nil), proto.attrs...), attrProto{name: "axis", i: a})
	n.nodeProto = &proto
}

// microsoft are the operators of ONNX Runtime's own domain that are read.
var microsoft = map[string]operator{
	"QLinearAdd":               {emit: qLinearBinary(graph.Add)},
	"QLinearMul":               {emit: qLinearBinary(graph.Mul)},
	"QLinearGlobalAveragePool": {emit: qLinearMean},
}
