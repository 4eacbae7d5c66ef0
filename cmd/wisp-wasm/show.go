//go:build js && wasm

package main

import (
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/structure"
)

// shown is a network as the page shows it: the texts that wisp show prints, its document and
// its blocks drawn.
type shown struct {
	Title    string        `json:"title"`
	Command  string        `json:"command"`
	Document string        `json:"document"`
	Notes    []string      `json:"notes"`
	Facts    []report.Fact `json:"facts"`
	Ghosts   string        `json:"ghosts"` // "" where it has no ghost modules
	Tools    report.Cells  `json:"tools"`
	Stages   report.Cells  `json:"stages"`
	Blocks   report.Cells  `json:"blocks"`
	Layers   report.Cells  `json:"layers"`
	Picture  string        `json:"picture"` // SVG; "" where no block is recognised
}

func show(q request) (any, error) {
	m, err := q.open(0)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	say("recognising the blocks of " + m.Name)
	if _, err := structure.Annotate(m.Graph); err != nil {
		return nil, err
	}
	say("counting " + m.Name)
	r, err := cost.Of(m.Graph)
	if err != nil {
		return nil, err
	}
	doc, err := report.NewShow(m, r)
	if err != nil {
		return nil, err
	}
	out := shown{
		Title: m.Name, Command: q.command(), Notes: append([]string{}, report.Doubts(m, r)...),
		Facts: append(report.Facts(m, r), report.Remarks(m)...), Ghosts: report.GhostFact(doc.GhostModules),
		Tools: report.ToolCells(r), Stages: report.Cells{Rows: [][]string{}}, Blocks: report.BlockCells(doc.Blocks), Layers: report.LayerCells(r),
	}
	out.Document, err = print(struct {
		record.Envelope
		*report.Show
	}{q.envelope(out.Notes), doc})
	if err != nil {
		return nil, err
	}
	if n, err := structure.Of(m.Graph); err == nil {
		out.Stages = report.StageCells(n)
	} else { // its counts are sound all the same
		out.Notes = append(out.Notes, "its stages are not known: "+err.Error())
	}
	if len(m.Graph.Blocks) > 0 {
		say("drawing the blocks of " + m.Name)
		sheet, err := report.BlockSheet(m.Graph, m.Name)
		if err != nil {
			return nil, err
		}
		out.Picture = report.Inline(sheet)
	}
	return out, nil
}
