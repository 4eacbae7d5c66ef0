package onnx

import (
	"math"
	"slices"

	"github.com/wispnet/wisp/tensor"
)

// maxSmall bounds the constants that are computed with element by element: shapes,
// axes, scalars. Larger ones are weights.
const maxSmall = 1 << 12

// num is one element of a small constant. Where batch is set it stands for v/N times
// the actual batch, N being the batch that the graph is read with: a shape computed
// from an activation stays right at every batch.
type num struct {
	v     float64
	batch bool
}

// constant is a tensor known while reading. Integers of every width count as int64 and
// floats of every width as float32: only activations and weights have exact types, and
// they are float32.
type constant struct {
	dtype tensor.DType // Float32, Int64 or Bool
	shape tensor.Shape
	// One of the three holds the elements:
	nums []num     // small constants
	bulk []float32 // floats of any size, row-major
	fill *num      // what every element is
	// init is the rank of the initializer that this is, or −1 for one computed or
	// written in a node.
	init int
	// raw are the integers as the file has them; whole those that a DequantizeLinear made
	// this constant of, with their parameters.
	raw, whole *tensor.Tensor
}

func (c *constant) elements() int { return c.shape.Elements() }

// small returns the elements of a small constant, nil of a large one.
func (c *constant) small() []num {
	if c.nums != nil || c.elements() > maxSmall {
		return c.nums
	}
	if c.fill != nil {
		return slices.Repeat([]num{*c.fill}, c.elements())
	}
	if c.bulk != nil {
		c.nums = make([]num, len(c.bulk))
		for i, x := range c.bulk {
			c.nums[i].v = float64(x)
		}
	}
	return c.nums
}

// get returns the function that gives element i, nil where the elements are not held.
func (c *constant) get() func(i int) num {
	switch {
	case c.fill != nil:
		return func(int) num { return *c.fill }
	case c.nums != nil:
		return func(i int) num { return c.nums[i] }
	case c.bulk != nil:
		return func(i int) num { return num{v: float64(c.bulk[i])} }
	}
	return nil
}

// first returns the first element of a constant that has one.
func (c *constant) first() (num, bool) {
	if get := c.get(); get != nil && c.elements() > 0 {
		return get(0), true
	}
	return num{}, false
}

// floats returns the elements of a float constant, nil of another and of one that is
// filled: importer.floats makes those.
func (c *constant) floats() []float32 {
	if c.dtype != tensor.Float32 {
		return nil
	}
	if c.bulk == nil && (c.nums != nil || c.fill != nil && c.elements() <= maxSmall) {
		s := c.small()
		c.bulk = make([]float32, len(s))
		for i, x := range s {
			c.bulk[i] = float32(x.v)
		}
	}
	return c.bulk
}

// maxSplat bounds the weights that a file gives as one value repeated, in elements: the
// file's own size says nothing about them. It is above VGG's.
const maxSplat = 1 << 28

// floats returns the elements of a float constant, nil of another type. Constants that
// are one value throughout share their memory.
func (im *importer) floats(c *constant) ([]float32, error) {
	if f := c.floats(); f != nil || c.fill == nil || c.dtype != tensor.Float32 {
		return f, nil
	}
	n, x := c.elements(), float32(c.fill.v)
	if im.splatted += n; im.splatted > maxSplat {
		return nil, refuse("", "asks for more memory than its file allows: over %d elements of one value repeated", maxSplat)
	}
	if len(im.splats[x]) < n {
		im.splats[x] = slices.Repeat([]float32{x}, n)
	}
	c.bulk = im.splats[x][:n:n]
	return c.bulk, nil
}

// ints returns the elements of a small integer constant; values beyond 2⁵³ saturate.
func (c *constant) ints() ([]int, bool) {
	s := c.small()
	if s == nil && c.elements() > 0 {
		return nil, false
	}
	out := make([]int, len(s))
	for i, x := range s {
		out[i] = toInt(x.v)
	}
	return out, true
}

func toInt(v float64) int {
	const big = min(1<<53, math.MaxInt)
	switch {
	case v != v:
		return 0
	case v > big:
		return big
	case v < -big:
		return -big
	}
	return int(v)
}

// scalar returns the only element of a constant that has one.
func (c *constant) scalar() (float64, bool) {
	if c == nil || c.elements() != 1 {
		return 0, false
	}
	x, ok := c.first()
	return x.v, ok
}

// rounded is a number as the type holds it.
func (x num) rounded(d tensor.DType) num {
	switch d {
	case tensor.Float32:
		x.v = float64(float32(x.v))
	case tensor.Int64:
		x.v = math.Trunc(x.v)
	case tensor.Bool:
		if x.v != 0 {
			x.v = 1
		}
	}
	return x
}

// small makes a constant of few elements, rounded to its type.
func (im *importer) small(d tensor.DType, s tensor.Shape, nums []num) (*constant, error) {
	c := &constant{dtype: d, shape: s, init: -1}
	same := len(nums) > 1
	for i := range nums {
		nums[i] = nums[i].rounded(d)
		same = same && nums[i] == nums[0]
	}
	if same {
		c.fill = &num{nums[0].v, nums[0].batch}
		return c, im.mem.spend(200)
	}
	if nums == nil {
		nums = []num{}
	}
	c.nums = nums
	return c, im.mem.spend(200 + 16*len(nums))
}

// constantOf makes a constant of a tensor as a file holds it. It reports false for a
// large tensor of integers, with which nothing can be done.
func constantOf(t *tensor.Tensor, mem *budget) (*constant, bool, error) {
	c := &constant{shape: t.Shape, init: -1}
	n := t.Shape.Elements()
	switch t.DType {
	case tensor.Float32:
		c.dtype, c.bulk = tensor.Float32, t.Float32()
	case tensor.Float16, tensor.BFloat16, tensor.Float64:
		if err := mem.spend(4 * n); err != nil {
			return nil, false, err
		}
		c.dtype, c.bulk = tensor.Float32, t.Floats()
	default:
		c.dtype, c.raw = tensor.Int64, t
		if t.DType == tensor.Bool {
			c.dtype = tensor.Bool
		}
		if n > maxSmall {
			return c, false, nil
		}
		if err := mem.spend(16 * n); err != nil {
			return nil, false, err
		}
		c.nums = make([]num, n)
		for i := range c.nums {
			c.nums[i].v = at(t, i)
		}
	}
	return c, true, nil
}

func at(t *tensor.Tensor, i int) float64 {
	switch v := t.Data.(type) {
	case []int64:
		return float64(v[i])
	case []int32:
		return float64(v[i])
	case []int16:
		return float64(v[i])
	case []int8:
		return float64(v[i])
	case []uint8:
		return float64(v[i])
	case []bool:
		if v[i] {
			return 1
		}
	}
	return 0
}
