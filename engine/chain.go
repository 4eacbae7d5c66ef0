package engine

import (
	"fmt"

	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/internal/kernel"
)

// A chain is a run of steps that take turns over bands of rows, so that what one writes is
// still in cache when the next reads it. What only the chain itself reads never lies in the
// arena: each thread holds a ring of the rows that are still wanted. This file says which
// steps can take part and what a chain computes when; planChains (lower_chain.go) decides
// which steps do, and work_chain.go runs them.

// banded is the work of a step that can compute some rows of its output from some rows of
// its inputs.
type banded interface {
	runner
	shape() bandShape
	// band computes output rows [y0, y1) of one image. Operands are found by ctx.at.
	band(c *ctx, image, y0, y1 int)
}

// bandShape is what a chain knows of a banded work.
type bandShape struct {
	images, outH int
	out          operand
	in           []operand
	vector       bool // the output is not an image, but comes from all rows
}

// operand is a value as a banded work sees it: channels [off, off+channels) of pixels of
// rows of rowSize elements.
type operand struct {
	ref
	channels int
	rowSize  int
	height   int
	width    int
	win      *kernel.Window // how output rows look at it; nil: row by row
}

// need is the range of rows that output rows [y0, y1) look at.
func (o *operand) need(y0, y1 int) (lo, hi int) {
	if o.win == nil {
		return y0, y1
	}
	w := o.win
	lo = max(0, y0*w.StrideH-w.PadTop)
	hi = min(o.height, (y1-1)*w.StrideH-w.PadTop+(w.KH-1)*w.DilH+1)
	return lo, max(lo, hi)
}

// meets reports whether two operands share elements of a buffer.
func (o *operand) meets(p *operand) bool {
	return o.src == inArena && p.src == inArena && o.buf == p.buf && o.off < p.off+p.channels && p.off < o.off+o.channels
}

// sameRows reports whether an operand is a part of the pixels of what another writes, row by
// row: then meets and need say all about what it looks at. A view of some rows, or of the
// same elements under another height, is not.
func (o *operand) sameRows(out *operand) bool {
	inside := func(p *operand) bool { return p.width > 0 && (p.off+p.channels)*p.width <= p.rowSize }
	return o.rowSize == out.rowSize && o.width == out.width && o.height <= out.height && inside(o) && inside(out)
}

// use is an operand of a step of a chain.
type use struct{ step, operand int }

// ringPlan is a buffer that lies in rings.
type ringPlan struct {
	buf     int
	rowSize int
	rows    int // at most held at once
	off     int // in a thread's scratch
	writers []int
	readers []use
}

// chain is the plan of a run of steps over bands.
type chain struct {
	steps  []step
	parts  []banded
	shapes []bandShape
	uses   [][]use // of every step's output, by later steps
	whole  []bool  // steps whose output lies in the arena: every row is computed, whoever reads it
	rings  []ringPlan
	rows   int // of the last step's output in a band
	strips int // of an image; each is computed from its beginning, what precedes it included

	scratch int // elements that a thread needs
	// What a run costs: elements moved through memory, moved to keep rows, calls, and
	// multiply-adds of rows that several strips compute.
	cost, moved, calls int
	again              int64
}

// outH is the rows of the last step's output.
func (ch *chain) outH() int { return ch.shapes[len(ch.shapes)-1].outH }

// cursor is how far a thread is with a strip: rows […, done) of every step are computed,
// and rows [done, want) come next. base is the first row held of every ring.
type cursor struct {
	done, want, base []int
	last             int // where the strip ends
}

func newCursor(steps, rings int) cursor {
	return cursor{done: make([]int, steps), want: make([]int, steps), base: make([]int, rings)}
}

// strip returns the rows of the last step's output in a strip.
func (ch *chain) strip(i int) (y0, y1 int) {
	h := ch.outH()
	return i * h / ch.strips, (i + 1) * h / ch.strips
}

// start sets the cursor before the first band of rows [y0, y1) of the last step.
func (ch *chain) start(c *cursor, y0, y1 int) {
	n := len(ch.steps)
	c.last = y1
	c.done[n-1] = y0
	for j := n - 2; j >= 0; j-- {
		c.done[j] = ch.shapes[j].outH
		for _, u := range ch.uses[j] {
			lo, _ := ch.shapes[u.step].in[u.operand].need(c.done[u.step], c.done[u.step]+1)
			c.done[j] = min(c.done[j], lo)
		}
		if ch.whole[j] {
			c.done[j] = 0
		}
	}
	for i := range ch.rings {
		c.base[i] = c.done[ch.rings[i].writers[0]]
		for _, w := range ch.rings[i].writers {
			c.base[i] = min(c.base[i], c.done[w])
		}
	}
}

// next sets want for the next band and reports whether there is one. What the chain's last
// step does not look at, others may: with the last band every whole output is finished.
func (ch *chain) next(c *cursor) bool {
	n := len(ch.steps)
	if c.done[n-1] >= c.last {
		return false
	}
	c.want[n-1] = min(c.done[n-1]+ch.rows, c.last)
	for j := n - 2; j >= 0; j-- {
		c.want[j] = c.done[j]
		for _, u := range ch.uses[j] {
			if c.want[u.step] <= c.done[u.step] {
				continue
			}
			_, hi := ch.shapes[u.step].in[u.operand].need(c.done[u.step], c.want[u.step])
			c.want[j] = max(c.want[j], hi)
		}
		if ch.whole[j] && c.want[n-1] == c.last {
			c.want[j] = ch.shapes[j].outH
		}
	}
	return true
}

// keep returns the first row of a ring that is still wanted, and the end of its rows.
func (ch *chain) keep(c *cursor, r *ringPlan) (lo, end int) {
	lo = c.done[r.writers[0]]
	for _, w := range r.writers {
		lo, end = min(lo, c.done[w]), max(end, c.done[w])
	}
	for _, u := range r.readers {
		first, _ := ch.shapes[u.step].in[u.operand].need(c.done[u.step], c.done[u.step]+1)
		if c.done[u.step] < ch.shapes[u.step].outH {
			lo = min(lo, first)
		}
	}
	return lo, end
}

// ringed reports whether a buffer lies in rings.
func (ch *chain) ringed(buf int) bool {
	for i := range ch.rings {
		if ch.rings[i].buf == buf {
			return true
		}
	}
	return false
}

// check walks the chain as run does and says where a step would look at a row that is not
// there: one that is not computed yet or no longer held. It holds for every chain of a plan.
func (ch *chain) check() error {
	c := newCursor(len(ch.steps), len(ch.rings))
	bad := func(j int, what string, args ...any) error {
		return fmt.Errorf("the plan is wrong, a mistake of wisp's own: please report it: %s: chain step %q %s", guard.Issues, ch.steps[j].Node, fmt.Sprintf(what, args...))
	}
	for s := range ch.strips {
		y0, y1 := ch.strip(s)
		ch.start(&c, y0, y1)
		for ch.next(&c) {
			for i := range ch.rings {
				lo, _ := ch.keep(&c, &ch.rings[i])
				c.base[i] = max(c.base[i], lo)
			}
			for j := range ch.steps {
				if c.want[j] <= c.done[j] {
					continue
				}
				if err := ch.checkReads(&c, j, bad); err != nil {
					return err
				}
				c.done[j] = c.want[j]
			}
			for i := range ch.rings {
				r := &ch.rings[i]
				for _, w := range r.writers {
					if c.done[w]-c.base[i] > r.rows {
						return bad(w, "holds %d rows in a ring of %d", c.done[w]-c.base[i], r.rows)
					}
				}
			}
		}
		for j := range ch.steps {
			if h := ch.shapes[j].outH; ch.whole[j] && c.done[j] != h {
				return bad(j, "computes %d of %d rows that others read", c.done[j], h)
			}
		}
	}
	return nil
}

// checkReads checks what step j looks at for its rows of the current band.
func (ch *chain) checkReads(c *cursor, j int, bad func(j int, what string, args ...any) error) error {
	for w := range j {
		for _, u := range ch.uses[w] {
			if u.step != j {
				continue
			}
			lo, hi := ch.shapes[j].in[u.operand].need(c.done[j], c.want[j])
			if hi > c.done[w] {
				return bad(j, "reads rows to %d of %q, of which %d are computed", hi, ch.steps[w].Node, c.done[w])
			}
			for i := range ch.rings {
				if ch.rings[i].buf == ch.shapes[w].out.buf && lo < c.base[i] && lo < hi {
					return bad(j, "reads row %d of %q, of which those from %d on are held", lo, ch.steps[w].Node, c.base[i])
				}
			}
		}
	}
	return nil
}
