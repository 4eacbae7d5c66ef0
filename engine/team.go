package engine

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wispnet/wisp/internal/guard"
)

// A step's chunks are claimed from one word: a number that is new for every step, the
// step, and the next chunk. A thread that comes late finds another number and claims
// nothing; the caller never waits for a thread that has claimed nothing.
const (
	chunkBits = 14
	stepBits  = 20
	maxChunks = 1<<chunkBits - 1
	maxSteps  = 1 << stepBits
)

// spin is how long a worker without work looks for some before it parks, and how long the
// caller looks for the last chunk before it does.
const spin = 50 * time.Microsecond

// team is the threads of a session: the caller of Run and the workers that help it.
type team struct {
	work    atomic.Uint64 // number | step | next chunk
	done    atomic.Int32  // chunks of the current step that are finished
	waiting atomic.Bool   // the caller waits for finished
	closed  atomic.Bool
	parked  atomic.Int32

	number   uint64
	finished chan struct{} // one token wakes the caller
	workers  []worker
	stopped  sync.WaitGroup
	box      guard.Box // a kernel's panic, which the caller's Run passes on
}

type worker struct {
	ctx    *ctx
	parked atomic.Bool
	wake   chan struct{}
}

// start begins n workers for the session.
func (t *team) start(s *Session, n int) {
	t.finished = make(chan struct{}, 1)
	t.workers = make([]worker, n)
	for i := range t.workers {
		w := &t.workers[i]
		w.ctx, w.wake = s.newCtx(), make(chan struct{}, 1)
		t.stopped.Add(1)
		go t.serve(s.p, w)
	}
}

// stop ends the workers and waits for them.
func (t *team) stop() {
	t.closed.Store(true)
	t.rouse(len(t.workers))
	t.stopped.Wait()
}

// run executes a step with everyone who is there.
func (t *team) run(p *Program, caller *ctx, step int) {
	s := &p.steps[step]
	if s.Chunks == 1 || len(t.workers) == 0 {
		s.work.run(caller, 0, s.units)
		return
	}
	t.number++
	t.done.Store(0)
	t.work.Store(t.number<<(stepBits+chunkBits) | uint64(step)<<chunkBits)
	if t.parked.Load() > 0 {
		t.rouse(s.Chunks - 1)
	}
	t.help(p, caller, t.work.Load())
	t.await(int32(s.Chunks))
	t.box.Raise()
}

// chunk executes a part of a step. One that panics counts as finished, so that nobody waits
// for it.
func (t *team) chunk(s *step, c *ctx, from, to int) {
	defer t.box.Catch()
	s.work.run(c, from, to)
}

// help claims and executes chunks of the step in word until there are none. It reports
// whether there were any.
func (t *team) help(p *Program, c *ctx, word uint64) bool {
	if word == 0 {
		return false
	}
	helped := false
	for {
		step := word >> chunkBits & (maxSteps - 1)
		chunk := int(word & maxChunks)
		s := &p.steps[step]
		if chunk >= s.Chunks {
			return helped
		}
		if t.work.CompareAndSwap(word, word+1) {
			t.chunk(s, c, chunk*s.units/s.Chunks, (chunk+1)*s.units/s.Chunks)
			helped = true
			if t.done.Add(1) == int32(s.Chunks) && t.waiting.Swap(false) {
				t.finished <- struct{}{}
			}
			word++
			continue
		}
		next := t.work.Load()
		if next>>chunkBits != word>>chunkBits {
			return helped
		}
		word = next
	}
}

// await returns when all chunks are finished. After a while it sleeps, so that a worker
// that lost its core can have this one. It does not yield before: a caller that is locked
// to its thread, as one that measures is, would hand its processor over and back through
// the kernel.
func (t *team) await(chunks int32) {
	if t.done.Load() == chunks {
		return
	}
	for begin := time.Now(); time.Since(begin) < spin; {
		for range 64 {
			if t.done.Load() == chunks {
				return
			}
		}
	}
	// A token may come from a worker that finished the step before and was slow to say so:
	// only the count is believed.
	for {
		t.waiting.Store(true)
		if t.done.Load() == chunks {
			if !t.waiting.Swap(false) {
				<-t.finished
			}
			return
		}
		<-t.finished
	}
}

// rouse wakes up to n parked workers.
func (t *team) rouse(n int) {
	for i := range t.workers {
		if n == 0 {
			return
		}
		if w := &t.workers[i]; w.parked.Swap(false) {
			t.parked.Add(-1)
			w.wake <- struct{}{}
			n--
		}
	}
}

// serve is a worker's life.
func (t *team) serve(p *Program, w *worker) {
	defer t.stopped.Done()
	seen := uint64(0)
	for !t.closed.Load() {
		if word := t.work.Load(); word != seen && t.help(p, w.ctx, word) {
			continue
		} else {
			seen = word
		}
		if t.look(seen) {
			continue
		}
		t.park(w, seen)
	}
}

// look spins until there is another word, for a short while. It yields in between, so
// that other sessions' goroutines come first.
func (t *team) look(seen uint64) bool {
	for begin := time.Now(); time.Since(begin) < spin; runtime.Gosched() {
		for range 64 {
			if t.work.Load() != seen || t.closed.Load() {
				return true
			}
		}
	}
	return false
}

// park sleeps until rouse. A word or an end that came between the last look and the sleep
// is seen after parked is set, by this worker or by whoever published it.
func (t *team) park(w *worker, seen uint64) {
	t.parked.Add(1)
	w.parked.Store(true)
	if (t.work.Load() != seen || t.closed.Load()) && w.parked.Swap(false) {
		t.parked.Add(-1)
		return
	}
	<-w.wake
}
