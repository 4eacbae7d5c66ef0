package quant

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/tensor"
)

// Form is a quantized network as a file holds it and its reader gives it back.
type Form struct {
	Graph      *graph.Graph
	Arithmetic fixed.Profile
	// In and Out give, for every dimension of Graph's first input and output, the dimension of
	// the quantized network's; nil where both have one order.
	In, Out []int
}

// judged is what a form of a network is measured by.
type judged struct {
	images       []*tensor.Tensor
	truth, whole [][]float32 // of the float network, before and behind a last softmax
	shape        tensor.Shape
}

func (q *quantizer) judged() (*judged, error) {
	j := &judged{images: q.judges, truth: q.truth, whole: q.truth, shape: q.g.Value(q.g.Outputs[0]).Type.Shape}
	var err error
	if scores(q.g) != q.g {
		j.whole, err = outputs(q.g, q.judges, engine.Options{})
	}
	return j, err
}

// Measure is Result.SQNR of the network as a file holds it: the same inputs, against the same
// float network, with the arithmetic of those who read the file.
func (r *Result) Measure(f Form) (float64, error) {
	j, g := r.judged, f.Graph
	var images []*tensor.Tensor
	for _, x := range j.images {
		images = append(images, arranged(x, f.In))
	}
	if want := g.Value(g.Inputs[0]).Type; len(images) == 0 || !images[0].Shape.Equal(want.Shape) || want.DType != tensor.Float32 {
		return 0, fmt.Errorf("quant: %s reads %v, not the inputs it was judged on", g.Name, want)
	}
	cut, truth, back := scores(g), j.truth, inverse(f.Out)
	if id := cut.Outputs[0]; cut == g || len(g.Value(id).Type.Shape) != len(j.shape) {
		cut, truth = g, j.whole
	}
	got, err := outputs(cut, images, engine.Options{Arithmetic: string(f.Arithmetic)})
	if err != nil {
		return 0, err
	}
	s := cut.Value(cut.Outputs[0]).Type.Shape
	signal, errs := 0.0, 0.0
	for i, y := range got {
		y = arranged(tensor.Of(s, y), back).Float32()
		if len(y) != len(truth[i]) {
			return 0, fmt.Errorf("quant: %s answers with %d numbers, want %d", g.Name, len(y), len(truth[i]))
		}
		noise(centred(truth[i]), centred(y), &signal, &errs)
	}
	return ratio(signal, errs), nil
}

func inverse(p []int) []int {
	if p == nil {
		return nil
	}
	out := make([]int, len(p))
	for i, k := range p {
		out[k] = i
	}
	return out
}

// arranged is x with its dimensions in the order p, which names x's.
func arranged(x *tensor.Tensor, p []int) *tensor.Tensor {
	if len(p) != len(x.Shape) || slices.IsSorted(p) {
		return x
	}
	shape, stride := make(tensor.Shape, len(p)), make([]int, len(p))
	for d, k := range p {
		shape[d], stride[d] = x.Shape[k], x.Shape[k+1:].Elements()
	}
	out := tensor.New(tensor.Float32, shape)
	from, to, at := x.Float32(), out.Float32(), make([]int, len(p))
	for i, place := 0, 0; i < len(to); i++ {
		to[i] = from[place]
		for d := len(p) - 1; d >= 0; d-- {
			at[d]++
			place += stride[d]
			if at[d] < shape[d] {
				break
			}
			place -= at[d] * stride[d]
			at[d] = 0
		}
	}
	return out
}
