package engines

import (
	"context"
	"time"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
)

// Row is one row to measure.
type Row struct {
	Model, Weights           string
	Engine                   *Kind
	Precision                string
	Threads, Batch, Sessions int
}

// Settings are what all rows of a measurement share.
type Settings struct {
	Level            bench.Level
	Seed             uint64
	Warmup, Runs     int
	MinTime, MaxTime time.Duration
	Force            bool

	Arch, Names, Kernels  string
	Part                  string
	Calibrate, Arithmetic string

	Version string // of the program, for contexts
}

// Plan lays out a measurement of rows on this machine. An engine that is missing is an error
// before anything is written or measured.
func (f *Giver) Plan(ctx context.Context, rows []Row, s Settings) (*bench.Plan, error) {
	started := map[*Kind]bool{}
	for _, w := range rows {
		if w.Engine.Own() || started[w.Engine] {
			continue
		}
		c, err := w.Engine.Start(ctx)
		if err != nil {
			return nil, err
		}
		c.Close()
		started[w.Engine] = true
	}
	host := record.ReadHost()
	p := &bench.Plan{
		Level: s.Level, Seed: s.Seed, Warmup: s.Warmup, Runs: s.Runs, MinTime: s.MinTime, MaxTime: s.MaxTime,
		Force: s.Force, Sensors: record.Sensors, Launch: f.Launch, Threshold: record.Threshold(host.OS), Guard: Guard(host, s.Version, s.Seed),
	}
	options := map[string]string{"arithmetic": s.Arithmetic, "calibrate": s.Calibrate}
	if s.Part != "" {
		options["part"] = s.Part
	}
	if s.Names != "" {
		options["map"] = s.Names
	}
	for _, w := range rows {
		load := runner.LoadRequest{Model: w.Model, Weights: w.Weights, Arch: s.Arch, Threads: w.Threads, Batch: w.Batch, Sessions: w.Sessions,
			Precision: w.Precision, Kernels: s.Kernels, Inputs: inputsOf(w.Batch), Seed: s.Seed, Options: options}
		var err error
		switch {
		case !w.Engine.Own():
			load, err = f.give(w.Engine, load)
		case w.Precision == "int8":
			load, err = f.giveInt8(load)
		}
		if err != nil {
			return nil, err
		}
		p.Subjects = append(p.Subjects, bench.Subject{Model: w.Model, Engine: w.Engine.Name, Load: load})
	}
	return p, nil
}

// Guard names the fields of context in which two results of one machine differ although
// they should not.
func Guard(host record.Host, version string, seed uint64) func(x, y *bench.Result) []string {
	return func(x, y *bench.Result) []string {
		allowed := record.AcrossModels
		if x.Model == y.Model { // then it is engines or precisions that are being compared
			allowed = append(append([]string{}, record.AcrossEngines...), record.AcrossPrecisions...)
		}
		return record.Compare(record.Of(x, host, version, seed), record.Of(y, host, version, seed), allowed)
	}
}

// inputsOf is how many random inputs runs alternate between: fewer of large batches, so
// that they do not outweigh the model in memory.
func inputsOf(batch int) int { return max(2, 8/batch) }
