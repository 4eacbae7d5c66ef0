package engine

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// Quantized values are unsigned bytes in memory, whatever their type: those of Int8 are
// raised by 128 and so are their zero points. Inputs, outputs and constants are raised and
// lowered at the edges, and every operator between is the same for both types.

// sign is what a type's values are raised by.
func sign(d tensor.DType) int32 {
	if d == tensor.Int8 {
		return 128
	}
	return 0
}

// quantized reports whether the current node reads or computes quantized values.
func (l *lowering) quantized() bool {
	for _, id := range l.node.Out {
		if l.g.Values[id].Type.Quantized() {
			return true
		}
	}
	return len(l.node.In) > 0 && l.node.In[0] != graph.None && l.g.Values[l.node.In[0]].Type.Quantized()
}

// quant is a value's quantization as that of bytes.
func (l *lowering) quant(id graph.ID) (fixed.Quant, error) {
	v := &l.g.Values[id]
	q := v.Quant
	if q == nil || len(q.Scale) != 1 || len(q.Zero) != 1 {
		return fixed.Quant{}, fmt.Errorf("value %q of type %v has no quantization of one scale", v.Name, v.Type)
	}
	return fixed.Quant{Scale: q.Scale[0], Zero: q.Zero[0] + sign(v.Type.DType), Hi: math.MaxUint8}, nil
}

// quants are those of the current node's first input and output.
func (l *lowering) quants() (x, y fixed.Quant, err error) {
	if x, err = l.quant(l.node.In[0]); err == nil {
		y, err = l.quant(l.node.Out[0])
	}
	return x, y, err
}

// sameQuant reports whether two values' bytes mean the same.
func (l *lowering) sameQuant(a, b graph.ID) bool {
	if !l.g.Values[a].Type.Quantized() {
		return true
	}
	p, err1 := l.quant(a)
	q, err2 := l.quant(b)
	return err1 == nil && err2 == nil && p == q
}

// limits is the range of a result after an activation that only limits.
func limits(a graph.Act, q fixed.Quant, p fixed.Profile) (fixed.Range, bool) {
	switch a.Kind {
	case graph.ActNone:
		return q.Range(), true
	case graph.ActReLU:
		return q.Within(0, math.Inf(1), p), true
	case graph.ActClip:
		return q.Within(float64(a.Lo), float64(a.Hi), p), true
	}
	return fixed.Range{}, false
}

// lowerBytes plans a node over quantized values. It reports false for those that move
// elements, which are planned like any others.
func (l *lowering) lowerBytes() (bool, error) {
	n := l.node
	switch op := n.Op.(type) {
	case graph.Conv:
		return true, l.byteConv(op)
	case graph.Linear:
		return true, l.byteLinear(op)
	case graph.Activate:
		return true, l.byteActivate(op)
	case graph.Requantize:
		same := l.g.Values[n.In[0]].Type.DType == l.g.Values[n.Out[0]].Type.DType
		return true, l.byteTable(fixed.Rescaling(same), "requantize", nil)
	case graph.Binary:
		return true, l.byteBinary(op)
	case graph.MaxPool:
		return true, l.bytePool("maxpool", graph.AvgPool{Kernel: op.Kernel, Stride: op.Stride, Pad: op.Pad, Ceil: op.Ceil}, false)
	case graph.AvgPool:
		return true, l.bytePool("avgpool", op, true)
	case graph.GlobalAvgPool:
		return true, l.byteMean()
	case graph.Softmax:
		return true, l.byteSoftmax(op)
	case graph.Pad:
		return true, l.bytePad(op)
	case graph.Quantize:
		return true, l.quantize()
	case graph.Dequantize:
		return true, l.dequantize()
	case graph.Concat, graph.Split, graph.Slice, graph.Shuffle, graph.Reshape, graph.Flatten, graph.Transpose, graph.Identity:
		return false, nil
	}
	l.unsupported(n.Op.Name(), n.Name, "over quantized values")
	for _, id := range n.Out {
		l.place(id)
	}
	return true, nil
}

// byteConstant loads a quantized constant among the weights.
func (l *lowering) byteConstant(id graph.ID) (view, error) {
	v := &l.g.Values[id]
	if v.Data == nil {
		return view{}, fmt.Errorf("weight %q has no data", v.Name)
	}
	s := v.Type.Shape
	size, pix := dense(s)
	w := view{ref: ref{src: inWeights, bytes: true, raw: l.rawWeight(size)}, pix: pix}
	data := make([]uint8, size)
	for i, x := range integers(v.Data, s.Elements()) {
		data[i] = uint8(x + sign(v.Type.DType))
	}
	copyTo(w.raw, w.strides(s), s, data)
	l.alias(id, w)
	return w, nil
}

// rawWeight allocates bytes for a weight, with the slack that kernels may read.
func (l *lowering) rawWeight(n int) []uint8 {
	l.weights += int64(n)
	return make([]uint8, n, n+byteSlack)
}

// byteSlack is the bytes past a buffer that kernels may read.
const byteSlack = 4 * kernel.Slack

// integers is a copy of a tensor's n elements.
func integers(t *tensor.Tensor, n int) []int32 {
	out := make([]int32, n)
	switch v := t.Data.(type) {
	case []int32:
		copy(out, v)
	case []int8:
		for i, x := range v[:n] {
			out[i] = int32(x)
		}
	case []uint8:
		for i, x := range v[:n] {
			out[i] = int32(x)
		}
	}
	return out
}

// rawBytes is the memory of a tensor of 8-bit integers.
func rawBytes(t *tensor.Tensor) []uint8 {
	switch v := t.Data.(type) {
	case []uint8:
		return v
	case []int8:
		return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
	}
	return nil
}

// flip turns signed bytes into those raised by 128, and back.
var flip = func() *[256]uint8 {
	var t [256]uint8
	for i := range t {
		t[i] = uint8(i) ^ 0x80
	}
	return &t
}()

// raise raises the bytes of an input that was copied as it is, where its type is signed.
func (l *lowering) raise(id graph.ID, v view) {
	if sign(l.g.Values[id].Type.DType) != 0 {
		l.lookup("input", l.g.Values[id].Name, l.shape(id), v, v, flip)
	}
}

// byteOutput copies a result to the caller's tensor.
func (l *lowering) byteOutput(id graph.ID, to view) error {
	v, err := l.image(id)
	if err != nil {
		return err
	}
	s := l.shape(id)
	l.copy("output", l.g.Values[id].Name, s, v, to)
	if sign(l.g.Values[id].Type.DType) != 0 {
		flat := tensor.Shape{1, s.Elements()}
		to.planar, to.pix = false, s.Elements()
		l.lookup("output", l.g.Values[id].Name, flat, to, to, flip)
	}
	return nil
}

// inQuanta is a value's view in the quantization of another value that it is joined with.
func (l *lowering) inQuanta(id, as graph.ID, x view) (view, error) {
	if l.sameQuant(id, as) {
		return x, nil
	}
	qx, err := l.quant(id)
	if err != nil {
		return x, err
	}
	qy, err := l.quant(as)
	if err != nil {
		return x, err
	}
	s := l.shape(id)
	y := l.buffer(s)
	y.bytes, l.bufs[y.buf].bytes = true, true
	l.lookup("concat", l.node.Name, s, x, y, byteTable(fixed.JoinTable(qx, qy, l.profile), 0))
	return y, nil
}

// byteTable is a table's results, raised to bytes.
func byteTable(t [256]int32, by int32) *[256]uint8 {
	var out [256]uint8
	for i, v := range t {
		out[i] = uint8(v + by)
	}
	return &out
}
