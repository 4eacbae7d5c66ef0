package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/zoo"
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

	giver   *engines.Giver // of the plan, once there is one
	profile bool           // time every step too
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
	s.BoolVar(&f.strict, "strict", false, "exit with 6 where a figure is not trustworthy (grade C)")
}

// check finds mistakes in the figures; names are checked where they are used.
func (f *benchFlags) check() error {
	switch {
	case len(f.threads) == 0 || slices.Min(f.threads) < 1 || slices.Max(f.threads) > maxThreads:
		return usagef("--threads %v: want 1 to %d", f.threads, maxThreads)
	case len(f.batches) == 0 || slices.Min(f.batches) < 1 || slices.Max(f.batches) > maxBatch:
		return usagef("--batch %v: want 1 to %d", f.batches, maxBatch)
	case len(f.sessions) == 0 || slices.Min(f.sessions) < 1 || slices.Max(f.sessions) > runner.MaxSessions:
		return usagef("--sessions %v: want 1 to %d", f.sessions, runner.MaxSessions)
	case f.warmup < 0 || f.runs < 0 || f.runs > runner.MaxRuns || f.warmup > runner.MaxRuns:
		return usagef("--warmup %d, --runs %d: want 0 to %d", f.warmup, f.runs, runner.MaxRuns)
	case f.minTime < 0 || f.maxTime < 0 || f.maxTime > 0 && f.minTime > f.maxTime:
		return usagef("--min-time %v, --max-time %v: want the least not above the most", f.minTime, f.maxTime)
	}
	return f.arithmetic.check()
}

// wanted is every row that the flags ask for: what is compared most closely stands together.
func (f *benchFlags) wanted(models []string, weights string) ([]engines.Row, error) {
	kinds, err := engines.Read(f.engines)
	if err != nil {
		return nil, err
	}
	var out []engines.Row
	for _, model := range models {
		if err := mistyped(model); err != nil { // said before anything is measured
			return nil, err
		}
		for _, threads := range f.threads {
			for _, batch := range f.batches {
				for _, sessions := range f.sessions {
					for _, precision := range strings.Split(f.precision, ",") {
						if precision != "float32" && precision != "int8" {
							return nil, usagef("--precision %s: want float32 or int8", precision)
						}
						for _, e := range kinds {
							out = append(out, engines.Row{Model: model, Weights: weights, Engine: e, Precision: precision, Threads: threads, Batch: batch, Sessions: sessions})
						}
					}
				}
			}
		}
	}
	return out, nil
}

// mistyped is the error of a name that is neither a network's nor a file's.
func mistyped(model string) error {
	path := model
	if i := strings.LastIndexByte(path, '@'); i > 0 {
		path = path[:i]
	}
	for _, p := range []string{model, path} {
		if _, err := os.Stat(p); err == nil || format.KnownExtension(filepath.Ext(p)) || strings.ContainsRune(p, filepath.Separator) {
			return nil
		}
	}
	_, err := zoo.Parse(model)
	return err
}
