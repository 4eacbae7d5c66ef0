package web

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/structure"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// modelBody is the view of one model.
type modelBody struct {
	ref
	Model     *wisp.Model
	Input     string
	Counts    *cost.Report
	Blocks    []cost.Block
	Published []zoo.Published
	own       []zoo.Published // those of this very network
	Notes     []string
	Pictures  bool // its blocks are known, and drawn
}

func countOf(m *wisp.Model) (cost.Totals, error) { return cost.Count(m.Graph) }

// Extent is a shape as the papers write it.
func (modelBody) Extent(s tensor.Shape) string { return report.Extent(s) }

// Op says what a layer does.
func (modelBody) Op(l cost.Layer) string { return strings.TrimSpace(l.Op + " " + l.Detail) }

// For says of which network a published figure is: this one, or in what it differs.
func (b *modelBody) For(p zoo.Published) string {
	switch why := b.Model.Spec.Unlike(p); {
	case slices.Contains(b.own, p):
		return "this network"
	case why == "":
		return "other weights"
	default:
		return strings.TrimPrefix(why, "published ")
	}
}

// Difference says in words what a tool counts otherwise.
func (modelBody) Difference(d cost.Difference) string {
	return fmt.Sprintf("%d × %s: %+d", d.Count, d.What, d.Amount)
}

// Times says how much cheaper a block is than a plain convolution of its shape.
func (modelBody) Times(b cost.Block) string {
	if b.Plain == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f", b.Plain.MACRatio)
}

func (s *Server) showModel(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	m, err := s.ref(r.URL.Query().Get("m"))
	if err != nil {
		return err
	}
	opened, err := s.open(m)
	if err != nil {
		return err
	}
	defer opened.Close()
	switch form {
	case "json":
		return s.verb(w, r, "application/json", "show", "--json", "--", m.Arg)
	case "csv":
		return s.verb(w, r, "text/csv; charset=utf-8", "show", "--format", "csv", "--", m.Arg)
	}
	// A file's blocks are recognised; one whose operators make none is shown without.
	_, _ = structure.Annotate(opened.Graph)
	b := modelBody{ref: m, Model: opened, Input: opened.InputShape().String(), Pictures: len(opened.Graph.Blocks) > 0}
	if b.Counts, err = cost.Of(opened.Graph); err != nil {
		return err
	}
	if b.Blocks, err = cost.Blocks(opened.Graph); err != nil {
		return err
	}
	b.Notes = append(b.Notes, b.Counts.Notes...)
	if opened.Spec != nil {
		if own, _ := opened.Published(); opened.File == nil || len(own) > 0 {
			b.Published, b.own = opened.Spec.Published(), own
		}
		b.Notes = append(b.Notes, opened.Spec.Model().Notes...)
	}
	for _, n := range opened.Notes {
		b.Notes = append(b.Notes, strings.ReplaceAll(n, m.Arg, m.Title))
	}
	return s.html(w, r, "model", &page{Title: m.Title, Command: []string{"show", m.Arg}, Forms: []string{"json", "csv"}, Body: &b})
}

// blocksPicture draws each kind of block of a model once.
func (s *Server) blocksPicture(w http.ResponseWriter, r *http.Request) error {
	return s.drawing(w, r, func(m *wisp.Model, title string) (string, error) {
		if found, err := structure.Annotate(m.Graph); err != nil || !found {
			return "", problem(http.StatusNotFound, "%s: no blocks are recognised in it", title)
		}
		return report.BlockSheet(m.Graph, title)
	})
}

// graphPicture draws a model's whole graph.
func (s *Server) graphPicture(w http.ResponseWriter, r *http.Request) error {
	return s.drawing(w, r, func(m *wisp.Model, title string) (string, error) { return report.GraphDiagram(m.Graph, title), nil })
}

// drawing answers with a picture of a model, which may be kept or printed by itself.
func (s *Server) drawing(w http.ResponseWriter, r *http.Request, draw func(*wisp.Model, string) (string, error)) error {
	m, err := s.ref(r.URL.Query().Get("m"))
	if err != nil {
		return err
	}
	opened, err := s.open(m)
	if err != nil {
		return err
	}
	defer opened.Close()
	svg, err := draw(opened, m.Title)
	if err != nil {
		return err
	}
	return s.svg(w, svg)
}

func (s *Server) svg(w http.ResponseWriter, svg string) error {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Content-Security-Policy", picturePolicy)
	_, err := io.WriteString(w, svg)
	return err
}
