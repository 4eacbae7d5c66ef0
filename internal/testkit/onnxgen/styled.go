package onnxgen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// Styled writes a float network as one of many exporters would: any opset from 7 to 25,
// auto_pad or numbers, bounds and axes as attributes or inputs as the opset has it, shapes
// that are computed, weights as initializers, as inputs too, in Constant nodes or in a file
// beside, activations spelled out, functions of the model's own, branches whose condition
// is known, sequences, nodes without names and out of order, an open batch. Side are the
// files beside it. It reports false for a network that the drawn opset has no form for.
func Styled(rng *rand.Rand, g *graph.Graph) (data []byte, side map[string][]byte, ok bool) {
	opsets := []int{7, 8, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25}
	w := &styled{rng: rng, g: g, opset: opsets[rng.IntN(len(opsets))], names: map[graph.ID]string{}, given: map[graph.ID]string{},
		plain: rng.IntN(3) == 0, empty: rng.IntN(2) == 0, beside: rng.IntN(3) == 0, listed: rng.IntN(3) == 0, noisy: rng.IntN(3) == 0}
	w.open = rng.IntN(2) == 0
	for _, id := range g.Inputs {
		v := g.Value(id)
		w.names[id] = v.Name
		w.open = w.open && len(v.Type.Shape) > 0 && v.Type.Shape[0] == 1
	}
	for i := range g.Nodes {
		w.node(&g.Nodes[i])
		if w.failed {
			return nil, nil, false
		}
	}
	var ins, outs [][]byte
	for _, id := range g.Inputs {
		ins = append(ins, w.port(w.names[id], g.Value(id).Type.Shape))
	}
	ins = append(ins, w.alsoInputs...)
	for i, id := range g.Outputs {
		name := w.names[id]
		if slices.Contains(g.Outputs[:i], id) || g.Value(id).Kind != graph.Activation { // a name may be an output once
			return nil, nil, false
		}
		outs = append(outs, message(text(1, name), field(2, field(1, number(1, float32Type)))))
	}
	if w.rng.IntN(4) == 0 { // a reader sorts them
		w.rng.Shuffle(len(w.nodes), func(i, j int) { w.nodes[i], w.nodes[j] = w.nodes[j], w.nodes[i] })
		w.shuffled = true
	}
	var b []byte
	for _, n := range w.nodes {
		b = append(b, field(1, n)...)
	}
	b = append(b, text(2, "styled")...)
	for _, t := range w.inits {
		b = append(b, field(5, t)...)
	}
	for _, v := range ins {
		b = append(b, field(11, v)...)
	}
	for _, v := range outs {
		b = append(b, field(12, v)...)
	}
	data = message(number(1, int64(map[bool]int{true: 3, false: 8}[w.listed && w.opset < 9])), text(2, "onnxgen"), field(7, b), field(8, number(2, int64(w.opset))))
	if w.functions != nil {
		data = append(data, message(field(8, message(text(1, "own"), number(2, 1))), w.functions)...)
	}
	if len(w.outside) > 0 {
		side = map[string][]byte{"weights.bin": w.outside}
	}
	return data, side, true
}

type styled struct {
	rng    *rand.Rand
	g      *graph.Graph
	opset  int
	names  map[graph.ID]string // in the file
	given  map[graph.ID]string // of weights, as they are in the file already
	nodes  [][]byte
	inits  [][]byte
	failed bool
	count  int

	plain, empty, beside, listed, noisy, open, shuffled bool

	alsoInputs [][]byte
	functions  []byte
	outside    []byte
	relu6      bool
}

func (w *styled) yes() bool { return !w.plain && w.rng.IntN(2) == 0 }

func (w *styled) fresh(what string) string {
	w.count++
	return fmt.Sprintf("%s_%d", what, w.count)
}

func (w *styled) port(name string, s tensor.Shape) []byte {
	var shape []byte
	for i, d := range s {
		if i == 0 && w.open {
			shape = append(shape, field(1, text(2, "batch"))...)
		} else {
			shape = append(shape, field(1, number(1, int64(d)))...)
		}
	}
	return message(text(1, name), field(2, field(1, message(number(1, float32Type), field(2, shape)))))
}

// raw is a node as it stands in the file.
func (w *styled) raw(op string, out, in []string, attrs ...[]byte) []byte {
	var b []byte
	for _, s := range in {
		b = append(b, text(1, s)...)
	}
	for _, s := range out {
		b = append(b, text(2, s)...)
	}
	if !w.empty {
		b = append(b, text(3, w.fresh(op))...)
	}
	b = append(b, text(4, op)...)
	for _, a := range attrs {
		b = append(b, field(5, a)...)
	}
	return b
}

// to emits a node that writes out, or a new name where that is "".
func (w *styled) to(out, op string, in []string, attrs ...[]byte) string {
	if out == "" {
		out = w.fresh("t")
	}
	w.nodes = append(w.nodes, w.raw(op, []string{out}, in, attrs...))
	return out
}

func (w *styled) floats(dims []int, v ...float32) string {
	return w.tensor(w.fresh("f"), float32Type, dims, floatBytes(v...))
}

func (w *styled) list(v ...int) string {
	return w.tensor(w.fresh("i"), int64Type, []int{len(v)}, int64Bytes(v))
}

func (w *styled) single(v int) string {
	return w.tensor(w.fresh("i"), int64Type, nil, int64Bytes([]int{v}))
}

// tensor holds numbers as an initializer or in a Constant node.
func (w *styled) tensor(name string, kind int, dims []int, data []byte) string {
	if w.yes() {
		t := message(field(1, packed(dims)), number(2, int64(kind)), field(9, data))
		w.nodes = append(w.nodes, w.raw("Constant", []string{name}, nil, message(text(1, "value"), field(5, t), number(20, 4))))
		return name
	}
	w.inits = append(w.inits, initializer(name, kind, dims, data))
	return name
}

// in is the name of a node's input, which weights get on their first use.
func (w *styled) in(id graph.ID) string {
	if name, ok := w.names[id]; ok {
		return name
	}
	v := w.g.Value(id)
	data := v.Data.Float32()
	dims := []int(v.Type.Shape)
	name := w.fresh("w")
	w.names[id] = name
	same := len(data) > 0 && !slices.ContainsFunc(data, func(x float32) bool { return x != data[0] })
	switch {
	case same && w.opset >= 9 && w.yes():
		t := message(field(1, packed([]int{1})), number(2, float32Type), field(9, floatBytes(data[0])))
		w.to(name, "ConstantOfShape", []string{w.list(dims...)}, message(text(1, "value"), field(5, t), number(20, 4)))
	case w.beside && len(data) > 4:
		at := len(w.outside)
		w.outside = append(w.outside, floatBytes(data...)...)
		t := message(field(1, packed(dims)), number(2, float32Type), text(8, name), number(14, 1))
		for _, e := range [][2]string{{"location", "weights.bin"}, {"offset", fmt.Sprint(at)}, {"length", fmt.Sprint(4 * len(data))}} {
			t = append(t, field(13, message(text(1, e[0]), text(2, e[1])))...)
		}
		w.inits = append(w.inits, t)
	case w.yes() && len(dims) > 1: // written the other way round, and turned by the file
		perm := make([]int, len(dims))
		back := make([]int, len(dims))
		for i := range perm {
			perm[i], back[i] = len(dims)-1-i, dims[len(dims)-1-i]
		}
		turned := v.Data.Transposed(perm)
		w.to(name, "Transpose", []string{w.floats(back, turned.Float32()...)}, attr("perm", perm))
	case w.rng.IntN(6) == 0 && !w.plain: // typed data
		t := message(field(1, packed(dims)), number(2, float32Type), field(4, floatBytes(data...)), text(8, name))
		w.inits = append(w.inits, t)
	case w.rng.IntN(6) == 0 && !w.plain: // double, cast
		var raw []byte
		for _, x := range data {
			raw = protowire.AppendFixed64(raw, bits(x))
		}
		w.to(name, "Cast", []string{w.tensor(w.fresh("d"), 11, dims, raw)}, attr("to", 1))
	default:
		w.inits = append(w.inits, initializer(name, float32Type, dims, floatBytes(data...)))
		if w.listed {
			w.alsoInputs = append(w.alsoInputs, port(name, float32Type, dims))
		}
	}
	return name
}

// shapeOf computes a list of dimensions from x, of which the first is its batch.
func (w *styled) shapeOf(x string, rest []int) string {
	if w.opset < 9 || !w.yes() {
		return w.list(append([]int{0}, rest...)...)
	}
	n := w.to("", "Gather", []string{w.to("", "Shape", []string{x}), w.single(0)}, attr("axis", 0))
	one := w.unsqueezed(n, 0)
	return w.to("", "Concat", []string{one, w.list(rest...)}, attr("axis", 0))
}

func (w *styled) unsqueezed(x string, axes ...int) string {
	if w.opset < 13 {
		return w.to("", "Unsqueeze", []string{x}, attr("axes", axes))
	}
	return w.to("", "Unsqueeze", []string{x, w.list(axes...)})
}

// node writes one operator; its outputs get the names of the graph's values.
func (w *styled) node(n *graph.Node) {
	var in []string
	for _, id := range n.In {
		in = append(in, w.in(id))
	}
	outs := make([]string, len(n.Out))
	for i, id := range n.Out {
		outs[i] = w.g.Value(id).Name
		w.names[id] = outs[i]
	}
	out := outs[0]
	if w.noisy && len(n.In) > 0 && w.rng.IntN(4) == 0 && w.g.Value(n.In[0]).Kind == graph.Activation {
		in[0] = w.noise(in[0])
	}
	x := w.g.Value(n.In[0]).Type.Shape
	switch op := n.Op.(type) {
	case graph.Conv:
		args, residual := in, ""
		if op.Residual {
			residual, args = in[len(in)-1], in[:len(in)-1]
		}
		k := w.g.Value(n.In[1]).Type.Shape
		attrs := [][]byte{attr("group", op.Groups), attr("strides", op.Stride[:]), attr("dilations", op.Dilation[:])}
		if w.yes() {
			attrs = append(attrs, attr("kernel_shape", []int{k[2], k[3]}))
		}
		attrs = append(attrs, w.pads(x, op.Pad, [2]int{k[2], k[3]}, op.Stride, op.Dilation)...)
		last := out
		if op.Residual || op.Act.Kind != graph.ActNone {
			last = ""
		}
		y := w.to(last, "Conv", args, attrs...)
		if op.Residual {
			last = out
			if op.Act.Kind != graph.ActNone {
				last = ""
			}
			y = w.to(last, "Add", []string{y, residual})
		}
		w.act(op.Act, y, out)
	case graph.Linear:
		w.linear(n, op, in, out)
	case graph.BatchNorm:
		w.to(out, "BatchNormalization", in, attr("epsilon", float32(op.Eps)))
	case graph.Activate:
		if op.Act.Kind == graph.ActNone {
			w.to(out, "Identity", in)
			return
		}
		w.act(op.Act, in[0], out)
	case graph.Binary:
		last := out
		if op.Act.Kind != graph.ActNone {
			last = ""
		}
		kind := [...]string{"Add", "Sub", "Mul", "Div"}[op.Fn]
		if op.Fn == graph.Add && w.rng.IntN(4) == 0 && w.opset >= 8 {
			kind = "Sum"
		}
		w.act(op.Act, w.to(last, kind, in), out)
	case graph.MaxPool:
		w.window("MaxPool", op.Kernel, op.Stride, op.Pad, op.Ceil, x, in, out)
	case graph.AvgPool:
		w.window("AveragePool", op.Kernel, op.Stride, op.Pad, op.Ceil, x, in, out, attr("count_include_pad", one(op.CountPad)))
	case graph.GlobalAvgPool:
		switch {
		case w.yes() && w.opset >= 18:
			w.to(out, "ReduceMean", []string{in[0], w.list(2, 3)}, attr("keepdims", 1))
		case w.opset >= 11 && w.opset < 18 && w.yes():
			w.to(out, "ReduceMean", in, attr("axes", []int{-1, -2}), attr("keepdims", 1))
		case w.yes():
			w.to(out, "AveragePool", in, attr("kernel_shape", []int{x[2], x[3]}))
		default:
			w.to(out, "GlobalAveragePool", in)
		}
	case graph.Softmax:
		w.softmax(op, x, in[0], out)
	case graph.Concat:
		if w.opset >= 11 && w.yes() && len(in) > 1 && !w.open {
			s := w.to("", "SequenceConstruct", in)
			w.to(out, "ConcatFromSequence", []string{s}, attr("axis", op.Axis))
			return
		}
		w.to(out, "Concat", in, attr("axis", op.Axis))
	case graph.Split:
		w.split(op, x, in[0], outs)
	case graph.Slice:
		w.slice(op, x, in[0], out)
	case graph.Shuffle:
		a := w.to("", "Reshape", []string{in[0], w.shapeOf(in[0], []int{op.Groups, x[1] / op.Groups, x[2], x[3]})})
		b := w.to("", "Transpose", []string{a}, attr("perm", []int{0, 2, 1, 3, 4}))
		w.to(out, "Reshape", []string{b, w.shapeOf(in[0], []int{-1, x[2], x[3]})})
	case graph.Pad:
		w.pad(op, in[0], out)
	case graph.Resize:
		w.resize(op, x, in[0], out)
	case graph.Reshape:
		w.to(out, "Reshape", []string{in[0], w.list(op.To.Slice()...)})
	case graph.Flatten:
		if op.Axis == 1 {
			if w.yes() {
				w.to(out, "Reshape", []string{in[0], w.shapeOf(in[0], []int{-1})})
				return
			}
			w.to(out, "Flatten", in, attr("axis", 1))
			return
		}
		w.to(out, "Reshape", []string{in[0], w.list(append(make([]int, op.Axis), -1)...)})
	case graph.Transpose:
		w.to(out, "Transpose", in, attr("perm", op.Perm.Slice()))
	case graph.Identity:
		w.to(out, "Identity", in)
	default:
		w.failed = true
	}
}

// noise is a value under another name: what exporters leave behind.
func (w *styled) noise(x string) string {
	switch k := w.rng.IntN(5); {
	case k == 0 && w.opset >= 12:
		return w.to("", "Dropout", []string{x})
	case k == 1 && w.opset >= 15:
		return w.to("", "CastLike", []string{x, w.floats(nil, 1)})
	case k == 2 && w.opset >= 11: // a branch whose condition is known
		cond := w.tensor(w.fresh("c"), 9, nil, []byte{1})
		a, b := w.fresh("then"), w.fresh("else")
		branch := func(name, op, out string) []byte {
			g := message(field(1, w.raw(op, []string{out}, []string{x})), text(2, name), field(12, message(text(1, out), field(2, field(1, number(1, float32Type))))))
			return message(text(1, name), field(6, g), number(20, 5))
		}
		return w.to("", "If", []string{cond}, branch("then_branch", "Identity", a), branch("else_branch", "Neg", b))
	case k == 3:
		return w.to("", "Cast", []string{x}, attr("to", 1))
	}
	return w.to("", "Identity", []string{x})
}

// pads are the attributes of a window's padding.
func (w *styled) pads(x tensor.Shape, p graph.Padding, kernel, stride, dilation [2]int) [][]byte {
	r := p.Resolve(x[2], x[3], kernel, stride, dilation)
	if w.yes() {
		// ONNX Runtime pads by less than nothing where a window's stride is far above it, and
		// has no SAME of a dilated window
		far := dilation != [2]int{1, 1} || stride[0] > (kernel[0]-1)*dilation[0]+1 || stride[1] > (kernel[1]-1)*dilation[1]+1
		same := graph.SamePadding.Resolve(x[2], x[3], kernel, stride, dilation)
		switch {
		case r == same && !far:
			return [][]byte{attr("auto_pad", "SAME_UPPER")}
		case r == (graph.Padding{Top: same.Bottom, Left: same.Right, Bottom: same.Top, Right: same.Left}) && !far:
			return [][]byte{attr("auto_pad", "SAME_LOWER")}
		case r == (graph.Padding{}):
			return [][]byte{attr("auto_pad", "VALID")}
		}
	}
	if r == (graph.Padding{}) && w.yes() {
		return nil
	}
	return [][]byte{attr("pads", []int{r.Top, r.Left, r.Bottom, r.Right})}
}

func (w *styled) window(kind string, kernel, stride [2]int, p graph.Padding, ceil bool, x tensor.Shape, in []string, out string, more ...[]byte) {
	attrs := append(more, attr("kernel_shape", kernel[:]), attr("strides", stride[:]))
	if ceil {
		if w.opset < 10 {
			w.failed = true
			return
		}
		r := p.Resolve(x[2], x[3], kernel, stride, [2]int{1, 1})
		attrs = append(attrs, attr("ceil_mode", 1), attr("pads", []int{r.Top, r.Left, r.Bottom, r.Right}))
	} else {
		attrs = append(attrs, w.pads(x, p, kernel, stride, [2]int{1, 1})...)
	}
	w.to(out, kind, in, attrs...)
}

// act writes an activation, by the operator or spelled out; nothing where from is out.
func (w *styled) act(a graph.Act, from, out string) {
	c := func(v float32) string { return w.floats(nil, v) }
	switch a.Kind {
	case graph.ActReLU:
		if w.yes() && w.opset >= 8 {
			w.to(out, "Max", []string{from, c(0)})
			return
		}
		w.to(out, "Relu", []string{from})
	case graph.ActClip:
		switch {
		case a == graph.ReLU6 && w.opset >= 13 && w.yes():
			w.call(from, out)
		case w.opset >= 8 && w.yes():
			w.to(out, "Min", []string{w.to("", "Max", []string{from, c(a.Lo)}), c(a.Hi)})
		default:
			w.clip(a.Lo, a.Hi, from, out)
		}
	case graph.ActSigmoid:
		w.to(out, "Sigmoid", []string{from})
	case graph.ActSiLU:
		w.to(out, "Mul", []string{from, w.to("", "Sigmoid", []string{from})})
	case graph.ActHardSigmoid, graph.ActHardSwish:
		last := out
		if a.Kind == graph.ActHardSwish {
			if w.opset >= 14 && w.yes() {
				w.to(out, "HardSwish", []string{from})
				return
			}
			last = ""
		}
		y := ""
		if w.yes() {
			y = w.to(last, "HardSigmoid", []string{from}, attr("alpha", float32(1.0/6)), attr("beta", float32(0.5)))
		} else {
			s := w.to("", "Add", []string{from, c(3)})
			t := w.fresh("t")
			w.clip(0, 6, s, t)
			y = w.to(last, "Div", []string{t, c(6)})
		}
		if a.Kind == graph.ActHardSwish {
			w.to(out, "Mul", []string{from, y})
		}
	}
}

func (w *styled) clip(lo, hi float32, from, out string) {
	if w.opset < 11 {
		w.to(out, "Clip", []string{from}, attr("min", lo), attr("max", hi))
		return
	}
	w.to(out, "Clip", []string{from, w.floats(nil, lo), w.floats(nil, hi)})
}

// call writes ReLU6 as a function of the model's own.
func (w *styled) call(from, out string) {
	if !w.relu6 {
		w.relu6 = true
		body := [][]byte{w.raw("Constant", []string{"lo"}, nil, attr("value_float", float32(0))), w.raw("Constant", []string{"hi"}, nil, attr("value_float", float32(6))), w.raw("Clip", []string{"Y"}, []string{"X", "lo", "hi"})}
		f := message(text(1, "Relu6"), text(4, "X"), text(5, "Y"), field(9, number(2, int64(w.opset))), text(10, "own"))
		for _, n := range body {
			f = append(f, field(7, n)...)
		}
		w.functions = append(w.functions, field(25, f)...)
	}
	w.nodes = append(w.nodes, append(w.raw("Relu6", []string{out}, []string{from}), text(7, "own")...))
}

func (w *styled) linear(n *graph.Node, op graph.Linear, in []string, out string) {
	s := w.g.Value(n.In[1])
	last := out
	if op.Act.Kind != graph.ActNone {
		last = ""
	}
	if len(w.g.Value(n.In[0]).Type.Shape) != 2 {
		w.failed = true
		return
	}
	y := ""
	if turned := s.Data != nil && w.yes(); turned {
		t := s.Data.Transposed([]int{1, 0})
		wt := w.floats([]int(t.Shape), t.Float32()...)
		switch {
		case op.Bias && w.yes():
			y = w.to(last, "Add", []string{w.to("", "MatMul", []string{in[0], wt}), in[2]})
		case op.Bias:
			y = w.to(last, "Gemm", []string{in[0], wt, in[2]})
		default:
			y = w.to(last, "MatMul", []string{in[0], wt})
		}
	} else if !op.Bias && w.opset < 11 { // its addend was no choice
		y = w.to(last, "Gemm", []string{in[0], in[1], w.floats([]int{1}, 0)}, attr("transB", 1))
	} else {
		y = w.to(last, "Gemm", in, attr("transB", 1))
	}
	w.act(op.Act, y, out)
}

func (w *styled) softmax(op graph.Softmax, x tensor.Shape, in, out string) {
	last := len(x) - 1
	if w.opset >= 13 || op.Axis == last {
		axis := op.Axis
		if w.opset >= 13 && w.yes() {
			axis -= len(x)
		}
		w.to(out, "Softmax", []string{in}, attr("axis", axis))
		return
	}
	perm := make([]int, len(x))
	for i := range perm {
		perm[i] = i
	}
	perm[op.Axis], perm[last] = last, op.Axis
	t := w.to("", "Transpose", []string{in}, attr("perm", perm))
	w.to(out, "Transpose", []string{w.to("", "Softmax", []string{t}, attr("axis", last))}, attr("perm", perm))
}

func (w *styled) split(op graph.Split, x tensor.Shape, in string, outs []string) {
	size := slices.Repeat([]int{x[op.Axis] / op.Parts}, op.Parts)
	switch {
	case w.opset >= 11 && w.yes():
		s := w.to("", "SplitToSequence", []string{in, w.single(size[0])}, attr("axis", op.Axis))
		for i, o := range outs {
			w.to(o, "SequenceAt", []string{s, w.single(i)})
		}
	case w.opset < 13:
		w.nodes = append(w.nodes, w.raw("Split", outs, []string{in}, attr("axis", op.Axis), attr("split", size)))
	case w.opset >= 18 && w.yes():
		w.nodes = append(w.nodes, w.raw("Split", outs, []string{in}, attr("axis", op.Axis), attr("num_outputs", op.Parts)))
	default:
		w.nodes = append(w.nodes, w.raw("Split", outs, []string{in, w.list(size...)}, attr("axis", op.Axis)))
	}
}

func (w *styled) slice(op graph.Slice, x tensor.Shape, in, out string) {
	d := x[op.Axis]
	start, end := op.Start, op.End
	if w.yes() && start > 0 {
		start -= d
	}
	if end == d && w.yes() {
		end = 1<<31 - 1
	}
	if w.opset < 10 {
		if op.Step != 1 {
			w.failed = true
			return
		}
		w.to(out, "Slice", []string{in}, attr("starts", []int{start}), attr("ends", []int{end}), attr("axes", []int{op.Axis}))
		return
	}
	var at []int
	for i := op.Start; i < op.End; i += op.Step {
		at = append(at, i)
	}
	switch {
	case w.yes() && w.opset >= 11 && len(at) < 40:
		w.to(out, "Gather", []string{in, w.list(at...)}, attr("axis", op.Axis))
	case w.yes(): // backwards twice
		last := at[len(at)-1] - d
		t := w.to("", "Slice", []string{in, w.list(last), w.list(op.Start - d - 1), w.list(op.Axis), w.list(-op.Step)})
		w.to(out, "Slice", []string{t, w.list(-1), w.list(-1 << 40), w.list(op.Axis), w.list(-1)})
	default:
		w.to(out, "Slice", []string{in, w.list(start), w.list(end), w.list(op.Axis), w.list(op.Step)})
	}
}

func (w *styled) pad(op graph.Pad, in, out string) {
	p := op.Pad
	all := []int{0, 0, p.Top, p.Left, 0, 0, p.Bottom, p.Right}
	switch {
	case w.opset < 11:
		w.to(out, "Pad", []string{in}, attr("mode", "constant"), attr("pads", all), attr("value", op.Value))
	case w.yes(): // as PyTorch's TorchScript exporter computes it: from the last dimension on
		zero := message(field(1, packed([]int{1})), number(2, int64Type), field(9, int64Bytes([]int{0})))
		zeros := w.to("", "ConstantOfShape", []string{w.list(4)}, message(text(1, "value"), field(5, zero), number(20, 4)))
		pairs := w.to("", "Reshape", []string{w.to("", "Concat", []string{w.list(p.Left, p.Right, p.Top, p.Bottom), zeros}, attr("axis", 0)), w.list(-1, 2)})
		back := w.to("", "Slice", []string{pairs, w.list(-1), w.list(-1 << 62), w.list(0), w.list(-1)})
		flat := w.to("", "Reshape", []string{w.to("", "Transpose", []string{back}, attr("perm", []int{1, 0})), w.list(-1)})
		w.to(out, "Pad", []string{in, w.to("", "Cast", []string{flat}, attr("to", 7)), w.floats(nil, op.Value)})
	case w.opset >= 18 && w.yes():
		w.to(out, "Pad", []string{in, w.list(p.Top, p.Left, p.Bottom, p.Right), w.floats(nil, op.Value), w.list(2, -1)})
	default:
		w.to(out, "Pad", []string{in, w.list(all...), w.floats(nil, op.Value)})
	}
}

func (w *styled) resize(op graph.Resize, x tensor.Shape, in, out string) {
	at, near := op.At, op.Near
	if op.Plain() {
		at, near = graph.AtAsymmetric, graph.NearFloor
	}
	whole := op.H%x[2] == 0 && op.W%x[3] == 0
	scales := []float32{1, 1, float32(op.H) / float32(x[2]), float32(op.W) / float32(x[3])}
	rows, cols := op.Pick(x[2], x[3])
	a, b := graph.Resize{H: op.H, W: op.W, At: at, Near: near, Scale: op.Scale}.Pick(x[2], x[3])
	if !slices.Equal(rows, a) || !slices.Equal(cols, b) {
		w.failed = true
		return
	}
	switch {
	case w.opset < 11 && !whole:
		w.failed = true
	case w.opset < 9:
		w.to(out, "Upsample", []string{in}, attr("scales", scales), attr("mode", "nearest"))
	case w.opset == 9:
		w.to(out, "Upsample", []string{in, w.floats([]int{4}, scales...)}, attr("mode", "nearest"))
	case w.opset == 10:
		w.to(out, "Resize", []string{in, w.floats([]int{4}, scales...)}, attr("mode", "nearest"))
	default:
		attrs := [][]byte{attr("coordinate_transformation_mode", at.String()), attr("nearest_mode", near.String()), attr("mode", "nearest")}
		roi := ""
		if w.opset < 13 {
			roi = w.floats([]int{0})
		}
		if op.Scale != [2]float32{} {
			scales[2], scales[3] = op.Scale[0], op.Scale[1]
			w.to(out, "Resize", []string{in, roi, w.floats([]int{4}, scales...)}, attrs...)
			return
		}
		if whole && w.yes() {
			w.to(out, "Resize", []string{in, roi, w.floats([]int{4}, scales...)}, attrs...)
			return
		}
		none := ""
		if w.opset < 13 {
			none = w.floats([]int{0})
		}
		sizes := w.list(x[0], x[1], op.H, op.W)
		if w.open || w.yes() {
			s := w.to("", "Slice", []string{w.to("", "Shape", []string{in}), w.list(0), w.list(2), w.list(0)})
			sizes = w.to("", "Concat", []string{s, w.list(op.H, op.W)}, attr("axis", 0))
		}
		w.to(out, "Resize", []string{in, roi, none, sizes}, attrs...)
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// bits are a number's as a double.
func bits(x float32) uint64 { return math.Float64bits(float64(x)) }
