package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
)

// benchFlags are the flags of a measurement, which bench and compare share.
type benchFlags struct {
	engines, level, precision, kernels string
	warmup, runs                       int
	threads, batches, sessions         []int
	minTime, maxTime                   time.Duration
	seed                               uint64
	force, strict                      bool
	record                             recordFlags
}

func (f *benchFlags) add(cmd *cobra.Command, level string) {
	s := cmd.Flags()
	s.StringVar(&f.engines, "engine", "native", "engines to run on, separated by commas")
	s.StringVar(&f.level, "level", level, "how much care: quick, standard or publish")
	s.StringVar(&f.precision, "precision", "float32", "precisions to run in, separated by commas")
	s.StringVar(&f.kernels, "kernels", "", "force one kernel variant; go is the portable one")
	s.IntSliceVar(&f.threads, "threads", []int{1}, "cores that one run may use; several, separated by commas, are measured beside each other")
	s.IntSliceVar(&f.batches, "batch", []int{1}, "images of one run; several as with --threads")
	s.IntSliceVar(&f.sessions, "sessions", []int{1}, "runs side by side in one process, each on --threads cores; several as with --threads")
	s.IntVar(&f.warmup, "warmup", 0, "untimed runs before each block, instead of the level's")
	s.IntVar(&f.runs, "runs", 0, "timed runs of each block, instead of the level's")
	s.DurationVar(&f.minTime, "min-time", 0, "shortest timed part of a block, instead of the level's")
	s.DurationVar(&f.maxTime, "max-time", 0, "longest timed part of a block")
	s.Uint64Var(&f.seed, "seed", 0, "seed of the order and of the inputs; 0 takes one from the clock")
	s.BoolVar(&f.force, "force", false, "compare figures of unlike contexts, and mark them")
	f.record.add(cmd)
	s.BoolVar(&f.strict, "strict", false, "exit with 6 where a figure is not trustworthy (grade C)")
}

// plan checks the flags and makes a plan for the models.
func (f *benchFlags) plan(ctx context.Context, a *app, models []string, m *modelFlags) (*bench.Plan, error) {
	level, err := bench.FindLevel(f.level)
	if err != nil {
		return nil, usagef("--level: %v", err)
	}
	switch {
	case len(f.threads) == 0 || slices.Min(f.threads) < 1 || slices.Max(f.threads) > maxThreads:
		return nil, usagef("--threads %v: want 1 to %d", f.threads, maxThreads)
	case len(f.batches) == 0 || slices.Min(f.batches) < 1 || slices.Max(f.batches) > maxBatch:
		return nil, usagef("--batch %v: want 1 to %d", f.batches, maxBatch)
	case len(f.sessions) == 0 || slices.Min(f.sessions) < 1 || slices.Max(f.sessions) > runner.MaxSessions:
		return nil, usagef("--sessions %v: want 1 to %d", f.sessions, runner.MaxSessions)
	case f.warmup < 0 || f.runs < 0 || f.runs > runner.MaxRuns || f.warmup > runner.MaxRuns:
		return nil, usagef("--warmup %d, --runs %d: want 0 to %d", f.warmup, f.runs, runner.MaxRuns)
	case f.minTime < 0 || f.maxTime < 0 || f.maxTime > 0 && f.minTime > f.maxTime:
		return nil, usagef("--min-time %v, --max-time %v: want the least not above the most", f.minTime, f.maxTime)
	}
	engines, err := readEngines(f.engines)
	if err != nil {
		return nil, err
	}
	for _, e := range engines { // what is missing is said before anything is written or measured
		if e.own() {
			continue
		}
		c, err := e.start(ctx)
		if err != nil {
			return nil, err
		}
		c.Close()
	}
	for _, p := range strings.Split(f.precision, ",") {
		if p != "float32" {
			return nil, usagef("--precision %s: want float32: other precisions are not part of this version", p)
		}
	}
	out := &foreign{app: a, models: m, exports: map[string]string{}, about: map[string]about{}}
	p := &bench.Plan{
		Level: level, Seed: cmp.Or(f.seed, uint64(a.started.UnixNano())>>8), Warmup: f.warmup, Runs: f.runs, MinTime: f.minTime, MaxTime: f.maxTime,
		Force: f.force, Sensors: record.Sensors,
		Launch: out.launch,
	}
	host := record.ReadHost()
	p.Guard = func(x, y *bench.Result) []string {
		allowed := record.AcrossModels
		if x.Model == y.Model { // then it is engines or precisions that are being compared
			allowed = append(append([]string{}, record.AcrossEngines...), record.AcrossPrecisions...)
		}
		return record.Compare(record.Of(x, host, version, p.Seed), record.Of(y, host, version, p.Seed), allowed)
	}
	if err := a.keep(p, &f.record); err != nil {
		return nil, err
	}
	var options map[string]string
	if m.names != "" {
		options = map[string]string{"map": m.names}
	}
	for _, name := range models {
		for _, how := range f.combinations() {
			for _, e := range engines {
				load := runner.LoadRequest{Model: name, Weights: m.weights, Arch: m.arch, Threads: how.threads, Batch: how.batch, Sessions: how.sessions,
					Precision: "float32", Kernels: f.kernels, Inputs: inputsOf(how.batch), Seed: p.Seed, Options: options}
				if !e.own() {
					if load, err = out.give(e, load); err != nil {
						return nil, err
					}
				}
				p.Subjects = append(p.Subjects, bench.Subject{Model: name, Engine: e.name, Load: load})
			}
		}
	}
	return p, nil
}

// combination is one way to run a model.
type combination struct{ threads, batch, sessions int }

func (f *benchFlags) combinations() []combination {
	var out []combination
	for _, t := range f.threads {
		for _, b := range f.batches {
			for _, s := range f.sessions {
				out = append(out, combination{t, b, s})
			}
		}
	}
	return out
}

// inputsOf is how many random inputs runs alternate between: fewer of large batches, so
// that they do not outweigh the model in memory.
func inputsOf(batch int) int { return max(2, 8/batch) }

// measure runs a plan and shows its progress. A subject that could not be measured is an
// error only where no other could.
func (a *app) measure(ctx context.Context, p *bench.Plan) (*bench.Report, error) {
	bar := a.progress("measuring")
	p.Progress = func(e bench.Event) { bar.set(e.Done, e.Total, e.Model+" "+e.Phase) }
	r, err := bench.Run(ctx, *p)
	bar.stop()
	if err != nil && r == nil {
		return nil, fromRunner(err)
	}
	if err != nil && (len(r.Results) == 0 || !errors.Is(err, context.Canceled)) {
		return nil, fromRunner(err)
	}
	for _, f := range r.Failed {
		if len(r.Results) == 0 {
			return nil, fromRunner(f)
		}
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

// fromRunner gives a failure in a child process the exit code that it would have here.
func fromRunner(err error) error {
	var r *runner.RemoteError
	if !errors.As(err, &r) {
		return err
	}
	return remoteError{r}
}

// remoteError is a failure in a child process; exitCode reads its kind.
type remoteError struct{ *runner.RemoteError }

func (e remoteError) exit() int {
	switch e.Code {
	case runner.CodeUsage:
		return exitUsage
	case runner.CodeUnsupported:
		return exitUnsupported
	case runner.CodeRefused:
		return exitRefused
	}
	return exitFailed
}

// where says on what a measurement was made, for the line above a ranking.
func where(r *bench.Report, h record.Host) string {
	if len(r.Results) == 0 {
		return ""
	}
	first := r.Results[0]
	kind, not := "server or desktop CPU", ": not a phone ranking"
	if h.OS == "android" {
		kind, not = "phone", ""
	}
	how := fmt.Sprintf("%d %s, batch %d", first.Threads, plural(first.Threads, "thread"), first.Batch)
	for i := range r.Results {
		if x := &r.Results[i]; x.Batch != first.Batch || x.Threads != first.Threads || x.Sessions != 1 {
			how = "threads, batches and sessions as stated"
		}
	}
	return fmt.Sprintf("Measured on %s (%s, %s/%s), %s, %s, %s, level %s%s.", cmp.Or(h.CPU, "an unnamed CPU"), kind, h.OS, h.Arch,
		enginesText(r.Results), how, first.Precision, r.Level.Name, not)
}

// enginesText says which engines ran: wisp's own alone is known by its kernels.
func enginesText(all []bench.Result) string {
	var texts []string
	for i := range all {
		text := all[i].Engine + " " + all[i].EngineVersion
		if all[i].Engine == "native" {
			text = kernelsText(all[i].Loaded.Kernels)
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

// kernelsText says which variants of kernels ran: a kernel's name is table/variant.
func kernelsText(kernels []string) string {
	var variants []string
	for _, k := range kernels {
		_, variant, ok := strings.Cut(k, "/")
		if !ok {
			variant = k
		}
		if variant != "go" && !slices.Contains(variants, variant) {
			variants = append(variants, variant)
		}
	}
	if len(variants) == 0 {
		return "portable kernels"
	}
	return strings.Join(variants, " and ") + " kernels"
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
