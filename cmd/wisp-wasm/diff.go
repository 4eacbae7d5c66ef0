//go:build js && wasm

package main

import (
	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
)

// differing is two networks as the page shows them beside each other.
type differing struct {
	Titles   [2]string    `json:"titles"`
	Command  string       `json:"command"`
	Document string       `json:"document"`
	Notes    []string     `json:"notes"`
	Verdict  []string     `json:"verdict"`
	Stages   report.Cells `json:"stages"`
	Changes  []string     `json:"changes"` // of each row of Stages but the last: same, replaced, …
	Lines    []string     `json:"lines"`
	Layers   report.Cells `json:"layers"` // those that changed
}

func diff(q request) (any, error) {
	var two [2]*wisp.Model
	var notes []string
	for i := range q.Models {
		m, err := q.open(i)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		two[i] = m
		notes = append(notes, report.Doubts(m, nil)...)
	}
	say("comparing " + two[0].Name + " with " + two[1].Name)
	d, err := report.NewDiff(two[0], two[1])
	if err != nil {
		return nil, err
	}
	out := differing{
		Titles: [2]string{two[0].Name, two[1].Name}, Command: q.command(), Notes: append(append([]string{}, notes...), d.Notes...),
		Verdict: d.Text(), Stages: d.Cells(), Changes: []string{}, Lines: d.Lines(), Layers: d.LayerCells(),
	}
	for _, s := range d.Stages {
		out.Changes = append(out.Changes, s.Change)
	}
	out.Document, err = print(struct {
		record.Envelope
		*report.Diff
	}{q.envelope(out.Notes), d})
	return out, err
}
