package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/perf/benchfmt"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/stat"
)

// measurement is two rows of two engines; the first model's name is what a spreadsheet
// would take for a formula, and no name at all for a benchmark.
func measurement() *record.Document {
	peak := int64(70 << 20)
	row := func(model, engine string, ms float64) bench.Result {
		r := bench.Result{Model: model, Engine: engine, EngineVersion: "1.2", Precision: "float32", Threads: 2, Batch: 1, Sessions: 1, Level: "standard",
			Latency:    bench.Latency{Median: ms, CI95: &stat.Interval{Lo: ms - 0.1, Hi: ms + 0.1}, Min: ms - 0.2, Mean: ms, MAD: 0.01},
			Throughput: bench.Throughput{Median: 1000 / ms}, Samples: 800, Blocks: 8, LoadMS: 50, FirstRunMS: 7, PeakRSSBytes: &peak, Weights: "synthetic:1", Grade: bench.GradeB,
			GradeReasons: []string{"no sensor"}}
		for i := range 8 {
			r.RoundMediansMS, r.RoundRates = append(r.RoundMediansMS, ms+0.01*float64(i)), append(r.RoundRates, 1000/ms)
		}
		return r
	}
	d := &record.Document{Envelope: record.Envelope{SchemaVersion: "1", Tool: record.Tool{Name: "wisp", Version: "1"}, Command: "wisp bench", Started: time.Unix(0, 0).UTC(),
		Host: record.Host{CPU: "Some CPU", OS: "linux", Arch: "amd64", Cores: 2}, Diagnostics: []string{"a note"}}, Where: "Measured somewhere.", Level: "standard", Seed: 7,
		Results: []bench.Result{row("=my nets/a|b.onnx", "native", 10), row("=my nets/a|b.onnx", "onnxruntime", 12.5)}}
	d.Comparisons = []bench.Comparison{{A: "x native", B: "x onnxruntime", Of: bench.OfLatency, Ratio: 0.8, CI95: &stat.Interval{Lo: 0.79, Hi: 0.81}, Verdict: bench.Faster}}
	return d
}

func written(t *testing.T, name string) []byte {
	t.Helper()
	for _, f := range BenchForms {
		if f.Name == name {
			var b bytes.Buffer
			if err := f.Write(&b, measurement()); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
	}
	t.Fatalf("no form %s", name)
	return nil
}

func TestBenchCSV(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(written(t, "csv"))).ReadAll()
	if err != nil || len(rows) != 3 || len(rows[1]) != len(benchColumns) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if rows[1][0] != "'=my nets/a|b.onnx" || rows[2][9] != "12.5" || rows[0][9] != "latency_ms_median" || rows[1][13] != "" {
		t.Errorf("got %q", rows)
	}
}

func TestBenchMarkdown(t *testing.T) {
	text := string(written(t, "markdown"))
	for _, want := range []string{"Measured somewhere.", "| 12.5 |", "0.800", "0.790–0.810", "faster", "> a note"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
}

// What benchstat reads: a line for each block with the name's parts and the units.
func TestBenchmarkText(t *testing.T) {
	r := benchfmt.NewReader(bytes.NewReader(written(t, "benchmark")), "x")
	n := 0
	for r.Scan() {
		x, ok := r.Result().(*benchfmt.Result)
		if !ok {
			t.Fatalf("got %v", r.Result())
		}
		ns, _ := x.Value("sec/op") // the reader turns ns into s
		images, _ := x.Value("images/s")
		_, parts := x.Name.Parts()
		if x.GetConfig("cpu") != "Some CPU" || len(parts) != 6 || string(parts[0]) != "/model==my_nets_a|b.onnx" || string(parts[5]) != "-2" || x.Iters != 100 {
			t.Errorf("got %s, parts %q, cpu %q, %d runs", x.Name, parts, x.GetConfig("cpu"), x.Iters)
		}
		if math.Abs(ns-0.01) > 0.003 || images < 79 {
			t.Errorf("%s: %v s, %v images/s", x.Name, ns, images)
		}
		n++
	}
	if r.Err() != nil || n != 16 {
		t.Errorf("%d lines, %v", n, r.Err())
	}
}

func TestDashboard(t *testing.T) {
	var points []struct {
		Name, Unit, Range, Extra string
		Value                    float64
	}
	if err := json.Unmarshal(written(t, "customSmallerIsBetter"), &points); err != nil {
		t.Fatal(err)
	}
	if len(points) != 2 || points[1].Value != 12.5 || points[0].Unit != "ms" || points[0].Name == points[1].Name || points[0].Range != "9.9–10.1" {
		t.Errorf("got %+v", points)
	}
}

func TestBenchXLSX(t *testing.T) {
	f, err := excelize.OpenReader(bytes.NewReader(written(t, "xlsx")))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := strings.Join(f.GetSheetList(), " "); got != "results comparisons blocks context notes" {
		t.Errorf("sheets: %s", got)
	}
	rows, err := f.GetRows("results", excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	if rows[0][0] != "Measured somewhere." || rows[2][0] != "row" || rows[4][0] != "=my nets/a|b.onnx onnxruntime" || rows[4][10] != "12.5" {
		t.Errorf("got %q", rows)
	}
	if formula, _ := f.GetCellFormula("results", "A4"); formula != "" {
		t.Errorf("a name became the formula %q", formula)
	}
	if kind, _ := f.GetCellType("results", "K5"); kind != excelize.CellTypeNumber && kind != excelize.CellTypeUnset {
		t.Errorf("a latency is no number but %v", kind)
	}
	if blocks, _ := f.GetRows("blocks"); len(blocks) != 3+16 {
		t.Errorf("%d rows of blocks", len(blocks))
	}
	holdsChart(t, f, "results!$A$4:$A$5", "results!$K$4:$K$5")
}

// holdsChart looks for the chart's ranges in the file itself; excelize reads no charts.
func holdsChart(t *testing.T, f *excelize.File, ranges ...string) {
	t.Helper()
	b, ok := f.Pkg.Load("xl/charts/chart1.xml")
	if !ok {
		t.Fatal("no chart")
	}
	for _, r := range ranges {
		if !bytes.Contains(b.([]byte), []byte(r)) {
			t.Errorf("the chart does not draw %s", r)
		}
	}
}

func TestComparisonXLSX(t *testing.T) {
	top1 := 74.0
	c := &Comparison{Sheets: []Sheet{{"study", "n", []string{"figure", "ours"}, [][]any{{"top1", 1.5}, {"top5", nil}}}}, Where: "Here.", Command: "wisp compare", Notes: []string{"note"}, Context: []Field{{"processor", "x"}}, Rows: []Row{
		{Model: "a", Family: "f", Input: "224×224", Params: 5, MACs: 7, Bytes: 20, Top1: &top1, Latency: &Latency{2, 1.9, 2.1}, Grade: "A", OnFront: true},
		{Model: "b"},
	}}
	var b bytes.Buffer
	if err := c.XLSX(&b); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows("summary", excelize.Options{RawCellValue: true})
	if err != nil || len(rows) != 5 || rows[3][0] != "a" || rows[3][6] != "74" || rows[3][8] != "2" || len(rows[4]) > 6 && rows[4][6] != "" {
		t.Errorf("got %q, %v", rows, err)
	}
	holdsChart(t, f, "summary!$I$4:$I$5")
	if study, err := f.GetRows("study"); err != nil || len(study) < 4 || study[3][1] != "1.5" {
		t.Errorf("study: got %q, %v", study, err)
	}
}
