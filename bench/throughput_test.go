package bench

import (
	"math"
	"slices"
	"testing"

	"github.com/wispnet/wisp/internal/runner"
)

// Rows of several sessions are compared by images a second, where the larger is the faster.
func TestThroughput(t *testing.T) {
	l := newLab()
	p := l.plan("standard")
	p.Guard = func(a, b *Result) []string {
		if a.Sessions != b.Sessions {
			return []string{"sessions"}
		}
		return nil
	}
	for _, n := range []int{1, 2} {
		for _, m := range []string{"a", "b"} { // 10 ms and 20 ms a run
			p.Subjects = append(p.Subjects, Subject{Model: m, Engine: "native", Load: runner.LoadRequest{Sessions: n, Batch: 8}})
		}
	}
	r := mustRun(t, p)
	for i, want := range []float64{800, 400, 1600, 800} {
		x := r.Results[i]
		if got := x.Throughput; math.Abs(got.Median/want-1) > 0.01 || got.CI95 == nil || !got.CI95.Contains(got.Median) || x.Batch != 8 || x.Sessions != 1+i/2 {
			t.Errorf("%s: %d sessions of batch %d: %+v, want about %v", x.Model, x.Sessions, x.Batch, got, want)
		}
	}
	if len(r.Comparisons) != 2 {
		t.Fatalf("got %+v", r.Comparisons)
	}
	one, two := r.Comparisons[0], r.Comparisons[1]
	if one.Of != OfLatency || math.Abs(one.Ratio-0.5) > 0.01 || one.Verdict != Faster || one.A != "a s1" {
		t.Errorf("one session: got %+v", one)
	}
	if two.Of != OfThroughput || math.Abs(two.Ratio-2) > 0.04 || two.Verdict != Faster || two.B != "b s2" {
		t.Errorf("two sessions: got %+v", two)
	}
	if !slices.ContainsFunc(r.Diagnostics, func(d string) bool {
		return d == "a s1 and a s2; a s1 and b s2 and 2 more pairs are not compared: their contexts differ in sessions (force compares and marks them)"
	}) {
		t.Errorf("diagnostics: %q", r.Diagnostics)
	}
}

// Summaries are geometric means over the models that two engines have in common.
func TestSummaries(t *testing.T) {
	l := newLab()
	p := l.plan("quick")
	p.Guard = func(a, b *Result) []string {
		if a.Model != b.Model && a.Engine != b.Engine {
			return []string{"engine"}
		}
		return nil
	}
	for _, m := range []string{"a", "b"} {
		for _, e := range []string{"native", "onnxruntime"} {
			p.Subjects = append(p.Subjects, Subject{Model: m, Engine: e})
		}
	}
	r := mustRun(t, p)
	// Set the medians' ratios to 0.5 and 2: their geometric mean is 1, 2 the worst.
	for i := range r.Comparisons {
		if c := &r.Comparisons[i]; c.SameModel && c.A == "a native" {
			c.Ratio = 0.5
		} else if c.SameModel {
			c.Ratio = 2
		}
	}
	s := r.Summaries()
	if len(s) != 1 || s[0].A != "native" || s[0].B != "onnxruntime" || s[0].Models != 2 || math.Abs(s[0].Geomean-1) > 1e-12 || s[0].Worst != 2 || s[0].WorstModel != "b" {
		t.Errorf("got %+v", s)
	}
}
