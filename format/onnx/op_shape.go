package onnx

import (
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// dims are the dimensions of a shape, the batch marked.
func dims(s tensor.Shape, batch int) []num {
	out := make([]num, len(s))
	for i, d := range s {
		out[i] = num{float64(d), i == batch}
	}
	return out
}

// reshapeTo emits a Reshape to the given dimensions, of which one may be −1. The batch
// becomes 0 (copied) where it keeps its place, −1 where it moves, so that the graph
// holds no batch as a number.
func (n *node) reshapeTo(out string, x *value, to []num) error {
	s := n.shape(x)
	if len(to) > 8 {
		return lacks("a shape of %d dimensions, want at most 8", len(to))
	}
	d := make([]int, len(to))
	marked := slices.ContainsFunc(to, func(t num) bool { return t.batch })
	free, moved, batch := -1, -1, -1
	for i, t := range to {
		d[i] = toInt(t.v)
		switch {
		case i == x.batch && i < len(s) && d[i] == s[i] && (t.batch || !marked):
			d[i], batch = 0, i
		case t.batch:
			moved = i
		case d[i] == -1:
			if free >= 0 {
				return n.refuse("a shape with two dimensions of −1")
			}
			free = i
		case d[i] == 0:
			return lacks("a result without elements")
		case d[i] < 0:
			return n.refuse("a shape with a dimension of %d", d[i])
		}
	}
	if moved >= 0 && free >= 0 {
		known := 1
		for i, t := range to {
			v := d[i]
			if i == free {
				continue
			}
			if v == 0 {
				v = s[i]
			} else if t.batch {
				v = toInt(t.v)
			}
			if v < 1 || known > maxElements/v {
				return n.refuse("a shape that overflows")
			}
			known *= v
		}
		if s.Elements()%known != 0 {
			return n.refuse("%v does not reshape to %v", s, d)
		}
		d[free], free = s.Elements()/known, -1
	}
	if moved >= 0 {
		d[moved], batch = -1, moved
	}
	if batch < 0 && x.batch >= 0 {
		batch = free
	}
	if y, groups := n.shuffled(x, to); y != nil {
		_, err := n.emit(out, graph.Shuffle{Groups: groups}, y.batch, []*value{y})
		return err
	}
	rd, err := graph.DimsOf(d...)
	if err != nil {
		return n.refuse("%v", err)
	}
	_, err = n.emit(out, graph.Reshape{To: rd}, batch, []*value{x})
	return err
}

// shuffled finds the channel shuffle that a Reshape ends: [N,C,H,W] → [N,g,C/g,H,W],
// dimensions 1 and 2 swapped, and back. It takes its beginnings out of the graph, whose
// shapes hold the height and width, and returns what is shuffled, in which groups.
func (n *node) shuffled(x *value, to []num) (*value, int) {
	g := n.im.g
	k := len(g.Nodes) - 2
	if k < 0 || len(to) != 4 || n.im.uses[x.name] != 1 || len(g.Values) < 2 || int(x.id) != len(g.Values)-1 {
		return nil, 0
	}
	view, swap := &g.Nodes[k], &g.Nodes[k+1]
	if _, ok := view.Op.(graph.Reshape); !ok || swap.Op != (graph.Transpose{Perm: graph.Dims{D: [8]int{0, 2, 1, 3, 4}, Rank: 5}}) ||
		swap.Out[0] != x.id || swap.In[0] != view.Out[0] || view.Out[0] != x.id-1 || n.im.uses[g.Values[view.Out[0]].Name] != 1 {
		return nil, 0
	}
	from, parts := g.Values[view.In[0]].Type.Shape, g.Values[view.Out[0]].Type.Shape
	y := n.im.values[g.Values[view.In[0]].Name]
	if len(from) != 4 || y == nil || y.id != view.In[0] || !parts.Equal(tensor.Shape{from[0], parts[1], from[1] / max(parts[1], 1), from[2], from[3]}) {
		return nil, 0
	}
	back := slices.Clone(from)
	for i, t := range to { // as the file says, its −1 being what is left
		if v := toInt(t.v); v != back[i] && v != -1 {
			return nil, 0
		}
	}
	g.Nodes, g.Values = g.Nodes[:k], g.Values[:len(g.Values)-2]
	return y, parts[1]
}

func reshape(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	c := n.constant(1)
	if c == nil {
		return lacks("its shape is computed from activations")
	}
	to := c.small()
	if len(c.shape) != 1 || to == nil {
		return n.refuse("its shape is %v%v, want a short list", c.dtype, c.shape)
	}
	to = slices.Clone(to)
	s := n.shape(x)
	for i, t := range to {
		if t.v == 0 && n.int("allowzero", 0) == 0 { // copy
			if i >= len(s) {
				return n.refuse("dimension %d is copied from an input of %v", i, s)
			}
			to[i] = num{float64(s[i]), i == x.batch}
		}
	}
	return n.reshapeTo(n.out[0], x, to)
}

func flatten(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	s := n.shape(x)
	axis := n.int("axis", 1)
	if axis < 0 {
		axis += len(s)
	}
	if axis < 0 || axis > len(s) {
		return n.refuse("axis %d of an input of %v", axis, s)
	}
	if axis == 1 {
		return n.finish(graph.Flatten{Axis: 1}, x.batch, x)
	}
	rows := num{float64(s[:axis].Elements()), x.batch >= 0 && x.batch < axis}
	cols := num{float64(s[axis:].Elements()), x.batch >= axis}
	return n.reshapeTo(n.out[0], x, []num{rows, cols})
}

func squeeze(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	to, err := n.squeezed(dims(n.shape(x), x.batch))
	if err != nil {
		return err
	}
	return n.reshapeTo(n.out[0], x, to)
}

// squeezed drops the dimensions of the axes, or all of 1.
func (n *node) squeezed(s []num) ([]num, error) {
	axes, given, err := n.listInput("axes", 1)
	if err != nil {
		return nil, err
	}
	if given {
		if axes, err = n.axes(axes, len(s)); err != nil {
			return nil, err
		}
	}
	var to []num
	for i, d := range s {
		if given && slices.Contains(axes, i) {
			if d.v != 1 {
				return nil, n.refuse("squeezes dimension %d of %v", i, d.v)
			}
			continue
		}
		if !given && d.v == 1 {
			continue
		}
		to = append(to, d)
	}
	return to, nil
}

func unsqueeze(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	to, err := n.unsqueezed(dims(n.shape(x), x.batch))
	if err != nil {
		return err
	}
	return n.reshapeTo(n.out[0], x, to)
}

func (n *node) unsqueezed(s []num) ([]num, error) {
	axes, given, err := n.listInput("axes", 1)
	if err != nil {
		return nil, err
	}
	if !given || len(axes)+len(s) > maxRank {
		return nil, n.refuse("no axes that fit")
	}
	if axes, err = n.axes(axes, len(axes)+len(s)); err != nil {
		return nil, err
	}
	to := make([]num, 0, len(axes)+len(s))
	for i := range len(axes) + len(s) {
		if slices.Contains(axes, i) {
			to = append(to, num{v: 1})
		} else {
			to, s = append(to, s[0]), s[1:]
		}
	}
	return to, nil
}

// permutation reads perm, by default the reverse.
func (n *node) permutation(rank int) ([]int, error) {
	perm := n.ints("perm")
	if perm == nil {
		for i := range rank {
			perm = append(perm, rank-1-i)
		}
	}
	if len(perm) != rank {
		return nil, n.refuse("attribute perm: got %d values for %d dimensions", len(perm), rank)
	}
	return n.axes(perm, rank)
}

func transpose(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	perm, err := n.permutation(len(n.shape(x)))
	if err != nil {
		return err
	}
	d, err := graph.DimsOf(perm...)
	if err != nil {
		return lacks("%v", err)
	}
	return n.finish(graph.Transpose{Perm: d}, slices.Index(perm, x.batch), x)
}

func concat(n *node) error {
	in := make([]*value, len(n.in))
	batch := -1
	for k := range n.in {
		v, err := n.activation(k)
		if err != nil {
			return err
		}
		if in[k] = v; v.batch >= 0 {
			batch = v.batch
		}
	}
	if len(in) == 0 || n.attr("axis") == nil {
		return n.refuse("no inputs or no axis")
	}
	axis, err := n.axis(0, len(n.shape(in[0])))
	if err != nil {
		return err
	}
	return n.finish(graph.Concat{Axis: axis}, batch, in...)
}

func identity(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	return n.finish(graph.Identity{}, x.batch, x)
}

// noTraining refuses a Dropout that drops.
func (n *node) noTraining() error {
	if v := n.input(2); v != nil {
		if s, ok := v.con.scalar(); !ok || s != 0 {
			return lacks("training_mode: export in evaluation mode (model.eval())")
		}
	}
	return nil
}

// dropout does nothing at inference.
func dropout(n *node) error {
	if err := n.noTraining(); err != nil {
		return err
	}
	return identity(n)
}

// cast between floats does nothing, as all activations are float32; of whole numbers it
// ends with the same numbers.
func cast(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	return n.castTo(x, int64(n.int("to", 0)))
}

func castLike(n *node) error {
	to, err := n.like()
	if err != nil {
		return err
	}
	if c := n.constant(0); c != nil {
		if c, err = n.castConstant(c, to); err == nil {
			n.im.values[n.out[0]] = &value{name: n.out[0], id: graph.None, con: c}
		}
		return err
	}
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	return n.castTo(x, to)
}

func (n *node) castTo(x *value, to int64) error {
	from := n.im.g.Values[x.id].Type
	switch to {
	case 1, 10, 11, 16:
		if from.Quantized() {
			return n.asNumbers(x)
		}
		if to == 10 || to == 16 {
			n.im.warn("%s: to %v: the network is computed in float32", n.where(), dtypes[to].d)
		}
		return n.finish(graph.Identity{}, x.batch, x)
	case 2, 3:
		if from.DType == dtypes[to].d {
			return n.finish(graph.Identity{}, x.batch, x)
		}
		return lacks("from %v to %v", from.DType, dtypes[to].d)
	case 6, 7:
		if x.whole && !from.Quantized() {
			y, err := n.emit(n.out[0], graph.Identity{}, x.batch, []*value{x})
			if err == nil {
				y.whole = true
			}
			return err
		}
	}
	return lacks("activations to %s", dtypeName(to))
}
