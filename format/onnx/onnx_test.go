package onnx

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/tensor"
)

func x1(v ...string) []string { return v }

// seq are n values v, v+d, v+2d, …
func seq(v, d float32, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = v + d*float32(i)
	}
	return out
}

// each maps every element of x.
func each(x []float32, f func(float32) float32) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = f(v)
	}
	return out
}

func pick(x []float32, at ...int) []float32 {
	out := make([]float32, len(at))
	for i, k := range at {
		out[i] = x[k]
	}
	return out
}

// opCase maps one node, or the few that belong together, from input x to output y.
type opCase struct {
	title string
	opset int64
	shape []int
	nodes [][]byte
	inits [][]byte
	dims  []int // of y
	want  func(x []float32) []float32
	warns bool
	fixed bool // works at the file's batch only
}

var cases = []opCase{
	{title: "relu", opset: 7, shape: []int{1, 2, 1, 2}, nodes: [][]byte{op("Relu", x1("x"), x1("y"))}, dims: []int{1, 2, 1, 2},
		want: func(x []float32) []float32 { return each(x, func(v float32) float32 { return max(v, 0) }) }},
	{title: "clip by attributes", opset: 7, shape: []int{1, 4}, nodes: [][]byte{op("Clip", x1("x"), x1("y"), aFloat("min", 0), aFloat("max", 2))}, dims: []int{1, 4},
		want: func(x []float32) []float32 { return each(x, func(v float32) float32 { return min(max(v, 0), 2) }) }},
	{title: "clip by inputs, no minimum", opset: 13, shape: []int{1, 4}, nodes: [][]byte{op("Clip", x1("x", "", "hi"), x1("y"))}, inits: [][]byte{scalar("hi", 1)}, dims: []int{1, 4},
		want: func(x []float32) []float32 { return each(x, func(v float32) float32 { return min(v, 1) }) }},
	{title: "max with zero", opset: 13, shape: []int{1, 4}, nodes: [][]byte{op("Max", x1("z", "x"), x1("y"))}, inits: [][]byte{scalar("z", 0)}, dims: []int{1, 4},
		want: func(x []float32) []float32 { return each(x, func(v float32) float32 { return max(v, 0) }) }},
	{title: "hard sigmoid of another slope", opset: 7, shape: []int{1, 4}, nodes: [][]byte{op("HardSigmoid", x1("x"), x1("y"))}, dims: []int{1, 4},
		want: func(x []float32) []float32 {
			return each(x, func(v float32) float32 { return min(max(0.2*v+0.5, 0), 1) })
		}},
	{title: "hard sigmoid of MobileNetV3", opset: 13, shape: []int{1, 4}, nodes: [][]byte{op("HardSigmoid", x1("x"), x1("y"), aFloat("alpha", 1.0/6), aFloat("beta", 0.5))}, dims: []int{1, 4},
		want: func(x []float32) []float32 {
			return each(x, func(v float32) float32 { return min(max(v+3, 0), 6) / 6 })
		}},
	{title: "subtract from a constant", opset: 7, shape: []int{1, 2}, nodes: [][]byte{op("Sub", x1("c", "x"), x1("y"))}, inits: [][]byte{tTyped("c", []int64{2}, 1, 2)}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return []float32{1 - x[0], 2 - x[1]} }},
	{title: "negate", opset: 13, shape: []int{1, 2}, nodes: [][]byte{op("Neg", x1("x"), x1("y"))}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return each(x, func(v float32) float32 { return -v }) }},
	{title: "sum of three", opset: 13, shape: []int{1, 2}, nodes: [][]byte{op("Sum", x1("x", "x", "x"), x1("y"))}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return each(x, func(v float32) float32 { return 3 * v }) }},

	{title: "convolution, asymmetric padding", opset: 11, shape: []int{1, 1, 2, 2},
		nodes: [][]byte{op("Conv", x1("x", "w", "b"), x1("y"), aInts("kernel_shape", 2, 2), aInts("pads", 1, 0, 0, 1))},
		inits: [][]byte{tFloat("w", []int64{1, 1, 2, 2}, 1, 10, 100, 1000), tFloat("b", []int64{1}, 5)}, dims: []int{1, 1, 2, 2},
		want: func(x []float32) []float32 {
			return []float32{5 + 100*x[0] + 1000*x[1], 5 + 100*x[1], 5 + x[0] + 10*x[1] + 100*x[2] + 1000*x[3], 5 + x[1] + 100*x[3]}
		}},
	{title: "convolution, SAME_UPPER", opset: 11, shape: []int{1, 1, 1, 3}, nodes: [][]byte{op("Conv", x1("x", "w"), x1("y"), aStr("auto_pad", "SAME_UPPER"))},
		inits: [][]byte{tFloat("w", []int64{1, 1, 1, 2}, 1, 10)}, dims: []int{1, 1, 1, 3},
		want: func(x []float32) []float32 { return []float32{x[0] + 10*x[1], x[1] + 10*x[2], x[2]} }},
	{title: "convolution, SAME_LOWER", opset: 11, shape: []int{1, 1, 1, 3}, nodes: [][]byte{op("Conv", x1("x", "w"), x1("y"), aStr("auto_pad", "SAME_LOWER"))},
		inits: [][]byte{tFloat("w", []int64{1, 1, 1, 2}, 1, 10)}, dims: []int{1, 1, 1, 3}, warns: true,
		want: func(x []float32) []float32 { return []float32{10 * x[0], x[0] + 10*x[1], x[1] + 10*x[2]} }},
	{title: "convolution, depthwise of a weight in a Constant node", opset: 13, shape: []int{1, 2, 1, 1},
		nodes: [][]byte{op("Constant", nil, x1("w"), aTensor("value", tFloat("", []int64{2, 1, 1, 1}, 2, 3))), op("Conv", x1("x", "w"), x1("y"), aInt("group", 2))}, dims: []int{1, 2, 1, 1},
		want: func(x []float32) []float32 { return []float32{2 * x[0], 3 * x[1]} }},
	{title: "batch normalization", opset: 9, shape: []int{1, 2, 1, 1}, nodes: [][]byte{op("BatchNormalization", x1("x", "g", "b", "m", "v"), x1("y"), aFloat("epsilon", 0))},
		inits: [][]byte{tFloat("g", []int64{2}, 2, 3), tFloat("b", []int64{2}, 1, 1), tFloat("m", []int64{2}, 1, 0), tFloat("v", []int64{2}, 4, 9)}, dims: []int{1, 2, 1, 1},
		want: func(x []float32) []float32 { return []float32{(x[0] - 1) + 1, x[1] + 1} }},

	{title: "fully connected by Gemm", opset: 9, shape: []int{1, 2}, nodes: [][]byte{op("Gemm", x1("x", "w", "b"), x1("y"), aInt("transB", 1))},
		inits: [][]byte{tFloat("w", []int64{3, 2}, 1, 2, 3, 4, 5, 6), tFloat("b", []int64{3}, 1, 1, 1)}, dims: []int{1, 3},
		want: func(x []float32) []float32 {
			return []float32{x[0] + 2*x[1] + 1, 3*x[0] + 4*x[1] + 1, 5*x[0] + 6*x[1] + 1}
		}},
	{title: "fully connected by Gemm, not transposed, scaled", opset: 9, shape: []int{1, 2}, nodes: [][]byte{op("Gemm", x1("x", "w", "b"), x1("y"), aFloat("alpha", 2), aFloat("beta", 3))},
		inits: [][]byte{tFloat("w", []int64{2, 3}, 1, 2, 3, 4, 5, 6), tFloat("b", []int64{1, 1}, 1)}, dims: []int{1, 3},
		want: func(x []float32) []float32 {
			return []float32{2*(x[0]+4*x[1]) + 3, 2*(2*x[0]+5*x[1]) + 3, 2*(3*x[0]+6*x[1]) + 3}
		}},
	{title: "one weight used both ways", opset: 9, shape: []int{1, 2},
		nodes: [][]byte{op("Gemm", x1("x", "w"), x1("a"), aInt("transB", 1)), op("Gemm", x1("x", "w"), x1("b")), op("Add", x1("a", "b"), x1("y"))},
		inits: [][]byte{tFloat("w", []int64{2, 2}, 1, 2, 3, 4)}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return []float32{2*x[0] + 5*x[1], 5*x[0] + 8*x[1]} }},
	{title: "MatMul with a transposed constant and a bias", opset: 13, shape: []int{1, 2},
		nodes: [][]byte{op("Transpose", x1("w"), x1("wt"), aInts("perm", 1, 0)), op("MatMul", x1("x", "wt"), x1("p")), op("Add", x1("p", "b"), x1("y"))},
		inits: [][]byte{tFloat("w", []int64{1, 2}, 3, 4), tFloat("b", []int64{1}, 7)}, dims: []int{1, 1},
		want: func(x []float32) []float32 { return []float32{3*x[0] + 4*x[1] + 7} }},
	{title: "MatMul of three dimensions", opset: 13, shape: []int{1, 2, 2}, nodes: [][]byte{op("MatMul", x1("x", "w"), x1("y"))},
		inits: [][]byte{tFloat("w", []int64{2, 1}, 1, 10)}, dims: []int{1, 2, 1},
		want: func(x []float32) []float32 { return []float32{x[0] + 10*x[1], x[2] + 10*x[3]} }},

	{title: "max pool, ceil", opset: 10, shape: []int{1, 1, 1, 4}, nodes: [][]byte{op("MaxPool", x1("x"), x1("y"), aInts("kernel_shape", 1, 3), aInts("strides", 1, 2), aInt("ceil_mode", 1))}, dims: []int{1, 1, 1, 2},
		want: func(x []float32) []float32 { return []float32{max(x[0], x[1], x[2]), max(x[2], x[3])} }},
	{title: "average pool without padding in the mean", opset: 7, shape: []int{1, 1, 1, 3}, nodes: [][]byte{op("AveragePool", x1("x"), x1("y"), aInts("kernel_shape", 1, 3), aInts("pads", 0, 1, 0, 1))}, dims: []int{1, 1, 1, 3},
		want: func(x []float32) []float32 {
			return []float32{(x[0] + x[1]) / 2, (x[0] + x[1] + x[2]) / 3, (x[1] + x[2]) / 2}
		}},
	{title: "average pool with padding in the mean", opset: 7, shape: []int{1, 1, 1, 3}, nodes: [][]byte{op("AveragePool", x1("x"), x1("y"), aInts("kernel_shape", 1, 3), aInts("pads", 0, 1, 0, 1), aInt("count_include_pad", 1))}, dims: []int{1, 1, 1, 3},
		want: func(x []float32) []float32 {
			return []float32{(x[0] + x[1]) / 3, (x[0] + x[1] + x[2]) / 3, (x[1] + x[2]) / 3}
		}},
	{title: "mean over the image, dimensions dropped", opset: 13, shape: []int{1, 2, 1, 2}, nodes: [][]byte{op("ReduceMean", x1("x"), x1("y"), aInts("axes", -1, -2), aInt("keepdims", 0))}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return []float32{(x[0] + x[1]) / 2, (x[2] + x[3]) / 2} }},
	{title: "mean over an image with channels last", opset: 18, shape: []int{1, 1, 2, 2}, nodes: [][]byte{op("ReduceMean", x1("x", "axes"), x1("y"))}, inits: [][]byte{ints("axes", 1, 2)}, dims: []int{1, 1, 1, 2},
		want: func(x []float32) []float32 { return []float32{(x[0] + x[2]) / 2, (x[1] + x[3]) / 2} }},

	{title: "softmax before opset 13 joins dimensions", opset: 11, shape: []int{1, 2, 1, 2}, nodes: [][]byte{op("Softmax", x1("x"), x1("y"))}, dims: []int{1, 2, 1, 2},
		want: softmaxOf},
	{title: "softmax before opset 13 over [N,C,1,1]", opset: 11, shape: []int{1, 4, 1, 1}, nodes: [][]byte{op("Softmax", x1("x"), x1("y"))}, dims: []int{1, 4, 1, 1},
		want: softmaxOf},
	{title: "softmax from opset 13 takes one dimension", opset: 13, shape: []int{1, 2, 2}, nodes: [][]byte{op("Softmax", x1("x"), x1("y"))}, dims: []int{1, 2, 2},
		want: func(x []float32) []float32 { return append(softmaxOf(x[:2]), softmaxOf(x[2:])...) }},

	{title: "transpose", opset: 13, shape: []int{1, 2, 3}, nodes: [][]byte{op("Transpose", x1("x"), x1("y"), aInts("perm", 0, 2, 1))}, dims: []int{1, 3, 2},
		want: func(x []float32) []float32 { return pick(x, 0, 3, 1, 4, 2, 5) }},
	{title: "split in unequal parts", opset: 13, shape: []int{1, 3}, nodes: [][]byte{op("Split", x1("x", "s"), x1("a", "b"), aInt("axis", 1)), op("Concat", x1("b", "a"), x1("y"), aInt("axis", -1))},
		inits: [][]byte{ints("s", 1, 2)}, dims: []int{1, 3}, want: func(x []float32) []float32 { return pick(x, 1, 2, 0) }},
	{title: "split in halves by attribute", opset: 11, shape: []int{1, 4}, nodes: [][]byte{op("Split", x1("x"), x1("a", "b"), aInt("axis", 1), aInts("split", 2, 2)), op("Sub", x1("b", "a"), x1("y"))}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return []float32{x[2] - x[0], x[3] - x[1]} }},
	{title: "slice by attributes", opset: 9, shape: []int{1, 4}, nodes: [][]byte{op("Slice", x1("x"), x1("y"), aInts("starts", 1), aInts("ends", math.MaxInt64), aInts("axes", 1))}, dims: []int{1, 3},
		want: func(x []float32) []float32 { return x[1:] }},
	{title: "slice by inputs, negative end, step", opset: 13, shape: []int{1, 5}, nodes: [][]byte{op("Slice", x1("x", "s", "e", "a", "p"), x1("y"))},
		inits: [][]byte{ints("s", 0), ints("e", -1), ints("a", 1), ints("p", 2)}, dims: []int{1, 2}, want: func(x []float32) []float32 { return pick(x, 0, 2) }},
	{title: "gather one channel", opset: 13, shape: []int{1, 3, 2}, nodes: [][]byte{op("Gather", x1("x", "i"), x1("y"), aInt("axis", 1))}, inits: [][]byte{scalarInt("i", -1)}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return x[4:] }},
	{title: "squeeze and unsqueeze", opset: 11, shape: []int{1, 2, 1, 1}, nodes: [][]byte{op("Squeeze", x1("x"), x1("s"), aInts("axes", 2, 3)), op("Unsqueeze", x1("s"), x1("y"), aInts("axes", -1))}, dims: []int{1, 2, 1},
		want: func(x []float32) []float32 { return x }},
	{title: "flatten from the end", opset: 13, shape: []int{1, 2, 1, 2}, nodes: [][]byte{op("Flatten", x1("x"), x1("y"), aInt("axis", -3))}, dims: []int{1, 4},
		want: func(x []float32) []float32 { return x }},
	{title: "pad by inputs", opset: 13, shape: []int{1, 1, 1, 2}, nodes: [][]byte{op("Pad", x1("x", "p", "v"), x1("y"))}, inits: [][]byte{ints("p", 0, 0, 0, 1, 0, 0, 0, 2), scalar("v", 9)}, dims: []int{1, 1, 1, 5},
		want: func(x []float32) []float32 { return []float32{9, x[0], x[1], 9, 9} }},
	{title: "pad by attributes, negative", opset: 9, shape: []int{1, 1, 1, 3}, nodes: [][]byte{op("Pad", x1("x"), x1("y"), aInts("pads", 0, 0, 0, -1, 0, 0, 0, 1))}, dims: []int{1, 1, 1, 3},
		want: func(x []float32) []float32 { return []float32{x[1], x[2], 0} }},
	{title: "dropout and identity", opset: 12, shape: []int{1, 2}, nodes: [][]byte{op("Dropout", x1("x"), x1("d", "")), op("Identity", x1("d"), x1("y"))}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return x }},
	{title: "expand", opset: 13, shape: []int{1, 2, 1, 1}, nodes: [][]byte{op("Expand", x1("x", "s"), x1("y"))}, inits: [][]byte{ints("s", 1, 2, 1, 3)}, dims: []int{1, 2, 1, 3},
		want: func(x []float32) []float32 { return pick(x, 0, 0, 0, 1, 1, 1) }},

	{title: "upsample by attribute", opset: 7, shape: []int{1, 1, 1, 2}, nodes: [][]byte{op("Upsample", x1("x"), x1("y"), aFloats("scales", 1, 1, 1, 2))}, dims: []int{1, 1, 1, 4},
		want: func(x []float32) []float32 { return pick(x, 0, 0, 1, 1) }},
	{title: "resize by sizes that follow the batch", opset: 11, shape: []int{1, 1, 2, 2},
		nodes: [][]byte{
			op("Shape", x1("x"), x1("s")), op("Slice", x1("s", "zero", "two", "zero"), x1("nc")), op("Concat", x1("nc", "hw"), x1("sizes"), aInt("axis", 0)),
			op("Resize", x1("x", "", "", "sizes"), x1("y"), aStr("coordinate_transformation_mode", "asymmetric"), aStr("nearest_mode", "floor"), aStr("mode", "nearest")),
		}, inits: [][]byte{ints("zero", 0), ints("two", 2), ints("hw", 3, 2)}, dims: []int{1, 1, 3, 2},
		want: func(x []float32) []float32 { return pick(x, 0, 1, 0, 1, 2, 3) }},
	{title: "resize by 2, half pixel", opset: 13, shape: []int{1, 1, 1, 2}, nodes: [][]byte{op("Resize", x1("x", "", "scales"), x1("y"))}, inits: [][]byte{tFloat("scales", []int64{4}, 1, 1, 1, 2)}, dims: []int{1, 1, 1, 4},
		want: func(x []float32) []float32 { return pick(x, 0, 0, 1, 1) }},

	{title: "channel shuffle with a shape as exporters write it", opset: 13, shape: []int{1, 4, 1, 1},
		nodes: [][]byte{op("Reshape", x1("x", "a"), x1("r")), op("Transpose", x1("r"), x1("t"), aInts("perm", 0, 2, 1, 3, 4)), op("Reshape", x1("t", "b"), x1("y"))},
		inits: [][]byte{ints("a", 1, 2, 2, 1, 1), ints("b", 1, -1, 1, 1)}, dims: []int{1, 4, 1, 1},
		want: func(x []float32) []float32 { return pick(x, 0, 2, 1, 3) }},
	{title: "flatten by a computed shape", opset: 13, shape: []int{1, 2, 1, 2},
		nodes: [][]byte{
			op("Shape", x1("x"), x1("s")), op("Gather", x1("s", "i"), x1("n")), op("Unsqueeze", x1("n", "i1"), x1("u")), op("Concat", x1("u", "m"), x1("c"), aInt("axis", 0)), op("Reshape", x1("x", "c"), x1("y")),
		}, inits: [][]byte{scalarInt("i", 0), ints("i1", 0), ints("m", -1)}, dims: []int{1, 4}, want: func(x []float32) []float32 { return x }},
	{title: "shape arithmetic in floats", opset: 11, shape: []int{1, 4, 1, 1},
		nodes: [][]byte{
			op("Shape", x1("x"), x1("s")), op("Gather", x1("s", "one"), x1("c")), op("Cast", x1("c"), x1("f"), aInt("to", 1)), op("Div", x1("f", "two"), x1("h")), op("Floor", x1("h"), x1("fl")), op("Cast", x1("fl"), x1("half"), aInt("to", 7)),
			op("Gather", x1("s", "zero"), x1("n")), op("Unsqueeze", x1("n"), x1("n1"), aInts("axes", 0)), op("Unsqueeze", x1("half"), x1("h1"), aInts("axes", 0)),
			op("Concat", x1("n1", "h1", "rest"), x1("to"), aInt("axis", 0)), op("Reshape", x1("x", "to"), x1("y")),
		}, inits: [][]byte{scalarInt("zero", 0), scalarInt("one", 1), scalar("two", 2), ints("rest", 2)}, dims: []int{1, 2, 2}, want: func(x []float32) []float32 { return x }},
	{title: "batch times channels", opset: 13, shape: []int{1, 2, 2},
		nodes: [][]byte{
			op("Shape", x1("x"), x1("s")), op("Slice", x1("s", "zero", "two", "zero"), x1("nc")), op("ReduceProd", x1("nc"), x1("rows"), aInt("keepdims", 1)), op("Concat", x1("rows", "two"), x1("to"), aInt("axis", 0)),
			op("Reshape", x1("x", "to"), x1("m")), op("Reshape", x1("m", "s"), x1("y")),
		}, inits: [][]byte{ints("zero", 0), ints("two", 2)}, dims: []int{1, 2, 2}, want: func(x []float32) []float32 { return x }},
	{title: "Reshape of rows to a free dimension", opset: 13, shape: []int{1, 4}, nodes: [][]byte{op("Reshape", x1("x", "to"), x1("r")), op("Reshape", x1("r", "back"), x1("y"))}, inits: [][]byte{ints("to", -1, 2), ints("back", -1, 4)}, dims: []int{1, 4},
		want: func(x []float32) []float32 { return x }},
	{title: "BGR by a slice backwards", opset: 13, shape: []int{1, 3, 1, 2}, nodes: [][]byte{op("Slice", x1("x", "m", "e", "one", "m"), x1("y"))}, inits: [][]byte{ints("m", -1), ints("e", math.MinInt64), ints("one", 1)}, dims: []int{1, 3, 1, 2},
		want: func(x []float32) []float32 { return pick(x, 4, 5, 2, 3, 0, 1) }},
	{title: "slice backwards by two", opset: 13, shape: []int{1, 6}, nodes: [][]byte{op("Slice", x1("x", "s", "e", "one", "p"), x1("y"))}, inits: [][]byte{ints("s", 4), ints("e", 0), ints("one", 1), ints("p", -2)}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return pick(x, 4, 2) }},
	{title: "gather of any indices", opset: 13, shape: []int{1, 6}, nodes: [][]byte{op("Gather", x1("x", "i"), x1("y"), aInt("axis", 1))}, inits: [][]byte{ints("i", 0, 2, 4, 4, 5, -6, 1)}, dims: []int{1, 7},
		want: func(x []float32) []float32 { return pick(x, 0, 2, 4, 4, 5, 0, 1) }},
	{title: "gather of a table of indices", opset: 13, shape: []int{1, 3}, nodes: [][]byte{op("Gather", x1("x", "i"), x1("y"), aInt("axis", 1))}, inits: [][]byte{tInt("i", []int64{2, 2}, 2, 1, 0, 0)}, dims: []int{1, 2, 2},
		want: func(x []float32) []float32 { return pick(x, 2, 1, 0, 0) }},
	{title: "expand, whose shape is smaller", opset: 13, shape: []int{1, 2, 3}, nodes: [][]byte{op("Expand", x1("x", "s"), x1("y"))}, inits: [][]byte{ints("s", 1, 1)}, dims: []int{1, 2, 3},
		want: func(x []float32) []float32 { return x }},
	{title: "sequence of activations", opset: 13, shape: []int{1, 3, 2},
		nodes: [][]byte{op("SplitToSequence", x1("x"), x1("s"), aInt("axis", 1), aInt("keepdims", 0)), op("SequenceAt", x1("s", "two"), x1("a")), op("SequenceAt", x1("s", "zero"), x1("b")), op("SequenceConstruct", x1("a", "b"), x1("t")), op("ConcatFromSequence", x1("t"), x1("y"), aInt("axis", 1), aInt("new_axis", 1))},
		inits: [][]byte{scalarInt("two", 2), scalarInt("zero", 0)}, dims: []int{1, 2, 2}, want: func(x []float32) []float32 { return pick(x, 4, 5, 0, 1) }},
	{title: "cast like an activation", opset: 15, shape: []int{1, 2}, nodes: [][]byte{op("CastLike", x1("i", "x"), x1("f")), op("CastLike", x1("x", "f"), x1("g")), op("Mul", x1("g", "f"), x1("y"))}, inits: [][]byte{ints("i", 3)}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return each(x, func(v float32) float32 { return 3 * v }) }},
	{title: "a branch by a condition that folds", opset: 13, shape: []int{1, 2, 1, 1},
		nodes: [][]byte{
			op("Shape", x1("x"), x1("s")), op("Gather", x1("s", "i"), x1("d")), op("Equal", x1("d", "one"), x1("c")),
			op("If", x1("c"), x1("y"), aGraph("then_branch", parts{nodes: [][]byte{op("Squeeze", x1("x", "ax"), x1("o"))}, inits: [][]byte{ints("ax", 2, 3)}, out: [][]byte{port("o")}}),
				aGraph("else_branch", parts{nodes: [][]byte{op("Gelu", x1("x"), x1("o"))}, out: [][]byte{port("o")}})),
		}, inits: [][]byte{scalarInt("i", 2), scalarInt("one", 1)}, dims: []int{1, 2}, want: func(x []float32) []float32 { return x }},
	{title: "clip whose bounds cross", opset: 13, shape: []int{1, 2}, nodes: [][]byte{op("Clip", x1("x", "lo", "hi"), x1("y"))}, inits: [][]byte{scalar("lo", 5), scalar("hi", 1)}, dims: []int{1, 2},
		want: func(x []float32) []float32 { return []float32{1, 1} }},
	{title: "an operator of a late opset", opset: 25, shape: []int{1, 1, 2, 2}, nodes: [][]byte{op("GlobalAveragePool", x1("x"), x1("p")), op("Reshape", x1("p", "to"), x1("y"))}, inits: [][]byte{ints("to", 0, -1)}, dims: []int{1, 1},
		want: func(x []float32) []float32 { return []float32{(x[0] + x[1] + x[2] + x[3]) / 4} }},
	{title: "a batch in a number of the file", opset: 13, shape: []int{1, 2}, nodes: [][]byte{op("Unsqueeze", x1("x", "a"), x1("u")), op("Squeeze", x1("u"), x1("y"))}, inits: [][]byte{ints("a", 2)}, dims: []int{2}, fixed: true, warns: true,
		want: func(x []float32) []float32 { return x }},
}

func softmaxOf(x []float32) []float32 {
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v))
	}
	return each(x, func(v float32) float32 { return float32(math.Exp(float64(v)) / sum) })
}

// TestOperators runs every case at the file's batch and at two rows.
func TestOperators(t *testing.T) {
	for _, c := range cases {
		t.Run(c.title, func(t *testing.T) {
			dims := make([]any, len(c.shape))
			for i, d := range c.shape {
				dims[i] = d
			}
			dims[0] = "batch"
			data := parts{opset: c.opset, in: [][]byte{port("x", dims...)}, out: [][]byte{port("y")}, nodes: c.nodes, inits: c.inits}.bytes()
			m, err := Read(data, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c.warns != (len(m.Warnings) > 0) {
				t.Errorf("warnings: %q", m.Warnings)
			}
			shape := tensor.Shape(c.shape)
			n := shape.Elements()
			a, b := seq(-1.5, 0.75, n), seq(2, -0.5, n)
			run := func(g *graph.Graph, x []float32, rows int, want []float32) {
				t.Helper()
				s, out := shape.Clone(), tensor.Shape(c.dims).Clone()
				s[0] = rows
				if !c.fixed {
					out[0] = rows * c.dims[0]
				}
				got, err := interp.Run(g, []*tensor.Tensor{tensor.Of(s, x)})
				if err != nil {
					t.Fatal(err)
				}
				if !got[0].Shape.Equal(out) {
					t.Fatalf("got shape %v, want %v", got[0].Shape, out)
				}
				for i, v := range got[0].Floats() {
					// a few roundings of numbers below 10⁴
					if math.Abs(float64(v-want[i])) > 1e-6*max(1, math.Abs(float64(want[i]))) {
						t.Fatalf("element %d: got %v, want %v (all: %v, %v)", i, v, want[i], got[0].Floats(), want)
					}
				}
			}
			run(m.Graph, a, 1, c.want(a))
			if c.fixed {
				return
			}
			two, err := m.Graph.WithBatch(2)
			if err != nil {
				t.Fatal(err)
			}
			run(two, slices.Concat(a, b), 2, slices.Concat(c.want(a), c.want(b)))
		})
	}
}

// TestEveryOperatorIsTried: the table of operators and the cases go together.
func TestEveryOperatorIsTried(t *testing.T) {
	for name := range operators {
		tried := slices.ContainsFunc(cases, func(c opCase) bool {
			return slices.ContainsFunc(c.nodes, func(n []byte) bool { return strings.Contains(string(n), string(fStr(4, name))) })
		})
		if !tried && !folded[name] {
			t.Errorf("%s is in no case", name)
		}
	}
}

// folded are the operators that TestFolding tries, and those that the files of
// ../../golden hold.
var folded = map[string]bool{
	"Sqrt": true, "Exp": true, "Abs": true, "Ceil": true, "Round": true, "Not": true, "Pow": true, "Mod": true, "Mul": true, "Min": true,
	"Equal": true, "Greater": true, "Less": true, "And": true, "Or": true, "Where": true, "Range": true, "ConstantOfShape": true, "Size": true, "Reciprocal": true,
	"Xor": true, "Log": true, "GreaterOrEqual": true, "LessOrEqual": true, "ReduceMax": true, "ReduceMin": true, "ReduceSum": true, "Tile": true, "SequenceLength": true,
	"Sigmoid": true, "HardSwish": true, "GlobalAveragePool": true, "GlobalMaxPool": true, "QuantizeLinear": true, "DequantizeLinear": true, "QLinearConv": true, "QLinearMatMul": true, // TestQDQ, TestQLinear
}

// TestFolding computes constants and adds them to x, a single number.
func TestFolding(t *testing.T) {
	c := func(name string, v ...float32) []byte {
		return op("Constant", nil, x1(name), aTensor("value", tFloat("", []int64{int64(len(v))}, v...)))
	}
	i := func(name string, v ...int64) []byte {
		return op("Constant", nil, x1(name), aTensor("value", ints("", v...)))
	}
	for _, k := range []struct {
		title string
		nodes [][]byte // to "k"
		want  float32
	}{
		{"sqrt", [][]byte{c("a", 9), op("Sqrt", x1("a"), x1("k"))}, 3},
		{"exp", [][]byte{c("a", 0), op("Exp", x1("a"), x1("k"))}, 1},
		{"abs", [][]byte{c("a", -9), op("Abs", x1("a"), x1("k"))}, 9},
		{"ceil", [][]byte{c("a", 1.2), op("Ceil", x1("a"), x1("k"))}, 2},
		{"round", [][]byte{c("a", 2.5), op("Round", x1("a"), x1("k"))}, 2},
		{"reciprocal", [][]byte{c("a", 4), op("Reciprocal", x1("a"), x1("k"))}, 0.25},
		{"pow", [][]byte{c("a", 2), c("b", 3), op("Pow", x1("a", "b"), x1("k"))}, 8},
		{"mod", [][]byte{i("a", -7), i("b", 3), op("Mod", x1("a", "b"), x1("m")), op("Cast", x1("m"), x1("k"), aInt("to", 1))}, 2},
		{"integer division", [][]byte{i("a", 7), i("b", 2), op("Div", x1("a", "b"), x1("m")), op("Cast", x1("m"), x1("k"), aInt("to", 1))}, 3},
		{"min", [][]byte{c("a", 2), c("b", 3), op("Min", x1("a", "b"), x1("k"))}, 2},
		{"mul", [][]byte{c("a", 2), c("b", 3), op("Mul", x1("a", "b"), x1("k"))}, 6},
		{"where equal", [][]byte{i("a", 5), i("b", 5), op("Equal", x1("a", "b"), x1("e")), c("p", 1), c("q", 2), op("Where", x1("e", "p", "q"), x1("k"))}, 1},
		{"where not", [][]byte{i("a", 5), i("b", 5), op("Equal", x1("a", "b"), x1("e")), op("Not", x1("e"), x1("n")), c("p", 1), c("q", 2), op("Where", x1("n", "p", "q"), x1("k"))}, 2},
		{"comparisons", [][]byte{i("a", 5), i("b", 6), op("Less", x1("a", "b"), x1("l")), op("Greater", x1("a", "b"), x1("g")), op("And", x1("l", "g"), x1("n")), op("Or", x1("n", "l"), x1("o")), op("Cast", x1("o"), x1("k"), aInt("to", 1))}, 1},
		{"range", [][]byte{op("Constant", nil, x1("a"), aInt("value_int", 3)), op("Constant", nil, x1("b"), aInt("value_int", 8)), op("Constant", nil, x1("s"), aInt("value_int", 4)), op("Range", x1("a", "b", "s"), x1("r")), op("ReduceProd", x1("r"), x1("m")), op("Cast", x1("m"), x1("k"), aInt("to", 1))}, 21},
		{"constant of shape", [][]byte{i("a", 1), op("ConstantOfShape", x1("a"), x1("k"), aTensor("value", tFloat("", []int64{1}, 4)))}, 4},
		{"size", [][]byte{i("a", 1, 2, 3), op("Size", x1("a"), x1("m")), op("Cast", x1("m"), x1("k"), aInt("to", 1))}, 3},
		{"log", [][]byte{c("a", 1), op("Log", x1("a"), x1("k"))}, 0},
		{"more comparisons", [][]byte{i("a", 5), i("b", 5), op("GreaterOrEqual", x1("a", "b"), x1("g")), op("LessOrEqual", x1("a", "b"), x1("l")), op("Xor", x1("g", "l"), x1("o")), op("Cast", x1("o"), x1("k"), aInt("to", 1))}, 0},
		{"reductions", [][]byte{i("a", 5, 2, 3), op("ReduceMax", x1("a"), x1("p")), op("ReduceMin", x1("a"), x1("q")), op("ReduceSum", x1("a"), x1("r")), op("Concat", x1("p", "q", "r"), x1("m"), aInt("axis", 0)), op("ReduceMean", x1("m"), x1("n")), op("Cast", x1("n"), x1("k"), aInt("to", 1))}, 5},
		{"reductions of one dimension", [][]byte{op("Constant", nil, x1("a"), aTensor("value", tFloat("", []int64{2, 2}, 1, 2, 3, 5))), op("ReduceMean", x1("a"), x1("m"), aInts("axes", 1), aInt("keepdims", 0)), op("ReduceProd", x1("m"), x1("k"))}, 6},
		{"tile", [][]byte{i("a", 3, 4), i("b", 2), op("Tile", x1("a", "b"), x1("m")), op("ReduceSum", x1("m"), x1("n")), op("Cast", x1("n"), x1("k"), aInt("to", 1))}, 14},
		{"cast like", [][]byte{i("a", 3), c("b", 0.5), op("CastLike", x1("a", "b"), x1("m")), op("Mul", x1("m", "b"), x1("k"))}, 1.5},
		{"clip", [][]byte{c("a", 9), op("Clip", x1("a"), x1("k"), aFloat("max", 6))}, 6},
		{"sequence of constants", [][]byte{i("a", 3, 4, 5), i("at", -1), op("SplitToSequence", x1("a"), x1("s")), op("SequenceAt", x1("s", "at"), x1("m")), op("SequenceLength", x1("s"), x1("l")), op("Mul", x1("m", "l"), x1("n")), op("Cast", x1("n"), x1("k"), aInt("to", 1))}, 15},
		{"concatenation of a sequence", [][]byte{i("a", 3), i("b", 4), op("SequenceConstruct", x1("a", "b"), x1("s")), op("ConcatFromSequence", x1("s"), x1("m"), aInt("axis", 0)), op("ReduceSum", x1("m"), x1("n")), op("Cast", x1("n"), x1("k"), aInt("to", 1))}, 7},
		// PyTorch's F.pad as its TorchScript exporter writes it
		{"the list of a padding", [][]byte{i("a", 0, 1, 2, 3), i("four", 4), op("ConstantOfShape", x1("four"), x1("z"), aTensor("value", ints("", 0))), op("Concat", x1("a", "z"), x1("c"), aInt("axis", 0)),
			i("to", -1, 2), op("Reshape", x1("c", "to"), x1("r")), i("s", -1), i("e", -9223372036854775807), i("ax", 0), op("Slice", x1("r", "s", "e", "ax", "s"), x1("v")),
			op("Transpose", x1("v"), x1("t"), aInts("perm", 1, 0)), op("Reshape", x1("t", "s"), x1("l")), op("Cast", x1("l"), x1("p"), aInt("to", 7)), // 0 0 2 0 | 0 0 3 1
			i("at", 2, 6), op("Gather", x1("p", "at"), x1("g")), op("ReduceSum", x1("g"), x1("n")), op("Cast", x1("n"), x1("k"), aInt("to", 1))}, 5},
		{"an expansion from both sides", [][]byte{op("Constant", nil, x1("a"), aTensor("value", tFloat("", []int64{1, 3}, 1, 2, 4))), i("to", 2, 1), op("Expand", x1("a", "to"), x1("e")), op("ReduceSum", x1("e"), x1("k"))}, 14},
		{"indices of two dimensions", [][]byte{op("Constant", nil, x1("a"), aTensor("value", tFloat("", []int64{2, 2}, 1, 2, 4, 8))), op("Constant", nil, x1("at"), aTensor("value", tInt("", []int64{1, 2}, -1, 0))), op("Gather", x1("a", "at"), x1("g"), aInt("axis", 1)), i("z", 0), op("Squeeze", x1("g"), x1("q")), op("Gather", x1("q", "z"), x1("r")), op("ReduceSum", x1("r"), x1("k"))}, 3},
		{"a choice that broadcasts", [][]byte{op("Constant", nil, x1("a"), aTensor("value", tFloat("", []int64{2, 1}, 1, 2))), op("Constant", nil, x1("b"), aTensor("value", tFloat("", []int64{1, 2}, 1, 3))), op("Less", x1("a", "b"), x1("l")), op("Where", x1("l", "a", "b"), x1("w")), op("ReduceSum", x1("w"), x1("k"))}, 5},
		{"gather of a reversed list", [][]byte{i("a", 1, 2, 3), i("s", -1), i("e", -9), i("z", 0), i("p", -1), op("Slice", x1("a", "s", "e", "z", "p"), x1("r")), op("Gather", x1("r", "z"), x1("m")), op("Cast", x1("m"), x1("k"), aInt("to", 1))}, 3},
	} {
		nodes := append(slices.Clone(k.nodes), op("Add", x1("x", "k"), x1("y")))
		m, err := Read(parts{opset: 13, in: [][]byte{port("x", "n", 1)}, out: [][]byte{port("y")}, nodes: nodes}.bytes(), Options{})
		if err != nil {
			t.Errorf("%s: %v", k.title, err)
			continue
		}
		out, err := interp.Run(m.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 1}, []float32{10})})
		if err != nil {
			t.Errorf("%s: %v", k.title, err)
		} else if got := out[0].Floats()[0]; got != 10+k.want {
			t.Errorf("%s: got %v, want %v", k.title, got-10, k.want)
		}
		if len(m.Graph.Nodes) != 1 {
			t.Errorf("%s: %d nodes are left, want 1", k.title, len(m.Graph.Nodes))
		}
	}
}

// TestWeights: initializers are parameters under their names, in the file's order;
// numbers beside activations are constants.
func TestWeights(t *testing.T) {
	m, err := Read(parts{opset: 13, in: [][]byte{port("x", 1, 1, 2, 2), port("b"), port("a")}, out: [][]byte{port("y")},
		inits: [][]byte{scalar("three", 3), tFloat("b", []int64{1}, 1), tFloat("a", []int64{1, 1, 1, 1}, 2), tFloat("unused", []int64{1}, 1)},
		nodes: [][]byte{op("Conv", x1("x", "a", "b"), x1("c")), op("Add", x1("c", "three"), x1("y")), op("Gelu", x1("c"), x1("dead"))}}.bytes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, id := range m.Graph.Weights {
		names = append(names, m.Graph.Value(id).Name)
	}
	if !slices.Equal(names, []string{"b", "a"}) || len(m.Graph.Inputs) != 1 {
		t.Errorf("weights %v, %d inputs", names, len(m.Graph.Inputs))
	}
	if k := m.Graph.Value(m.Graph.Find("three")).Kind; k != graph.Constant {
		t.Errorf("the number is a %v", k)
	}
}

// TestHalf: a float16 model computes in float32, and says so.
func TestHalf(t *testing.T) {
	half := msg(fBytes(1, packedInts([]int64{2})), fInt(2, 10), fStr(8, "h"), fBytes(9, []byte{0, 0x3c, 0, 0xc0}))
	in := msg(fStr(1, "x"), fBytes(2, fBytes(1, msg(fInt(1, 10), fBytes(2, msg(fBytes(1, fInt(1, 1)), fBytes(1, fInt(1, 2))))))))
	m, err := Read(parts{opset: 13, in: [][]byte{in}, out: [][]byte{port("y")}, inits: [][]byte{half}, nodes: [][]byte{op("Mul", x1("x", "h"), x1("y"))}}.bytes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := interp.Run(m.Graph, []*tensor.Tensor{tensor.Of(tensor.Shape{1, 2}, []float32{3, 4})})
	if err != nil || !slices.Equal(out[0].Floats(), []float32{3, -8}) {
		t.Errorf("got %v, %v", out, err)
	}
	if len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "float16") {
		t.Errorf("warnings %q", m.Warnings)
	}
}

// TestUnsupported: all unknown operators and forms at once, with their nodes.
func TestUnsupported(t *testing.T) {
	m := parts{opset: 13, in: [][]byte{port("x", 1, 2, 4, 4)}, out: [][]byte{port("y")},
		nodes: [][]byte{
			append(op("Gelu", x1("x"), x1("a")), fStr(3, "first")...),
			append(op("Relu", x1("a"), x1("b")), fStr(3, "fine")...),
			append(op("Erf", x1("b"), x1("c")), fStr(3, "second")...),
			append(op("Gelu", x1("c"), x1("d")), fStr(3, "third")...),
			append(op("FusedConv", x1("d"), x1("e")), msg(fStr(7, "com.microsoft"), fStr(3, "fourth"))...),
			append(op("Resize", x1("x", "", "s"), x1("f"), aStr("mode", "linear")), fStr(3, "fifth")...),
			op("Add", x1("e", "f"), x1("y")),
		}, inits: [][]byte{tFloat("s", []int64{4}, 1, 1, 2, 2)}}.bytes()
	_, err := Read(m, Options{})
	var u *graph.UnsupportedError
	if !errors.As(err, &u) {
		t.Fatalf("got %v", err)
	}
	want := []graph.Unsupported{
		{Op: "Gelu", Nodes: []string{"first", "third"}}, {Op: "Erf", Nodes: []string{"second"}},
		{Op: "com.microsoft:FusedConv", Nodes: []string{"fourth"}}, {Op: "Resize", Nodes: []string{"fifth"}, Why: "mode linear"},
	}
	if !slices.EqualFunc(u.Ops, want, func(a, b graph.Unsupported) bool {
		return a.Op == b.Op && a.Why == b.Why && slices.Equal(a.Nodes, b.Nodes)
	}) {
		t.Errorf("got %+v", u.Ops)
	}
	for _, opset := range []int64{1, 6, 29} {
		_, err := Read(parts{opset: opset, in: [][]byte{port("x", 1)}, out: [][]byte{port("x")}}.bytes(), Options{})
		if !errors.As(err, &u) {
			t.Errorf("opset %d: got %v", opset, err)
		}
	}
}

// TestOpenDimensions: what a file leaves open is assumed, and said but for the batch.
func TestOpenDimensions(t *testing.T) {
	for _, c := range []struct {
		dims  []any
		want  tensor.Shape
		warns int
	}{
		{[]any{"batch", 3, 32, 32}, tensor.Shape{1, 3, 32, 32}, 0},
		{[]any{-1, 3, 32, 32}, tensor.Shape{1, 3, 32, 32}, 0},
		{[]any{4, 3, "h", "w"}, tensor.Shape{4, 3, 224, 224}, 2},
		{[]any{"n", "h", "w", 3}, tensor.Shape{1, 224, 224, 3}, 2},
		{[]any{"n", "c", 64, 64}, tensor.Shape{1, 3, 64, 64}, 1},
	} {
		m, err := Read(parts{opset: 13, in: [][]byte{port("x", c.dims...)}, out: [][]byte{port("y")}, nodes: [][]byte{op("Relu", x1("x"), x1("y"))}}.bytes(), Options{})
		if err != nil {
			t.Errorf("%v: %v", c.dims, err)
			continue
		}
		if got := m.Graph.Value(m.Graph.Inputs[0]).Type.Shape; !got.Equal(c.want) || len(m.Warnings) != c.warns {
			t.Errorf("%v: got %v with %q", c.dims, got, m.Warnings)
		}
	}
}
