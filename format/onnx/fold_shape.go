package onnx

import (
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// foldShape answers Shape and Size, of an activation with its batch marked.
func foldShape(n *node) (*constant, error) {
	v := n.input(0)
	if v == nil {
		return nil, n.refuse("input 0 is absent")
	}
	var s []num
	if v.con != nil {
		s = dims(v.con.shape, -1)
	} else {
		s = dims(n.shape(v), v.batch)
	}
	if n.op == "Size" {
		p := num{v: 1}
		for _, d := range s {
			p = num{p.v * d.v, p.batch || d.batch}
		}
		return n.im.small(tensor.Int64, tensor.Shape{}, []num{p})
	}
	bound := func(x int) int {
		if x < 0 {
			x += len(s)
		}
		return min(max(x, 0), len(s))
	}
	from, to := bound(n.int("start", 0)), bound(n.int("end", len(s)))
	s = s[from:max(from, to)]
	return n.im.small(tensor.Int64, tensor.Shape{len(s)}, s)
}

// foldSame passes a constant on.
func foldSame(n *node) (*constant, error) { return n.operand(0) }

// foldDropout passes a constant on, but in training.
func foldDropout(n *node) (*constant, error) {
	if err := n.noTraining(); err != nil {
		return nil, err
	}
	return n.operand(0)
}

// reshaped is a constant of the same elements under another shape.
func (n *node) reshaped(c *constant, s tensor.Shape) (*constant, error) {
	count, ok := s.Count()
	if !ok || count != c.elements() {
		return nil, n.refuse("%v does not reshape to %v", c.shape, s)
	}
	if err := n.im.mem.spend(200); err != nil {
		return nil, err
	}
	d := *c
	d.shape = s
	if d.raw != nil {
		t := *d.raw
		t.Shape = s
		d.raw = &t
	}
	if d.whole != nil && (d.whole.Quant == nil || len(d.whole.Quant.Scale) != 1) {
		d.whole = nil // the dimension of its scales may be another
	} else if d.whole != nil {
		t := *d.whole
		t.Shape = s
		d.whole = &t
	}
	return &d, nil
}

func foldReshape(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	to, ok, err := n.listInput("shape", 1)
	if err != nil || !ok {
		return nil, n.refuse("its shape is missing")
	}
	s, known, free := make(tensor.Shape, len(to)), 1, -1
	for i, d := range to {
		switch {
		case d == 0 && n.int("allowzero", 0) == 0 && i < len(c.shape):
			d = c.shape[i]
		case d == -1 && free < 0:
			free, s[i] = i, 1
			continue
		case d < 0:
			return nil, n.refuse("a shape with a dimension of %d", d)
		}
		if s[i] = d; d != 0 && known > maxElements/d {
			return nil, n.refuse("a shape that overflows")
		}
		known *= d
	}
	if free >= 0 && known > 0 {
		s[free] = c.elements() / known
	}
	return n.reshaped(c, s)
}

func foldFlatten(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	axis := n.int("axis", 1)
	if axis < 0 {
		axis += len(c.shape)
	}
	if axis < 0 || axis > len(c.shape) {
		return nil, n.refuse("axis %d of a constant of %v", axis, c.shape)
	}
	return n.reshaped(c, tensor.Shape{c.shape[:axis].Elements(), c.shape[axis:].Elements()})
}

func foldSqueeze(n *node) (*constant, error)   { return n.foldAxes((*node).squeezed) }
func foldUnsqueeze(n *node) (*constant, error) { return n.foldAxes((*node).unsqueezed) }

func (n *node) foldAxes(change func(*node, []num) ([]num, error)) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	to, err := change(n, dims(c.shape, -1))
	if err != nil {
		return nil, err
	}
	s := make(tensor.Shape, len(to))
	for i, d := range to {
		s[i] = toInt(d.v)
	}
	return n.reshaped(c, s)
}

func foldTranspose(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	perm, err := n.permutation(len(c.shape))
	if err != nil {
		return nil, err
	}
	shape := make(tensor.Shape, len(perm))
	for i, p := range perm {
		shape[i] = c.shape[p]
	}
	from := make([]int, len(perm))
	return n.moved(c, shape, func(index []int) int {
		for i, p := range perm {
			from[p] = index[i]
		}
		return offset(from, c.shape)
	})
}

// moved is a constant whose element at an index of shape is the one at from(index) of c.
// The index must not be kept.
func (n *node) moved(c *constant, shape tensor.Shape, from func(index []int) int) (*constant, error) {
	count, ok := shape.Count()
	if !ok || count > maxElements {
		return nil, n.refuse("a constant of %v is too large", shape)
	}
	out := &constant{dtype: c.dtype, shape: shape, init: -1}
	index := make([]int, len(shape))
	var err error
	switch {
	case c.fill != nil:
		out.fill = c.fill
		return out, n.im.mem.spend(200)
	case c.nums != nil && count <= maxSmall:
		nums := make([]num, count)
		for i := range nums {
			nums[i] = c.nums[from(index)]
			step(index, shape)
		}
		if out, err = n.im.small(c.dtype, shape, nums); err != nil {
			return nil, err
		}
		clear(index)
	case c.dtype == tensor.Float32:
		data, err := n.im.floats(c)
		if err != nil {
			return nil, err
		}
		if err := n.im.mem.spend(4*count + 200); err != nil {
			return nil, err
		}
		out.bulk = make([]float32, count)
		for i := range out.bulk {
			out.bulk[i] = data[from(index)]
			step(index, shape)
		}
		return out, nil
	case c.raw == nil:
		return nil, lacks("a constant %v of %v", c.shape, c.dtype)
	}
	if c.raw != nil && c.raw.DType != tensor.Bool {
		size := c.raw.DType.Size()
		if err := n.im.mem.spend(size * count); err != nil {
			return nil, err
		}
		out.raw = tensor.New(c.raw.DType, shape)
		clear(index)
		for i := range count {
			put(out.raw, i, c.raw, from(index))
			step(index, shape)
		}
	}
	return out, nil
}

// put copies one integer between tensors of one type.
func put(to *tensor.Tensor, i int, from *tensor.Tensor, k int) {
	switch v := to.Data.(type) {
	case []int64:
		v[i] = from.Data.([]int64)[k]
	case []int32:
		v[i] = from.Data.([]int32)[k]
	case []int16:
		v[i] = from.Data.([]int16)[k]
	case []int8:
		v[i] = from.Data.([]int8)[k]
	case []uint8:
		v[i] = from.Data.([]uint8)[k]
	}
}

func foldConcat(n *node) (*constant, error) {
	cs, err := n.operands(0)
	if err != nil {
		return nil, err
	}
	if len(cs) == 0 {
		return nil, n.refuse("no inputs")
	}
	axis, err := n.axis(0, len(cs[0].shape))
	if err != nil {
		return nil, err
	}
	return n.joined(cs, axis)
}

// joined is a concatenation.
func (n *node) joined(cs []*constant, axis int) (*constant, error) {
	shape := cs[0].shape.Clone()
	shape[axis] = 0
	small, filled := true, true
	for _, c := range cs {
		if len(c.shape) != len(shape) {
			return nil, n.refuse("joins %v and %v", cs[0].shape, c.shape)
		}
		for i, d := range c.shape {
			if i != axis && d != shape[i] {
				return nil, n.refuse("joins %v and %v", cs[0].shape, c.shape)
			}
		}
		shape[axis] += c.shape[axis]
		small = small && (c.small() != nil || c.elements() == 0)
		filled = filled && c.fill != nil && cs[0].fill != nil && *c.fill == *cs[0].fill
	}
	count, ok := shape.Count()
	if !ok || count > maxElements {
		return nil, n.refuse("a constant of %v is too large", shape)
	}
	out := &constant{dtype: cs[0].dtype, shape: shape, init: -1}
	if filled {
		out.fill = cs[0].fill
		return out, n.im.mem.spend(200)
	}
	if small = small && count <= maxSmall; !small && out.dtype != tensor.Float32 {
		return nil, lacks("a constant of %v", shape)
	}
	width := 4
	if small {
		width = 16
	}
	if err := n.im.mem.spend(width * count); err != nil {
		return nil, err
	}
	outer := shape[:axis].Elements()
	var nums []num
	parts := make([]func(int) num, len(cs))
	for k, c := range cs {
		if parts[k] = c.get(); parts[k] == nil && c.elements() > 0 || c.dtype != out.dtype {
			return nil, lacks("a constant %v of %v", c.shape, c.dtype)
		}
	}
	for o := range outer {
		for k, c := range cs {
			inner := c.shape[axis:].Elements()
			for i := range inner {
				x := parts[k](o*inner + i)
				if small {
					nums = append(nums, x)
				} else {
					out.bulk = append(out.bulk, float32(x.v))
				}
			}
		}
	}
	if small {
		return n.im.small(out.dtype, shape, nums)
	}
	return out, nil
}

// foldSlice cuts along any axes, backwards too.
func foldSlice(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	cuts, err := n.cuts(c.shape)
	if err != nil {
		return nil, err
	}
	return n.cut(c, cuts)
}

// cut keeps what the cuts of a constant leave.
func (n *node) cut(c *constant, cuts []cut) (*constant, error) {
	shape, start, by := c.shape.Clone(), make([]int, len(c.shape)), make([]int, len(c.shape))
	for i := range by {
		by[i] = 1
	}
	for _, k := range cuts {
		shape[k.axis], start[k.axis], by[k.axis] = k.count(), k.start, k.step
	}
	from := make([]int, len(shape))
	return n.moved(c, shape, func(index []int) int {
		for i := range from {
			from[i] = start[i] + by[i]*index[i]
		}
		return place(from, c.shape)
	})
}

// place is the place of an index in a tensor of its own shape.
func place(index []int, s tensor.Shape) int {
	at := 0
	for i, d := range s {
		at = at*d + index[i]
	}
	return at
}

func foldGather(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	at, err := n.operand(1)
	if err != nil {
		return nil, err
	}
	axis, err := n.axis(0, len(c.shape))
	if err != nil {
		return nil, err
	}
	index, ok := at.ints()
	if !ok {
		return nil, lacks("of %v by indices of %v", c.shape, at.shape)
	}
	for i, k := range index {
		if k < 0 {
			k += c.shape[axis]
		}
		if k < 0 || k >= c.shape[axis] {
			return nil, n.refuse("index %d of a dimension of %d", index[i], c.shape[axis])
		}
		index[i] = k
	}
	shape := append(append(c.shape[:axis].Clone(), at.shape...), c.shape[axis+1:]...)
	from := make([]int, len(c.shape))
	return n.moved(c, shape, func(i []int) int {
		copy(from, i[:axis])
		from[axis] = index[place(i[axis:axis+len(at.shape)], at.shape)]
		copy(from[axis+1:], i[axis+len(at.shape):])
		return place(from, c.shape)
	})
}

func foldConstantOfShape(n *node) (*constant, error) {
	to, ok, err := n.listInput("shape", 0)
	if err != nil || !ok {
		return nil, n.refuse("its shape is missing")
	}
	x := &constant{dtype: tensor.Float32, shape: tensor.Shape{1}, nums: []num{{}}}
	if a := n.attr("value"); a != nil && a.t != nil {
		if x, err = n.tensorConstant(a.t); err != nil {
			return nil, err
		}
	}
	if _, ok := x.scalar(); !ok {
		return nil, n.refuse("its value has shape %v, want one number", x.shape)
	}
	for _, d := range to {
		if d < 0 {
			return nil, n.refuse("a shape with a dimension of %d", d)
		}
	}
	fill, _ := x.first()
	c := &constant{dtype: x.dtype, shape: to, fill: &fill, init: -1}
	if count, ok := c.shape.Count(); !ok || count > maxElements {
		return nil, n.refuse("a constant of %v is too large", c.shape)
	}
	if small := c.elements() <= maxSmall; x.raw != nil && small {
		if err := n.im.mem.spend(x.raw.DType.Size() * c.elements()); err != nil {
			return nil, err
		}
		c.raw = tensor.New(x.raw.DType, c.shape)
		for i := range c.elements() {
			put(c.raw, i, x.raw, 0)
		}
	}
	return c, n.im.mem.spend(200)
}

// foldExpand repeats a constant along dimensions of 1.
func foldExpand(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	to, ok, err := n.listInput("shape", 1)
	if err != nil || !ok {
		return nil, n.refuse("its shape is missing")
	}
	ones := &constant{dtype: c.dtype, shape: to, fill: &num{v: 1}}
	if slices.ContainsFunc(to, func(d int) bool { return d < 0 }) {
		return nil, n.refuse("a shape of %v", to)
	}
	shape, err := n.broadcast([]*constant{c, ones})
	if err != nil {
		return nil, err
	}
	return n.moved(c, shape, func(index []int) int { return offset(index, c.shape) })
}

// foldTile repeats a constant side by side.
func foldTile(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	times, ok, err := n.listInput("repeats", 1)
	if err != nil || !ok || len(times) != len(c.shape) {
		return nil, n.refuse("its repeats do not fit %v", c.shape)
	}
	shape := c.shape.Clone()
	for i, k := range times {
		if k < 0 || k > maxElements {
			return nil, n.refuse("repeats of %v", times)
		}
		shape[i] *= k
	}
	from := make([]int, len(shape))
	return n.moved(c, shape, func(index []int) int {
		for i := range from {
			from[i] = index[i] % c.shape[i]
		}
		return place(from, c.shape)
	})
}

// foldSplit cuts a constant into pieces.
func foldSplit(n *node) error {
	c := n.constant(0)
	axis, parts, err := n.splitParts(c.shape)
	if err != nil {
		return err
	}
	from := 0
	for i, p := range parts {
		piece, err := n.cut(c, []cut{{axis, from, from + p, 1}})
		if err != nil {
			return err
		}
		if from += p; n.out[i] != "" {
			n.im.values[n.out[i]] = &value{name: n.out[i], id: graph.None, con: piece}
		}
	}
	return nil
}
