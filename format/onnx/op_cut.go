package onnx

import (
	"slices"
	"strconv"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// splitParts reads along which axis a Split cuts s, and into what.
func (n *node) splitParts(s tensor.Shape) (axis int, parts []int, err error) {
	if axis, err = n.axis(0, len(s)); err != nil {
		return 0, nil, err
	}
	parts, given, err := n.listInput("split", 1)
	if err != nil {
		return 0, nil, err
	}
	count := len(n.out)
	if !given {
		if k := n.int("num_outputs", count); k != count {
			return 0, nil, n.refuse("attribute num_outputs: got %d, the node has %d outputs", k, count)
		}
		size := (s[axis] + count - 1) / count // the last may be smaller (opset 18)
		for left := s[axis]; len(parts) < count; left -= size {
			parts = append(parts, min(size, left))
		}
	}
	total := 0
	for _, p := range parts {
		if p == 0 {
			return 0, nil, lacks("a part without elements")
		}
		if p < 0 || p > s[axis] {
			return 0, nil, n.refuse("parts %v of a dimension of %d", parts, s[axis])
		}
		total += p
	}
	if len(parts) != count || total != s[axis] {
		return 0, nil, n.refuse("parts %v for %d outputs of a dimension of %d", parts, count, s[axis])
	}
	return axis, parts, nil
}

// split cuts into equal parts where they are, else into slices.
func split(n *node) error {
	if n.constant(0) != nil {
		return foldSplit(n)
	}
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	axis, parts, err := n.splitParts(n.shape(x))
	if err != nil {
		return err
	}
	outs := slices.Clone(n.out)
	for i := range outs {
		if outs[i] == "" {
			outs[i] = n.fresh(n.label + "/unused" + strconv.Itoa(i))
		}
	}
	_, err = n.parts(x, outs, axis, parts)
	return err
}

// parts emits the pieces of an activation under the given names.
func (n *node) parts(x *value, outs []string, axis int, parts []int) ([]*value, error) {
	if slices.Min(parts) == slices.Max(parts) {
		return n.emitN(outs, graph.Split{Axis: axis, Parts: len(parts)}, x.batch, []*value{x})
	}
	vs := make([]*value, len(parts))
	from := 0
	for i, p := range parts {
		v, err := n.emit(outs[i], graph.Slice{Axis: axis, Start: from, End: from + p, Step: 1}, x.batch, []*value{x})
		if err != nil {
			return nil, err
		}
		vs[i] = v
		from += p
	}
	return vs, nil
}

// cut is one axis of a Slice, resolved against its dimension.
type cut struct{ axis, start, end, step int }

// count is how many elements a cut leaves.
func (c cut) count() int {
	if c.step < 0 {
		return max((c.start-c.end-c.step-1)/-c.step, 0)
	}
	return max((c.end-c.start+c.step-1)/c.step, 0)
}

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
		d, by := s[axis], steps[i]
		if by == 0 {
			return nil, n.refuse("a step of 0")
		}
		lo, hi := 0, d // of starts and ends
		if by < 0 {
			lo, hi = -1, d-1
		}
		bound := func(x, lo int) int {
			if x < 0 {
				x += d
			}
			return min(max(x, lo), hi)
		}
		from := bound(starts[i], 0)
		if d == 0 {
			from = 0
		}
		out[i] = cut{axis, from, bound(ends[i], lo), min(max(by, -max(d, 1)), max(d, 1))}
		if by > 0 {
			out[i].end = max(out[i].end, from)
		}
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
		if c.count() == 0 {
			return lacks("a result without elements")
		}
		out := n.out[0]
		if i < len(cuts)-1 {
			out = n.fresh(n.label + "/slice")
		}
		if c.step > 0 {
			x, err = n.emit(out, graph.Slice{Axis: c.axis, Start: c.start, End: c.end, Step: c.step}, x.batch, []*value{x})
		} else {
			at := make([]int, c.count())
			for k := range at {
				at[k] = c.start + k*c.step
			}
			x, err = n.take(out, x, c.axis, at)
		}
		if err != nil {
			return err
		}
	}
	if len(cuts) == 0 {
		return n.finish(graph.Identity{}, x.batch, x)
	}
	return nil
}

// maxRuns bounds the pieces that a list of indices may fall into.
const maxRuns = 256

// take emits the elements of one axis at the given places: runs of them, joined.
func (n *node) take(out string, x *value, axis int, at []int) (*value, error) {
	var runs []graph.Slice
	for i := 0; i < len(at); {
		k, by := i+1, 1
		if k < len(at) && at[k] > at[i] {
			by = at[k] - at[i]
		}
		if by > 1 && (k+1 == len(at) || at[k+1]-at[k] != by) {
			by = 1 // two elements are no run of wider steps
		}
		for k < len(at) && at[k]-at[k-1] == by {
			k++
		}
		runs = append(runs, graph.Slice{Axis: axis, Start: at[i], End: at[k-1] + 1, Step: by})
		i = k
	}
	if len(runs) > maxRuns {
		return nil, lacks("%d indices in %d runs, want at most %d", len(at), len(runs), maxRuns)
	}
	if len(runs) == 1 {
		return n.emit(out, runs[0], x.batch, []*value{x})
	}
	pieces := make([]*value, len(runs))
	for i, r := range runs {
		p, err := n.step("run", r, x.batch, x)
		if err != nil {
			return nil, err
		}
		pieces[i] = p
	}
	return n.emit(out, graph.Concat{Axis: axis}, x.batch, pieces)
}

// gather with constant indices takes slices.
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
	if !ok || len(at) == 0 {
		return lacks("indices of shape %v", c.shape)
	}
	for i, k := range at {
		if k < 0 {
			k += s[axis]
		}
		if k < 0 || k >= s[axis] {
			return n.refuse("index %d of a dimension of %d", at[i], s[axis])
		}
		at[i] = k
	}
	if len(c.shape) == 1 {
		_, err := n.take(n.out[0], x, axis, at)
		return err
	}
	y, err := n.take(n.fresh(n.label+"/slice"), x, axis, at)
	if err != nil {
		return err
	}
	to := dims(s, x.batch)
	return n.reshapeTo(n.out[0], y, slices.Concat(to[:axis], dims(c.shape, -1), to[axis+1:]))
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
	// both sides broadcast: a 1 in either takes the other's extent
	ones := make(tensor.Shape, max(len(to), len(s)))
	grows := len(to) > len(s)
	for i := range ones {
		have, want := fromEnd(s, len(ones)-1-i), 1
		if k := i - len(ones) + len(to); k >= 0 {
			want = to[k]
		}
		if want == 0 {
			return lacks("a result without elements")
		}
		if want < 0 || want != 1 && have != 1 && want != have {
			return n.refuse("%v does not expand to %v", s, to)
		}
		if ones[i] = 1; have != want && want != 1 {
			ones[i], grows = want, true
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
