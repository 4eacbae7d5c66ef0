package tflite

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

func (im *importer) add() error { return im.binary(graph.Add) }
func (im *importer) sub() error { return im.binary(graph.Sub) }
func (im *importer) mul() error { return im.binary(graph.Mul) }
func (im *importer) div() error { return im.binary(graph.Div) }

func (im *importer) binary(fn graph.BinaryFn) error {
	if !im.has(1) {
		return im.refuse("got %d operands, want 2", len(im.op.in))
	}
	if fn == graph.Div && im.quantized() {
		return im.no("division of integers")
	}
	act, err := im.fused(im.op.options.int8(0, 0))
	if err != nil {
		return err
	}
	rank := max(len(im.shape(0)), len(im.shape(1)))
	image := rank >= 4 && im.stands(0, 1)
	if rank == 4 && im.isConstant(0) && im.isConstant(1) {
		image = true
	}
	var in [2]graph.ID
	for k := range in {
		s := im.shape(k)
		if len(s) < rank && rank >= 4 { // broadcasting aligns the last dimensions
			full := make(tensor.Shape, rank)
			for d := range full {
				full[d] = 1
			}
			copy(full[rank-len(s):], s)
			in[k], err = im.shaped(k, full, image)
		} else {
			in[k], err = im.as(k, image)
		}
		if err != nil {
			return err
		}
	}
	if im.b.Type(in[0]).DType != im.b.Type(in[1]).DType {
		return im.no("operands of %v and %v", im.b.Type(in[0]).DType, im.b.Type(in[1]).DType)
	}
	return im.define(0, im.emit(im.result().name, graph.Binary{Fn: fn, Act: act}, im.result().quant, in[0], in[1]), image)
}

func (im *importer) softmax() error {
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	rank := len(im.shape(0))
	if rank == 0 {
		return im.refuse("a scalar")
	}
	if b := im.op.options.float32(0); b != 1 {
		return im.no("beta %v", b)
	}
	axis := inverse(order(rank, v.image))[rank-1]
	return im.define(0, im.emit(im.result().name, graph.Softmax{Axis: axis}, im.result().quant, x), v.image)
}

func (im *importer) averagePool() error {
	return im.pool(func(kernel, stride [2]int, p graph.Padding) graph.Op {
		return graph.AvgPool{Kernel: kernel, Stride: stride, Pad: p}
	})
}

func (im *importer) maxPool() error {
	return im.pool(func(kernel, stride [2]int, p graph.Padding) graph.Op {
		return graph.MaxPool{Kernel: kernel, Stride: stride, Pad: p}
	})
}

func (im *importer) pool(make func(kernel, stride [2]int, p graph.Padding) graph.Op) error {
	x, err := im.image(0)
	if err != nil {
		return err
	}
	o := im.op.options
	p, err := im.padding(o.int8(0, 0))
	if err != nil {
		return err
	}
	act, err := im.fused(o.int8(5, 0))
	if err != nil {
		return err
	}
	op := make([2]int{o.int32(4, 0), o.int32(3, 0)}, [2]int{o.int32(2, 0), o.int32(1, 0)}, p)
	name, q := im.result().name, im.result().quant
	if act == (graph.Act{}) {
		return im.define(0, im.emit(name, op, q, x), true)
	}
	return im.define(0, im.emit(name, graph.Activate{Act: act}, q, im.emit(name+"/pool", op, q, x)), true)
}

// mean: over the pixels of an image, or over any dimensions as over the pixels of an image
// whose rows are one and whose columns are theirs.
func (im *importer) mean() error {
	axes, err := im.list(1)
	if err != nil {
		return err
	}
	s := im.shape(0)
	over := make([]bool, len(s))
	for _, a := range axes {
		if a < 0 {
			a += len(s)
		}
		if a < 0 || a >= len(s) {
			return im.refuse("mean over dimensions %v of shape %v", axes, s)
		}
		over[a] = true
	}
	q, name := im.result().quant, im.result().name
	if len(s) == 4 && slices.Equal(over, []bool{false, true, true, false}) {
		x, err := im.image(0)
		if err != nil {
			return err
		}
		y := im.emit(name, graph.GlobalAvgPool{}, q, x)
		return im.reshaped(y, tensor.Shape{s[0], 1, 1, s[3]}, true, im.result())
	}
	x, err := im.as(0, false)
	if err != nil {
		return err
	}
	var first, behind []int // the dimensions that stay, and those that go
	rows, columns := 1, 1
	for d, gone := range over {
		if gone {
			behind = append(behind, d)
			columns *= s[d]
		} else {
			first = append(first, d)
			rows *= s[d]
		}
	}
	xq := im.quant[x]
	if p := append(first, behind...); !still(s, p) {
		x = im.emit(name+"/moved", graph.Transpose{Perm: dims(p)}, xq, x)
	}
	batch := 1
	if !over[0] && len(s) > 0 {
		batch = s[0]
	}
	x = im.emit(name+"/rows", graph.Reshape{To: dims([]int{batch, rows / batch, 1, columns})}, xq, x)
	y := im.emit(name+"/mean", graph.GlobalAvgPool{}, q, x)
	kept := tensor.Shape{}
	for d, n := range s {
		if !over[d] {
			kept = append(kept, n)
		} else if im.op.options.bool(0) {
			kept = append(kept, 1)
		}
	}
	t := im.result()
	if !kept.Equal(t.shape) {
		if !t.free && !im.moved() {
			return im.refuse("the mean of %v over dimensions %v becomes %v in the file", s, axes, t.shape)
		}
		t.shape, t.moved = kept, true
	}
	return im.reshaped(y, tensor.Shape{batch, rows / batch, 1, 1}, false, t)
}

func (im *importer) maximum() error {
	return im.limit(func(c float32) graph.Act { return graph.Clip(c, inf) })
}
func (im *importer) minimum() error {
	return im.limit(func(c float32) graph.Act { return graph.Clip(-inf, c) })
}

var inf = float32(math.Inf(1))

// limit: of a value and a number.
func (im *importer) limit(act func(c float32) graph.Act) error {
	if !im.has(1) {
		return im.refuse("got %d operands, want 2", len(im.op.in))
	}
	k := 1
	if im.isConstant(0) {
		k = 0
	}
	if !im.isConstant(k) || im.shape(k).Elements() != 1 || len(im.shape(k)) > len(im.shape(1-k)) {
		return im.no("of operands of shapes %v and %v, want a value and a number", im.shape(0), im.shape(1))
	}
	c, err := im.constant(k)
	if err != nil {
		return err
	}
	if c, err = im.floating(c, order(len(c.Shape), false)); err != nil {
		return err
	}
	if v := c.Float32()[0]; v != v {
		return im.refuse("with NaN")
	}
	if im.quantized() { // the runtime compares the integers themselves
		for _, i := range []int{im.op.in[1], im.op.out[0]} {
			if a, b := im.file.tensors[im.op.in[0]].quant, im.file.tensors[i].quant; a == nil || b == nil || !graph.SameQuanta(a, b) {
				return im.no("of integers of unlike scales")
			}
		}
	}
	x, v, err := im.activation(1 - k)
	if err != nil {
		return err
	}
	return im.define(0, im.emit(im.result().name, graph.Activate{Act: act(c.Float32()[0])}, im.result().quant, x), v.image)
}

func (im *importer) quantize() error {
	t := im.result()
	if t.dtype() == tensor.Float32 || len(t.quantScales()) != 1 {
		return im.refuse("to %s without quantization of one scale", t.typeName())
	}
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	var op graph.Op = graph.Quantize{To: t.dtype()}
	if im.b.Type(x).Quantized() {
		op = graph.Requantize{To: t.dtype()}
	}
	return im.define(0, im.emit(t.name, op, t.quant, x), v.image)
}

// dequantize of a constant is a constant.
func (im *importer) dequantize() error {
	if im.isConstant(0) {
		c, err := im.constant(0)
		if err != nil {
			return err
		}
		if c, err = im.floating(c, order(len(c.Shape), false)); err != nil {
			return err
		}
		out := &im.values[im.op.out[0]]
		if out.defined {
			return im.refuse("%s is computed twice", im.result().where())
		}
		if !c.Shape.Equal(im.result().shape) {
			return im.refuse("shape %v of a constant becomes %v", c.Shape, im.result().shape)
		}
		*out = value{id: graph.None, con: c, defined: true}
		return nil
	}
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	return im.define(0, im.emit(im.result().name, graph.Dequantize{}, nil, x), v.image)
}

// pad: rows and columns alone, with zero or operand 2.
func (im *importer) pad() error {
	p, err := im.list(1)
	if err != nil {
		return err
	}
	if len(im.shape(0)) != 4 || len(p) != 8 || p[0] != 0 || p[1] != 0 || p[6] != 0 || p[7] != 0 {
		return im.no("padding %v of shape %v, want rows and columns of an image", p, im.shape(0))
	}
	x, err := im.image(0)
	if err != nil {
		return err
	}
	op := graph.Pad{Pad: graph.Padding{Top: p[2], Bottom: p[3], Left: p[4], Right: p[5]}}
	if im.has(2) {
		c, err := im.constant(2)
		if err != nil {
			return err
		}
		if c, err = im.floating(c, order(len(c.Shape), false)); err != nil {
			return err
		}
		if c.Shape.Elements() != 1 || math.IsNaN(float64(c.Float32()[0])) {
			return im.refuse("a value of shape %v", c.Shape)
		}
		op.Value = c.Float32()[0]
	}
	if q := im.result().quant; im.unlike(x, q) { // the byte of the result's quantization, as x's
		p, byte := im.quant[x], math.Round(float64(op.Value)/float64(q.Scale[0]))+float64(q.Zero[0])
		op.Value = p.Scale[0] * float32(byte-float64(p.Zero[0]))
	}
	return im.define(0, im.emit(im.result().name, op, im.result().quant, x), true)
}

// resize by nearest neighbour, by the rule of the graph that takes the same elements as the
// runtime, which computes in float32, or element by element.
func (im *importer) resize() error {
	size, err := im.list(1)
	if err != nil {
		return err
	}
	if len(size) != 2 || size[0] < 1 || size[1] < 1 || max(size[0], size[1]) > maxSide {
		return im.refuse("size %v of shape %v", size, im.shape(0))
	}
	x, err := im.image(0)
	if err != nil {
		return err
	}
	s, name, q := im.b.Type(x).Shape, im.result().name, im.result().quant
	form := nearestForm{im.op.options.bool(0), im.op.options.bool(1)}
	rows, columns := form.pick(s[2], size[0]), form.pick(s[3], size[1])
	for _, op := range []graph.Resize{
		{}, {At: graph.AtAsymmetric}, {At: graph.AtTFHalfPixel}, {At: graph.AtHalfPixel, Near: graph.NearHalfUp}, {At: graph.AtAlignCorners, Near: graph.NearHalfUp},
	} {
		op.H, op.W = size[0], size[1]
		if r, c := op.Pick(s[2], s[3]); slices.Equal(r, rows) && slices.Equal(c, columns) {
			return im.define(0, im.emit(name, op, q, x), true)
		}
	}
	if max(size[0], size[1]) > maxPicked {
		return im.no("from %dx%d to %dx%d, where the runtime's own rounding decides", s[2], s[3], size[0], size[1])
	}
	y := im.picked(im.picked(x, 2, rows, name+"/rows", q), 3, columns, name, q)
	return im.define(0, y, true)
}

// maxSide bounds a side that a file asks for, maxPicked the elements that are picked one by
// one.
const (
	maxSide   = 1 << 16
	maxPicked = 1 << 8
)

// picked is x with the elements of a list along a dimension of the graph.
func (im *importer) picked(x graph.ID, axis int, list []int32, name string, q *tensor.Quant) graph.ID {
	var parts []graph.ID
	made := map[int32]graph.ID{}
	for _, i := range list {
		if _, ok := made[i]; !ok {
			made[i] = im.emit(name+"/part", graph.Slice{Axis: axis, Start: int(i), End: int(i) + 1, Step: 1}, q, x)
		}
		parts = append(parts, made[i])
	}
	return im.emit(name, graph.Concat{Axis: axis}, q, parts...)
}

// gather takes elements along one dimension by a list: those that a nearest neighbour takes,
// those of a step, or one by one.
func (im *importer) gather() error {
	if im.op.options.int32(1, 0) != 0 {
		return im.no("of a batch")
	}
	if !im.isConstant(1) || im.isConstant(0) {
		return im.no("of a list that is computed")
	}
	c, err := im.constant(1)
	if err != nil {
		return err
	}
	if c.DType != tensor.Int32 || len(c.Shape) != 1 {
		return im.no("a list of %v%v", c.DType, c.Shape)
	}
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	s := im.shape(0)
	a := im.op.options.int32(0, 0)
	if a < 0 {
		a += len(s)
	}
	axis, err := im.axis(a, len(s), v.image)
	if err != nil {
		return err
	}
	list := c.Data.([]int32)
	near := true
	for i, n := range list {
		if n < 0 || int(n) >= s[a] {
			return im.refuse("element %d of %d", n, s[a])
		}
		near = near && int(n) == i*s[a]/len(list)
	}
	name, q := im.result().name, im.result().quant
	if t := im.b.Type(x).Shape; near && len(s) == 4 && axis >= 2 {
		op := graph.Resize{H: t[2], W: len(list)}
		if axis == 2 {
			op = graph.Resize{H: len(list), W: t[3]}
		}
		return im.define(0, im.emit(name, op, q, x), v.image)
	}
	if len(list) == 0 {
		return im.refuse("an empty list")
	}
	step := 1
	if len(list) > 1 {
		step = int(list[1]) - int(list[0])
	}
	for i, n := range list {
		if step >= 1 && int(n) == int(list[0])+i*step {
			continue
		}
		if len(list) > maxPicked {
			return im.no("a list of %d elements along dimension %d", len(list), a)
		}
		return im.define(0, im.picked(x, axis, list, name, q), v.image)
	}
	from := int(list[0])
	return im.define(0, im.emit(name, graph.Slice{Axis: axis, Start: from, End: from + (len(list)-1)*step + 1, Step: step}, q, x), v.image)
}
