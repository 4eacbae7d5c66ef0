package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/runner"
)

// track is what has been measured of one subject so far.
type track struct {
	subject Subject
	proc    Process
	hello   runner.Hello
	loaded  runner.Description
	err     error

	read, build, first []float64 // ms, one a block
	warmRuns           int       // of the first block
	unstable           int       // blocks whose warm-up did not settle
	slow               int       // blocks that began although the probe was slow
	again              int       // turns that were done again
	cut                int       // rounds that a bound ended early

	rounds  map[int]float64 // median by round, ms
	rates   map[int]float64 // images a second by round
	samples []float64       // ms

	elapsed, cpu int64
	allocs       uint64
	collections  uint32
	stats        runner.StatsReply
	before       *Reading
	after        Reading
	profile      *Profile
	notes        []string
}

// Run measures. The report is never nil and holds whatever was finished; the error joins
// what went wrong with subjects (*SubjectError), or is that of ctx where it was interrupted.
func Run(ctx context.Context, p Plan) (*Report, error) {
	report := newReport(&p)
	if err := p.prepare(); err != nil {
		return report, err
	}
	report.Level = p.Level
	// Whatever happens, no process outlives Run.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	m := &meter{plan: &p, timed: -1, slots: Schedule(p.Level, len(p.Subjects), p.Seed), tracks: make([]track, len(p.Subjects))}
	for i, s := range p.Subjects {
		m.tracks[i] = track{subject: s, rounds: map[int]float64{}, rates: map[int]float64{}}
	}
	defer m.closeAll()
	m.baseline = p.Probe()
	for i, slot := range m.slots {
		if ctx.Err() != nil {
			break
		}
		t := &m.tracks[slot.Subject]
		if t.err == nil {
			m.give(ctx, i, slot, t)
		}
		e := m.event(i+1, t, "")
		e.MedianMS = t.rounds[slot.Round]
		p.Progress(e)
		if p.Checkpoint != nil && i+1 < len(m.slots) && t.err == nil {
			if err := p.Checkpoint(m.sofar()); err != nil {
				return m.sofar(), err
			}
		}
	}
	if ctx.Err() == nil {
		m.ending = p.Probe()
	}
	interrupted := ctx.Err()
	m.conclude(report, interrupted)
	if interrupted != nil {
		return report, interrupted
	}
	var errs []error
	for _, f := range report.Failed {
		errs = append(errs, f)
	}
	return report, errors.Join(errs...)
}

func newReport(p *Plan) *Report {
	return &Report{Level: p.Level, Seed: p.Seed, Results: []Result{}, Comparisons: []Comparison{}, Diagnostics: []string{}, Nulls: []string{}}
}

var errUnfinished = errors.New("the measurement is not over")

// sofar is the report of what has been measured.
func (m *meter) sofar() *Report {
	r := newReport(m.plan)
	m.conclude(r, errUnfinished)
	return r
}

// meter is one running measurement.
type meter struct {
	plan     *Plan
	slots    []Slot
	tracks   []track
	baseline time.Duration // the probe at the start
	ending   time.Duration // and at the end; 0 where it did not come to that
	timed    int           // the subject that was timed last; −1 for none
	waited   time.Duration // for the machine to become as fast as it was, all blocks together
}

func (m *meter) closeAll() {
	for i := range m.tracks {
		if t := &m.tracks[i]; t.proc != nil {
			t.proc.Close()
			t.proc = nil
		}
	}
}

func (m *meter) event(done int, t *track, phase string) Event {
	return Event{Done: done, Total: len(m.slots), Model: t.subject.Model, Engine: t.subject.Engine, Phase: phase}
}

// mostAgain bounds how often one turn is done.
const mostAgain = 5

// give gives a subject its slot, again where that may help.
func (m *meter) give(ctx context.Context, i int, slot Slot, t *track) {
	for n := 1; ; n++ {
		t.err = m.turn(ctx, i, slot, t)
		if t.err == nil {
			return
		}
		if t.proc != nil {
			t.proc.Close()
			t.proc = nil
		}
		if m.plan.Again == nil || ctx.Err() != nil || n == mostAgain {
			return
		}
		if t.err = m.plan.Again(ctx, t.err); t.err != nil {
			return
		}
		t.again++
	}
}

// turn gives a subject its slot.
func (m *meter) turn(ctx context.Context, i int, slot Slot, t *track) error {
	p, l := m.plan, m.plan.Level
	say := func(phase string) { p.Progress(m.event(i, t, phase)) }
	if slot.Opens || t.proc == nil {
		if err := m.calm(ctx, i, t, say); err != nil {
			return err
		}
		if err := m.open(ctx, t, say); err != nil {
			return err
		}
	}
	if t.before == nil {
		r := p.Sensors()
		t.before = &r
	}
	if err := m.settle(ctx, slot); err != nil {
		return err
	}
	say("time")
	parts := int64(l.Slices)
	r, err := t.proc.Time(runner.TimeRequest{
		Runs:   (l.Runs + l.Slices - 1) / l.Slices,
		MinNS:  int64(l.Time) / parts,
		MaxNS:  int64(p.MaxTime) / parts,
		Settle: 1,
	})
	if err != nil {
		return err
	}
	if len(r.SamplesNS) == 0 {
		return errors.New("bench: the runner returned no samples")
	}
	t.after = p.Sensors()
	if t.stats, err = t.proc.Stats(); err != nil {
		return err
	}
	m.timed = slot.Subject
	t.take(slot.Round, r)
	if slot.Closes {
		if p.Profile > 0 && slot.Round == l.Rounds()-1 {
			say("profile")
			if err := t.takeProfile(p.Profile); err != nil {
				t.notes = append(t.notes, fmt.Sprintf("profile is missing: %v", err))
			}
		}
		if err := t.proc.Close(); err != nil {
			t.notes = append(t.notes, fmt.Sprintf("after the measurement: %v", err))
		}
		t.proc = nil
	}
	return nil
}

// lull is how long the threads of an engine may look for more work after a run before they
// sleep: ONNX Runtime's take up to 40 ms, and a core, from whatever is timed next.
const lull = 80 * time.Millisecond

// settle waits for the threads of a process that was timed before and is kept.
func (m *meter) settle(ctx context.Context, slot Slot) error {
	if m.timed < 0 || m.timed == slot.Subject {
		return nil
	}
	if t := &m.tracks[m.timed]; t.proc == nil || t.subject.Load.Threads < 2 {
		return nil
	}
	return m.plan.Sleep(ctx, lull)
}

// calm waits until the machine is as fast as it was at the start.
func (m *meter) calm(ctx context.Context, i int, t *track, say func(string)) error {
	p, l := m.plan, m.plan.Level
	if l.Pause > 0 && i > 0 {
		say("wait")
		if err := p.Sleep(ctx, l.Pause); err != nil {
			return err
		}
	}
	if p.Ready != nil {
		if err := p.Ready(ctx); err != nil {
			return err
		}
	}
	if !l.Probe {
		return nil
	}
	for ; slower(p.Probe(), m.baseline); m.waited += probeStep {
		if m.waited >= l.ProbeWait {
			t.slow++
			return nil
		}
		say("wait")
		if err := p.Sleep(ctx, probeStep); err != nil {
			return err
		}
	}
	return nil
}

const probeStep = 2 * time.Second

func slower(d, baseline time.Duration) bool {
	return float64(d) > (1+ProbeLimit)*float64(baseline)
}

func (m *meter) open(ctx context.Context, t *track, say func(string)) error {
	l := m.plan.Level
	say("load")
	proc, err := m.plan.Launch(ctx, t.subject)
	if err != nil {
		return err
	}
	t.proc, t.hello = proc, proc.Hello()
	loaded, err := proc.Load(t.subject.Load)
	if err != nil {
		return err
	}
	t.loaded = loaded.Model
	say("warm-up")
	w, err := proc.Warm(runner.WarmRequest{
		Runs: l.WarmRuns, MinNS: int64(l.WarmTime), MaxNS: int64(l.WarmCap), Window: l.WarmWindow, Within: l.WarmWithin,
	})
	if err != nil {
		return err
	}
	t.read = append(t.read, ms(loaded.ReadNS))
	t.build = append(t.build, ms(loaded.BuildNS))
	t.first = append(t.first, ms(w.FirstNS))
	if len(t.read) == 1 {
		t.warmRuns = w.Runs
	}
	if !w.Stable {
		t.unstable++
	}
	return nil
}

// take adds a round's samples.
func (t *track) take(round int, r runner.TimeReply) {
	from := len(t.samples)
	for _, ns := range r.SamplesNS {
		t.samples = append(t.samples, ms(ns))
	}
	t.rounds[round] = medianOf(t.samples[from:])
	t.rates[round] = r.RunsPerSecond * float64(max(t.loaded.Batch, 1))
	if r.Cut {
		t.cut++
	}
	t.allocs += r.Allocs
	t.collections += r.Collections
	if r.CPUNS > 0 {
		t.elapsed += r.ElapsedNS
		t.cpu += r.CPUNS
	}
}

func (t *track) takeProfile(runs int) error {
	r, err := t.proc.Profile(runner.ProfileRequest{Runs: runs})
	if err != nil {
		return err
	}
	t.profile = &Profile{Runs: r.Runs, Steps: make([]ProfileStep, len(r.Steps))}
	for i, s := range r.Steps {
		t.profile.Steps[i] = ProfileStep{Name: s.Name, Op: s.Op, Kernel: s.Kernel, Macs: s.Macs, Bytes: s.Bytes, Out: s.Out,
			Shape: cost.Shape{Kind: s.Kind, K: s.K, N: s.N, Stride: s.Stride}, MS: ms(s.NS)}
	}
	return nil
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

// Label names a result so that no other of the report has the name.
func Label(all []Result, i int) string {
	r := &all[i]
	engine, precision, threads, batch, sessions := false, false, false, false, false
	for j := range all {
		if o := &all[j]; j != i && o.Model == r.Model {
			engine = engine || o.Engine != r.Engine
			precision = precision || o.Precision != r.Precision
			threads = threads || o.Threads != r.Threads
			batch = batch || o.Batch != r.Batch
			sessions = sessions || o.Sessions != r.Sessions
		}
	}
	name := r.Model
	if engine {
		name += " " + r.Engine
	}
	if precision {
		name += " " + r.Precision
	}
	if threads {
		name += fmt.Sprintf(" t%d", r.Threads)
	}
	if batch {
		name += fmt.Sprintf(" b%d", r.Batch)
	}
	if sessions {
		name += fmt.Sprintf(" s%d", r.Sessions)
	}
	return name
}
