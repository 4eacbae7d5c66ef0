package onnx

import (
	"slices"

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
		return smallConst(tensor.Int64, tensor.Shape{}, []num{p}), nil
	}
	bound := func(x int) int {
		if x < 0 {
			x += len(s)
		}
		return min(max(x, 0), len(s))
	}
	from, to := bound(n.int("start", 0)), bound(n.int("end", len(s)))
	s = s[from:max(from, to)]
	return smallConst(tensor.Int64, tensor.Shape{len(s)}, s), nil
}

// foldSame passes a constant on.
func foldSame(n *node) (*constant, error) { return n.operand(0) }

// reshaped is a constant of the same elements under another shape.
func (n *node) reshaped(c *constant, s tensor.Shape) (*constant, error) {
	count, ok := s.Count()
	if !ok || count != c.elements() {
		return nil, n.refuse("%v does not reshape to %v", c.shape, s)
	}
	d := *c
	d.shape = s
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
	data := c.floats()
	if data == nil {
		return nil, lacks("a constant %v of %v", c.shape, c.dtype)
	}
	if err := n.im.mem.spend(4 * len(data)); err != nil {
		return nil, err
	}
	shape, stride := make(tensor.Shape, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], stride[i] = c.shape[p], c.shape[p+1:].Elements()
	}
	out := make([]float32, len(data))
	index := make([]int, len(perm))
	from := 0
	for i := range out {
		out[i] = data[from]
		for d := len(perm) - 1; d >= 0; d-- {
			index[d]++
			from += stride[d]
			if index[d] < shape[d] {
				break
			}
			from -= index[d] * stride[d]
			index[d] = 0
		}
	}
	return &constant{dtype: c.dtype, shape: shape, bulk: out, init: -1}, nil
}

func foldConcat(n *node) (*constant, error) {
	var nums []num
	d := tensor.Invalid
	rank := -1
	for k := range n.in {
		c, s, err := n.smallOperand(k)
		if err != nil {
			return nil, err
		}
		if len(c.shape) != 1 || len(nums)+len(s) > maxSmall {
			return nil, lacks("a constant of %v", c.shape)
		}
		d, rank = c.dtype, len(c.shape)
		nums = append(nums, s...)
	}
	if rank < 0 {
		return nil, n.refuse("no inputs")
	}
	if _, err := n.axis(0, rank); err != nil {
		return nil, err
	}
	return smallConst(d, tensor.Shape{len(nums)}, nums), nil
}

// foldSlice cuts lists: negative steps too, as exporters reverse axes.
func foldSlice(n *node) (*constant, error) {
	c, s, err := n.smallOperand(0)
	if err != nil {
		return nil, err
	}
	if len(c.shape) != 1 {
		return nil, lacks("a constant of %v", c.shape)
	}
	if steps, given, err := n.listInput("steps", 4); err == nil && given && slices.Equal(steps, []int{-1}) {
		starts, _, _ := n.listInput("starts", 1)
		ends, _, _ := n.listInput("ends", 2)
		if len(starts) == 1 && len(ends) == 1 && starts[0] == -1 && ends[0] < -len(s) {
			out := slices.Clone(s)
			slices.Reverse(out)
			return smallConst(c.dtype, c.shape, out), nil
		}
	}
	cuts, err := n.cuts(c.shape)
	if err != nil {
		return nil, err
	}
	for _, k := range cuts {
		var out []num
		for i := k.start; i < k.end; i += k.step {
			out = append(out, s[i])
		}
		s = out
	}
	return smallConst(c.dtype, tensor.Shape{len(s)}, slices.Clone(s)), nil
}

func foldGather(n *node) (*constant, error) {
	c, s, err := n.smallOperand(0)
	if err != nil {
		return nil, err
	}
	at, err := n.operand(1)
	if err != nil {
		return nil, err
	}
	index, ok := at.ints()
	if !ok || len(c.shape) != 1 || len(at.shape) > 1 {
		return nil, lacks("of %v by indices of %v", c.shape, at.shape)
	}
	if _, err := n.axis(0, 1); err != nil {
		return nil, err
	}
	out := make([]num, len(index))
	for i, k := range index {
		if k < 0 {
			k += len(s)
		}
		if k < 0 || k >= len(s) {
			return nil, n.refuse("index %d of a list of %d", index[i], len(s))
		}
		out[i] = s[k]
	}
	return smallConst(c.dtype, at.shape, out), nil
}

// filled is a constant of one number throughout.
func (n *node) filled(d tensor.DType, to []int, x float64) (*constant, error) {
	s := tensor.Shape(to)
	count, ok := s.Count()
	if !ok || count > maxElements || count > maxSmall && d != tensor.Float32 {
		return nil, n.refuse("a constant of %v is too large", s)
	}
	if count > maxSmall {
		if err := n.im.mem.spend(4 * count); err != nil {
			return nil, err
		}
		return &constant{dtype: d, shape: s, bulk: slices.Repeat([]float32{float32(x)}, count), init: -1}, nil
	}
	return smallConst(d, s, slices.Repeat([]num{{v: x}}, count)), nil
}

func foldConstantOfShape(n *node) (*constant, error) {
	to, ok, err := n.listInput("shape", 0)
	if err != nil || !ok {
		return nil, n.refuse("its shape is missing")
	}
	a := n.attr("value")
	if a == nil || a.t == nil {
		return n.filled(tensor.Float32, to, 0)
	}
	t, err := a.t.read(n.im.mem, n.im.opts.External)
	if err != nil {
		if d, ok := err.(dtypeError); ok {
			return nil, lacks("%v", d)
		}
		return nil, err
	}
	c, _, err := constantOf(t, n.im.mem)
	if err != nil {
		return nil, err
	}
	x, ok := c.scalar()
	if !ok {
		return nil, n.refuse("its value has shape %v, want one number", c.shape)
	}
	return n.filled(c.dtype, to, x)
}

// foldExpand repeats a single number; other constants are left to broadcasting.
func foldExpand(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	to, ok, err := n.listInput("shape", 1)
	if err != nil || !ok {
		return nil, n.refuse("its shape is missing")
	}
	x, single := c.scalar()
	if !single || len(c.shape) > len(to) || slices.ContainsFunc(to, func(d int) bool { return d < 1 }) {
		return nil, lacks("a constant of %v to %v", c.shape, to)
	}
	return n.filled(c.dtype, to, x)
}
