package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/structure"
)

// Two networks side by side: stages and blocks in two panes that scroll together. What is
// compared is internal/report's and internal/structure's.

type diffBody struct {
	A, B   ref
	Offers []ref
	Diff   *report.Diff
	Rows   []diffRow
	Totals []diffTotal
	Timed  string // where the times of stages come from
	Blocks bool   // show the blocks of the stages
	Drawn  bool   // both have blocks to draw
}

// diffRow is a line of both panes.
type diffRow struct {
	Sign, Change string
	Block        bool // a block below its stage
	A, B         *diffSide
}

type diffSide struct {
	Text   string
	Params int64
	MACs   int64
	MS     *float64
}

type diffTotal struct{ Name, A, B, Ratio string }

func (s *Server) showDiff(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	b := diffBody{Blocks: q.Get("blocks") != ""}
	names := [2]string{q.Get("a"), q.Get("b")}
	for i, usual := range []string{"mobilenet_v2", "ghostnet"} {
		if names[i] == "" {
			names[i] = usual
		}
	}
	b.Offers = s.options(names[0], names[1])
	if b.A, err = s.ref(names[0]); err != nil {
		return err
	}
	if b.B, err = s.ref(names[1]); err != nil {
		return err
	}
	command := []string{"diff", b.A.Arg, b.B.Arg}
	if form == "json" {
		return s.verb(w, r, "application/json", append(command, "--json")...)
	}
	models, closing, err := s.pair(b.A, b.B)
	if err != nil {
		return err
	}
	defer closing()
	if b.Diff, err = report.NewDiff(models[0], models[1]); err != nil {
		return problem(http.StatusUnprocessableEntity, "%s", oneLine(hidePath(hidePath(err, b.A), b.B)))
	}
	b.time(s.profileOf(b.A), s.profileOf(b.B))
	b.fill()
	if form == "csv" {
		return s.csv(w, "diff", b.csv())
	}
	b.Drawn = true
	for i := range models {
		if found, err := structure.Annotate(models[i].Graph); err != nil || !found {
			b.Drawn = false
		}
	}
	return s.html(w, r, "diff", &page{Title: b.A.Title + " and " + b.B.Title, Command: command, Forms: []string{"json", "csv"}, Scripts: []string{"live.js", "diff.js"}, Body: &b})
}

// pair opens two models.
func (s *Server) pair(a, b ref) (models [2]*wisp.Model, closing func(), err error) {
	if models[0], err = s.open(a); err != nil {
		return models, nil, err
	}
	if models[1], err = s.open(b); err != nil {
		models[0].Close()
		return models, nil, err
	}
	return models, func() { models[0].Close(); models[1].Close() }, nil
}

// time enters the times of the stages, where both were measured in the same context.
func (b *diffBody) time(profiles ...profile) {
	if profiles[0].from == "" || profiles[1].from == "" || profiles[0].context != profiles[1].context {
		return
	}
	for side, p := range profiles {
		names := slices.Sorted(maps.Keys(p.times))
		ms := make([]float64, len(names))
		for i, n := range names {
			ms[i] = p.times[n]
		}
		b.Diff.Latency(side, names, ms)
	}
	b.Timed = profiles[0].from + "; " + profiles[1].from
}

// fill makes the rows of the panes.
func (b *diffBody) fill() {
	for _, st := range b.Diff.Stages {
		b.Rows = append(b.Rows, diffRow{report.ChangeSigns[st.Change], st.Change, false, sideOf(st.DetailA), sideOf(st.DetailB)})
		if !b.Blocks {
			continue
		}
		for _, k := range st.Blocks {
			row := diffRow{Sign: report.ChangeSigns[k.Change], Change: k.Change, Block: true}
			if k.A != nil {
				row.A = &diffSide{Text: *k.A}
			}
			if k.B != nil {
				row.B = &diffSide{Text: *k.B}
			}
			b.Rows = append(b.Rows, row)
		}
	}
	for _, t := range []struct{ key, name string }{{"params", "parameters"}, {"macs", "MACs"}, {"bytes", "bytes of weights"}, {"layers", "layers"}, {"blocks", "blocks"}} {
		p := b.Diff.Totals[t.key]
		if p.A == nil || p.B == nil {
			continue
		}
		b.Totals = append(b.Totals, diffTotal{t.name, group(int64(*p.A)), group(int64(*p.B)), orDash(p.Ratio, "%.2f ×")})
	}
}

func sideOf(s *report.StageSide) *diffSide {
	if s == nil {
		return nil
	}
	return &diffSide{s.Text, s.Params, s.MACs, s.LatencyMS}
}

func (b *diffBody) csv() [][]string {
	out := [][]string{{"change", "a", "a_params", "a_macs", "a_ms", "b", "b_params", "b_macs", "b_ms"}}
	cells := func(s *diffSide) []string {
		if s == nil {
			return []string{"", "", "", ""}
		}
		return []string{s.Text, fmt.Sprint(s.Params), fmt.Sprint(s.MACs), orEmpty(s.MS)}
	}
	for _, r := range b.Rows {
		if !r.Block {
			out = append(out, append(append([]string{r.Change}, cells(r.A)...), cells(r.B)...))
		}
	}
	return out
}

// Verdict says in a sentence what the comparison came to.
func (b *diffBody) Verdict() string {
	switch structure.Verdict(b.Diff.Verdict) {
	case structure.Identical:
		return "identical"
	case structure.SameNetwork:
		return "the same network, which differs in " + strings.Join(b.Diff.DiffersIn, ", ")
	}
	return "different networks: they differ in " + strings.Join(b.Diff.DiffersIn, ", ")
}

// Changes are the changed layers, those that changed alike together.
func (b *diffBody) Changes() []string {
	var out []string
	for _, g := range b.Diff.SameChanges() {
		names := g.Layers[0].Name()
		if n := len(g.Layers); n > 1 {
			names += fmt.Sprintf(" and %d more", n-1)
		}
		out = append(out, names+": "+g.What)
	}
	return out
}

// pairPicture draws the blocks of two models, each once.
func (s *Server) pairPicture(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	a, err := s.ref(q.Get("a"))
	if err != nil {
		return err
	}
	b, err := s.ref(q.Get("b"))
	if err != nil {
		return err
	}
	models, closing, err := s.pair(a, b)
	if err != nil {
		return err
	}
	defer closing()
	for i, m := range []ref{a, b} {
		if found, err := structure.Annotate(models[i].Graph); err != nil || !found {
			return problem(http.StatusNotFound, "%s: no blocks are recognised in it", m.Title)
		}
	}
	return s.svg(w, report.BlockPair(models[0].Graph, models[1].Graph, a.Title, b.Title))
}
