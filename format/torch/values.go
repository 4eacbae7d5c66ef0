package torch

import "github.com/wispnet/wisp/tensor"

// The inert values that a pickle can make. Besides these there are nil, bool, int64,
// float64, string and []byte.
type (
	tuple struct{ items []any }

	list struct{ items []any }

	// dict keeps its pairs in the order they were set; a later pair of the same key wins.
	dict struct{ keys, vals []any }

	// bigInt is an integer of more than 64 bits: two's complement, little-endian.
	bigInt []byte

	// global is a name on the allow-list.
	global struct {
		name string
		call func(m *machine, args []any) (any, error) // nil: may be named, not called
	}

	// dtype is an element type by PyTorch's name; d is Invalid where tensors here lack it.
	dtype struct {
		name string
		size int
		d    tensor.DType
	}

	// object is an instance: its class's name and its attributes, nil where it has none.
	object struct {
		class string
		state *dict
	}

	// array is a NumPy array.
	array struct {
		code    string // NumPy's type code with its byte order, such as "<f4"
		shape   []int
		fortran bool
		data    []byte
	}

	// npDtype is a NumPy dtype; its byte order comes with its state.
	npDtype struct{ code, order string }

	// tensorRef is a view of a storage whose bytes are read when it is wanted.
	tensorRef struct {
		storage       *storage
		dtype         *dtype
		offset        int // in elements
		shape, stride []int
		parameter     bool
	}

	// unknownTensor is a tensor of a form that wisp does not read.
	unknownTensor struct{ form string }
)

// storage is a flat buffer that tensors share.
type storage struct {
	key   string
	dtype *dtype // nil for an untyped storage
	size  int    // elements of dtype; bytes where untyped
	// load returns the bytes. In the old format a storage may be a window of another.
	load func() ([]byte, error)

	bytes []byte // filled by the first use
	ready bool
}

// dtypes is every element type by PyTorch's name, with the class of its typed storage.
var dtypes = [...]struct {
	dtype
	storage string
}{
	{dtype{"float64", 8, tensor.Float64}, "DoubleStorage"},
	{dtype{"float32", 4, tensor.Float32}, "FloatStorage"},
	{dtype{"float16", 2, tensor.Float16}, "HalfStorage"},
	{dtype{"bfloat16", 2, tensor.BFloat16}, "BFloat16Storage"},
	{dtype{"int64", 8, tensor.Int64}, "LongStorage"},
	{dtype{"int32", 4, tensor.Int32}, "IntStorage"},
	{dtype{"int16", 2, tensor.Int16}, "ShortStorage"},
	{dtype{"int8", 1, tensor.Int8}, "CharStorage"},
	{dtype{"uint8", 1, tensor.Uint8}, "ByteStorage"},
	{dtype{"bool", 1, tensor.Bool}, "BoolStorage"},
	{dtype{"complex128", 16, tensor.Invalid}, "ComplexDoubleStorage"},
	{dtype{"complex64", 8, tensor.Invalid}, "ComplexFloatStorage"},
	{dtype{"complex32", 4, tensor.Invalid}, ""},
	{dtype{"qint8", 1, tensor.Invalid}, "QInt8Storage"},
	{dtype{"quint8", 1, tensor.Invalid}, "QUInt8Storage"},
	{dtype{"qint32", 4, tensor.Invalid}, "QInt32Storage"},
	{dtype{"quint4x2", 1, tensor.Invalid}, "QUInt4x2Storage"},
	{dtype{"quint2x4", 1, tensor.Invalid}, "QUInt2x4Storage"},
	{dtype{"uint16", 2, tensor.Invalid}, ""},
	{dtype{"uint32", 4, tensor.Invalid}, ""},
	{dtype{"uint64", 8, tensor.Invalid}, ""},
	{dtype{"float8_e4m3fn", 1, tensor.Invalid}, ""},
	{dtype{"float8_e4m3fnuz", 1, tensor.Invalid}, ""},
	{dtype{"float8_e5m2", 1, tensor.Invalid}, ""},
	{dtype{"float8_e5m2fnuz", 1, tensor.Invalid}, ""},
}

// storageClass is a global that names the type of a storage.
type storageClass struct{ dtype *dtype }

// get returns the value of a string key, and whether there is one.
func (d *dict) get(key string) (any, bool) {
	for i := len(d.keys) - 1; i >= 0; i-- {
		if k, ok := d.keys[i].(string); ok && k == key {
			return d.vals[i], true
		}
	}
	return nil, false
}
