package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// compare --from: records, of this machine and others, joined into tables. Rows share a
// table only where their contexts are equal but for what is compared; why there are several
// tables is said.

// joined is records with the tables that they come to.
type joined struct {
	by     record.Dimension
	tables []record.Table
	files  []string
}

// mostRows bounds what is joined at once.
const mostRows = 10_000

// join reads the records below --from and further arguments; other arguments name the
// models to take.
func (a *app) join(from, args, where []string, by string, force bool) (*joined, error) {
	var conditions []record.Where
	for _, text := range where {
		w, err := record.ParseWhere(text)
		if err != nil {
			return nil, usagef("--where: %v", err)
		}
		conditions = append(conditions, w)
	}
	var models []string
	for _, arg := range args {
		if _, err := os.Stat(arg); err == nil {
			from = append(from, arg)
		} else {
			models = append(models, arg)
		}
	}
	docs, files, skipped, err := record.ReadAll(from)
	if err != nil {
		return nil, asRefused(err)
	}
	for _, s := range skipped {
		a.say("skipped %s", s)
	}
	rows := record.Select(record.Rows(docs, files), conditions)
	if len(models) > 0 {
		rows = slices.DeleteFunc(rows, func(r record.Row) bool { return !slices.Contains(models, r.Context.Model) })
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no record of %s", strings.Join(from, ", "), strings.Join(append(append(models, "any model")[:max(1, len(models))], where...), ", "))
	}
	if len(rows) > mostRows {
		return nil, fmt.Errorf("%s: %d rows, more than %d: give fewer records, or name the models to take", strings.Join(from, ", "), len(rows), mostRows)
	}
	j := &joined{by: record.By(rows), files: files}
	if by != "" {
		if j.by, err = record.FindDimension(by); err != nil {
			return nil, usagef("--by: %v", err)
		}
	}
	j.tables = record.Tables(rows, j.by, force)
	for i := range j.tables {
		for _, n := range j.tables[i].Notes {
			a.say("%s", n)
		}
		for _, r := range j.tables[i].Rows {
			if !r.Document.Complete {
				a.say("%s: interrupted: it holds %d rounds", r.File, len(r.Result.RoundMediansMS))
			}
		}
	}
	for i := 1; i < len(j.tables); i++ {
		a.say("tables 1 and %d are not ranked together: their contexts differ in %s (--force ranks and marks them)", i+1, j.why(i))
	}
	return j, nil
}

// why says in what table i differs from the first.
func (j *joined) why(i int) string {
	var parts []string
	for _, d := range j.tables[i].Differs {
		parts = append(parts, fmt.Sprintf("%s (%v, %v)", d.Field, plain(d.A), plain(d.B)))
	}
	return strings.Join(parts, ", ")
}

// plain is a field's value without Go's pointers.
func plain(v any) any {
	if s, ok := v.(*string); ok {
		if s == nil {
			return "unknown"
		}
		return *s
	}
	return v
}

// asRefused gives a damaged record the exit code of a damaged file.
func asRefused(err error) error {
	if e, ok := err.(*record.DamagedError); ok {
		return refusedFile{e}
	}
	return err
}

// strictly refuses what cannot be ranked together, and grade C.
func (j *joined) strictly(strict bool) error {
	if !strict {
		return nil
	}
	if len(j.tables) > 1 {
		return untrustedError{fmt.Sprintf("%d tables that are not ranked together: their contexts differ in %s", len(j.tables), j.why(1))}
	}
	for _, t := range j.tables {
		for _, r := range t.Rows {
			if r.Result.Grade == bench.GradeC {
				return untrustedError{fmt.Sprintf("%s: the figure in %s is not trustworthy: %s", r.Context.Model, r.File, strings.Join(r.Result.GradeReasons, "; "))}
			}
		}
	}
	return nil
}

// joinedTable is a table in JSON.
type joinedTable struct {
	Device      string              `json:"device"`
	CPU         string              `json:"cpu"`
	Differs     []record.Difference `json:"differs_in"` // from the first table
	Rows        []joinedRow         `json:"rows"`
	Comparisons []bench.Comparison  `json:"comparisons"`
}

type joinedRow struct {
	Label      string           `json:"label"`
	Rank       *int             `json:"rank"`
	Latency    bench.Latency    `json:"latency_ms"`
	Throughput bench.Throughput `json:"images_per_second"`
	Grade      bench.Grade      `json:"grade"`
	Complete   bool             `json:"complete"`
	Context    record.Context   `json:"context"`
	Started    time.Time        `json:"started"`
	Record     string           `json:"record"`
}

func (j *joined) documents() []joinedTable {
	out := []joinedTable{}
	for i := range j.tables {
		t := &j.tables[i]
		d := joinedTable{t.Rows[0].Context.Device, t.Rows[0].Context.CPU, append([]record.Difference{}, t.Differs...), []joinedRow{}, t.Comparisons}
		for k, r := range t.Rows {
			d.Rows = append(d.Rows, joinedRow{t.Label(k), r.Result.Rank, r.Result.Latency, r.Result.Throughput, r.Result.Grade, r.Document.Complete, r.Context, r.Document.Started, r.File})
		}
		out = append(out, d)
	}
	return out
}

func (a *app) printJoined(j *joined) {
	for i := range j.tables {
		t := &j.tables[i]
		c := t.Rows[0].Context
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		fmt.Fprintf(a.out, "Table %d of %d, across %s: %s (%s, %s/%s), %s %s, %d %s, level %s\n", i+1, len(j.tables), j.by.Name, c.CPU, c.Device, c.OS, c.Arch,
			c.Engine, c.Precision, c.Threads, plural(c.Threads, "thread"), c.Level)
		if i > 0 {
			fmt.Fprintf(a.out, "not ranked with table 1: differs in %s\n", j.why(i))
		}
		fmt.Fprintln(a.out)
		w := report.NewTable([]string{"rank", "row", "median ms", "95 % interval", "images/s", "grade", "measured", "record"},
			[]bool{true, false, true, true, true, false, false, false}, a.width())
		for k, r := range t.Rows {
			rank := "~"
			if r.Result.Rank != nil {
				rank = fmt.Sprint(*r.Result.Rank)
			}
			w.AppendRow(table.Row{rank, t.Label(k), ms(&r.Result.Latency.Median), interval(r.Result), fmt.Sprintf("%.0f", r.Result.Throughput.Median), r.Result.Grade,
				r.Document.Started.UTC().Format("2006-01-02 15:04"), r.File})
		}
		fmt.Fprintln(a.out, w.Render())
		if len(t.Comparisons) <= 10 {
			for _, x := range t.Comparisons {
				mark := ""
				if len(x.Differs) > 0 {
					mark = " (forced: contexts differ in " + strings.Join(x.Differs, ", ") + ")"
				}
				fmt.Fprintf(a.out, "%s is %.3f × %s%s: %s%s\n", x.A, x.Ratio, x.B, ratioInterval(x), x.Verdict, mark)
			}
		}
	}
}

// compared is the joined records as the other forms of a comparison show them.
func (j *joined) compared(a *app, exact bool) (*compared, error) {
	c := &compared{exact: exact, measured: &bench.Report{}, Comparison: &report.Comparison{
		Title:   fmt.Sprintf("%d records", len(j.files)),
		Where:   fmt.Sprintf("Records of %s.", strings.Join(j.machines(), "; ")),
		Command: strings.Join(append([]string{"wisp"}, a.args...), " "),
	}}
	for i := range j.tables {
		t := &j.tables[i]
		c.measured.Comparisons = append(c.measured.Comparisons, t.Comparisons...)
		for k, r := range t.Rows {
			m, err := wisp.Open(r.Context.Model)
			if err != nil {
				a.say("%s: its counts are null: %v", r.Context.Model, err)
				m = nil
			}
			if err := c.addRow(m, &r.Result, t.Label(k), fmt.Sprint(i)); err != nil {
				return nil, err
			}
			if m != nil {
				m.Close()
			}
		}
		if i > 0 {
			c.Context = append(c.Context, report.Field{Name: fmt.Sprintf("table %d", i+1), Value: "not ranked with table 1: differs in " + j.why(i)})
		}
	}
	for _, s := range c.silent {
		a.say("%s", s)
	}
	c.MarkFront()
	for _, r := range c.Rows {
		if r.OnFront {
			c.pareto = append(c.pareto, r.Model)
		}
	}
	c.Notes = append([]string{}, a.diagnostics...)
	return c, nil
}

func (j *joined) machines() []string {
	var out []string
	for i := range j.tables {
		for _, r := range j.tables[i].Rows {
			if m := strings.TrimSpace(r.Context.CPU + ", " + r.Context.Device); !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// compareRecords is compare --from.
func (a *app) compareRecords(from, args, where []string, by string, outputs []string, overwrite bool, flags *benchFlags) error {
	j, err := a.join(from, args, where, by, flags.force)
	if err != nil {
		return err
	}
	c, err := j.compared(a, a.json || flags.document)
	if err != nil {
		return err
	}
	c.joined = j
	for _, o := range outputs {
		if err := writeFile(o, overwrite, func(w io.Writer) error { return reportForm(o)(a, c, w) }); err != nil {
			return err
		}
	}
	if a.json {
		err = a.print(a.comparedDocument(c))
	} else {
		a.printJoined(j)
	}
	return errors.Join(err, j.strictly(flags.strict))
}
