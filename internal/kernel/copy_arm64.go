//go:build !purego

package kernel

import "unsafe"

// spreadCall copies M rows: N whole registers of contiguous elements and, where Last is not
// 0, one more at that offset, which overlaps them, to places Step apart, or of as many
// planes as Ways says, Plane apart, whose elements lie side by side in the destination.
// Offsets are in bytes; LastY is where Last goes. The order of the fields is that of
// _asm/structs.
type spreadCall struct {
	x, y        unsafe.Pointer
	xrow, yrow  int
	m, n        int
	last, lastY int
	step        int
	plane, ways int
}

//go:noescape
func spreadF32NEON(t *spreadCall)

//go:noescape
func spreadU8NEON(t *spreadCall)

//go:noescape
func interleaveF32NEON(t *spreadCall)

//go:noescape
func interleaveU8NEON(t *spreadCall)

func copyF32NEON(a *CopyArgs) {
	if !copyNEON(a.X, a.Y, a.Dims, a.XS, a.YS) {
		copyGeneric(a)
	}
}

func copyU8RunNEON(a *CopyU8Args) {
	if !copyNEON(a.X, a.Y, a.Dims, a.XS, a.YS) {
		copyU8Generic(a)
	}
}

// copyNEON has the assembly copy and reports whether it can: to places a small step apart,
// or all planes of such places at once.
func copyNEON[T uint8 | float32](x, y []T, dims, xs, ys [3]int) bool {
	size := int(unsafe.Sizeof(*new(T)))
	lanes := 16 / size
	row := spreadRow(dims, xs, ys, lanes)
	if row < 0 {
		return false
	}
	_, _ = x[copyLast(dims, xs)], y[copyLast(dims, ys)]
	t := spreadCall{step: size * ys[row], ways: 1}
	for _, planes := range [2]int{(row + 1) % 3, (row + 2) % 3} {
		if t.ways == 1 && ys[planes] == 1 && dims[planes] == ys[row] {
			t.ways, t.plane, dims[planes] = ys[row], size*xs[planes], 1
		}
	}
	spread(dims, xs, ys, row, lanes, size, func(from, to, m, n, inner int) {
		t.xrow, t.yrow = size*xs[inner], size*ys[inner]
		t.m, t.n, t.last, t.lastY = m, n/lanes, 0, 0
		if n%lanes != 0 {
			t.last, t.lastY = size*(n-lanes), t.step*(n-lanes)
		}
		t.x, t.y = unsafe.Pointer(&x[from]), unsafe.Pointer(&y[to])
		switch {
		case size == 1 && t.ways > 1:
			interleaveU8NEON(&t)
		case size == 1:
			spreadU8NEON(&t)
		case t.ways > 1:
			interleaveF32NEON(&t)
		default:
			spreadF32NEON(&t)
		}
	})
	return true
}
