package torch

import (
	"math"
	"unsafe"

	"github.com/wispnet/wisp/tensor"
)

// maxRank is PyTorch's own bound on dimensions.
const maxRank = 64

// maxElements bounds the sizes, offsets and strides of tensors and storages, so that none is cut
// off where it becomes an int, nor its number of bytes, which is at most 16 for an element.
const maxElements = min(1<<50, math.MaxInt/16)

// rebuildTensor is _rebuild_tensor(storage, offset, size, stride) and, with three to
// four more arguments, _rebuild_tensor_v2.
func rebuildTensor(m *machine, args []any) (any, error) {
	if len(args) < 4 {
		return nil, m.fail("a tensor of %d arguments, want at least 4", len(args))
	}
	s, ok := args[0].(*storage)
	if !ok || s.dtype == nil {
		return nil, m.fail("a tensor without a typed storage")
	}
	// metadata of complex views: conjugate and negative bits
	if len(args) > 6 {
		if meta, ok := args[6].(*dict); ok && len(meta.keys) > 0 {
			return &unknownTensor{"conjugate or negative view"}, nil
		}
	}
	return m.tensor(s, s.dtype, args)
}

// rebuildTensorV3 has an untyped storage and the element type as its seventh argument.
func rebuildTensorV3(m *machine, args []any) (any, error) {
	if len(args) < 7 {
		return nil, m.fail("a tensor of %d arguments, want at least 7", len(args))
	}
	s, ok := args[0].(*storage)
	d, ok2 := args[6].(*dtype)
	if !ok || !ok2 {
		return nil, m.fail("a tensor without storage or dtype")
	}
	return m.tensor(s, d, args)
}

func (m *machine) tensor(s *storage, d *dtype, args []any) (any, error) {
	offset, ok := args[1].(int64)
	if !ok || offset < 0 || offset > maxElements {
		return nil, m.fail("a tensor at offset %s", describe(args[1]))
	}
	shape, err := m.ints(args[2])
	if err != nil {
		return nil, err
	}
	stride, err := m.ints(args[3])
	if err != nil {
		return nil, err
	}
	if len(shape) != len(stride) {
		return nil, m.fail("a tensor of shape %v and stride %v", shape, stride)
	}
	t := &tensorRef{storage: s, dtype: d, offset: int(offset), shape: shape, stride: stride}
	if err := t.check(); err != "" {
		return nil, m.fail("a tensor of shape %v, stride %v, offset %d: %s", shape, stride, offset, err)
	}
	return t, nil
}

// ints reads a tuple or list of small non-negative numbers.
func (m *machine) ints(v any) ([]int, error) {
	var items []any
	switch t := v.(type) {
	case *tuple:
		items = t.items
	case *list:
		items = t.items
	default:
		return nil, m.fail("a shape that is no tuple")
	}
	if len(items) > maxRank {
		return nil, m.fail("a shape of %d dimensions: want at most %d", len(items), maxRank)
	}
	if err := m.spend(24 + 8*len(items)); err != nil {
		return nil, err
	}
	out := make([]int, len(items))
	for i, it := range items {
		n, ok := it.(int64)
		if !ok || n < 0 || n > maxElements {
			return nil, m.fail("dimension or stride %s: want 0 to %d", describe(it), int64(maxElements))
		}
		out[i] = int(n)
	}
	return out, nil
}

// storageElements is the storage's size in elements of the tensor's type.
func (t *tensorRef) storageElements() int {
	if t.storage.dtype == nil {
		return t.storage.size / t.dtype.size
	}
	return t.storage.size
}

// check holds the view against its storage's declared size.
func (t *tensorRef) check() string {
	n, ok := tensor.Shape(t.shape).Count()
	if !ok {
		return "its number of elements overflows"
	}
	if n == 0 {
		return ""
	}
	last := t.offset // the largest element that the view reaches
	for i, d := range t.shape {
		if d > 1 && t.stride[i] > (min(1<<60, math.MaxInt)-last)/(d-1) {
			return "its strides overflow"
		}
		last += (d - 1) * t.stride[i]
	}
	if have := t.storageElements(); last >= have {
		return "it reaches past the end of its storage"
	}
	return ""
}

// contiguous reports whether the view is a dense row-major piece of its storage.
func (t *tensorRef) contiguous() bool {
	want := 1
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.stride[i] != want {
			return false
		}
		want *= t.shape[i]
	}
	return true
}

// data returns the storage's bytes as they lie in the file.
func (s *storage) data() ([]byte, error) {
	if s.ready {
		return s.bytes, nil
	}
	b, err := s.load()
	if err != nil {
		return nil, err
	}
	if s.dtype != nil && s.size > len(b)/s.dtype.size || s.dtype == nil && s.size > len(b) {
		return nil, damaged("storage "+clip(s.key), "has %d bytes, want %d elements", len(b), s.size)
	}
	s.bytes, s.ready = b, true
	return b, nil
}

// align moves the bytes to where any element type may be read in place: once for all
// tensors that share them. In the old format storages lie anywhere.
func (s *storage) align(mem *budget) ([]byte, error) {
	b := s.bytes
	if len(b) == 0 || uintptr(unsafe.Pointer(&b[0]))%8 == 0 {
		return b, nil
	}
	if !mem.spend(len(b)) {
		return nil, refuse("storage "+clip(s.key), "asks for more memory than its file allows")
	}
	s.bytes = alignedBytes(len(b))
	copy(s.bytes, b)
	return s.bytes, nil
}

// alignedBytes are n bytes aligned to eight.
func alignedBytes(n int) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), n)
}

// materialize reads the tensor: a view of its storage where it is dense, a gathered
// copy where it is transposed, cut or expanded. Its dtype must be one of package tensor.
func (t *tensorRef) materialize(name string, mem *budget) (*tensor.Tensor, error) {
	shape := tensor.Shape(t.shape)
	n := shape.Elements()
	if n == 0 {
		return tensor.New(t.dtype.d, shape), nil
	}
	b, err := t.storage.data()
	if err != nil {
		return nil, err
	}
	size := t.dtype.size
	if t.contiguous() {
		if b, err = t.storage.align(mem); err != nil {
			return nil, err
		}
		if t.dtype.d == tensor.Bool && !mem.spend(n) {
			return nil, t.tooBig(name, n)
		}
		return tensor.FromBytes(t.dtype.d, shape, b[t.offset*size:(t.offset+n)*size])
	}
	if n > min(1<<40, math.MaxInt/8) || !mem.spend(n*size) {
		return nil, t.tooBig(name, n)
	}
	out := alignedBytes(n * size)
	index := make([]int, len(shape))
	from := t.offset
	for i := range n {
		copy(out[i*size:(i+1)*size], b[from*size:(from+1)*size])
		for d := len(shape) - 1; d >= 0; d-- {
			index[d]++
			from += t.stride[d]
			if index[d] < shape[d] {
				break
			}
			from -= index[d] * t.stride[d]
			index[d] = 0
		}
	}
	return tensor.FromBytes(t.dtype.d, shape, out)
}

func (t *tensorRef) tooBig(name string, n int) error {
	return refuse("tensor "+clip(name), "%v has %d elements over a storage of %d: more memory than its file allows", tensor.Shape(t.shape), n, t.storageElements())
}

// rebuildParameter is _rebuild_parameter(data, requires_grad, hooks[, state]).
func rebuildParameter(m *machine, args []any) (any, error) {
	if len(args) == 0 {
		return nil, m.fail("a parameter without data")
	}
	switch t := args[0].(type) {
	case *tensorRef:
		p := *t
		p.parameter = true
		return &p, nil
	case *unknownTensor:
		return t, nil
	}
	return nil, m.fail("a parameter without a tensor")
}

// rebuildFromType is _rebuild_from_type_v2(function, type, args, state).
func rebuildFromType(m *machine, args []any) (any, error) {
	if len(args) < 3 {
		return nil, m.fail("a tensor subclass of %d arguments, want at least 3", len(args))
	}
	inner, ok := args[2].(*tuple)
	g, ok2 := args[0].(*global)
	if !ok || !ok2 || g.name == "torch._tensor._rebuild_from_type_v2" {
		return nil, m.fail("a tensor subclass without function and arguments")
	}
	return m.call(g, inner.items)
}
