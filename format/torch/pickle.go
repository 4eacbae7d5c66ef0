package torch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The bounds of the machine. CPython's pickler writes lists and dicts in batches of
// 1000, so neither stack comes near them in an honest file.
const (
	maxStack = 1 << 18
	maxMarks = 1 << 12
	maxName  = 1 << 12 // of a global
)

// machine runs one pickle (protocols 0 to 5; Python's pickletools.py describes each
// opcode). It builds inert values only.
type machine struct {
	data []byte
	pos  int
	mem  *budget

	stack []any
	marks []int
	memo  map[int]any

	storages   map[string]*storage
	order      []*storage // as first met
	persistent func(*storage) error

	// script is set by the first name of TorchScript.
	script bool
}

func (m *machine) where(at int) string { return fmt.Sprintf("pickle byte %d", at) }

func (m *machine) fail(f string, args ...any) error {
	return damaged(m.where(m.pos), f, args...)
}

// spend charges n bytes of live memory.
func (m *machine) spend(n int) error {
	if !m.mem.spend(n) {
		return refuse(m.where(m.pos), "asks for more memory than its file allows")
	}
	return nil
}

// load runs to STOP and returns the value. It may be called again for the next pickle
// of the stream; storages persist.
func (m *machine) load() (any, error) {
	m.stack, m.marks, m.memo = m.stack[:0], m.marks[:0], map[int]any{}
	for {
		at := m.pos
		b, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if b[0] == opStop {
			return m.pop()
		}
		if err := m.step(b[0]); err != nil {
			return nil, err
		}
		if len(m.stack) > maxStack || len(m.marks) > maxMarks {
			return nil, refuse(m.where(at), "stack of more than %d values", maxStack)
		}
	}
}

// take returns the next n bytes.
func (m *machine) take(n int) ([]byte, error) {
	if n < 0 || n > len(m.data)-m.pos {
		return nil, m.fail("ends in the middle: want %d more bytes, got %d", n, len(m.data)-m.pos)
	}
	b := m.data[m.pos : m.pos+n : m.pos+n]
	m.pos += n
	return b, nil
}

// sized returns bytes preceded by their count of the given width.
func (m *machine) sized(width int) ([]byte, error) {
	b, err := m.take(width)
	if err != nil {
		return nil, err
	}
	var n uint64
	for i := width - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	if n > uint64(len(m.data)) {
		return nil, m.fail("a string of %d bytes in a pickle of %d", n, len(m.data))
	}
	return m.take(int(n))
}

// line returns the bytes up to the next newline.
func (m *machine) line() ([]byte, error) {
	rest := m.data[m.pos:]
	n := bytes.IndexByte(rest, '\n')
	if n < 0 || n > maxName {
		return nil, m.fail("a line does not end")
	}
	m.pos += n + 1
	return rest[:n], nil
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) pop() (any, error) {
	floor := 0
	if len(m.marks) > 0 {
		floor = m.marks[len(m.marks)-1]
	}
	if len(m.stack) <= floor {
		return nil, m.fail("pops an empty stack")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

func (m *machine) top() (any, error) {
	v, err := m.pop()
	if err == nil {
		m.push(v)
	}
	return v, err
}

// popMark returns a copy of what stands above the last mark.
func (m *machine) popMark() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, m.fail("looks for a mark that is not there")
	}
	at := m.marks[len(m.marks)-1]
	m.marks = m.marks[:len(m.marks)-1]
	items := m.stack[at:]
	if err := m.spend(48 + 16*len(items)); err != nil {
		return nil, err
	}
	items = append([]any(nil), items...)
	m.stack = m.stack[:at]
	return items, nil
}

func (m *machine) pushString(b []byte) error {
	if err := m.spend(32 + len(b)); err != nil {
		return err
	}
	m.push(string(b))
	return nil
}

func (m *machine) pushBytes(b []byte) error {
	if err := m.spend(32); err != nil {
		return err
	}
	m.push(b)
	return nil
}

func (m *machine) pushInt(n int64) error {
	if err := m.spend(8); err != nil {
		return err
	}
	m.push(n)
	return nil
}

// pushLong pushes a two's complement little-endian integer of any length.
func (m *machine) pushLong(b []byte) error {
	if len(b) > 8 {
		if err := m.spend(32); err != nil {
			return err
		}
		m.push(bigInt(b))
		return nil
	}
	var n uint64
	for i, c := range b {
		n |= uint64(c) << (8 * i)
	}
	if len(b) > 0 && b[len(b)-1] >= 0x80 && len(b) < 8 {
		n |= math.MaxUint64 << (8 * len(b))
	}
	return m.pushInt(int64(n))
}

func (m *machine) remember(key int, v any) error {
	if _, old := m.memo[key]; !old {
		if err := m.spend(64); err != nil {
			return err
		}
	}
	m.memo[key] = v
	return nil
}

func (m *machine) recall(key int) error {
	v, ok := m.memo[key]
	if !ok {
		return m.fail("recalls memo %d, which was not stored", key)
	}
	m.push(v)
	return nil
}

// uint reads a little-endian unsigned number.
func (m *machine) uint(width int) (int, error) {
	b, err := m.take(width)
	if err != nil {
		return 0, err
	}
	n := 0
	for i, c := range b {
		n |= int(c) << (8 * i)
	}
	return n, nil
}

func (m *machine) float() error {
	b, err := m.take(8)
	if err != nil {
		return err
	}
	if err := m.spend(8); err != nil {
		return err
	}
	m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	return nil
}

// text reads the decimal forms of protocol 0.
func (m *machine) text(op byte) error {
	b, err := m.line()
	if err != nil {
		return err
	}
	s := string(b)
	switch op {
	case opInt:
		if s == "00" || s == "01" {
			m.push(s == "01")
			return nil
		}
	case opLong:
		s = strings.TrimSuffix(s, "L")
	case opFloat:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return m.fail("%q is not a number", s)
		}
		m.push(f)
		return m.spend(8)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return m.fail("%q is not an integer of 64 bits", s)
	}
	return m.pushInt(n)
}

// quoted reads the string literal of protocol 0.
func (m *machine) quoted() error {
	b, err := m.line()
	if err != nil {
		return err
	}
	if len(b) < 2 || b[0] != b[len(b)-1] || b[0] != '\'' && b[0] != '"' {
		return m.fail("a string without quotes")
	}
	return m.pushString(b[1 : len(b)-1])
}
