package tflite

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// conv: weights are OHWI; fewer input channels than the image has mean groups.
func (im *importer) conv() error {
	o := im.op.options
	c := graph.Conv{Stride: [2]int{o.int32(2, 0), o.int32(1, 0)}, Dilation: [2]int{o.int32(5, 1), o.int32(4, 1)}}
	return im.convolve(c, o.int8(0, 0), o.int8(3, 0), "conv", []int{0, 3, 1, 2}, func(x, w tensor.Shape) int {
		if w[1] == 0 || x[1]%w[1] != 0 {
			return 0
		}
		return x[1] / w[1]
	})
}

// depthwise: weights are 1HWO, output channel i·m + k filters input channel i.
func (im *importer) depthwise() error {
	o := im.op.options
	c := graph.Conv{Stride: [2]int{o.int32(2, 0), o.int32(1, 0)}, Dilation: [2]int{o.int32(6, 1), o.int32(5, 1)}}
	return im.convolve(c, o.int8(0, 0), o.int8(4, 0), "depthwise", []int{3, 0, 1, 2}, func(x, w tensor.Shape) int { return x[1] })
}

func (im *importer) convolve(c graph.Conv, padding, act int8, form string, p []int, groups func(x, w tensor.Shape) int) error {
	x, err := im.image(0)
	if err != nil {
		return err
	}
	if !im.has(1) {
		return im.refuse("has no weights")
	}
	integer := im.quantized()
	w, err := im.weight(1, form, p, integer)
	if err != nil {
		return err
	}
	if c.Groups = groups(im.b.Type(x).Shape, im.b.Type(w).Shape); c.Groups < 1 {
		return im.refuse("weights %v do not fit an input %v", im.b.Type(w).Shape, im.b.Type(x).Shape)
	}
	in := []graph.ID{x, w}
	if in, c.Bias, err = im.bias(in, integer); err != nil {
		return err
	}
	if c.Pad, err = im.padding(padding); err != nil {
		return err
	}
	if c.Act, err = im.fused(act); err != nil {
		return err
	}
	if im.b.Type(w).DType != tensor.Float32 && integer && len(im.result().quantScales()) != 1 {
		return im.refuse("a result without quantization of one scale")
	}
	return im.define(0, im.emit(im.result().name, c, im.result().quant, in...), true)
}

func (t *fileTensor) quantScales() []float32 {
	if t.quant == nil {
		return nil
	}
	return t.quant.Scale
}

// bias appends operand 2 where there is one.
func (im *importer) bias(in []graph.ID, integer bool) ([]graph.ID, bool, error) {
	if !im.has(2) {
		return in, false, nil
	}
	b, err := im.weight(2, "bias", []int{0}, integer)
	if err != nil {
		return nil, false, err
	}
	if integer && im.b.Type(b).DType != tensor.Int32 {
		return nil, false, im.refuse("a bias of %v, want int32", im.b.Type(b).DType)
	}
	return append(in, b), true, nil
}

// fullyConnected: the operand's elements in the file's order are rows of as many as the
// weights have columns.
func (im *importer) fullyConnected() error {
	o := im.op.options
	if o.int8(1, 0) != 0 {
		return im.no("shuffled weights")
	}
	if !im.has(1) {
		return im.refuse("has no weights")
	}
	integer := im.quantized()
	w, err := im.weight(1, "linear", []int{0, 1}, integer)
	if err != nil {
		return err
	}
	k := im.b.Type(w).Shape[1]
	n := im.shape(0).Elements()
	if n%k != 0 {
		return im.refuse("an input of shape %v and weights %v", im.shape(0), im.b.Type(w).Shape)
	}
	x, err := im.shaped(0, tensor.Shape{n / k, k}, false)
	if err != nil {
		return err
	}
	in, bias, err := im.bias([]graph.ID{x, w}, integer)
	if err != nil {
		return err
	}
	act, err := im.fused(o.int8(0, 0))
	if err != nil {
		return err
	}
	if integer && len(im.result().quantScales()) != 1 {
		return im.refuse("a result without quantization of one scale")
	}
	y := im.emit(im.result().name, graph.Linear{Bias: bias, Act: act}, im.result().quant, in...)
	if len(im.result().shape) == 2 {
		return im.define(0, y, false)
	}
	return im.reshaped(y, tensor.Shape{n / k, im.b.Type(w).Shape[0]}, false, im.result())
}
