package onnx

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// constantNode reads the node that holds its value itself.
func constantNode(n *node) error {
	var c *constant
	var err error
	list := func(d tensor.DType, count int, at func(i int) float64) (*constant, error) {
		nums := make([]num, count)
		for i := range nums {
			nums[i].v = at(i)
		}
		return n.im.small(d, tensor.Shape{count}, nums)
	}
	switch {
	case n.attr("value") != nil && n.attr("value").t != nil:
		c, err = n.tensorConstant(n.attr("value").t)
	case n.attr("value_float") != nil:
		c, err = n.im.small(tensor.Float32, tensor.Shape{}, []num{{v: float64(n.attr("value_float").f)}})
	case n.attr("value_int") != nil:
		c, err = n.im.small(tensor.Int64, tensor.Shape{}, []num{{v: float64(n.int("value_int", 0))}})
	case n.attr("value_floats") != nil:
		f := n.attr("value_floats").floats
		c, err = list(tensor.Float32, len(f), func(i int) float64 { return float64(f[i]) })
	case n.attr("value_ints") != nil:
		f := n.ints("value_ints")
		c, err = list(tensor.Int64, len(f), func(i int) float64 { return float64(f[i]) })
	default:
		return lacks("a value that is no number")
	}
	if err != nil {
		return err
	}
	n.im.values[n.out[0]] = &value{name: n.out[0], id: graph.None, con: c}
	return nil
}

// tensorConstant reads a tensor that stands in an attribute.
func (n *node) tensorConstant(t *tensorProto) (*constant, error) {
	v, err := n.im.tensor(t)
	if err != nil {
		if d, ok := err.(dtypeError); ok {
			return nil, lacks("%v", d)
		}
		return nil, err
	}
	c, _, err := constantOf(v, n.im.mem)
	return c, err
}

// operand returns the k-th input for folding.
func (n *node) operand(k int) (*constant, error) {
	c := n.constant(k)
	if c == nil {
		return nil, n.refuse("input %d is absent", k)
	}
	return c, nil
}

// operands returns all inputs, of which there must be as many as given; 0: any number.
func (n *node) operands(count int) ([]*constant, error) {
	if count == 0 {
		count = len(n.in)
	}
	cs := make([]*constant, count)
	for k := range cs {
		c, err := n.operand(k)
		if err != nil {
			return nil, err
		}
		cs[k] = c
	}
	return cs, nil
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

// broadcast is the common shape of operands, as NumPy makes it.
func (n *node) broadcast(cs []*constant) (tensor.Shape, error) {
	rank := 0
	for _, c := range cs {
		rank = max(rank, len(c.shape))
	}
	shape := make(tensor.Shape, rank)
	for i := range shape {
		shape[i] = 1
		for _, c := range cs {
			switch d := fromEnd(c.shape, rank-1-i); {
			case d == shape[i] || d == 1:
			case shape[i] == 1:
				shape[i] = d
			default:
				return nil, n.refuse("shapes %v and %v do not broadcast", cs[0].shape, c.shape)
			}
		}
	}
	return shape, nil
}

// each computes every element of a constant of the given type from those of its operands,
// broadcast as NumPy does.
func (n *node) each(d tensor.DType, cs []*constant, f func(x []num) num) (*constant, error) {
	shape, err := n.broadcast(cs)
	if err != nil {
		return nil, err
	}
	count, ok := shape.Count()
	if !ok || count > maxSmall && d != tensor.Float32 {
		return nil, lacks("a constant of %v", shape)
	}
	gets := make([]func(int) num, len(cs))
	filled := true
	for i, c := range cs {
		gets[i] = c.get()
		if gets[i] == nil && count > 0 {
			return nil, lacks("a constant %v of %v", c.shape, c.dtype)
		}
		filled = filled && (c.fill != nil || c.elements() == 1)
	}
	x := make([]num, len(cs))
	if filled && count > 1 {
		for i := range x {
			x[i] = gets[i](0)
		}
		y := f(x).rounded(d)
		return &constant{dtype: d, shape: shape, fill: &y, init: -1}, n.im.mem.spend(200)
	}
	var nums []num
	var bulk []float32
	if count > maxSmall {
		if count > maxElements || n.im.mem.spend(4*count) != nil {
			return nil, n.refuse("a constant of %v is too large", shape)
		}
		bulk = make([]float32, count)
	} else {
		nums = make([]num, count)
	}
	index := make([]int, len(shape))
	for i := range count {
		for k, c := range cs {
			x[k] = gets[k](offset(index, c.shape))
		}
		if y := f(x); nums != nil {
			nums[i] = y
		} else {
			bulk[i] = float32(y.v)
		}
		step(index, shape)
	}
	if bulk != nil {
		return &constant{dtype: d, shape: shape, bulk: bulk, init: -1}, nil
	}
	return n.im.small(d, shape, nums)
}

// step goes to the next index of a shape.
func step(index []int, shape tensor.Shape) {
	for k := len(shape) - 1; k >= 0; k-- {
		if index[k]++; index[k] < shape[k] {
			return
		}
		index[k] = 0
	}
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

// fixed is a number that no longer follows the batch.
func (n *node) fixed(v float64, from ...num) num {
	for _, x := range from {
		if x.batch {
			n.im.warn("%s: computes with the batch in a way that fixes it", n.where())
		}
	}
	return num{v: v}
}

// pairwise folds an operator of two numbers, which has the type of the first.
func pairwise(f func(n *node, a, b num) num) func(*node) (*constant, error) {
	return func(n *node) (*constant, error) {
		cs, err := n.operands(2)
		if err != nil {
			return nil, err
		}
		return n.each(cs[0].dtype, cs, func(x []num) num { return f(n, x[0], x[1]) })
	}
}

func add(n *node, a, b num) num {
	switch {
	case b.v == 0 && !b.batch:
		return a
	case a.v == 0 && !a.batch:
		return b
	}
	return n.fixed(a.v+b.v, a, b)
}

func mul(n *node, a, b num) num {
	if a.batch && b.batch {
		return n.fixed(a.v*b.v, a, b)
	}
	return num{a.v * b.v, a.batch || b.batch}
}

var (
	foldAdd = pairwise(add)
	foldMul = pairwise(mul)
	foldSub = pairwise(func(n *node, a, b num) num {
		if b.v == 0 && !b.batch {
			return a
		}
		return n.fixed(a.v-b.v, a, b)
	})
	foldPow = pairwise(func(n *node, a, b num) num { return n.fixed(math.Pow(a.v, b.v), a, b) })
)

// foldDiv truncates integers.
func foldDiv(n *node) (*constant, error) {
	zero := false
	c, err := pairwise(func(n *node, a, b num) num {
		switch {
		case b.v == 0 && n.constant(0).dtype != tensor.Float32:
			zero = true
			return num{}
		case b.batch && a.batch:
			return num{v: a.v / b.v} // the batch cancels out
		case b.batch:
			return n.fixed(a.v/b.v, b)
		}
		return num{a.v / b.v, a.batch}
	})(n)
	if err == nil && zero {
		err = n.refuse("divides by zero")
	}
	return c, err
}

func foldMod(n *node) (*constant, error) {
	fmod := n.int("fmod", 0) != 0
	zero := false
	c, err := pairwise(func(n *node, a, b num) num {
		zero = zero || b.v == 0 && n.constant(0).dtype != tensor.Float32
		m := math.Mod(a.v, b.v)
		if !fmod && m != 0 && (m < 0) != (b.v < 0) {
			m += b.v
		}
		return n.fixed(m, a, b)
	})(n)
	if err == nil && zero {
		err = n.refuse("divides by zero")
	}
	return c, err
}

// variadic folds an operator of any number of operands.
func variadic(f func(n *node, a, b num) num) func(*node) (*constant, error) {
	return func(n *node) (*constant, error) {
		cs, err := n.operands(0)
		if err != nil || len(cs) == 0 {
			return nil, n.refuse("has no inputs")
		}
		return n.each(cs[0].dtype, cs, func(x []num) num {
			y := x[0]
			for _, v := range x[1:] {
				y = f(n, y, v)
			}
			return y
		})
	}
}

func larger(n *node, a, b num) num  { return n.fixed(math.Max(a.v, b.v), a, b) }
func smaller(n *node, a, b num) num { return n.fixed(math.Min(a.v, b.v), a, b) }

var (
	foldMax = variadic(larger)
	foldMin = variadic(smaller)
	foldSum = variadic(add)
)

// truth folds a comparison, which looks at the numbers of this batch.
func truth(f func(a, b float64) bool) func(n *node) (*constant, error) {
	return func(n *node) (*constant, error) {
		cs, err := n.operands(2)
		if err != nil {
			return nil, err
		}
		return n.each(tensor.Bool, cs, func(x []num) num {
			if f(x[0].v, x[1].v) {
				return num{v: 1}
			}
			return num{}
		})
	}
}

var (
	foldEqual        = truth(func(a, b float64) bool { return a == b })
	foldGreater      = truth(func(a, b float64) bool { return a > b })
	foldGreaterEqual = truth(func(a, b float64) bool { return a >= b })
	foldLess         = truth(func(a, b float64) bool { return a < b })
	foldLessEqual    = truth(func(a, b float64) bool { return a <= b })
	foldAnd          = truth(func(a, b float64) bool { return a != 0 && b != 0 })
	foldOr           = truth(func(a, b float64) bool { return a != 0 || b != 0 })
	foldXor          = truth(func(a, b float64) bool { return (a != 0) != (b != 0) })
)

// foldWhere chooses between elements.
func foldWhere(n *node) (*constant, error) {
	cs, err := n.operands(3)
	if err != nil {
		return nil, err
	}
	return n.each(cs[1].dtype, cs, func(x []num) num {
		if x[0].v != 0 {
			return x[1]
		}
		return x[2]
	})
}

// foldClip limits numbers.
func foldClip(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	lo, hi, err := n.limits()
	if err != nil {
		return nil, err
	}
	return n.each(c.dtype, []*constant{c}, func(x []num) num {
		if v := math.Min(math.Max(x[0].v, lo), hi); v != x[0].v {
			return n.fixed(v, x[0])
		}
		return x[0]
	})
}

// unaries keep the batch where the function leaves whole numbers alone.
var unaries = map[string]struct {
	f     func(float64) float64
	whole bool
}{
	"Neg": {func(x float64) float64 { return -x }, false}, "Reciprocal": {func(x float64) float64 { return 1 / x }, false},
	"Sqrt": {math.Sqrt, false}, "Exp": {math.Exp, false}, "Log": {math.Log, false}, "Abs": {math.Abs, true},
	"Floor": {math.Floor, true}, "Ceil": {math.Ceil, true}, "Round": {math.RoundToEven, true},
	"Relu": {func(x float64) float64 { return math.Max(x, 0) }, true}, "Sigmoid": {func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, false},
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
	return n.each(c.dtype, []*constant{c}, func(x []num) num {
		if u.whole {
			return num{u.f(x[0].v), x[0].batch}
		}
		return n.fixed(u.f(x[0].v), x[0])
	})
}

// foldCast changes the type of a constant. What the type does not hold is refused, as
// runtimes differ in what they make of it.
func foldCast(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	return n.castConstant(c, int64(n.int("to", 0)))
}

// wholeRange is what an integer type of ONNX holds.
var wholeRange = map[int64][2]float64{
	2: {0, math.MaxUint8}, 3: {math.MinInt8, math.MaxInt8}, 4: {0, math.MaxUint16}, 5: {math.MinInt16, math.MaxInt16},
	6: {math.MinInt32, math.MaxInt32}, 7: {math.MinInt64, math.MaxInt64}, 12: {0, math.MaxUint32}, 13: {0, math.MaxUint64},
}

func (n *node) castConstant(c *constant, to int64) (*constant, error) {
	var d tensor.DType
	switch to {
	case 1, 10, 11, 16: // halves are computed as float32, as activations are
		d = tensor.Float32
	case 2, 3, 4, 5, 6, 7, 12, 13:
		d = tensor.Int64
	case 9:
		d = tensor.Bool
	default:
		return nil, lacks("to %v", dtypeError{to})
	}
	if d == c.dtype && (d != tensor.Int64 || to == 7) {
		return c, nil
	}
	bad := math.NaN()
	r, whole := wholeRange[to]
	y, err := n.each(d, []*constant{c}, func(x []num) num {
		v := x[0]
		if whole {
			if v.v = math.Trunc(v.v); !(v.v >= r[0] && v.v <= r[1]) && bad != bad {
				bad = v.v
			}
		}
		return v
	})
	if err == nil && bad == bad {
		return nil, lacks("%v to %v", bad, dtypeName(to))
	}
	if err == nil && c.raw != nil && c.raw.DType == dtypes[to].d {
		y.raw = c.raw
	}
	return y, err
}

func dtypeName(to int64) string {
	if d, ok := dtypes[to]; ok {
		return d.d.String()
	}
	return dtypeError{to}.Error()
}

func foldCastLike(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	to, err := n.like()
	if err != nil {
		return nil, err
	}
	return n.castConstant(c, to)
}

// like is the element type of the second input: every activation is float32.
func (n *node) like() (int64, error) {
	v := n.input(1)
	switch {
	case v == nil:
		return 0, n.refuse("input 1 is absent")
	case v.con == nil && v.whole:
		return 7, nil
	case v.con == nil:
		if d := n.im.g.Values[v.id].Type.DType; d != tensor.Float32 {
			return 0, lacks("like a value of %v", d)
		}
		return 1, nil
	case v.con.dtype == tensor.Bool:
		return 9, nil
	case v.con.dtype == tensor.Int64:
		return 7, nil
	}
	return 1, nil
}

// reductions of constants, by operator: what joins two elements, what the joint number of
// count elements becomes.
var reductions = map[string]struct {
	start float64
	join  func(n *node, a, b num) num
	end   func(v float64, count int) float64
}{
	"ReduceProd": {1, mul, nil},
	"ReduceSum":  {0, add, nil},
	"ReduceMean": {0, add, func(v float64, count int) float64 { return v / float64(count) }},
	"ReduceMax":  {math.Inf(-1), larger, nil},
	"ReduceMin":  {math.Inf(1), smaller, nil},
}

func foldReduce(n *node) (*constant, error) {
	c, err := n.operand(0)
	if err != nil {
		return nil, err
	}
	axes, given, err := n.listInput("axes", 1)
	if err != nil {
		return nil, err
	}
	if !given || len(axes) == 0 {
		if n.int("noop_with_empty_axes", 0) != 0 {
			return c, nil
		}
		axes = nil
		for i := range c.shape {
			axes = append(axes, i)
		}
	}
	if axes, err = n.axes(axes, len(c.shape)); err != nil {
		return nil, err
	}
	keep := n.int("keepdims", 1) != 0
	kept := make(tensor.Shape, len(c.shape)) // with ones where it is reduced
	var to tensor.Shape
	for i, d := range c.shape {
		gone := slices.Contains(axes, i)
		if kept[i] = d; gone {
			kept[i] = 1
		}
		if !gone || keep {
			to = append(to, kept[i])
		}
	}
	get := c.get()
	out, in := kept.Elements(), c.elements()
	if get == nil || in == 0 || out > maxSmall {
		return nil, lacks("a constant %v of %v", c.shape, c.dtype)
	}
	r := reductions[n.op]
	nums, started := make([]num, out), make([]bool, out)
	index := make([]int, len(c.shape))
	for i := range in {
		at := offset(index, kept)
		if x := get(i); started[at] {
			nums[at] = r.join(n, nums[at], x)
		} else {
			nums[at], started[at] = x, true
		}
		step(index, c.shape)
	}
	if r.end != nil {
		for i := range nums {
			nums[i] = n.fixed(r.end(nums[i].v, in/out), nums[i])
		}
	}
	return n.im.small(c.dtype, to, nums)
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
		if f, _ := c.first(); f.batch {
			n.fixed(0, f)
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
	return n.im.small(n.constant(0).dtype, tensor.Shape{len(nums)}, nums)
}
