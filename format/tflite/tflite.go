// Package tflite reads TensorFlow Lite models: float and quantized networks become
// graphs whose quantized values carry their parameters.
//
// The file is a FlatBuffer. flat.go reads one with every offset checked, schema.go names
// the fields, model.go lists tensors and operators, importer.go turns them into a graph
// and the op_*.go files know the operators. TensorFlow stores images NHWC, the graph
// speaks NCHW: order.go tells how dimensions correspond.
//
// It runs nothing; how integers are rounded is package internal/fixed's affair. Writing
// such files is write.go's.
package tflite

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
)

const format = "tflite"

// Model is what a file holds.
type Model struct {
	Graph    *graph.Graph
	Warnings []string
	// About is what the file says beside its network.
	About *graph.About
	// Inputs and Outputs are the graph's own as the file declares them: images NHWC, but where
	// each input is put into that order first.
	Inputs, Outputs []graph.Port
}

// Sniff reports whether a file begins like a TensorFlow Lite model.
func Sniff(head []byte) bool {
	return len(head) >= 8 && string(head[4:8]) == "TFL3"
}

// Read turns a file into a graph. The graph's weights may lie in data.
//
// Damage is a *graph.Refused, unknown operators and types are one *graph.UnsupportedError.
func Read(data []byte) (*Model, error) {
	if !Sniff(data) {
		return nil, refuse("byte 4", "is no TensorFlow Lite model: its mark TFL3 is missing")
	}
	f, err := readFile(data)
	if err != nil {
		return nil, err
	}
	im := newImporter(f)
	if err := im.run(); err != nil {
		return nil, err
	}
	return &Model{Graph: im.g, Warnings: im.warnings, About: about(data),
		Inputs: im.ports(f.inputs), Outputs: im.ports(f.outputs)}, nil
}

func refuse(where, f string, args ...any) *graph.Refused {
	return &graph.Refused{Format: format, Where: where, What: fmt.Sprintf(f, args...)}
}

func damaged(where, f string, args ...any) *graph.Refused {
	r := refuse(where, f, args...)
	r.Hint = "the file is damaged: fetch it again"
	return r
}
