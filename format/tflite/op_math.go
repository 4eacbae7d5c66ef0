package tflite

import (
	"math"

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
	var in [2]graph.ID
	for k := range in {
		s := im.shape(k)
		if rank == 4 && len(s) < 4 { // broadcasting aligns the last dimensions
			full := tensor.Shape{1, 1, 1, 1}
			copy(full[4-len(s):], s)
			in[k], err = im.shaped(k, full, true)
		} else {
			in[k], _, err = im.activation(k)
		}
		if err != nil {
			return err
		}
	}
	if im.b.Type(in[0]).DType != im.b.Type(in[1]).DType {
		return im.no("operands of %v and %v", im.b.Type(in[0]).DType, im.b.Type(in[1]).DType)
	}
	return im.define(0, im.emit(im.result().name, graph.Binary{Fn: fn, Act: act}, im.result().quant, in[0], in[1]), rank == 4)
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
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	if !v.image {
		return im.refuse("an input of shape %v, want 4 dimensions", im.shape(0))
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

// mean: over the pixels of an image.
func (im *importer) mean() error {
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	axes, err := im.list(1)
	if err != nil {
		return err
	}
	rows, columns := false, false
	for _, a := range axes {
		switch a {
		case 1, -3:
			rows = true
		case 2, -2:
			columns = true
		default:
			rows = false
		}
	}
	if !v.image || len(axes) != 2 || !rows || !columns {
		return im.no("mean over dimensions %v of shape %v, want those of the pixels", axes, im.shape(0))
	}
	s := im.shape(0)
	y := im.emit(im.result().name, graph.GlobalAvgPool{}, im.result().quant, x)
	return im.reshaped(y, tensor.Shape{s[0], 1, 1, s[3]}, true, im.result())
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
		if c, err = im.floating(c); err != nil {
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
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	p, err := im.list(1)
	if err != nil {
		return err
	}
	if !v.image || len(p) != 8 || p[0] != 0 || p[1] != 0 || p[6] != 0 || p[7] != 0 {
		return im.no("padding %v of shape %v, want rows and columns of an image", p, im.shape(0))
	}
	op := graph.Pad{Pad: graph.Padding{Top: p[2], Bottom: p[3], Left: p[4], Right: p[5]}}
	if im.has(2) {
		c, err := im.constant(2)
		if err != nil {
			return err
		}
		if c, err = im.floating(c); err != nil {
			return err
		}
		if c.Shape.Elements() != 1 || math.IsNaN(float64(c.Float32()[0])) {
			return im.refuse("a value of shape %v", c.Shape)
		}
		op.Value = c.Float32()[0]
	}
	return im.define(0, im.emit(im.result().name, op, im.result().quant, x), true)
}

// resize by nearest neighbour in its plain form.
func (im *importer) resize() error {
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	size, err := im.list(1)
	if err != nil {
		return err
	}
	if im.op.options.bool(0) || im.op.options.bool(1) {
		return im.no("aligned corners or half-pixel centres")
	}
	if !v.image || len(size) != 2 {
		return im.refuse("size %v of shape %v", size, im.shape(0))
	}
	return im.define(0, im.emit(im.result().name, graph.Resize{H: size[0], W: size[1]}, im.result().quant, x), true)
}
