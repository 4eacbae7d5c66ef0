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
	copy       kernel.BandArgs
	xGroup     int // elements between the groups' inputs
	xImage     int // elements between images
	scratch    int // elements that a band takes
	window     kernel.Window
	rowSize    int // of the input
}

func (d *directWork) bands() int { return (d.outH + d.rows - 1) / d.rows }

func (d *directWork) units() int { return d.groups * d.images * d.bands() }

func (d *directWork) run(c *ctx, u0, u1 int) {
	for u := u0; u < u1; u++ {
		band, rest := u%d.bands(), u/d.bands()
		image, group := rest%d.images, rest/d.images
		y0 := band * d.rows
		d.rowsOf(c, image, group, y0, min(y0+d.rows, d.outH))
	}
}

func (d *directWork) shape() bandShape {
	s := bandShape{
		images: d.images, outH: d.outH,
		out: operand{d.y, d.groups * d.n, d.ldy * d.outW, d.outH, d.outW, nil},
		in:  []operand{{d.x, d.groups * d.xGroup, d.rowSize, d.copy.InH, d.copy.InW, &d.window}},
	}
	if d.hasR {
		s.in = append(s.in, operand{d.r, d.groups * d.n, d.ldr * d.outW, d.outH, d.outW, nil})
	}
	return s
}

func (d *directWork) band(c *ctx, image, y0, y1 int) {
	for group := range d.groups {
		for y := y0; y < y1; y += d.rows {
			d.rowsOf(c, image, group, y, min(y+d.rows, y1))
		}
	}
}

// rowsOf computes output rows [y0, y1), at most d.rows, of one image and group.
func (d *directWork) rowsOf(c *ctx, image, group, y0, y1 int) {
	b := &c.band
	*b = d.copy
	x, x0 := c.at(d.x, image, d.xImage)
	b.X, b.Y = x[group*d.xGroup:], c.scratch
	b.Y0 = y0*d.strideH - d.padTop - x0
	b.InH -= x0
	b.Rows = (y1-y0-1)*d.strideH + (d.window.KH-1)*d.window.DilH + 1
	kernel.Band(b)
	a := &c.gemm
	*a = kernel.GemmArgs{
		W: c.slice(d.w[group]), Segs: d.segs, M: d.outW, N1: d.n, K: d.k,
		LDA: d.lda, LDC: d.ldy, LDR: d.ldr, Act: d.act,
	}
	if d.hasBias {
		a.Bias = c.slice(d.bias)[group*d.n:]
	}
	y, yBase := c.at(d.y, image, d.outH*d.outW*d.ldy)
	var r []float32
	rBase := 0
	if d.hasR {
		r, rBase = c.at(d.r, image, d.outH*d.outW*d.ldr)
	}
	for oy := y0; oy < y1; oy++ {
		a.A = c.scratch[(oy-y0)*d.strideH*b.YRow:]
		a.C = y[(oy-yBase)*d.outW*d.ldy+group*d.n:]
		if d.hasR {
			a.R = r[(oy-rBase)*d.outW*d.ldr+group*d.n:]
		}
		d.fn(a)
	}
}
