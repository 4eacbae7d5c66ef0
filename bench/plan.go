package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wispnet/wisp/internal/runner"
)

// Subject is one model on one engine: a row of the result.
type Subject struct {
	Model  string // the name that the row is called by
	Engine string // "native", "onnxruntime", "tflite"
	Load   runner.LoadRequest
}

// Process is a process that runs a model; *runner.Client is one.
type Process interface {
	Hello() runner.Hello
	Load(runner.LoadRequest) (runner.LoadReply, error)
	Warm(runner.WarmRequest) (runner.WarmReply, error)
	Time(runner.TimeRequest) (runner.TimeReply, error)
	Profile(runner.ProfileRequest) (runner.ProfileReply, error)
	Stats() (runner.StatsReply, error)
	Close() error
}

// Launcher starts a fresh process for a subject. The end of ctx must end the process.
type Launcher func(ctx context.Context, s Subject) (Process, error)

// Plan is all that a measurement is made of.
type Plan struct {
	Level    Level
	Subjects []Subject
	Seed     uint64 // of a random order
	Launch   Launcher

	// These replace the level's figures where they are positive. MaxTime bounds the timed
	// part of a block (0: unbounded): a slow model may then have fewer runs, and grade C.
	Warmup  int
	Runs    int
	MinTime time.Duration
	MaxTime time.Duration

	// Profile is how many runs of their own a per-step profile gets at the end; 0: none.
	Profile int

	// Threshold is the smallest difference that ranks two rows apart: 0.01 on a desktop
	// (the default), 0.05 on a phone.
	Threshold float64

	// Guard names the fields of context in which two results differ, other than by what is
	// compared; nil compares all. Force compares unlike results and marks them.
	Guard func(a, b *Result) []string
	Force bool

	// Sensors reads the machine; nil reads nothing, which lowers the grade.
	Sensors func() Reading
	// Probe is the fixed piece of work; nil is CPUProbe.
	Probe func() time.Duration
	// Sleep waits, or returns when ctx ends; nil is a timer.
	Sleep func(ctx context.Context, d time.Duration) error

	// Ready is called before every block and waits until the machine may be measured on, as
	// until a phone has cooled down; an error is the turn's. nil: it always may.
	Ready func(ctx context.Context) error

	// Again decides on a turn that failed: nil has it done again in a fresh process, as where
	// a device that was unplugged is back; otherwise its error is the turn's. nil: never.
	Again func(ctx context.Context, failed error) error

	// Checkpoint is called after every turn but the last with what has been measured so far,
	// as if the measurement were interrupted there; an error ends it. It runs between
	// turns, while nothing is timed.
	Checkpoint func(*Report) error

	// Progress is called before and after every turn, from the goroutine that called Run.
	Progress func(Event)
}

// Event is one step of a running measurement.
type Event struct {
	Done, Total int // turns
	Model       string
	Engine      string
	Phase       string  // "load", "warm-up", "time", "wait", "profile"; "" after a turn
	MedianMS    float64 // of the turn that ended
}

func (p *Plan) prepare() error {
	switch {
	case len(p.Subjects) == 0:
		return errors.New("bench: plan: got no subject")
	case p.Launch == nil:
		return errors.New("bench: plan: got no launcher")
	case p.Level.Rounds() <= 0:
		return fmt.Errorf("bench: plan: level %q has no rounds", p.Level.Name)
	case p.MaxTime > 0 && p.MinTime > p.MaxTime:
		return fmt.Errorf("bench: plan: least time %v is above the most, %v", p.MinTime, p.MaxTime)
	}
	if p.Warmup > 0 {
		p.Level.WarmRuns = p.Warmup
	}
	if p.Runs > 0 {
		p.Level.Runs = p.Runs
	}
	if p.MinTime > 0 {
		p.Level.Time = p.MinTime
	}
	if p.MaxTime > 0 {
		p.Level.Time = min(p.Level.Time, p.MaxTime)
	}
	if p.Threshold <= 0 {
		p.Threshold = 0.01
	}
	if p.Sensors == nil {
		p.Sensors = func() Reading { return Reading{} }
	}
	if p.Probe == nil {
		p.Probe = CPUProbe
	}
	if p.Sleep == nil {
		p.Sleep = sleep
	}
	if p.Progress == nil {
		p.Progress = func(Event) {}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SubjectError says that one subject could not be measured.
type SubjectError struct {
	Model, Engine string
	Err           error
}

func (e *SubjectError) Error() string { return fmt.Sprintf("%s on %s: %v", e.Model, e.Engine, e.Err) }
func (e *SubjectError) Unwrap() error { return e.Err }
