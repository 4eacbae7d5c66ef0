package tensor

import "math"

// DType is the type of a tensor's elements. The comment beside each names the Go
// slice that Tensor.Data holds.
type DType uint8

const (
	Invalid  DType = iota
	Float32        // []float32
	Float64        // []float64
	Float16        // []uint16, IEEE 754 binary16
	BFloat16       // []uint16, the upper half of a binary32
	Int8           // []int8
	Uint8          // []uint8
	Int16          // []int16
	Int32          // []int32
	Int64          // []int64
	Bool           // []bool
)

var dtypes = [...]struct {
	name string
	size int
}{
	Invalid: {"invalid", 0}, Float32: {"float32", 4}, Float64: {"float64", 8}, Float16: {"float16", 2},
	BFloat16: {"bfloat16", 2}, Int8: {"int8", 1}, Uint8: {"uint8", 1}, Int16: {"int16", 2},
	Int32: {"int32", 4}, Int64: {"int64", 8}, Bool: {"bool", 1},
}

// String returns the name that NumPy and PyTorch use: float32, bfloat16, int8, …
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return "invalid"
}

// Size is the bytes of one element.
func (d DType) Size() int {
	if int(d) < len(dtypes) {
		return dtypes[d].size
	}
	return 0
}

// ParseDType is the inverse of String; it returns Invalid for an unknown name.
func ParseDType(name string) DType {
	for d, row := range dtypes {
		if row.name == name {
			return DType(d)
		}
	}
	return Invalid
}

func (d DType) makeSlice(n int) any {
	switch d {
	case Float32:
		return make([]float32, n)
	case Float64:
		return make([]float64, n)
	case Float16, BFloat16:
		return make([]uint16, n)
	case Int8:
		return make([]int8, n)
	case Uint8:
		return make([]uint8, n)
	case Int16:
		return make([]int16, n)
	case Int32:
		return make([]int32, n)
	case Int64:
		return make([]int64, n)
	case Bool:
		return make([]bool, n)
	}
	panic("tensor: new tensor of an invalid type")
}

// typeOf names the type that a slice stores; []uint16 is read as Float16.
func typeOf(data any) (DType, int) {
	switch v := data.(type) {
	case []float32:
		return Float32, len(v)
	case []float64:
		return Float64, len(v)
	case []uint16:
		return Float16, len(v)
	case []int8:
		return Int8, len(v)
	case []uint8:
		return Uint8, len(v)
	case []int16:
		return Int16, len(v)
	case []int32:
		return Int32, len(v)
	case []int64:
		return Int64, len(v)
	case []bool:
		return Bool, len(v)
	}
	panic("tensor: a slice of a type that no tensor stores")
}

// FromBFloat16 widens a bfloat16; the conversion is exact.
func FromBFloat16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// FromFloat16 widens an IEEE 754 binary16; the conversion is exact.
func FromFloat16(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0: // zero or subnormal: frac · 2⁻²⁴
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(v))
	case 31: // infinity or NaN
		return math.Float32frombits(sign | 0xFF<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
