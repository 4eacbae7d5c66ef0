package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// dtypes are the element types of TensorProto.DataType that a tensor here can have, and
// the field in which typed data of each stands.
var dtypes = map[int64]struct {
	d     tensor.DType
	field protowire.Number
}{
	1: {tensor.Float32, 4}, 2: {tensor.Uint8, 5}, 3: {tensor.Int8, 5}, 5: {tensor.Int16, 5}, 6: {tensor.Int32, 5},
	7: {tensor.Int64, 7}, 9: {tensor.Bool, 5}, 10: {tensor.Float16, 5}, 11: {tensor.Float64, 10}, 16: {tensor.BFloat16, 5},
}

// dtypeNames are the others, for errors.
var dtypeNames = map[int64]string{
	0: "undefined", 4: "uint16", 8: "string", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128",
	17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
}

// dtypeError says that a tensor has an element type that is not read.
type dtypeError struct{ dtype int64 }

func (e dtypeError) Error() string {
	if n, ok := dtypeNames[e.dtype]; ok {
		return "element type " + n
	}
	return "element type " + strconv.FormatInt(e.dtype, 10)
}

func (t *tensorProto) where() string {
	if t.name != "" {
		return fmt.Sprintf("tensor %q", t.name)
	}
	return fmt.Sprintf("byte %d", t.at)
}

// shape checks the dimensions and returns them with the number of elements.
func (t *tensorProto) shape() (tensor.Shape, int, error) {
	s := make(tensor.Shape, len(t.dims))
	for i, d := range t.dims {
		if d < 0 || d > math.MaxInt32 {
			return nil, 0, refuse(t.where(), "dimension %d of %d", i, d)
		}
		s[i] = int(d)
	}
	n, ok := s.Count()
	if !ok {
		return nil, 0, refuse(t.where(), "shape %v overflows", s)
	}
	return s, n, nil
}

// read returns the tensor in its own element type; a *dtypeError where there is none.
func (t *tensorProto) read(mem *budget, external func(string) ([]byte, error)) (*tensor.Tensor, error) {
	kind, ok := dtypes[t.dtype]
	if !ok {
		return nil, dtypeError{t.dtype}
	}
	s, n, err := t.shape()
	if err != nil {
		return nil, err
	}
	size := kind.d.Size()
	var raw []byte
	switch {
	case t.isExt:
		if raw, err = t.outside(external, n, size); err != nil {
			return nil, err
		}
	case t.hasRaw && (len(t.raw) > 0 || n == 0):
		raw = t.raw
	default:
		return t.typed(kind.d, kind.field, s, n, mem)
	}
	if n > math.MaxInt/size || n*size != len(raw) {
		return nil, damaged(t.where(), "%v%v takes %d elements of %d bytes, got %d bytes", kind.d, s, n, size, len(raw))
	}
	if size > 2 { // what is not aligned is copied; halves only until they are widened
		if err := mem.spend(len(raw)); err != nil {
			return nil, err
		}
	}
	v, err := tensor.FromBytes(kind.d, s, raw)
	if err != nil {
		return nil, damaged(t.where(), "%v", err)
	}
	return v, nil
}

// outside returns the bytes of external data (onnx/docs/ExternalData.md).
func (t *tensorProto) outside(external func(string) ([]byte, error), n, size int) ([]byte, error) {
	location := t.external["location"]
	if location == "" || external == nil {
		return nil, refuse(t.where(), "external data without a location")
	}
	data, err := external(location)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("onnx: %s: external data %q: %w: put it beside the model", t.where(), location, err)
		}
		return nil, &graph.Refused{Format: format, Where: t.where(), What: fmt.Sprintf("external data %q", location), Err: err, Hint: "external data must lie in the model's own folder"}
	}
	number := func(key string, otherwise int) (int, error) {
		s, ok := t.external[key]
		if !ok {
			return otherwise, nil
		}
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || v < 0 || v > int64(len(data)) {
			return 0, damaged(t.where(), "external data %q: %s %q of %d bytes", location, key, s, len(data))
		}
		return int(v), nil
	}
	offset, err := number("offset", 0)
	if err != nil {
		return nil, err
	}
	length, err := number("length", min(len(data)-offset, n*size))
	if err != nil {
		return nil, err
	}
	if length > len(data)-offset {
		return nil, damaged(t.where(), "external data %q: %d bytes at %d of %d", location, length, offset, len(data))
	}
	return data[offset : offset+length], nil
}

// typed reads float_data, int32_data, int64_data or double_data.
func (t *tensorProto) typed(d tensor.DType, want protowire.Number, s tensor.Shape, n int, mem *budget) (*tensor.Tensor, error) {
	// count before allocating
	have := 0
	for _, p := range t.packed {
		if p.field != want {
			continue
		}
		switch {
		case p.wire != protowire.BytesType:
			have++
		case want == 4:
			have += len(p.data) / 4
		case want == 10:
			have += len(p.data) / 8
		default:
			for _, c := range p.data {
				if c < 0x80 {
					have++
				}
			}
		}
	}
	if have != n {
		return nil, damaged(t.where(), "%v%v wants %d elements, got %d", d, s, n, have)
	}
	if err := mem.spend(n * d.Size()); err != nil {
		return nil, err
	}
	out := tensor.New(d, s)
	i := 0
	for _, p := range t.packed {
		if p.field != want {
			continue
		}
		if p.wire != protowire.BytesType {
			set(out, i, p.value)
			i++
			continue
		}
		for b := p.data; len(b) > 0; i++ {
			var x uint64
			var k int
			switch want {
			case 4:
				var y uint32
				y, k = protowire.ConsumeFixed32(b)
				x = uint64(y)
			case 10:
				x, k = protowire.ConsumeFixed64(b)
			default:
				x, k = protowire.ConsumeVarint(b)
			}
			if k < 0 || i >= n {
				return nil, damaged(t.where(), "typed data: %v", protowire.ParseError(min(k, -1)))
			}
			set(out, i, x)
			b = b[k:]
		}
	}
	if i != n {
		return nil, damaged(t.where(), "%v%v wants %d elements, got %d", d, s, n, i)
	}
	return out, nil
}

// set stores a number as its wire form gives it.
func set(t *tensor.Tensor, i int, x uint64) {
	switch v := t.Data.(type) {
	case []float32:
		v[i] = math.Float32frombits(uint32(x))
	case []float64:
		v[i] = math.Float64frombits(x)
	case []uint16:
		v[i] = uint16(x)
	case []int8:
		v[i] = int8(x)
	case []uint8:
		v[i] = uint8(x)
	case []int16:
		v[i] = int16(x)
	case []int32:
		v[i] = int32(x)
	case []int64:
		v[i] = int64(x)
	case []bool:
		v[i] = x != 0
	}
}
