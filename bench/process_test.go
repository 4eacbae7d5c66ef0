package bench

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wispnet/wisp/internal/runner"
)

const childVar = "WISP_TEST_BENCH_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVar) != "" {
		if err := runner.Serve(os.Stdin, os.Stdout, spinner{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// spinner is an engine whose model "300µs" takes 300 µs a run.
type spinner struct{ runner.NoProfile }

func (spinner) Engine() (string, string) { return "spinner", "1" }

func (s spinner) Read(q runner.LoadRequest) (runner.Builder, error) {
	d, err := time.ParseDuration(q.Model)
	return &spinning{d: d, threads: q.Threads}, err
}

type spinning struct {
	runner.NoProfile
	d       time.Duration
	threads int
}

func (s *spinning) Build() (runner.Loaded, error) { return s, nil }

func (s *spinning) Run(int) error {
	for t := time.Now(); time.Since(t) < s.d; {
	}
	return nil
}

func (s *spinning) Describe() runner.Description {
	return runner.Description{Model: s.d.String(), Weights: "none", Precision: "float32", Threads: s.threads, Batch: 1}
}

func (s *spinning) Close() error { return nil }

// TestRealProcesses goes through real processes, pipes and clocks.
func TestRealProcesses(t *testing.T) {
	level, err := FindLevel("quick")
	if err != nil {
		t.Fatal(err)
	}
	p := Plan{Level: level, MinTime: 60 * time.Millisecond, Probe: func() time.Duration { return time.Millisecond },
		Launch: func(ctx context.Context, s Subject) (Process, error) {
			return runner.Start(ctx, []string{os.Args[0]}, runner.Options{Env: append(os.Environ(), childVar+"=1")})
		}}
	for _, m := range []string{"200µs", "800µs"} {
		p.Subjects = append(p.Subjects, Subject{Model: m, Engine: "spinner", Load: runner.LoadRequest{Model: m}})
	}
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for i, least := range []float64{0.2, 0.8} {
		x := r.Results[i]
		if x.Engine != "spinner" || x.EngineVersion != "1" || x.Threads != 1 || x.Samples < 20 || x.Latency.Min < least ||
			x.LoadMS < 0 || x.FirstRunMS < least || x.PeakRSSBytes == nil || *x.PeakRSSBytes < 1<<20 || x.Timer.CostNS <= 0 {
			t.Errorf("got %+v", x)
		}
	}
	// On a machine that others use too, only the order of the two is sure.
	if c := r.Comparisons[0]; c.Ratio >= 1 || c.Verdict != Indicative {
		t.Errorf("got %+v", c)
	}

	p.Subjects[1].Load.Model = "nonsense"
	r, err = Run(t.Context(), p)
	if err == nil || len(r.Results) != 1 || len(r.Failed) != 1 {
		t.Errorf("got %v, %d results", err, len(r.Results))
	}
}
