package bench

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wispnet/wisp/internal/stat"
)

// conclude turns tracks into results, comparisons and diagnostics.
func (m *meter) conclude(r *Report, interrupted error) {
	note := func(format string, args ...any) {
		if msg := fmt.Sprintf(format, args...); !slices.Contains(r.Diagnostics, msg) {
			r.Diagnostics = append(r.Diagnostics, msg)
		}
	}
	null := func(format string, args ...any) { r.Nulls = append(r.Nulls, fmt.Sprintf(format, args...)) }
	for i := range m.tracks {
		t := &m.tracks[i]
		who := t.subject.Model + " on " + t.subject.Engine
		if t.err != nil && (interrupted == nil || !errors.Is(t.err, interrupted)) {
			r.Failed = append(r.Failed, &SubjectError{t.subject.Model, t.subject.Engine, t.err})
			note("%s: not measured: %v", who, t.err)
			continue
		}
		if len(t.rounds) == 0 {
			note("%s: not measured: interrupted before its first round was done", who)
			continue
		}
		if done := len(t.rounds); done < m.plan.Level.Rounds() {
			note("%s: interrupted after %d of %d rounds", who, done, m.plan.Level.Rounds())
		}
		res, err := m.result(t, func(field string, why any) { null("%s: %s is null: %v", who, field, why) })
		if err != nil {
			r.Failed = append(r.Failed, &SubjectError{t.subject.Model, t.subject.Engine, err})
			note("%s: not measured: %v", who, err)
			continue
		}
		if t.allocs > uint64(res.Samples) {
			note("%s: the timed part allocated: %d allocations in %d runs", who, t.allocs, res.Samples)
		}
		for _, n := range t.notes {
			note("%s: %s", who, n)
		}
		m.grade(t, res)
		r.Results = append(r.Results, *res)
	}
	m.compare(r, note, null)
}

// medianOf is the median of measured durations; it is 0 for none.
func medianOf(v []float64) float64 {
	s, err := stat.New(v)
	if err != nil {
		return 0
	}
	return s.Median()
}

// result summarises one track; null takes the reasons of fields that have no value.
func (m *meter) result(t *track, null func(field string, why any)) (*Result, error) {
	all, err := stat.New(t.samples)
	if err != nil {
		return nil, err
	}
	medians, rates := inOrder(t.rounds), inOrder(t.rates)
	rounds, err := stat.New(medians)
	if err != nil {
		return nil, err
	}
	rated, err := stat.New(rates)
	if err != nil {
		return nil, err
	}
	res := &Result{
		Model: t.subject.Model, Engine: t.hello.Engine, EngineVersion: t.hello.Version,
		Precision: t.loaded.Precision, Threads: t.loaded.Threads, Batch: t.loaded.Batch, Sessions: max(t.loaded.Sessions, 1),
		Level: m.plan.Level.Name,
		Latency: Latency{
			Median: rounds.Median(), Min: all.Min(), Mean: all.Mean(), MAD: all.MAD(),
		},
		Samples: all.N(), Outliers: all.Outliers(),
		Blocks: len(t.read), Slices: m.plan.Level.Slices, WarmupRuns: t.warmRuns,
		ReadMS: medianOf(t.read), BuildMS: medianOf(t.build), FirstRunMS: medianOf(t.first),
		Weights:   t.loaded.Weights,
		SamplesMS: t.samples, RoundMediansMS: medians, RoundRates: rates,
		Timer: t.stats.Timer, Loaded: t.loaded, Before: *t.before, After: t.after, Profile: t.profile,
		Throughput: Throughput{Median: rated.Median()},
		rounds:     t.rounds, rates: t.rates,
	}
	res.LoadMS = res.ReadMS + res.BuildMS
	if iv, err := rounds.MedianInterval(); err == nil {
		res.Latency.CI95 = &iv
	} else {
		null("latency_ms.ci95", err)
	}
	if iv, err := rated.MedianInterval(); err == nil {
		res.Throughput.CI95 = &iv
	} else {
		null("images_per_second.ci95", err)
	}
	optional := func(field string, into **float64, v float64, err error) {
		if err != nil {
			null(field, err)
			return
		}
		*into = &v
	}
	v, err := all.Stddev()
	optional("latency_ms.stddev", &res.Latency.Stddev, v, err)
	v, err = all.P90()
	optional("latency_ms.p90", &res.Latency.P90, v, err)
	v, err = all.P99()
	optional("latency_ms.p99", &res.Latency.P99, v, err)
	if t.stats.PeakRSSBytes > 0 {
		res.PeakRSSBytes = &t.stats.PeakRSSBytes
	} else {
		null("peak_rss_bytes", t.stats.RSSReason)
	}
	return res, nil
}

// inOrder returns the rounds' values, first round first.
func inOrder(rounds map[int]float64) []float64 {
	out := make([]float64, 0, len(rounds))
	for _, round := range slices.Sorted(maps.Keys(rounds)) {
		out = append(out, rounds[round])
	}
	return out
}

// compare sets every pair of results beside each other.
func (m *meter) compare(r *Report, note, null func(string, ...any)) {
	type pair struct{ a, b int }
	var pairs []pair
	var ps []float64
	var unlike unlikePairs
	defer func() { unlike.say(note) }()
	for a := range r.Results {
		for b := a + 1; b < len(r.Results); b++ {
			x, y := &r.Results[a], &r.Results[b]
			c := Comparison{A: Label(r.Results, a), B: Label(r.Results, b), Verdict: Indicative, SameModel: x.Model == y.Model}
			if m.plan.Guard != nil {
				c.Differs = m.plan.Guard(x, y)
			}
			if len(c.Differs) > 0 && !m.plan.Force {
				unlike.add(c)
				continue
			}
			var why error
			var err error
			c.Of = OfLatency
			if x.Sessions > 1 || y.Sessions > 1 {
				c.Of = OfThroughput
			}
			xs, ys := paired(x.values(c.Of), y.values(c.Of))
			c.Ratio, c.CI95, why, err = stat.Ratio(xs, ys)
			if err != nil {
				note("%s and %s are not compared: %v", c.A, c.B, err)
				continue
			}
			if why != nil {
				null("comparisons: ci95 of %s and %s is null: %v", c.A, c.B, why)
			}
			p := 1.0
			if m.plan.Level.Ranks {
				if p, err = stat.MannWhitney(inOrder(x.values(c.Of)), inOrder(y.values(c.Of))); err != nil {
					note("%s and %s are not tested: %v", c.A, c.B, err)
					p = 1
				}
			}
			pairs, ps = append(pairs, pair{a, b}), append(ps, p)
			r.Comparisons = append(r.Comparisons, c)
		}
	}
	if !m.plan.Level.Ranks {
		return
	}
	for i := range r.Results {
		one := 1
		r.Results[i].Rank = &one
	}
	for i, p := range stat.Holm(ps) {
		c := &r.Comparisons[i]
		c.P, c.Verdict = &p, verdict(c.slowness(), p, m.plan.Threshold)
		switch c.Verdict {
		case Faster:
			*r.Results[pairs[i].b].Rank++
		case Slower:
			*r.Results[pairs[i].a].Rank++
		}
	}
}

// unlikePairs are the pairs that are not compared, by what they differ in: many rows have
// many pairs, and one reason.
type unlikePairs struct {
	fields []string
	pairs  map[string][]string
}

func (u *unlikePairs) add(c Comparison) {
	if u.pairs == nil {
		u.pairs = map[string][]string{}
	}
	f := list(c.Differs)
	if u.pairs[f] == nil {
		u.fields = append(u.fields, f)
	}
	u.pairs[f] = append(u.pairs[f], c.A+" and "+c.B)
}

func (u *unlikePairs) say(note func(string, ...any)) {
	for _, f := range u.fields {
		pairs, more := u.pairs[f], ""
		if n := len(pairs); n > 3 {
			pairs, more = pairs[:2], fmt.Sprintf(" and %d more pairs", n-2)
		}
		note("%s%s are not compared: their contexts differ in %s (force compares and marks them)", strings.Join(pairs, "; "), more, f)
	}
}

// significance is the level of the adjusted test.
const significance = 0.05

// verdict ranks two rows apart only where the test and the practical threshold both say so.
func verdict(ratio, p, threshold float64) Verdict {
	switch {
	case p > significance:
		return Tied
	case ratio < 1/(1+threshold):
		return Faster
	case ratio > 1+threshold:
		return Slower
	}
	return Tied
}

// paired returns the medians of the rounds that both have. Without a common round they
// are returned as they are.
func paired(a, b map[int]float64) (x, y []float64) {
	for _, round := range slices.Sorted(maps.Keys(a)) {
		if v, ok := b[round]; ok {
			x, y = append(x, a[round]), append(y, v)
		}
	}
	if len(x) == 0 {
		return inOrder(a), inOrder(b)
	}
	return x, y
}

// values are the rounds' values of a measure.
func (r *Result) values(of string) map[int]float64 {
	if of == OfThroughput {
		return r.rates
	}
	return r.rounds
}

// slowness is above 1 where a is slower than b.
func (c *Comparison) slowness() float64 {
	if c.Of == OfThroughput {
		return 1 / c.Ratio
	}
	return c.Ratio
}
