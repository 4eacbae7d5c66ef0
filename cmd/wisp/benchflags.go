package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/runner"
)

// benchFlags are the flags of a measurement, which bench and compare share.
type benchFlags struct {
	engines, level, precision, kernels string
	calibrate                          string
	arithmetic                         arithmeticFlag
	warmup, runs                       int
	threads, batches, sessions         []int
	minTime, maxTime                   time.Duration
	seed                               uint64
	force, strict                      bool
	record                             recordFlags
	at                                 onFlags

	giver    *engines.Giver // of the plan, once there is one
	profile  bool           // time every step too
	document bool           // a JSON document is written beside the output
	look     string         // a picture whose feature maps a report shows
}

func (f *benchFlags) add(cmd *cobra.Command, level string) {
	s := cmd.Flags()
	s.StringVar(&f.engines, "engine", "native", "engines to run on, separated by commas")
	s.StringVar(&f.level, "level", level, "how much care: quick, standard or publish")
	f.arithmetic.add(cmd)
	s.StringVar(&f.calibrate, "calibrate", "", "images that int8 of a float network is calibrated on (`DIR`); without it, 32 synthetic inputs")
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
	f.at.add(cmd)
	f.at.addLab(cmd)
	s.BoolVar(&f.strict, "strict", false, "exit with 6 where a figure is not trustworthy (grade C)")
}

// check finds mistakes in the figures; those of rows are found where rows are made.
func (f *benchFlags) check() error {
	switch {
	case f.warmup < 0 || f.runs < 0 || f.runs > runner.MaxRuns || f.warmup > runner.MaxRuns:
		return usagef("--warmup %d, --runs %d: want 0 to %d", f.warmup, f.runs, runner.MaxRuns)
	case f.minTime < 0 || f.maxTime < 0 || f.maxTime > 0 && f.minTime > f.maxTime:
		return usagef("--min-time %v, --max-time %v: want the least not above the most", f.minTime, f.maxTime)
	}
	return f.arithmetic.check()
}

// wanted is every row that the flags ask for.
func (f *benchFlags) wanted(models []string, weights string) ([]engines.Row, error) {
	return engines.Grid{Engines: f.engines, Precisions: f.precision, Threads: f.threads, Batches: f.batches, Sessions: f.sessions}.Rows(models, weights)
}
