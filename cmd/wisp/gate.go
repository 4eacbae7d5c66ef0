package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
)

// bench beside an earlier measurement: --baseline fails where a median became slower,
// --verify measures the same rows again and says whether their figures hold.

// gateFlags name the earlier measurement.
type gateFlags struct {
	baseline, verify, failOver string
}

func (f *gateFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "an earlier `FILE` of bench --json, or a record, to compare with")
	cmd.Flags().StringVar(&f.verify, "verify", "", "measure the rows of an earlier `FILE` again, instead of MODELs, and say whether their figures hold")
	cmd.Flags().StringVar(&f.failOver, "fail-over", "5%", "exit with 3 where a median is slower than the earlier one by more; with --verify, slower or faster")
}

// gate is an earlier measurement that was read.
type gate struct {
	kind, file string
	limit      float64
	base       []bench.Earlier
	contexts   []record.Context // of base; none in files of another hand
	document   *record.Document // with --verify
}

// open reads the earlier measurement; without one, the gate is nil.
func (f *gateFlags) open() (*gate, error) {
	limit, err := bench.ParseTolerance(f.failOver)
	if err != nil {
		return nil, usagef("--fail-over: %v", err)
	}
	g := &gate{kind: "baseline", file: f.baseline, limit: limit}
	switch {
	case f.baseline == "" && f.verify == "":
		return nil, nil
	case f.baseline != "" && f.verify != "":
		return nil, usagef("--baseline and --verify: want one of them")
	case f.verify != "":
		g.kind, g.file = "verify", f.verify
		if g.document, err = record.Read(f.verify); err != nil {
			return nil, asRefused(err)
		}
	}
	return g, g.read()
}

// maxBaseline bounds the file of an earlier measurement.
const maxBaseline = 256 << 20

func (g *gate) read() error {
	f, err := os.Open(g.file)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBaseline+1))
	if err != nil {
		return err
	}
	if g.base, err = bench.ReadBaseline(bytes.NewReader(text)); err != nil {
		return refusedFile{fmt.Errorf("%s: %w", g.file, err)}
	}
	var contexts struct {
		Contexts []record.Context `json:"contexts"`
	}
	if json.Unmarshal(text, &contexts) == nil && len(contexts.Contexts) == len(g.base) {
		g.contexts = contexts.Contexts
	}
	return nil
}

// refusedFile is a damaged file that is no model: exit code 5.
type refusedFile struct{ error }

func (r refusedFile) Unwrap() error { return r.error }
func (refusedFile) exit() int       { return exitRefused }

// wanted is the rows to measure: those of the arguments, or with --verify the earlier ones.
func (g *gate) wanted(cmd *cobra.Command, args []string, f *benchFlags, m *modelFlags) ([]engines.Row, error) {
	if g == nil || g.document == nil {
		if len(args) == 0 {
			return nil, usagef("bench: MODEL missing: %s", cmd.UseLine())
		}
		return f.wanted(args, m.weights)
	}
	for _, name := range []string{"engine", "precision", "threads", "batch", "sessions", "weights"} {
		if cmd.Flags().Changed(name) || len(args) > 0 {
			return nil, usagef("--verify %s: the file says what is measured: give no MODEL and no --%s with it", g.file, name)
		}
	}
	if !cmd.Flags().Changed("level") {
		f.level = g.document.Level
	}
	var out []engines.Row
	for i := range g.document.Results {
		r := &g.document.Results[i]
		e, err := engines.Find(r.Engine)
		if err != nil {
			return nil, refusedFile{fmt.Errorf("%s: results[%d]: engine %q: no such engine", g.file, i, r.Engine)}
		}
		w := engines.Row{Model: r.Model, Engine: e, Precision: r.Precision, Threads: r.Threads, Batch: r.Batch, Sessions: r.Sessions}
		if strings.HasPrefix(r.Weights, "synthetic:") {
			w.Weights = r.Weights
		}
		if w.Threads < 1 || w.Threads > maxThreads || w.Batch < 1 || w.Batch > maxBatch || w.Sessions < 1 || w.Sessions > runner.MaxSessions {
			return nil, refusedFile{fmt.Errorf("%s: results[%d]: %d threads, batch %d, %d sessions", g.file, i, w.Threads, w.Batch, w.Sessions)}
		}
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out, nil
}

// acrossTime is what may differ between a measurement and an earlier one: the software is
// what a gate watches.
var acrossTime = slices.Concat(record.AcrossRuns, record.AcrossVersions, record.AcrossLevels)

// check compares a measurement with the earlier one; nil without a gate.
func (g *gate) check(a *app, r *bench.Report, force bool) *record.Gate {
	if g == nil {
		return nil
	}
	out := &record.Gate{Kind: g.kind, File: g.file, Limit: 1 + g.limit, Rows: []bench.GateRow{}}
	by := bench.Gating{FailOver: g.limit, Both: g.kind == "verify", Force: force}
	if g.contexts == nil {
		a.say("%s %s: it has no contexts, so nothing says that it was measured like this", g.kind, g.file)
	} else {
		by.Guard = func(x *bench.Result, i int) []string {
			return record.Compare(record.Of(x, a.machine(), version, r.Seed), g.contexts[i], acrossTime)
		}
	}
	rows, missing, err := by.Gate(r.Results, g.base)
	for _, m := range missing {
		a.say("%s %s: nothing to compare with for %s", g.kind, g.file, m)
	}
	if err != nil {
		out.Why = fmt.Sprintf("%s: %v", g.file, err)
		return out
	}
	out.Rows = rows
	var failed []string
	for _, row := range rows {
		if row.Failed {
			failed = append(failed, fmt.Sprintf("%s is %s", row.Row, change(row.Ratio)))
		}
	}
	slices.Sort(failed)
	switch out.Passed = len(failed) == 0; {
	case out.Passed:
	case g.kind == "verify":
		out.Why = fmt.Sprintf("%s: figures do not hold within %.3g %%: %s", g.file, 100*g.limit, strings.Join(failed, ", "))
	default:
		out.Why = fmt.Sprintf("%s: slower than the baseline by more than %.3g %%: %s", g.file, 100*g.limit, strings.Join(failed, ", "))
	}
	return out
}

func change(ratio float64) string {
	if ratio < 1 {
		return fmt.Sprintf("%.1f %% faster", 100*(1/ratio-1))
	}
	return fmt.Sprintf("%.1f %% slower", 100*(ratio-1))
}

func (a *app) printGate(g *record.Gate) {
	fmt.Fprintln(a.out)
	for _, row := range g.Rows {
		then, within := "the baseline has", ""
		if g.Kind == "verify" {
			then, within = "the record has", ": it holds"
			if row.Failed {
				within = ": it does not hold"
			}
		}
		iv := ""
		if row.CI95 != nil {
			iv = fmt.Sprintf(" (%.3f–%.3f)", row.CI95.Lo, row.CI95.Hi)
		}
		mark := ""
		if len(row.Differs) > 0 {
			mark = ", forced: contexts differ in " + strings.Join(row.Differs, ", ")
		}
		fmt.Fprintf(a.out, "%s: %.3g ms, grade %s; %s %.3g ms, grade %s: ratio %.3f%s%s%s\n", row.Row, row.MedianMS, row.Grades[1], then, row.BaselineMS, row.Grades[0], row.Ratio, iv, within, mark)
	}
}
