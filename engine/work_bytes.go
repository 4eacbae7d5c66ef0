package engine

import (
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/kernel"
)

// byteArgs are the argument structs of the kernels over bytes, a thread's own.
type byteArgs struct {
	gemm       kernel.GemmU8Args
	dw         kernel.DwU8Args
	lookup     kernel.LookupU8Args
	binary     kernel.BinaryU8Args
	pool       kernel.PoolU8Args
	mean       kernel.MeanU8Args
	copy       kernel.CopyU8Args
	pad        kernel.PadU8Args
	quantize   kernel.QuantizeU8Args
	dequantize kernel.DequantizeU8Args
}

// raw turns a ref to quantized values into memory.
func (c *ctx) raw(r ref) []uint8 {
	switch r.src {
	case inArena:
		return c.s.bytes[c.s.p.bufs[r.buf].off+r.off:]
	case inInput:
		return c.s.rawIn[r.buf][r.off:]
	case inOutput:
		return c.s.rawOut[r.buf][r.off:]
	}
	return r.raw[r.off:]
}

// gemmU8Work is a product of bytes over lines of rows: one line for all pixels of a
// pointwise convolution, else a line for every row of outputs.
type gemmU8Work struct {
	v             *kernel.Variant[kernel.GemmU8Args]
	x, y          ref
	w             [][]int8 // packed, per group
	p             [][]int32
	segs          [][]kernel.Segment // of all groups, or of each
	groups, k, n  int                // of one group
	lines         int
	lineRows      int // lines of an image
	m             int // rows of a line
	xImage, xLine int // from image to image and from line to line
	yLine         int
	lda, ldy      int
	xGroup        int
	mb, nb        int // block
	finish        kernel.Finish
}

func (g *gemmU8Work) blocks() (mBlocks, nBlocks int) {
	return (g.m + g.mb - 1) / g.mb, (g.n + g.nb - 1) / g.nb
}

func (g *gemmU8Work) units() int {
	mBlocks, nBlocks := g.blocks()
	return g.groups * g.lines * mBlocks * nBlocks
}

func (g *gemmU8Work) run(c *ctx, u0, u1 int) {
	mBlocks, nBlocks := g.blocks()
	x, y := c.raw(g.x), c.raw(g.y)
	for u := u0; u < u1; u++ {
		nBlock, rest := u%nBlocks, u/nBlocks
		mBlock, rest := rest%mBlocks, rest/mBlocks
		line, group := rest%g.lines, rest/g.lines
		m0 := mBlock * g.mb
		a := &c.u8.gemm
		*a = kernel.GemmU8Args{
			A: x[line/g.lineRows*g.xImage+line%g.lineRows*g.xLine+m0*g.lda+group*g.xGroup:],
			W: g.w[group], P: g.p[group], C: y[line*g.yLine+m0*g.ldy+group*g.n:], Segs: g.segs[group%len(g.segs)],
			M: min(g.m, m0+g.mb) - m0, N0: nBlock * g.nb, N1: min((nBlock+1)*g.nb, g.n), K: g.k,
			LDA: g.lda, LDC: g.ldy, Finish: g.finish,
		}
		g.v.Fn(a)
	}
}

// dwU8Work is a depthwise convolution over images × channel groups × row bands.
type dwU8Work struct {
	fn             func(*kernel.DwU8Args)
	x, y           ref
	args           kernel.DwU8Args
	channels       int
	rb, cb         int
	images         int
	xImage, yImage int
}

func (d *dwU8Work) blocks() (rows, chans int) {
	return (d.args.OutH + d.rb - 1) / d.rb, (d.channels + d.cb - 1) / d.cb
}

func (d *dwU8Work) units() int {
	rows, chans := d.blocks()
	return d.images * rows * chans
}

func (d *dwU8Work) run(c *ctx, u0, u1 int) {
	rows, chans := d.blocks()
	x, y := c.raw(d.x), c.raw(d.y)
	for u := u0; u < u1; u++ {
		row, rest := u%rows, u/rows
		ch, image := rest%chans, rest/chans
		a := &c.u8.dw
		*a = d.args
		a.X, a.Y = x[image*d.xImage:], y[image*d.yImage:]
		a.Y0, a.Y1 = row*d.rb, min((row+1)*d.rb, a.OutH)
		a.C0, a.C1 = ch*d.cb, min((ch+1)*d.cb, d.channels)
		d.fn(a)
	}
}

// lookupWork is a function by table of every row of channels.
type lookupWork struct {
	fn    func(*kernel.LookupU8Args)
	x, y  ref
	table *[256]uint8
	nest  nest // operands x, y; inner 1
}

func (w *lookupWork) run(c *ctx, u0, u1 int) {
	x, y, n := c.raw(w.x), c.raw(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.u8.lookup
		*a = kernel.LookupU8Args{X: x[off[0]:], Y: y[off[1]:], Table: w.table, M: count, N: n.dims[d+1], LDX: n.st[0][d], LDY: n.st[1][d]}
		w.fn(a)
		u0 += count
	}
}

// binaryU8Work is arithmetic of two operands that may repeat along any dimension.
type binaryU8Work struct {
	fn      func(*kernel.BinaryU8Args)
	a, b, y ref
	nest    nest // operands a, b, y; inner 1
	sum     *fixed.Adder
	product *fixed.Times
}

func (w *binaryU8Work) run(c *ctx, u0, u1 int) {
	x, z, y, n := c.raw(w.a), c.raw(w.b), c.raw(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.u8.binary
		*a = kernel.BinaryU8Args{
			A: x[off[0]:], B: z[off[1]:], Y: y[off[2]:], M: count, N: n.dims[d+1],
			LDA: n.st[0][d], LDB: n.st[1][d], LDY: n.st[2][d], SA: n.st[0][d+1], SB: n.st[1][d+1],
			Sum: w.sum, Product: w.product,
		}
		w.fn(a)
		u0 += count
	}
}

// poolU8Work and padU8Work go over rows of images.
type poolU8Work struct {
	fn             func(*kernel.PoolU8Args)
	x, y           ref
	xImage, yImage int
	rows           int
	args           kernel.PoolU8Args
}

func (w *poolU8Work) run(c *ctx, u0, u1 int) {
	x, y := c.raw(w.x), c.raw(w.y)
	for u := u0; u < u1; {
		image, row := u/w.rows, u%w.rows
		end := min(w.rows, row+u1-u)
		a := &c.u8.pool
		*a = w.args
		a.X, a.Y, a.Y0, a.Y1 = x[image*w.xImage:], y[image*w.yImage:], row, end
		w.fn(a)
		u += end - row
	}
}

type padU8Work struct {
	x, y           ref
	xImage, yImage int
	rows           int
	args           kernel.PadU8Args
}

func (w *padU8Work) run(c *ctx, u0, u1 int) {
	x, y := c.raw(w.x), c.raw(w.y)
	for u := u0; u < u1; {
		image, row := u/w.rows, u%w.rows
		end := min(w.rows, row+u1-u)
		a := &c.u8.pad
		*a = w.args
		a.X, a.Y, a.Y0, a.Y1 = x[image*w.xImage:], y[image*w.yImage:], row, end
		kernel.PadU8(a)
		u += end - row
	}
}

// meanU8Work is a global average over images × channel groups.
type meanU8Work struct {
	fn             func(*kernel.MeanU8Args)
	x, y           ref
	args           kernel.MeanU8Args
	channels, cb   int
	xImage, yImage int
}

func (w *meanU8Work) perImage() int { return (w.channels + w.cb - 1) / w.cb }

func (w *meanU8Work) run(c *ctx, u0, u1 int) {
	x, y, n := c.raw(w.x), c.raw(w.y), w.perImage()
	for u := u0; u < u1; u++ {
		image, ch := u/n, u%n
		a := &c.u8.mean
		*a = w.args
		a.X, a.Y = x[image*w.xImage:], y[image*w.yImage:]
		a.C0, a.C1 = ch*w.cb, min((ch+1)*w.cb, w.channels)
		w.fn(a)
	}
}

// softmaxU8Work is a softmax along one dimension, which the nest leaves out.
type softmaxU8Work struct {
	x, y   ref
	nest   nest // operands x, y; inner 0
	n      int
	sx, sy int
	qx, qy fixed.Quant
}

func (w *softmaxU8Work) run(c *ctx, u0, u1 int) {
	x, y := c.raw(w.x), c.raw(w.y)
	for ; u0 < u1; u0++ {
		off, _ := w.nest.span(u0, u1)
		kernel.SoftmaxU8(x[off[0]:], y[off[1]:], w.n, w.sx, w.sy, w.qx, w.qy)
	}
}

// quantizeWork and dequantizeWork go between real numbers and bytes.
type quantizeWork struct {
	fn      func(*kernel.QuantizeU8Args)
	x, y    ref
	nest    nest
	q       fixed.Quant
	profile fixed.Profile
}

func (w *quantizeWork) run(c *ctx, u0, u1 int) {
	x, y, n := c.slice(w.x), c.raw(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.u8.quantize
		*a = kernel.QuantizeU8Args{X: x[off[0]:], Y: y[off[1]:], M: count, N: n.dims[d+1], LDX: n.st[0][d], LDY: n.st[1][d], Q: w.q, Profile: w.profile}
		w.fn(a)
		u0 += count
	}
}

type dequantizeWork struct {
	fn   func(*kernel.DequantizeU8Args)
	x, y ref
	nest nest
	q    fixed.Quant
}

func (w *dequantizeWork) run(c *ctx, u0, u1 int) {
	x, y, n := c.raw(w.x), c.slice(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.u8.dequantize
		*a = kernel.DequantizeU8Args{X: x[off[0]:], Y: y[off[1]:], M: count, N: n.dims[d+1], LDX: n.st[0][d], LDY: n.st[1][d], Q: w.q}
		w.fn(a)
		u0 += count
	}
}

// copyU8Work moves quantized values to a place of another layout.
type copyU8Work struct {
	fn   func(*kernel.CopyU8Args)
	x, y ref
	nest nest // operands x, y; inner 2
}

func (w *copyU8Work) run(c *ctx, u0, u1 int) {
	x, y, n := c.raw(w.x), c.raw(w.y), &w.nest
	d := n.rowDim()
	for u0 < u1 {
		off, count := n.span(u0, u1)
		a := &c.u8.copy
		*a = kernel.CopyU8Args{
			X: x[off[0]:], Y: y[off[1]:], Dims: [3]int{count, n.dims[d+1], n.dims[d+2]},
			XS: [3]int(n.st[0][d : d+3]), YS: [3]int(n.st[1][d : d+3]),
		}
		w.fn(a)
		u0 += count
	}
}
