package onnx

import (
	"slices"
	"strconv"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// A sequence of values is known while reading, whatever its elements are: it never reaches
// the graph.

// sequence returns the elements of the k-th input.
func (n *node) sequence(k int) ([]*value, error) {
	v := n.input(k)
	if v == nil {
		return nil, n.refuse("input %d is absent", k)
	}
	if v.seq == nil {
		return nil, n.refuse("input %d is no sequence", k)
	}
	return v.seq, nil
}

func (n *node) defineSequence(list []*value) error {
	if err := n.im.mem.spend(200 + 8*len(list)); err != nil {
		return err
	}
	n.im.values[n.out[0]] = &value{name: n.out[0], id: graph.None, seq: list}
	return nil
}

func sequenceConstruct(n *node) error {
	list := []*value{}
	for k, v := range n.in {
		if v == nil || v.seq != nil {
			return n.refuse("input %d is no tensor", k)
		}
		list = append(list, v)
	}
	return n.defineSequence(list)
}

// position reads the place that the k-th input names in a list of the given length.
func (n *node) position(k, length int) (int, error) {
	at, ok := n.constant(k).scalar()
	if !ok {
		return 0, lacks("a place that is computed from activations")
	}
	i := toInt(at)
	if i < 0 {
		i += length
	}
	if i < 0 || i >= length {
		return 0, n.refuse("place %v in a sequence of %d", at, length)
	}
	return i, nil
}

func sequenceAt(n *node) error {
	list, err := n.sequence(0)
	if err != nil {
		return err
	}
	i, err := n.position(1, len(list))
	if err != nil {
		return err
	}
	return n.alias(n.out[0], list[i])
}

func sequenceLength(n *node) error {
	list, err := n.sequence(0)
	if err != nil {
		return err
	}
	c, err := n.im.small(tensor.Int64, tensor.Shape{}, []num{{v: float64(len(list))}})
	if err == nil {
		n.im.values[n.out[0]] = &value{name: n.out[0], id: graph.None, con: c}
	}
	return err
}

// splitToSequence cuts along one axis: into pieces of the given lengths or of one length,
// by default into single elements, whose dimension goes unless keepdims says otherwise.
func splitToSequence(n *node) error {
	v := n.input(0)
	if v == nil || v.seq != nil {
		return n.refuse("input 0 is no tensor")
	}
	var s tensor.Shape
	if v.con != nil {
		s = v.con.shape
	} else {
		s = n.shape(v)
	}
	axis, err := n.axis(0, len(s))
	if err != nil {
		return err
	}
	var parts []int
	squeeze := false
	switch c := n.constant(1); {
	case n.input(1) == nil:
		parts, squeeze = slices.Repeat([]int{1}, s[axis]), n.int("keepdims", 1) == 0
	case c == nil:
		return lacks("parts that are computed from activations")
	case len(c.shape) == 0:
		size, ok := c.ints()
		if !ok || size[0] < 1 {
			return n.refuse("parts of %v", size)
		}
		for left := s[axis]; left > 0; left -= size[0] {
			parts = append(parts, min(left, size[0]))
		}
	default:
		parts, _ = c.ints()
	}
	total := 0
	for _, p := range parts {
		if p < 1 || p > s[axis] {
			return n.refuse("parts %v of a dimension of %d", parts, s[axis])
		}
		total += p
	}
	if total != s[axis] || len(parts) == 0 || len(parts) > maxSmall {
		return n.refuse("parts %v of a dimension of %d", parts, s[axis])
	}
	if err := n.im.mem.spend(200 * len(parts)); err != nil {
		return err
	}
	list := make([]*value, len(parts))
	if v.con != nil {
		from := 0
		for i, p := range parts {
			c, err := n.cut(v.con, []cut{{axis, from, from + p, 1}})
			if err == nil && squeeze {
				c, err = n.reshaped(c, slices.Delete(c.shape.Clone(), axis, axis+1))
			}
			if err != nil {
				return err
			}
			list[i] = &value{id: graph.None, con: c, name: n.fresh(n.out[0] + "/" + strconv.Itoa(i))}
			from += p
		}
		return n.defineSequence(list)
	}
	outs := make([]string, len(parts))
	for i := range outs {
		outs[i] = n.fresh(n.out[0] + "/" + strconv.Itoa(i))
	}
	if list, err = n.parts(v, outs, axis, parts); err != nil {
		return err
	}
	for i := range list {
		if squeeze {
			to := slices.Delete(dims(n.shape(list[i]), list[i].batch), axis, axis+1)
			name := n.fresh(outs[i] + "/squeezed")
			if err := n.reshapeTo(name, list[i], to); err != nil {
				return err
			}
			list[i] = n.im.values[name]
		}
		list[i].whole = v.whole
	}
	return n.defineSequence(list)
}

// concatFromSequence joins the elements of a sequence along an axis that they have, or
// along a new one.
func concatFromSequence(n *node) error {
	list, err := n.sequence(0)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return lacks("a result without elements")
	}
	fresh := n.int("new_axis", 0) != 0
	known := !slices.ContainsFunc(list, func(v *value) bool { return v.con == nil })
	rank := 0
	if v := list[0]; v.con != nil {
		rank = len(v.con.shape)
	} else {
		rank = len(n.shape(v))
	}
	if fresh {
		rank++
	}
	axis, err := n.axis(0, rank)
	if err != nil {
		return err
	}
	if known {
		cs := make([]*constant, len(list))
		for i, v := range list {
			cs[i] = v.con
			if fresh {
				if axis > len(v.con.shape) {
					return n.refuse("joins %v along dimension %d", v.con.shape, axis)
				}
				if cs[i], err = n.reshaped(v.con, slices.Insert(v.con.shape.Clone(), axis, 1)); err != nil {
					return err
				}
			}
		}
		c, err := n.joined(cs, axis)
		if err == nil {
			n.im.values[n.out[0]] = &value{name: n.out[0], id: graph.None, con: c}
		}
		return err
	}
	in, batch := make([]*value, len(list)), -1
	for i, v := range list {
		if v.con != nil && v.id == graph.None {
			if err := n.bindOperand(v); err != nil {
				return err
			}
		}
		if in[i] = v; fresh {
			s := dims(n.shape(v), v.batch)
			if axis > len(s) {
				return n.refuse("joins %v along dimension %d", n.shape(v), axis)
			}
			name := n.fresh(n.label + "/unsqueezed")
			if err := n.reshapeTo(name, v, slices.Insert(s, axis, num{v: 1})); err != nil {
				return err
			}
			in[i] = n.im.values[name]
		}
		if in[i].batch >= 0 {
			batch = in[i].batch
		}
	}
	return n.finish(graph.Concat{Axis: axis}, batch, in...)
}
