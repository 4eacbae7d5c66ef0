package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/device"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// --on: what is measured runs on a phone, a board or the workers of a lab (onlab.go). One
// device takes this machine's place; several have a column each (acrossDevices), as a lab's
// workers have.

// onFlags say where to measure and how devices are used.
type onFlags struct {
	on         []string
	options    device.Options
	labWorkers int
	labWait    time.Duration
}

func (f *onFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringArrayVar(&f.on, "on", nil, "measure on a `DEVICE`: local, adb, adb:SERIAL, ssh:USER@HOST, or lab[:URL][/WORKER], the workers of a hub ($WISP_LAB_HUB); may be repeated")
	s.StringVar(&f.options.Cluster, "cluster", "", "with --on, keep to the cores of a cluster: little, big, prime; a wrong name lists the device's")
	s.IntSliceVar(&f.options.Cores, "cores", nil, "with --on, keep to these cores")
	s.StringVar(&f.options.Dir, "device-dir", "", "with --on, the `FOLDER` on the device that wisp's files go to")
	s.BoolVar(&f.options.Keep, "keep-on-device", false, "with --on, leave runner and models there for the next time")
	s.Float64Var(&f.options.MaxCelsius, "max-temperature", 60, "with --on, a hotter device is waited for, then refused (°C)")
	s.DurationVar(&f.options.Wait, "device-wait", 2*time.Minute, "with --on, how long a device that went in the middle may be away")
}

// addLab adds what only measurements on a lab need.
func (f *onFlags) addLab(cmd *cobra.Command) {
	s := cmd.Flags()
	s.IntVar(&f.labWorkers, "lab-workers", 0, "with --on lab, wait for so many workers and measure on no more; 0 is whoever is there within --lab-wait")
	s.DurationVar(&f.labWait, "lab-wait", 0, "with --on lab, how long workers may take to join (default 5s)")
}

// wait is how long workers of a lab may take to join.
func (f *onFlags) wait() time.Duration { return cmp.Or(f.labWait, labWait) }

// targets reads --on; none is this machine.
func (f *onFlags) targets() ([]device.Target, error) {
	var out []device.Target
	for _, s := range f.on {
		t, err := device.Parse(s)
		if err != nil {
			return nil, usagef("%v", err)
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	lab := slices.ContainsFunc(out, func(t device.Target) bool { return t.Kind == "lab" })
	switch {
	case f.labWorkers < 0 || f.labWait < 0:
		return nil, usagef("--lab-workers %d, --lab-wait %v: want 0 or more", f.labWorkers, f.labWait)
	case !lab && (f.labWorkers > 0 || f.labWait > 0):
		return nil, usagef("--lab-workers, --lab-wait: they belong to --on lab")
	case lab && f.options.Wait < labPatience:
		return nil, usagef("--device-wait %v: with --on lab, want at least %v", f.options.Wait, labPatience)
	}
	if f.options.Cores != nil && f.options.Cluster != "" {
		return nil, usagef("--cluster and --cores: want one of them")
	}
	if !(f.options.MaxCelsius > 0) || f.options.Wait <= 0 {
		return nil, usagef("--max-temperature %v, --device-wait %v: want more than 0", f.options.MaxCelsius, f.options.Wait)
	}
	return out, nil
}

// away is the one device to measure on; nil where it is this machine.
func (f *onFlags) away() (*device.Target, error) {
	all, err := f.targets()
	switch {
	case err != nil:
		return nil, err
	case len(all) > 1:
		return nil, usagef("--on: got %d devices, want one", len(all))
	case len(all) == 0 || all[0].Kind == "local":
		return nil, nil
	}
	return &all[0], nil
}

// options are a device's, with what this program knows.
func (a *app) deviceOptions(f *onFlags) device.Options {
	o := f.options
	if exe, err := os.Executable(); err == nil {
		o.Runners = append(o.Runners, filepath.Dir(exe))
	}
	if dir := os.Getenv("WISP_RUNNERS"); dir != "" {
		o.Runners = append([]string{dir}, o.Runners...)
	}
	o.Log = func(format string, args ...any) {
		if !a.quiet {
			fmt.Fprintf(a.errs, "wisp: note: %s\n", fmt.Sprintf(format, args...))
		}
	}
	return o
}

// openDevice opens a device, which from then on is the machine that figures are of.
func (a *app) openDevice(ctx context.Context, t device.Target, f *onFlags) (*device.Device, error) {
	d, err := device.Open(ctx, t, a.deviceOptions(f))
	if err != nil {
		return nil, err
	}
	a.atEnd(d.Close)
	a.host = &d.Host
	return d, nil
}

// machine is what figures are of: the device of --on, else this machine.
func (a *app) machine() record.Host {
	if a.host != nil {
		return *a.host
	}
	return record.ReadHost()
}

// adapt has a plan of wisp's own engine measured on a device, with the weights that a name
// has here.
func (a *app) adapt(p *bench.Plan, d *device.Device, m *modelFlags, g *engines.Giver) error {
	for i := range p.Subjects {
		s := &p.Subjects[i]
		if _, err := os.Stat(s.Load.Model); err == nil || s.Load.Weights != "" {
			continue
		}
		model, err := wisp.Open(s.Load.Model, m.options()...)
		if err != nil {
			return err
		}
		if model.File != nil && model.File.Path != s.Load.Model && !strings.HasPrefix(s.Load.Model, model.File.Path+"@") {
			s.Load.Weights = model.File.Path // pulled ones, which are in no cache there
		}
		model.Close()
	}
	d.Adapt(p)
	p.Launch = g.Naming(d.Launch)
	p.Guard = engines.Guard(d.Host, version, p.Seed)
	return nil
}

// onDevice is a device of several in a JSON document: its results are those of the document
// whose contexts have its unit.
type onDevice struct {
	On       string  `json:"on"`
	Measured bool    `json:"measured"`
	Why      string  `json:"why,omitempty"`
	Unit     string  `json:"unit,omitempty"`
	Where    string  `json:"where,omitempty"`
	Record   *string `json:"record"`
}

// acrossDevices measures the same rows on each device, one after another, and says of each
// that failed why. The error is the first device's.
func (a *app) acrossDevices(ctx context.Context, targets []device.Target, names []string, flags *benchFlags, models *modelFlags) ([]report.DeviceColumn, []onDevice, error) {
	var columns []report.DeviceColumn
	var listed []onDevice
	var failed error
	rows, err := flags.wanted(names, models.weights)
	if err != nil {
		return nil, nil, err
	}
	flags.seed = flags.settings(a, bench.Level{}, models).Seed // one for all
	for _, t := range targets {
		if ctx.Err() != nil {
			return columns, listed, ctx.Err()
		}
		a.host, a.record = nil, nil
		some, lines, err := []report.DeviceColumn{{}}, []onDevice{{}}, error(nil)
		if t.Kind == "lab" {
			some, lines, err = a.onLab(ctx, t, names, flags, models)
		} else {
			some[0], lines[0], err = a.onOne(ctx, t, rows, flags, models)
		}
		if err != nil && exitCode(err) == exitUsage {
			return columns, listed, err
		}
		failed = errors.Join(failed, err)
		columns, listed = append(columns, some...), append(listed, lines...)
	}
	a.host, a.record = nil, nil
	var first *device.Trouble
	if errors.As(failed, &first) && len(columns) > 1 {
		failed = first
	}
	return columns, listed, failed
}

// onOne measures the rows on one device.
func (a *app) onOne(ctx context.Context, t device.Target, rows []engines.Row, flags *benchFlags, models *modelFlags) (report.DeviceColumn, onDevice, error) {
	one := *flags
	one.at.on, one.at.labWorkers, one.at.labWait = []string{t.String()}, 0, 0
	ending := len(a.ending)
	defer func() { // before the next device is begun with
		for _, f := range a.ending[ending:] {
			f()
		}
		a.ending = a.ending[:ending]
	}()
	column, line := report.DeviceColumn{Name: t.String()}, onDevice{On: t.String()}
	var r *bench.Report
	p, err := one.plan(ctx, a, rows, models)
	if err == nil {
		r, err = a.measure(ctx, p)
	}
	if err != nil {
		column.Why = strings.TrimPrefix(err.Error(), t.String()+": ")
		line.Why = column.Why
	}
	if r == nil {
		return column, line, err
	}
	d := a.document(r, err == nil)
	err = errors.Join(err, a.rewrite(d))
	h := a.machine()
	column.Document, column.Machine = d, strings.TrimSpace(h.CPU+" "+h.Device)
	line.Measured, line.Unit, line.Where = true, h.Unit, d.Where
	if a.record != nil {
		line.Record = &a.record.Path
	}
	return column, line, err
}

// merged is the documents of several devices as one: comparisons are within devices.
func (a *app) merged(columns []report.DeviceColumn) *record.Document {
	all := &record.Document{Envelope: a.envelope(), Complete: true, Results: []bench.Result{}, Comparisons: []bench.Comparison{}, Summaries: []bench.Summary{}, Contexts: []record.Context{}}
	var where []string
	for _, c := range columns {
		if c.Document == nil {
			all.Complete = false
			continue
		}
		d := c.Document
		all.Level, all.Seed, all.Complete = d.Level, d.Seed, all.Complete && d.Complete
		all.Results, all.Comparisons = append(all.Results, d.Results...), append(all.Comparisons, d.Comparisons...)
		all.Summaries, all.Contexts = append(all.Summaries, d.Summaries...), append(all.Contexts, d.Contexts...)
		where = append(where, c.Name+": "+d.Where)
	}
	all.Where = strings.Join(where, " ")
	return all
}

// benchDevices is bench on several devices.
func (a *app) benchDevices(ctx context.Context, targets []device.Target, names []string, flags *benchFlags, models *modelFlags) error {
	columns, listed, err := a.acrossDevices(ctx, targets, names, flags, models)
	if len(columns) == 0 || len(columns) == 1 && columns[0].Document == nil {
		return err
	}
	if a.json {
		return errors.Join(a.print(struct {
			*record.Document
			Devices []onDevice `json:"devices"`
		}{a.merged(columns), listed}), err, strictDevices(flags.strict, columns))
	}
	report.PrintDevices(a.out, columns, a.width())
	return cmp.Or(err, strictDevices(flags.strict, columns))
}

// strictDevices refuses grade C on any device.
func strictDevices(strict bool, columns []report.DeviceColumn) error {
	for _, c := range columns {
		if d := c.Document; strict && d != nil {
			if err := trusted(d.Results); err != nil {
				return untrustedError{c.Name + ": " + err.Error()}
			}
		}
	}
	return nil
}

// compareDevices is compare on devices: a column and a Pareto front for each.
func (a *app) compareDevices(cmd *cobra.Command, targets []device.Target, names []string, models *modelFlags, flags *benchFlags) (*compared, []report.DeviceColumn, error) {
	columns, listed, failed := a.acrossDevices(cmd.Context(), targets, names, flags, models)
	var docs []*record.Document
	var files []string
	for _, c := range columns {
		if c.Document != nil {
			docs, files = append(docs, c.Document), append(files, c.Name)
		}
	}
	if len(docs) == 0 {
		return nil, nil, failed
	}
	by, err := record.FindDimension("models")
	if err != nil {
		return nil, nil, err
	}
	j := &joined{by: by, tables: record.Tables(record.Rows(docs, files), by, false), files: files}
	c, err := j.compared(a, a.json || flags.document)
	if err != nil {
		return nil, nil, err
	}
	c.joined, c.devices = j, listed
	c.Title = fmt.Sprintf("%d networks on %d devices", len(names), len(docs))
	var fronts []string
	k := 0
	for i := range j.tables { // rows of the comparison follow the tables'
		for _, r := range j.tables[i].Rows {
			mark(columns, &r, c.Rows[k].OnFront)
			c.Rows[k].Device, c.rows[k].On = r.File, r.File
			if c.Rows[k].OnFront {
				fronts = append(fronts, c.Rows[k].Model+" on "+r.File)
			}
			k++
		}
	}
	c.pareto, c.Devices, c.Context = fronts, columns, nil
	var where []string
	for i := range columns {
		d := &columns[i]
		c.Context = append(c.Context, report.Field{Name: d.Name, Value: strings.TrimPrefix(d.Story(), d.Name+" ")})
		if d.Document != nil {
			where = append(where, strings.TrimSuffix(fmt.Sprintf("%s (%s)", d.Name, d.Machine), " ()"))
		}
	}
	c.Where = "Measured on " + strings.Join(where, "; ") + ". Devices are not ranked with one another."
	return c, columns, failed
}

// mark puts a row's place on its device's front into the device's column.
func mark(columns []report.DeviceColumn, r *record.Row, onFront bool) {
	for i := range columns {
		c := &columns[i]
		if c.Name != r.File || c.Document == nil {
			continue
		}
		if c.Front == nil {
			c.Front = map[string]bool{}
		}
		for k := range c.Document.Results {
			x := &c.Document.Results[k]
			if x.Model == r.Result.Model && x.Engine == r.Result.Engine && x.Precision == r.Result.Precision && x.Threads == r.Result.Threads && x.Batch == r.Result.Batch && x.Sessions == r.Result.Sessions {
				c.Front[bench.Label(c.Document.Results, k)] = onFront
			}
		}
	}
}
