package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
)

// What came of a measurement: as a table, and as the time of each layer.

// runResult is what came of a measurement, as a table.
type runResult struct {
	Where string
	Heads []string
	Rows  [][]string
	Lines []string
	Graph []ref // models whose profile a graph can show
}

// resultOf reads a measurement's document.
func (s *Server) resultOf(j *job) (*runResult, error) {
	if j.Kind == "eval" {
		return s.evalResult(j.document)
	}
	var d record.Document
	if err := json.Unmarshal(j.document, &d); err != nil {
		return nil, fmt.Errorf("measurement %d: %w", j.ID, err)
	}
	for i := range d.Results {
		d.Results[i].Model = s.title(d.Results[i].Model)
	}
	out := &runResult{Where: d.Where, Heads: []string{"row", "median ms", "95 % interval", "p90 ms", "images/s", "grade"}}
	for i := range d.Results {
		x := &d.Results[i]
		ci := "–"
		if x.Latency.CI95 != nil {
			ci = fmt.Sprintf("%.3g–%.3g", x.Latency.CI95.Lo, x.Latency.CI95.Hi)
		}
		out.Rows = append(out.Rows, []string{bench.Label(d.Results, i), fmt.Sprintf("%.3g", x.Latency.Median), ci, orDash(x.Latency.P90, "%.3g"), fmt.Sprintf("%.0f", x.Throughput.Median), string(x.Grade)})
		if x.Profile != nil {
			for _, m := range s.options(x.Model) {
				if m.Title == x.Model {
					out.Graph = append(out.Graph, m)
				}
			}
		}
	}
	for _, c := range d.Comparisons {
		out.Lines = append(out.Lines, fmt.Sprintf("%s is %.3f × %s: %s", c.A, c.Ratio, c.B, c.Verdict))
	}
	out.Lines = s.lines(append(out.Lines, d.Diagnostics...))
	return out, nil
}

// title is a model as people read it: a file's name without its folder.
func (s *Server) title(arg string) string {
	if i := slices.Index(s.Files, arg); i >= 0 {
		return s.fileRef(i).Title
	}
	return arg
}

// lines are diagnostics with files' names instead of their paths.
func (s *Server) lines(all []string) []string {
	var out []string
	for _, l := range all {
		for i := range s.Files {
			l = strings.ReplaceAll(l, s.Files[i], s.fileRef(i).Title)
		}
		out = append(out, l)
	}
	return out
}

func (s *Server) evalResult(document []byte) (*runResult, error) {
	var d struct {
		Diagnostics []string `json:"diagnostics"`
		Results     []struct {
			Model     string   `json:"model"`
			Engine    string   `json:"engine"`
			Precision string   `json:"precision"`
			Images    int      `json:"images"`
			Top1      *float64 `json:"top1"`
			Top5      *float64 `json:"top5"`
			Recipe    string   `json:"recipe"`
			Rate      *float64 `json:"images_per_second"`
		} `json:"results"`
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, err
	}
	out := &runResult{Heads: []string{"model", "engine", "precision", "images", "top-1 %", "top-5 %", "images/s", "recipe"}, Lines: s.lines(d.Diagnostics)}
	for _, x := range d.Results {
		out.Rows = append(out.Rows, []string{s.title(x.Model), x.Engine, x.Precision, fmt.Sprint(x.Images), orDash(x.Top1, "%.1f"), orDash(x.Top5, "%.1f"), orDash(x.Rate, "%.1f"), x.Recipe})
	}
	return out, nil
}

// profile is the time by step of a model.
type profile struct {
	times   map[string]float64 // milliseconds, by the layer that a step begins with
	from    string             // where it comes from; empty: there is none
	context string             // what must be equal of two that stand beside each other
}

// profileOf is the newest profile of a model: of this session's measurements, else of the
// records; wisp's own engine in float32.
func (s *Server) profileOf(m ref) profile {
	var out profile
	var when time.Time
	take := func(x *bench.Result, c record.Context, started time.Time, from string) {
		if x.Profile == nil || x.Model != m.Arg || x.Engine != "native" || x.Precision != "float32" || !started.After(when) {
			return
		}
		when = started
		out = profile{map[string]float64{}, fmt.Sprintf("%s: %s, %s %s, %s", from, c.CPU, x.Engine, x.EngineVersion, plural(x.Threads, "thread")),
			record.Key(c, slices.Concat(record.AcrossModels, record.AcrossRuns))}
		for _, st := range x.Profile.Steps {
			out.times[st.Name] += st.MS
		}
	}
	for _, j := range s.jobs.list() {
		var d record.Document
		if j.Kind != "profile" || len(j.document) == 0 || json.Unmarshal(j.document, &d) != nil || len(d.Contexts) != len(d.Results) {
			continue
		}
		for i := range d.Results {
			take(&d.Results[i], d.Contexts[i], d.Started, fmt.Sprintf("run %d of this server", j.ID))
		}
	}
	rows, _, _ := s.records.rows(s.Records) // an error is told by the view of records
	for i := range rows {
		take(&rows[i].Result, rows[i].Context, rows[i].Document.Started, "a record of "+rows[i].Document.Started.UTC().Format("2006-01-02 15:04"))
	}
	return out
}
