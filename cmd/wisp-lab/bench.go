package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/lab"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// benchFlags are wisp bench's, as far as they are not a machine's own.
type benchFlags struct {
	access           accessFlags
	grid             engines.Grid
	level, weights   string
	arch, calibrate  string
	kernels, records string
	arithmetic       string
	warmup, runs     int
	minTime, maxTime time.Duration
	seed             uint64
	only             []string
	workers          int
	noRecord         bool
	wait, patience   time.Duration
	ackWait          time.Duration
}

// wisp-lab bench prints the latencies of models on every worker of a hub, each device beside
// the others and ranked with none of them.
func newBench(a *app) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench MODEL...",
		Short: "Measure latencies on each of a hub's workers",
		Long: `Measure latencies on each of a hub's workers, once on every one that joins within --wait, or on the first --workers of them. A worker
measures as wisp bench does, each block in a fresh process, and nothing else meanwhile. Every device has its column and its context;
devices are never ranked with one another. What a worker had measured before it was lost stands in the table, marked.

Each device's measurement is recorded as a file that wisp compare --from reads.`,
		Example: "  wisp-lab bench mobilenet_v2 ghostnet --hub nats://hub:4222 --token-file token --level quick\n  wisp-lab bench model.onnx --workers 3 --wait 10m --hub nats://hub:4222 --token-file token",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("bench: MODEL is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.bench(cmd.Context(), args, &f) },
	}
	f.access.add(cmd)
	s := cmd.Flags()
	s.StringVar(&f.grid.Engines, "engine", "native", "engines to run on, separated by commas; a worker without one says so")
	s.StringVar(&f.grid.Precisions, "precision", "float32", "precisions to run in, separated by commas")
	s.IntSliceVar(&f.grid.Threads, "threads", []int{1}, "cores that one run may use; several, separated by commas")
	s.IntSliceVar(&f.grid.Batches, "batch", []int{1}, "images of one run; several as with --threads")
	s.IntSliceVar(&f.grid.Sessions, "sessions", []int{1}, "runs side by side in one process; several as with --threads")
	s.StringVar(&f.level, "level", "standard", "how much care: quick, standard or publish")
	s.StringVar(&f.weights, "weights", "", "weights for a zoo network: a `FILE`, or synthetic:SEED[,gain=G]")
	s.StringVar(&f.arch, "arch", "", "the network of a checkpoint, as a zoo `NAME`")
	s.StringVar(&f.calibrate, "calibrate", "", "images that int8 of a float network is calibrated on, here (`DIR`)")
	s.StringVar(&f.kernels, "kernels", "", "force one kernel variant; go is the portable one")
	s.StringVar(&f.arithmetic, "arithmetic", "", "how integers round: "+fixed.Names()+" (default: as the file's own runtime)")
	s.IntVar(&f.warmup, "warmup", 0, "untimed runs before each block, instead of the level's")
	s.IntVar(&f.runs, "runs", 0, "timed runs of each block, instead of the level's")
	s.DurationVar(&f.minTime, "min-time", 0, "shortest timed part of a block, instead of the level's")
	s.DurationVar(&f.maxTime, "max-time", 0, "longest timed part of a block")
	s.Uint64Var(&f.seed, "seed", 0, "seed of the order and of the inputs; 0 takes one from the clock")
	s.StringVar(&f.records, "record", "", "`FOLDER` to keep the measurements in, as DEVICE/TIME.json; otherwise wisp's folder for results")
	s.BoolVar(&f.noRecord, "no-record", false, "keep no record of the measurements")
	s.StringArrayVar(&f.only, "worker", nil, "have this worker alone measure, by its `NAME`; may be repeated")
	s.IntVar(&f.workers, "workers", 0, "so many workers are waited for and no more asked; 0 is whoever joins within --wait")
	s.DurationVar(&f.wait, "wait", 15*time.Second, "how long workers may take to join")
	s.DurationVar(&f.patience, "patience", 2*time.Minute, "a worker that was not heard of for so long is lost")
	s.DurationVar(&f.ackWait, "ack-wait", 30*time.Second, "without a sign of life for so long a worker's order is offered to it again")
	return cmd
}

// benchOrder is what every worker measures.
type benchOrder struct {
	Rows             []orderRow    `json:"rows"`
	Level            string        `json:"level"`
	Seed             uint64        `json:"seed"`
	Warmup           int           `json:"warmup,omitempty"`
	Runs             int           `json:"runs,omitempty"`
	MinTime          time.Duration `json:"min_time_ns,omitempty"`
	MaxTime          time.Duration `json:"max_time_ns,omitempty"`
	Arch             string        `json:"arch,omitempty"`
	Kernels          string        `json:"kernels,omitempty"`
	Arithmetic       string        `json:"arithmetic,omitempty"`
	CoordinatorsTool string        `json:"tool_version"`
}

// orderRow is a row; File and WeightsFile number the job's models from 1.
type orderRow struct {
	Model       string `json:"model"`   // as the row is called
	Weights     string `json:"weights"` // synthetic ones, or what the file's are called
	File        int    `json:"file,omitempty"`
	WeightsFile int    `json:"weights_file,omitempty"`
	Engine      string `json:"engine"`
	Precision   string `json:"precision"`
	Threads     int    `json:"threads"`
	Batch       int    `json:"batch"`
	Sessions    int    `json:"sessions"`
}

// leastPatience is longer than a worker needs to be heard of again after its hub was away.
const leastPatience = 10 * time.Second

// mostRows bounds an order.
const mostRows = 256

func (a *app) bench(ctx context.Context, names []string, f *benchFlags) error {
	level, err := bench.FindLevel(f.level)
	switch {
	case err != nil:
		return usagef("--level: %v", err)
	case f.workers < 0 || f.wait <= 0 || f.patience < leastPatience:
		return usagef("bench: --workers %d, --wait %v, --patience %v: want 0 or more, a time, and at least %v", f.workers, f.wait, f.patience, leastPatience)
	case f.noRecord && f.records != "":
		return usagef("bench: --record and --no-record: want one of them")
	case f.workers > 0 && len(f.only) > 0:
		return usagef("bench: --worker and --workers: want one of them")
	case f.ackWait < time.Second/10 || f.ackWait > time.Hour:
		return usagef("bench: --ack-wait %v: want 100ms to 1h", f.ackWait)
	case f.warmup < 0 || f.runs < 0 || f.minTime < 0 || f.maxTime < 0 || f.maxTime > 0 && f.minTime > f.maxTime:
		return usagef("bench: --warmup, --runs, --min-time, --max-time: want 0 or more, the least not above the most")
	}
	rows, err := f.grid.Rows(names, f.weights)
	if err != nil {
		return err
	}
	if len(rows) > mostRows {
		return usagef("bench: got %d rows, want at most %d", len(rows), mostRows)
	}
	o := benchOrder{Level: level.Name, Seed: cmp.Or(f.seed, uint64(a.started.UnixNano())>>8), Warmup: f.warmup, Runs: f.runs,
		MinTime: f.minTime, MaxTime: f.maxTime, Kernels: f.kernels, Arithmetic: f.arithmetic, Arch: f.arch, CoordinatorsTool: version}
	giver := engines.NewGiver(wisp.WithArch(f.arch))
	defer giver.Close()
	files := &sentFiles{}
	for _, r := range rows {
		row, err := f.row(r, giver, files)
		if err != nil {
			return err
		}
		o.Rows = append(o.Rows, row)
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	last := time.Now()
	m := lab.Measurement{Access: f.access.Access, Order: text, Models: files.models, Paths: files.paths,
		Only: f.only, Workers: f.workers, Wait: f.wait, Patience: f.patience, AckWait: f.ackWait, Log: a.log}
	m.Progress = func(d *lab.Device) {
		if a.progress(&last) || d.State == lab.Done && !a.quiet {
			a.log("%s: %d/%d turns", d.Worker, d.Done, d.Total)
		}
	}
	devices, err := lab.Measure(ctx, m)
	if perr := a.printDevices(devices, f); err == nil {
		err = perr
	}
	if err == nil {
		for _, d := range devices {
			if d.State != lab.Done {
				return fmt.Errorf("bench: %s: %s: %s", d.Worker, d.State, d.Why)
			}
		}
	}
	return err
}

// sentFiles are the files of an order, each once.
type sentFiles struct {
	models []lab.ModelSpec
	paths  []string
}

func (s *sentFiles) add(path string) (int, error) {
	for i, p := range s.paths {
		if p == path {
			return i + 1, nil
		}
	}
	sum, err := engines.HashOf(path)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	s.paths = append(s.paths, path)
	s.models = append(s.models, lab.ModelSpec{Name: filepath.Base(path), File: filepath.Base(path), SHA256: sum, Bytes: info.Size()})
	return len(s.paths), nil
}

// row describes a row to the workers, who have no files of ours: those are sent.
func (f *benchFlags) row(r engines.Row, giver *engines.Giver, files *sentFiles) (orderRow, error) {
	out := orderRow{Model: r.Model, Engine: r.Engine.Name, Precision: r.Precision, Threads: r.Threads, Batch: r.Batch, Sessions: r.Sessions}
	m, err := wisp.Open(r.Model, wisp.WithWeights(r.Weights), wisp.WithArch(f.arch))
	if err != nil {
		return out, err
	}
	defer m.Close()
	out.Weights = m.Weights.ID
	switch {
	case r.Precision == "int8" && m.Precision() != "int8": // once, so that all devices run the same integers
		path, err := giver.Int8(m, r.Weights, f.calibrate)
		if err != nil {
			return out, err
		}
		out.File, err = files.add(path)
		return out, err
	case m.File == nil:
		return out, nil
	case strings.HasPrefix(r.Model, m.File.Path):
		out.File, err = files.add(m.File.Path)
	default:
		out.WeightsFile, err = files.add(m.File.Path)
	}
	return out, err
}

// printDevices records and prints what the devices measured.
func (a *app) printDevices(devices []*lab.Device, f *benchFlags) error {
	if len(devices) == 0 {
		return nil
	}
	var errs []error
	folder := f.records
	if folder == "" && !f.noRecord {
		var err error
		if folder, err = record.StateFolder("results"); err != nil {
			return err
		}
	}
	var columns []report.DeviceColumn
	documents := record.LabMeasurement{Devices: []record.LabDevice{}}
	var diagnostics []string
	for _, d := range devices {
		c := report.DeviceColumn{Name: d.Worker, Machine: d.Machine, Document: d.Document}
		if d.State != lab.Done {
			c.Why = string(d.State) + ": " + d.Why
			diagnostics = append(diagnostics, fmt.Sprintf("%s: %s", d.Worker, c.Why))
		}
		x := record.LabDevice{Name: d.Worker, Machine: d.Machine, State: string(d.State), Why: d.Why, Turns: d.Done, Of: d.Total, Document: d.Document}
		if d.Document != nil && !f.noRecord {
			file, err := record.Create(folder, d.Document.Host, d.Document.Started)
			if err == nil {
				err = file.Write(d.Document)
			}
			if err != nil {
				errs = append(errs, err)
			} else {
				x.Record = file.Path
				if !a.json && !a.quiet {
					a.log("%s: recorded in %s", d.Worker, file.Path)
				}
			}
		}
		columns, documents.Devices = append(columns, c), append(documents.Devices, x)
	}
	if a.json {
		documents.Envelope = a.envelope(diagnostics)
		errs = append(errs, record.Encode(a.out, documents))
	} else {
		report.PrintDevices(a.out, columns, 0)
	}
	return errors.Join(errs...)
}
