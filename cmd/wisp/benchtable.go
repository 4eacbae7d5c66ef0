package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// How bench prints rows and ratios in a terminal; bench.go has the verb.

// benchColumns is the table of rows. A column that says the same of all rows and would say
// what everyone expects is left out.
var benchColumns = []struct {
	head  string
	right bool
	cell  func(*bench.Result) any
	usual any // nil: always shown
}{
	{"model", false, func(r *bench.Result) any { return r.Model }, nil},
	{"engine", false, func(r *bench.Result) any { return r.Engine }, "native"},
	{"precision", false, func(r *bench.Result) any { return r.Precision }, "float32"},
	{"threads", true, func(r *bench.Result) any { return r.Threads }, 1},
	{"batch", true, func(r *bench.Result) any { return r.Batch }, 1},
	{"sessions", true, func(r *bench.Result) any { return r.Sessions }, 1},
	{"median ms", true, func(r *bench.Result) any { return ms(&r.Latency.Median) }, nil},
	{"95 % interval", true, func(r *bench.Result) any { return interval(*r) }, nil},
	{"p90", true, func(r *bench.Result) any { return ms(r.Latency.P90) }, nil},
	{"min", true, func(r *bench.Result) any { return ms(&r.Latency.Min) }, nil},
	{"images/s", true, func(r *bench.Result) any { return fmt.Sprintf("%.0f", r.Throughput.Median) }, nil},
	{"runs", true, func(r *bench.Result) any { return r.Samples }, nil},
	{"load ms", true, func(r *bench.Result) any { return ms(&r.LoadMS) }, nil},
	{"first ms", true, func(r *bench.Result) any { return ms(&r.FirstRunMS) }, nil},
	{"peak MB", true, func(r *bench.Result) any { return megabytes(r.PeakRSSBytes) }, nil},
	{"grade", false, func(r *bench.Result) any { return r.Grade }, nil},
}

// printTables prints a table for each set of rows whose contexts are equal but for model,
// engine and precision. Sets are not ranked with one another.
func (a *app) printTables(r *bench.Report) {
	all := contexts(r, a.machine())
	for g, group := range record.Groups(all, acrossOne) {
		if g > 0 {
			fmt.Fprintf(a.out, "\nnot ranked with the rows above: differs in %s\n", differing(all[0], all[group[0]]))
		}
		var rows []bench.Result
		for _, i := range group {
			rows = append(rows, r.Results[i])
		}
		a.printRows(rows)
	}
}

// acrossOne is what rows of one run may differ in and yet share a table.
var acrossOne = slices.Concat(record.AcrossModels, record.AcrossEngines, record.AcrossPrecisions)

func differing(a, b record.Context) string {
	var parts []string
	for _, d := range record.Differences(a, b, acrossOne) {
		parts = append(parts, fmt.Sprintf("%s (%v, %v)", d.Field, plain(d.A), plain(d.B)))
	}
	return strings.Join(parts, ", ")
}

func (a *app) printRows(rows []bench.Result) {
	var heads []string
	var right []bool
	cells := make([]table.Row, len(rows))
	for _, c := range benchColumns {
		shown := c.usual == nil
		for i := range rows {
			shown = shown || c.cell(&rows[i]) != c.usual
		}
		if !shown {
			continue
		}
		heads, right = append(heads, c.head), append(right, c.right)
		for i := range rows {
			cells[i] = append(cells[i], c.cell(&rows[i]))
		}
	}
	t := report.NewTable(heads, right, a.width())
	t.AppendRows(cells)
	fmt.Fprintln(a.out, t.Render())
}

// printRatios prints the comparisons: all of them where they are few, else those between
// engines.
func (a *app) printRatios(r *bench.Report) {
	shown := 0
	for _, c := range r.Comparisons {
		if len(r.Results) > 6 && !c.SameModel {
			continue
		}
		if shown++; shown == 1 {
			fmt.Fprintln(a.out)
		}
		what := ""
		if c.Of == bench.OfThroughput {
			what = " in images a second"
		}
		fmt.Fprintf(a.out, "%s is %.3f × %s%s%s: %s\n", c.A, c.Ratio, c.B, ratioInterval(c), what, c.Verdict)
	}
	for _, s := range r.Summaries() {
		fmt.Fprintf(a.out, "\n%s / %s over %d models: geometric mean %.3f, worst %.3f (%s)\n", s.A, s.B, s.Models, s.Geomean, s.Worst, s.WorstModel)
	}
}

func ms(v *float64) string {
	switch {
	case v == nil:
		return "–"
	case *v >= 100:
		return fmt.Sprintf("%.0f", *v)
	case *v >= 10:
		return fmt.Sprintf("%.1f", *v)
	}
	return fmt.Sprintf("%.2f", *v)
}

func interval(x bench.Result) string {
	if x.Latency.CI95 == nil {
		return "–"
	}
	lo, hi := x.Latency.CI95.Lo, x.Latency.CI95.Hi
	return ms(&lo) + "–" + ms(&hi)
}

func ratioInterval(c bench.Comparison) string {
	if c.CI95 == nil {
		return ""
	}
	return fmt.Sprintf(" (%.3f–%.3f)", c.CI95.Lo, c.CI95.Hi)
}

func megabytes(b *int64) string {
	if b == nil {
		return "–"
	}
	return fmt.Sprintf("%.0f", float64(*b)/1e6)
}
