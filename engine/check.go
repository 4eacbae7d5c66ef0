package engine

import (
	"fmt"
	"slices"
)

// The invariant of a plan: every element that a step reads was written before, and lies
// inside of its buffer. Tests check it element by element; chains check their rows whenever
// they are planned (see chain.check).

// extent is a piece of memory that a step touches: the elements at off + Σ index·stride.
type extent struct {
	ref
	dims, st []int
}

// pixels is n rows of channels elements, pix elements apart, for each of images.
func pixels(r ref, images, image, n, pix, channels int) extent {
	return extent{r, []int{images, n, channels}, []int{image, pix, 1}}
}

// each calls f for every element's place in the buffer.
func (e extent) each(f func(at int) error) error {
	return walk(e.off, e.dims, e.st, f)
}

func walk(at int, dims, st []int, f func(at int) error) error {
	if len(dims) == 0 {
		return f(at)
	}
	for i := range dims[0] {
		if err := walk(at+i*st[0], dims[1:], st[1:], f); err != nil {
			return err
		}
	}
	return nil
}

// operand is the extent of rows [y0, y1) of every image of an operand.
func (o *operand) extent(images, y0, y1 int) extent {
	return extent{o.ref, []int{images, y1 - y0, o.width, o.channels}, []int{o.height * o.rowSize, o.rowSize, o.rowSize / o.width, 1}}.from(y0 * o.rowSize)
}

func (e extent) from(n int) extent { e.off += n; return e }

// touched is what a work on floating-point numbers writes and reads, all of its units
// together; ok is false for works that are not described.
func touched(w runner) (write extent, reads []extent, ok bool) {
	nested := func(r ref, n *nest, operand int, more ...[2]int) extent {
		e := extent{ref: r}
		for d, size := range n.dims {
			e.dims, e.st = append(e.dims, size), append(e.st, n.st[operand][d])
		}
		for _, m := range more {
			e.dims, e.st = append(e.dims, m[0]), append(e.st, m[1])
		}
		return e
	}
	line := func(r ref, n int) extent { return extent{r, []int{n}, []int{1}} }
	switch w := w.(type) {
	case *gemmWork:
		rows := w.images * w.m
		write = pixels(w.y, 1, 0, rows, w.ldy, w.groups*w.n)
		if g := w.gather; g != nil {
			reads = append(reads, extent{w.x, []int{w.images, g.InH, g.InW, w.groups, g.C}, []int{w.xImage, g.XRow, g.XPix, w.xGroup, g.XChan}})
		} else {
			reads = append(reads, pixels(w.x, 1, 0, rows, w.ldx, w.groups*w.k))
		}
		if w.hasR {
			reads = append(reads, pixels(w.r, 1, 0, rows, w.ldr, w.groups*w.n))
		}
		if w.hasBias {
			reads = append(reads, line(w.bias, w.groups*w.n))
		}
		for _, p := range w.w {
			reads = append(reads, line(p, w.k*w.n))
		}
	case *dwWork:
		s := w.shape()
		return s.out.extent(s.images, 0, s.out.height), operandExtents(&s), true
	case *directWork:
		s := w.shape()
		write, reads = s.out.extent(s.images, 0, s.out.height), operandExtents(&s)
		c := &w.copy
		reads[0] = extent{w.x, []int{w.images, c.InH, c.InW, w.groups, c.Planes, c.C}, []int{w.xImage, c.XRow, c.XPix, w.xGroup, c.XPlane, 1}}
		if w.hasBias {
			reads = append(reads, line(w.bias, w.groups*w.n))
		}
		for _, p := range w.w {
			reads = append(reads, line(p, w.k*w.n))
		}
	case *winogradWork:
		rows := w.images * w.outH * w.outW
		write = pixels(w.y, 1, 0, rows, w.ldy, w.n)
		c := &w.copy
		reads = append(reads, extent{w.x, []int{w.images, c.InH, c.InW, c.C}, []int{w.xImage, c.XRow, c.XPix, 1}})
		if w.hasR {
			reads = append(reads, pixels(w.r, 1, 0, rows, w.ldr, w.n))
		}
		if w.hasBias {
			reads = append(reads, line(w.bias, w.n))
		}
	case *rowWork:
		var in, out [4]int // rows, pixels, channels; row size is strides' first
		var xs, ys [2]int
		switch {
		case w.poolFn != nil:
			p := &w.pool
			in, out = [4]int{w.images, p.InH, p.InW, p.C1}, [4]int{w.images, w.rows, p.OutW, p.C1}
			xs, ys = [2]int{p.XRow, p.XPix}, [2]int{p.YRow, p.YPix}
		case w.pad.C > 0:
			p := &w.pad
			in, out = [4]int{w.images, p.InH, p.InW, p.C}, [4]int{w.images, w.rows, p.OutW, p.C}
			xs, ys = [2]int{p.XRow, p.XPix}, [2]int{p.YRow, p.YPix}
		default:
			p := &w.resize
			in = [4]int{w.images, int(slices.Max(p.Rows)) + 1, int(slices.Max(p.Cols)) + 1, p.C}
			out = [4]int{w.images, w.rows, len(p.Cols), p.C}
			xs, ys = [2]int{p.XRow, p.XPix}, [2]int{p.YRow, p.YPix}
		}
		write = extent{w.y, out[:], []int{w.yImage, ys[0], ys[1], 1}}
		reads = append(reads, extent{w.x, in[:], []int{w.xImage, xs[0], xs[1], 1}})
	case *meanWork:
		write = pixels(w.y, 1, 0, w.images, w.yImage, w.channels)
		reads = append(reads, pixels(w.x, w.images, w.xImage, w.args.M, w.args.LDX, w.channels))
	case *unaryWork:
		write, reads = nested(w.y, &w.nest, 1), []extent{nested(w.x, &w.nest, 0)}
		if w.affine {
			n := w.nest.dims[len(w.nest.dims)-1]
			reads = append(reads, line(w.scale, n), line(w.shift, n))
		}
	case *binaryWork:
		write, reads = nested(w.y, &w.nest, 2), []extent{nested(w.a, &w.nest, 0), nested(w.b, &w.nest, 1)}
	case *softmaxWork:
		write, reads = nested(w.y, &w.nest, 1, [2]int{w.n, w.sy}), []extent{nested(w.x, &w.nest, 0, [2]int{w.n, w.sx})}
	case *copyWork:
		write, reads = nested(w.y, &w.nest, 1), []extent{nested(w.x, &w.nest, 0)}
	case *normWork:
		write = line(w.y, 2*w.n)
		for _, r := range w.stats {
			reads = append(reads, line(r, w.n))
		}
	case *scaleWork:
		n := w.panels * w.k * w.cols
		write, reads = line(w.y, n), []extent{line(w.x, n), line(w.s, w.k)}
	default:
		return extent{}, nil, false
	}
	return write, reads, true
}

// operandExtents are all rows of every operand.
func operandExtents(s *bandShape) []extent {
	var all []extent
	for i := range s.in {
		all = append(all, s.in[i].extent(s.images, 0, s.in[i].height))
	}
	return all
}

// written is which elements of every buffer have content.
type written [][]bool

func (w written) read(node string, e extent) error {
	if e.src != inArena {
		return nil
	}
	return e.each(func(at int) error {
		if at < 0 || at >= len(w[e.buf]) {
			return fmt.Errorf("step %q reads element %d of a buffer of %d", node, at, len(w[e.buf]))
		}
		if !w[e.buf][at] {
			return fmt.Errorf("step %q reads element %d of buffer %d, which nothing has written", node, at, e.buf)
		}
		return nil
	})
}

func (w written) write(node string, e extent) error {
	if e.src != inArena {
		return nil
	}
	return e.each(func(at int) error {
		if at < 0 || at >= len(w[e.buf]) {
			return fmt.Errorf("step %q writes element %d of a buffer of %d", node, at, len(w[e.buf]))
		}
		w[e.buf][at] = true
		return nil
	})
}

// check holds the invariant against the whole plan. Steps that are not described, those over
// bytes, count as reading and writing whole buffers.
func (p *Program) check() error {
	w := make(written, len(p.bufs))
	for i := range w {
		w[i] = make([]bool, p.bufs[i].size)
	}
	for i := range p.steps {
		if err := w.step(&p.steps[i]); err != nil {
			return fmt.Errorf("the plan is wrong: %w", err)
		}
	}
	return nil
}

func (w written) step(s *step) error {
	if ch, ok := s.work.(*chain); ok {
		return w.chain(ch)
	}
	write, reads, ok := touched(s.work)
	if !ok {
		for _, b := range s.writes {
			fill(w[b], true)
		}
		return nil
	}
	for _, r := range reads {
		if err := w.read(s.Node, r); err != nil {
			return err
		}
	}
	return w.write(s.Node, write)
}

// chain follows a chain band by band, for every strip of all images at once: rings hold
// nothing at the beginning of a strip, and of the rows they held only those they keep.
func (w written) chain(ch *chain) error {
	images := ch.shapes[0].images
	c := newCursor(len(ch.steps), len(ch.rings))
	for s := range ch.strips {
		y0, y1 := ch.strip(s)
		ch.start(&c, y0, y1)
		for i := range ch.rings {
			fill(w[ch.rings[i].buf], false)
		}
		for ch.next(&c) {
			for i := range ch.rings {
				r := &ch.rings[i]
				if lo, _ := ch.keep(&c, r); lo > c.base[i] {
					c.base[i] = lo
					for image := range images {
						size := len(w[r.buf]) / images
						fill(w[r.buf][image*size:][:lo*r.rowSize], false)
					}
				}
			}
			for j := range ch.steps {
				a, b := c.done[j], c.want[j]
				if b <= a {
					continue
				}
				node, shape := ch.steps[j].Node, &ch.shapes[j]
				for k := range shape.in {
					lo, hi := shape.in[k].need(a, b)
					if err := w.read(node, shape.in[k].extent(images, lo, hi)); err != nil {
						return err
					}
				}
				if !shape.vector {
					if err := w.write(node, shape.out.extent(images, a, b)); err != nil {
						return err
					}
				}
				c.done[j] = b
			}
		}
	}
	if last := len(ch.steps) - 1; ch.shapes[last].vector { // with the last row
		write, _, _ := touched(ch.steps[last].work)
		return w.write(ch.steps[last].Node, write)
	}
	return nil
}
