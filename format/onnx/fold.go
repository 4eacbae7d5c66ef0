package onnx

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// constantNode reads the node that holds its value itself.
func (n *node) constantNode() error {
	var c *constant
	switch {
	case n.attr("value") != nil && n.attr("value").t != nil:
		t := n.attr("value").t
		v, err := t.read(n.im.mem, n.im.opts.External)
		if err != nil {
			if d, ok := err.(dtypeError); ok {
				return lacks("%v", d)
			}
			return err
		}
		if c, _, err = constantOf(v, n.im.mem); err != nil {
			return err
		}
	case n.attr("value_float") != nil:
		c = smallConst(tensor.Float32, tensor.Shape{}, []num{{v: float64(n.attr("value_float").f)}})
	case n.attr("value_int") != nil:
		c = smallConst(tensor.Int64, tensor.Shape{}, []num{{v: float64(n.int("value_int", 0))}})
	case n.attr("value_floats") != nil:
		var nums []num
		for _, f := range n.attr("value_floats").floats {
			nums = append(nums, num{v: float64(f)})
		}
		c = smallConst(tensor.Float32, tensor.Shape{len(nums)}, nums)
	case n.attr("value_ints") != nil:
		var nums []num
		for _, i := range n.ints("value_ints") {
			nums = append(nums, num{v: float64(i)})
		}
		c = smallConst(tensor.Int64, tensor.Shape{len(nums)}, nums)
	default:
		return lacks("a value that is no number")
	}
	n.im.values[n.out[0]] = &value{name: n.out[0], id: graph.None, con: c}
	return nil
}

// operand returns the k-th input for folding.
func (n *node) operand(k int) (*constant, error) {
	c := n.constant(k)
	if c == nil {
		return nil, n.refuse("input %d is absent", k)
	}
	return c, nil
}

// smallOperand returns the elements of the k-th input, which must be few.
func (n *node) smallOperand(k int) (*constant, []num, error) {
	c, err := n.operand(k)
	if err != nil {
		return nil, nil, err
	}
	s := c.small()
	if s == nil && c.elements() > 0 {
		return nil, nil, lacks("a constant %v of %v", c.shape, c.dtype)
	}
	return c, s, nil
}

// zip computes an element of two operands, broadcast as NumPy does.
func (n *node) zip(result func(a, b *constant) tensor.DType, f func(a, b num) num) (*constant, error) {
	a, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	b, err := n.operand(1)
	if err != nil {
		return nil, err
	}
	rank := max(len(a.shape), len(b.shape))
	shape := make(tensor.Shape, rank)
	for i := range rank {
		p, q := fromEnd(a.shape, rank-1-i), fromEnd(b.shape, rank-1-i)
		if p != q && p != 1 && q != 1 {
			return nil, n.refuse("shapes %v and %v do not broadcast", a.shape, b.shape)
		}
		if shape[i] = p; p == 1 {
			shape[i] = q
		}
	}
	count, ok := shape.Count()
	d := result(a, b)
	if !ok || count > maxSmall && d != tensor.Float32 {
		return nil, lacks("a constant of %v", shape)
	}
	get := func(c *constant) func(int) num {
		if s := c.small(); s != nil {
			return func(i int) num { return s[i] }
		}
		data := c.floats()
		if data == nil {
			return nil
		}
		return func(i int) num { return num{v: float64(data[i])} }
	}
	at, bt := get(a), get(b)
	if count > 0 && (at == nil || bt == nil) {
		return nil, lacks("constants of %v%v and %v%v", a.dtype, a.shape, b.dtype, b.shape)
	}
	width := 24
	if count > maxSmall {
		width = 4
	}
	if count > maxElements || n.im.mem.spend(width*count) != nil {
		return nil, n.refuse("a constant of %v is too large", shape)
	}
	c := &constant{dtype: d, shape: shape, init: -1}
	var nums []num
	if count > maxSmall {
		c.bulk = make([]float32, count)
	} else {
		nums = make([]num, count)
	}
	index := make([]int, rank)
	for i := range count {
		x := f(at(offset(index, a.shape)), bt(offset(index, b.shape)))
		if nums != nil {
			nums[i] = x
		} else {
			c.bulk[i] = float32(x.v)
		}
		for k := rank - 1; k >= 0; k-- {
			if index[k]++; index[k] < shape[k] {
				break
			}
			index[k] = 0
		}
	}
	if nums != nil {
		return smallConst(d, shape, nums), nil
	}
	if count == 0 {
		return smallConst(d, shape, nil), nil
	}
	return c, nil
}

func fromEnd(s tensor.Shape, i int) int {
	if i >= len(s) {
		return 1
	}
	return s[len(s)-1-i]
}

// offset is the place in a tensor of shape s of an index of the broadcast result.
func offset(index []int, s tensor.Shape) int {
	at := 0
	for i, d := range s {
		at *= d
		if d != 1 {
			at += index[len(index)-len(s)+i]
		}
	}
	return at
}

func firstType(a, b *constant) tensor.DType { return a.dtype }
func boolType(a, b *constant) tensor.DType  { return tensor.Bool }

// fixed is a number that no longer follows the batch.
func (n *node) fixed(v float64, from ...num) num {
	for _, x := range from {
		if x.batch {
			n.im.warn("%s: computes with the batch in a way that fixes it", n.where())
		}
	}
	return num{v: v}
}

func foldAdd(n *node) (*constant, error) {
	return n.zip(firstType, func(a, b num) num {
		if b.v == 0 && !b.batch {
			return a
		}
		return n.fixed(a.v+b.v, a, b)
	})
}

func foldSub(n *node) (*constant, error) {
	return n.zip(firstType, func(a, b num) num {
		if b.v == 0 && !b.batch {
			return a
		}
		return n.fixed(a.v-b.v, a, b)
	})
}

func foldMul(n *node) (*constant, error) {
	return n.zip(firstType, func(a, b num) num {
		if a.batch && b.batch {
			return n.fixed(a.v*b.v, a, b)
		}
		return num{a.v * b.v, a.batch || b.batch}
	})
}

// foldDiv truncates integers; smallConst does it after the division.
func foldDiv(n *node) (*constant, error) {
	var err error
	c, e := n.zip(firstType, func(a, b num) num {
		if b.v == 0 {
			if n.constant(0).dtype != tensor.Float32 {
				err = n.refuse("divides by zero")
				return num{}
			}
			return num{v: a.v / b.v}
		}
		if b.batch && a.batch {
			return num{v: a.v / b.v} // the batch cancels out
		}
		if b.batch {
			return n.fixed(a.v/b.v, b)
		}
		return num{a.v / b.v, a.batch}
	})
	if e == nil {
		e = err
	}
	return c, e
}

func foldMax(n *node) (*constant, error) {
	return n.variadic(func(a, b num) num { return n.fixed(math.Max(a.v, b.v), a, b) })
}

func foldMin(n *node) (*constant, error) {
	return n.variadic(func(a, b num) num { return n.fixed(math.Min(a.v, b.v), a, b) })
}

func (n *node) variadic(f func(a, b num) num) (*constant, error) {
	if len(n.in) != 2 {
		return nil, lacks("of %d constants", len(n.in))
	}
	return n.zip(firstType, f)
}

func foldPow(n *node) (*constant, error) {
	return n.zip(firstType, func(a, b num) num { return n.fixed(math.Pow(a.v, b.v), a, b) })
}

func foldMod(n *node) (*constant, error) {
	fmod := n.int("fmod", 0) != 0
	return n.zip(firstType, func(a, b num) num {
		m := math.Mod(a.v, b.v)
		if !fmod && m != 0 && (m < 0) != (b.v < 0) {
			m += b.v
		}
		return n.fixed(m, a, b)
	})
}

// truth gives comparisons: they look at the numbers of this batch.
func truth(f func(a, b float64) bool) func(n *node) (*constant, error) {
	return func(n *node) (*constant, error) {
		return n.zip(boolType, func(a, b num) num {
			if f(a.v, b.v) {
				return num{v: 1}
			}
			return num{}
		})
	}
}

var (
	foldEqual   = truth(func(a, b float64) bool { return a == b })
	foldGreater = truth(func(a, b float64) bool { return a > b })
	foldLess    = truth(func(a, b float64) bool { return a < b })
	foldAnd     = truth(func(a, b float64) bool { return a != 0 && b != 0 })
	foldOr      = truth(func(a, b float64) bool { return a != 0 || b != 0 })
)

// foldWhere chooses between elements of small constants.
func foldWhere(n *node) (*constant, error) {
	cc, cond, err := n.smallOperand(0)
	if err != nil {
		return nil, err
	}
	ac, a, err := n.smallOperand(1)
	if err != nil {
		return nil, err
	}
	bc, b, err := n.smallOperand(2)
	if err != nil {
		return nil, err
	}
	shape := cc.shape
	for _, s := range [...]tensor.Shape{ac.shape, bc.shape} {
		if s.Elements() > shape.Elements() || len(s) > len(shape) {
			shape = s
		}
	}
	for _, s := range [...]tensor.Shape{cc.shape, ac.shape, bc.shape} {
		if !s.Equal(shape) && s.Elements() != 1 {
			return nil, lacks("shapes %v, %v and %v", cc.shape, ac.shape, bc.shape)
		}
	}
	pick := func(s []num, i int) num { return s[i%len(s)] }
	out := make([]num, shape.Elements())
	for i := range out {
		if pick(cond, i).v != 0 {
			out[i] = pick(a, i)
		} else {
			out[i] = pick(b, i)
		}
	}
	return smallConst(ac.dtype, shape, out), nil
}

// unaries keep the batch where the function leaves whole numbers alone.
var unaries = map[string]struct {
	f     func(float64) float64
	whole bool
}{
	"Neg": {func(x float64) float64 { return -x }, false}, "Reciprocal": {func(x float64) float64 { return 1 / x }, false},
	"Sqrt": {math.Sqrt, false}, "Exp": {math.Exp, false}, "Abs": {math.Abs, true},
	"Floor": {math.Floor, true}, "Ceil": {math.Ceil, true}, "Round": {math.RoundToEven, true},
	"Not": {func(x float64) float64 {
		if x == 0 {
			return 1
		}
		return 0
	}, false},
}

func foldUnary(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	u := unaries[n.op]
	if s := c.small(); s != nil {
		out := make([]num, len(s))
		for i, x := range s {
			if u.whole {
				out[i] = num{u.f(x.v), x.batch}
			} else {
				out[i] = n.fixed(u.f(x.v), x)
			}
		}
		return smallConst(c.dtype, c.shape, out), nil
	}
	data := c.floats()
	if data == nil {
		return nil, lacks("a constant %v of %v", c.shape, c.dtype)
	}
	if err := n.im.mem.spend(4 * len(data)); err != nil {
		return nil, err
	}
	out := make([]float32, len(data))
	for i, x := range data {
		out[i] = float32(u.f(float64(x)))
	}
	return &constant{dtype: c.dtype, shape: c.shape, bulk: out, init: -1}, nil
}

// foldCast changes the type of a constant.
func foldCast(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	var d tensor.DType
	switch n.int("to", 0) {
	case 1, 10, 11, 16:
		d = tensor.Float32
	case 2, 3, 4, 5, 6, 7, 12, 13:
		d = tensor.Int64
	case 9:
		d = tensor.Bool
	default:
		return nil, lacks("to %v", dtypeError{int64(n.int("to", 0))})
	}
	if d == c.dtype {
		return c, nil
	}
	s := c.small()
	if s == nil && c.elements() > 0 {
		return nil, lacks("a constant %v from %v to %v", c.shape, c.dtype, d)
	}
	return smallConst(d, c.shape, slices.Clone(s)), nil
}

func foldReduceProd(n *node) (*constant, error) {
	c, s, err := n.smallOperand(0)
	if err != nil {
		return nil, err
	}
	axes, given, err := n.listInput("axes", 1)
	if err != nil {
		return nil, err
	}
	if len(c.shape) > 1 || given && len(axes) > 1 {
		return nil, lacks("over %v", c.shape)
	}
	p := num{v: 1}
	for _, x := range s {
		if p.batch && x.batch {
			p = n.fixed(p.v*x.v, x)
			continue
		}
		p = num{p.v * x.v, p.batch || x.batch}
	}
	shape := tensor.Shape{}
	if n.int("keepdims", 1) != 0 && len(c.shape) == 1 {
		shape = tensor.Shape{1}
	}
	return smallConst(c.dtype, shape, []num{p}), nil
}

func foldRange(n *node) (*constant, error) {
	var v [3]float64
	for i := range v {
		c, err := n.operand(i)
		if err != nil {
			return nil, err
		}
		x, ok := c.scalar()
		if !ok {
			return nil, n.refuse("input %d is no number", i)
		}
		v[i] = x
	}
	count := math.Ceil((v[1] - v[0]) / v[2])
	if !(count <= maxSmall) {
		return nil, lacks("from %v to %v by %v", v[0], v[1], v[2])
	}
	nums := []num{}
	for i := range max(int(count), 0) {
		nums = append(nums, num{v: v[0] + float64(i)*v[2]})
	}
	return smallConst(n.constant(0).dtype, tensor.Shape{len(nums)}, nums), nil
}
