package tflite

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// errUnknown says that the current operator was noted as unsupported.
var errUnknown = errors.New("unsupported")

// no notes why the current operator cannot be read.
func (im *importer) no(why string, args ...any) error {
	im.unsupported(why, args...)
	return errUnknown
}

func (im *importer) refuse(f string, args ...any) error { return refuse(im.where(), f, args...) }

// has reports whether operand k is there.
func (im *importer) has(k int) bool { return k < len(im.op.in) && im.op.in[k] >= 0 }

// source is operand k, which must be there.
func (im *importer) source(k int) (*fileTensor, *value, error) {
	if !im.has(k) {
		return nil, nil, im.refuse("got %d operands, want operand %d", len(im.op.in), k)
	}
	i := im.op.in[k]
	return &im.file.tensors[i], &im.values[i], nil
}

// shape is operand k's shape in the file.
func (im *importer) shape(k int) tensor.Shape { return im.file.tensors[im.op.in[k]].shape }

// result is the tensor that the operator computes first.
func (im *importer) result() *fileTensor { return &im.file.tensors[im.op.out[0]] }

// constant is operand k's data in the file's order.
func (im *importer) constant(k int) (*tensor.Tensor, error) {
	t, v, err := im.source(k)
	if err != nil {
		return nil, err
	}
	if v.con != nil {
		return v.con, nil
	}
	if t.odd != "" {
		return nil, im.no("%s", t.odd)
	}
	if t.data == nil || v.defined {
		return nil, im.no("operand %d is computed, not constant", k)
	}
	d := t.dtype()
	if d == tensor.Invalid {
		return nil, im.no("constant of %s", t.typeName())
	}
	// FromBytes copies what is not aligned, and booleans.
	if err := im.file.spend(len(t.data) / 4); err != nil {
		return nil, err
	}
	c, err := tensor.FromBytes(d, t.shape, t.data)
	if err != nil {
		return nil, refuse(t.where(), "shape %v of %s and %d bytes of data", t.shape, t.typeName(), len(t.data))
	}
	c.Quant = t.quant
	v.con = c
	return c, nil
}

// isConstant reports whether operand k is known before the run.
func (im *importer) isConstant(k int) bool {
	if !im.has(k) {
		return false
	}
	v := &im.values[im.op.in[k]]
	return v.con != nil || !v.defined && im.file.tensors[im.op.in[k]].data != nil
}

// maxList bounds a list of dimensions, axes or sizes.
const maxList = 64

// list is operand k as a constant list of integers.
func (im *importer) list(k int) ([]int, error) {
	c, err := im.constant(k)
	if err != nil {
		return nil, err
	}
	if n := c.Shape.Elements(); n > maxList {
		return nil, im.refuse("operand %d has %d elements, want at most %d", k, n, maxList)
	}
	var out []int
	switch v := c.Data.(type) {
	case []int32:
		for _, x := range v {
			out = append(out, int(x))
		}
	case []int64:
		for _, x := range v {
			out = append(out, int(x))
		}
	default:
		return nil, im.refuse("operand %d is %v, want integers", k, c.DType)
	}
	return out, nil
}

// weight is operand k as a parameter whose dimensions are reordered by p. Where the
// network computes in float32 its weights become float32.
func (im *importer) weight(k int, form string, p []int, integer bool) (graph.ID, error) {
	i := im.op.in[k]
	if !integer {
		form += ",float"
	}
	key := madeKey{i, form}
	if id, ok := im.made[key]; ok {
		return id, nil
	}
	c, err := im.constant(k)
	if err != nil {
		return graph.None, err
	}
	shape := c.Shape
	if len(shape) != len(p) {
		return graph.None, im.refuse("weights of shape %v, want %d dimensions", shape, len(p))
	}
	if shape.Elements() == 0 {
		return graph.None, im.refuse("weights of shape %v have no elements", shape)
	}
	var r tensor.Tensor
	if !integer {
		if c.DType == tensor.Int8 || c.DType == tensor.Uint8 {
			im.warn("weights of 8 bits meet float32 activations (a hybrid model): they are computed in float32")
		}
		f, err := im.floating(c, p)
		if err != nil {
			return graph.None, err
		}
		r = *f
	} else {
		if c.DType != tensor.Int8 && c.DType != tensor.Uint8 && c.DType != tensor.Int32 {
			return graph.None, im.refuse("operand %d is %v in a quantized operator", k, c.DType)
		}
		r = *reorder(c, shape, p)
	}
	if !still(shape, p) && c.DType.Size() == r.DType.Size() {
		if err := im.file.spend(r.Shape.Elements() * r.DType.Size()); err != nil {
			return graph.None, err
		}
	}
	if r.Quant = nil; integer && c.DType != tensor.Int32 {
		if c.Quant == nil {
			return graph.None, im.refuse("weights without quantization")
		}
		q := *c.Quant
		if len(q.Scale) > 1 && p[0] != q.Axis {
			return graph.None, im.no("weights quantized along dimension %d", q.Axis)
		}
		q.Axis = 0
		r.Quant = &q
	}
	name := im.file.tensors[i].name
	id := im.b.Bound(graph.Parameter, im.unique(name), &r)
	im.made[key] = id
	return id, nil
}

// activation is operand k as a value of the graph, as it stands. A constant becomes one in
// the order that its rank has.
func (im *importer) activation(k int) (graph.ID, *value, error) {
	t, v, err := im.source(k)
	if err != nil {
		return graph.None, nil, err
	}
	if v.id != graph.None {
		return v.id, v, nil
	}
	if v.defined && v.con == nil {
		return graph.None, nil, im.refuse("%s has no value", t.where())
	}
	if !im.isConstant(k) {
		return graph.None, nil, im.refuse("reads %s, which nothing computes before it", t.where())
	}
	image := len(t.shape) == 4
	id, err := im.bound(k, t.shape, image)
	if err != nil {
		return graph.None, nil, err
	}
	return id, &value{id: id, image: image, defined: true}, nil
}

// emit adds a node whose result has the quantization q. The runtime's operators that move
// integers copy them, whatever the quantizations before and after them are: where those are
// unlike, the bytes that were moved are read as other numbers.
func (im *importer) emit(name string, op graph.Op, q *tensor.Quant, in ...graph.ID) graph.ID {
	if _, ok := op.(graph.Identity); !ok && graph.KeepsQuanta(op) && im.unlike(in[0], q) {
		return im.as8(im.emit(name+"/bytes", op, im.quant[in[0]], in...), name, q)
	}
	name, _, _ = strings.Cut(name, ";") // converters join the names of what they fused
	id := im.b.Add(im.unique(name), op, in...)
	if id != graph.None && im.b.Type(id).Quantized() {
		im.quant[id] = q
	}
	return id
}

// unlike reports whether integers of x stand for other numbers under the quantization q.
func (im *importer) unlike(x graph.ID, q *tensor.Quant) bool {
	p := im.quant[x]
	return x != graph.None && im.b.Type(x).Quantized() && p != nil && q != nil && !graph.SameQuanta(p, q)
}

// as8 is the bytes of x, read as the numbers of q.
func (im *importer) as8(x graph.ID, name string, q *tensor.Quant) graph.ID {
	if !im.unlike(x, q) {
		return x
	}
	return im.emit(name, graph.Identity{}, q, x)
}

// define says which value the operator's result k is. Its type must be what the file says:
// later operators go by the file's shapes.
func (im *importer) define(k int, id graph.ID, image bool) error {
	if k >= len(im.op.out) {
		return im.refuse("got %d results, want result %d", len(im.op.out), k)
	}
	i := im.op.out[k]
	if im.values[i].defined {
		return im.refuse("%s is computed twice", im.file.tensors[i].where())
	}
	if err := im.b.Err(); err != nil {
		return im.refuse("%v", err)
	}
	t, got := &im.file.tensors[i], im.b.Type(id)
	p := order(len(t.shape), image)
	if want := permute(t.shape, p); got.DType != t.dtype() || !got.Shape.Equal(want) {
		if got.DType != t.dtype() || len(got.Shape) != len(want) || !t.free && !im.moved() {
			return refuse(t.where(), "is %s%v in the file and %v by its operators", t.typeName(), want, got)
		}
		t.shape, t.moved = permute(got.Shape, inverse(p)), true
	}
	if im.taken[id] && slices.Contains(im.file.outputs, i) { // an output has its own name
		id = im.emit(t.name, graph.Identity{}, im.quant[id], id)
	}
	im.taken[id] = true
	im.values[i] = value{id: id, image: image, defined: true}
	return nil
}

// moved reports whether an operand has another shape than the file says, which then is no
// word about the results' either.
func (im *importer) moved() bool {
	for _, i := range im.op.in {
		if i >= 0 && im.file.tensors[i].moved {
			return true
		}
	}
	return false
}

// quantized reports whether the operator's first operand is quantized.
func (im *importer) quantized() bool {
	d := im.file.tensors[im.op.in[0]].dtype()
	return d == tensor.Int8 || d == tensor.Uint8
}

// fused is the activation number of an option as the graph's.
func (im *importer) fused(n int8) (graph.Act, error) {
	switch n {
	case 0:
		return graph.Act{}, nil
	case 1:
		return graph.ReLU, nil
	case 2:
		return graph.Clip(-1, 1), nil
	case 3:
		return graph.ReLU6, nil
	}
	return graph.Act{}, im.no("fused activation %s", fmt.Sprint(n))
}

// padding is the padding number of an option.
func (im *importer) padding(n int8) (graph.Padding, error) {
	switch n {
	case 0:
		return graph.SamePadding, nil
	case 1:
		return graph.Padding{}, nil
	}
	return graph.Padding{}, im.refuse("padding %d", n)
}
