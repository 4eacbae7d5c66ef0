package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// input is what --input names: an image, an array or the synthetic input.
type input struct {
	image string         // path of an image file
	array *tensor.Tensor // a .npy, with any number of rows
	seed  uint64         // of the synthetic input, where neither is set
}

// readInput reads --input IMAGE | FILE.npy | synthetic:SEED. Images are decoded
// later, since only the model knows its recipe.
func readInput(s string) (*input, error) {
	switch {
	case strings.HasPrefix(s, "synthetic:"):
		seed, err := strconv.ParseUint(strings.TrimPrefix(s, "synthetic:"), 10, 64)
		if err != nil {
			return nil, usagef("--input %s: want synthetic:SEED", s)
		}
		return &input{seed: seed}, nil
	case strings.EqualFold(filepath.Ext(s), ".npy"):
		t, err := npy.ReadFile(s)
		if err != nil {
			return nil, err
		}
		return &input{array: t}, nil
	}
	return &input{image: s}, nil
}

// options returns what the input says of the model: an array brings its size.
func (in *input) options() []wisp.Option {
	if in.array != nil && len(in.array.Shape) == 4 {
		return []wisp.Option{wisp.WithSize(in.array.Shape[2], in.array.Shape[3])}
	}
	return nil
}

// batches returns the model's inputs, one tensor of the model's batch after another,
// and how many rows of the last are real.
func (in *input) batches(m *wisp.Model) ([]*tensor.Tensor, int, error) {
	if len(m.Graph.Inputs) != 1 {
		return nil, 0, fmt.Errorf("%s: the model has %d inputs, want 1", m.Name, len(m.Graph.Inputs))
	}
	v := m.Graph.Value(m.Graph.Inputs[0])
	want := v.Type.Shape
	switch {
	case in.image != "":
		img, err := wisp.ReadImage(in.image)
		if err != nil {
			return nil, 0, err
		}
		t, err := m.Preprocess(img)
		if err != nil {
			return nil, 0, err
		}
		return []*tensor.Tensor{t}, 1, nil
	case in.array == nil:
		return []*tensor.Tensor{zoo.SyntheticInput(in.seed, want, "input")}, max(1, want[0]), nil
	}
	a := in.array
	if a.DType != v.Type.DType {
		return nil, 0, fmt.Errorf("%s: --input is %v, want %v", m.Name, a.DType, v.Type.DType)
	}
	if len(a.Shape) != len(want) || len(want) == 0 || !a.Shape[1:].Equal(want[1:]) || a.Shape[0] == 0 {
		return nil, 0, fmt.Errorf("%s: --input has shape %v, want %v with any number of rows", m.Name, a.Shape, want)
	}
	return rows(a, want[0]), (a.Shape[0]-1)%want[0] + 1, nil
}

// rows cuts a float32 array into batches; the last is filled up with zeros.
func rows(a *tensor.Tensor, batch int) []*tensor.Tensor {
	all, shape := a.Float32(), a.Shape.Clone()
	shape[0] = batch
	size := shape.Elements()
	var out []*tensor.Tensor
	for len(all) > 0 {
		t := tensor.New(a.DType, shape)
		n := copy(t.Float32(), all[:min(size, len(all))])
		all = all[n:]
		out = append(out, t)
	}
	return out
}
