package tflite

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// A tensor of four dimensions is channels last in the file (an image; the graph has it
// NCHW), or in the graph's order already. Operators over images take the former, what
// TRANSPOSE makes of an image is often the latter, and most operators take either. So each
// value says which it is, and is transposed where an operator needs the other.

// wants is what the operators that read a tensor would rather have.
type wants struct{ image, plain bool }

// onImages are the operators whose first operand is an image.
var onImages = map[int]bool{1: true, 3: true, 4: true, 17: true, 34: true, 40: true, 60: true, 97: true}

// either are the operators that compute in the order of their operands.
var either = map[int]bool{
	0: true, 2: true, 6: true, 14: true, 18: true, 19: true, 20: true, 21: true, 25: true, 41: true, 42: true,
	45: true, 49: true, 55: true, 57: true, 65: true, 102: true, 114: true, 117: true,
}

// wishes goes backwards over the operators and finds out what the readers of every tensor
// would rather have.
func (im *importer) wishes() []wants {
	w := make([]wants, len(im.file.tensors))
	for i := len(im.file.operators) - 1; i >= 0; i-- {
		op := &im.file.operators[i]
		switch {
		case len(op.in) == 0 || op.in[0] < 0:
		case onImages[op.code]:
			w[op.in[0]].image = true
		case op.code == opTranspose && len(op.in) > 1 && op.in[1] >= 0:
			switch im.known(op.in[1]) {
			case [4]int{0, 2, 3, 1}:
				w[op.in[0]].plain = true
			case [4]int{0, 3, 1, 2}:
				w[op.in[0]].image = true
			}
		case either[op.code]:
			for _, in := range op.in {
				for _, out := range op.out {
					if in >= 0 && len(im.file.tensors[in].shape) == 4 {
						w[in].image = w[in].image || w[out].image
						w[in].plain = w[in].plain || w[out].plain
					}
				}
			}
		}
	}
	return w
}

// known is a constant list of four integers, or zeros.
func (im *importer) known(i int) (list [4]int) {
	t := &im.file.tensors[i]
	if len(t.data) != 16 || t.dtype() != tensor.Int32 {
		return list
	}
	c, err := tensor.FromBytes(tensor.Int32, tensor.Shape{4}, t.data)
	if err != nil {
		return list
	}
	for k, v := range c.Data.([]int32) {
		list[k] = int(v)
	}
	return list
}

// channelsLast reports whether the file's inputs and outputs of four dimensions are images,
// which they are but where each such input is put into that order first.
func (im *importer) channelsLast() bool {
	some := false
	for _, i := range im.file.inputs {
		if len(im.file.tensors[i].shape) != 4 {
			continue
		}
		if some = true; im.wants[i].image || !im.wants[i].plain {
			return true
		}
	}
	return !some
}

// as is operand k as an image or in the graph's order. It is transposed where it is the
// other; a constant is made as it is wanted.
func (im *importer) as(k int, image bool) (graph.ID, error) {
	if im.isConstant(k) {
		return im.bound(k, im.shape(k), image)
	}
	x, v, err := im.activation(k)
	if err != nil {
		return graph.None, err
	}
	return im.turned(x, v, im.op.in[k], image), nil
}

// turned is the value of tensor i as an image or in the graph's order.
func (im *importer) turned(x graph.ID, v *value, i int, image bool) graph.ID {
	rank := len(im.file.tensors[i].shape)
	if v.image == image || rank < 4 {
		return x
	}
	if !v.turned {
		from, to := inverse(order(rank, v.image)), order(rank, image)
		p := make([]int, rank)
		for d := range p {
			p[d] = from[to[d]]
		}
		v.other = im.emit(im.file.tensors[i].name+"/turned", graph.Transpose{Perm: dims(p)}, im.quant[x], x)
		v.turned = true
	}
	return v.other
}

// image is operand k as an image.
func (im *importer) image(k int) (graph.ID, error) {
	if s := im.shape(k); len(s) != 4 {
		return graph.None, im.refuse("an input of shape %v, want 4 dimensions", s)
	}
	return im.as(k, true)
}

// stands reports whether operands are best taken as images: where one of them, which is
// computed, is one.
func (im *importer) stands(ks ...int) bool {
	for _, k := range ks {
		if im.has(k) && !im.isConstant(k) && im.values[im.op.in[k]].image {
			return true
		}
	}
	return false
}

// bound is operand k, a constant, seen under a file's shape that has its elements, as an
// image or in the graph's order.
func (im *importer) bound(k int, shape tensor.Shape, image bool) (graph.ID, error) {
	i := im.op.in[k]
	form := "value"
	if image = image && len(shape) >= 4; image {
		form = "image"
	}
	key := madeKey{i, form + shape.String()}
	if id, ok := im.made[key]; ok {
		return id, nil
	}
	c, err := im.constant(k)
	if err != nil {
		return graph.None, err
	}
	p := order(len(shape), image)
	r := *c
	r.Shape = shape.Clone()
	if c.DType != tensor.Float32 && (c.Quant == nil || len(c.Quant.Scale) != 1) {
		if r.Quant = c.Quant; c.Quant != nil && !shape.Equal(c.Shape) {
			return graph.None, im.no("a constant of many scales that broadcasts")
		}
		f, err := im.floating(&r, p)
		if err != nil {
			return graph.None, err
		}
		r = *f
	} else {
		if err := im.file.spend(c.Shape.Elements() * c.DType.Size()); err != nil {
			return graph.None, err
		}
		r = *reorder(&r, shape, p)
	}
	id := im.b.Bound(graph.Constant, im.unique(im.file.tensors[i].name), &r)
	if r.Quant != nil {
		im.quant[id] = r.Quant
	}
	im.made[key] = id
	return id, nil
}

// floating is a constant, row-major by its shape, as float32 in the order of p, dequantized
// where it has quantization parameters.
func (im *importer) floating(t *tensor.Tensor, p []int) (*tensor.Tensor, error) {
	if t.DType == tensor.Float32 {
		return reorder(t, t.Shape, p), nil
	}
	n := t.Shape.Elements()
	if err := im.file.spend(4 * n); err != nil {
		return nil, err
	}
	out := tensor.New(tensor.Float32, permute(t.Shape, p))
	y := out.Float32()
	const most = 1 << 12 // elements that are turned to float32 at a time
	part := tensor.Tensor{DType: t.DType}
	inner, scales := 1, 0
	if t.Quant != nil {
		if scales = len(t.Quant.Scale); scales > 1 {
			inner = t.Shape[t.Quant.Axis+1:].Elements()
		}
	}
	real := func(i int, x float32) float32 {
		if scales == 0 {
			return x
		}
		c := i / inner % scales
		return (x - float32(t.Quant.Zero[c])) * t.Quant.Scale[c]
	}
	if still(t.Shape, p) {
		for from := 0; from < n; from += most {
			to := min(n, from+most)
			part.Shape, part.Data = tensor.Shape{to - from}, cutData(t.Data, from, to)
			for i, x := range part.Floats() {
				y[from+i] = real(from+i, x)
			}
		}
		return out, nil
	}
	// Element i of t goes to place to[i].
	back := make([]int, len(p)) // the result's stride of each of t's dimensions
	for d, k := range p {
		back[k] = out.Shape[d+1:].Elements()
	}
	at, place := make([]int, len(p)), 0
	for from := 0; from < n; from += most {
		to := min(n, from+most)
		part.Shape, part.Data = tensor.Shape{to - from}, cutData(t.Data, from, to)
		for i, x := range part.Floats() {
			y[place] = real(from+i, x)
			for d := len(p) - 1; d >= 0; d-- {
				at[d]++
				place += back[d]
				if at[d] < t.Shape[d] {
					break
				}
				place -= at[d] * back[d]
				at[d] = 0
			}
		}
	}
	return out, nil
}

// cutData is elements from … to of a tensor's data.
func cutData(data any, from, to int) any {
	switch v := data.(type) {
	case []float64:
		return v[from:to]
	case []uint16:
		return v[from:to]
	case []int8:
		return v[from:to]
	case []uint8:
		return v[from:to]
	case []int16:
		return v[from:to]
	case []int32:
		return v[from:to]
	case []int64:
		return v[from:to]
	case []bool:
		return v[from:to]
	}
	return data.([]float32)[from:to]
}
