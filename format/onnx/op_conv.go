package onnx

import (
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// padding reads pads and auto_pad of a sliding window over x [N,C,H,W].
func (n *node) padding(x tensor.Shape, kernel, stride, dilation [2]int) (graph.Padding, error) {
	switch mode := n.str("auto_pad", "NOTSET"); mode {
	case "NOTSET", "":
	case "VALID":
		return graph.Padding{}, nil
	case "SAME_UPPER":
		return graph.SamePadding, nil
	case "SAME_LOWER":
		// the odd row or column at the top or left; the numbers hold at this size only
		p := graph.SamePadding.Resolve(x[2], x[3], kernel, stride, dilation)
		n.im.warn("%s: auto_pad SAME_LOWER is kept as the padding of %d×%d", n.where(), x[2], x[3])
		return graph.Padding{Top: p.Bottom, Left: p.Right, Bottom: p.Top, Right: p.Left}, nil
	default:
		return graph.Padding{}, n.refuse("attribute auto_pad: %q: want NOTSET, VALID, SAME_UPPER or SAME_LOWER", mode)
	}
	v := n.ints("pads")
	if v == nil {
		return graph.Padding{}, nil
	}
	if len(v) != 4 {
		return graph.Padding{}, n.refuse("attribute pads: got %d values, want 4", len(v))
	}
	for _, p := range v {
		if p < 0 || p > 1<<16 {
			return graph.Padding{}, n.refuse("attribute pads: %d: want 0 to 65536", p)
		}
	}
	return graph.Padding{Top: v[0], Left: v[1], Bottom: v[2], Right: v[3]}, nil
}

// image demands an input of [N,C,H,W].
func (n *node) image(k int) (*value, tensor.Shape, error) {
	x, err := n.activation(k)
	if err != nil {
		return nil, nil, err
	}
	s := n.shape(x)
	if len(s) != 4 {
		return nil, nil, lacks("input of %d dimensions, want an image of 4", len(s))
	}
	return x, s, nil
}

func conv(n *node) error {
	x, s, err := n.image(0)
	if err != nil {
		return err
	}
	w, err := n.weight(1, graph.Parameter)
	if err != nil {
		return err
	}
	ws := n.shape(w)
	if len(ws) != 4 {
		return n.refuse("weight %q has shape %v: want 4 dimensions", w.name, ws)
	}
	kernel, err := n.pair("kernel_shape", 1, 0)
	if err != nil {
		return err
	}
	if kernel != [2]int{} && kernel != [2]int{ws[2], ws[3]} {
		return n.refuse("attribute kernel_shape: got %v, weight %q has %v", kernel, w.name, ws)
	}
	kernel = [2]int{ws[2], ws[3]}
	stride, err := n.pair("strides", 1, 1)
	if err != nil {
		return err
	}
	dilation, err := n.pair("dilations", 1, 1)
	if err != nil {
		return err
	}
	p, err := n.padding(s, kernel, stride, dilation)
	if err != nil {
		return err
	}
	op := graph.Conv{Stride: stride, Dilation: dilation, Pad: p, Groups: n.int("group", 1)}
	in := []*value{x, w}
	if b := n.input(2); b != nil {
		if _, err := n.weight(2, graph.Parameter); err != nil {
			return err
		}
		op.Bias, in = true, append(in, b)
	}
	return n.finish(op, x.batch, in...)
}

func batchNorm(n *node) error {
	if n.int("training_mode", 0) != 0 {
		return lacks("training_mode: export in evaluation mode (model.eval())")
	}
	if n.int("spatial", 1) == 0 {
		return lacks("spatial = 0")
	}
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	in := []*value{x}
	for k := 1; k < 5; k++ {
		kind := graph.Parameter
		if k > 2 {
			kind = graph.Buffer
		}
		w, err := n.weight(k, kind)
		if err != nil {
			return err
		}
		in = append(in, w)
	}
	// as float32 prints it: 1e-05 and not 9.999999747378752e-06
	return n.finish(graph.BatchNorm{Eps: decimal(n.float("epsilon", 1e-5))}, x.batch, in...)
}

// gemm is y = alpha·a·b + beta·c, a fully connected layer when b is a weight.
func gemm(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	if len(n.shape(x)) != 2 {
		return n.refuse("input %v: want 2 dimensions", n.shape(x))
	}
	batch := x.batch
	if n.int("transA", 0) != 0 {
		perm, _ := graph.DimsOf(1, 0)
		if batch >= 0 {
			batch = 1 - batch
		}
		if x, err = n.step("transposed", graph.Transpose{Perm: perm}, batch, x); err != nil {
			return err
		}
	}
	w, err := n.linearWeight(1, n.int("transB", 0) != 0, n.float("alpha", 1))
	if err != nil {
		return err
	}
	c := n.input(2)
	if c == nil || n.float("beta", 1) == 0 {
		return n.finish(graph.Linear{}, batch, x, w)
	}
	if c.con == nil {
		return lacks("its addend %q is computed", c.name)
	}
	bias, ok := n.vectorBias(c.con, n.shape(w)[0], n.float("beta", 1))
	if !ok {
		return lacks("its addend %q has shape %v, want one value per output", c.name, c.con.shape)
	}
	b := c
	if bias != nil {
		id, err := n.derived(c, tensor.Shape{len(bias)}, bias)
		if err != nil {
			return err
		}
		b = &value{id: id}
	} else if b, err = n.weight(2, graph.Parameter); err != nil {
		return err
	}
	return n.finish(graph.Linear{Bias: true}, batch, x, w, b)
}

// vectorBias makes one value per output of a Gemm's addend. A nil slice says that the
// addend is that already.
func (n *node) vectorBias(c *constant, outputs int, beta float32) ([]float32, bool) {
	data := c.floats()
	count := c.elements()
	if data == nil || len(c.shape) > 2 || count != 1 && count != outputs || len(c.shape) == 2 && c.shape[0] != 1 {
		return nil, false
	}
	if len(c.shape) == 1 && count == outputs && beta == 1 {
		return nil, true
	}
	if n.im.mem.spend(4*outputs) != nil {
		return nil, false
	}
	out := make([]float32, outputs)
	for i := range out {
		out[i] = beta * data[i%count]
	}
	return out, true
}

// linearWeight returns the k-th input as [O,K], scaled.
func (n *node) linearWeight(k int, transposed bool, alpha float32) (*value, error) {
	v := n.input(k)
	if v == nil || v.con == nil {
		return nil, lacks("both factors are computed from activations")
	}
	s := v.con.shape
	if v.con.fill != nil && len(s) == 2 && v.con.dtype == tensor.Float32 && v.id == graph.None { // one value: any order is the same
		c := &constant{dtype: v.con.dtype, shape: s, fill: &num{v: float64(alpha * float32(v.con.fill.v))}, init: v.con.init}
		if !transposed {
			c.shape = tensor.Shape{s[1], s[0]}
		}
		data, err := n.im.floats(c)
		if err != nil {
			return nil, err
		}
		if len(data) == 0 {
			return nil, lacks("weight %q is %v", v.name, s)
		}
		id, err := n.derived(v, c.shape, data)
		return &value{name: v.name, id: id, batch: -1}, err
	}
	data, err := n.im.floats(v.con)
	if err != nil {
		return nil, err
	}
	if data == nil || len(s) != 2 || len(data) == 0 {
		return nil, lacks("weight %q is %v%v, want a matrix of floats", v.name, v.con.dtype, s)
	}
	if transposed && alpha == 1 {
		return n.weight(k, graph.Parameter)
	}
	if err := n.im.mem.spend(4 * len(data)); err != nil {
		return nil, err
	}
	out := make([]float32, len(data))
	rows, cols := s[0], s[1]
	if transposed {
		for i, x := range data {
			out[i] = alpha * x
		}
	} else {
		for i := range rows {
			for j := range cols {
				out[j*rows+i] = alpha * data[i*cols+j]
			}
		}
		s = tensor.Shape{cols, rows}
	}
	id, err := n.derived(v, s, out)
	if t := v.con.whole; err == nil && t != nil && alpha == 1 {
		if err := n.im.mem.spend(len(data)); err != nil {
			return nil, err
		}
		if t := flipped(t); t != nil {
			n.im.sources[id] = t
		}
	}
	return &value{name: v.name, id: id, batch: -1}, err
}

// flipped is a matrix of quantized bytes transposed; nil for others.
func flipped(t *tensor.Tensor) *tensor.Tensor {
	rows, cols := t.Shape[0], t.Shape[1]
	q := *t.Quant
	q.Axis = 1 - q.Axis
	out := tensor.New(t.DType, tensor.Shape{cols, rows})
	out.Quant = &q
	for i := range rows * cols {
		to := i%cols*rows + i/cols
		switch x := t.Data.(type) {
		case []int8:
			out.Data.([]int8)[to] = x[i]
		case []uint8:
			out.Data.([]uint8)[to] = x[i]
		default:
			return nil
		}
	}
	return out
}

// matMul with a matrix of weights is a fully connected layer over the last dimension.
func matMul(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	if n.in[0].con != nil {
		return lacks("its first factor is a constant")
	}
	w, err := n.linearWeight(1, false, 1)
	if err != nil {
		return err
	}
	s := n.shape(x)
	if len(s) == 2 {
		return n.finish(graph.Linear{}, x.batch, x, w)
	}
	if len(s) < 2 {
		return lacks("input of %d dimensions", len(s))
	}
	// rows together, multiply, rows apart again
	rows, _ := graph.DimsOf(-1, s[len(s)-1])
	flat, err := n.step("rows", graph.Reshape{To: rows}, 0, x)
	if err != nil {
		return err
	}
	y, err := n.step("product", graph.Linear{}, 0, flat, w)
	if err != nil {
		return err
	}
	to := dims(s, x.batch)
	to[len(to)-1] = num{v: float64(n.shape(w)[0])}
	if x.batch >= 0 {
		y.batch = -1 // the rows are the batch times others: it comes back as −1
	}
	return n.reshapeTo(n.out[0], y, to)
}
