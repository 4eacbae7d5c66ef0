package report

import (
	"bytes"
	"errors"
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

// A comparison on two devices: one picture, a panel and a front for each; counts, which no
// device changes, once; a table of devices and a column that names them.
func TestCompareDevices(t *testing.T) {
	top := func(v float64) *float64 { return &v }
	row := func(model, device string, top1, ms float64) Row {
		return Row{Model: model, Device: device, Context: device, MACs: int64(top1 * 1e6), Params: 1, Bytes: 1, Top1: top(top1), Latency: &Latency{ms, ms, ms}, Grade: "B"}
	}
	c := &Comparison{Title: "2 networks on 2 devices", Where: "Measured on a; b.", Rows: []Row{row("x", "a", 70, 1), row("y", "a", 75, 2), row("y", "b", 75, 3), row("x", "b", 70, 4)},
		Devices: []DeviceColumn{{Name: "a"}, {Name: "b"}}}
	c.MarkFront()
	plots := c.Plots()
	if n := len(plots[0].Points); n != 2 {
		t.Errorf("%d points of two networks against MACs", n)
	}
	last := plots[len(plots)-1]
	panels := last.panels()
	if len(panels) != 2 || len(Pareto(panels[0].Points)) != 2 || len(Pareto(panels[1].Points)) != 1 {
		t.Fatalf("got panels %+v, want two with fronts of two and of one", panels)
	}
	svg := last.SVG()
	wellFormed(t, svg)
	if _, err := Raster(svg, 1); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"measured latency: a<", "measured latency: b<", "On the Pareto front of b: y (3, 75)."} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	var html, md, csv bytes.Buffer
	if err := errors.Join(c.HTML(&html), c.Markdown(&md), c.CSV(&csv)); err != nil {
		t.Fatal(err)
	}
	for form, want := range map[*bytes.Buffer]string{&html: "<th scope=\"col\">device</th>", &md: "| model | a ms | b ms |", &csv: "model,device,"} {
		if !strings.Contains(form.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	// Rows of another context on a device, such as two threads, have a front of their own.
	c.Rows = append(c.Rows, row("x (2 threads)", "a", 70, 0.5))
	c.Rows[4].Context = "a, 2 threads"
	plots = c.Plots()
	if panels := plots[len(plots)-1].panels(); len(panels) != 3 || panels[2].Points[0].Panel != "a, context 2 of 2" {
		t.Errorf("got panels %+v, want three", panels)
	}
	one := &Comparison{Rows: []Row{{Model: "x"}}}
	if csv.Reset(); one.CSV(&csv) != nil || strings.Contains(csv.String(), "device") {
		t.Errorf("a comparison on one machine names a device: %s", csv.String())
	}
}
