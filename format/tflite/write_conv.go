package tflite

import (
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

func (e *exporter) conv(n *graph.Node, op graph.Conv, in, out tensor.Shape) {
	if op.Residual {
		e.no(n, "with a residual")
		return
	}
	if !e.known(n) {
		return
	}
	ws := e.shape(n.In[1])
	kind, pads, explicit := fit(op.Pad, in, out, [2]int{ws[2], ws[3]}, op.Stride, op.Dilation)
	x := e.value(n.In[0], last)
	if explicit {
		x = e.padded(n.Name, n.In[0], pads, 0)
	}
	act, result, finish := e.ending(n, op.Act, last)
	defer finish()
	y := []int{result}
	version := 1
	if e.version(n.Out[0]) > 1 {
		version = 3
	}
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
	sub := newExporter(g)
	sub.tensors, sub.buffers, sub.size = e.tensors, e.buffers, e.size
	return sub
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
	if !e.known(n) {
		return
	}
	w := e.g.Value(n.In[1])
	x := e.value(n.In[0], plain)
	act, y, finish := e.ending(n, op.Act, plain)
	defer finish()
	if w.Quant == nil || len(w.Quant.Scale) == 1 {
		version := 1
		if e.version(n.Out[0]) > 1 {
			version = 4
		}
		args := append([]int{x}, e.weight(n, []int{0, 1}, 0)...)
		e.emit(9, version, args, []int{y}, fullyOptions, fbTable{act, int8(0), false})
		return
	}
	outs := w.Type.Shape[0]
	pixel := e.between(n.Name+"/pixel", n.In[0], tensor.Shape{in[0], 1, 1, in[1]})
	e.reshape(x, pixel, in[0], 1, 1, in[1])
	args := append([]int{pixel}, e.weight(n, []int{0, 1}, 0)...)
	e.tensors[args[1]][tensorShape] = fbInts(outs, 1, 1, in[1])
	sums := e.between(n.Name+"/sums", n.Out[0], tensor.Shape{in[0], 1, 1, outs})
	e.emit(3, 3, args, []int{sums}, convOptions, fbTable{int8(1), 1, 1, act, 1, 1})
	e.reshape(sums, y, in[0], outs)
}

// known reports whether a layer's weights and bias are, and notes it where they are not.
func (e *exporter) known(n *graph.Node) bool {
	for _, id := range n.In[1:] {
		if !e.constant(id) {
			e.no(n, "weights that are computed")
			return false
		}
	}
	return true
}
