package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// wisp bench prints measured latencies: median with interval, the other clocks, trust
// grades, comparisons; with --baseline it is a gate.
func newBench(a *app) *cobra.Command {
	var models modelFlags
	var flags benchFlags
	var baseline, failOver string
	var profile bool
	cmd := &cobra.Command{
		Use:   "bench MODEL...",
		Short: "Measure the latency of models, each in a process of its own",
		Long: `Measure the latency of models, each in a process of its own.

Reading, building and the first run are timed apart from the steady runs, whose median is the figure. Models are alternated, so
that a drift of the machine touches all of them. Every figure carries a grade: A all checks passed, B a reading of the machine is
missing, C not to be relied on.`,
		Example: "  wisp bench ghostnet mobilenet_v2 --level quick\n  wisp bench mobilenet_v2 --threads 2 --json > base.json\n  wisp bench mobilenet_v2 --threads 2 --baseline base.json --fail-over 5%",
		Args:    atLeast(1, "MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := flags.plan(cmd.Context(), a, args, &models)
			if err != nil {
				return err
			}
			if profile {
				p.Profile = 20
			}
			gate, err := readGate(baseline, failOver)
			if err != nil {
				return err
			}
			r, err := a.measure(cmd.Context(), p)
			if r == nil {
				return err
			}
			if err := errors.Join(err, a.printBench(r)); err != nil {
				return err
			}
			if gate != nil {
				if err := gate.check(a, r); err != nil {
					return err
				}
			}
			return strictly(flags.strict, r)
		},
	}
	models.add(cmd)
	flags.add(cmd, "standard")
	cmd.Flags().StringVar(&baseline, "baseline", "", "an earlier `FILE` of bench --json to compare with")
	cmd.Flags().StringVar(&failOver, "fail-over", "5%", "exit with 3 where a median is slower than the baseline's by more")
	cmd.Flags().BoolVar(&profile, "profile", false, "time every step, in runs of their own")
	return cmd
}

func strictly(strict bool, r *bench.Report) error {
	all := contexts(r, record.ReadHost())
	if groups := record.Groups(all, acrossOne); strict && len(groups) > 1 {
		return untrustedError{fmt.Sprintf("the rows are not ranked together: their contexts differ in %s", differing(all[0], all[groups[1][0]]))}
	}
	if strict && r.Worst() == bench.GradeC {
		for _, x := range r.Results {
			if x.Grade == bench.GradeC {
				return untrustedError{fmt.Sprintf("%s: the figure is not trustworthy: %s: measure again on a quiet machine", x.Model, strings.Join(x.GradeReasons, "; "))}
			}
		}
	}
	return nil
}

func (a *app) printBench(r *bench.Report) error {
	if a.json {
		return a.print(a.document(r, true))
	}
	fmt.Fprintf(a.out, "%s\n\n", where(r, record.ReadHost()))
	a.printTables(r)
	a.printRatios(r)
	for _, x := range r.Results {
		if x.Profile != nil {
			a.printProfile(x)
		}
	}
	if !a.quiet {
		for _, reason := range gradeReasons(r) {
			fmt.Fprintf(a.errs, "wisp: note: %s\n", reason)
		}
	}
	return nil
}

// gradeReasons says each reason once, with the rows it holds for.
func gradeReasons(r *bench.Report) []string {
	rows := map[string][]string{}
	for i, x := range r.Results {
		for _, reason := range x.GradeReasons {
			rows[reason] = append(rows[reason], bench.Label(r.Results, i))
		}
	}
	var out []string
	for _, reason := range sortedKeys(rows) {
		who := "all rows"
		if len(rows[reason]) < len(r.Results) {
			who = strings.Join(rows[reason], ", ")
		}
		out = append(out, fmt.Sprintf("grade of %s: %s", who, reason))
	}
	return out
}

func contexts(r *bench.Report, h record.Host) []record.Context {
	out := []record.Context{}
	for i := range r.Results {
		out = append(out, record.Of(&r.Results[i], h, version, r.Seed))
	}
	return out
}

func (a *app) printProfile(x bench.Result) {
	fmt.Fprintf(a.out, "\n%s, time by step (%d runs of their own, median)\n", x.Model, x.Profile.Runs)
	t := report.NewTable([]string{"step", "op", "kernel", "ms", "share", "GFLOP/s"}, []bool{false, false, false, true, true, true}, a.width())
	total := 0.0
	for _, s := range x.Profile.Steps {
		total += s.MS
	}
	for _, s := range x.Profile.Steps {
		rate := "–"
		if s.Macs > 0 && s.MS > 0 {
			rate = fmt.Sprintf("%.1f", 2*float64(s.Macs)/s.MS/1e6)
		}
		t.AppendRow(table.Row{s.Name, s.Op, cmp.Or(s.Kernel, "–"), fmt.Sprintf("%.3f", s.MS), fmt.Sprintf("%.1f %%", 100*s.MS/max(total, 1e-12)), rate})
	}
	fmt.Fprintln(a.out, t.Render())
}

// gate compares a measurement with an earlier one.
type gate struct {
	file  string
	base  []bench.Earlier
	limit float64
}

func readGate(file, failOver string) (*gate, error) {
	limit, err := bench.ParseTolerance(failOver)
	if err != nil {
		return nil, usagef("--fail-over: %v", err)
	}
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	base, err := bench.ReadBaseline(f)
	if err != nil {
		return nil, refusedFile{fmt.Errorf("%s: %w", file, err)}
	}
	return &gate{file, base, limit}, nil
}

// refusedFile is a damaged file that is no model: exit code 5.
type refusedFile struct{ error }

func (r refusedFile) Unwrap() error { return r.error }
func (refusedFile) exit() int       { return exitRefused }

func (g *gate) check(a *app, r *bench.Report) error {
	rows, missing, err := bench.Gate(r.Results, g.base, g.limit)
	if err != nil {
		return gateError{fmt.Sprintf("%s: %v", g.file, err)}
	}
	for _, m := range missing {
		a.say("baseline %s: nothing to compare with for %s", g.file, m)
	}
	var failed []string
	for _, row := range rows {
		if !a.json {
			fmt.Fprintf(a.out, "%s: %.3g ms, the baseline has %.3g ms: ratio %.3f\n", row.Model, row.MedianMS, row.BaselineMS, row.Ratio)
		}
		if row.Failed {
			failed = append(failed, fmt.Sprintf("%s is %.1f %% slower", row.Model, 100*(row.Ratio-1)))
		}
	}
	if len(failed) > 0 {
		slices.Sort(failed)
		return gateError{fmt.Sprintf("%s: slower than the baseline by more than %.3g %%: %s", g.file, 100*g.limit, strings.Join(failed, ", "))}
	}
	return nil
}
