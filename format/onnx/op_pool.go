package onnx

import (
	"slices"
	"strconv"

	"github.com/wispnet/wisp/graph"
)

// decimal widens a float32 to the number that its shortest decimal form means.
func decimal(x float32) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(float64(x), 'g', -1, 32), 64)
	if err != nil {
		return float64(x)
	}
	return v
}

func globalAveragePool(n *node) error {
	x, _, err := n.image(0)
	if err != nil {
		return err
	}
	return n.finish(graph.GlobalAvgPool{}, x.batch, x)
}

// globalMaxPool is a pool over the whole image, whose size it fixes.
func globalMaxPool(n *node) error {
	x, s, err := n.image(0)
	if err != nil {
		return err
	}
	k := [2]int{s[2], s[3]}
	return n.finish(graph.MaxPool{Kernel: k, Stride: [2]int{1, 1}}, x.batch, x)
}

// pool is what AveragePool and MaxPool share.
type pool struct {
	x              *value
	kernel, stride [2]int
	pad            graph.Padding
	ceil           bool
}

func (n *node) pool() (p pool, err error) {
	x, s, err := n.image(0)
	if err != nil {
		return p, err
	}
	p.x, p.ceil = x, n.int("ceil_mode", 0) != 0
	if n.attr("kernel_shape") == nil {
		return p, n.refuse("attribute kernel_shape is missing")
	}
	if p.kernel, err = n.pair("kernel_shape", 1, 1); err != nil {
		return p, err
	}
	if p.stride, err = n.pair("strides", 1, 1); err != nil {
		return p, err
	}
	dilation, err := n.pair("dilations", 1, 1)
	if err != nil {
		return p, err
	}
	if dilation != [2]int{1, 1} {
		return p, lacks("dilations %v", dilation)
	}
	p.pad, err = n.padding(s, p.kernel, p.stride, dilation)
	return p, err
}

func averagePool(n *node) error {
	p, err := n.pool()
	if err != nil {
		return err
	}
	count := n.int("count_include_pad", 0) != 0
	return n.finish(graph.AvgPool{Kernel: p.kernel, Stride: p.stride, Pad: p.pad, Ceil: p.ceil, CountPad: count}, p.x.batch, p.x)
}

func maxPool(n *node) error {
	p, err := n.pool()
	if err != nil {
		return err
	}
	return n.finish(graph.MaxPool{Kernel: p.kernel, Stride: p.stride, Pad: p.pad, Ceil: p.ceil}, p.x.batch, p.x)
}

// reduceMean over both dimensions of an image is global pooling.
func reduceMean(n *node) error {
	x, err := n.activation(0)
	if err != nil {
		return err
	}
	s := n.shape(x)
	axes, given, err := n.listInput("axes", 1)
	if err != nil {
		return err
	}
	if !given || len(axes) == 0 {
		if n.int("noop_with_empty_axes", 0) != 0 {
			return n.finish(graph.Identity{}, x.batch, x)
		}
		return lacks("the mean over everything")
	}
	if axes, err = n.axes(axes, len(s)); err != nil {
		return err
	}
	slices.Sort(axes)
	keep := n.int("keepdims", 1) != 0
	to := dims(s, x.batch)
	for i := len(axes) - 1; i >= 0; i-- {
		if keep {
			to[axes[i]] = num{v: 1}
		} else {
			to = slices.Delete(to, axes[i], axes[i]+1)
		}
	}
	if len(s) == 4 && (slices.Equal(axes, []int{2, 3}) || slices.Equal(axes, []int{1, 2})) {
		if axes[0] == 1 { // [N,H,W,C], as TensorFlow's exporter leaves it
			perm, _ := graph.DimsOf(0, 3, 1, 2)
			if x, err = n.step("channels first", graph.Transpose{Perm: perm}, x.batch, x); err != nil {
				return err
			}
		} else if keep {
			return n.finish(graph.GlobalAvgPool{}, x.batch, x)
		}
		y, err := n.step("mean", graph.GlobalAvgPool{}, x.batch, x)
		if err != nil {
			return err
		}
		return n.reshapeTo(n.out[0], y, to)
	}
	first, last := axes[0], axes[len(axes)-1]
	if last-first != len(axes)-1 || x.batch >= first && x.batch <= last || x.batch > 0 {
		return lacks("the mean of %v over axes %v", s, axes)
	}
	// neighbours together, as the height of an image one wide
	count := s[first : last+1].Elements()
	view := []num{{v: 1}, {v: float64(s[min(first, 1):first].Elements())}, {v: float64(count)}, {v: float64(s[last+1:].Elements())}}
	if first > 0 {
		view[0] = num{float64(s[0]), x.batch == 0}
	}
	rows := n.fresh(n.label + "/rows")
	if err := n.reshapeTo(rows, x, view); err != nil {
		return err
	}
	y, err := n.step("mean", graph.AvgPool{Kernel: [2]int{count, 1}, Stride: [2]int{1, 1}}, n.im.values[rows].batch, n.im.values[rows])
	if err != nil {
		return err
	}
	return n.reshapeTo(n.out[0], y, to)
}

// axes makes negative axes count from the end and checks them against a rank.
func (n *node) axes(axes []int, rank int) ([]int, error) {
	out := make([]int, len(axes))
	for i, a := range axes {
		if a < 0 {
			a += rank
		}
		if a < 0 || a >= rank || slices.Contains(out[:i], a) {
			return nil, n.refuse("axes %v do not fit %d dimensions", axes, rank)
		}
		out[i] = a
	}
	return out, nil
}

// axis reads an axis attribute.
func (n *node) axis(otherwise, rank int) (int, error) {
	a, err := n.axes([]int{n.int("axis", otherwise)}, rank)
	if err != nil {
		return 0, err
	}
	return a[0], nil
}
