package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wispnet/wisp/internal/record"
)

// Records of many machines: chosen by their contexts, ranked only where those are equal but
// for what is compared.

// facet is a field of context that records are chosen by.
type facet struct {
	Field, Label, Chosen string
	Values               []facetValue
}

type facetValue struct {
	Value string
	Rows  int
}

var facetFields = []struct{ field, label string }{
	{"model", "Model"}, {"cpu", "Processor"}, {"device", "Device"}, {"engine", "Engine"}, {"engine_version", "Engine version"}, {"precision", "Precision"},
	{"threads", "Threads"}, {"batch", "Batch"}, {"sessions", "Sessions"}, {"level", "Level"},
}

type recordsBody struct {
	Folders []string
	Facets  []facet
	By      string
	Bys     []string
	Rows    int
	All     int
	Tables  []recordTable
	Skipped []string
	where   []record.Where
}

// recordTable is rows that may be ranked together, and why they are not with the first.
type recordTable struct {
	Number  int
	Head    string
	Differs []string
	Rows    []recordRow
	Notes   []string
}

type recordRow struct {
	Rank, Label, Model, Median, Interval, Rate, Grade, Measured, File string
	Share                                                             float64 // of the slowest, percent
	Complete                                                          bool
}

// mostTables bounds the tables of a page, mostShown the rows that it joins.
const (
	mostTables = 40
	mostShown  = 2000
)

func (s *Server) showRecords(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	q.Del("format")
	b, err := s.recordsView(q)
	if err != nil {
		return err
	}
	command := []string{"compare"}
	for _, p := range s.Records {
		command = append(command, "--from", p)
	}
	for _, c := range b.where {
		command = append(command, "--where", c.String())
	}
	if b.By != "" {
		command = append(command, "--by", b.By)
	}
	switch form {
	case "json":
		return s.verb(w, r, "application/json", append(command, "--json")...)
	case "csv":
		rows := [][]string{{"table", "rank", "row", "median_ms", "ci95_ms", "images_per_second", "grade", "measured", "record"}}
		for _, t := range b.Tables {
			for _, x := range t.Rows {
				rows = append(rows, []string{fmt.Sprint(t.Number), x.Rank, x.Label, x.Median, x.Interval, x.Rate, x.Grade, x.Measured, x.File})
			}
		}
		return s.csv(w, "records", rows)
	}
	return s.html(w, r, "records", &page{Title: "Records", Command: command, Forms: []string{"json", "csv"}, Scripts: []string{"live.js"}, Body: b})
}

// recordsView is recordsOf, or what it made before of the same records.
func (s *Server) recordsView(q url.Values) (*recordsBody, error) {
	return s.records.view(s.Records, q.Encode(), func(rows []record.Row, skipped []string) (*recordsBody, error) { return s.recordsOf(q, rows, skipped) })
}

// recordsOf is the view that a query asks for.
func (s *Server) recordsOf(q url.Values, rows []record.Row, skipped []string) (*recordsBody, error) {
	b := &recordsBody{Folders: s.Records, All: len(rows), By: q.Get("by"), Skipped: skipped}
	for _, d := range record.Dimensions {
		b.Bys = append(b.Bys, d.Name)
	}
	for _, f := range facetFields {
		x := facet{Field: f.field, Label: f.label, Chosen: q.Get(f.field)}
		if x.Chosen != "" {
			b.where = append(b.where, record.Where{Field: f.field, Value: x.Chosen})
		}
		b.Facets = append(b.Facets, x)
	}
	for i := range b.Facets {
		// What can be chosen of a field: what there is under the other conditions.
		others := slices.DeleteFunc(slices.Clone(b.where), func(c record.Where) bool { return c.Field == b.Facets[i].Field })
		b.Facets[i].count(record.Select(rows, others))
	}
	chosen := record.Select(rows, b.where)
	if b.Rows = len(chosen); b.Rows == 0 {
		return b, nil
	}
	if b.Rows > mostShown {
		return b, nil
	}
	by := record.By(chosen)
	if b.By != "" {
		var err error
		if by, err = record.FindDimension(b.By); err != nil {
			return nil, problem(http.StatusBadRequest, "by=%.20s: want one of %s", b.By, strings.Join(b.Bys, ", "))
		}
	}
	tables := record.Tables(chosen, by, false)
	for i := range tables[:min(len(tables), mostTables)] {
		b.Tables = append(b.Tables, tableOf(&tables[i], i, by))
	}
	return b, nil
}

// TooMany says that more rows were chosen than a page joins.
func (b *recordsBody) TooMany() bool { return b.Rows > mostShown }

func (f *facet) count(rows []record.Row) {
	n := map[string]int{}
	for _, r := range rows {
		n[record.FieldText(r.Context, f.Field)]++
	}
	if f.Chosen != "" && n[f.Chosen] == 0 {
		n[f.Chosen] = 0
	}
	for v, k := range n {
		f.Values = append(f.Values, facetValue{v, k})
	}
	slices.SortFunc(f.Values, func(a, b facetValue) int {
		return cmp.Or(cmp.Compare(len(a.Value)*number(a.Value), len(b.Value)*number(b.Value)), strings.Compare(a.Value, b.Value))
	})
}

// number is 1 for a text of digits, so that those are in order of their size.
func number(s string) int {
	if s != "" && strings.Trim(s, "0123456789") == "" {
		return 1
	}
	return 0
}

func tableOf(t *record.Table, i int, by record.Dimension) recordTable {
	c := t.Rows[0].Context
	out := recordTable{Number: i + 1, Notes: t.Notes, Head: fmt.Sprintf("across %s: %s (%s, %s/%s), %s %s %s, %s, batch %d, level %s", by.Name, c.CPU, c.Device, c.OS, c.Arch,
		c.Engine, c.EngineVersion, c.Precision, plural(c.Threads, "thread"), c.Batch, c.Level)}
	for _, d := range t.Differs {
		out.Differs = append(out.Differs, fmt.Sprintf("%s (%s, %s)", d.Field, plainly(d.A), plainly(d.B)))
	}
	slowest := t.Rows[len(t.Rows)-1].Result.Latency.Median
	for k, r := range t.Rows {
		x := recordRow{Rank: "~", Label: t.Label(k), Model: r.Context.Model, Median: fmt.Sprintf("%.3g", r.Result.Latency.Median), Rate: fmt.Sprintf("%.0f", r.Result.Throughput.Median),
			Grade: string(r.Result.Grade), Measured: r.Document.Started.UTC().Format("2006-01-02 15:04"), File: r.File, Complete: r.Document.Complete,
			Share: 100 * r.Result.Latency.Median / slowest}
		if r.Result.Rank != nil {
			x.Rank = fmt.Sprint(*r.Result.Rank)
		}
		if ci := r.Result.Latency.CI95; ci != nil {
			x.Interval = fmt.Sprintf("%.3g–%.3g", ci.Lo, ci.Hi)
		}
		out.Rows = append(out.Rows, x)
	}
	return out
}

// plainly is a field's value as people read it.
func plainly(v any) string {
	if s, ok := v.(*string); ok {
		if s == nil {
			return "unknown"
		}
		return *s
	}
	return fmt.Sprint(v)
}
