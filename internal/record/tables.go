package record

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp/bench"
)

// Dimension is something that figures can be compared across: the fields of context that
// may then differ.
type Dimension struct {
	Name   string
	Fields []string
}

// Dimensions is every dimension in the order in which By looks for one.
var Dimensions = []Dimension{
	{"models", AcrossModels},
	{"engines", AcrossEngines},
	{"precisions", AcrossPrecisions},
	{"machines", AcrossMachines},
	{"versions", AcrossVersions},
}

// FindDimension returns a dimension by its name.
func FindDimension(name string) (Dimension, error) {
	var names []string
	for _, d := range Dimensions {
		if d.Name == name {
			return d, nil
		}
		names = append(names, d.Name)
	}
	return Dimension{}, fmt.Errorf("record: got %q, want one of %s", name, strings.Join(names, ", "))
}

// Row is a result of a record, with where it comes from.
type Row struct {
	Result   bench.Result
	Context  Context
	File     string
	Document *Document
}

// Rows lists the results of records.
func Rows(docs []*Document, files []string) []Row {
	var out []Row
	for i, d := range docs {
		for k := range d.Results {
			out = append(out, Row{d.Results[k], d.Contexts[k], files[i], d})
		}
	}
	return out
}

// Table is a set of rows whose contexts are equal but for what is compared, ranked.
type Table struct {
	Rows        []Row
	Comparisons []bench.Comparison
	Notes       []string
	// Differs says in what its context differs from the first table's, for which reason the
	// two are not one.
	Differs []Difference

	keys []string // of the rows: equal ones are one figure that was measured again
}

// Difference is a field in which two contexts differ.
type Difference struct {
	Field string `json:"field"`
	A     any    `json:"a"`
	B     any    `json:"b"`
}

// Differences is Compare with the values.
func Differences(a, b Context, allowed []string) []Difference {
	out := []Difference{}
	names := Compare(a, b, allowed)
	for _, f := range fields {
		if slices.Contains(names, f.name) {
			out = append(out, Difference{f.name, f.of(&a), f.of(&b)})
		}
	}
	return out
}

// AcrossRuns are the fields that differ between any two measurements by their nature.
var AcrossRuns = []string{"seed"}

// key is the part of a context that must be equal for rows to share a table.
func key(c Context, allowed []string) string {
	var b strings.Builder
	for _, f := range fields {
		if !slices.Contains(allowed, f.name) {
			v, err := json.Marshal(f.of(&c))
			if err != nil { // contexts hold nothing that JSON cannot
				v = []byte(err.Error())
			}
			b.Write(v)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// By picks the dimension that joins most rows into tables: the first of Dimensions with the
// fewest tables.
func By(rows []Row) Dimension {
	best, fewest := Dimensions[0], len(rows)+1
	for _, d := range Dimensions {
		seen := map[string]bool{}
		for i := range rows {
			seen[key(rows[i].Context, append(slices.Clone(d.Fields), AcrossRuns...))] = true
		}
		if len(seen) < fewest {
			best, fewest = d, len(seen)
		}
	}
	return best
}

// Tables puts rows that may be compared across d into one table each and ranks them there.
// With force there is one table, and comparisons of unlike rows say in what they differ.
// Tables follow the order of their first rows.
func Tables(rows []Row, d Dimension, force bool) []Table {
	allowed := append(slices.Clone(d.Fields), AcrossRuns...)
	var out []Table
	at := map[string]int{}
	for _, r := range rows {
		k := key(r.Context, allowed)
		if force {
			k = ""
		}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k], out = i, append(out, Table{})
		}
		out[i].Rows = append(out[i].Rows, r)
	}
	for i := range out {
		out[i].rank(allowed)
		if i > 0 {
			out[i].Differs = Differences(out[0].Rows[0].Context, out[i].Rows[0].Context, allowed)
		}
	}
	return out
}

// Groups puts contexts that are equal but for the allowed fields together: the indices of
// each group, in the order of their first members.
func Groups(contexts []Context, allowed []string) [][]int {
	var out [][]int
	at := map[string]int{}
	for i, c := range contexts {
		k := key(c, allowed)
		g, ok := at[k]
		if !ok {
			g = len(out)
			at[k], out = g, append(out, nil)
		}
		out[g] = append(out[g], i)
	}
	return out
}

// Threshold is the smallest difference that ranks two rows apart on a system: 5 % on a
// phone, 1 % elsewhere.
func Threshold(os string) float64 {
	if os == "android" || os == "ios" {
		return 0.05
	}
	return 0.01
}

// maxRanked bounds the rows of a table whose pairs are compared.
const maxRanked = 300

// rank compares and ranks a table's rows.
func (t *Table) rank(allowed []string) {
	slices.SortStableFunc(t.Rows, func(a, b Row) int {
		switch x, y := a.Result.Latency.Median, b.Result.Latency.Median; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	t.keys = make([]string, len(t.Rows))
	for i := range t.Rows {
		t.keys[i] = key(t.Rows[i].Context, AcrossRuns)
	}
	all := make([]bench.Result, len(t.Rows))
	ranks, threshold := true, 0.0
	for i := range t.Rows {
		all[i] = t.Rows[i].Result
		l, err := bench.FindLevel(all[i].Level)
		ranks = ranks && err == nil && l.Ranks
		threshold = max(threshold, Threshold(t.Rows[i].Context.OS))
	}
	if len(all) > maxRanked {
		for i := range t.Rows {
			t.Rows[i].Result.Rank = nil
		}
		t.Comparisons = []bench.Comparison{}
		t.Notes = []string{fmt.Sprintf("%d rows are in order but not ranked: pairs are compared among at most %d", len(all), maxRanked)}
		return
	}
	contexts := make(map[*bench.Result]*Context, len(all))
	for i := range all {
		contexts[&all[i]] = &t.Rows[i].Context
	}
	c := bench.Comparing{Ranks: ranks, Threshold: threshold, Force: true, Label: t.Label,
		Guard: func(a, b *bench.Result) []string { return Compare(*contexts[a], *contexts[b], allowed) }}
	t.Comparisons, t.Notes, _ = c.Compare(all)
	for i := range all {
		if !ranks {
			all[i].Rank = nil
		}
		t.Rows[i].Result = all[i]
	}
}

// Label names a row so that no other of the table has the name.
func (t *Table) Label(i int) string {
	c := &t.Rows[i].Context
	name := c.Model
	add := func(of func(*Context) string) {
		for k := range t.Rows {
			if o := &t.Rows[k].Context; o.Model == c.Model && of(o) != of(c) {
				name += " " + of(c)
				return
			}
		}
	}
	add(func(c *Context) string { return c.Engine })
	add(func(c *Context) string { return c.EngineVersion })
	add(func(c *Context) string { return c.Precision })
	add(func(c *Context) string { return fmt.Sprintf("t%d", c.Threads) })
	add(func(c *Context) string { return fmt.Sprintf("b%d", c.Batch) })
	add(func(c *Context) string { return fmt.Sprintf("s%d", c.Sessions) })
	add(func(c *Context) string { return "on " + c.CPU })
	same := 0
	for k := range t.Rows[:i] {
		if t.keys[k] == t.keys[i] {
			same++
		}
	}
	if same > 0 { // measured again
		name += fmt.Sprintf(" (%d)", same+1)
	}
	return name
}
