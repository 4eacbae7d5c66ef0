package tflite

import (
	"errors"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

const (
	opAveragePool  = 1
	opConcat       = 2
	opMaxPool      = 17
	opMul          = 18
	opReshape      = 22
	opGather       = 36
	opTranspose    = 39
	opSqueeze      = 43
	opStridedSlice = 45
	opCast         = 53
	opExpandDims   = 70
	opShape        = 77
	opReduceProd   = 81
	opPack         = 83
)

// operators is every operator that is read, by its number.
var operators = map[int]func(*importer) error{
	0:   (*importer).add,
	1:   (*importer).averagePool,
	2:   (*importer).concat,
	3:   (*importer).conv,
	4:   (*importer).depthwise,
	6:   (*importer).dequantize,
	9:   (*importer).fullyConnected,
	14:  activation(graph.Sigmoid),
	17:  (*importer).maxPool,
	18:  (*importer).mul,
	19:  activation(graph.ReLU),
	20:  activation(graph.Clip(-1, 1)),
	21:  activation(graph.ReLU6),
	22:  (*importer).reshape,
	25:  (*importer).softmax,
	34:  (*importer).pad,
	36:  (*importer).gather,
	39:  (*importer).transpose,
	40:  (*importer).mean,
	41:  (*importer).sub,
	42:  (*importer).div,
	43:  (*importer).reshape, // SQUEEZE
	45:  (*importer).stridedSlice,
	49:  (*importer).split,
	55:  (*importer).maximum,
	57:  (*importer).minimum,
	60:  (*importer).pad, // PADV2
	65:  (*importer).slice,
	70:  (*importer).reshape, // EXPAND_DIMS
	97:  (*importer).resize,
	102: (*importer).splitSizes,
	114: (*importer).quantize,
	117: activation(graph.HardSwish),
}

// operator reads the current operator. One that is unknown, or that reads what an unknown
// one computes, leaves unknown results.
func (im *importer) operator() error {
	if len(im.op.out) == 0 {
		return im.refuse("computes nothing")
	}
	f := operators[im.op.code]
	if f == nil {
		im.unsupported("")
		return im.leave()
	}
	for _, i := range im.op.in {
		if i >= 0 && im.values[i].unknown {
			return im.leave()
		}
	}
	if len(im.op.in) == 0 || im.op.in[0] < 0 {
		return im.refuse("has no operand")
	}
	for _, i := range im.op.out {
		if t := &im.file.tensors[i]; t.dtype() == tensor.Invalid || t.dtype() != tensor.Float32 && t.dtype() != tensor.Int8 && t.dtype() != tensor.Uint8 {
			im.unsupported("result of %s", t.typeName())
			return im.leave()
		} else if t.shape.Elements() == 0 {
			return refuse(t.where(), "shape %v has no elements", t.shape)
		}
	}
	if im.op.code == opAveragePool || im.op.code == opMaxPool { // the runtime refuses such files
		if x, y := im.file.tensors[im.op.in[0]].quant, im.result().quant; im.quantized() && x != nil && y != nil && !graph.SameQuanta(x, y) {
			im.unsupported("reads scale %v, zero point %v and results in scale %v, zero point %v, and rescales nothing: quantize the model again", x.Scale, x.Zero, y.Scale, y.Zero)
			return im.leave()
		}
	}
	err := f(im)
	if errors.Is(err, errUnknown) {
		return im.leave()
	}
	return err
}

// leave marks the current operator's results as unknown.
func (im *importer) leave() error {
	for _, i := range im.op.out {
		if im.values[i].defined {
			return im.refuse("%s is computed twice", im.file.tensors[i].where())
		}
		im.values[i] = value{id: graph.None, defined: true, unknown: true}
	}
	return nil
}

// activation reads an operator that is one activation of one operand.
func activation(a graph.Act) func(*importer) error {
	return func(im *importer) error {
		x, v, err := im.activation(0)
		if err != nil {
			return err
		}
		return im.define(0, im.emit(im.result().name, graph.Activate{Act: a}, im.result().quant, x), v.image)
	}
}
