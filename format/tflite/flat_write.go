package tflite

import (
	"encoding/binary"
	"math"
	"slices"
)

// The writer of FlatBuffers: objects are described as a tree and laid out front to back,
// parents before children, as offsets must point forward.

// fbTable is a table; its fields stand by number, nil where absent.
type fbTable []any // int8, bool, int, float32, fbLong, or an object

// fbLong is a field of 64 bits.
type fbLong uint64

// fbVector is elements of a scalar type, side by side, the first of which lies at a
// multiple of align bytes.
type fbVector struct {
	n, align int
	data     []byte
}

// fbTables is a vector of tables.
type fbTables []fbTable

func fbString(s string) fbVector {
	return fbVector{len(s), 4, append([]byte(s), 0)}
}

func fbInts(v ...int) fbVector {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(x)))
	}
	return fbVector{len(v), 4, b}
}

func fbFloats(v []float32) fbVector {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return fbVector{len(v), 4, b}
}

func fbLongs(v []int32) fbVector {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(int64(x)))
	}
	return fbVector{len(v), 8, b}
}

// flatWriter lays objects out.
type flatWriter struct {
	b    []byte
	todo []pending
}

// pending is an object that an offset at a place must lead to.
type pending struct {
	at  int
	obj any
}

func (w *flatWriter) align(n, ahead int) {
	for (len(w.b)+ahead)%n != 0 {
		w.b = append(w.b, 0)
	}
}

func (w *flatWriter) u32(v uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, v) }

// encode returns the file whose root is the table.
func encode(root fbTable, ident string) []byte {
	w := &flatWriter{}
	w.u32(0)
	w.b = append(w.b, ident...)
	w.todo = []pending{{0, root}}
	for i := 0; i < len(w.todo); i++ {
		p := w.todo[i]
		at := w.object(p.obj)
		binary.LittleEndian.PutUint32(w.b[p.at:], uint32(at-p.at))
	}
	return w.b
}

func (w *flatWriter) object(obj any) int {
	switch o := obj.(type) {
	case fbTable:
		return w.table(o)
	case fbVector:
		w.align(max(o.align, 4), 4)
		at := len(w.b)
		w.u32(uint32(o.n))
		w.b = append(w.b, o.data...)
		return at
	case fbTables:
		w.align(4, 0)
		at := len(w.b)
		w.u32(uint32(len(o)))
		for _, t := range o {
			w.todo = append(w.todo, pending{len(w.b), t})
			w.u32(0)
		}
		return at
	}
	panic("tflite: an object of an unknown type")
}

// table writes a vtable and the table behind it. Fields of eight bytes come first, then those
// of four.
func (w *flatWriter) table(t fbTable) int {
	w.align(4, 0)
	vt := len(w.b)
	w.b = append(w.b, make([]byte, 4+2*len(t))...)
	if slices.ContainsFunc(t, func(f any) bool { _, long := f.(fbLong); return long }) {
		w.align(8, 4)
	}
	w.align(4, 0)
	at := len(w.b)
	w.u32(uint32(at - vt))
	for _, size := range []int{8, 4, 1} {
		for i, f := range t {
			own := 4
			switch f.(type) {
			case nil:
				continue
			case fbLong:
				own = 8
			case int8, bool:
				own = 1
			}
			if own != size {
				continue
			}
			binary.LittleEndian.PutUint16(w.b[vt+4+2*i:], uint16(len(w.b)-at))
			switch v := f.(type) {
			case int8:
				w.b = append(w.b, byte(v))
			case bool:
				b := byte(0)
				if v {
					b = 1
				}
				w.b = append(w.b, b)
			case int:
				w.u32(uint32(int32(v)))
			case fbLong:
				w.b = binary.LittleEndian.AppendUint64(w.b, uint64(v))
			case float32:
				w.u32(math.Float32bits(v))
			default:
				w.todo = append(w.todo, pending{len(w.b), v})
				w.u32(0)
			}
		}
	}
	binary.LittleEndian.PutUint16(w.b[vt:], uint16(4+2*len(t)))
	binary.LittleEndian.PutUint16(w.b[vt+2:], uint16(len(w.b)-at))
	return at
}
