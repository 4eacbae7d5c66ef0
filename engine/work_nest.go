package engine

import "github.com/wispnet/wisp/internal/kernel"

// unaryWork is an activation or affine function of every row of channels.
type unaryWork struct {
	fn   func(*kernel.UnaryArgs)
	x, y ref
	nest nest // operands x, y; inner 1
	act  kernel.Act
	// scale and shift are per channel, where affine is set.
	affine       bool
	scale, shift ref
}

func (w *unaryWork) run(c *ctx, u0, u1 int) {
	x, y, n := c.slice(w.x), c.slice(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.unary
		*a = kernel.UnaryArgs{
			X: x[off[0]:], Y: y[off[1]:], M: count, N: n.dims[d+1],
			LDX: n.st[0][d], LDY: n.st[1][d], Act: w.act,
		}
		if w.affine {
			a.Scale, a.Shift = c.slice(w.scale), c.slice(w.shift)
		}
		w.fn(a)
		u0 += count
	}
}

// binaryWork is arithmetic of two operands that may repeat along any dimension.
type binaryWork struct {
	fn      func(*kernel.BinaryArgs)
	a, b, y ref
	nest    nest // operands a, b, y; inner 1
	op      kernel.BinaryFn
	act     kernel.Act
	image   *imageOperands // nil where it is not arithmetic on images
}

func (w *binaryWork) run(c *ctx, u0, u1 int) {
	x, z, y, n := c.slice(w.a), c.slice(w.b), c.slice(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.binary
		*a = kernel.BinaryArgs{
			A: x[off[0]:], B: z[off[1]:], Y: y[off[2]:], M: count, N: n.dims[d+1],
			LDA: n.st[0][d], LDB: n.st[1][d], LDY: n.st[2][d],
			SA: n.st[0][d+1], SB: n.st[1][d+1], Fn: w.op, Act: w.act,
		}
		w.fn(a)
		u0 += count
	}
}

// softmaxWork is a softmax along one dimension, which the nest leaves out.
type softmaxWork struct {
	fn     func(*kernel.SoftmaxArgs)
	x, y   ref
	nest   nest // operands x, y; inner 0
	n      int
	sx, sy int
}

func (w *softmaxWork) run(c *ctx, u0, u1 int) {
	x, y, n := c.slice(w.x), c.slice(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.softmax
		*a = kernel.SoftmaxArgs{
			X: x[off[0]:], Y: y[off[1]:], M: count, N: w.n,
			LDX: n.st[0][d], LDY: n.st[1][d], SX: w.sx, SY: w.sy,
		}
		w.fn(a)
		u0 += count
	}
}

// copyWork moves a value to a place of another layout.
type copyWork struct {
	fn   func(*kernel.CopyArgs)
	x, y ref
	nest nest // operands x, y; inner 2
}

func (w *copyWork) run(c *ctx, u0, u1 int) {
	x, y, n := c.slice(w.x), c.slice(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.copy
		*a = kernel.CopyArgs{
			X: x[off[0]:], Y: y[off[1]:], Dims: [3]int{count, n.dims[d+1], n.dims[d+2]},
			XS: [3]int(n.st[0][d : d+3]), YS: [3]int(n.st[1][d : d+3]),
		}
		w.fn(a)
		u0 += count
	}
}
