package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/stat"
)

// measured is a row of a record of its own whose blocks lie around a median.
func measured(model string, ms float64, change func(*Context)) Row {
	d := sample(8)
	r, c := d.Results[0], d.Contexts[0]
	r.Model = model
	r.RoundMediansMS, r.RoundRates = nil, nil
	for i := range 8 {
		v := ms * (1 + 0.001*float64(i-4))
		r.RoundMediansMS, r.RoundRates = append(r.RoundMediansMS, v), append(r.RoundRates, 1000/v)
	}
	r.Latency = bench.Latency{Median: ms, CI95: &stat.Interval{Lo: ms * 0.99, Hi: ms * 1.01}}
	r.Restore()
	c.Model = model
	if change != nil {
		change(&c)
	}
	return Row{Result: r, Context: c, File: model + ".json", Document: d}
}

func other(c *Context) { c.Device, c.CPU, c.Kernel, c.Cores = "Phone 6", "Cortex-X4", "6.6.0", 8 }

func TestTables(t *testing.T) {
	models, err := FindDimension("models")
	if err != nil {
		t.Fatal(err)
	}
	rows := []Row{
		measured("slow", 20, nil),
		measured("fast", 10, func(c *Context) { c.Seed = 99 }), // of another run
		measured("same", 10.02, nil),
		measured("fast", 5, func(c *Context) { c.Threads = 2 }),
		measured("slow", 9, other),
	}
	tables := Tables(rows, models, false)
	if len(tables) != 3 || len(tables[0].Rows) != 3 {
		t.Fatalf("got %d tables, the first with %d rows", len(tables), len(tables[0].Rows))
	}
	var names []string
	var ranks []int
	for i, r := range tables[0].Rows {
		names, ranks = append(names, tables[0].Label(i)), append(ranks, *r.Result.Rank)
	}
	// Sorted by latency; fast and same are 0.2 % apart and share a rank.
	if !slices.Equal(names, []string{"fast", "same", "slow"}) || !slices.Equal(ranks, []int{1, 1, 3}) {
		t.Errorf("got %v, ranks %v", names, ranks)
	}
	fields := func(d []Difference) string {
		var out []string
		for _, x := range d {
			out = append(out, x.Field)
		}
		return strings.Join(out, " ")
	}
	if got := fields(tables[1].Differs); got != "threads" {
		t.Errorf("table 2 differs in %q", got)
	}
	if got := fields(tables[2].Differs); got != "device cpu kernel cores" {
		t.Errorf("table 3 differs in %q", got)
	}

	// By force they are one table, and every comparison of unlike rows is marked.
	forced := Tables(rows, models, true)
	if len(forced) != 1 || len(forced[0].Comparisons) != 10 {
		t.Fatalf("by force: %d tables", len(forced))
	}
	for _, c := range forced[0].Comparisons {
		marked := strings.Contains(c.A+c.B, " t2") || strings.Contains(c.A+c.B, " on Cortex-X4")
		if marked != (len(c.Differs) > 0) {
			t.Errorf("%s and %s: marked %v", c.A, c.B, c.Differs)
		}
	}
}

// Two machines' figures of one model are comparable across machines, unless something else
// differs too.
func TestAcrossMachines(t *testing.T) {
	rows := []Row{measured("net", 10, nil), measured("net", 5, other)}
	d := By(rows)
	if d.Name != "machines" {
		t.Fatalf("compared across %s", d.Name)
	}
	tables := Tables(rows, d, false)
	if len(tables) != 1 || tables[0].Comparisons[0].Verdict != bench.Faster {
		t.Errorf("got %+v", tables)
	}
	for name, change := range map[string]func(*Context){
		"engine_version":      func(c *Context) { c.EngineVersion = "2" },
		"weights_sha256":      func(c *Context) { c.WeightsSHA256 = "ab" },
		"quantization_sha256": func(c *Context) { c.Quantization = "cd" },
		"precision":           func(c *Context) { c.Precision = "int8" },
		"batch":               func(c *Context) { c.Batch = 8 },
		"level":               func(c *Context) { c.Level = "quick" },
		"input_shape":         func(c *Context) { c.InputShape = []int{1, 3, 9, 9} },
		"fell_back":           func(c *Context) { c.FellBack = []string{"fc"} },
		"tool_version":        func(c *Context) { c.Tool = "2" },
		"sessions":            func(c *Context) { c.Sessions = 2 },
	} {
		unlike := []Row{rows[0], measured("net", 5, func(c *Context) { other(c); change(c) })}
		tables := Tables(unlike, d, false)
		if len(tables) != 2 || len(tables[1].Differs) != 1 || tables[1].Differs[0].Field != name {
			t.Errorf("%s: %d tables, %+v", name, len(tables), tables[len(tables)-1].Differs)
		}
	}
}

// A figure that was measured again is a row of its own with its own name.
func TestMeasuredAgain(t *testing.T) {
	tables := Tables([]Row{measured("net", 10, nil), measured("net", 10.2, nil)}, Dimensions[0], false)
	if len(tables) != 1 || tables[0].Label(0) != "net" || tables[0].Label(1) != "net (2)" || tables[0].Comparisons[0].CI95 == nil {
		t.Errorf("got %+v", tables[0].Comparisons)
	}
}

// Quick measurements are shown in order and not ranked.
func TestQuickIsNotRanked(t *testing.T) {
	quick := func(model string, ms float64) Row {
		r := measured(model, ms, func(c *Context) { c.Level = "quick" })
		r.Result.Level = "quick"
		return r
	}
	tables := Tables([]Row{quick("a", 10), quick("b", 5)}, Dimensions[0], false)
	if tables[0].Rows[0].Result.Rank != nil || tables[0].Comparisons[0].Verdict != bench.Indicative {
		t.Errorf("got %+v", tables[0].Comparisons)
	}
}

// A flood of rows is put in order and not compared pair by pair.
func TestManyRows(t *testing.T) {
	var rows []Row
	for i := range maxRanked + 1 {
		rows = append(rows, measured("net", float64(1000-i), nil))
	}
	tables := Tables(rows, Dimensions[0], false)
	if len(tables) != 1 || len(tables[0].Comparisons) != 0 || len(tables[0].Notes) != 1 || tables[0].Rows[0].Result.Rank != nil || tables[0].Rows[0].Result.Latency.Median != float64(1000-maxRanked) {
		t.Errorf("%d comparisons, %v", len(tables[0].Comparisons), tables[0].Notes)
	}
}
