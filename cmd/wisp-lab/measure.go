package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/lab"
	"github.com/wispnet/wisp/internal/record"
)

// measurer measures orders on this machine, as wisp bench would.
func (a *app) measurer(name string) lab.Measurer {
	return func(ctx context.Context, order []byte, models []lab.ModelSpec, paths []string, report func(*record.Document, int, int) error) error {
		o, rows, err := readOrder(order, len(models))
		if err != nil {
			return fmt.Errorf("a malformed order of %d bytes: %w", len(order), err)
		}
		giver := engines.NewGiver(wisp.WithArch(o.Arch))
		defer giver.Close()
		for i := range o.Rows {
			w := &o.Rows[i]
			for _, file := range []int{w.File, w.WeightsFile} {
				if file > 0 {
					about := engines.About{Model: w.Model, Weights: w.Weights, SHA256: models[file-1].SHA256}
					if w.File == 0 {
						about.Weights = models[file-1].Name
					}
					giver.Call(paths[file-1], about)
				}
			}
			switch {
			case w.File > 0:
				rows[i].Model, rows[i].Weights = paths[w.File-1], ""
			case w.WeightsFile > 0:
				rows[i].Weights = paths[w.WeightsFile-1]
			}
		}
		level, err := bench.FindLevel(o.Level)
		if err != nil {
			return err
		}
		p, err := giver.Plan(ctx, rows, engines.Settings{Level: level, Seed: o.Seed, Warmup: o.Warmup, Runs: o.Runs, MinTime: o.MinTime, MaxTime: o.MaxTime,
			Arch: o.Arch, Kernels: o.Kernels, Arithmetic: o.Arithmetic, Version: version})
		if err != nil {
			return err
		}
		for i := range p.Subjects { // not by the path in this machine's cache
			p.Subjects[i].Model = o.Rows[i].Model
		}
		host := record.ReadHost()
		host.Unit = record.UnitOf(name)
		p.Guard = engines.Guard(host, version, o.Seed)
		started := time.Now()
		document := func(r *bench.Report, complete bool) *record.Document {
			e := record.Envelope{SchemaVersion: record.SchemaVersion, Tool: record.Tool{Name: "wisp-lab", Version: version}, Command: "wisp-lab bench",
				Started: started.UTC(), Diagnostics: append(append([]string{}, r.Diagnostics...), r.Nulls...)}
			return engines.Document(e, r, host, version, complete)
		}
		done, total := 0, 1
		p.Progress = func(e bench.Event) { done, total = e.Done, e.Total }
		p.Checkpoint = func(r *bench.Report) error {
			if len(r.Results) == 0 {
				return nil
			}
			return report(document(r, false), done, total)
		}
		r, err := bench.Run(ctx, *p)
		if err != nil && (ctx.Err() != nil || len(r.Results) == 0) {
			return err
		}
		// Rows that could not be measured stand in the diagnostics; the others are whole.
		return report(document(r, true), total, total)
	}
}

// readOrder checks what a stranger's order says.
func readOrder(text []byte, files int) (*benchOrder, []engines.Row, error) {
	var o benchOrder
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return nil, nil, err
	}
	if len(o.Rows) == 0 || len(o.Rows) > mostRows {
		return nil, nil, fmt.Errorf("got %d rows, want 1 to %d", len(o.Rows), mostRows)
	}
	if o.Warmup < 0 || o.Runs < 0 || o.MinTime < 0 || o.MaxTime < 0 || o.MinTime > time.Hour {
		return nil, nil, errors.New("negative or endless runs and times")
	}
	var out []engines.Row
	for _, r := range o.Rows {
		if r.File < 0 || r.File > files || r.WeightsFile < 0 || r.WeightsFile > files {
			return nil, nil, fmt.Errorf("row %.60q: file %d of %d", r.Model, max(r.File, r.WeightsFile), files)
		}
		// The name must be a network's where no file stands behind it: never a path of ours.
		name, weights := r.Model, r.Weights
		if r.File > 0 {
			name, weights = "ghostnet", ""
		}
		rows, err := engines.Grid{Engines: r.Engine, Precisions: r.Precision, Threads: []int{r.Threads}, Batches: []int{r.Batch}, Sessions: []int{r.Sessions}}.Rows([]string{name}, weights)
		if err != nil {
			return nil, nil, err
		}
		if len(rows) != 1 {
			return nil, nil, fmt.Errorf("row %.60q: engine %.60q, precision %.60q: want one of each", r.Model, r.Engine, r.Precision)
		}
		if r.File == 0 {
			if err := engines.IsNetwork(name); err != nil {
				return nil, nil, err
			}
			if r.WeightsFile == 0 && !engines.IsSynthetic(weights) {
				return nil, nil, fmt.Errorf("row %.60q: weights %.60q: want synthetic ones or a file that is sent", r.Model, weights)
			}
		}
		out = append(out, rows[0])
	}
	return &o, out, nil
}
