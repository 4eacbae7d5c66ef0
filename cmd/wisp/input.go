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
		if s := in.array.Shape; s[3] == 3 && s[1] != 3 { // NHWC, as TensorFlow's models take it
			return []wisp.Option{wisp.WithSize(s[1], s[2])}
		}
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
		return []*tensor.Tensor{m.AsInput(zoo.SyntheticInput(in.seed, want, "input"))}, max(1, want[0]), nil
	}
	a := in.array
	if m.ChannelsLast && len(a.Shape) == 4 && len(want) == 4 {
		if last := (tensor.Shape{want[2], want[3], want[1]}); !a.Shape[1:].Equal(last) {
			return nil, 0, fmt.Errorf("%s: --input has shape %v, want [%d,%d,%d,%d] with any number of rows", m.Name, a.Shape, want[0], last[0], last[1], last[2])
		}
		a = reordered(a, 0, 3, 1, 2)
	}
	if a.DType == tensor.Float32 {
		a = m.AsInput(a)
	}
	if a.DType != v.Type.DType {
		return nil, 0, fmt.Errorf("%s: --input is %v, want %v", m.Name, a.DType, v.Type.DType)
	}
	if len(a.Shape) != len(want) || len(want) == 0 || !a.Shape[1:].Equal(want[1:]) || a.Shape[0] == 0 {
		return nil, 0, fmt.Errorf("%s: --input has shape %v, want %v with any number of rows", m.Name, a.Shape, want)
	}
	return rows(a, want[0]), (a.Shape[0]-1)%want[0] + 1, nil
}

// rows cuts an array into batches; the last is filled up with zeros.
func rows(a *tensor.Tensor, batch int) []*tensor.Tensor {
	shape := a.Shape.Clone()
	shape[0] = batch
	size, all := shape.Elements(), a.Shape.Elements()
	var out []*tensor.Tensor
	for at := 0; at < all; at += size {
		t := tensor.New(a.DType, shape)
		copyElements(t, 0, a, at)
		out = append(out, t)
	}
	return out
}

// copyElements copies what fits of the elements of a from one index on to another of t.
func copyElements(t *tensor.Tensor, to int, a *tensor.Tensor, from int) int {
	switch y := t.Data.(type) {
	case []float32:
		return copy(y[to:], a.Data.([]float32)[from:])
	case []uint8:
		return copy(y[to:], a.Data.([]uint8)[from:])
	case []int8:
		return copy(y[to:], a.Data.([]int8)[from:])
	}
	return 0
}

// reordered is an array of rank 4 whose dimension i is dimension p[i] of t.
func reordered(t *tensor.Tensor, p ...int) *tensor.Tensor {
	s := t.Shape
	st := [4]int{s[1] * s[2] * s[3], s[2] * s[3], s[3], 1}
	out := tensor.New(t.DType, tensor.Shape{s[p[0]], s[p[1]], s[p[2]], s[p[3]]})
	i := 0
	for a := range s[p[0]] {
		for b := range s[p[1]] {
			for c := range s[p[2]] {
				for d := range s[p[3]] {
					from := a*st[p[0]] + b*st[p[1]] + c*st[p[2]] + d*st[p[3]]
					switch y := out.Data.(type) {
					case []float32:
						y[i] = t.Data.([]float32)[from]
					case []uint8:
						y[i] = t.Data.([]uint8)[from]
					case []int8:
						y[i] = t.Data.([]int8)[from]
					}
					i++
				}
			}
		}
	}
	return out
}
