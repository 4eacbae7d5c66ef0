package engine

import (
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// planJoins decides which values are written straight into the concatenation that reads
// them, and which concatenations the shuffle after them does in their place.
func (l *lowering) planJoins() {
	for i := range l.g.Nodes {
		n := &l.g.Nodes[i]
		op, ok := n.Op.(graph.Concat)
		if !ok || op.Axis != 1 || !imaged(len(l.shape(n.Out[0]))) {
			continue
		}
		if l.shuffled(n) {
			l.joins[i] = true
			continue
		}
		off := 0
		for _, id := range n.In {
			if l.within[id].id == graph.None && l.writes(id) && l.sameQuant(id, n.Out[0]) {
				l.within[id] = parent{n.Out[0], off}
			}
			off += l.shape(id)[1]
		}
	}
}

// shuffled reports whether the only reader of a concatenation is a shuffle whose groups no
// input straddles, so that each input can be copied straight to its shuffled place.
func (l *lowering) shuffled(n *graph.Node) bool {
	out := n.Out[0]
	if len(l.uses[out]) != 1 || l.isOutput(out) {
		return false
	}
	op, ok := l.g.Nodes[l.uses[out][0]].Op.(graph.Shuffle)
	if !ok {
		return false
	}
	for _, id := range n.In {
		if l.shape(id)[1]%(l.shape(out)[1]/op.Groups) != 0 || !l.sameQuant(id, out) {
			return false
		}
	}
	return true
}

func (l *lowering) isOutput(id graph.ID) bool {
	for _, o := range l.g.Outputs {
		if o == id {
			return true
		}
	}
	return false
}

// writes reports whether a node computes the value into memory of our choice, rather than
// naming a part of another value.
func (l *lowering) writes(id graph.ID) bool {
	if l.prod[id] < 0 {
		return false
	}
	switch op := l.g.Nodes[l.prod[id]].Op.(type) {
	case graph.Split, graph.Slice, graph.Identity, graph.Reshape, graph.Flatten, graph.Transpose:
		return false
	case graph.Concat:
		return len(l.g.Nodes[l.prod[id]].In) > 1 || op.Axis != 1
	}
	return true
}

// concat copies those inputs that were not written in place.
func (l *lowering) concat(i int, op graph.Concat) error {
	if l.joins[i] {
		return nil
	}
	n := l.node
	out := l.shape(n.Out[0])
	y := l.place(n.Out[0])
	st := y.strides(out)
	off := 0
	for _, id := range n.In {
		s := l.shape(id)
		if p := l.within[id]; p.id != n.Out[0] || p.off != off {
			x, err := l.image(id)
			if err != nil {
				return err
			}
			if x, err = l.inQuanta(id, n.Out[0], x); err != nil {
				return err
			}
			l.move("concat", n.Name, s, x.ref, x.strides(s), y.at(off*st[op.Axis]), st)
		}
		off += s[op.Axis]
	}
	return nil
}

// cut makes a value that is every step-th element of the input's axis from start on: a
// view where the layout allows it, else a copy.
func (l *lowering) cut(id graph.ID, axis, start, step int) error {
	x, err := l.image(l.node.In[0])
	if err != nil {
		return err
	}
	from, s := l.shape(l.node.In[0]), l.shape(id)
	st := x.strides(from)
	r := x.at(start * st[axis])
	st[axis] *= step
	if v, ok := viewOf(r, s, st); ok {
		l.alias(id, v)
		return nil
	}
	y := l.place(id)
	l.move(l.node.Op.Name(), l.node.Name, s, r, st, y.ref, y.strides(s))
	return nil
}

// shuffle is free where only pointwise convolutions read the result, whose weights can be
// packed in another order. Otherwise it copies channels to their places: one copy, or one
// per input of the concatenation that it takes over.
func (l *lowering) shuffle(op graph.Shuffle) error {
	n := l.node
	s := l.shape(n.In[0])
	per := s[1] / op.Groups
	if p := l.prod[n.In[0]]; (p < 0 || !l.joins[p]) && l.reordered(n.Out[0]) {
		v, err := l.image(n.In[0])
		if err != nil {
			return err
		}
		v.order = make([]int, s[1])
		for c := range v.order {
			v.order[c] = c%op.Groups*per + c/op.Groups
		}
		l.alias(n.Out[0], v)
		return nil
	}
	parts := []graph.ID{n.In[0]}
	if p := l.prod[n.In[0]]; p >= 0 && l.joins[p] {
		parts = l.g.Nodes[p].In
	}
	off := 0
	for _, id := range parts {
		x, err := l.image(id)
		if err != nil {
			return err
		}
		y := l.place(n.Out[0])
		from := l.shape(id)
		// Channel j·per + i of the part, in group off/per + j, becomes i·Groups + off/per + j.
		dims := tensor.Shape{from[0], from[2], from[3], from[1] / per, per}
		xs, ys := x.strides(from), y.strides(s)
		l.move("shuffle", n.Name, dims, x.ref, []int{xs[0], xs[2], xs[3], per, 1},
			y.at(off/per), []int{ys[0], ys[2], ys[3], 1, op.Groups})
		off += from[1]
	}
	return nil
}

// reordered reports whether everything that reads a value takes its channels in any order:
// pointwise convolutions with known weights.
func (l *lowering) reordered(id graph.ID) bool {
	if l.isOutput(id) || len(l.uses[id]) == 0 || len(l.shape(id)) != 4 {
		return false
	}
	for _, u := range l.uses[id] {
		n := &l.g.Nodes[u]
		op, ok := n.Op.(graph.Conv)
		if !ok || n.In[0] != id || !l.bound(n.In[1]) || !l.pointwise(op, n) || op.Depthwise(l.shape(id)[1]) || slices.Contains(n.In[1:], id) {
			return false
		}
	}
	return true
}

// reshape is free where the elements lie in memory as the new shape wants, and otherwise a
// copy through the finest common shape or, where there is none, through row-major order.
func (l *lowering) reshape() error {
	n := l.node
	x, err := l.view(n.In[0])
	if err != nil {
		return err
	}
	id, from := n.Out[0], l.shape(n.In[0])
	to := l.shape(id)
	st := x.strides(from)
	if x.src != inInput { // what the caller gives has no slack behind it
		if nst, ok := regroup(from, st, to); ok {
			if v, ok := viewOf(x.ref, to, nst); ok {
				l.alias(id, v)
				return nil
			}
		}
	}
	y := l.place(id)
	yst := y.strides(to)
	if common, ok := refine(from, to); ok {
		xs, ok1 := regroup(from, st, common)
		ys, ok2 := regroup(to, yst, common)
		if ok1 && ok2 {
			l.move(n.Op.Name(), n.Name, common, x.ref, xs, y.ref, ys)
			return nil
		}
	}
	flat := l.buffer(tensor.Shape{from.Elements(), 1, 1})
	flat.bytes, l.bufs[flat.buf].bytes = y.bytes, y.bytes
	l.move(n.Op.Name(), n.Name, from, x.ref, st, flat.ref, flat.rowMajor(from))
	l.move(n.Op.Name(), n.Name, to, flat.ref, flat.rowMajor(to), y.ref, yst)
	return nil
}

// rowMajor is strides of a shape in row-major order.
func (v view) rowMajor(s tensor.Shape) []int { return view{planar: true}.strides(s) }

// refine returns the coarsest shape whose dimensions split those of both shapes, if there
// is one: [6,4] and [2,12] have [2,3,4].
func refine(a, b tensor.Shape) (tensor.Shape, bool) {
	var out tensor.Shape
	i, j, p, q := 0, 0, 1, 1 // what is left of the current dimension of each
	for {
		for p == 1 && i < len(a) {
			p = a[i]
			i++
		}
		for q == 1 && j < len(b) {
			q = b[j]
			j++
		}
		if p == 1 || q == 1 {
			return out, p == q
		}
		m := min(p, q)
		if max(p, q)%m != 0 {
			return nil, false
		}
		out = append(out, m)
		p, q = p/m, q/m
	}
}

func (l *lowering) transpose(op graph.Transpose) error {
	n := l.node
	x, err := l.view(n.In[0])
	if err != nil {
		return err
	}
	id := n.Out[0]
	s := l.shape(id)
	from := x.strides(l.shape(n.In[0]))
	st := make([]int, len(s))
	for i, p := range op.Perm.Slice() {
		st[i] = from[p]
	}
	if x.src != inInput {
		if v, ok := viewOf(x.ref, s, st); ok {
			l.alias(id, v)
			return nil
		}
	}
	y := l.place(id)
	l.move("transpose", n.Name, s, x.ref, st, y.ref, y.strides(s))
	return nil
}

func (l *lowering) identity() error {
	v, err := l.view(l.node.In[0])
	if err != nil {
		return err
	}
	l.alias(l.node.Out[0], v)
	return nil
}

// copy moves a whole value between two views.
func (l *lowering) copy(op, name string, s tensor.Shape, from, to view) {
	l.move(op, name, s, from.ref, from.strides(s), to.ref, to.strides(s))
}

// move emits a strided copy of the elements of a shape.
func (l *lowering) move(op, name string, s tensor.Shape, x ref, xs []int, y ref, ys []int) {
	if x.bytes {
		l.moveBytes(op, name, s, x, xs, y, ys)
		return
	}
	v := kernel.Pick(kernel.CopyF32, l.kernels)
	w := &copyWork{fn: v.Fn, x: x, y: y, nest: newNest(s, 2, 0, true, xs, ys)}
	st := step{Step: Step{Node: name, Op: op, Kernel: "copy/" + v.Name, Bytes: 8 * int64(s.Elements()), Out: s}, work: w}
	chunked(&st, w.nest.rows(), l.pieces(int64(s.Elements()), v.Rate))
	l.emit(st, y, x)
}
