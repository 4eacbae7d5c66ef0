package tflite

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// A layout is the order in which the file has a value's dimensions. The graph speaks of
// [N,C,…]; operators over images want [N,…,C], operators that give elements another shape
// want the graph's own order, and all others take either. Every value is written in the
// layout in which its operator computes it, and by a TRANSPOSE once more in the other where
// an operator needs that.
type layout uint8

const (
	plain layout = iota // as in the graph
	last                // channels last; of fewer than three dimensions the same as plain
)

// order gives, for every dimension of the file's tensor, the graph's.
func (l layout) order(rank int) []int {
	p := make([]int, rank)
	for i := range p {
		p[i] = i
	}
	if l == last && rank >= 3 {
		copy(p[1:], p[2:])
		p[rank-1] = 1
	}
	return p
}

// shape is a graph's shape in the file.
func (l layout) shape(s tensor.Shape) tensor.Shape { return permute(s, l.order(len(s))) }

// axis is a dimension of the graph's value in the file's.
func (l layout) axis(a, rank int) int { return inverse(l.order(rank))[a] }

// portLayout is how inputs and outputs stand in the file: images NHWC, all else as in the
// graph.
func portLayout(rank int) layout {
	if rank == 4 {
		return last
	}
	return plain
}

// places are the tensors of a value by layout, −1 where there is none.
type places [2]int

func (e *exporter) shape(id graph.ID) tensor.Shape { return e.g.Values[id].Type.Shape }

// constant reports whether a value is known before the run.
func (e *exporter) constant(id graph.ID) bool { return e.g.Values[id].Data != nil }

// stands is the layout in which an operator that takes either should compute: channels last
// where one of the values of the greatest rank is there so already.
func (e *exporter) stands(ids ...graph.ID) layout {
	rank := 0
	for _, id := range ids {
		rank = max(rank, len(e.shape(id)))
	}
	for _, id := range ids {
		if len(e.shape(id)) == rank && e.at[id][last] >= 0 && !e.constant(id) {
			return last
		}
	}
	return plain
}

// value is the tensor of a value in a layout.
func (e *exporter) value(id graph.ID, l layout) int {
	v := &e.g.Values[id]
	s := v.Type.Shape
	if len(s) < 3 {
		l = plain
	}
	if e.at[id][l] >= 0 {
		return e.at[id][l]
	}
	if v.Data != nil {
		e.at[id][l] = e.add(v.Name, v.Type.DType, l.shape(s), v.Quant, rawData(reorder(v.Data, s, l.order(len(s)))))
		return e.at[id][l]
	}
	from := 1 - l
	y := e.define(id, l)
	p := l.order(len(s))
	if from == last {
		p = inverse(last.order(len(s)))
	}
	e.transpose(v.Name, id, e.at[id][from], from.shape(s), p, y)
	return y
}

// define is a new tensor for a value that is about to be computed in a layout. The one that
// is an output of the file has the value's own name.
func (e *exporter) define(id graph.ID, l layout) int {
	v := &e.g.Values[id]
	s := v.Type.Shape
	if len(s) < 3 {
		l = plain
	}
	name := v.Name
	if port := portLayout(len(s)); e.isOutput[id] && l != port && len(s) >= 3 || e.at[id][1-l] >= 0 && !(e.isOutput[id] && l == port) {
		name += [...]string{"/plain", "/last"}[l]
	}
	e.at[id][l] = e.add(name, v.Type.DType, l.shape(s), v.Quant, nil)
	return e.at[id][l]
}

// maxTransposed is how many dimensions TRANSPOSE of the older runtimes takes.
const maxTransposed = 5

// transpose reorders x, of the file's shape s, by p into y. The type and quantization are
// those of the value like.
func (e *exporter) transpose(name string, like graph.ID, x int, s tensor.Shape, p []int, y int) {
	to := permute(s, p)
	if still(s, p) {
		e.reshape(x, y, to...)
		return
	}
	if len(s) <= maxTransposed {
		e.emit(39, e.version(like), []int{x, e.list(p...)}, []int{y}, transposeOptions, fbTable{})
		return
	}
	s, p = joined(s, p)
	if len(s) <= maxTransposed {
		in := e.between(name+"/joined", like, s)
		out := e.between(name+"/moved", like, permute(s, p))
		e.reshape(x, in, s...)
		e.emit(39, e.version(like), []int{in, e.list(p...)}, []int{out}, transposeOptions, fbTable{})
		e.reshape(out, y, to...)
		return
	}
	// One dimension after the other goes to its place: [before, between, it, behind].
	now := make([]int, len(s)) // dimensions of s in their present order
	for i := range now {
		now[i] = i
	}
	for i, want := range p {
		at := i
		for now[at] != want {
			at++
		}
		if at == i {
			continue
		}
		moved := permute(s, now)
		view := tensor.Shape{moved[:i].Elements(), moved[i:at].Elements(), moved[at], moved[at+1:].Elements()}
		in := e.between(fmt.Sprintf("%s/joined%d", name, i), like, view)
		out := e.between(fmt.Sprintf("%s/moved%d", name, i), like, permute(view, []int{0, 2, 1, 3}))
		e.reshape(x, in, view...)
		e.emit(39, e.version(like), []int{in, e.list(0, 2, 1, 3)}, []int{out}, transposeOptions, fbTable{})
		x = out
		copy(now[i+1:at+1], now[i:at])
		now[i] = want
	}
	e.reshape(x, y, to...)
}

// joined drops the dimensions of one element and joins those that stay side by side.
func joined(s tensor.Shape, p []int) (tensor.Shape, []int) {
	var list []int // of p, without those of one element
	for _, d := range p {
		if s[d] != 1 {
			list = append(list, d)
		}
	}
	place := make([]int, len(s)) // of a dimension, counting only those that are not one
	n := 0
	for d := range s {
		place[d] = n
		if s[d] != 1 {
			n++
		}
	}
	var heads []int
	size := map[int]int{}
	for i, d := range list {
		if i > 0 && place[d] == place[list[i-1]]+1 {
			size[heads[len(heads)-1]] *= s[d]
			continue
		}
		heads = append(heads, d)
		size[d] = s[d]
	}
	var out tensor.Shape
	index := map[int]int{}
	for d := range s {
		if n, ok := size[d]; ok {
			index[d] = len(out)
			out = append(out, n)
		}
	}
	q := make([]int, len(heads))
	for i, d := range heads {
		q[i] = index[d]
	}
	return out, q
}

// reshape gives the elements of x the shape of y.
func (e *exporter) reshape(x, y int, shape ...int) {
	if len(shape) == 0 { // an empty list cannot be a constant; the option's [0] says scalar
		e.emit(opReshape, 1, []int{x}, []int{y}, reshapeOptions, fbTable{fbInts(0)})
		return
	}
	e.emit(opReshape, 1, []int{x, e.list(shape...)}, []int{y}, reshapeOptions, fbTable{fbInts(shape...)})
}

// reshaped is x as a tensor of another shape, x itself where it is the same.
func (e *exporter) reshaped(name string, like graph.ID, x int, from, to tensor.Shape) int {
	if from.Equal(to) {
		return x
	}
	y := e.between(name, like, to)
	e.reshape(x, y, to...)
	return y
}

// around is a shape seen from one dimension: what is before it, it, and what is behind.
func around(s tensor.Shape, axis int) tensor.Shape {
	return tensor.Shape{s[:axis].Elements(), s[axis], s[axis+1:].Elements()}
}
