package rewrite

import (
	"math"
	"reflect"
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// removeIdentity drops operators that pass their input on as it is.
func removeIdentity(e *edit, n int) bool {
	node := &e.Nodes[n]
	idle := false
	switch op := node.Op.(type) {
	case graph.Identity:
		idle = true
	case graph.Activate:
		idle = op.Act.Kind == graph.ActNone
	case graph.Concat:
		idle = len(node.In) == 1
	case graph.Split:
		idle = op.Parts == 1
	case graph.Shuffle:
		idle = op.Groups == 1 || op.Groups == e.Value(node.In[0]).Type.Shape[1]
	case graph.Pad:
		idle = op.Pad == graph.Padding{}
	case graph.Transpose:
		idle = slices.IsSorted(op.Perm.Slice())
	case graph.Slice, graph.Reshape, graph.Flatten, graph.Resize:
		idle = e.Value(node.In[0]).Type.Equal(e.Value(node.Out[0]).Type)
	}
	return idle && !e.reinterprets(node) && e.bypass(n, node.In[0])
}

// reinterprets reports whether a node that moves nothing gives its bytes another meaning.
func (e *edit) reinterprets(n *graph.Node) bool {
	a, b := e.Value(n.In[0]).Quant, e.Value(n.Out[0]).Quant
	return a != nil && b != nil && (!slices.Equal(a.Scale, b.Scale) || !slices.Equal(a.Zero, b.Zero))
}

// recogniseShuffle finds [N,C,H,W] → [N,g,C/g,H,W] → swap 1 and 2 → [N,C,H,W].
func recogniseShuffle(e *edit, n int) bool {
	last := &e.Nodes[n]
	if _, ok := last.Op.(graph.Reshape); !ok {
		return false
	}
	mid := e.by(last.In[0])
	if mid == nil || e.only(last.In[0]) != n {
		return false
	}
	swap, ok := mid.Op.(graph.Transpose)
	if !ok || !slices.Equal(swap.Perm.Slice(), []int{0, 2, 1, 3, 4}) || e.only(mid.In[0]) != e.prod[last.In[0]] {
		return false
	}
	first := e.by(mid.In[0])
	if first == nil {
		return false
	}
	if _, ok := first.Op.(graph.Reshape); !ok {
		return false
	}
	from, view, to := e.Value(first.In[0]).Type.Shape, e.Value(first.Out[0]).Type.Shape, e.Value(last.Out[0]).Type.Shape
	if len(from) != 4 || !from.Equal(to) || !view.Equal(tensor.Shape{from[0], view[1], from[1] / max(view[1], 1), from[2], from[3]}) {
		return false
	}
	last.Op = graph.Shuffle{Groups: view[1]}
	e.setIn(n, first.In[0])
	removeIdentity(e, n) // a shuffle of one group, or of groups of one
	return true          // the two others have no reader now and are swept
}

// foldPad moves a border of zeros into the convolution that reads it.
func foldPad(e *edit, n int) bool {
	node := &e.Nodes[n]
	pad, ok := node.Op.(graph.Pad)
	if !ok || pad.Value != 0 || !reflect.DeepEqual(e.Value(node.In[0]).Quant, e.Value(node.Out[0]).Quant) {
		return false
	}
	reader := e.only(node.Out[0])
	if reader < 0 {
		return false
	}
	conv, ok := e.Nodes[reader].Op.(graph.Conv)
	if !ok || conv.Pad.Same || e.Nodes[reader].In[0] != node.Out[0] {
		return false
	}
	conv.Pad.Top += pad.Pad.Top
	conv.Pad.Left += pad.Pad.Left
	conv.Pad.Bottom += pad.Pad.Bottom
	conv.Pad.Right += pad.Pad.Right
	if _, err := conv.Infer(e.types(e.Nodes[reader].In, node.In[0])); err != nil {
		return false // wider than a convolution's own padding may be
	}
	e.Nodes[reader].Op = conv
	in := slices.Clone(e.Nodes[reader].In)
	in[0] = node.In[0]
	e.setIn(reader, in...)
	e.kill(n)
	return true
}

// foldBatchNorm multiplies a batch norm into the convolution or linear layer before
// it: with f = weight/√(var+ε), w' = w·f and bias' = (b − mean)·f + bias, computed in
// float64 and rounded once.
func foldBatchNorm(e *edit, n int) bool {
	norm := &e.Nodes[n]
	bn, ok := norm.Op.(graph.BatchNorm)
	if !ok {
		return false
	}
	layer := e.by(norm.In[0])
	if layer == nil || e.only(norm.In[0]) != n {
		return false
	}
	var hasBias bool
	switch op := layer.Op.(type) {
	case graph.Conv:
		if op.Residual || op.Act != (graph.Act{}) {
			return false
		}
		hasBias = op.Bias
	case graph.Linear:
		if op.Act != (graph.Act{}) {
			return false
		}
		hasBias = op.Bias
	default:
		return false
	}
	if !e.fixed(layer.In[1]) || hasBias && !e.fixed(layer.In[2]) || slices.ContainsFunc(norm.In[1:], e.varies) {
		return false
	}
	oldBias := graph.None
	if hasBias {
		oldBias = layer.In[2]
	}
	w, b := e.normalized(layer.In[1], oldBias, norm.In[1:5], bn.Eps)
	wt := e.Value(layer.In[1]).Type
	switch op := layer.Op.(type) {
	case graph.Conv:
		op.Bias = true
		layer.Op = op
	case graph.Linear:
		op.Bias = true
		layer.Op = op
	}
	at := e.prod[norm.In[0]]
	e.setIn(at, layer.In[0],
		e.derived(layer.Name+".weight.folded", wt, w),
		e.derived(layer.Name+".bias.folded", graph.F32(wt.Shape[0]), b))
	e.absorb(at, n)
	return true
}

// normalized computes the folded weight and bias, or nil and nil where something is
// not bound.
func (e *edit) normalized(weight, bias graph.ID, norm []graph.ID, eps float64) (w, b *tensor.Tensor) {
	old := e.constant(weight)
	if old == nil || bias != graph.None && e.constant(bias) == nil {
		return nil, nil
	}
	var stats [4][]float32
	for i, id := range norm {
		t := e.constant(id)
		if t == nil {
			return nil, nil
		}
		stats[i] = t.Floats()
	}
	w, b = tensor.New(tensor.Float32, old.Shape), tensor.New(tensor.Float32, tensor.Shape{old.Shape[0]})
	src, dst, db := old.Floats(), w.Float32(), b.Float32()
	rows := old.Shape[0]
	row := len(src) / max(rows, 1)
	for o := range rows {
		f := float64(stats[0][o]) / math.Sqrt(float64(stats[3][o])+eps)
		for i := o * row; i < (o+1)*row; i++ {
			dst[i] = float32(float64(src[i]) * f)
		}
		shift := -float64(stats[2][o])
		if bias != graph.None {
			shift += float64(e.constant(bias).Floats()[o])
		}
		db[o] = float32(shift*f + float64(stats[1][o]))
	}
	return w, b
}
