package tflite

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// node writes one node of the graph as the operators that compute it.
func (e *exporter) node(n *graph.Node) error {
	for _, id := range n.In {
		if v := e.g.Value(id); v.Kind != graph.Activation && v.Kind != graph.Input && v.Data == nil {
			return fmt.Errorf("tflite: write: node %q: weight %q has no data: bind the weights first", n.Name, v.Name)
		}
	}
	in, out := e.g.Value(n.In[0]).Type.Shape, e.g.Value(n.Out[0]).Type.Shape
	version := e.version(n.Out[0])
	x := func() int { return e.value(n.In[0]) }
	y := []int{e.value(n.Out[0])}
	switch op := n.Op.(type) {
	case graph.Conv:
		e.conv(n, op, in, out)
	case graph.Linear:
		e.linear(n, op, in)
	case graph.Binary:
		act, ok := fusedCode(op.Act)
		if !ok {
			e.no(n, op.Act.String())
		}
		code := [...]int{graph.Add: 0, graph.Sub: 41, graph.Mul: 18, graph.Div: 42}[op.Fn]
		kind := [...]int{graph.Add: addOptions, graph.Sub: subOptions, graph.Mul: mulOptions, graph.Div: divOptions}[op.Fn]
		e.emit(code, version, []int{x(), e.value(n.In[1])}, y, kind, fbTable{act})
	case graph.Activate:
		switch {
		case op.Act == graph.ReLU:
			e.emit(19, version, []int{x()}, y, noOptions, nil)
		case op.Act == graph.ReLU6:
			e.emit(21, version, []int{x()}, y, noOptions, nil)
		case op.Act == graph.Clip(-1, 1):
			e.emit(20, version, []int{x()}, y, noOptions, nil)
		case op.Act.Kind == graph.ActSigmoid:
			e.emit(14, version, []int{x()}, y, noOptions, nil)
		case op.Act.Kind == graph.ActHardSwish:
			e.emit(117, 1, []int{x()}, y, hardSwishOptions, fbTable{})
		default:
			e.no(n, op.Act.String())
		}
	case graph.MaxPool:
		e.pool(n, 17, op.Kernel, op.Stride, op.Pad, true)
	case graph.AvgPool:
		if op.Ceil {
			e.no(n, "ceil")
		}
		if !op.CountPad {
			if _, _, explicit := fit(op.Pad, in, out, op.Kernel, op.Stride, [2]int{1, 1}); explicit {
				e.no(n, "padding that does not count")
			}
		} else if kind, _, _ := fit(op.Pad, in, out, op.Kernel, op.Stride, [2]int{1, 1}); kind == 0 {
			p := op.Pad.Resolve(in[2], in[3], op.Kernel, op.Stride, [2]int{1, 1})
			padded := e.padded(n.Name, n.In[0], [4]int{p.Top, p.Bottom, p.Left, p.Right}, false)
			e.emit(1, version, []int{padded}, y, poolOptions, fbTable{int8(1), op.Stride[1], op.Stride[0], op.Kernel[1], op.Kernel[0], int8(0)})
			break
		}
		e.pool(n, 1, op.Kernel, op.Stride, op.Pad, false)
	case graph.GlobalAvgPool:
		e.emit(40, version, []int{x(), e.list(1, 2)}, y, reducerOptions, fbTable{true})
	case graph.Softmax:
		if last := len(in) - 1; op.Axis != last && !(len(in) == 4 && op.Axis == 1) || len(in) == 4 && op.Axis != 1 {
			e.no(n, "along another dimension than the last")
		}
		e.emit(25, version, []int{x()}, y, softmaxOptions, fbTable{float32(1)})
	case graph.Concat:
		var list []int
		for _, id := range n.In {
			list = append(list, e.value(id))
		}
		e.emit(2, version, list, y, concatOptions, fbTable{fileAxis(op.Axis, len(in)), int8(0)})
	case graph.Split:
		var list []int
		for _, id := range n.Out {
			list = append(list, e.value(id))
		}
		e.emit(49, version, []int{e.ints(tensor.Shape{}, fileAxis(op.Axis, len(in))), x()}, list, splitOptions, fbTable{op.Parts})
	case graph.Slice:
		begin, end, step := make([]int, len(in)), []int(fileShape(in).Clone()), make([]int, len(in))
		for i := range step {
			step[i] = 1
		}
		a := fileAxis(op.Axis, len(in))
		begin[a], end[a], step[a] = op.Start, op.End, op.Step
		e.emit(45, version, []int{x(), e.list(begin...), e.list(end...), e.list(step...)}, y, stridedOptions, fbTable{0, 0, 0, 0, 0})
	case graph.Shuffle:
		per := in[1] / op.Groups
		parts := e.between(n.Name+"/parts", n.In[0], tensor.Shape{in[0], in[2], in[3], op.Groups, per})
		swapped := e.between(n.Name+"/swapped", n.In[0], tensor.Shape{in[0], in[2], in[3], per, op.Groups})
		e.reshape(x(), parts, in[0], in[2], in[3], op.Groups, per)
		e.emit(39, version, []int{parts, e.list(0, 1, 2, 4, 3)}, []int{swapped}, transposeOptions, fbTable{})
		e.reshape(swapped, y[0], in[0], in[2], in[3], in[1])
	case graph.Pad:
		p := [4]int{op.Pad.Top, op.Pad.Bottom, op.Pad.Left, op.Pad.Right}
		if op.Value != 0 {
			e.no(n, "with a value")
		}
		e.emit(34, version, []int{x(), e.ints(tensor.Shape{4, 2}, 0, 0, p[0], p[1], p[2], p[3], 0, 0)}, y, padOptions, fbTable{})
	case graph.Resize:
		if !op.Plain() {
			e.no(n, "by a rule that TensorFlow Lite does not have")
		}
		e.emit(97, version, []int{x(), e.list(op.H, op.W)}, y, nearestOptions, fbTable{false, false})
	case graph.Reshape, graph.Flatten, graph.Identity:
		e.regroup(n, in, out)
	case graph.Transpose:
		p, r := op.Perm.Slice(), make([]int, len(in))
		to := order(len(in), true)
		if len(in) != 4 {
			to = order(len(in), false)
		}
		for i := range r { // of the file's dimensions
			r[i] = to[p[inverse(to)[i]]]
		}
		e.emit(39, version, []int{x(), e.list(r...)}, y, transposeOptions, fbTable{})
	case graph.Quantize, graph.Requantize:
		e.emit(114, 1, []int{x()}, y, quantizeOptions, fbTable{})
	case graph.Dequantize:
		e.emit(6, e.version(n.In[0]), []int{x()}, y, dequantizeOptions, fbTable{})
	default:
		e.no(n, "")
	}
	return nil
}

// fileAxis is a dimension of the graph's value in the file's.
func fileAxis(a, rank int) int {
	if rank == 4 {
		return order(4, true)[a]
	}
	return a
}

func (e *exporter) reshape(x, y int, shape ...int) {
	e.emit(opReshape, 1, []int{x, e.list(shape...)}, []int{y}, reshapeOptions, fbTable{fbInts(shape...)})
}

func (e *exporter) conv(n *graph.Node, op graph.Conv, in, out tensor.Shape) {
	if op.Residual {
		e.no(n, "with a residual")
		return
	}
	act, ok := fusedCode(op.Act)
	if !ok {
		e.no(n, op.Act.String())
	}
	ws := e.g.Value(n.In[1]).Type.Shape
	kind, pads, explicit := fit(op.Pad, in, out, [2]int{ws[2], ws[3]}, op.Stride, op.Dilation)
	x := e.value(n.In[0])
	if explicit {
		x = e.padded(n.Name, n.In[0], pads, false)
	}
	version := 1
	if e.version(n.Out[0]) > 1 {
		version = 3
	}
	y := []int{e.value(n.Out[0])}
	if op.Groups == in[1] && in[1] > 1 {
		args := append([]int{x}, e.weight(n, []int{1, 2, 3, 0}, 3)...)
		e.emit(4, max(version, 2), args, y, depthwiseOptions, fbTable{kind, op.Stride[1], op.Stride[0], ws[0] / in[1], act, op.Dilation[1], op.Dilation[0]})
		return
	}
	options := fbTable{kind, op.Stride[1], op.Stride[0], act, op.Dilation[1], op.Dilation[0]}
	if op.Groups == 1 {
		args := append([]int{x}, e.weight(n, []int{0, 2, 3, 1}, 0)...)
		e.emit(3, version, args, y, convOptions, options)
		return
	}
	// Older runtimes know no groups: the channels are cut, convolved and joined again.
	var cut, joined []int
	height, width := in[2], in[3]
	if explicit {
		height, width = height+pads[0]+pads[1], width+pads[2]+pads[3]
	}
	for k := range op.Groups {
		cut = append(cut, e.between(fmt.Sprintf("%s/in%d", n.Name, k), n.In[0], tensor.Shape{in[0], height, width, ws[1]}))
		joined = append(joined, e.between(fmt.Sprintf("%s/out%d", n.Name, k), n.Out[0], tensor.Shape{out[0], out[2], out[3], ws[0] / op.Groups}))
	}
	e.emit(49, e.version(n.In[0]), []int{e.ints(tensor.Shape{}, 3), x}, cut, splitOptions, fbTable{op.Groups})
	for k := range op.Groups {
		g := e.group(n, k, op.Groups)
		e.emit(3, version, append([]int{cut[k]}, g.weight(&g.g.Nodes[0], []int{0, 2, 3, 1}, 0)...), joined[k:k+1], convOptions, options)
		e.tensors, e.buffers, e.size = g.tensors, g.buffers, g.size
	}
	e.emit(2, e.version(n.Out[0]), joined, y, concatOptions, fbTable{3, int8(0)})
}

// group is the exporter as it sees group k of a convolution's weights and bias.
func (e *exporter) group(n *graph.Node, k, groups int) *exporter {
	g := &graph.Graph{Values: []graph.Value{e.g.Values[n.In[0]]}, Nodes: []graph.Node{{Name: n.Name, Op: n.Op, In: []graph.ID{0}, Out: n.Out}}}
	for i, id := range n.In[1:] {
		v := e.g.Values[id]
		v.Name = fmt.Sprintf("%s#%d", v.Name, k)
		v.Type.Shape = v.Type.Shape.Clone()
		v.Type.Shape[0] /= groups
		v.Data = rows(v.Data, k, groups)
		v.Quant = v.Data.Quant
		g.Values = append(g.Values, v)
		g.Nodes[0].In = append(g.Nodes[0].In, graph.ID(i+1))
	}
	return &exporter{g: g, tensors: e.tensors, buffers: e.buffers, size: e.size}
}

// rows is part k of a tensor cut along dimension 0.
func rows(t *tensor.Tensor, k, parts int) *tensor.Tensor {
	s := t.Shape.Clone()
	s[0] /= parts
	n := s.Elements()
	out := &tensor.Tensor{DType: t.DType, Shape: s, Quant: t.Quant}
	switch v := t.Data.(type) {
	case []float32:
		out.Data = v[k*n:][:n]
	case []int8:
		out.Data = v[k*n:][:n]
	case []uint8:
		out.Data = v[k*n:][:n]
	case []int32:
		out.Data = v[k*n:][:n]
	}
	if q := t.Quant; q != nil && len(q.Scale) > 1 {
		out.Quant = &tensor.Quant{Axis: q.Axis, Scale: q.Scale[k*s[0]:][:s[0]], Zero: q.Zero[k*s[0]:][:s[0]]}
	}
	return out
}

// linear becomes a fully connected layer, or where every output has a scale of its own,
// which older runtimes do not take there, a convolution of one pixel.
func (e *exporter) linear(n *graph.Node, op graph.Linear, in tensor.Shape) {
	act, ok := fusedCode(op.Act)
	if !ok {
		e.no(n, op.Act.String())
	}
	w := e.g.Value(n.In[1])
	if w.Quant == nil || len(w.Quant.Scale) == 1 {
		version := 1
		if e.version(n.Out[0]) > 1 {
			version = 4
		}
		args := append([]int{e.value(n.In[0])}, e.weight(n, []int{0, 1}, 0)...)
		e.emit(9, version, args, []int{e.value(n.Out[0])}, fullyOptions, fbTable{act, int8(0), false})
		return
	}
	outs := w.Type.Shape[0]
	pixel := e.between(n.Name+"/pixel", n.In[0], tensor.Shape{in[0], 1, 1, in[1]})
	e.reshape(e.value(n.In[0]), pixel, in[0], 1, 1, in[1])
	args := append([]int{pixel}, e.weight(n, []int{0, 1}, 0)...)
	e.tensors[args[1]][tensorShape] = fbInts(outs, 1, 1, in[1])
	sums := e.between(n.Name+"/sums", n.Out[0], tensor.Shape{in[0], 1, 1, outs})
	e.emit(3, 3, args, []int{sums}, convOptions, fbTable{int8(1), 1, 1, act, 1, 1})
	e.reshape(sums, e.value(n.Out[0]), in[0], outs)
}

func (e *exporter) pool(n *graph.Node, code int, kernel, stride [2]int, p graph.Padding, largest bool) {
	in, out := e.g.Value(n.In[0]).Type.Shape, e.g.Value(n.Out[0]).Type.Shape
	kind, pads, explicit := fit(p, in, out, kernel, stride, [2]int{1, 1})
	x := e.value(n.In[0])
	if explicit {
		x = e.padded(n.Name, n.In[0], pads, largest)
	}
	e.emit(code, e.version(n.Out[0]), []int{x}, []int{e.value(n.Out[0])}, poolOptions, fbTable{kind, stride[1], stride[0], kernel[1], kernel[0], int8(0)})
}

// regroup gives elements another shape in the graph's order, which for images is put first.
func (e *exporter) regroup(n *graph.Node, in, out tensor.Shape) {
	x, y := e.value(n.In[0]), e.value(n.Out[0])
	back := order(4, true)
	if len(in) == 4 && !still(fileShape(in), back) && !in.Equal(out) {
		t := e.between(n.Name+"/nchw", n.In[0], in)
		e.emit(39, e.version(n.In[0]), []int{x, e.list(back...)}, []int{t}, transposeOptions, fbTable{})
		x = t
	}
	if len(out) == 4 && !still(fileShape(out), back) && !in.Equal(out) {
		t := e.between(n.Name+"/planes", n.Out[0], out)
		e.reshape(x, t, out...)
		e.emit(39, e.version(n.In[0]), []int{t, e.list(0, 2, 3, 1)}, []int{y}, transposeOptions, fbTable{})
		return
	}
	e.reshape(x, y, fileShape(out)...)
}
