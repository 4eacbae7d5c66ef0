package runner

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// leeway is how much an engine that does allocate may do so before a collection comes
// after all: the machine must not be driven into swapping. TimeReply counts it.
const leeway = 1 << 30

// quiet is the state of a measuring goroutine: on its own thread, the heap collected, and
// no collection until restore.
func quiet() (restore func()) {
	runtime.LockOSThread()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	limit := debug.SetMemoryLimit(int64(m.Sys-m.HeapReleased) + leeway)
	percent := debug.SetGCPercent(-1)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
		runtime.UnlockOSThread()
	}
}

var errGone = errors.New("the parent went away")

// run runs the model on the next input, sessions in turn.
func (s *server) run() error {
	if s.gone.Load() {
		return errGone
	}
	var err error
	if p, ok := s.loaded.(Parallel); ok && s.sessions > 1 {
		err = p.RunOn(s.next%s.sessions, s.next)
	} else {
		err = s.loaded.Run(s.next)
	}
	s.next++
	s.first = false
	return err
}

// Warm-up medians are taken over groups of at least groupRuns runs and groupTime.
const (
	groupRuns = 2
	groupTime = 50 * time.Millisecond
)

// warm runs untimed.
func (s *server) warm(q WarmRequest) (WarmReply, error) {
	var r WarmReply
	if s.loaded == nil {
		return r, errNotLoaded
	}
	defer quiet()()
	start := time.Now()
	spent := func() int64 { return int64(time.Since(start)) }
	within := func() bool { return q.MaxNS <= 0 || spent() < q.MaxNS }
	one := func() (int64, error) {
		first := s.first
		t := time.Now()
		if err := s.run(); err != nil {
			return 0, fmt.Errorf("run %d: %w", s.next-1, err)
		}
		d := int64(time.Since(t))
		if first {
			r.FirstNS = d
		}
		r.Runs++
		return d, nil
	}
	for r.Runs == 0 || within() && (r.Runs < q.Runs || spent() < q.MinNS) {
		if _, err := one(); err != nil {
			return r, err
		}
	}
	r.Stable = q.Window <= 0
	var medians, group []int64
	for !r.Stable && within() {
		group = group[:0]
		for t := time.Now(); len(group) < groupRuns || time.Since(t) < groupTime; {
			d, err := one()
			if err != nil {
				return r, err
			}
			group = append(group, d)
		}
		slices.Sort(group)
		medians = append(medians, group[len(group)/2])
		r.Stable = settled(medians, q.Window, q.Within)
	}
	r.NS = spent()
	return r, nil
}

// settled reports whether the last n values lie within the relative distance of each other.
func settled(v []int64, n int, within float64) bool {
	if len(v) < n {
		return false
	}
	last := v[len(v)-n:]
	lo, hi := slices.Min(last), slices.Max(last)
	return float64(hi-lo) <= within*float64(lo)
}

// time runs the timed part: a collection before it and none in it, nothing allocated by
// the loop, the clock read just before and after each run.
func (s *server) time(q TimeRequest) (TimeReply, error) {
	var r TimeReply
	if s.loaded == nil {
		return r, errNotLoaded
	}
	if p, ok := s.loaded.(Parallel); ok && s.sessions > 1 {
		return s.timeParallel(q, p)
	}
	limit := MaxRuns
	if q.MaxRuns > 0 {
		limit = min(limit, q.MaxRuns)
	}
	stop := time.Duration(math.MaxInt64)
	if q.MaxNS > 0 {
		stop = time.Duration(q.MaxNS)
	}
	if cap(s.samples) < limit {
		s.samples = make([]int64, 0, MaxRuns) // pages are touched only as samples come
	}
	samples := s.samples[:0]
	var before, after runtime.MemStats
	restore := quiet()
	defer restore()
	runtime.ReadMemStats(&before)
	for range q.Settle {
		if err := s.run(); err != nil {
			return r, fmt.Errorf("run %d: %w", s.next-1, err)
		}
	}
	cpu := processTime()
	start := time.Now()
	var spent time.Duration
	for len(samples) < limit && (len(samples) == 0 || spent < stop) && (len(samples) < q.Runs || int64(spent) < q.MinNS) {
		t := time.Now()
		err := s.run()
		d := time.Since(t)
		if err != nil {
			return r, fmt.Errorf("run %d: %w", s.next-1, err)
		}
		samples = append(samples, int64(d))
		spent = time.Since(start)
	}
	if c := processTime(); c > 0 && cpu > 0 {
		r.CPUNS = int64(c - cpu)
	}
	runtime.ReadMemStats(&after)
	r.SamplesNS, r.ElapsedNS = samples, int64(spent)
	r.RunsPerSecond = float64(len(samples)) / spent.Seconds()
	r.Cut = len(samples) < q.Runs || int64(spent) < q.MinNS
	r.Allocs, r.Collections = after.Mallocs-before.Mallocs, after.NumGC-before.NumGC
	return r, nil
}

// measureTimer states what the driver itself adds to a sample.
func measureTimer() Timer {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const batches, pairs = 21, 2000
	cost := make([]int64, batches)
	step := int64(math.MaxInt64)
	for i := range cost {
		start := time.Now()
		for range pairs {
			t := time.Now()
			if d := int64(time.Since(t)); d > 0 {
				step = min(step, d)
			}
		}
		cost[i] = int64(time.Since(start))
	}
	slices.Sort(cost)
	if step == math.MaxInt64 {
		step = 0
	}
	return Timer{CostNS: float64(cost[batches/2]) / pairs, ResolutionNS: step}
}
