// Package npy reads NumPy's .npy array files (format versions 1 to 3) as tensors, whatever
// their byte order and whether in C or in Fortran order, of the element types that a tensor
// stores. It writes version 1, little-endian, in C order.
//
// It is our own because the library that exists links a linear-algebra package and
// trusts sizes in the header; this reader allocates nothing before the file is known to
// be long enough. It knows neither .npz archives nor object arrays.
package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/tensor"
)

const magic = "\x93NUMPY"

// maxHeader bounds the header's text; NumPy itself warns above 10,000 bytes.
const maxHeader = 1 << 16

// Error says why a file is not an array that can be read.
type Error struct {
	Path string
	Why  string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Why) }

var descrs = []struct {
	descr string
	dtype tensor.DType
}{
	{"<f4", tensor.Float32}, {"<f8", tensor.Float64}, {"<f2", tensor.Float16},
	{"|i1", tensor.Int8}, {"|u1", tensor.Uint8}, {"<i2", tensor.Int16},
	{"<i4", tensor.Int32}, {"<i8", tensor.Int64}, {"|b1", tensor.Bool},
}

var (
	descrText = regexp.MustCompile(`'descr'\s*:\s*'([^']+)'`)
	orderText = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shapeText = regexp.MustCompile(`'shape'\s*:\s*\(([\dL\s,]*)\)`)
)

// ReadFile reads a .npy file. What is wrong with its content is an *Error.
func ReadFile(path string) (*tensor.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{path, "not a regular file"}
	}
	t, err := read(f, info.Size())
	if err != nil {
		return nil, &Error{path, err.Error()}
	}
	return t, nil
}

// read decodes an array from a reader of size bytes.
func read(r io.Reader, size int64) (*tensor.Tensor, error) {
	head := make([]byte, 10)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:6]) != magic {
		return nil, fmt.Errorf("not a .npy array: it does not begin as one")
	}
	if head[6] < 1 || head[6] > 3 {
		return nil, fmt.Errorf("format version %d: want 1, 2 or 3", head[6])
	}
	n := int64(binary.LittleEndian.Uint16(head[8:]))
	used := int64(10)
	if head[6] >= 2 {
		var more [2]byte
		if _, err := io.ReadFull(r, more[:]); err != nil {
			return nil, fmt.Errorf("ends within its header")
		}
		n |= int64(binary.LittleEndian.Uint16(more[:])) << 16
		used += 2
	}
	if n > maxHeader || used+n > size {
		return nil, fmt.Errorf("header of %d bytes: want at most %d and no more than the file holds", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("ends within its header")
	}
	h, err := parseHeader(string(text))
	if err != nil {
		return nil, err
	}
	dtype, shape := h.dtype, h.shape
	count, ok := shape.Count()
	if !ok || int64(count) > (size-used-n)/int64(dtype.Size()) {
		return nil, fmt.Errorf("shape %v of %v needs more bytes than the file's %d", shape, dtype, size)
	}
	raw := make([]byte, count*dtype.Size())
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("ends within its data")
	}
	if size := dtype.Size(); h.big {
		for i := 0; i < len(raw); i += size {
			slices.Reverse(raw[i : i+size])
		}
	}
	if !h.fortran || len(shape) < 2 {
		return tensor.FromBytes(dtype, shape, raw)
	}
	// The first index is the fastest: the file's bytes are those of the transposed array.
	slices.Reverse(shape)
	t, err := tensor.FromBytes(dtype, shape, raw)
	if err != nil {
		return nil, err
	}
	back := make([]int, len(shape))
	for i := range back {
		back[i] = len(shape) - 1 - i
	}
	return t.Transposed(back), nil
}

// layout is what the text before the data says of them.
type layout struct {
	dtype        tensor.DType
	shape        tensor.Shape
	big, fortran bool
}

func parseHeader(text string) (h layout, err error) {
	descr, order, dims := descrText.FindStringSubmatch(text), orderText.FindStringSubmatch(text), shapeText.FindStringSubmatch(text)
	if descr == nil || order == nil || dims == nil {
		return h, fmt.Errorf("header %.80q: want descr, fortran_order and shape", text)
	}
	h.fortran = order[1] == "True"
	name := descr[1]
	h.big = strings.HasPrefix(name, ">")
	for _, d := range descrs {
		if d.descr[1:] == strings.TrimLeft(name, "<>=|") {
			h.dtype = d.dtype
		}
	}
	if h.dtype == tensor.Invalid {
		return h, fmt.Errorf("element type %q: want float16, 32 or 64, int8, 16, 32 or 64, uint8 or bool: save it with astype", name)
	}
	h.shape = tensor.Shape{}
	for part := range strings.SplitSeq(dims[1], ",") {
		if part = strings.TrimSuffix(strings.TrimSpace(part), "L"); part == "" { // Python 2 wrote 3L
			continue
		}
		d, err := strconv.Atoi(part)
		if err != nil || len(h.shape) == 8 {
			return h, fmt.Errorf("shape (%s): want at most eight numbers", dims[1])
		}
		h.shape = append(h.shape, d)
	}
	return h, nil
}

// Write encodes a tensor as format version 1.
func Write(w io.Writer, t *tensor.Tensor) error {
	descr := ""
	for _, d := range descrs {
		if d.dtype == t.DType {
			descr = d.descr
		}
	}
	if descr == "" {
		return fmt.Errorf("npy: %v has no NumPy element type", t.DType)
	}
	dims := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = strconv.Itoa(d)
	}
	shape := strings.Join(dims, ", ")
	if len(dims) == 1 {
		shape += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape)
	pad := 63 - (len(magic)+4+len(text))%64 // the data begins at a multiple of 64 bytes
	text += strings.Repeat(" ", pad) + "\n"
	head := binary.LittleEndian.AppendUint16([]byte(magic+"\x01\x00"), uint16(len(text)))
	if _, err := w.Write(append(head, text...)); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, t.Data)
}
