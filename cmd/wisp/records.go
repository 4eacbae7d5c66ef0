package main

import (
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/record"
)

// Every measurement is kept as one file, in a folder that can be put under version control
// and sent to others: DIR/DEVICE/TIME-RANDOM.json. It is replaced whole after every turn,
// so that whatever ends the program, finished blocks are kept.

// recordFlags say where a measurement is recorded.
type recordFlags struct {
	dir string
	off bool
}

func (f *recordFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.dir, "record", "", "`FOLDER` to keep the measurement in, as DEVICE/TIME.json; otherwise wisp's folder for results")
	cmd.Flags().BoolVar(&f.off, "no-record", false, "keep no record of the measurement")
}

// open makes the record of a measurement; nil where none is wanted, or where the default
// folder cannot be had, which is said.
func (f *recordFlags) open(a *app) (*record.File, error) {
	switch {
	case f.off && f.dir != "":
		return nil, usagef("--record and --no-record: want one of them")
	case f.off:
		return nil, nil
	}
	dir, err := f.dir, error(nil)
	if dir == "" {
		dir, err = record.StateFolder("results")
	}
	var file *record.File
	if err == nil {
		file, err = record.Create(dir, a.machine(), a.started)
	}
	if err != nil && f.dir == "" {
		a.say("the measurement is not recorded: %v", err)
		return nil, nil
	}
	return file, err
}

// document is a measurement as --json prints it and a record holds it.
func (a *app) document(r *bench.Report, complete bool) *record.Document {
	d := engines.Document(a.envelope(), r, a.machine(), version, complete)
	if a.record != nil {
		d.Record = a.record.Path
	}
	return d
}

// keep has a plan's measurement recorded while it goes on.
func (a *app) keep(p *bench.Plan, f *recordFlags) error {
	var err error
	if a.record, err = f.open(a); err != nil || a.record == nil {
		return err
	}
	p.Checkpoint = func(r *bench.Report) error { return a.write(r, false) }
	return nil
}

func (a *app) write(r *bench.Report, complete bool) error {
	if a.record == nil || len(r.Results) == 0 {
		return nil
	}
	d := a.document(r, complete)
	d.Record = ""
	if !complete {
		d.Diagnostics = append(append(d.Diagnostics, r.Diagnostics...), r.Nulls...)
	}
	return a.record.Write(d)
}

// rewrite replaces the record by the document that is printed, which knows the gate's
// outcome and every diagnostic.
func (a *app) rewrite(d *record.Document) error {
	if a.record == nil || len(d.Results) == 0 {
		return nil
	}
	whole := *d
	whole.Record = ""
	return a.record.Write(&whole)
}
