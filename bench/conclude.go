package bench

import (
	"errors"
	"fmt"
	"maps"
	"slices"

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
		if t.again > 0 {
			note("%s: the connection broke: %d turns were done again in fresh processes", who, t.again)
		}
		for _, n := range t.notes {
			note("%s: %s", who, n)
		}
		m.grade(t, res)
		r.Results = append(r.Results, *res)
	}
	c := Comparing{Guard: m.plan.Guard, Force: m.plan.Force, Ranks: m.plan.Level.Ranks, Threshold: m.plan.Threshold, Paired: true}
	var notes, nulls []string
	r.Comparisons, notes, nulls = c.Compare(r.Results)
	for _, n := range notes {
		note("%s", n)
	}
	r.Nulls = append(r.Nulls, nulls...)
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
