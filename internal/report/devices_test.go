package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/stat"
)

// TestDevices: a column for each device, ranks within it, a dash where a device has no such
// row, and what is wrong with one said below.
func TestDevices(t *testing.T) {
	one, two := 1, 2
	result := func(model string, ms float64, rank *int) bench.Result {
		return bench.Result{Model: model, Engine: "native", Precision: "float32", Threads: 1, Batch: 1, Sessions: 1, Grade: bench.GradeB, Rank: rank,
			Latency: bench.Latency{Median: ms, CI95: &stat.Interval{Lo: ms - 0.1, Hi: ms + 0.1}}}
	}
	fast := &record.Document{Where: "Measured on A.", Results: []bench.Result{result("x", 1, &one), result("y", 20, &two)}}
	slow := &record.Document{Where: "Measured on B.", Results: []bench.Result{result("x", 300, nil)}}
	var b bytes.Buffer
	PrintDevices(&b, []DeviceColumn{{Name: "a", Machine: "A", Document: fast, Front: map[string]bool{"x": true}}, {Name: "b", Document: slow, Why: "lost: after 2 of 8 turns"}, {Name: "c", Why: "it is offline"}}, 0)
	got := b.String()
	for _, want := range []string{"a ms", "b ms", "c ms", "1.00 (0.90–1.10) B 1. *", "20.0 (19.9–20.1) B 2.", "300 (300–300) B ~", "Devices are not ranked with one another", "* on the device's own Pareto front",
		"a (A): Measured on A.\n", "b: Measured on B. Lost: after 2 of 8 turns.\n", "c: nothing was measured. It is offline.\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q", got, want)
		}
	}
	if strings.Count(got, "–  ") < 3 { // y on b, x and y on c
		t.Errorf("rows that a device lacks are not marked:\n%s", got)
	}
}
