package onnx

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// node writes one node of the graph as the ONNX nodes that compute it.
func (e *exporter) node(n *graph.Node) error {
	if e.quantized(n) {
		return e.quantNode(n)
	}
	return e.plainNode(n)
}

func (e *exporter) plainNode(n *graph.Node) error {
	in := make([]string, len(n.In))
	for i, id := range n.In {
		if id == graph.None {
			continue
		}
		if err := e.need(id, n.Name); err != nil {
			return err
		}
		in[i] = e.names[id]
	}
	out := make([]string, len(n.Out))
	for i, id := range n.Out {
		out[i] = e.names[id]
	}
	x := e.g.Value(n.In[0]).Type.Shape
	one := func(kind string, attrs ...[]byte) { e.emit(kind, n.Name, in, out, attrs...) }
	switch op := n.Op.(type) {
	case graph.Conv:
		w := e.g.Value(n.In[1]).Type.Shape
		kernel := [2]int{w[2], w[3]}
		args, residual := in, ""
		if op.Residual {
			residual, args = in[len(in)-1], in[:len(in)-1]
		}
		conv := e.before(n.Name+"/conv", out[0], op.Residual || op.Act.Kind != graph.ActNone)
		e.emit("Conv", n.Name, args, []string{conv}, intsAttr("dilations", op.Dilation[:]...), intAttr("group", op.Groups),
			intsAttr("kernel_shape", kernel[:]...), pads(op.Pad.Resolve(x[2], x[3], kernel, op.Stride, op.Dilation)), intsAttr("strides", op.Stride[:]...))
		sum := conv
		if op.Residual {
			sum = e.before(n.Name+"/sum", out[0], op.Act.Kind != graph.ActNone)
			e.emit("Add", n.Name+"/add", []string{conv, residual}, []string{sum})
		}
		e.after(n.Name, op.Act, sum, out[0])
	case graph.Linear:
		y := e.before(n.Name+"/gemm", out[0], op.Act.Kind != graph.ActNone)
		e.emit("Gemm", n.Name, in, []string{y}, floatAttr("alpha", 1), floatAttr("beta", 1), intAttr("transB", 1))
		e.after(n.Name, op.Act, y, out[0])
	case graph.BatchNorm:
		one("BatchNormalization", floatAttr("epsilon", float32(op.Eps)))
	case graph.Activate:
		if op.Act.Kind == graph.ActNone {
			one("Identity")
			break
		}
		e.after(n.Name, op.Act, in[0], out[0])
	case graph.Binary:
		y := e.before(n.Name+"/"+op.Fn.String(), out[0], op.Act.Kind != graph.ActNone)
		e.emit([...]string{graph.Add: "Add", graph.Sub: "Sub", graph.Mul: "Mul", graph.Div: "Div"}[op.Fn], n.Name, in, []string{y})
		e.after(n.Name, op.Act, y, out[0])
	case graph.MaxPool:
		one("MaxPool", windowAttrs(op.Kernel, op.Stride, op.Pad.Resolve(x[2], x[3], op.Kernel, op.Stride, [2]int{1, 1}), op.Ceil)...)
	case graph.AvgPool:
		attrs := windowAttrs(op.Kernel, op.Stride, op.Pad.Resolve(x[2], x[3], op.Kernel, op.Stride, [2]int{1, 1}), op.Ceil)
		one("AveragePool", append(attrs, intAttr("count_include_pad", flag(op.CountPad)))...)
	case graph.GlobalAvgPool:
		one("GlobalAveragePool")
	case graph.Softmax:
		one("Softmax", intAttr("axis", op.Axis))
	case graph.Concat:
		one("Concat", intAttr("axis", op.Axis))
	case graph.Split:
		one("Split", intAttr("axis", op.Axis))
	case graph.Slice:
		in = append(in, e.list(op.Start), e.list(op.End), e.list(op.Axis), e.list(op.Step))
		one("Slice")
	case graph.Shuffle:
		split, swapped := e.fresh(n.Name+"/split"), e.fresh(n.Name+"/swapped")
		e.emit("Reshape", n.Name+"/view", []string{in[0], e.list(0, op.Groups, x[1]/op.Groups, x[2], x[3])}, []string{split})
		e.emit("Transpose", n.Name+"/swap", []string{split}, []string{swapped}, intsAttr("perm", 0, 2, 1, 3, 4))
		e.emit("Reshape", n.Name, []string{swapped, e.list(0, x[1], x[2], x[3])}, out)
	case graph.Pad:
		p := op.Pad
		in = append(in, e.list(0, 0, p.Top, p.Left, 0, 0, p.Bottom, p.Right), e.floats(nil, op.Value))
		one("Pad", stringAttr("mode", "constant"))
	case graph.Resize:
		e.resize(n, op, x, in[0], out)
	case graph.Reshape:
		in = append(in, e.list(op.To.Slice()...))
		one("Reshape")
	case graph.Flatten:
		if op.Axis == 1 {
			one("Flatten", intAttr("axis", 1))
			break
		}
		// ONNX's Flatten always gives a matrix, this one keeps the dimensions before its axis.
		in = append(in, e.list(append(make([]int, op.Axis), -1)...))
		one("Reshape")
	case graph.Transpose:
		one("Transpose", intsAttr("perm", op.Perm.Slice()...))
	case graph.Identity:
		one("Identity")
	default:
		e.lacks = append(e.lacks, graph.Unsupported{Op: n.Op.Name(), Nodes: []string{n.Name}, Why: "the writer has no form for it"})
	}
	return nil
}

// before names the result of a step: the node's output, or a new name where more follows.
func (e *exporter) before(name, out string, more bool) string {
	if more {
		return e.fresh(name)
	}
	return out
}

// after writes an activation from one name to another; nothing where there is none.
func (e *exporter) after(name string, a graph.Act, from, to string) {
	in, out := []string{from}, []string{to}
	name += "/" + a.String()
	switch a.Kind {
	case graph.ActReLU:
		e.emit("Relu", name, in, out)
	case graph.ActClip:
		e.emit("Clip", name, append(in, e.floats(nil, a.Lo), e.floats(nil, a.Hi)), out)
	case graph.ActSigmoid:
		e.emit("Sigmoid", name, in, out)
	case graph.ActSiLU:
		gate := e.fresh(name + "/gate")
		e.emit("Sigmoid", name+"/sigmoid", in, []string{gate})
		e.emit("Mul", name, []string{from, gate}, out)
	case graph.ActHardSigmoid:
		e.emit("HardSigmoid", name, in, out, floatAttr("alpha", 1.0/6), floatAttr("beta", 0.5))
	case graph.ActHardSwish:
		e.emit("HardSwish", name, in, out)
	}
}

// resize writes nearest neighbour by scales where they say it exactly, else by sizes or
// by the scales that the graph was read with. Where no rule of ONNX picks the elements of
// the graph's own one, in the float32 that runtimes compute in, it is refused.
func (e *exporter) resize(n *graph.Node, r graph.Resize, x tensor.Shape, in string, out []string) {
	at, near := graph.AtAsymmetric, graph.NearFloor
	scales := resizeScales(x, r)
	if !r.Plain() {
		at, near = r.At, r.Near
	} else if scales == nil {
		rows, cols := r.Pick(x[2], x[3])
		found := false
		// half a pixel keeps clear of the whole numbers at which i/scale may fall short
		for _, at = range [...]graph.ResizeAt{graph.AtAsymmetric, graph.AtTFHalfPixel, graph.AtHalfPixel, graph.AtAlignCorners} {
			for near = graph.NearFloor; near <= graph.NearHalfUp && !found; near++ {
				a, b := graph.Resize{H: r.H, W: r.W, At: at, Near: near}.Pick(x[2], x[3])
				if found = slices.Equal(rows, a) && slices.Equal(cols, b); found {
					break
				}
			}
			if found {
				break
			}
		}
		if !found {
			e.lacks = append(e.lacks, graph.Unsupported{Op: n.Op.Name(), Nodes: []string{n.Name}, Why: fmt.Sprintf("from %d×%d to %d×%d: float32 scales of ONNX pick other elements", x[2], x[3], r.H, r.W)})
			return
		}
	}
	attrs := [][]byte{stringAttr("coordinate_transformation_mode", at.String()), stringAttr("mode", "nearest"), stringAttr("nearest_mode", near.String())}
	if scales != nil {
		e.emit("Resize", n.Name, []string{in, "", e.floats(tensor.Shape{4}, scales...)}, out, attrs...)
		return
	}
	e.emit("Resize", n.Name, []string{in, "", "", e.list(x[0], x[1], r.H, r.W)}, out, attrs...)
}

// resizeScales returns the scales of a resize by whole factors, and those that it was
// read with where they give its size; nil for others.
func resizeScales(x tensor.Shape, r graph.Resize) []float32 {
	if h, w := r.Scale[0], r.Scale[1]; !r.Plain() && h > 0 && w > 0 {
		if int(float32(x[2])*h) == r.H && int(float32(x[3])*w) == r.W {
			return []float32{1, 1, h, w}
		}
		return nil
	}
	if r.H%x[2] != 0 || r.W%x[3] != 0 {
		return nil
	}
	return []float32{1, 1, float32(r.H / x[2]), float32(r.W / x[3])}
}

func pads(p graph.Padding) []byte { return intsAttr("pads", p.Top, p.Left, p.Bottom, p.Right) }

func windowAttrs(kernel, stride [2]int, p graph.Padding, ceil bool) [][]byte {
	return [][]byte{intAttr("ceil_mode", flag(ceil)), intsAttr("kernel_shape", kernel[:]...), pads(p), intsAttr("strides", stride[:]...)}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
