package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/tensor"
)

// Quantized models in the form QDQ: QuantizeLinear and DequantizeLinear around operators of
// float32. They are read as they stand, with the parameters of every DequantizeLinear beside
// the graph; fuseQuantized (integers.go) then makes an integer operator of every one that
// reads dequantized values and whose result is quantized again.
//
// Integers of the file are only bytes: which numbers they stand for is said by whoever reads
// them. A value of type Int8 or Uint8 has the quantization of the QuantizeLinear that made it,
// of the first DequantizeLinear that reads it where none made it, and else stands for itself.

// The scales that are read: 255 quanta of a larger one are no float32, and a number divided
// by a smaller one is none.
const minScale, maxScale = 1e-36, 1e36

// scales are a QuantizeLinear's or DequantizeLinear's parameters, inputs 1 and 2. Known says
// that the zero points gave the type.
func (n *node) scales() (q *tensor.Quant, d tensor.DType, known bool, err error) {
	if b := n.int("block_size", 0); b != 0 {
		return nil, 0, false, lacks("block_size %d: scales of blocks within a dimension", b)
	}
	s := n.constant(1)
	if s == nil || s.floats() == nil {
		return nil, 0, false, lacks("scales that are not constant floats")
	}
	if len(s.shape) > 1 || s.elements() == 0 {
		return nil, 0, false, n.refuse("scales of shape %v: want one, or one for each channel", s.shape)
	}
	q = &tensor.Quant{Scale: s.floats(), Zero: make([]int32, s.elements())}
	z := n.constant(2)
	switch {
	case n.input(2) != nil && (z == nil || z.raw == nil):
		return nil, 0, false, lacks("zero points that are not constant integers")
	case z != nil:
		if z.elements() != len(q.Zero) {
			return nil, 0, false, n.refuse("zero points of shape %v for %d scales", z.shape, len(q.Zero))
		}
		d, known = z.raw.DType, true
		for i := range q.Zero {
			q.Zero[i] = int32(at(z.raw, i))
		}
	default:
		if d, known = tensor.Uint8, false; n.int("output_dtype", 0) != 0 && n.op == "QuantizeLinear" {
			to := int64(n.int("output_dtype", 0))
			if dtypes[to].d != tensor.Int8 && to != 2 {
				return nil, 0, false, lacks("output_dtype %d: %v", to, dtypeError{to})
			}
			d, known = dtypes[to].d, true
		}
	}
	for _, v := range q.Scale {
		if !(v > 0) || math.IsInf(float64(v), 0) {
			return nil, 0, false, n.refuse("scale %v: want a positive number", v)
		}
		if (v < minScale || v > maxScale) && d != tensor.Int32 {
			return nil, 0, false, n.refuse("scale %v: want one from %v to %v, which float32 can multiply and divide bytes by: quantize the model again", v, minScale, maxScale)
		}
	}
	return q, d, known, nil
}

// along checks the dimension of scales by channel and returns the elements behind it.
func (n *node) along(q *tensor.Quant, s tensor.Shape) (inner int, err error) {
	if len(q.Scale) == 1 {
		return 1, nil
	}
	if q.Axis = n.int("axis", 1); q.Axis < 0 {
		q.Axis += len(s)
	}
	if q.Axis < 0 || q.Axis >= len(s) || s[q.Axis] != len(q.Scale) {
		return 0, n.refuse("%d scales along dimension %d of shape %v", len(q.Scale), q.Axis, s)
	}
	return s[q.Axis+1:].Elements(), nil
}

// dequantizeConstant folds a DequantizeLinear of known integers, and remembers them.
func dequantizeConstant(n *node) (*constant, error) {
	x := n.constant(0)
	if x == nil || x.raw == nil {
		return nil, lacks("integers of that type")
	}
	q, d, known, err := n.scales()
	if err != nil {
		return nil, err
	}
	if known && d != x.raw.DType {
		return nil, n.refuse("zero points of %v for integers of %v", d, x.raw.DType)
	}
	inner, err := n.along(q, x.shape)
	if err != nil {
		return nil, err
	}
	count := x.elements()
	if err := n.im.mem.spend(4 * count); err != nil {
		return nil, err
	}
	c := &constant{dtype: tensor.Float32, shape: x.shape, bulk: make([]float32, count), init: x.init}
	for i := range c.bulk {
		k := i / inner % len(q.Scale)
		c.bulk[i] = float32(at(x.raw, i)-float64(q.Zero[k])) * q.Scale[k]
	}
	t := *x.raw
	t.Quant = q
	c.whole = &t
	return c, nil
}

// quantizeConstant folds a QuantizeLinear of known numbers: weights that a file holds as
// floats.
func quantizeConstant(n *node) (*constant, error) {
	x := n.constant(0)
	if x == nil || x.floats() == nil {
		return nil, lacks("numbers that are no floats")
	}
	q, d, _, err := n.scales()
	if err != nil {
		return nil, err
	}
	inner, err := n.along(q, x.shape)
	if err != nil {
		return nil, err
	}
	if d != tensor.Int8 && d != tensor.Uint8 {
		return nil, lacks("to %v", d)
	}
	count := x.elements()
	if err := n.im.mem.spend(count); err != nil {
		return nil, err
	}
	t := tensor.New(d, x.shape)
	for i, v := range x.floats() {
		k := i / inner % len(q.Scale)
		whole := bytesOf(d, q.Scale[k], q.Zero[k]).Of(v, fixed.ONNX)
		switch y := t.Data.(type) {
		case []int8:
			y[i] = int8(whole)
		case []uint8:
			y[i] = uint8(whole)
		}
	}
	c, _, err := constantOf(t, n.im.mem)
	if err == nil {
		c.init = x.init
	}
	return c, err
}

// bytesOf is how bytes of a type stand for numbers.
func bytesOf(d tensor.DType, scale float32, zero int32) fixed.Quant {
	if d == tensor.Int8 {
		return fixed.Quant{Scale: scale, Zero: zero, Lo: math.MinInt8, Hi: math.MaxInt8}
	}
	return fixed.Quant{Scale: scale, Zero: zero, Hi: math.MaxUint8}
}

func dequantizeLinear(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	from := n.im.g.Values[x.id].Type.DType
	if from != tensor.Int8 && from != tensor.Uint8 {
		return lacks("of %v that is computed", from)
	}
	q, d, known, err := n.scales()
	if err != nil {
		return err
	}
	if known && d != from {
		return n.refuse("zero points of %v for integers of %v", d, from)
	}
	if len(q.Scale) != 1 {
		return lacks("of computed values with %d scales", len(q.Scale))
	}
	v, err := n.emit(n.out[0], graph.Dequantize{}, x.batch, []*value{x})
	if err != nil {
		return err
	}
	n.im.dequantized[v.id] = q
	return nil
}

func quantizeLinear(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	q, d, _, err := n.scales()
	if err != nil {
		return err
	}
	if len(q.Scale) != 1 || d != tensor.Uint8 && d != tensor.Int8 {
		return lacks("to %v with %d scales", d, len(q.Scale))
	}
	if from := n.im.g.Values[x.id].Type.DType; from != tensor.Float32 {
		return lacks("of %v", from)
	}
	v, err := n.emit(n.out[0], graph.Quantize{To: d}, x.batch, []*value{x})
	if err != nil {
		return err
	}
	n.im.g.Values[v.id].Quant = q
	return nil
}

// asNumbers emits the numbers that bytes are themselves, as a Cast to floats makes them.
func (n *node) asNumbers(x *value) error {
	v, err := n.emit(n.out[0], graph.Dequantize{}, x.batch, []*value{x})
	if err != nil {
		return err
	}
	n.im.dequantized[v.id] = itself()
	return nil
}

// itself is the quantization of bytes that stand for their own numbers.
func itself() *tensor.Quant { return &tensor.Quant{Scale: []float32{1}, Zero: []int32{0}} }

// selects reports whether an operator only moves or selects elements, so that it means the
// same over bytes whatever they stand for.
func selects(op graph.Op) bool {
	switch op.(type) {
	case graph.MaxPool, graph.Split, graph.Slice, graph.Shuffle, graph.Reshape, graph.Flatten, graph.Transpose, graph.Identity:
		return true
	}
	return false
}

// overBytes refuses what the file computes with bytes themselves: only what moves and selects
// them is read.
func (n *node) overBytes(op graph.Op, types []graph.Type) error {
	bytes := slices.ContainsFunc(types, graph.Type.Quantized)
	switch op.(type) {
	case graph.Dequantize, graph.Concat:
		return nil
	}
	if bytes && !selects(op) {
		return lacks("over %v", types[0].DType)
	}
	return nil
}

// settle gives every value of bytes a quantization: its maker's, else its first reader's, else
// that of plain numbers.
func (im *importer) settle() {
	g, prod := im.g, im.g.Producers()
	down := func() {
		for i := range g.Nodes {
			n := &g.Nodes[i]
			for _, id := range n.Out {
				if g.Values[id].Type.Quantized() && g.Values[id].Quant == nil {
					for _, x := range n.In {
						if g.Values[id].Quant == nil {
							g.Values[id].Quant = g.Values[x].Quant
						}
					}
				}
			}
		}
	}
	var up func(id graph.ID, q *tensor.Quant)
	up = func(id graph.ID, q *tensor.Quant) {
		for g.Values[id].Quant == nil {
			g.Values[id].Quant = q
			if prod[id] < 0 {
				return
			}
			in := g.Nodes[prod[id]].In
			for _, x := range in[1:] {
				if g.Values[x].Type.Quantized() && g.Values[x].Quant == nil && prod[x] < 0 {
					g.Values[x].Quant = q
				}
			}
			id = in[0]
		}
	}
	down()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if q := im.dequantized[n.Out[0]]; q != nil {
			up(n.In[0], q)
		}
	}
	for _, id := range g.Inputs {
		if v := &g.Values[id]; v.Type.Quantized() && v.Quant == nil {
			v.Quant = itself()
		}
	}
	down()
}

// fresh is a name that no value of the graph has.
func (f *fuser) fresh(base string) string {
	name := base
	for k := 1; f.names[name]; k++ {
		name = fmt.Sprintf("%s#%d", base, k)
	}
	f.names[name] = true
	return name
}
