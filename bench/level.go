// Package bench is the latency protocol: in which order models are run, how long, how
// often, and what may be said of the durations that come back.
//
// It starts no engine and reads no model: a Launcher gives it processes that speak
// internal/runner's protocol. It prints nothing and writes no file; cmd/wisp and
// internal/record do. The rules are those of the project's measuring protocol; the one
// table of levels is Levels.
package bench

import (
	"fmt"
	"strings"
	"time"
)

// Order is how models × engines follow one another within and between rounds.
type Order string

const (
	// ABBA goes through the subjects forwards, backwards, backwards, forwards, …, so that a
	// steady drift of the machine touches all of them alike.
	ABBA Order = "abba"
	// Random draws a new order for every round, from a seed that is kept.
	Random Order = "random"
)

// Level is one row of the protocol's table.
type Level struct {
	Name string `json:"name"`

	Blocks int   `json:"blocks"` // fresh processes per subject
	Slices int   `json:"slices"` // parts of a block, alternated with the other subjects' parts
	Order  Order `json:"order"`

	WarmRuns   int           `json:"warm_runs"` // per block, and at least
	WarmTime   time.Duration `json:"warm_time_ns"`
	WarmWindow int           `json:"warm_window"` // until this many medians lie within WarmWithin; 0: not asked
	WarmWithin float64       `json:"warm_within"`
	WarmCap    time.Duration `json:"warm_cap_ns"`

	Runs int           `json:"runs"`    // per block, at least
	Time time.Duration `json:"time_ns"` // per block, at least

	// Probe: a fixed piece of work before every block; while it is slower than at the start
	// by over ProbeLimit the block waits, all blocks together at most ProbeWait. Blocks that
	// begin nevertheless lower the grade.
	Probe     bool          `json:"probe"`
	ProbeWait time.Duration `json:"probe_wait_ns"`
	Pause     time.Duration `json:"pause_ns"` // before every block but the first

	// Ranks: differences are tested and rows ranked; otherwise verdicts are indicative.
	Ranks bool `json:"ranks"`
}

// Levels is the protocol's table. At quick, six slices are the fewest whose extremes give
// a distribution-free 95 % interval, and an even number keeps ABBA balanced.
var Levels = []Level{
	{
		Name: "quick", Blocks: 1, Slices: 6, Order: ABBA,
		WarmRuns: 3,
		Runs:     20, Time: time.Second,
	},
	{
		Name: "standard", Blocks: 8, Slices: 1, Order: Random,
		WarmRuns: 10, WarmTime: time.Second, WarmWindow: 5, WarmWithin: 0.02, WarmCap: 10 * time.Second,
		Runs: 100, Time: 3 * time.Second,
		Probe: true, ProbeWait: 2 * time.Minute,
		Ranks: true,
	},
	{
		Name: "publish", Blocks: 10, Slices: 1, Order: Random,
		WarmRuns: 10, WarmTime: 3 * time.Second, WarmWindow: 5, WarmWithin: 0.02, WarmCap: 10 * time.Second,
		Runs: 103, Time: 6 * time.Second, // 1,030 runs and 60 s in total
		Probe: true, ProbeWait: 10 * time.Minute, Pause: 5 * time.Second,
		Ranks: true,
	},
}

// UnknownLevelError says that there is no level of that name.
type UnknownLevelError struct{ Name string }

func (e *UnknownLevelError) Error() string {
	names := make([]string, len(Levels))
	for i, l := range Levels {
		names[i] = l.Name
	}
	return fmt.Sprintf("bench: level %q: got no such level, want one of %s", e.Name, strings.Join(names, ", "))
}

// FindLevel returns a level by its name.
func FindLevel(name string) (Level, error) {
	for _, l := range Levels {
		if l.Name == name {
			return l, nil
		}
	}
	return Level{}, &UnknownLevelError{name}
}

// Rounds is how often every subject has its turn.
func (l Level) Rounds() int { return l.Blocks * l.Slices }
