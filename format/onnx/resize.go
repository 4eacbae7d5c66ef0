package onnx

import (
	"slices"

	"github.com/wispnet/wisp/graph"
)

// resize reads Resize (opset 10, 11 and later) and Upsample by nearest neighbour.
//
// Where the file's rule picks the same rows and columns at this size as the graph's plain
// one, it becomes that: every writer has a form for it. Before opset 11 the text of the
// operator names no rounding; elements are chosen by i/scale, rounded down, whether the
// image grows or shrinks. (ONNX Runtime rounds up where it shrinks.)
func resize(n *node) error {
	x, s, err := n.image(0)
	if err != nil {
		return err
	}
	if mode := n.str("mode", "nearest"); mode != "nearest" {
		return lacks("mode %s", mode)
	}
	if p := n.str("keep_aspect_ratio_policy", "stretch"); p != "stretch" {
		return lacks("keep_aspect_ratio_policy %s", p)
	}
	axes := []int{0, 1, 2, 3}
	if list := n.ints("axes"); list != nil {
		if axes, err = n.axes(list, 4); err != nil {
			return err
		}
	}
	sizes, scales, err := n.resizeTo(axes)
	if err != nil {
		return err
	}
	op := graph.Resize{}
	if n.op == "Resize" && n.version() >= 11 {
		var known, near bool
		name, round := n.str("coordinate_transformation_mode", "half_pixel"), n.str("nearest_mode", "round_prefer_floor")
		op.At, known = graph.ParseResizeAt(name)
		op.Near, near = graph.ParseResizeNear(round)
		if !known || !near || op.Plain() {
			return lacks("coordinate_transformation_mode %s, nearest_mode %s", name, round)
		}
	} else {
		op.At = graph.AtAsymmetric
	}
	to := []int{s[0], s[1], s[2], s[3]}
	for i, axis := range axes {
		if scales == nil {
			to[axis] = sizes[i]
			continue
		}
		// the product is float32's: 29 by a scale of 30/29 stays 29
		if to[axis] = int(float32(s[axis]) * scales[i]); axis >= 2 {
			op.Scale[axis-2] = scales[i]
		}
	}
	if to[0] != s[0] || to[1] != s[1] {
		return lacks("of rows or channels, from %v to %v", s, to)
	}
	if min(to[2], to[3]) < 1 || max(to[2], to[3]) > 1<<16 {
		return n.refuse("from %v to %v", s, to)
	}
	op.H, op.W = to[2], to[3]
	rows, cols := op.Pick(s[2], s[3])
	plain := graph.Resize{H: op.H, W: op.W}
	if r, c := plain.Pick(s[2], s[3]); slices.Equal(rows, r) && slices.Equal(cols, c) {
		op = plain
	}
	return n.finish(op, x.batch, x)
}

// resizeTo reads the sizes of the given axes, or by which scales they change: exactly
// one of the two is there.
func (n *node) resizeTo(axes []int) (sizes []int, scales []float32, err error) {
	scaleAt := 1
	if n.op == "Resize" && n.version() >= 11 {
		scaleAt = 2
		if v := n.input(3); v != nil && (v.con == nil || v.con.elements() > 0) {
			if v.con == nil {
				return nil, nil, lacks("its sizes are computed from activations")
			}
			if sizes, _ = v.con.ints(); len(sizes) != len(axes) {
				return nil, nil, n.refuse("got %d sizes, want %d", len(sizes), len(axes))
			}
			return sizes, nil, nil
		}
	}
	if a := n.attr("scales"); a != nil {
		scales = a.floats
	} else if v := n.input(scaleAt); v != nil {
		if v.con == nil {
			return nil, nil, lacks("its scales are computed from activations")
		}
		scales = v.con.floats()
	}
	if len(scales) != len(axes) {
		return nil, nil, n.refuse("got %d scales, want %d", len(scales), len(axes))
	}
	for _, f := range scales {
		if !(f > 0 && f < 1<<16) {
			return nil, nil, n.refuse("a scale of %v", f)
		}
	}
	return nil, scales, nil
}
