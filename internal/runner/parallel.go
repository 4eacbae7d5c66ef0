package runner

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Parallel is a Loaded that was built with LoadRequest.Sessions sessions, each of which may
// run while the others do. Run(i) is RunOn(0, i).
type Parallel interface {
	// RunOn runs session k once on the input i modulo the size of the library.
	RunOn(k, i int) error
}

var errOneSession = &RemoteError{Code: CodeUnsupported, Message: "this runner has no parallel sessions"}

// MaxSessions bounds the sessions of one process.
const MaxSessions = 256

// crew is what the sessions of one timed part share.
type crew struct {
	q       TimeRequest
	stop    time.Duration
	start   time.Time
	settled sync.WaitGroup
	open    chan struct{} // closed when the clock starts
	runs    atomic.Int64  // of all sessions
	enough  atomic.Bool
}

// timeParallel is time with all sessions running at once. Every session runs until all have
// done enough together, so that none is timed alone; the rate is the sum of the sessions'
// own rates.
func (s *server) timeParallel(q TimeRequest, p Parallel) (TimeReply, error) {
	var r TimeReply
	n := s.sessions
	limit := MaxRuns / n
	if q.MaxRuns > 0 {
		limit = min(limit, max(1, q.MaxRuns/n))
	}
	c := &crew{q: q, stop: math.MaxInt64, open: make(chan struct{})}
	if q.MaxNS > 0 {
		c.stop = time.Duration(q.MaxNS)
	}
	if cap(s.samples) < MaxRuns {
		s.samples = make([]int64, 0, MaxRuns)
	}
	samples, errs := make([][]int64, n), make([]error, n)
	elapsed := make([]time.Duration, n)
	var before, after runtime.MemStats
	restore := quiet()
	defer restore()
	c.settled.Add(n)
	var done sync.WaitGroup
	for k := range n {
		all := s.samples[:cap(s.samples)]
		mine := all[k*(MaxRuns/n):][:0:limit]
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			samples[k], elapsed[k], errs[k] = c.drive(s, p, k, mine)
		})
	}
	c.settled.Wait()
	runtime.ReadMemStats(&before)
	cpu := processTime()
	c.start = time.Now()
	close(c.open)
	done.Wait()
	r.ElapsedNS = int64(time.Since(c.start))
	if t := processTime(); t > 0 && cpu > 0 {
		r.CPUNS = int64(t - cpu)
	}
	runtime.ReadMemStats(&after)
	r.Allocs, r.Collections = after.Mallocs-before.Mallocs, after.NumGC-before.NumGC
	if err := errors.Join(errs...); err != nil {
		return r, err
	}
	for k := range n {
		r.SamplesNS = append(r.SamplesNS, samples[k]...)
		r.RunsPerSecond += float64(len(samples[k])) / elapsed[k].Seconds()
	}
	r.Cut = len(r.SamplesNS) < q.Runs || r.ElapsedNS < q.MinNS
	return r, nil
}

// drive runs one session: settling, then timed until the crew has enough.
func (c *crew) drive(s *server, p Parallel, k int, samples []int64) ([]int64, time.Duration, error) {
	next := k
	one := func() error {
		if s.gone.Load() {
			return errGone
		}
		err := p.RunOn(k, next)
		if err != nil {
			return fmt.Errorf("session %d: run %d: %w", k, next, err)
		}
		next++
		return nil
	}
	var failed error
	for range max(c.q.Settle, 1) {
		if failed = one(); failed != nil {
			c.enough.Store(true)
			break
		}
	}
	c.settled.Done()
	<-c.open
	if failed != nil {
		return nil, 0, failed
	}
	for len(samples) == 0 || !c.enough.Load() {
		t := time.Now()
		err := one()
		d := time.Since(t)
		if err != nil {
			c.enough.Store(true)
			return samples, 0, err
		}
		samples = append(samples, int64(d))
		spent := time.Since(c.start)
		runs := c.runs.Add(1)
		if runs >= int64(c.q.Runs) && int64(spent) >= c.q.MinNS || spent >= c.stop || len(samples) == cap(samples) {
			c.enough.Store(true)
		}
	}
	return samples, time.Since(c.start), nil
}
