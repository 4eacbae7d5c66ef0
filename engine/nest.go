package engine

import (
	"cmp"
	"slices"
)

// nest is a loop over several operands with strides: all dimensions but the last inner
// ones are walked here, as one flat index over rows; the kernel does the inner ones and a
// run of rows along the dimension before them.
type nest struct {
	dims  []int
	st    [3][]int // of each operand
	inner int      // dimensions left to the kernel
}

// newNest drops dimensions of one element, sorts the rest by the last operand's strides
// where sorted is set, joins neighbours that every operand walks evenly (but not the last
// keep ones), and pads to at least inner+1 dimensions.
func newNest(dims []int, inner, keep int, sorted bool, strides ...[]int) nest {
	type dim struct {
		n  int
		st [3]int
	}
	var all []dim
	for d, n := range dims {
		if n == 1 && d < len(dims)-keep {
			continue
		}
		x := dim{n: n}
		for o, st := range strides {
			x.st[o] = st[d]
		}
		all = append(all, x)
	}
	last := len(strides) - 1
	if sorted {
		slices.SortStableFunc(all, func(a, b dim) int { return cmp.Compare(b.st[last], a.st[last]) })
	}
	joined := all[:0]
	for i, d := range all {
		if k := len(joined) - 1; k >= 0 && i < len(all)-keep {
			p := &joined[k]
			if p.st[0] == d.n*d.st[0] && p.st[1] == d.n*d.st[1] && p.st[2] == d.n*d.st[2] {
				*p = dim{p.n * d.n, d.st}
				continue
			}
		}
		joined = append(joined, d)
	}
	for len(joined) < inner+1 {
		joined = slices.Insert(joined, 0, dim{n: 1})
	}
	n := nest{inner: inner}
	for _, d := range joined {
		n.dims = append(n.dims, d.n)
		for o := range n.st {
			n.st[o] = append(n.st[o], d.st[o])
		}
	}
	return n
}

// rowDim is the dimension along which one kernel call may cover a run of rows.
func (n *nest) rowDim() int { return len(n.dims) - n.inner - 1 }

// rows is how many flat rows there are.
func (n *nest) rows() int {
	r := 1
	for _, d := range n.dims[:n.rowDim()+1] {
		r *= d
	}
	return r
}

// span returns, for the flat row r, each operand's offset and how many rows, at most up to
// end, follow evenly.
func (n *nest) span(r, end int) (off [3]int, count int) {
	d := n.rowDim()
	count = min(n.dims[d]-r%n.dims[d], end-r)
	for ; d >= 0; d-- {
		i := r % n.dims[d]
		r /= n.dims[d]
		for o := range off {
			off[o] += i * n.st[o][d]
		}
	}
	return off, count
}
