package imagenet

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// meta.mat of ILSVRC's development kit is a MATLAB 5 file ("MAT-File Format", MathWorks) with
// a struct array synsets, of whose fields two matter: ILSVRC2012_ID, a number, and WNID, text.

const (
	maxMeta = 16 << 20 // of the file, and of what it unpacks to

	matDouble     = 9
	matMatrix     = 14
	matCompressed = 15

	matStruct = 2 // a class of array
	matChar   = 4
)

var errMeta = errors.New("is no meta.mat of the development kit (a MATLAB 5 file with synsets)")

// readMeta returns the WNID of each of ILSVRC's class numbers.
func readMeta(r io.Reader) (map[int]string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxMeta+1))
	if err != nil {
		return nil, err
	}
	if len(b) < 128 || len(b) > maxMeta || string(b[126:128]) != "IM" {
		return nil, errMeta
	}
	for rest := b[128:]; len(rest) > 0; {
		var kind int
		var body []byte
		if kind, body, rest, err = matElement(rest); err != nil {
			return nil, err
		}
		if kind == matCompressed {
			z, err := zlib.NewReader(bytes.NewReader(body))
			if err != nil {
				return nil, fmt.Errorf("is damaged: %w", err)
			}
			whole, err := io.ReadAll(io.LimitReader(z, maxMeta+1))
			if err != nil || len(whole) > maxMeta {
				return nil, fmt.Errorf("is damaged, or unpacks to more than %d MiB: %v", maxMeta>>20, err)
			}
			if kind, body, _, err = matElement(whole); err != nil {
				return nil, err
			}
		}
		if kind != matMatrix {
			continue
		}
		a, err := matArray(body)
		if err != nil {
			return nil, err
		}
		if a.class == matStruct && a.name == "synsets" {
			return synsets(a)
		}
	}
	return nil, errMeta
}

// matElement takes one data element off the front.
func matElement(b []byte) (kind int, body, rest []byte, err error) {
	le := binary.LittleEndian
	if len(b) < 8 {
		return 0, nil, nil, errors.New("is cut short")
	}
	if n := int(le.Uint16(b[2:])); n > 0 { // the small form: up to four bytes
		if n > 4 {
			return 0, nil, nil, errMeta
		}
		return int(le.Uint16(b)), b[4 : 4+n], b[8:], nil
	}
	kind = int(le.Uint32(b))
	n := uint64(le.Uint32(b[4:]))
	if n > uint64(len(b)-8) {
		return 0, nil, nil, errors.New("is cut short")
	}
	body = b[8 : 8+n]
	padded := n
	if kind != matCompressed {
		padded = (n + 7) &^ 7
	}
	return kind, body, b[min(uint64(len(b)), 8+padded):], nil
}

// matrix is an array: what is left of it after its head.
type matrix struct {
	class int
	count int
	name  string
	rest  []byte
}

func matArray(b []byte) (m matrix, err error) {
	var flags, dims, name []byte
	if _, flags, b, err = matElement(b); err != nil {
		return m, err
	}
	if _, dims, b, err = matElement(b); err != nil {
		return m, err
	}
	if _, name, b, err = matElement(b); err != nil {
		return m, err
	}
	if len(flags) < 4 || len(dims)%4 != 0 {
		return m, errMeta
	}
	m.class, m.name, m.rest, m.count = int(flags[0]), string(name), b, 1
	for ; len(dims) > 0; dims = dims[4:] {
		n := binary.LittleEndian.Uint32(dims)
		if n > maxMeta {
			return m, errMeta
		}
		if m.count *= int(n); m.count > maxMeta {
			return m, errMeta
		}
	}
	return m, nil
}

func synsets(a matrix) (map[int]string, error) {
	_, length, rest, err := matElement(a.rest)
	if err != nil {
		return nil, err
	}
	_, names, rest, err := matElement(rest)
	if err != nil {
		return nil, err
	}
	if len(length) != 4 {
		return nil, errMeta
	}
	width := int(binary.LittleEndian.Uint32(length))
	if width < 1 || len(names)%width != 0 {
		return nil, errMeta
	}
	var fields []string
	for ; len(names) > 0; names = names[width:] {
		name, _, _ := bytes.Cut(names[:width], []byte{0})
		fields = append(fields, string(name))
	}
	out := map[int]string{}
	for range a.count {
		id, wnid := 0, ""
		for _, f := range fields {
			var kind int
			var body []byte
			if kind, body, rest, err = matElement(rest); err != nil {
				return nil, err
			}
			if kind != matMatrix || f != "ILSVRC2012_ID" && f != "WNID" {
				continue
			}
			v, err := matArray(body)
			if err != nil {
				return nil, err
			}
			kind, data, _, err := matElement(v.rest)
			if err != nil {
				return nil, err
			}
			if f == "WNID" && v.class == matChar {
				wnid = string(bytes.ReplaceAll(data, []byte{0}, nil)) // of one or two bytes a letter
			} else if f == "ILSVRC2012_ID" {
				id = matNumber(kind, data)
			}
		}
		if id > 0 && isWNID(wnid) {
			out[id] = wnid
		}
	}
	return out, nil
}

// matNumber reads a small number in any of the forms that MATLAB stores one in.
func matNumber(kind int, b []byte) int {
	if kind == matDouble && len(b) == 8 {
		if v := math.Float64frombits(binary.LittleEndian.Uint64(b)); v >= 0 && v <= maxMeta {
			return int(v)
		}
		return 0
	}
	if kind > 6 || len(b) == 0 || len(b) > 4 { // int8 … uint32
		return 0
	}
	n := 0
	for i, c := range b {
		n |= int(c) << (8 * i)
	}
	if n > maxMeta {
		return 0
	}
	return n
}
