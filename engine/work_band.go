package engine

import "github.com/wispnet/wisp/internal/kernel"

// How the works of work.go take part in a chain: what rows they look at, and how they
// compute some rows of an image from operands that may lie in rings.

func (g *gemmWork) shape() bandShape {
	images, h, w := g.pixels[0], g.pixels[1], g.pixels[2]
	if h <= 1 { // nothing to take turns over
		return bandShape{}
	}
	s := bandShape{
		images: images, outH: h,
		out: operand{g.y, g.groups * g.n, g.ldy * w, h, w, nil},
		in:  []operand{{g.x, g.groups * g.k, g.ldx * w, h, w, nil}},
	}
	if g.hasR {
		s.in = append(s.in, operand{g.r, g.groups * g.n, g.ldr * w, h, w, nil})
	}
	return s
}

func (g *gemmWork) band(c *ctx, image, y0, y1 int) {
	h, w := g.pixels[1], g.pixels[2]
	x, x0 := c.at(g.x, image, h*w*g.ldx)
	y, yBase := c.at(g.y, image, h*w*g.ldy)
	a := &c.gemm
	for group := range g.groups {
		a.Segs, a.M, a.N0, a.N1, a.K = g.segments(c, group), (y1-y0)*w, 0, g.n, g.k
		a.LDA, a.LDC, a.LDR, a.Act = g.ldx, g.ldy, g.ldr, g.act
		a.W, a.Bias, a.R = c.slice(g.w[group]), nil, nil
		a.A = x[(y0-x0)*w*g.ldx+group*g.xGroup:]
		a.C = y[(y0-yBase)*w*g.ldy+group*g.n:]
		if g.hasBias {
			a.Bias = c.slice(g.bias)[group*g.n:]
		}
		if g.hasR {
			r, r0 := c.at(g.r, image, h*w*g.ldr)
			a.R = r[(y0-r0)*w*g.ldr+group*g.n:]
		}
		g.fn(a)
	}
}

func (d *dwWork) shape() bandShape {
	a := &d.args
	s := bandShape{
		images: d.images, outH: a.OutH,
		out: operand{d.y, d.channels, a.YRow, a.OutH, a.OutW, nil},
		in:  []operand{d.in},
	}
	if d.hasR {
		s.in = append(s.in, operand{d.r, d.channels, a.RRow, a.OutH, a.OutW, nil})
	}
	return s
}

func (d *dwWork) band(c *ctx, image, y0, y1 int) {
	a := &c.dw
	*a = d.args
	x, x0 := c.at(d.x, image, d.xImage)
	y, yBase := c.at(d.y, image, d.yImage)
	// Rows count from y0 and from the first row that x holds.
	_, end := d.in.need(y0, y1)
	a.X, a.Y = x, y[(y0-yBase)*a.YRow:]
	a.PadTop += x0 - y0*a.StrideH
	a.InH = end - x0
	if d.hasR {
		r, r0 := c.at(d.r, image, d.rImage)
		a.R = r[(y0-r0)*a.RRow:]
	}
	a.Y0, a.Y1, a.C0, a.C1 = 0, y1-y0, 0, d.channels
	d.fn(a)
}

func (w *rowWork) shape() bandShape {
	if w.poolFn == nil {
		return bandShape{}
	}
	a := &w.pool
	return bandShape{
		images: w.images, outH: w.rows,
		out: operand{w.y, a.C1, a.YRow, w.rows, a.OutW, nil},
		in:  []operand{w.in},
	}
}

func (w *rowWork) band(c *ctx, image, y0, y1 int) {
	a := &c.pool
	*a = w.pool
	x, x0 := c.at(w.x, image, w.xImage)
	y, yBase := c.at(w.y, image, w.yImage)
	a.X, a.Y = x, y[(y0-yBase)*a.YRow:]
	a.PadTop += x0 - y0*a.StrideH
	_, end := w.in.need(y0, y1)
	a.InH = end - x0
	a.Y0, a.Y1 = 0, y1-y0
	w.poolFn(a)
}

// shape: a mean takes rows as they come and gives its vector with the last. It can stand
// only at the end of a chain of one strip.
func (w *meanWork) shape() bandShape {
	if w.h <= 1 {
		return bandShape{}
	}
	return bandShape{
		images: w.images, outH: w.h, vector: true, out: operand{ref{src: inWeights}, w.channels, 0, w.h, w.w, nil},
		in: []operand{{w.x, w.channels, w.w * w.args.LDX, w.h, w.w, nil}},
	}
}

func (w *meanWork) band(c *ctx, image, y0, y1 int) {
	x, x0 := c.at(w.x, image, w.xImage)
	if w.large() {
		if y0 == 0 {
			clear(c.means[:w.channels])
		}
		w.add(c, x[(y0-x0)*w.w*w.args.LDX:], y1-y0, 0, w.channels)
		if y1 == w.h {
			w.finish(c, c.slice(w.y)[image*w.yImage:], 0, w.channels)
		}
		return
	}
	a := &c.mean
	*a = w.args
	a.X, a.Y, a.C1 = x[(y0-x0)*w.w*a.LDX:], c.slice(w.y)[image*w.yImage:], w.channels
	a.M, a.Add, a.Of = (y1-y0)*w.w, y0 > 0, -1
	if y1 == w.h {
		a.Of = w.h * w.w
	}
	w.fn(a)
}

func (w *binaryWork) shape() bandShape {
	if w.image == nil {
		return bandShape{}
	}
	p := w.image
	s := bandShape{images: p.images, outH: p.h, out: operand{w.y, p.channels, p.w * p.pix[2], p.h, p.w, nil}}
	for i, r := range [2]ref{w.a, w.b} {
		if p.pix[i] > 0 {
			s.in = append(s.in, operand{r, p.channels, p.w * p.pix[i], p.h, p.w, nil})
		}
	}
	return s
}

func (w *binaryWork) band(c *ctx, image, y0, y1 int) {
	p := w.image
	a := &c.binary
	*a = kernel.BinaryArgs{M: (y1 - y0) * p.w, N: p.channels, LDA: p.pix[0], LDB: p.pix[1], LDY: p.pix[2], SA: 1, SB: 1, Fn: w.op, Act: w.act}
	for i, r := range [3]ref{w.a, w.b, w.y} {
		var m []float32
		if p.pix[i] == 0 { // one value for every channel of an image
			m = c.slice(r)[image*p.vector[i]:]
		} else {
			var base int
			m, base = c.at(r, image, p.h*p.w*p.pix[i])
			m = m[(y0-base)*p.w*p.pix[i]:]
		}
		switch i {
		case 0:
			a.A = m
		case 1:
			a.B = m
		default:
			a.Y = m
		}
	}
	w.fn(a)
}

// imageOperands is the geometry of arithmetic on images: the distance between pixels of
// both operands and the result, 0 for an operand that has one pixel, and then the distance
// between its images.
type imageOperands struct {
	images, h, w, channels int
	pix, vector            [3]int
}

// newImageOperands finds the geometry from the dimensions in the order of pixels and every
// operand's strides along them, or nil where there is none.
func newImageOperands(dims []int, strides ...[]int) *imageOperands {
	if len(dims) != 4 {
		return nil
	}
	p := &imageOperands{images: dims[0], h: dims[1], w: dims[2], channels: dims[3]}
	for i, st := range strides {
		pix := st[2]
		if dims[2] == 1 && dims[1] > 1 {
			pix = st[1]
		}
		switch {
		case dims[1]*dims[2] == 1 || dims[3] > 1 && st[3] != 1:
			return nil
		case st[1] == 0 && st[2] == 0 && i < 2:
			p.vector[i] = st[0]
		case pix >= dims[3] && (dims[1] == 1 || st[1] == dims[2]*pix) && (dims[0] == 1 || st[0] == dims[1]*dims[2]*pix):
			p.pix[i] = pix
		default:
			return nil
		}
	}
	return p
}
