package tflite

import (
	"encoding/binary"
	"fmt"
	"math"
)

// flat is a FlatBuffer whose every offset is checked before it is followed. The first
// fault sticks in err and everything read after it is zero, so that callers check once
// for each table.
type flat struct {
	b   []byte
	err error
}

func (f *flat) fault(at int, format string, args ...any) {
	if f.err == nil {
		f.err = damaged(fmt.Sprintf("byte %d", at), format, args...)
	}
}

// inside reports whether n bytes lie at the place.
func (f *flat) inside(at, n int) bool {
	if f.err != nil {
		return false
	}
	if at < 0 || n < 0 || at > len(f.b) || n > len(f.b)-at {
		f.fault(at, "%d bytes reach past the end of the file", n)
		return false
	}
	return true
}

func (f *flat) u32(at int) uint32 {
	if !f.inside(at, 4) {
		return 0
	}
	return binary.LittleEndian.Uint32(f.b[at:])
}

// follow returns where the offset at a place points to; offsets only point forward.
func (f *flat) follow(at int) int {
	off := f.u32(at)
	if off == 0 || off > math.MaxInt32 || int(off) > len(f.b)-at {
		f.fault(at, "offset %d leads outside of the file", off)
		return 0
	}
	return at + int(off)
}

// table is one table. The zero table has no field.
type table struct {
	f     *flat
	at    int
	vt    int
	slots int // fields that its vtable names
	size  int // bytes of the table itself
}

// root is the table that the file begins with.
func (f *flat) root() table { return f.table(f.follow(0)) }

func (f *flat) table(at int) table {
	soffset := int(int32(f.u32(at)))
	if f.err != nil {
		return table{f: f}
	}
	vt := at - soffset
	if vt < 0 || !f.inside(vt, 4) {
		f.fault(at, "a table without a vtable")
		return table{f: f}
	}
	n := int(binary.LittleEndian.Uint16(f.b[vt:]))
	size := int(binary.LittleEndian.Uint16(f.b[vt+2:]))
	if n < 4 || n%2 != 0 || size < 4 || !f.inside(vt, n) || !f.inside(at, size) {
		f.fault(at, "a table of %d bytes with a vtable of %d", size, n)
		return table{f: f}
	}
	return table{f, at, vt, (n - 4) / 2, size}
}

// field returns where field i of the given size lies, or 0 where it is at its default.
func (t table) field(i, size int) int {
	if t.f.err != nil || i >= t.slots {
		return 0
	}
	off := int(binary.LittleEndian.Uint16(t.f.b[t.vt+4+2*i:]))
	if off == 0 {
		return 0
	}
	if off < 4 || off > t.size-size {
		t.f.fault(t.at, "field %d lies outside of its table", i)
		return 0
	}
	return t.at + off
}

func (t table) has(i int) bool { return t.field(i, 1) != 0 }

func (t table) int8(i int, usual int8) int8 {
	if at := t.field(i, 1); at != 0 {
		return int8(t.f.b[at])
	}
	return usual
}

func (t table) bool(i int) bool { return t.int8(i, 0) != 0 }

func (t table) int32(i int, usual int32) int {
	if at := t.field(i, 4); at != 0 {
		return int(int32(t.f.u32(at)))
	}
	return int(usual)
}

func (t table) uint64(i int) uint64 {
	if at := t.field(i, 8); at != 0 && t.f.inside(at, 8) {
		return binary.LittleEndian.Uint64(t.f.b[at:])
	}
	return 0
}

func (t table) float32(i int) float32 {
	if at := t.field(i, 4); at != 0 {
		return math.Float32frombits(t.f.u32(at))
	}
	return 0
}

// table is the table that field i points to.
func (t table) table(i int) (table, bool) {
	at := t.field(i, 4)
	if at == 0 {
		return table{f: t.f}, false
	}
	return t.f.table(t.f.follow(at)), t.f.err == nil
}

// vector is the elements of a field: n of size bytes each from at on.
type vector struct {
	f     *flat
	at, n int
}

func (t table) vector(i, size int) vector {
	at := t.field(i, 4)
	if at == 0 {
		return vector{f: t.f}
	}
	at = t.f.follow(at)
	n := t.f.u32(at)
	if t.f.err != nil || int64(n) > int64((len(t.f.b)-at-4)/size) {
		t.f.fault(at, "a list of %d elements reaches past the end of the file", n)
		return vector{f: t.f}
	}
	return vector{t.f, at + 4, int(n)}
}

func (v vector) int32(k int) int       { return int(int32(v.f.u32(v.at + 4*k))) }
func (v vector) float32(k int) float32 { return math.Float32frombits(v.f.u32(v.at + 4*k)) }

func (v vector) int64(k int) int64 {
	return int64(binary.LittleEndian.Uint64(v.f.b[v.at+8*k:]))
}

// table is element k of a vector of tables.
func (v vector) table(k int) table { return v.f.table(v.f.follow(v.at + 4*k)) }

func (v vector) bytes() []byte { return v.f.b[v.at : v.at+v.n : v.at+v.n] }

// ints are the elements as ints; the caller has bounded their number.
func (v vector) ints() []int {
	out := make([]int, v.n)
	for i := range out {
		out[i] = v.int32(i)
	}
	return out
}

// maxName bounds a name, so that damaged files do not print pages.
const maxName = 1 << 10

func (t table) text(i int) string {
	v := t.vector(i, 1)
	if v.n > maxName {
		v.n = maxName
	}
	if v.n == 0 {
		return ""
	}
	return string(v.bytes())
}
