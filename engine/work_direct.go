package engine

import "github.com/wispnet/wisp/internal/kernel"

// directWork is a convolution as matrix products over the image itself: bands of rows are
// copied to where they have room for their padding, and every row of outputs is a product
// whose rows lie StrideW pixels apart and overlap. Nothing is gathered. Units are images ×
// bands of output rows, once per group.
type directWork struct {
	fn         func(*kernel.GemmArgs)
	x, y, r    ref
	hasR       bool
	bias       ref
	hasBias    bool
	w          []ref // packed, per group
	groups     int
	k, n       int // of one group
	images     int
	outH, outW int
	rows       int // of outputs in a band
	strideH    int
	padTop     int
	segs       []kernel.Segment
	act        kernel.Act
	lda        int
	ldy, ldr   int
	band       kernel.BandArgs
	xGroup     int // elements between the groups' inputs
	xImage     int // elements between images
}

func (d *directWork) bands() int { return (d.outH + d.rows - 1) / d.rows }

func (d *directWork) units() int { return d.groups * d.images * d.bands() }

func (d *directWork) run(c *ctx, u0, u1 int) {
	x, y := c.slice(d.x), c.slice(d.y)
	var r []float32
	if d.hasR {
		r = c.slice(d.r)
	}
	for u := u0; u < u1; u++ {
		band, rest := u%d.bands(), u/d.bands()
		image, group := rest%d.images, rest/d.images
		y0 := band * d.rows
		y1 := min(y0+d.rows, d.outH)
		b := &c.band
		*b = d.band
		b.X, b.Y, b.Y0 = x[image*d.xImage+group*d.xGroup:], c.scratch, y0*d.strideH-d.padTop
		kernel.Band(b)
		a := &c.gemm
		*a = kernel.GemmArgs{
			W: c.slice(d.w[group]), Segs: d.segs, M: d.outW, N1: d.n, K: d.k,
			LDA: d.lda, LDC: d.ldy, LDR: d.ldr, Act: d.act,
		}
		if d.hasBias {
			a.Bias = c.slice(d.bias)[group*d.n:]
		}
		for oy := y0; oy < y1; oy++ {
			row := (image*d.outH + oy) * d.outW
			a.A = c.scratch[(oy-y0)*d.strideH*b.YRow:]
			a.C = y[row*d.ldy+group*d.n:]
			if d.hasR {
				a.R = r[row*d.ldr+group*d.n:]
			}
			d.fn(a)
		}
	}
}
