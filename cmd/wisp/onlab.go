package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/advise"
	"github.com/wispnet/wisp/internal/device"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// --on lab: every worker of a hub is a device with a column of its own. wisp-lab measures
// (labprogram.go runs it); what it cannot be told is refused by name.

// hubVar names the hub where --on lab does not.
const hubVar = "WISP_LAB_HUB"

const (
	labWait     = 5 * time.Second  // who is there says so more often
	labPatience = 10 * time.Second // the least that wisp-lab takes
)

// labSends are the flags of a measurement that wisp-lab is told, and those that this program
// itself obeys.
var labSends = []string{
	"engine", "precision", "threads", "batch", "sessions", "level", "weights", "arch", "calibrate", "kernels", "arithmetic", "warmup", "runs", "min-time", "max-time", "seed",
	"record", "no-record", "device-wait", "lab-workers", "lab-wait",
	"on", "strict", "json", "quiet", "no-progress", "progress-every",
}

// labOnly refuses flags that mean nothing on a lab.
func labOnly(cmd *cobra.Command, targets []device.Target, sends []string) error {
	if !slices.ContainsFunc(targets, func(t device.Target) bool { return t.Kind == "lab" }) {
		return nil
	}
	var no []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(sends, f.Name) {
			no = append(no, "--"+f.Name)
		}
	})
	if len(no) > 0 {
		return usagef("%s: --on lab: a lab's workers are not told %s: leave it out", cmd.Name(), strings.Join(no, ", "))
	}
	return nil
}

// labArgs are a command line of wisp-lab's; a flag without a value is left out.
type labArgs []string

func (x *labArgs) add(name, value string) {
	if value != "" {
		*x = append(*x, "--"+name, value)
	}
}

func (x *labArgs) number(name string, v int) {
	if v != 0 {
		x.add(name, strconv.Itoa(v))
	}
}

func (x *labArgs) time(name string, d time.Duration) {
	if d != 0 {
		x.add(name, d.String())
	}
}

func (x *labArgs) list(name string, all []int) {
	var words []string
	for _, v := range all {
		words = append(words, strconv.Itoa(v))
	}
	x.add(name, strings.Join(words, ","))
}

func labBench(t device.Target, names []string, f *benchFlags, m *modelFlags) labArgs {
	x := labArgs{"bench"}
	x.add("engine", f.engines)
	x.add("precision", f.precision)
	x.list("threads", f.threads)
	x.list("batch", f.batches)
	x.list("sessions", f.sessions)
	x.add("level", f.level)
	x.add("weights", m.weights)
	x.add("arch", m.arch)
	x.add("calibrate", f.calibrate)
	x.add("kernels", f.kernels)
	x.add("arithmetic", f.arithmetic.profile)
	x.number("warmup", f.warmup)
	x.number("runs", f.runs)
	x.time("min-time", f.minTime)
	x.time("max-time", f.maxTime)
	x.add("seed", strconv.FormatUint(f.seed, 10))
	x.add("record", f.record.dir)
	if f.record.off {
		x = append(x, "--no-record")
	}
	x.time("patience", f.at.options.Wait)
	x.time("wait", f.at.wait())
	if t.Worker != "" {
		x.add("worker", t.Worker)
	} else {
		x.number("workers", f.at.labWorkers)
	}
	return append(append(x, "--"), names...)
}

// labTroubles are what helps where a worker did not end its measurement.
var labTroubles = map[string]string{
	"refused": "see what wisp-lab worker says there",
	"lost":    "start wisp-lab worker there again and run the command once more",
}

// onLab measures on the workers of a lab: a column for each. Where the lab itself fails there
// is one column that says so.
func (a *app) onLab(ctx context.Context, t device.Target, names []string, f *benchFlags, m *modelFlags) (columns []report.DeviceColumn, listed []onDevice, failed error) {
	out, err := a.lab(ctx, t, labBench(t, names, f, m)...)
	var d *record.LabMeasurement
	if len(out) > 0 {
		var perr error
		if d, perr = record.ParseLabMeasurement(out); perr != nil {
			err = errors.Join(err, &labError{t.String(), "wisp-lab prints no measurement: " + forTerminal(perr.Error()), exitFailed})
		}
	}
	if d == nil || len(d.Devices) == 0 {
		if err == nil {
			err = &labError{t.String(), "wisp-lab measured on nobody", exitFailed}
		}
		why := strings.TrimPrefix(err.Error(), t.String()+": ")
		return []report.DeviceColumn{{Name: t.String(), Why: why}}, []onDevice{{On: t.String(), Why: why}}, err
	}
	whole := true
	for _, x := range d.Devices {
		one := t
		one.Worker = x.Name
		column, line := report.DeviceColumn{Name: one.String(), Machine: x.Machine, Document: x.Document}, onDevice{On: one.String()}
		if x.State != record.LabDone {
			whole = false
			column.Why = x.State + ": " + x.Why
			failed = errors.Join(failed, &device.Trouble{Device: one.String(), What: column.Why, Remedy: labTroubles[x.State]})
		}
		if line.Why = column.Why; x.Document != nil {
			for _, note := range x.Document.Diagnostics {
				if a.json || !strings.Contains(note, " is null: ") { // which a table does not show
					a.say("%s: %s", one, forTerminal(note))
				}
			}
			line.Measured, line.Unit, line.Where = true, x.Document.Host.Unit, x.Document.Where
			if x.Record != "" {
				x.Document.Record, line.Record = x.Record, &x.Record
			}
		}
		columns, listed = append(columns, column), append(listed, line)
	}
	if whole || ctx.Err() != nil {
		failed = err
	}
	return columns, listed, failed
}

// labWorkers are the workers of a lab, or of it the one that is named.
func (a *app) labWorkers(ctx context.Context, t device.Target) (*record.LabWorkers, error) {
	out, err := a.lab(ctx, t, "devices")
	if len(out) == 0 {
		return nil, err
	}
	d, perr := record.ParseLabWorkers(out)
	if perr != nil {
		return nil, errors.Join(err, &labError{t.String(), "wisp-lab lists no workers: " + forTerminal(perr.Error()), exitFailed})
	}
	if d.State != record.LabReady {
		return nil, &device.Trouble{Device: t.String(), What: "hub " + d.Hub + ": " + d.State, Remedy: d.Remedy, Err: err}
	}
	if t.Worker != "" {
		d.Workers = slices.DeleteFunc(d.Workers, func(w record.LabWorker) bool { return w.Name != t.Worker })
		if len(d.Workers) == 0 {
			return nil, &device.Trouble{Device: t.String(), What: "no such worker is there", Remedy: "wisp devices lab lists who is"}
		}
	}
	if len(d.Workers) == 0 {
		return nil, &device.Trouble{Device: t.String(), What: "hub " + d.Hub + ": no worker is there", Remedy: "start wisp-lab worker on the devices"}
	}
	return d, nil
}

// labSeen lists the labs of targets and the one of the environment as wisp devices does.
func (a *app) labSeen(ctx context.Context, targets []device.Target) []device.Seen {
	var labs []device.Target
	if os.Getenv(hubVar) != "" {
		labs = append(labs, device.Target{Kind: "lab"})
	}
	for _, t := range targets {
		if t.Kind == "lab" && !slices.Contains(labs, t) {
			labs = append(labs, t)
		}
	}
	out := []device.Seen{}
	for _, t := range labs {
		d, err := a.labWorkers(ctx, t)
		var trouble *device.Trouble
		switch {
		case errors.As(err, &trouble):
			out = append(out, device.Seen{On: t.String(), State: trouble.What, Remedy: trouble.Remedy})
			continue
		case err != nil:
			out = append(out, device.Seen{On: t.String(), State: strings.TrimPrefix(err.Error(), t.String()+": "), Remedy: "try wisp-lab devices"})
			continue
		}
		for _, w := range d.Workers {
			one := t
			one.Worker = w.Name
			s := device.Seen{On: one.String(), State: "ready", About: w.Machine}
			if !w.Measures {
				s.State, s.Remedy = "it measures nothing", "start it without --no-bench; eval may use it as it is"
			}
			if !slices.ContainsFunc(out, func(x device.Seen) bool { return x.On == s.On }) {
				out = append(out, s)
			}
		}
	}
	return out
}

// latenciesLab measures candidates on the one worker of a lab and says which it is.
func (a *app) latenciesLab(cmd *cobra.Command, t device.Target, all []advise.Candidate, flags *benchFlags, models *modelFlags) (on, where string, err error) {
	d, err := a.labWorkers(cmd.Context(), t)
	if err != nil {
		return "", "", err
	}
	var names []string
	for _, w := range d.Workers {
		if w.Measures {
			names = append(names, w.Name)
		}
	}
	if len(names) != 1 {
		what, remedy := "none of its workers measures", "start wisp-lab worker on the device without --no-bench"
		if len(names) > 1 {
			what, remedy = fmt.Sprintf("%d workers are there, a recommendation is for one", len(names)), "say which: --on lab/"+strings.Join(names[:min(len(names), 8)], ", --on lab/")
		}
		return "", "", &device.Trouble{Device: t.String(), What: what, Remedy: remedy}
	}
	t.Worker = names[0]
	flags.seed = flags.settings(a, bench.Level{}, models).Seed
	columns, _, err := a.onLab(cmd.Context(), t, candidateNames(all), flags, models)
	if err != nil {
		return "", "", err
	}
	takeLatencies(all, columns[0].Document.Results)
	return t.String(), columns[0].Document.Where, nil
}
