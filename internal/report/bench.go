package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
)

// BenchForm is a form that a measurement can be written in.
type BenchForm struct {
	Name  string // as --format calls it
	Ext   string // of a file in it
	Write func(io.Writer, *record.Document) error
}

// BenchForms is every form of a measurement but the terminal's.
var BenchForms = []BenchForm{
	{"json", ".json", func(w io.Writer, d *record.Document) error { return record.Encode(w, d) }},
	{"csv", ".csv", benchCSV},
	{"markdown", ".md", benchMarkdown},
	{"xlsx", ".xlsx", benchXLSX},
	{"benchmark", ".txt", benchmarkText},
	{"customSmallerIsBetter", "", dashboard},
}

// benchColumns is the table of results that CSV, Markdown and the spreadsheet share.
var benchColumns = []struct {
	key  string
	cell func(*bench.Result) any // string, int, int64, float64, or nil
}{
	{"model", func(r *bench.Result) any { return r.Model }},
	{"engine", func(r *bench.Result) any { return r.Engine }},
	{"engine_version", func(r *bench.Result) any { return r.EngineVersion }},
	{"precision", func(r *bench.Result) any { return r.Precision }},
	{"threads", func(r *bench.Result) any { return r.Threads }},
	{"batch", func(r *bench.Result) any { return r.Batch }},
	{"sessions", func(r *bench.Result) any { return r.Sessions }},
	{"level", func(r *bench.Result) any { return r.Level }},
	{"rank", func(r *bench.Result) any { return orNil(r.Rank) }},
	{"latency_ms_median", func(r *bench.Result) any { return r.Latency.Median }},
	{"latency_ms_ci95_low", func(r *bench.Result) any { return bound(r, true) }},
	{"latency_ms_ci95_high", func(r *bench.Result) any { return bound(r, false) }},
	{"latency_ms_p90", func(r *bench.Result) any { return orNil(r.Latency.P90) }},
	{"latency_ms_p99", func(r *bench.Result) any { return orNil(r.Latency.P99) }},
	{"latency_ms_min", func(r *bench.Result) any { return r.Latency.Min }},
	{"latency_ms_mean", func(r *bench.Result) any { return r.Latency.Mean }},
	{"latency_ms_stddev", func(r *bench.Result) any { return orNil(r.Latency.Stddev) }},
	{"latency_ms_mad", func(r *bench.Result) any { return r.Latency.MAD }},
	{"images_per_second", func(r *bench.Result) any { return r.Throughput.Median }},
	{"samples", func(r *bench.Result) any { return r.Samples }},
	{"outliers", func(r *bench.Result) any { return r.Outliers }},
	{"blocks", func(r *bench.Result) any { return r.Blocks }},
	{"load_ms", func(r *bench.Result) any { return r.LoadMS }},
	{"first_run_ms", func(r *bench.Result) any { return r.FirstRunMS }},
	{"peak_rss_bytes", func(r *bench.Result) any { return orNil(r.PeakRSSBytes) }},
	{"weights", func(r *bench.Result) any { return r.Weights }},
	{"grade", func(r *bench.Result) any { return string(r.Grade) }},
	{"grade_reasons", func(r *bench.Result) any { return strings.Join(r.GradeReasons, "; ") }},
}

func orNil[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

func bound(r *bench.Result, low bool) any {
	switch ci := r.Latency.CI95; {
	case ci == nil:
		return nil
	case low:
		return ci.Lo
	default:
		return ci.Hi
	}
}

// exact writes a cell with all its digits.
func exact(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// harmless makes text of a cell that a spreadsheet would take for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+@-", rune(s[0])) {
		return "'" + s
	}
	return s
}

func benchCSV(w io.Writer, d *record.Document) error {
	c := csv.NewWriter(w)
	row := make([]string, len(benchColumns))
	for i, col := range benchColumns {
		row[i] = col.key
	}
	if err := c.Write(row); err != nil {
		return err
	}
	for k := range d.Results {
		for i, col := range benchColumns {
			v := col.cell(&d.Results[k])
			if row[i] = exact(v); row[i] != "" {
				if s, ok := v.(string); ok {
					row[i] = harmless(s)
				}
			}
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func benchMarkdown(w io.Writer, d *record.Document) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Latency of %d rows\n\n%s\n\n", len(d.Results), d.Where)
	t := NewTable([]string{"row", "median ms", "95 % interval", "p90", "images/s", "load ms", "peak MB", "grade"}, []bool{false, true, true, true, true, true, true, false}, 0)
	for i := range d.Results {
		r := &d.Results[i]
		interval, peak, p90 := "–", "–", "–"
		if ci := r.Latency.CI95; ci != nil {
			interval = fmt.Sprintf("%.3g–%.3g", ci.Lo, ci.Hi)
		}
		if r.PeakRSSBytes != nil {
			peak = fmt.Sprintf("%.0f", float64(*r.PeakRSSBytes)/1e6)
		}
		if r.Latency.P90 != nil {
			p90 = fmt.Sprintf("%.3g", *r.Latency.P90)
		}
		t.AppendRow([]any{bench.Label(d.Results, i), fmt.Sprintf("%.3g", r.Latency.Median), interval, p90, fmt.Sprintf("%.0f", r.Throughput.Median), fmt.Sprintf("%.3g", r.LoadMS), peak, r.Grade})
	}
	b.WriteString(t.RenderMarkdown() + "\n")
	if len(d.Comparisons) > 0 {
		b.WriteString("\n| comparison | ratio | 95 % interval | verdict |\n| --- | ---:| ---:| --- |\n")
		for _, c := range d.Comparisons {
			interval := "–"
			if c.CI95 != nil {
				interval = fmt.Sprintf("%.3f–%.3f", c.CI95.Lo, c.CI95.Hi)
			}
			fmt.Fprintf(&b, "| %s / %s | %.3f | %s | %s |\n", cellText(c.A), cellText(c.B), c.Ratio, interval, c.Verdict)
		}
	}
	for _, s := range d.Summaries {
		fmt.Fprintf(&b, "\n%s / %s over %d models: geometric mean %.3f, worst %.3f (%s).\n", s.A, s.B, s.Models, s.Geomean, s.Worst, s.WorstModel)
	}
	for _, n := range d.Diagnostics {
		fmt.Fprintf(&b, "\n> %s\n", n)
	}
	fmt.Fprintf(&b, "\nMade by `%s` (%s %s), seed %d.\n", d.Command, d.Tool.Name, d.Tool.Version, d.Seed)
	_, err := io.WriteString(w, b.String())
	return err
}

func cellText(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// benchmarkText is the Go benchmark format (golang.org/design/14313-benchmark-format): a
// line for every block, so that benchstat tests differences as wisp does.
func benchmarkText(w io.Writer, d *record.Document) error {
	var b strings.Builder
	fmt.Fprintf(&b, "goos: %s\ngoarch: %s\npkg: github.com/wispnet/wisp\ncpu: %s\nlevel: %s\nwisp: %s\n", d.Host.OS, d.Host.Arch, oneLine(d.Host.CPU), d.Level, oneLine(d.Tool.Version))
	for i := range d.Results {
		r := &d.Results[i]
		name := fmt.Sprintf("BenchmarkLatency/model=%s/engine=%s/precision=%s/batch=%d/sessions=%d-%d", part(r.Model), r.Engine, r.Precision, r.Batch, r.Sessions, r.Threads)
		runs := max(1, r.Samples/max(1, len(r.RoundMediansMS)))
		for k, ms := range r.RoundMediansMS {
			fmt.Fprintf(&b, "%s\t%d\t%.1f ns/op\t%.2f images/s", name, runs, ms*1e6, r.RoundRates[k])
			fmt.Fprintf(&b, "\t%.1f load-ns\t%.1f first-ns", r.LoadMS*1e6, r.FirstRunMS*1e6)
			if r.PeakRSSBytes != nil {
				fmt.Fprintf(&b, "\t%d peak-RSS-bytes", *r.PeakRSSBytes)
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// part is a name without what separates the parts of a benchmark's.
func part(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, s)
}

// dashboard is the customSmallerIsBetter array of github-action-benchmark.
func dashboard(w io.Writer, d *record.Document) error {
	type point struct {
		Name  string  `json:"name"`
		Unit  string  `json:"unit"`
		Value float64 `json:"value"`
		Range string  `json:"range,omitempty"`
		Extra string  `json:"extra"`
	}
	points := []point{}
	for i := range d.Results {
		r := &d.Results[i]
		p := point{Name: fmt.Sprintf("%s %s %s t%d b%d s%d", r.Model, r.Engine, r.Precision, r.Threads, r.Batch, r.Sessions), Unit: "ms", Value: r.Latency.Median,
			Extra: fmt.Sprintf("grade %s, level %s, %s %s on %s", r.Grade, r.Level, r.Engine, r.EngineVersion, d.Host.CPU)}
		if ci := r.Latency.CI95; ci != nil {
			p.Range = fmt.Sprintf("%.4g–%.4g", ci.Lo, ci.Hi)
		}
		points = append(points, p)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(points)
}
