package cost

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Layer is the cost of one node.
type Layer struct {
	Name string `json:"name"`
	Op   string `json:"op"` // the operator's name: conv, linear, batchnorm, …
	// Detail says what the operator does here: "depthwise 3×3 /2", "relu6", "add".
	Detail      string       `json:"detail"`
	Inputs      []string     `json:"inputs"` // names of the values read, weights left out
	OutputShape tensor.Shape `json:"output_shape"`
	// Params are the trainable elements it reads. A tensor that several layers read counts
	// at the first.
	Params int64 `json:"params"`
	MACs   int64 `json:"macs"`
	// BytesMoved is every input and every weight read once and the output written once, in
	// the graph's own element types: what a run with no other layer in the cache moves.
	// Views (flatten, reshape, identity) move nothing.
	BytesMoved int64 `json:"bytes_moved"`
	// ArithmeticIntensity is FLOPs / BytesMoved, FLOPs being 2 × MACs; 0 for a layer
	// without MACs. The roofline's horizontal axis (Williams et al. 2009).
	ArithmeticIntensity float64 `json:"arithmetic_intensity"`
	Block               string  `json:"block"` // name of its block, or empty
	// Functional says that the official code calls a function here, not a module.
	Functional bool `json:"functional"`
}

// kind is what a node is to the counting rules.
type kind uint8

const (
	kindConv kind = iota + 1
	kindLinear
	kindBatchNorm
	kindAct
	kindAdd
	kindMul
	kindArith // subtraction and division
	kindMaxPool
	kindAvgPool
	kindGlobalAvgPool
	kindSoftmax
	kindResize
	kindMove // copies elements
	kindView // gives the same elements another shape
)

// call is a node as the counting rules see it.
type call struct {
	node       *graph.Node
	kind       kind
	detail     string
	functional bool
	// function is the last part of the node's name: the function's own name where the
	// official code calls one (mean, adaptive_avg_pool2d, …).
	function string
	act      graph.Act
	in, out  int64 // elements of the first input and of all outputs
	inShape  tensor.Shape
	outShape tensor.Shape
	weight   int64 // elements of the weight of a convolution, linear layer or batch norm
	bias     bool
	macs     int64
	bytes    int64
}

// describe reads node i. Its error names an operator that no counting rule knows.
func describe(g *graph.Graph, i int) (call, error) {
	n := &g.Nodes[i]
	c := call{node: n, functional: n.Functional}
	c.function = n.Name[strings.LastIndexByte(n.Name, '.')+1:]
	types := make([]graph.Type, len(n.In))
	for k, id := range n.In {
		if id != graph.None {
			types[k] = g.Value(id).Type
		}
	}
	if len(types) > 0 {
		c.inShape, c.in = types[0].Shape, elements(types[0])
	}
	for k, id := range n.Out {
		t := g.Value(id).Type
		c.out += elements(t)
		if k == 0 {
			c.outShape = t.Shape
		}
	}
	big := false
	switch op := n.Op.(type) {
	case graph.Conv:
		c.kind, c.act, c.bias = kindConv, op.Act, op.Bias
		c.weight = elements(types[1])
		c.macs, big = product(int64(c.outShape[0]), int64(c.outShape[2])*int64(c.outShape[3]), c.weight)
		c.detail = convDetail(op, c.inShape[1], types[1].Shape)
	case graph.Linear:
		c.kind, c.act, c.bias = kindLinear, op.Act, op.Bias
		c.weight = elements(types[1])
		c.macs, big = product(int64(c.inShape[0]), 1, c.weight)
		c.detail = fmt.Sprintf("%d → %d", c.inShape[1], c.outShape[1])
	case graph.BatchNorm:
		c.kind, c.weight = kindBatchNorm, elements(types[1])
	case graph.Activate:
		c.kind, c.act, c.detail = kindAct, op.Act, op.Act.String()
	case graph.Binary:
		c.kind, c.act, c.detail = kindArith, op.Act, op.Fn.String()
		switch op.Fn {
		case graph.Add:
			c.kind = kindAdd
		case graph.Mul:
			c.kind = kindMul
		}
	case graph.MaxPool:
		c.kind, c.detail = kindMaxPool, windowDetail(op.Kernel, op.Stride)
	case graph.AvgPool:
		c.kind, c.detail = kindAvgPool, windowDetail(op.Kernel, op.Stride)
	case graph.GlobalAvgPool:
		c.kind = kindGlobalAvgPool
	case graph.Softmax:
		c.kind = kindSoftmax
	case graph.Resize:
		c.kind, c.detail = kindResize, fmt.Sprintf("to %d×%d", op.H, op.W)
	case graph.Concat, graph.Split, graph.Slice, graph.Shuffle, graph.Pad, graph.Transpose,
		graph.Quantize, graph.Dequantize, graph.Requantize:
		c.kind = kindMove
	case graph.Reshape, graph.Flatten, graph.Identity:
		c.kind = kindView
	default:
		return call{}, fmt.Errorf("cost: node %d %q: operator %s has no counting rule", i, n.Name, n.Op.Name())
	}
	if big {
		return call{}, fmt.Errorf("cost: node %d %q: more than %d multiply-adds", i, n.Name, int64(maxMACs))
	}
	if c.kind != kindView {
		c.bytes = bytesMoved(g, n)
	}
	return c, nil
}

// product multiplies the parts of a number of MACs and reports one past maxMACs. Each
// part is at most maxElements.
func product(a, b, c int64) (p int64, big bool) {
	hi, lo := bits.Mul64(uint64(a*b), uint64(c)) // a·b is at most an output's elements
	return int64(lo), hi != 0 || lo > maxMACs
}

// bytesMoved reads every distinct input once and writes every output once.
func bytesMoved(g *graph.Graph, n *graph.Node) int64 {
	var sum int64
	for k, id := range n.In {
		if id != graph.None && !slices.Contains(n.In[:k], id) {
			sum += size(g.Value(id).Type)
		}
	}
	for _, id := range n.Out {
		sum += size(g.Value(id).Type)
	}
	return sum
}

func size(t graph.Type) int64 { return elements(t) * int64(t.DType.Size()) }

func layers(g *graph.Graph, calls []call) []Layer {
	out := make([]Layer, len(calls))
	counted := make([]bool, len(g.Values))
	for i, c := range calls {
		l := Layer{Name: c.node.Name, Op: c.node.Op.Name(), Detail: c.detail, OutputShape: c.outShape.Clone(),
			Inputs: []string{},
			MACs:   c.macs, BytesMoved: c.bytes, Functional: c.functional}
		if b := c.node.Block; b >= 0 {
			l.Block = g.Blocks[b].Name
		}
		for _, id := range c.node.In {
			if id == graph.None {
				continue
			}
			switch v := g.Value(id); v.Kind {
			case graph.Activation, graph.Input:
				l.Inputs = append(l.Inputs, v.Name)
			case graph.Parameter:
				if !counted[id] {
					l.Params += elements(v.Type)
				}
				counted[id] = true
			}
		}
		if l.BytesMoved > 0 {
			l.ArithmeticIntensity = float64(2*l.MACs) / float64(l.BytesMoved)
		}
		out[i] = l
	}
	return out
}

// convDetail says "depthwise 3×3 /2", "pointwise", "3×3 in 8 groups".
func convDetail(op graph.Conv, channels int, w tensor.Shape) string {
	s := windowDetail([2]int{w[2], w[3]}, op.Stride)
	switch {
	case op.Depthwise(channels):
		s = "depthwise " + s
	case w[2]*w[3] == 1:
		s = "pointwise" + strings.TrimPrefix(s, "1×1")
	}
	if op.Groups > 1 && !op.Depthwise(channels) {
		s += fmt.Sprintf(" in %d groups", op.Groups)
	}
	if op.Dilation != [2]int{1, 1} {
		s += fmt.Sprintf(" dilated %d×%d", op.Dilation[0], op.Dilation[1])
	}
	return s
}

// windowDetail says 3×3, 3×3 /2 or 3×3 /2×1.
func windowDetail(kernel, stride [2]int) string {
	s := fmt.Sprintf("%d×%d", kernel[0], kernel[1])
	switch {
	case stride[0] != stride[1]:
		s += fmt.Sprintf(" /%d×%d", stride[0], stride[1])
	case stride[0] > 1:
		s += fmt.Sprintf(" /%d", stride[0])
	}
	return s
}
