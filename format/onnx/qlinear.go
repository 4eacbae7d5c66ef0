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

// operandOf is the real numbers of input k: an activation dequantized, or a constant, whose
// scales may be by dimension axis.
func (n *node) operandOf(k, scale, zero, axis int) (*value, error) {
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
	if q := c.whole.Quant; len(q.Scale) > 1 && q.Axis != axis {
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
	x, err := n.operandOf(0, 1, 2, 0)
	if err != nil {
		return err
	}
	w, err := n.operandOf(3, 4, 5, 0)
	if err != nil {
		return err
	}
	in, err := n.withBias(8, x, w)
	if err != nil {
		return err
	}
	return n.linear(6, 7, func(out string) error { return conv(n.part(out, in...)) })
}

// withBias adds to a layer's operands the real numbers of input k, where it is there: a
// bias in quanta of the product of their scales. Input 1 is the activation's.
func (n *node) withBias(k int, x, w *value) ([]*value, error) {
	in := []*value{x, w}
	if len(n.in) <= k || n.in[k] == nil {
		return in, nil
	}
	b, qw := n.constant(k), w.con
	sx, known := n.constant(1).scalar()
	if b == nil || b.raw == nil || qw == nil || !known {
		return nil, lacks("a bias that is not constant")
	}
	scales := qw.whole.Quant.Scale
	if len(b.shape) != 1 || len(scales) > 1 && len(scales) != b.elements() {
		return nil, n.refuse("a bias of shape %v for %d scales", b.shape, len(scales))
	}
	if err := n.im.mem.spend(4 * b.elements()); err != nil {
		return nil, err
	}
	c := &constant{dtype: tensor.Float32, shape: b.shape, bulk: make([]float32, b.elements()), init: b.init}
	for i := range c.bulk {
		c.bulk[i] = float32(at(b.raw, i) * sx * float64(scales[i%len(scales)]))
	}
	return append(in, &value{name: n.fresh(n.input(k).name + "/real"), id: graph.None, con: c}), nil
}

// qLinearMatMul: a, its scale and zero, b, its scales by column and zeros, the result's.
func qLinearMatMul(n *node) error {
	n.setAxis(1)
	x, err := n.operandOf(0, 1, 2, 0)
	if err != nil {
		return err
	}
	w, err := n.operandOf(3, 4, 5, 1)
	if err != nil {
		return err
	}
	return n.linear(6, 7, func(out string) error { return matMul(n.part(out, x, w)) })
}

// qGemm: the same with a bias between, and the matrix perhaps transposed. Without the
// result's scale it gives real numbers.
func qGemm(n *node) error {
	outputs := 1 - n.int("transB", 0)
	if outputs != 0 && outputs != 1 || n.float("alpha", 1) != 1 {
		return lacks("transB %d, alpha %v", 1-outputs, n.float("alpha", 1))
	}
	n.setAxis(int64(outputs))
	x, err := n.operandOf(0, 1, 2, 0)
	if err != nil {
		return err
	}
	w, err := n.operandOf(3, 4, 5, outputs)
	if err != nil {
		return err
	}
	in, err := n.withBias(6, x, w)
	if err != nil {
		return err
	}
	if len(n.in) <= 7 || n.in[7] == nil {
		return gemm(n.part(n.out[0], in...))
	}
	return n.linear(7, 8, func(out string) error { return gemm(n.part(out, in...)) })
}

// qLinearUnary: x, its scale and zero, the result's.
func qLinearUnary(do func(*node) error) func(*node) error {
	return func(n *node) error {
		if n.int("channels_last", 0) != 0 {
			return lacks("channels that stand last")
		}
		x, err := n.operandOf(0, 1, 2, 0)
		if err != nil {
			return err
		}
		return n.linear(3, 4, func(out string) error { return do(n.part(out, x)) })
	}
}

// qLinearConcat: the result's scale and zero, then every operand with its own.
func qLinearConcat(n *node) error {
	if len(n.in) < 5 || len(n.in)%3 != 2 {
		return n.refuse("%d inputs: want a scale, a zero point and three of every operand", len(n.in))
	}
	var in []*value
	for k := 2; k < len(n.in); k += 3 {
		x, err := n.operandOf(k, k+1, k+2, 0)
		if err != nil {
			return err
		}
		in = append(in, x)
	}
	return n.linear(0, 1, func(out string) error { return concat(n.part(out, in...)) })
}

// qLinearBinary: a, its scale and zero, b, its scale and zero, the result's.
func qLinearBinary(fn graph.BinaryFn) func(*node) error {
	return func(n *node) error {
		a, err := n.operandOf(0, 1, 2, 0)
		if err != nil {
			return err
		}
		b, err := n.operandOf(3, 4, 5, 0)
		if err != nil {
			return err
		}
		return n.linear(6, 7, func(out string) error { return binary(fn)(n.part(out, a, b)) })
	}
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
	"QLinearGlobalAveragePool": {emit: qLinearUnary(globalAveragePool)},
	"QLinearAveragePool":       {emit: qLinearUnary(averagePool)},
	"QLinearSigmoid":           {emit: qLinearUnary(activate(graph.Sigmoid))},
	"QLinearConcat":            {emit: qLinearConcat},
	"QGemm":                    {emit: qGemm},
}
