package engine

import (
	"github.com/wispnet/wisp/tensor"
)

// source says what a ref points into.
type source uint8

const (
	inArena source = iota
	inWeights
	inInput  // the tensor that the caller of Run gave; it has no slack behind it
	inOutput // the tensor that the caller of Run gets
)

// ref is where a piece of memory begins.
type ref struct {
	src  source
	buf  int // index of the buffer, input or output
	off  int // elements from its start
	data []float32
	// Of quantized values: elements are bytes, and those of weights stand in raw.
	bytes bool
	raw   []uint8
}

// at returns the ref n elements further on.
func (r ref) at(n int) ref { r.off += n; return r }

// view is where a value lies. Values of rank 4 are images: element (n, c, y, x) lies at
// ((n·H + y)·W + x)·pix + c. Values of rank 2 are images of one pixel. Others, and those
// with planar, are row-major as the logical shape says.
type view struct {
	ref
	pix    int
	planar bool
	// order, unless nil, is where each channel of the value lies: channel c at order[c] in
	// place of c. Only pointwise convolutions read such a value (see shuffle).
	order []int
}

// imaged reports whether values of this rank are stored by pixels.
func imaged(rank int) bool { return rank == 4 || rank == 2 }

// strides returns the distance between neighbours along each logical dimension.
func (v view) strides(s tensor.Shape) []int {
	st := make([]int, len(s))
	if imaged(len(s)) && !v.planar {
		if len(s) == 2 {
			return []int{v.pix, 1}
		}
		return []int{s[2] * s[3] * v.pix, 1, s[3] * v.pix, v.pix}
	}
	n := 1
	for d := len(s) - 1; d >= 0; d-- {
		st[d] = n
		n *= s[d]
	}
	return st
}

// dense is how many elements a new buffer for the shape has and its pixel distance.
func dense(s tensor.Shape) (size, pix int) {
	pix = 1
	if imaged(len(s)) {
		pix = s[1]
	}
	return s.Elements(), pix
}

// viewOf returns the view with the given logical strides, if there is one: the inverse of
// strides. Dimensions of one element have no stride to obey.
func viewOf(r ref, s tensor.Shape, st []int) (view, bool) {
	v := view{ref: r, pix: 1}
	if !imaged(len(s)) {
		for d, want := range (view{planar: true}).strides(s) {
			if s[d] > 1 && st[d] != want {
				return view{}, false
			}
		}
		return v, true
	}
	if s[1] > 1 && st[1] != 1 {
		return view{}, false
	}
	h, w, sh, sw := 1, 1, 0, 0
	if len(s) == 4 {
		h, w, sh, sw = s[2], s[3], st[2], st[3]
	}
	switch {
	case w > 1:
		v.pix = sw
	case h > 1:
		v.pix = sh
	case s[0] > 1:
		v.pix = st[0]
	default:
		v.pix = s[1]
	}
	if v.pix < s[1] || h > 1 && sh != w*v.pix || s[0] > 1 && st[0] != h*w*v.pix {
		return view{}, false
	}
	return v, true
}

// regroup finds the strides of the same elements under another shape, where row-major
// order is kept: ok is false where that takes a copy.
func regroup(from tensor.Shape, st []int, to tensor.Shape) ([]int, bool) {
	type run struct{ n, stride int } // runs of the old shape that are evenly spaced
	var runs []run
	for d, n := range from {
		if n == 1 {
			continue
		}
		if k := len(runs) - 1; k >= 0 && runs[k].stride == n*st[d] {
			runs[k] = run{runs[k].n * n, st[d]}
		} else {
			runs = append(runs, run{n, st[d]})
		}
	}
	out := make([]int, len(to))
	k, left := len(runs)-1, 1
	if k >= 0 {
		left = runs[k].n
	}
	for d := len(to) - 1; d >= 0; d-- {
		if to[d] == 1 {
			continue
		}
		for left == 1 {
			k--
			if k < 0 {
				return nil, false
			}
			left = runs[k].n
		}
		if left%to[d] != 0 {
			return nil, false
		}
		out[d] = runs[k].stride * (runs[k].n / left)
		left /= to[d]
	}
	return out, true
}
