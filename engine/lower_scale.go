package engine

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// Squeeze-and-excite without a pass over the map: a product of an image with one value for
// every channel, which only a pointwise convolution reads, scales that convolution's weights
// in place of the image where there are fewer of them.

// scaleGain is how many times fewer weights than pixels there must be: weights are read from
// further away, and written once more than pixels are.
const scaleGain = 4

// deferScale leaves a product of an image and a vector to the convolution that reads it, and
// reports whether it did.
func (l *lowering) deferScale(op graph.Binary) (bool, error) {
	n := l.node
	id := n.Out[0]
	out := l.shape(id)
	if op.Fn != graph.Mul || op.Act.Kind != graph.ActNone || len(out) != 4 || out[0] != 1 || len(l.uses[id]) != 1 || l.isOutput(id) {
		return false, nil
	}
	x, s := n.In[0], n.In[1]
	if l.shape(x).Elements() != out.Elements() {
		x, s = s, x
	}
	if !l.shape(x).Equal(out) || !l.shape(s).Equal(tensor.Shape{1, out[1], 1, 1}) || x == s {
		return false, nil
	}
	reader := &l.g.Nodes[l.uses[id][0]]
	conv, ok := reader.Op.(graph.Conv)
	if !ok || reader.In[0] != id || conv.Groups != 1 || !l.bound(reader.In[1]) || !l.pointwise(conv, reader) || scaleGain*l.shape(reader.In[1])[0] > out[2]*out[3] {
		return false, nil
	}
	vx, err := l.image(x)
	if err != nil {
		return false, err
	}
	vs, err := l.image(s)
	if err != nil {
		return false, err
	}
	l.alias(id, vx)
	l.scales[id] = scale{vs.ref, n.Name}
	return true, nil
}

// scale is what the channels of a value are still to be multiplied by, and the node that
// says so.
type scale struct {
	ref
	node string
}

// scaleWeights emits the step that scales the packed weights of a product, row by row of
// every panel, and makes the product read the result.
func (l *lowering) scaleWeights(w *gemmWork, s scale, cols int) {
	v := kernel.Pick(kernel.BinaryF32, l.kernels)
	size := kernel.PackedSize(w.k, w.n, cols)
	p := &scaleWork{fn: v.Fn, x: w.w[0], s: s.ref, k: w.k, cols: cols, panels: size / (w.k * cols)}
	p.y = l.buffer(tensor.Shape{size}).ref
	w.w[0] = p.y
	st := step{Step: Step{Node: s.node, Op: "scale", Kernel: "binary/" + v.Name, Bytes: 4 * (2*int64(size) + int64(w.k)), Out: tensor.Shape{w.n, w.k, 1, 1}}, work: p}
	chunked(&st, p.panels, l.pieces(int64(size), v.Rate))
	l.emit(st, p.y, p.x, p.s)
}

// scaleWork multiplies every row of packed weights by one value. Units are panels.
type scaleWork struct {
	fn      func(*kernel.BinaryArgs)
	x, s, y ref
	k, cols int
	panels  int
}

func (w *scaleWork) run(c *ctx, u0, u1 int) {
	x, s, y := c.slice(w.x), c.slice(w.s), c.slice(w.y)
	for u := u0; u < u1; u++ {
		at := u * w.k * w.cols
		c.binary = kernel.BinaryArgs{
			A: x[at:], B: s, Y: y[at:], M: w.k, N: w.cols, LDA: w.cols, LDB: 1, LDY: w.cols, SA: 1, Fn: kernel.Mul,
		}
		w.fn(&c.binary)
	}
}
