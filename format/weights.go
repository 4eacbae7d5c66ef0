package format

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Weights gives a file's tensors by name: a graph.Weights for Graph.Bind. Float types
// other than float32 are widened by Bind; an absent num_batches_tracked, as in files of
// PyTorch before 0.4.1, is taken for zero there.
type Weights struct {
	file  *File
	index map[string]int
	used  []bool
}

// Weights returns a source that remembers which tensors were asked for.
func (f *File) Weights() *Weights {
	w := &Weights{file: f, index: make(map[string]int, len(f.Tensors)), used: make([]bool, len(f.Tensors))}
	for i, t := range f.Tensors {
		w.index[t.Name] = i
	}
	return w
}

// Tensor returns the tensor of that name, or nil where the file has none. A size that
// a classifier's 1×1 convolution and its linear layer share is not an error: [O,K] and
// [O,K,1,1] are taken for each other.
func (w *Weights) Tensor(name string, want graph.Type) (*tensor.Tensor, error) {
	i, ok := w.index[name]
	if !ok {
		return nil, nil
	}
	w.used[i] = true
	t := w.file.Tensors[i].Tensor
	if !t.Shape.Equal(want.Shape) && sameMatrix(t.Shape, want.Shape) {
		u := *t
		u.Shape = want.Shape.Clone()
		return &u, nil
	}
	return t, nil
}

// sameMatrix reports whether both are [O,K] once trailing dimensions of 1 are dropped.
func sameMatrix(a, b tensor.Shape) bool {
	if min(len(a), len(b)) != 2 || max(len(a), len(b)) != 4 {
		return false
	}
	if len(a) == 2 {
		a, b = b, a
	}
	return a[0] == b[0] && a[1] == b[1] && a[2] == 1 && a[3] == 1
}

// Unused lists the tensors that were not asked for, in the file's order.
func (w *Weights) Unused() []string {
	var names []string
	for i, t := range w.file.Tensors {
		if !w.used[i] {
			names = append(names, t.Name)
		}
	}
	return names
}

// Shapes returns the names and shapes of the network's tensors, in the file's order.
func (f *File) Shapes() ([]string, []tensor.Shape) {
	names, shapes := make([]string, len(f.Tensors)), make([]tensor.Shape, len(f.Tensors))
	for i, t := range f.Tensors {
		names[i], shapes[i] = t.Name, t.Tensor.Shape
	}
	return names, shapes
}

// Classes returns the number of classes that the last weight of a classifier has: the
// rows of the last tensor of two dimensions (or of a 1×1 convolution at the very end),
// or otherwise where there is none.
func (f *File) Classes(otherwise int) int {
	for i := len(f.Tensors) - 1; i >= 0; i-- {
		s := f.Tensors[i].Tensor.Shape
		if len(s) == 2 || len(s) == 4 && s[2] == 1 && s[3] == 1 {
			return s[0]
		}
		if len(s) > 2 {
			break
		}
	}
	// safetensors are often sorted by size and name: a matrix anywhere
	for _, t := range f.Tensors {
		if s := t.Tensor.Shape; len(s) == 2 {
			return s[0]
		}
	}
	return otherwise
}
