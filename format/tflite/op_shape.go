package tflite

import (
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// reshape gives operand 0 the result's shape.
func (im *importer) reshape() error {
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	t := im.result()
	to, err := im.target()
	if err != nil {
		return err
	}
	if !to.Equal(t.shape) {
		if to.Elements() != im.shape(0).Elements() {
			return im.refuse("%v does not become %v", im.shape(0), to)
		}
		t.shape, t.moved = to, true
	}
	return im.reshaped(x, im.shape(0), v.image, t)
}

// target is the shape that a RESHAPE, SQUEEZE or EXPAND_DIMS gives its result: what its
// operands say where they are known, for the file's word may stand for a batch that was not;
// else the file's word.
func (im *importer) target() (tensor.Shape, error) {
	from, said := im.shape(0), im.result().shape
	switch im.op.code {
	case opSqueeze:
		if !im.moved() {
			return said, nil
		}
		o := im.op.options.vector(0, 4)
		if o.n > maxRank {
			return nil, im.refuse("%d dimensions to drop", o.n)
		}
		drop := o.ints()
		var to tensor.Shape
		for d, n := range from {
			if n == 1 && (len(drop) == 0 || slices.Contains(drop, d) || slices.Contains(drop, d-len(from))) {
				continue
			}
			to = append(to, n)
		}
		return to, nil
	case opExpandDims:
		if !im.moved() {
			return said, nil
		}
		a, err := im.list(1)
		if err != nil {
			return nil, err
		}
		if len(a) != 1 || a[0] < -len(from)-1 || a[0] > len(from) {
			return nil, im.refuse("dimensions %v of shape %v", a, from)
		}
		if a[0] < 0 {
			a[0] += len(from) + 1
		}
		return slices.Insert(from.Clone(), a[0], 1), nil
	}
	var list []int
	if im.has(1) {
		var ok bool
		if list, ok = im.integers(im.op.in[1], 0); !ok {
			return said, nil
		}
	} else if o := im.op.options.vector(0, 4); o.n > 0 && o.n <= maxRank {
		if list = o.ints(); len(list) == 1 && list[0] == 0 {
			list = nil // the way of older files to say a scalar
		}
	} else {
		return said, nil
	}
	if len(list) > maxRank {
		return nil, im.refuse("to %d dimensions, want at most %d", len(list), maxRank)
	}
	to, rest, free := make(tensor.Shape, len(list)), from.Elements(), -1
	for d, n := range list {
		switch {
		case n == -1 && free < 0:
			free = d
			continue
		case n < 1 || rest%n != 0:
			return nil, im.refuse("%v does not become %v", from, list)
		}
		to[d] = n
		rest /= n
	}
	if free >= 0 {
		to[free] = rest
	} else if rest != 1 {
		return nil, im.refuse("%v does not become %v", from, list)
	}
	return to, nil
}

// reshaped defines the result as x, of the file's shape from, under the result's shape.
func (im *importer) reshaped(x graph.ID, from tensor.Shape, image bool, t *fileTensor) error {
	to := t.shape
	if from.Elements() != to.Elements() {
		return im.refuse("%v does not become %v", from, to)
	}
	split := len(to) == 5 && image && slices.Equal(from[:3], to[:3])
	toImage := len(to) == 4 && im.prefers(t, true) || split
	y, err := im.regroup(x, from, image, to, toImage, t.name)
	if err != nil {
		return err
	}
	return im.define(0, im.as8(y, t.name, t.quant), toImage)
}

// prefers reports whether a result of four dimensions is best made an image; otherwise says
// so where its readers do not care.
func (im *importer) prefers(t *fileTensor, otherwise bool) bool {
	if slices.Contains(im.file.outputs, t.index) {
		return im.last
	}
	if w := im.wants[t.index]; w.image != w.plain {
		return w.image
	}
	return otherwise
}

// shaped is operand k under another shape of the file's order.
func (im *importer) shaped(k int, to tensor.Shape, toImage bool) (graph.ID, error) {
	if im.isConstant(k) {
		return im.bound(k, to, toImage)
	}
	x, v, err := im.activation(k)
	if err != nil {
		return graph.None, err
	}
	if im.shape(k).Equal(to) && v.image == toImage {
		return x, nil
	}
	return im.regroup(x, im.shape(k), v.image, to, toImage, im.nodeName()+"/shape")
}

// regroup gives x another shape. From and to are in the file's order; where elements are
// in another order in the graph and that matters, they are put in the file's order first.
func (im *importer) regroup(x graph.ID, from tensor.Shape, image bool, to tensor.Shape, toImage bool, name string) (graph.ID, error) {
	p, r := order(len(from), image), order(len(to), toImage)
	q := im.quant[x]
	if im.b.Type(x).Quantized() && q == nil {
		q = im.valueQuant(x)
	}
	shape := func(id graph.ID, s tensor.Shape, name string) graph.ID {
		d := slices.Clone(s)
		if len(from) > 0 && len(d) > 0 && from[0] == d[0] {
			d[0] = 0 // so that the batch can change
		}
		return im.emit(name, graph.Reshape{To: dims(d)}, q, id)
	}
	if len(to) > 8 {
		return graph.None, im.refuse("%d dimensions", len(to))
	}
	if image == toImage && from.Equal(to) {
		return x, nil
	}
	channels := image && toImage && len(from) >= 4 && len(to) >= 4 && slices.Equal(from[:3], to[:3])
	if channels || still(from, p) && still(to, r) {
		return shape(x, permute(to, r), name), nil
	}
	if !still(from, p) {
		x = im.emit(name+"/nhwc", graph.Transpose{Perm: dims(inverse(p))}, q, x)
	}
	if still(to, r) {
		return shape(x, permute(to, r), name), nil
	}
	x = shape(x, to, name+"/flat")
	return im.emit(name, graph.Transpose{Perm: dims(r)}, q, x), nil
}

// valueQuant is the quantization of a constant that is an operand.
func (im *importer) valueQuant(x graph.ID) *tensor.Quant {
	for i := range im.values {
		if im.values[i].id == x {
			return im.file.tensors[i].quant
		}
	}
	return nil
}

func (im *importer) transpose() error {
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	p, err := im.list(1)
	if err != nil {
		return err
	}
	rank := len(im.shape(0))
	if s := slices.Sorted(slices.Values(p)); len(s) != rank || rank > 0 && (s[0] != 0 || s[rank-1] != rank-1) || len(slices.Compact(s)) != rank {
		return im.refuse("permutation %v of shape %v", p, im.shape(0))
	}
	best := -1
	var y graph.ID
	var to bool
	var perm []int
	// Of the forms in which both ends may be, the one that moves least.
	for _, image := range []bool{im.prefers(im.result(), true), !im.prefers(im.result(), true)} {
		if rank < 4 && image || rank == 5 && image && !(v.image && p[0] == 0 && p[1] == 1 && p[2] == 2) || rank > 5 && image {
			continue
		}
		from, into := inverse(order(rank, v.image)), order(rank, image)
		g := make([]int, rank)
		for i := range g {
			g[i] = from[p[into[i]]]
		}
		cost := 1
		if slices.IsSorted(g) {
			cost = 0
		}
		if best >= 0 && cost >= best {
			continue
		}
		best, to = cost, image
		if cost > 0 {
			y, perm = graph.None, g
		} else {
			y = x
		}
	}
	if y == graph.None {
		return im.define(0, im.emit(im.result().name, graph.Transpose{Perm: dims(perm)}, im.result().quant, x), to)
	}
	// The graph has the elements so already.
	return im.define(0, im.as8(y, im.result().name, im.result().quant), to)
}

// axis turns a dimension of the file's shape, negative from the end, into the graph's.
func (im *importer) axis(a, rank int, image bool) (int, error) {
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		return 0, im.refuse("dimension %d of %d", a, rank)
	}
	return inverse(order(rank, image))[a], nil
}

func (im *importer) concat() error {
	o := im.op.options
	if o.int8(1, 0) != 0 {
		return im.no("fused activation")
	}
	in := make([]graph.ID, len(im.op.in))
	image := len(im.shape(0)) == 4 && !slices.ContainsFunc(im.op.in, func(i int) bool { return im.values[i].defined })
	for k := range in {
		if !im.has(k) || len(im.shape(k)) != len(im.shape(0)) {
			return im.refuse("operands of different ranks")
		}
		image = image || im.stands(k)
	}
	for k := range in {
		x, err := im.as(k, image)
		if err != nil {
			return err
		}
		in[k] = x
	}
	axis, err := im.axis(o.int32(0, 0), len(im.shape(0)), image)
	if err != nil {
		return err
	}
	return im.define(0, im.emit(im.result().name, graph.Concat{Axis: axis}, im.result().quant, in...), image)
}

// split: operand 0 is the dimension, operand 1 is cut into equal parts.
func (im *importer) split() error {
	axis, err := im.list(0)
	if err != nil {
		return err
	}
	x, v, err := im.activation(1)
	if err != nil {
		return err
	}
	if len(axis) != 1 {
		return im.refuse("dimensions %v, want one", axis)
	}
	a, err := im.axis(axis[0], len(im.shape(1)), v.image)
	if err != nil {
		return err
	}
	n := len(im.op.out)
	if n > maxOperands || n == 0 {
		return im.refuse("%d parts", n)
	}
	ids := im.b.AddN(im.uniqueOf(im.result().name, n), graph.Split{Axis: a, Parts: n}, n, x)
	for k, id := range ids {
		t := &im.file.tensors[im.op.out[k]]
		if id != graph.None && im.b.Type(id).Quantized() {
			if im.quant[id] = im.quant[x]; im.quant[x] == nil {
				im.quant[id] = t.quant
			}
			id = im.as8(id, t.name+"/as", t.quant)
		}
		if err := im.define(k, id, v.image); err != nil {
			return err
		}
	}
	return nil
}

// splitSizes: operand 0 is cut into parts of the sizes of operand 1 along operand 2.
func (im *importer) splitSizes() error {
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	sizes, err := im.list(1)
	if err != nil {
		return err
	}
	axis, err := im.list(2)
	if err != nil {
		return err
	}
	if len(axis) != 1 || len(sizes) != len(im.op.out) {
		return im.refuse("%d sizes along dimensions %v for %d results", len(sizes), axis, len(im.op.out))
	}
	a, err := im.axis(axis[0], len(im.shape(0)), v.image)
	if err != nil {
		return err
	}
	have, free := im.b.Type(x).Shape[a], -1
	for i, n := range sizes {
		if n < 0 {
			if free >= 0 || n != -1 {
				return im.refuse("sizes %v", sizes)
			}
			free = i
			continue
		}
		if have -= n; have < 0 {
			return im.refuse("sizes %v of %d", sizes, im.b.Type(x).Shape[a])
		}
	}
	if free >= 0 {
		sizes[free] = have
	}
	at := 0
	for k, n := range sizes {
		t := &im.file.tensors[im.op.out[k]]
		id := im.emit(t.name, graph.Slice{Axis: a, Start: at, End: at + n, Step: 1}, t.quant, x)
		if err := im.define(k, id, v.image); err != nil {
			return err
		}
		at += n
	}
	return nil
}

func (im *importer) slice() error {
	begin, err := im.list(1)
	if err != nil {
		return err
	}
	size, err := im.list(2)
	if err != nil {
		return err
	}
	s := im.shape(0)
	if len(begin) != len(s) || len(size) != len(s) {
		return im.refuse("begin %v and size %v of shape %v", begin, size, s)
	}
	end, step := make([]int, len(s)), make([]int, len(s))
	for d := range s {
		if end[d], step[d] = begin[d]+size[d], 1; size[d] == -1 {
			end[d] = s[d]
		}
		if begin[d] < 0 || end[d] < begin[d] || end[d] > s[d] {
			return im.refuse("begin %v and size %v of shape %v", begin, size, s)
		}
	}
	return im.sliced(begin, end, step)
}

func (im *importer) stridedSlice() error {
	var lists [3][]int
	for k := range lists {
		l, err := im.list(k + 1)
		if err != nil {
			return err
		}
		lists[k] = slices.Clone(l)
	}
	begin, end, step := lists[0], lists[1], lists[2]
	o, s := im.op.options, im.shape(0)
	if o.int32(2, 0) != 0 || o.int32(3, 0) != 0 {
		return im.no("ellipsis or new dimensions")
	}
	if len(begin) != len(s) || len(end) != len(s) || len(step) != len(s) {
		return im.refuse("begin %v, end %v and step %v of shape %v", begin, end, step, s)
	}
	for d, n := range s {
		if step[d] < 1 {
			return im.no("step %d", step[d])
		}
		if begin[d] < 0 {
			begin[d] += n
		}
		if end[d] < 0 {
			end[d] += n
		}
		switch {
		case o.int32(4, 0)>>d&1 != 0: // one index, its dimension is dropped
			end[d] = begin[d] + 1
		case o.int32(1, 0)>>d&1 != 0:
			end[d] = n
		}
		if o.int32(0, 0)>>d&1 != 0 {
			begin[d] = 0
		}
		begin[d], end[d] = min(max(begin[d], 0), n), min(max(end[d], 0), n)
		if end[d] <= begin[d] {
			return im.refuse("begin %v and end %v of shape %v leave nothing", begin, end, s)
		}
	}
	return im.sliced(begin, end, step)
}

// sliced cuts dimension by dimension, of the file's order, and gives what is left the
// result's shape.
func (im *importer) sliced(begin, end, step []int) error {
	x, v, err := im.activation(0)
	if err != nil {
		return err
	}
	s := im.shape(0).Clone()
	name, q := im.result().name, im.result().quant
	for d := range s {
		if begin[d] == 0 && end[d] == s[d] && step[d] == 1 {
			continue
		}
		a, err := im.axis(d, len(s), v.image)
		if err != nil {
			return err
		}
		x = im.emit(name, graph.Slice{Axis: a, Start: begin[d], End: end[d], Step: step[d]}, q, x)
		s[d] = (end[d]-begin[d]-1)/step[d] + 1
	}
	return im.reshaped(x, s, v.image, im.result())
}
