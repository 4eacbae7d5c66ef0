package onnx

import (
	"slices"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// split cuts into equal parts where they are, else into slices.
func split(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	s := n.shape(x)
	axis, err := n.axis(0, len(s))
	if err != nil {
		return err
	}
	parts, given, err := n.listInput("split", 1)
	if err != nil {
		return err
	}
	count := len(n.out)
	if !given {
		if k := n.int("num_outputs", count); k != count {
			return n.refuse("attribute num_outputs: got %d, the node has %d outputs", k, count)
		}
		size := (s[axis] + count - 1) / count // the last may be smaller (opset 18)
		for left := s[axis]; len(parts) < count; left -= size {
			parts = append(parts, min(size, left))
		}
	}
	total := 0
	for _, p := range parts {
		if p < 1 || p > s[axis] {
			return n.refuse("parts %v of a dimension of %d", parts, s[axis])
		}
		total += p
	}
	if len(parts) != count || total != s[axis] {
		return n.refuse("parts %v for %d outputs of a dimension of %d", parts, count, s[axis])
	}
	outs := slices.Clone(n.out)
	for i := range outs {
		if outs[i] == "" {
			outs[i] = n.fresh(n.label + "/unused")
		}
	}
	if slices.Min(parts) == slices.Max(parts) {
		_, err := n.emitN(outs, graph.Split{Axis: axis, Parts: count}, x.batch, []*value{x})
		return err
	}
	for from, i := 0, 0; i < count; i++ {
		if _, err := n.emit(outs[i], graph.Slice{Axis: axis, Start: from, End: from + parts[i], Step: 1}, x.batch, []*value{x}); err != nil {
			return err
		}
		from += parts[i]
	}
	return nil
}

// cut is one axis of a Slice, resolved against its dimension.
type cut struct{ axis, start, end, step int }

// cuts reads starts, ends, axes and steps from attributes or inputs.
func (n *node) cuts(s tensor.Shape) ([]cut, error) {
	var lists [4][]int
	var err error
	for i, name := range [...]string{"starts", "ends", "axes", "steps"} {
		if lists[i], _, err = n.listInput(name, i+1); err != nil {
			return nil, err
		}
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if steps == nil {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	if len(starts) != len(ends) || len(starts) != len(axes) || len(starts) != len(steps) || len(axes) > len(s) {
		return nil, n.refuse("%d starts, %d ends, %d axes, %d steps", len(starts), len(ends), len(axes), len(steps))
	}
	if axes, err = n.axes(axes, len(s)); err != nil {
		return nil, err
	}
	out := make([]cut, len(axes))
	for i, axis := range axes {
		if steps[i] < 1 {
			return nil, lacks("a step of %d", steps[i])
		}
		d := s[axis]
		bound := func(x int) int {
			if x < 0 {
				x += d
			}
			return min(max(x, 0), d)
		}
		c := cut{axis, bound(starts[i]), bound(ends[i]), min(steps[i], max(d, 1))}
		c.end = max(c.end, c.start)
		out[i] = c
	}
	return out, nil
}

func slice(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	s := n.shape(x)
	cuts, err := n.cuts(s)
	if err != nil {
		return err
	}
	cuts = slices.DeleteFunc(cuts, func(c cut) bool { return c.start == 0 && c.end == s[c.axis] && c.step == 1 })
	for i, c := range cuts {
		op := graph.Slice{Axis: c.axis, Start: c.start, End: c.end, Step: c.step}
		if i == len(cuts)-1 {
			return n.finish(op, x.batch, x)
		}
		if x, err = n.step("slice", op, x.batch, x); err != nil {
			return err
		}
	}
	return n.finish(graph.Identity{}, x.batch, x)
}

// gather with one index, or with a run of them, is a slice.
func gather(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	c := n.constant(1)
	if c == nil {
		return lacks("its indices are computed from activations")
	}
	s := n.shape(x)
	axis, err := n.axis(0, len(s))
	if err != nil {
		return err
	}
	at, ok := c.ints()
	if !ok || len(at) == 0 || len(c.shape) > 1 {
		return lacks("indices of shape %v", c.shape)
	}
	for i, k := range at {
		if k < 0 {
			k += s[axis]
		}
		if k < 0 || k >= s[axis] {
			return n.refuse("index %d of a dimension of %d", at[i], s[axis])
		}
		if at[i] = k; i > 0 && k != at[i-1]+1 {
			return lacks("indices %v that are no run", at)
		}
	}
	op := graph.Slice{Axis: axis, Start: at[0], End: at[len(at)-1] + 1, Step: 1}
	if len(c.shape) == 1 {
		return n.finish(op, x.batch, x)
	}
	y, err := n.step("slice", op, x.batch, x)
	if err != nil {
		return err
	}
	return n.reshapeTo(n.out[0], y, slices.Delete(dims(s, x.batch), axis, axis+1))
}

// expand to a larger shape is a product with ones.
func expand(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	c := n.constant(1)
	if c == nil {
		return lacks("its shape is computed from activations")
	}
	to, ok := c.ints()
	if !ok || len(c.shape) != 1 || len(to) > 8 {
		return n.refuse("its shape is %v%v, want a short list", c.dtype, c.shape)
	}
	s := n.shape(x)
	ones := make(tensor.Shape, len(to))
	grows := len(to) > len(s)
	for i := range ones {
		ones[i] = to[i]
		if at := i - len(to) + len(s); at >= 0 && (s[at] == to[i] || to[i] == 1) {
			ones[i] = 1
		} else {
			grows = true
		}
		if ones[i] < 1 {
			return n.refuse("a shape with a dimension of %d", to[i])
		}
	}
	if !grows {
		return n.finish(graph.Identity{}, x.batch, x)
	}
	count, ok := ones.Count()
	if !ok || count > maxElements {
		return n.refuse("expands to %v", to)
	}
	if err := n.im.mem.spend(4 * count); err != nil {
		return err
	}
	one, err := n.constantValue("ones", ones, slices.Repeat([]float32{1}, count))
	if err != nil {
		return err
	}
	return n.finish(graph.Binary{Fn: graph.Mul}, n.broadcastBatch(x, one), x, one)
}

// pad surrounds an image with a number.
func pad(n *node) error {
	x, s, err := n.image(0)
	if err != nil {
		return err
	}
	if mode := n.str("mode", "constant"); mode != "constant" {
		return lacks("mode %s", mode)
	}
	pads, given, err := n.listInput("pads", 1)
	if err != nil {
		return err
	}
	if !given {
		return n.refuse("pads are missing")
	}
	value := float64(n.float("value", 0))
	if v := n.input(2); v != nil {
		var ok bool
		if value, ok = v.con.scalar(); !ok {
			return lacks("its value %q is no constant number", v.name)
		}
	}
	axes := []int{0, 1, 2, 3}
	if n.input(3) != nil {
		list, _, err := n.listInput("axes", 3)
		if err != nil {
			return err
		}
		if axes, err = n.axes(list, 4); err != nil {
			return err
		}
	}
	if len(pads) != 2*len(axes) {
		return n.refuse("got %d pads, want %d", len(pads), 2*len(axes))
	}
	var before, after [4]int
	for i, a := range axes {
		before[a], after[a] = pads[i], pads[i+len(axes)]
	}
	for a := range 4 {
		if a < 2 && (before[a] != 0 || after[a] != 0) {
			return lacks("padding of dimension %d", a)
		}
		if min(before[a], after[a]) < -s[a] || max(before[a], after[a]) > 1<<16 {
			return n.refuse("padding %d and %d of a dimension of %d", before[a], after[a], s[a])
		}
	}
	for a := 2; a < 4; a++ { // negative padding crops
		if min(before[a], after[a]) >= 0 {
			continue
		}
		from, to := max(-before[a], 0), s[a]-max(-after[a], 0)
		if from >= to {
			return n.refuse("padding %d and %d of a dimension of %d", before[a], after[a], s[a])
		}
		if x, err = n.step("cropped", graph.Slice{Axis: a, Start: from, End: to, Step: 1}, x.batch, x); err != nil {
			return err
		}
		before[a], after[a] = max(before[a], 0), max(after[a], 0)
	}
	p := graph.Padding{Top: before[2], Left: before[3], Bottom: after[2], Right: after[3]}
	if p == (graph.Padding{}) {
		return n.finish(graph.Identity{}, x.batch, x)
	}
	return n.finish(graph.Pad{Pad: p, Value: float32(value)}, x.batch, x)
}
