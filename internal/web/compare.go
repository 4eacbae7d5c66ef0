package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// The comparison under budgets: networks with their counts and published accuracies and,
// where records have them, latencies of one context; which keep the budgets, and which of
// those no other beats. Latencies of unlike contexts never stand beside each other.

// compareRow is a network of the comparison.
type compareRow struct {
	ID       string          `json:"-"`
	Model    string          `json:"model"`
	Family   string          `json:"family"`
	Input    string          `json:"input"`
	Params   int64           `json:"params"`
	MACs     int64           `json:"macs"`
	Bytes    int64           `json:"bytes_float32"`
	Top1     *float64        `json:"published_top1"`
	Top5     *float64        `json:"published_top5"`
	Accuracy string          `json:"published_source"`
	Latency  *compareLatency `json:"latency_ms"`
	Keeps    bool            `json:"keeps_budgets"`
	Front    bool            `json:"on_front"`
	Why      []string        `json:"why_not"`
	find     string
}

type compareLatency struct {
	Median float64 `json:"median"`
	Lo     float64 `json:"low"`
	Hi     float64 `json:"high"`
	Grade  string  `json:"grade"`
	Record string  `json:"record"`
}

// latencyContext is a set of records whose latencies may stand beside each other.
type latencyContext struct {
	ID, Text string
	Where    []record.Where // what chooses it on the command line
	Rows     []record.Row
	Models   int
	Chosen   bool
}

type compareBody struct {
	Query    string
	Budgets  []*budget
	Contexts []latencyContext
	Context  *latencyContext
	X        string
	Against  string // X in words
	Axes     []*budget
	Rows     []compareRow
	Keep     int
	Front    []string
	Plot     string
	Notes    []string
}

// fixed are the fields of context that tell latency contexts apart on a command line.
var fixed = []string{"cpu", "device", "engine", "engine_version", "precision", "threads", "batch", "sessions", "level"}

func (s *Server) showCompare(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	b, err := s.comparison(r.URL.Query())
	if err != nil {
		return err
	}
	command := b.command(s.Records)
	switch form {
	case "json":
		var context *record.Context
		if b.Context != nil {
			context = &b.Context.Rows[0].Context
		}
		return s.json(w, struct {
			record.Envelope
			X       string          `json:"x"`
			Context *record.Context `json:"latency_context"`
			Rows    []compareRow    `json:"rows"`
			Pareto  []string        `json:"pareto"`
		}{s.Envelope("wisp "+shellWords(command), b.Notes), b.X, context, b.Rows, append([]string{}, b.Front...)})
	case "csv":
		rows := [][]string{{"model", "family", "input", "params", "macs", "bytes_float32", "published_top1", "published_top5", "latency_ms_median", "latency_ms_ci95", "grade", "keeps_budgets", "on_front"}}
		for _, x := range b.Rows {
			lat, ci, grade := "", "", ""
			if l := x.Latency; l != nil {
				lat, ci, grade = exact(l.Median), fmt.Sprintf("%.6g..%.6g", l.Lo, l.Hi), l.Grade
			}
			rows = append(rows, []string{x.Model, x.Family, x.Input, fmt.Sprint(x.Params), fmt.Sprint(x.MACs), fmt.Sprint(x.Bytes), orEmpty(x.Top1), orEmpty(x.Top5),
				lat, ci, grade, fmt.Sprint(x.Keeps), fmt.Sprint(x.Front)})
		}
		return s.csv(w, "compare", rows)
	}
	return s.html(w, r, "compare", &page{Title: "Compare", Command: command, Forms: []string{"json", "csv"}, Scripts: []string{"live.js"}, Body: b})
}

// comparison is the view that a query asks for.
func (s *Server) comparison(q url.Values) (*compareBody, error) {
	b := &compareBody{Query: strings.TrimSpace(q.Get("q")), Budgets: budgets(), X: q.Get("x")}
	var err error
	if b.Rows, err = s.compareRows(); err != nil {
		return nil, err
	}
	if err := s.latencies(b, q.Get("context")); err != nil {
		return nil, err
	}
	b.Rows = slices.DeleteFunc(b.Rows, func(r compareRow) bool {
		return !strings.Contains(r.find, strings.ToLower(b.Query))
	})
	for _, l := range b.Budgets {
		if err := l.read(q.Get(l.Key), b.Rows); err != nil {
			return nil, err
		}
		if !l.AtLeast && !l.Missing {
			b.Axes = append(b.Axes, l)
		}
	}
	if b.X == "" {
		b.X = "macs"
		if b.Context != nil && q.Get("context") != "" {
			b.X = "ms"
		}
	}
	x := slices.IndexFunc(b.Axes, func(l *budget) bool { return l.Key == b.X })
	if x < 0 {
		return nil, problem(http.StatusBadRequest, "x=%.20s: want macs, params, mb or, where latencies are known, ms", b.X)
	}
	b.Against = inText(b.Axes[x].Label)
	b.judge(b.Axes[x])
	return b, nil
}

// compareRows are the files and the networks, without latencies.
func (s *Server) compareRows() ([]compareRow, error) {
	zoos := zooRows()
	if zoos.err != nil {
		return nil, zoos.err
	}
	var out []compareRow
	for i := range s.Files {
		m := s.fileRef(i)
		opened, err := s.open(m)
		if err != nil {
			continue // the list of models says why
		}
		t, err := countOf(opened)
		if err == nil {
			row := compareRow{ID: m.ID, find: strings.ToLower(m.Title + " " + opened.Family), Model: m.Title, Family: opened.Family, Params: t.Params, MACs: t.MACs, Bytes: 4 * t.Params, Why: []string{}}
			if h, w, err := opened.ImageSize(); err == nil {
				row.Input = fmt.Sprintf("%d×%d", h, w)
			}
			out = append(out, row)
		}
		opened.Close()
	}
	for _, x := range zoos.widths {
		out = append(out, compareRow{ID: x.Name, find: strings.ToLower(x.Name + " " + x.Model.Family + " " + x.Model.Title), Model: x.Name, Family: x.Model.Family, Input: fmt.Sprintf("%d×%d", x.Spec.H, x.Spec.W),
			Params: x.Params, MACs: x.MACs, Bytes: x.Bytes, Top1: x.Top1, Top5: x.Top5, Accuracy: x.Accuracy, Why: []string{}})
	}
	return out, nil
}

// latencies finds the contexts of the records and gives the rows those of the chosen one:
// where none is chosen, none.
func (s *Server) latencies(b *compareBody, chosen string) error {
	rows, _, err := s.records.rows(s.Records)
	if err != nil {
		b.Notes = append(b.Notes, "no latencies: "+oneLine(err))
		return nil
	}
	if b.Contexts = contextsOf(rows, b.Rows); chosen == "" {
		return nil
	}
	i := slices.IndexFunc(b.Contexts, func(c latencyContext) bool { return c.ID == chosen })
	if i < 0 {
		return problem(http.StatusNotFound, "context=%.20s: no records have it any more", chosen)
	}
	b.Context = &b.Contexts[i]
	b.Context.Chosen = true
	for k := range b.Rows {
		x := &b.Rows[k]
		for _, r := range b.Context.Rows { // of several, the one measured last
			if r.Context.Model != x.argOf(s) {
				continue
			}
			l := r.Result.Latency
			x.Latency = &compareLatency{l.Median, l.Median, l.Median, string(r.Result.Grade), r.File}
			if l.CI95 != nil {
				x.Latency.Lo, x.Latency.Hi = l.CI95.Lo, l.CI95.Hi
			}
		}
	}
	return nil
}

// argOf is a row's model as a record names it.
func (r *compareRow) argOf(s *Server) string {
	if m, err := s.ref(r.ID); err == nil {
		return m.Arg
	}
	return r.Model
}

// contextsOf are the contexts in which at least one row was measured, the one with most
// first.
func contextsOf(rows []record.Row, known []compareRow) []latencyContext {
	names := map[string]bool{}
	for _, k := range known {
		names[k.ID] = true
	}
	allowed := append(slices.Clone(record.AcrossModels), record.AcrossRuns...)
	var out []latencyContext
	at := map[string]int{}
	for _, r := range rows {
		if !names[r.Context.Model] {
			continue
		}
		key := record.Key(r.Context, allowed)
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			c := r.Context
			out = append(out, latencyContext{ID: key, Text: fmt.Sprintf("%s, %s: %s %s %s, %s, batch %d, %s, level %s", c.CPU, c.Device, c.Engine, c.EngineVersion, c.Precision,
				plural(c.Threads, "thread"), c.Batch, plural(c.Sessions, "session"), c.Level)})
			for _, f := range fixed {
				out[i].Where = append(out[i].Where, record.Where{Field: f, Value: record.FieldText(c, f)})
			}
		}
		out[i].Rows = append(out[i].Rows, r)
	}
	for i := range out {
		seen := map[string]bool{}
		for _, r := range out[i].Rows {
			seen[r.Context.Model] = true
		}
		out[i].Models = len(seen)
		slices.SortStableFunc(out[i].Rows, func(a, b record.Row) int { return a.Document.Started.Compare(b.Document.Started) })
	}
	slices.SortStableFunc(out, func(a, b latencyContext) int { return cmp.Compare(b.Models, a.Models) })
	return out
}

// judge says which rows keep the budgets and which of those no other beats in top-1 and
// the plot's axis, and draws the plot.
func (b *compareBody) judge(x *budget) {
	plot := report.Scatter{Title: "Published accuracy against " + inText(x.Label), XLabel: x.Label + ", " + x.Unit + " (log scale)", YLabel: "ImageNet top-1, published, %", LogX: true}
	var at []int
	for i := range b.Rows {
		r := &b.Rows[i]
		for _, l := range b.Budgets {
			v := l.of(r)
			switch {
			case !l.Set:
			case v == nil && l.AtLeast:
				r.Why = append(r.Why, "its accuracy was not published")
			case v == nil:
				r.Why = append(r.Why, "its "+inText(l.Label)+" is not known")
			case l.AtLeast && *v < l.Value, !l.AtLeast && *v > l.Value:
				r.Why = append(r.Why, fmt.Sprintf("%s %s %s", figure(*v), l.Unit, l.Short))
			}
		}
		if r.Keeps = len(r.Why) == 0; r.Keeps {
			b.Keep++
		}
		if v := x.of(r); v != nil && r.Top1 != nil {
			p := report.Point{Label: r.Model, Group: r.Family, X: *v, Y: *r.Top1, Faint: !r.Keeps, Quiet: true}
			if x.Key == "ms" {
				p.Lo, p.Hi = r.Latency.Lo, r.Latency.Hi
			}
			plot.Points, at = append(plot.Points, p), append(at, i)
		}
	}
	for _, k := range report.Pareto(plot.Points) {
		r := &b.Rows[at[k]]
		r.Front, plot.Points[k].Quiet = true, false
		b.Front = append(b.Front, r.Model)
	}
	slices.SortStableFunc(b.Rows, func(p, q compareRow) int {
		return cmp.Or(order(q.Keeps, p.Keeps), order(q.Front, p.Front), cmp.Compare(top(q), top(p)))
	})
	b.Plot = plot.SVG()
}

func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func top(r compareRow) float64 {
	if r.Top1 == nil {
		return 0
	}
	return *r.Top1
}

// command is what prints the same.
func (b *compareBody) command(records []string) []string {
	var limits []string
	for _, l := range b.Budgets {
		if l.Set {
			limits = append(limits, fmt.Sprintf(l.Flag, exact(l.Value)))
		}
	}
	if b.Context == nil {
		out := append([]string{"list", "--widths"}, limits...)
		if b.Query != "" {
			out = append(out, "--", b.Query)
		}
		return out
	}
	out := []string{"recommend"}
	for _, p := range records {
		out = append(out, "--from", p)
	}
	for _, w := range b.Context.Where {
		out = append(out, "--where", w.String())
	}
	return append(out, limits...)
}
