package onnx

import (
	"math"

	"github.com/wispnet/wisp/graph"
)

// resize reads Resize (opset 10, 11 and later) and Upsample. The graph's Resize takes
// y[i] = x[⌊i·h/H⌋]; a form of ONNX's is accepted where it picks the same rows and
// columns, which is checked index by index.
func resize(n *node) error {
	x, s, err := n.image(0)
	if err != nil {
		return err
	}
	if mode := n.str("mode", "nearest"); mode != "nearest" {
		return lacks("mode %s", mode)
	}
	if axes := n.ints("axes"); axes != nil {
		return lacks("attribute axes")
	}
	if p := n.str("keep_aspect_ratio_policy", "stretch"); p != "stretch" {
		return lacks("keep_aspect_ratio_policy %s", p)
	}
	var scales []float64
	var sizes []int
	scaleAt := 1
	if n.op == "Resize" && n.im.opset >= 11 {
		scaleAt = 2
		if v := n.input(3); v != nil {
			if v.con == nil {
				return lacks("its sizes are computed from activations")
			}
			if sizes, _ = v.con.ints(); len(sizes) != 4 {
				return n.refuse("got %d sizes, want 4", len(sizes))
			}
		}
	}
	if a := n.attr("scales"); a != nil {
		for _, f := range a.floats {
			scales = append(scales, float64(f))
		}
	} else if v := n.input(scaleAt); v != nil && sizes == nil {
		if v.con == nil {
			return lacks("its scales are computed from activations")
		}
		for _, f := range v.con.small() {
			scales = append(scales, f.v)
		}
	}
	if sizes == nil {
		if len(scales) != 4 {
			return n.refuse("got %d scales, want 4", len(scales))
		}
		sizes = make([]int, 4)
		for i, f := range scales {
			if !(f > 0 && f < 1<<16) {
				return n.refuse("a scale of %v", f)
			}
			sizes[i] = int(math.Floor(float64(s[i]) * f))
		}
	}
	if sizes[0] != s[0] || sizes[1] != s[1] {
		return lacks("of rows or channels, from %v to %v", s, sizes)
	}
	for i := 2; i < 4; i++ {
		if sizes[i] < 1 || sizes[i] > 1<<16 {
			return n.refuse("a size of %d", sizes[i])
		}
		scale := float64(sizes[i]) / float64(s[i])
		if scales != nil {
			scale = scales[i]
		}
		if !n.samePick(s[i], sizes[i], scale) {
			return lacks("from %d to %d by %s, %s", s[i], sizes[i], n.transformation(), n.rounding())
		}
	}
	return n.finish(graph.Resize{H: sizes[2], W: sizes[3]}, x.batch, x)
}

func (n *node) transformation() string {
	if n.op == "Upsample" || n.im.opset < 11 {
		return "asymmetric"
	}
	return n.str("coordinate_transformation_mode", "half_pixel")
}

func (n *node) rounding() string {
	if n.op == "Upsample" || n.im.opset < 11 {
		return "floor"
	}
	return n.str("nearest_mode", "round_prefer_floor")
}

// samePick compares ONNX's choice of each output's input with the graph's.
func (n *node) samePick(from, to int, scale float64) bool {
	how, round := n.transformation(), n.rounding()
	for i := range to {
		x := float64(i)
		switch how {
		case "asymmetric":
			x /= scale
		case "half_pixel", "half_pixel_symmetric":
			x = (x+0.5)/scale - 0.5
		case "pytorch_half_pixel":
			if x = (x+0.5)/scale - 0.5; to == 1 {
				x = 0
			}
		case "align_corners":
			if x = x * float64(from-1) / float64(to-1); to == 1 {
				x = 0
			}
		default:
			return false
		}
		switch round {
		case "floor":
			x = math.Floor(x)
		case "ceil":
			x = math.Ceil(x)
		case "round_prefer_floor":
			x = math.Ceil(x - 0.5)
		case "round_prefer_ceil":
			x = math.Floor(x + 0.5)
		default:
			return false
		}
		if min(max(int(x), 0), from-1) != i*from/to {
			return false
		}
	}
	return true
}
