// Package onnx reads ONNX models (opset 7 to 28) into graphs.
//
// Protobuf is walked in place, without generated code. What exporters compute about
// shapes (Shape, Gather, Concat, …) is folded away while reading, with the batch kept
// symbolic, so that the graph runs at any batch; what remains is mapped onto the
// operators of package graph one by one. Patterns such as x·sigmoid(x) are left as they
// stand: internal/rewrite knows them.
//
// It reads no folder by itself: the opener (package format) hands it the files that a
// model names beside itself.
package onnx

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

const format = "onnx"

// The opsets whose operators mean what this package implements. From 22 to 28 those that it
// reads took further element types and attributes for types that it does not have, and no
// other meaning.
const (
	minOpset = 7
	maxOpset = 28
)

// perByte is how much memory a file's byte may take beside the file: an 8-bit weight
// becomes a float32.
const perByte = 4

// Options are what the reader needs from outside.
type Options struct {
	// External returns the bytes of a file that the model names as its external data,
	// relative to the model's folder. Nil refuses external data.
	External func(location string) ([]byte, error)
	// Shapes are of inputs, by name, "" being the only input: a dimension other than the
	// first that the file leaves open is read at theirs, an input whose shape the file does
	// not give has all of it.
	Shapes map[string]tensor.Shape
	// Height and Width, where they are set, are those of pictures whose size is open.
	Height, Width int
}

// Model is a graph with its weights bound, and what had to be assumed.
type Model struct {
	Graph    *graph.Graph
	Warnings []string
	// About is what the file says beside its network.
	About *graph.About
	// Inputs and Outputs are the graph's own as the file declares them.
	Inputs, Outputs []graph.Port
}

// Sniff reports whether a file that begins with head looks like an ONNX model: its
// first field is a small version number, the next one is a field of ModelProto.
func Sniff(head []byte) bool {
	if len(head) < 3 || head[0] != 0x08 || head[1] == 0 || head[1] > 64 {
		return false
	}
	switch head[2] {
	case 0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72:
		return true
	}
	return false
}

// Read returns the model in data, whose weights may share memory with it.
//
// A damaged file, or one whose graph has cycles, missing tensors or impossible shapes,
// is a *graph.Refused that names the node; operators or forms that wisp does not have
// are a *graph.UnsupportedError that lists all of them.
func Read(data []byte, o Options) (*Model, error) {
	// The structures of the graph itself fit the constant part.
	mem := &budget{left: 24<<20 + perByte*len(data)}
	p := &parser{whole: data, mem: mem}
	m, err := p.model(data)
	if err != nil {
		return nil, err
	}
	if !m.hasGraph || m.irVersion < 1 {
		r := refuse("", "holds no ONNX graph")
		r.Hint = "give the .onnx file that the exporter wrote"
		return nil, r
	}
	version, err := m.opset()
	if err != nil {
		return nil, err
	}
	im := newImporter(version, mem, o, len(data))
	im.functions = functionsOf(m.functions)
	if err := im.run(&m.graph); err != nil {
		return nil, err
	}
	return &Model{Graph: im.g, Warnings: im.warnings, About: about(data),
		Inputs: ports(im.g, im.g.Inputs, m.graph.inputs), Outputs: ports(im.g, im.g.Outputs, m.graph.outputs)}, nil
}

// opset is the version of ONNX's own operators that the model follows, functions of its
// own included.
func (m *modelProto) opset() (int, error) {
	lists := [][]opset{m.opsets}
	for i := range m.functions {
		lists = append(lists, m.functions[i].opsets)
	}
	version := int64(0)
	for i, list := range lists {
		for _, s := range list {
			if plainDomain(s.domain) != "" {
				continue
			}
			if s.version < minOpset || s.version > maxOpset {
				return 0, wrongOpset(fmt.Sprintf("opset %d", s.version), "export again, or use onnx.version_converter")
			}
			if i == 0 {
				version = max(version, s.version)
			}
		}
	}
	switch {
	case version > 0:
	case m.irVersion < 3:
		return 0, wrongOpset("opset 1", fmt.Sprintf("the file is of IR version %d, which has no other: use onnx.version_converter, or export again", m.irVersion))
	case slices.ContainsFunc(m.graph.nodes, func(n nodeProto) bool { return plainDomain(n.domain) == "" }):
		return 0, wrongOpset("no opset", "the file names none for the operators of ONNX's own domain: export again")
	default:
		version = maxOpset // no operator goes by it
	}
	return int(version), nil
}

func wrongOpset(got, next string) error {
	return &graph.UnsupportedError{Format: format, Ops: []graph.Unsupported{{Op: got, Why: fmt.Sprintf("want opset %d to %d: %s", minOpset, maxOpset, next)}}}
}

func refuse(where, f string, args ...any) *graph.Refused {
	return &graph.Refused{Format: format, Where: where, What: fmt.Sprintf(f, args...)}
}

func damaged(where, f string, args ...any) *graph.Refused {
	r := refuse(where, f, args...)
	r.Hint = "the file is damaged: fetch it again"
	return r
}
