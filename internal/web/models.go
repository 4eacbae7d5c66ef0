package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wispnet/wisp/zoo"
)

// modelsBody is the view of all models: the files of the command line, then the zoo.
type modelsBody struct {
	Query    string
	Family   string
	Families []string
	Files    []fileRow
	Rows     []zooRow
	Total    int
}

type fileRow struct {
	ref
	Params, MACs int64
	What         string // the network that it is
	Why          string // it cannot be opened
}

func (s *Server) showModels(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	zoos := zooRows()
	if zoos.err != nil {
		return zoos.err
	}
	q := r.URL.Query()
	b := modelsBody{Query: strings.TrimSpace(q.Get("q")), Family: q.Get("family"), Families: zoo.Families, Total: len(zoos.models)}
	for _, row := range zoos.models {
		m := row.Model
		if strings.Contains(m.Name+" "+m.Family+" "+strings.ToLower(m.Title), strings.ToLower(b.Query)) && (b.Family == "" || b.Family == m.Family) {
			b.Rows = append(b.Rows, row)
		}
	}
	// A whole name of another width or size is a network too.
	if row, err := s.rowNamed(b.Query); err == nil && !slices.ContainsFunc(b.Rows, func(r zooRow) bool { return r.Name == row.Name }) {
		b.Rows = append([]zooRow{row}, b.Rows...)
	}
	command := []string{"list"}
	switch {
	case len(b.Rows) == 1 && b.Rows[0].Name == b.Query: // a network is shown, not listed
		command = []string{"show", b.Query}
	case b.Query == "" && b.Family != "":
		command = append(command, "--family", b.Family)
	case b.Family != "":
		command = append(command, "--family", b.Family, "--", b.Query)
	case b.Query != "":
		command = append(command, b.Query)
		if strings.HasPrefix(b.Query, "-") {
			command = []string{"list", "--", b.Query}
		}
	}
	switch form {
	case "json":
		return s.verb(w, r, "application/json", append([]string{command[0], "--json"}, command[1:]...)...)
	case "csv":
		rows := [][]string{{"model", "family", "title", "year", "designed", "input_size", "params", "macs", "bytes_float32", "published_top1", "published_top5", "paper"}}
		for _, x := range b.Rows {
			rows = append(rows, []string{x.Name, x.Model.Family, x.Model.Title, fmt.Sprint(x.Model.Year), x.Model.Designed, fmt.Sprint(x.Spec.H),
				fmt.Sprint(x.Params), fmt.Sprint(x.MACs), fmt.Sprint(x.Bytes), orEmpty(x.Top1), orEmpty(x.Top5), x.Model.Paper})
		}
		return s.csv(w, "models", rows)
	}
	for i := range s.Files {
		b.Files = append(b.Files, s.fileRow(i))
	}
	return s.html(w, r, "models", &page{Title: "Models", Command: command, Forms: []string{"json", "csv"}, Scripts: []string{"live.js"}, Body: &b})
}

// rowNamed is the row of a network by its whole name.
func (s *Server) rowNamed(text string) (zooRow, error) {
	m, err := s.ref(text)
	if err != nil || m.File {
		return zooRow{}, problem(http.StatusNotFound, "%.80s: no network", text)
	}
	opened, err := s.open(m) // bounded in size
	if err != nil {
		return zooRow{}, err
	}
	opened.Close()
	return rowOf(m.ID)
}

// fileRow looks at a file of the command line.
func (s *Server) fileRow(i int) fileRow {
	row := fileRow{ref: s.fileRef(i)}
	m, err := s.open(row.ref)
	if err != nil {
		row.Why = oneLine(err)
		return row
	}
	defer m.Close()
	c, err := countOf(m)
	if err != nil {
		row.Why = oneLine(err)
		return row
	}
	row.Params, row.MACs = c.Params, c.MACs
	switch {
	case m.Spec != nil:
		row.What = m.Spec.String()
	case m.File != nil:
		row.What = "a graph of its own (" + m.File.Format + ")"
	}
	return row
}

// options are the names that a form offers; the chosen ones first that are not among them.
func (s *Server) options(chosen ...string) []ref {
	var out, first []ref
	for i := range s.Files {
		out = append(out, s.fileRef(i))
	}
	for _, row := range zooRows().widths {
		out = append(out, ref{ID: row.Name, Arg: row.Name, Title: row.Name})
	}
	for _, c := range chosen {
		if m, err := s.ref(c); err == nil && !slices.ContainsFunc(append(first, out...), func(o ref) bool { return o.ID == m.ID }) {
			first = append(first, m)
		}
	}
	return append(first, out...)
}
