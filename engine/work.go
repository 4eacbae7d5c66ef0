package engine

import (
	"time"

	"github.com/wispnet/wisp/internal/kernel"
)

// ctx is what one thread of a session works with. It owns the argument structs, so that
// passing pointers to kernels allocates nothing.
type ctx struct {
	s       *Session
	scratch []float32
	rings   []ring // of every buffer; without data where it lies in the arena
	cursor  cursor
	clock   []time.Duration // of the steps of a chain, while profiling
	means   []float64       // of every channel, for means of large maps
	part    []float32       // sums of a few pixels

	gemm    kernel.GemmArgs
	seg     [1]kernel.Segment
	im2row  kernel.Im2rowArgs
	band    kernel.BandArgs
	patches kernel.WinogradInArgs
	sums    kernel.WinogradOutArgs
	dw      kernel.DwArgs
	pool    kernel.PoolArgs
	mean    kernel.MeanArgs
	unary   kernel.UnaryArgs
	binary  kernel.BinaryArgs
	softmax kernel.SoftmaxArgs
	copy    kernel.CopyArgs
	pad     kernel.PadArgs
	resize  kernel.ResizeArgs
	u8      byteArgs
}

// slice turns a ref into memory.
func (c *ctx) slice(r ref) []float32 {
	switch r.src {
	case inArena:
		return c.s.arena[c.s.p.bufs[r.buf].off+r.off:]
	case inInput:
		return c.s.in[r.buf][r.off:]
	case inOutput:
		return c.s.out[r.buf][r.off:]
	}
	return r.data[r.off:]
}

// gemmWork is a matrix product over blocks of rows and columns, once per group. With
// im2row the rows are windows gathered into scratch, and block rows are output pixels of
// one image; without, they are pixels of the input.
type gemmWork struct {
	fn      func(*kernel.GemmArgs)
	x, y, r ref
	hasR    bool
	bias    ref
	hasBias bool
	w       []ref // packed, per group
	groups  int
	k, n    int    // of one group
	m       int    // rows of one image, or of all where nothing is gathered
	pixels  [3]int // images, height and width where nothing is gathered
	images  int    // 1 where nothing is gathered
	mb, nb  int    // block
	act     kernel.Act
	ldx     int
	ldy     int
	ldr     int
	xGroup  int                // elements between the groups' inputs
	segs    [][]kernel.Segment // of every group's rows, where they are not one run
	gather  *kernel.Im2rowArgs
	xImage  int // elements between images
}

func (g *gemmWork) blocks() (mBlocks, nBlocks int) {
	return (g.m + g.mb - 1) / g.mb, (g.n + g.nb - 1) / g.nb
}

func (g *gemmWork) units() int {
	mBlocks, nBlocks := g.blocks()
	return g.groups * g.images * mBlocks * nBlocks
}

// segments are the runs of a group's rows.
func (g *gemmWork) segments(c *ctx, group int) []kernel.Segment {
	if g.segs != nil {
		return g.segs[group]
	}
	c.seg[0] = kernel.Segment{K: g.k}
	return c.seg[:]
}

func (g *gemmWork) run(c *ctx, u0, u1 int) {
	mBlocks, nBlocks := g.blocks()
	x, y := c.slice(g.x), c.slice(g.y)
	var r []float32
	if g.hasR {
		r = c.slice(g.r)
	}
	for u := u0; u < u1; u++ {
		nBlock, rest := u%nBlocks, u/nBlocks
		mBlock, rest := rest%mBlocks, rest/mBlocks
		image, group := rest%g.images, rest/g.images
		m0 := mBlock * g.mb
		m1 := min(m0+g.mb, g.m)
		row := image*g.m + m0
		a := &c.gemm
		*a = kernel.GemmArgs{
			W: c.slice(g.w[group]), M: m1 - m0, N0: nBlock * g.nb, N1: min((nBlock+1)*g.nb, g.n), K: g.k,
			LDC: g.ldy, LDR: g.ldr, Act: g.act, Segs: g.segments(c, group), C: y[row*g.ldy+group*g.n:],
		}
		if g.gather != nil {
			im := &c.im2row
			*im = *g.gather
			im.X, im.Y, im.P0, im.P1 = x[image*g.xImage+group*g.xGroup:], c.scratch, m0, m1
			kernel.Im2row(im)
			a.A, a.LDA = c.scratch, g.k
		} else {
			a.A, a.LDA = x[row*g.ldx+group*g.xGroup:], g.ldx
		}
		if g.hasBias {
			a.Bias = c.slice(g.bias)[group*g.n:]
		}
		if g.hasR {
			a.R = r[row*g.ldr+group*g.n:]
		}
		g.fn(a)
	}
}

// dwWork is a depthwise convolution over images × row bands × channel groups.
type dwWork struct {
	fn                     func(*kernel.DwArgs)
	x, y, r                ref
	hasR                   bool
	args                   kernel.DwArgs // weights, bias, geometry
	channels               int
	rb, cb                 int // rows and channels of a unit
	images                 int
	xImage, yImage, rImage int
	in                     operand
}

func (d *dwWork) blocks() (rows, chans int) {
	return (d.args.OutH + d.rb - 1) / d.rb, (d.channels + d.cb - 1) / d.cb
}

func (d *dwWork) units() int {
	rows, chans := d.blocks()
	return d.images * rows * chans
}

func (d *dwWork) run(c *ctx, u0, u1 int) {
	rows, chans := d.blocks()
	x, y := c.slice(d.x), c.slice(d.y)
	var r []float32
	if d.hasR {
		r = c.slice(d.r)
	}
	for u := u0; u < u1; u++ {
		row, rest := u%rows, u/rows
		ch, image := rest%chans, rest/chans
		a := &c.dw
		*a = d.args
		a.X, a.Y = x[image*d.xImage:], y[image*d.yImage:]
		if d.hasR {
			a.R = r[image*d.rImage:]
		}
		a.Y0, a.Y1 = row*d.rb, min((row+1)*d.rb, a.OutH)
		a.C0, a.C1 = ch*d.cb, min((ch+1)*d.cb, d.channels)
		d.fn(a)
	}
}

// rowWork is a kernel over output rows of images: pooling, padding and resizing.
type rowWork struct {
	x, y           ref
	xImage, yImage int
	rows           int // of one image
	images         int
	in             operand // of a pooling
	call           func(c *ctx, w *rowWork, x, y []float32, y0, y1 int)
	pool           kernel.PoolArgs
	pad            kernel.PadArgs
	resize         kernel.ResizeArgs
	poolFn         func(*kernel.PoolArgs)
}

func (w *rowWork) run(c *ctx, u0, u1 int) {
	x, y := c.slice(w.x), c.slice(w.y)
	for u := u0; u < u1; {
		image, row := u/w.rows, u%w.rows
		end := min(w.rows, row+u1-u)
		w.call(c, w, x[image*w.xImage:], y[image*w.yImage:], row, end)
		u += end - row
	}
}

func callPool(c *ctx, w *rowWork, x, y []float32, y0, y1 int) {
	a := &c.pool
	*a = w.pool
	a.X, a.Y, a.Y0, a.Y1 = x, y, y0, y1
	w.poolFn(a)
}

func callPad(c *ctx, w *rowWork, x, y []float32, y0, y1 int) {
	a := &c.pad
	*a = w.pad
	a.X, a.Y, a.Y0, a.Y1 = x, y, y0, y1
	kernel.Pad(a)
}

func callResize(c *ctx, w *rowWork, x, y []float32, y0, y1 int) {
	a := &c.resize
	*a = w.resize
	a.X, a.Y, a.Y0, a.Y1 = x, y, y0, y1
	kernel.Resize(a)
}
