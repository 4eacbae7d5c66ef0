package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
)

// plan makes a plan for the rows that are wanted.
func (f *benchFlags) plan(ctx context.Context, a *app, rows []engines.Row, m *modelFlags) (*bench.Plan, error) {
	level, err := bench.FindLevel(f.level)
	if err != nil {
		return nil, usagef("--level: %v", err)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	away, err := f.at.away()
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if away != nil && !r.Engine.Own() {
			return nil, usagef("--on %s: engine %s runs on this machine alone: want --engine native", away, r.Engine.Name)
		}
	}
	g := engines.NewGiver(m.options()...)
	a.atEnd(g.Close)
	f.giver = g
	p, err := g.Plan(ctx, rows, f.settings(a, level, m))
	if err != nil {
		return nil, err
	}
	for _, w := range g.Guesses {
		a.warn("%s", w)
	}
	if away != nil {
		d, err := a.openDevice(ctx, *away, &f.at)
		if err != nil {
			return nil, err
		}
		if err := a.adapt(p, d, m, g); err != nil {
			return nil, err
		}
	}
	return p, a.keep(p, &f.record)
}

func (f *benchFlags) settings(a *app, level bench.Level, m *modelFlags) engines.Settings {
	return engines.Settings{
		Level: level, Seed: cmp.Or(f.seed, uint64(a.started.UnixNano())>>8), Warmup: f.warmup, Runs: f.runs, MinTime: f.minTime, MaxTime: f.maxTime, Force: f.force,
		Arch: m.arch, Names: m.names, Part: m.part, Kernels: f.kernels, Calibrate: f.calibrate, Arithmetic: f.arithmetic.profile, Version: version,
	}
}

// measure runs a plan and shows its progress. Where some rows could not be measured, or the
// user stopped it, there is an error and a report of the others; the report is nil where
// nothing was measured.
func (a *app) measure(ctx context.Context, p *bench.Plan) (*bench.Report, error) {
	bar := a.progress("measuring")
	p.Progress = func(e bench.Event) { bar.set(e.Done, e.Total, e.Model+" "+e.Phase) }
	r, err := bench.Run(ctx, *p)
	bar.stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fromRunner(err)
	}
	if err != nil && len(r.Results) == 0 {
		return nil, err
	}
	for _, d := range r.Diagnostics {
		a.say("%s", d)
	}
	if a.json { // every null of the document has its reason in it
		a.diagnostics = append(a.diagnostics, r.Nulls...)
	}
	for i := range r.Results {
		for _, n := range r.Results[i].Loaded.Notes {
			a.say("%s", n)
		}
	}
	if werr := a.write(r, err == nil); werr != nil {
		return r, errors.Join(err, werr)
	}
	if a.record != nil && !a.json && !a.quiet {
		fmt.Fprintf(a.errs, "wisp: note: recorded in %s\n", a.record.Path)
	}
	return r, err
}

// fromRunner is a failure in a child process as it would be here; exitCode reads its kind.
func fromRunner(err error) error {
	var r *runner.RemoteError
	if !errors.As(err, &r) {
		return err
	}
	return r
}

func where(r *bench.Report, h record.Host) string { return engines.Where(r, h) }

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
