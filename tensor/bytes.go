package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"unsafe"
)

// Named is a tensor under the name that a file gives it.
type Named struct {
	Name   string
	Tensor *Tensor
}

// littleEndian reports the byte order of the machine.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// anywhere reports whether the processor reads numbers at any address as they are. Such
// addresses are no fault for Go either, as long as the numbers are no pointers
// (runtime/checkptr.go).
const anywhere = runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"

// FromBytes returns a tensor over b, which holds its elements row-major and
// little-endian, as files do. Where the machine's byte order and what it asks of alignment
// allow it the tensor shares memory with b; else, and always for Bool, it is a copy.
// A byte count that does not fit the shape is an error.
func FromBytes(d DType, s Shape, b []byte) (*Tensor, error) {
	n, ok := s.Count()
	if !ok || d.Size() == 0 {
		return nil, fmt.Errorf("tensor: %v%v is not a valid type", d, s)
	}
	if n > math.MaxInt/d.Size() || n*d.Size() != len(b) {
		return nil, fmt.Errorf("tensor: %v%v has %d elements of %d bytes, got %d bytes", d, s, n, d.Size(), len(b))
	}
	if n == 0 {
		return New(d, s), nil
	}
	if d != Bool && littleEndian && (anywhere || uintptr(unsafe.Pointer(&b[0]))%uintptr(d.Size()) == 0) {
		return &Tensor{DType: d, Shape: s.Clone(), Data: d.alias(b, n)}, nil
	}
	t := New(d, s)
	if d != Bool && littleEndian {
		copy(unsafe.Slice((*byte)(d.first(t.Data)), len(b)), b)
	} else {
		decode(t.Data, b)
	}
	return t, nil
}

// Bytes are the elements as files and the runner protocol have them: row-major, little-endian.
func (t *Tensor) Bytes() []byte {
	b, err := binary.Append(nil, binary.LittleEndian, t.Data)
	if err != nil {
		panic("tensor: data of an unknown type")
	}
	return b
}

// first is the address of the first element of a type's slice, which has one.
func (d DType) first(data any) unsafe.Pointer {
	switch v := data.(type) {
	case []float32:
		return unsafe.Pointer(&v[0])
	case []float64:
		return unsafe.Pointer(&v[0])
	case []uint16:
		return unsafe.Pointer(&v[0])
	case []int8:
		return unsafe.Pointer(&v[0])
	case []uint8:
		return unsafe.Pointer(&v[0])
	case []int16:
		return unsafe.Pointer(&v[0])
	case []int32:
		return unsafe.Pointer(&v[0])
	case []int64:
		return unsafe.Pointer(&v[0])
	}
	panic("tensor: data of an invalid type")
}

// alias views n elements of aligned little-endian bytes as the slice of the type.
func (d DType) alias(b []byte, n int) any {
	p := unsafe.Pointer(&b[0])
	switch d {
	case Float32:
		return unsafe.Slice((*float32)(p), n)
	case Float64:
		return unsafe.Slice((*float64)(p), n)
	case Float16, BFloat16:
		return unsafe.Slice((*uint16)(p), n)
	case Int8:
		return unsafe.Slice((*int8)(p), n)
	case Uint8:
		return b[:n:n]
	case Int16:
		return unsafe.Slice((*int16)(p), n)
	case Int32:
		return unsafe.Slice((*int32)(p), n)
	case Int64:
		return unsafe.Slice((*int64)(p), n)
	}
	panic("tensor: alias of an invalid type")
}

func decode(data any, b []byte) {
	le := binary.LittleEndian
	switch v := data.(type) {
	case []float32:
		for i := range v {
			v[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
	case []float64:
		for i := range v {
			v[i] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
	case []uint16:
		for i := range v {
			v[i] = le.Uint16(b[2*i:])
		}
	case []int8:
		for i := range v {
			v[i] = int8(b[i])
		}
	case []uint8:
		copy(v, b)
	case []int16:
		for i := range v {
			v[i] = int16(le.Uint16(b[2*i:]))
		}
	case []int32:
		for i := range v {
			v[i] = int32(le.Uint32(b[4*i:]))
		}
	case []int64:
		for i := range v {
			v[i] = int64(le.Uint64(b[8*i:]))
		}
	case []bool:
		for i := range v {
			v[i] = b[i] != 0
		}
	default:
		panic("tensor: data of an unknown type")
	}
}
