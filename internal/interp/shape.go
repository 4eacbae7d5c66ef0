package interp

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// same copies elements in their order under another shape.
func same(_ graph.Op, in, out []*tensor.Tensor) { copy(out[0].Float32(), in[0].Float32()) }

// concat joins along an axis: for every outer index, one run from each input.
func concat(op graph.Op, in, out []*tensor.Tensor) {
	axis := op.(graph.Concat).Axis
	y := out[0].Float32()
	for outer := range out[0].Shape[:axis].Elements() {
		for _, t := range in {
			run := t.Shape[axis:].Elements()
			y = y[copy(y, t.Float32()[outer*run:][:run]):]
		}
	}
}

func split(op graph.Op, in, out []*tensor.Tensor) {
	axis := op.(graph.Split).Axis
	x := in[0].Float32()
	for outer := range in[0].Shape[:axis].Elements() {
		for _, t := range out {
			run := t.Shape[axis:].Elements()
			copy(t.Float32()[outer*run:][:run], x)
			x = x[run:]
		}
	}
}

func slice(op graph.Op, in, out []*tensor.Tensor) {
	s := op.(graph.Slice)
	x, y := in[0].Float32(), out[0].Float32()
	n, inner := in[0].Shape[s.Axis], in[0].Shape[s.Axis+1:].Elements()
	for outer := range in[0].Shape[:s.Axis].Elements() {
		for i := s.Start; i < s.End; i += s.Step {
			y = y[copy(y, x[(outer*n+i)*inner:][:inner]):]
		}
	}
}

// shuffle: y[i·g+j] = x[j·C/g+i] on channels.
func shuffle(op graph.Op, in, out []*tensor.Tensor) {
	groups := op.(graph.Shuffle).Groups
	x, y, s := in[0].Float32(), out[0].Float32(), in[0].Shape
	area, per := s[2]*s[3], s[1]/groups
	for n := range s[0] {
		for i := range per {
			for j := range groups {
				copy(y[(n*s[1]+i*groups+j)*area:][:area], x[(n*s[1]+j*per+i)*area:][:area])
			}
		}
	}
}

func pad(op graph.Op, in, out []*tensor.Tensor) {
	p := op.(graph.Pad)
	x, y, s, t := in[0].Float32(), out[0].Float32(), in[0].Shape, out[0].Shape
	each(t, func(i int, at []int) {
		r, c := at[2]-p.Pad.Top, at[3]-p.Pad.Left
		if r < 0 || r >= s[2] || c < 0 || c >= s[3] {
			y[i] = p.Value
			return
		}
		y[i] = x[((at[0]*s[1]+at[1])*s[2]+r)*s[3]+c]
	})
}

// transpose: output dimension i is input dimension Perm[i].
func transpose(op graph.Op, in, out []*tensor.Tensor) {
	perm := op.(graph.Transpose).Perm.Slice()
	x, y := in[0].Float32(), out[0].Float32()
	own := make([]int, len(perm))
	step := 1
	for i := len(perm) - 1; i >= 0; i-- {
		own[i] = step
		step *= in[0].Shape[i]
	}
	strides := make([]int, len(perm))
	for i, p := range perm {
		strides[i] = own[p]
	}
	each(out[0].Shape, func(i int, at []int) { y[i] = x[offset(at, strides)] })
}
