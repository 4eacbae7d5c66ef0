package engine

import "github.com/wispnet/wisp/internal/kernel"

// winogradWork is a dense 3×3 convolution of stride 1 by Winograd's F(2×2, 3×3): bands of
// rows of tiles are copied to where they have room for their padding, transformed, summed
// over channels by 16 matrix products for nb outputs at a time, and transformed back. Units
// are images × bands × parts of the outputs, each part with the transform of its own.
type winogradWork struct {
	in      func(*kernel.WinogradInArgs)
	gemm    func(*kernel.GemmArgs)
	out     func(*kernel.WinogradOutArgs)
	x, y, r ref
	hasR    bool
	bias    ref
	hasBias bool
	w       ref // 16 packed positions
	k, n    int
	cols    int // of a panel
	images  int
	outH    int
	outW    int
	rows    int // of tiles in a band
	part    int // outputs of a unit
	nb      int // outputs at a time
	padTop  int
	act     kernel.Act
	ldy     int
	ldr     int
	copy    kernel.BandArgs
	xImage  int
	tileK   int // elements of a transformed patch's channels
	// Where scratch memory is cut: patches and sums follow the band.
	patches, sums int
}

func (w *winogradWork) tiles() int { return (w.outW + 1) / 2 }

func (w *winogradWork) bands() int { return ((w.outH+1)/2 + w.rows - 1) / w.rows }

func (w *winogradWork) parts() int { return (w.n + w.part - 1) / w.part }

func (w *winogradWork) units() int { return w.images * w.bands() * w.parts() }

func (w *winogradWork) run(c *ctx, u0, u1 int) {
	for u := u0; u < u1; u++ {
		part, rest := u%w.parts(), u/w.parts()
		band, image := rest%w.bands(), rest/w.bands()
		y0 := 2 * band * w.rows
		y1 := min(y0+2*w.rows, w.outH)
		w.transform(c, image, y0, y1)
		for n0 := part * w.part; n0 < min((part+1)*w.part, w.n); n0 += w.nb {
			w.product(c, image, y0, y1, n0, min(n0+w.nb, (part+1)*w.part, w.n))
		}
	}
}

// transform fills the patches of output rows [y0, y1).
func (w *winogradWork) transform(c *ctx, image, y0, y1 int) {
	b := &c.band
	*b = w.copy
	b.X, b.Y = c.slice(w.x)[image*w.xImage:], c.scratch
	b.Y0, b.Rows = y0-w.padTop, (y1-y0+1)/2*2+2
	kernel.Band(b)
	c.patches = kernel.WinogradInArgs{
		X: c.scratch, Y: c.scratch[w.patches:], Rows: (y1 - y0 + 1) / 2, Tiles: w.tiles(), C: w.k,
		XRow: b.YRow, XPix: b.C, YPos: w.rows * w.tiles() * w.tileK, YTile: w.tileK,
	}
	w.in(&c.patches)
}

// product computes outputs [n0, n1) of rows [y0, y1).
func (w *winogradWork) product(c *ctx, image, y0, y1, n0, n1 int) {
	tiles := (y1 - y0 + 1) / 2 * w.tiles()
	xPos, panels := w.rows*w.tiles()*w.tileK, kernel.PackedSize(w.k, w.n, w.cols)
	mPos := w.rows * w.tiles() * w.nb
	weights := c.slice(w.w)
	a := &c.gemm
	c.seg[0] = kernel.Segment{K: w.k}
	for p := range 16 {
		*a = kernel.GemmArgs{
			A: c.scratch[w.patches+p*xPos:], W: weights[p*panels+n0*w.k:], C: c.scratch[w.sums+p*mPos:], Segs: c.seg[:],
			M: tiles, N1: n1 - n0, K: w.k, LDA: w.tileK, LDC: w.nb,
		}
		w.gemm(a)
	}
	s := &c.sums
	*s = kernel.WinogradOutArgs{
		X: c.scratch[w.sums:], Y: c.slice(w.y)[(image*w.outH+y0)*w.outW*w.ldy+n0:], Tiles: w.tiles(),
		OutH: y1 - y0, OutW: w.outW, N: n1 - n0, XPos: mPos, XTile: w.nb, Act: w.act,
		YRow: w.outW * w.ldy, YPix: w.ldy, RRow: w.outW * w.ldr, RPix: w.ldr,
	}
	if w.hasBias {
		s.Bias = c.slice(w.bias)[n0:]
	}
	if w.hasR {
		s.R = c.slice(w.r)[(image*w.outH+y0)*w.outW*w.ldr+n0:]
	}
	w.out(s)
}
