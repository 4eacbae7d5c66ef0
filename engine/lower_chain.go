package engine

import (
	"slices"
	"sort"

	"github.com/wispnet/wisp/internal/kernel"
)

// chainBuffer is the elements of a buffer that is worth keeping out of memory: what does
// not stay in a level-2 cache of 1 MiB beside what is read and written with it. Tests lower
// it.
var chainBuffer = 128 << 10

// chainMacs is how many multiply-adds cost as much as one element moved through memory.
// Tests raise it, so that chains form wherever they can.
var chainMacs int64 = 8

// chainRows is the most rows of a band, chainSteps the most steps of a chain. Tests lower
// them, so that small maps take several bands and chains end anywhere.
var chainRows, chainSteps = 16, 16

// chainCall is what a call for one band costs, in elements written to memory or read
// from there: about 100 ns. Tests lower it, so that chains form over small maps.
var chainCall = 1000

const (
	// chainRings is the most elements that the rings of a chain may have. They share the
	// level-2 cache with weights.
	chainRings = 128 << 10
	// chainHeight is the most rows of an image that chains are planned for: planning walks
	// them all, and what a file says may be a million.
	chainHeight = 4096
	// chainWork bounds the planning of all chains of a graph, in calls for one band that are
	// simulated: further steps run alone. The study's networks take less than a hundredth.
	chainWork = 4 << 20
	// stripsPerThread is how many strips of an image a thread may claim. Each computes the
	// rows above it that it looks at once more.
	stripsPerThread = 2
)

// planChains joins neighbouring steps into chains where large buffers lie between them, so
// that least is moved through memory: a shortest path over the places where to cut.
func (l *lowering) planChains() error {
	l.findTouches()
	var out []step
	for i := 0; i < len(l.steps); {
		shapes := l.bandedRun(i)
		if len(shapes) < 2 {
			out = append(out, l.steps[i])
			i++
			continue
		}
		n := len(shapes)
		type cut struct {
			cost  int
			from  int
			chain *chain
		}
		best := make([]cut, n+1)
		for end := 1; end <= n; end++ {
			best[end] = cut{best[end-1].cost + l.traffic(&shapes[end-1], i+end-1, i+end), end - 1, nil}
			for from := end - 2; from >= max(0, end-chainSteps); from-- {
				if ch := l.newChain(i+from, i+end, shapes[from:end]); ch != nil {
					if cost := best[from].cost + ch.cost; cost < best[end].cost {
						best[end] = cut{cost, from, ch}
					}
				}
			}
		}
		var parts []step
		for end := n; end > 0; end = best[end].from {
			if ch := best[end].chain; ch != nil {
				s, err := l.chainStep(ch)
				if err != nil {
					return err
				}
				parts = append(parts, s)
			} else {
				parts = append(parts, l.steps[i+end-1])
			}
		}
		slices.Reverse(parts)
		out = append(out, parts...)
		i += n
	}
	l.steps = out
	return nil
}

// traffic is what moves through memory for a step's output, if it is large, when steps
// [from, end) take turns: it is written, and read by everything outside.
func (l *lowering) traffic(s *bandShape, from, end int) int {
	if s.out.src != inArena || l.bufs[s.out.buf].size < chainBuffer*s.images {
		return 0
	}
	times := 1
	for _, r := range l.readers[s.out.buf] {
		if r < from || r >= end {
			times++
		}
	}
	return times * s.images * s.out.height * s.out.width * s.out.channels
}

// bandedRun returns the shapes of the steps from i on that can take turns, each reading a
// large buffer that one before it writes.
func (l *lowering) bandedRun(i int) []bandShape {
	var shapes []bandShape
	for ; i < len(l.steps); i++ {
		w, ok := l.steps[i].work.(banded)
		if !ok {
			break
		}
		s := w.shape()
		if s.images == 0 || s.outH > chainHeight || len(shapes) > 0 && (s.images != shapes[0].images || !l.follows(shapes, &s)) {
			break
		}
		shapes = append(shapes, s)
	}
	return shapes
}

// follows reports whether a step reads a large buffer that the steps before it write.
func (l *lowering) follows(before []bandShape, s *bandShape) bool {
	for k := range s.in {
		for b := range before {
			if s.in[k].meets(&before[b].out) && l.bufs[s.in[k].buf].size >= chainBuffer*s.images {
				return true
			}
		}
	}
	return false
}

// newChain makes a chain of steps [i, end), or nil where they cannot be one.
func (l *lowering) newChain(i, end int, shapes []bandShape) *chain {
	n := end - i
	if l.simulated > chainWork {
		return nil
	}
	ch := &chain{steps: slices.Clone(l.steps[i:end]), shapes: shapes, uses: make([][]use, n), whole: make([]bool, n), strips: 1}
	for j := range n {
		if !rowByRow(l.steps[i:i+j+1], shapes) {
			return nil
		}
		ch.parts = append(ch.parts, ch.steps[j].work.(banded))
		for k := range shapes[j].in {
			for w := range j {
				if shapes[j].in[k].meets(&shapes[w].out) {
					ch.uses[w] = append(ch.uses[w], use{j, k})
				}
			}
		}
	}
	last := &shapes[n-1].out
	if shapes[n-1].vector && l.threads > 1 {
		return nil // strips would each have a part of the sum
	}
	for j := range n - 1 {
		if len(ch.uses[j]) == 0 || last.src == inArena && shapes[j].out.buf == last.buf && l.threads > 1 {
			return nil
		}
		b := shapes[j].out.buf
		if ch.ringed(b) {
			continue
		}
		if r, ok := l.ring(b, i, end, shapes); ok {
			ch.rings = append(ch.rings, r)
		} else if l.threads > 1 {
			// Strips compute the rows between them twice; in shared memory they may not.
			return nil
		} else {
			ch.whole[j] = true
			ch.cost += l.traffic(&shapes[j], i, end)
		}
	}
	ch.cost += l.traffic(&shapes[n-1], i, end)
	if !l.fit(ch) {
		return nil
	}
	return ch
}

// rowByRow reports whether the last of the steps of a chain sees what the others write only as
// a banded operand of the same rows.
func rowByRow(steps []step, shapes []bandShape) bool {
	j := len(steps) - 1
	for w := range j {
		out := &shapes[w].out
		if out.src != inArena {
			continue
		}
		reads := 0
		for _, b := range steps[j].reads {
			if b == out.buf {
				reads++
			}
		}
		for k := range shapes[j].in {
			if o := &shapes[j].in[k]; o.src == inArena && o.buf == out.buf {
				if !o.sameRows(out) {
					return false
				}
				reads--
			}
		}
		if o := &shapes[j].out; reads != 0 || o.src == inArena && o.buf == out.buf && !(o.sameRows(out) && out.sameRows(o)) {
			return false
		}
	}
	return true
}

// ring plans a buffer as a ring, if steps [i, end) alone touch it and agree on its rows.
func (l *lowering) ring(b, i, end int, shapes []bandShape) (ringPlan, bool) {
	r := ringPlan{buf: b}
	if t := l.touches[b]; t[0] < i || t[1] >= end {
		return r, false
	}
	same := func(o *operand) bool {
		if r.rowSize == 0 {
			r.rowSize = o.rowSize
		}
		return o.rowSize == r.rowSize && o.off+o.channels <= o.rowSize && l.bufs[b].size == o.rowSize*o.height*shapes[0].images
	}
	for j := range shapes {
		if o := &shapes[j].out; o.src == inArena && o.buf == b {
			if !same(o) {
				return r, false
			}
			r.writers = append(r.writers, j)
		}
		for k := range shapes[j].in {
			if o := &shapes[j].in[k]; o.src == inArena && o.buf == b {
				if !same(o) {
					return r, false
				}
				r.readers = append(r.readers, use{j, k})
			}
		}
	}
	return r, true
}

// fit chooses the strips and the rows of a band, and places the rings in scratch memory.
func (l *lowering) fit(ch *chain) bool {
	h := ch.outH()
	if l.threads > 1 {
		ch.strips = max(1, min(stripsPerThread*l.threads, h/2))
	}
	at := 0
	for _, s := range ch.steps {
		if d, ok := s.work.(*directWork); ok {
			at = max(at, d.scratch)
		}
	}
	// The thickest bands that fit: total grows with rows.
	total := func(rows int) int {
		ch.rows = rows
		l.simulate(ch)
		n := 0
		for _, r := range ch.rings {
			n += r.rows * r.rowSize
		}
		return n
	}
	fits := sort.Search(min(chainRows, h), func(rows int) bool { return total(rows+1) > chainRings })
	if fits == 0 {
		return false
	}
	total(fits)
	ch.cost += ch.moved + ch.calls*chainCall + int(ch.again/chainMacs)
	for i := range ch.rings {
		r := &ch.rings[i]
		at = (at + 15) &^ 15
		r.off = at
		at += r.rows*r.rowSize + kernel.Slack
	}
	ch.scratch = at
	return true
}

// simulate finds how many rows every ring holds at most, how many elements are moved to
// keep them, how often steps are called and how much they compute again.
func (l *lowering) simulate(ch *chain) {
	c := newCursor(len(ch.steps), len(ch.rings))
	for i := range ch.rings {
		ch.rings[i].rows = 0
	}
	images := ch.shapes[0].images
	ch.moved, ch.calls, ch.again = 0, 0, 0
	for j := range ch.steps {
		ch.again -= ch.steps[j].Macs
	}
	for s := range ch.strips {
		y0, y1 := ch.strip(s)
		ch.start(&c, y0, y1)
		for ch.next(&c) {
			for i := range ch.rings {
				r := &ch.rings[i]
				lo, end := ch.keep(&c, r)
				if lo > c.base[i] {
					ch.moved += images * max(0, end-lo) * r.rowSize
				}
				c.base[i] = lo
				for _, w := range r.writers {
					r.rows = max(r.rows, max(c.want[w], c.done[w])-c.base[i])
				}
			}
			ch.calls += images * len(c.done)
			l.simulated += len(c.done)
			for j := range c.done {
				if rows := c.want[j] - c.done[j]; rows > 0 {
					ch.again += ch.steps[j].Macs * int64(rows) / int64(ch.shapes[j].outH)
				}
				c.done[j] = max(c.done[j], c.want[j])
			}
		}
	}
}

// chainStep is a chain as one step of the plan.
func (l *lowering) chainStep(ch *chain) (step, error) {
	if err := ch.check(); err != nil {
		return step{}, err
	}
	s := step{work: ch}
	s.units = ch.shapes[0].images * ch.strips
	s.Chunks = min(s.units, maxChunks)
	for i := range ch.steps {
		p := &ch.steps[i]
		p.Chunks, p.Band = s.Chunks, ch.rows
		for _, b := range p.reads {
			if !ch.ringed(b) {
				s.reads = append(s.reads, b)
			}
		}
		for _, b := range p.writes {
			if !ch.ringed(b) {
				s.writes = append(s.writes, b)
			}
		}
	}
	l.scratch = max(l.scratch, ch.scratch)
	l.longest = max(l.longest, len(ch.steps))
	l.mostRings = max(l.mostRings, len(ch.rings))
	return s, nil
}

// findTouches finds the first and the last step that touch every buffer, and all that read it.
func (l *lowering) findTouches() {
	l.touches, l.readers = make([][2]int, len(l.bufs)), make([][]int, len(l.bufs))
	for b := range l.touches {
		l.touches[b] = [2]int{len(l.steps), -1}
	}
	for i := range l.steps {
		for _, b := range l.steps[i].reads {
			l.readers[b] = append(l.readers[b], i)
		}
		for _, list := range [...][]int{l.steps[i].reads, l.steps[i].writes} {
			for _, b := range list {
				t := &l.touches[b]
				t[0], t[1] = min(t[0], i), max(t[1], i)
			}
		}
	}
}
