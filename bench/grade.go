package bench

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/internal/stat"
)

const (
	widest     = 0.05 // widest interval, of its median: two runs within it agree within 5 %
	timerShare = 0.01 // largest share of a sample that reading the clock may have
	leastCPU   = 0.90 // least share of the timed part in which the process had a processor
	mostSteal  = 0.05 // largest share of processor time that a hypervisor may give to others
)

// grade judges a result by the gates, each of which adds its reason.
func (m *meter) grade(t *track, r *Result) {
	l := m.plan.Level
	r.Grade, r.GradeReasons = GradeA, []string{}
	lower := func(to Grade, format string, args ...any) {
		r.Grade = max(r.Grade, to)
		r.GradeReasons = append(r.GradeReasons, fmt.Sprintf(format, args...))
	}

	if done := len(t.rounds); done < l.Rounds() {
		lower(GradeC, "too few samples: %d of %d rounds", done, l.Rounds())
	} else if want := l.Runs * l.Blocks; r.Samples < want {
		lower(GradeC, "too few samples: %d of %d runs", r.Samples, want)
	} else if t.cut > 0 {
		lower(GradeC, "too few samples: %d of %d rounds were cut short of their time", t.cut, l.Rounds())
	}
	if iv := r.Latency.CI95; iv == nil {
		lower(GradeC, "no interval: %d rounds, want %d", len(t.rounds), stat.FewestForInterval)
	} else if w := (iv.Hi - iv.Lo) / r.Latency.Median; w > widest {
		lower(GradeC, "interval of %.1f %% is over %.0f %%", 100*w, 100*widest)
	}
	if t.unstable > 0 {
		lower(GradeC, "warm-up did not settle in %d of %d blocks", t.unstable, r.Blocks)
	}
	if t.slow > 0 {
		lower(GradeC, "throttled or busy: %d of %d blocks began although fixed work took over %.0f %% longer than at the start", t.slow, r.Blocks, 100*ProbeLimit)
	}
	if m.ending > 0 && slower(m.ending, m.baseline) {
		lower(GradeC, "throttled or busy: fixed work took %.0f %% longer at the end than at the start", 100*(float64(m.ending)/float64(m.baseline)-1))
	}
	if a, b := t.before.Throttled, t.after.Throttled; a != nil && b != nil && *b > *a {
		lower(GradeC, "throttled: the hardware counted %d times", *b-*a)
	}
	if t.cpu > 0 && t.elapsed > 0 {
		cores := max(1, min(r.Sessions, t.stats.GoMaxProcs)) // that must have been busy
		if share := float64(t.cpu) / float64(t.elapsed) / float64(cores); share < leastCPU {
			had := "a processor"
			if cores > 1 {
				had = fmt.Sprintf("%d processors", cores)
			}
			lower(GradeC, "disturbed: the process had %s for %.0f %% of the timed part", had, 100*share)
		}
	}
	if share, ok := stolen(t.before, &t.after); ok && share > mostSteal {
		lower(GradeC, "disturbed: the hypervisor gave %.0f %% of the processor time to others", 100*share)
	}
	if t.collections > 0 {
		lower(GradeC, "disturbed: %d garbage collections in the timed part", t.collections)
	}
	if cost := r.Timer.CostNS / 1e6; cost > timerShare*r.Latency.Median {
		lower(GradeC, "reading the clock takes %.2g ms, over %.0f %% of a run", cost, 100*timerShare)
	}

	switch g := t.before.Governor; {
	case g == nil:
		lower(GradeB, "governor: %s", t.before.Lacks(SensorGovernor))
	case *g != "performance":
		lower(GradeB, "governor is %s, not fixed", *g)
	}
	if t.before.MHz == nil {
		lower(GradeB, "frequency: %s", t.before.Lacks(SensorFrequency))
	}
	if t.before.Celsius == nil {
		lower(GradeB, "temperature: %s", t.before.Lacks(SensorTemperature))
	}
}

// stolen is the share of the processor time between two readings that went to others.
func stolen(a, b *Reading) (float64, bool) {
	if a.Ticks == nil || b.Ticks == nil || a.StealTicks == nil || b.StealTicks == nil {
		return 0, false
	}
	all, steal := *b.Ticks-*a.Ticks, *b.StealTicks-*a.StealTicks
	if all <= 0 || steal < 0 {
		return 0, false
	}
	return float64(steal) / float64(all), true
}

func list(words []string) string { return strings.Join(words, ", ") }
