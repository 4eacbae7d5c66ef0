package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/record"
)

// wisp bench prints measured latencies: median with interval, the other clocks, trust
// grades, comparisons; with --baseline it is a gate.
func newBench(a *app) *cobra.Command {
	var models modelFlags
	var flags benchFlags
	var gate gateFlags
	var out benchOutput
	var profile bool
	cmd := &cobra.Command{
		Use:   "bench MODEL... | --verify FILE",
		Short: "Measure the latency of models, each in a process of its own",
		Long: `Measure the latency of models, each in a process of its own.

Reading, building and the first run are timed apart from the steady runs, whose median is the figure. Models are alternated, so
that a drift of the machine touches all of them. Every figure carries a grade: A all checks passed, B a reading of the machine is
missing, C not to be relied on.`,
		Example: "  wisp bench ghostnet mobilenet_v2 --level quick\n  wisp bench mobilenet_v2 --threads 2 --json > base.json\n  wisp bench mobilenet_v2 --threads 2 --baseline base.json --fail-over 5%\n  wisp bench --verify base.json\n  wisp bench ghostnet mobilenet_v2 --on adb --cluster big\n  WISP_LAB_HUB=nats://hub:4222 WISP_LAB_TOKEN_FILE=token wisp bench ghostnet --on lab",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(a); err != nil {
				return err
			}
			g, err := gate.open()
			if err != nil {
				return err
			}
			rows, err := g.wanted(cmd, args, &flags, &models)
			if err != nil {
				return err
			}
			targets, err := flags.at.targets()
			if err != nil {
				return err
			}
			if err := labOnly(cmd, targets, labSends); err != nil {
				return err
			}
			if len(targets) > 1 || len(targets) == 1 && targets[0].Kind == "lab" {
				if g != nil || profile || len(out.files) > 0 || out.format != "table" {
					return usagef("bench: on several devices there is a table or --json: give no --baseline, --verify, --profile, --format or -o")
				}
				return a.benchDevices(cmd.Context(), targets, args, &flags, &models)
			}
			p, err := flags.plan(cmd.Context(), a, rows, &models)
			if err != nil {
				return err
			}
			if profile {
				p.Profile = 20
			}
			r, err := a.measure(cmd.Context(), p)
			if r == nil {
				return err
			}
			if cmd.Context().Err() == nil && a.host == nil {
				a.timeAround(r, &models)
			}
			if profile && a.host == nil {
				boundProfiles(r)
			}
			result := g.check(a, r, flags.force)
			if r.Level.Name == "publish" && result == nil {
				a.say("a published figure needs a second run that agrees within 5 %%: wisp bench --verify FILE, where FILE is the record or the output of --json")
			}
			if err := errors.Join(err, out.write(a, r, result, err == nil)); err != nil {
				return err
			}
			if result != nil && !result.Passed {
				return gateError{result.Why}
			}
			return a.strictly(flags.strict, r)
		},
	}
	models.add(cmd)
	flags.add(cmd, "standard")
	gate.add(cmd)
	out.add(cmd)
	cmd.Flags().BoolVar(&profile, "profile", false, "time every step, in runs of their own")
	return cmd
}

func (a *app) strictly(strict bool, r *bench.Report) error {
	all := contexts(r, a.machine())
	if groups := record.Groups(all, acrossOne); strict && len(groups) > 1 {
		return untrustedError{fmt.Sprintf("the rows are not ranked together: their contexts differ in %s", differing(all[0], all[groups[1][0]]))}
	}
	if strict {
		return trusted(r.Results)
	}
	return nil
}

// trusted refuses grade C.
func trusted(all []bench.Result) error {
	for _, x := range all {
		if x.Grade == bench.GradeC {
			return untrustedError{fmt.Sprintf("%s: the figure is not trustworthy: %s: measure again on a quiet machine", x.Model, strings.Join(x.GradeReasons, "; "))}
		}
	}
	return nil
}

func (a *app) printBench(r *bench.Report, g *record.Gate, complete bool) error {
	if a.json {
		d := a.document(r, complete)
		d.Gate = g
		return a.print(d)
	}
	fmt.Fprintf(a.out, "%s\n\n", where(r, a.machine()))
	a.printTables(r)
	a.printRatios(r)
	a.printAround(r)
	for _, x := range r.Results {
		if x.Profile != nil {
			a.printProfile(x)
		}
	}
	if g != nil {
		a.printGate(g)
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
	return engines.Contexts(r, h, version)
}
