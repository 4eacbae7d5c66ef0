// Package safetensors reads Hugging Face's safetensors: eight bytes with the length
// of a JSON header, the header with each tensor's type, shape and place, then the
// bytes (github.com/huggingface/safetensors, README "Format").
//
// It reads from bytes that the caller holds, usually a mapped file, and copies no
// tensor that the machine can use where it lies. It knows no network and no names;
// package format opens files, sorts out prefixes and decides what a tensor is for.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

const format = "safetensors"

// maxHeader is the specification's bound on the header.
const maxHeader = 100_000_000

// dtypes maps the header's names to ours. The others that the specification lists
// (F8_E4M3, F8_E5M2, U16, U32, U64, C64, …) have no place in a tensor here.
var dtypes = map[string]tensor.DType{
	"F64": tensor.Float64, "F32": tensor.Float32, "F16": tensor.Float16, "BF16": tensor.BFloat16,
	"I64": tensor.Int64, "I32": tensor.Int32, "I16": tensor.Int16, "I8": tensor.Int8,
	"U8": tensor.Uint8, "BOOL": tensor.Bool,
}

// Sniff reports whether a file of size bytes that begins with head looks like a
// safetensors file.
func Sniff(head []byte, size int64) bool {
	if len(head) < 10 {
		return false
	}
	n := binary.LittleEndian.Uint64(head)
	return head[8] == '{' && n >= 2 && n <= maxHeader && int64(n) <= size-8
}

// Read returns the tensors in the header's order. They share memory with data.
// A file that breaks the specification is a *graph.Refused, one that keeps to it with
// element types unknown here a *graph.UnsupportedError that lists them all.
func Read(data []byte) ([]tensor.Named, error) {
	list, _, err := ReadAll(data)
	return list, err
}

// ReadAll is Read with the short strings that the header says of the file (__metadata__).
func ReadAll(data []byte) ([]tensor.Named, map[string]string, error) {
	if len(data) < 8 {
		return nil, nil, refuse(0, "%d bytes: too short for a header", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader || n > uint64(len(data)-8) {
		return nil, nil, refuse(0, "header of %d bytes in a file of %d: want at most %d", n, len(data), min(maxHeader, len(data)-8))
	}
	header, body := data[8:8+n], data[8+n:]
	entries, metadata, err := parseHeader(header)
	if err != nil {
		return nil, nil, err
	}
	if err := checkPlaces(entries, len(body)); err != nil {
		return nil, nil, err
	}
	out := make([]tensor.Named, 0, len(entries))
	var unknown []graph.Unsupported
	for i := range entries {
		e := &entries[i]
		d, ok := dtypes[e.dtype]
		if !ok {
			unknown = addUnknown(unknown, "dtype "+e.dtype, e.name)
			continue
		}
		count, ok := e.shape.Count()
		if !ok || count > len(body)/d.Size() || count*d.Size() != e.end-e.begin {
			return nil, nil, refuse(e.at, "tensor %q: %s%v takes another number of bytes than the %d of its data_offsets", e.name, e.dtype, e.shape, e.end-e.begin)
		}
		t, err := tensor.FromBytes(d, e.shape, body[e.begin:e.end])
		if err != nil {
			return nil, nil, refuse(e.at, "tensor %q: %v", e.name, err)
		}
		out = append(out, tensor.Named{Name: e.name, Tensor: t})
	}
	if unknown != nil {
		return nil, nil, &graph.UnsupportedError{Format: format, Ops: unknown}
	}
	return out, metadata, nil
}

func addUnknown(list []graph.Unsupported, op, name string) []graph.Unsupported {
	for i := range list {
		if list[i].Op == op {
			list[i].Nodes = append(list[i].Nodes, name)
			return list
		}
	}
	return append(list, graph.Unsupported{Op: op, Nodes: []string{name}})
}

// checkPlaces demands what the specification does: unique names, and data that
// covers the body from start to end without overlap or hole.
func checkPlaces(entries []entry, size int) error {
	order := make([]*entry, len(entries))
	names := make(map[string]bool, len(entries))
	for i := range entries {
		e := &entries[i]
		order[i] = e
		if names[e.name] {
			return refuse(e.at, "tensor %q stands twice in the header", e.name)
		}
		names[e.name] = true
		if e.begin < 0 || e.begin > e.end || e.end > size {
			return refuse(e.at, "tensor %q: data_offsets [%d,%d] outside the %d bytes of data", e.name, e.begin, e.end, size)
		}
	}
	slices.SortStableFunc(order, func(a, b *entry) int {
		if a.begin != b.begin {
			return a.begin - b.begin
		}
		return a.end - b.end
	})
	at := 0
	for _, e := range order {
		if e.begin != at {
			return refuse(e.at, "tensor %q begins at byte %d of the data, want %d: no overlap and no hole is allowed", e.name, e.begin, at)
		}
		at = e.end
	}
	if at != size {
		return refuse(8, "the tensors take %d bytes of data, the file has %d: it is cut short or has something appended", at, size)
	}
	return nil
}

// refuse makes the error of a file that breaks the format at byte at.
func refuse(at int, f string, args ...any) error {
	return &graph.Refused{Format: format, Where: fmt.Sprintf("byte %d", at), What: fmt.Sprintf(f, args...), Hint: "fetch the file again"}
}

// trimHeader drops the spaces that pad a header.
func trimHeader(h []byte) []byte { return bytes.TrimRight(h, " \n\r\t") }
