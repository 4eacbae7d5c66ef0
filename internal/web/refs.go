package web

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/zoo"
)

// Which models a request can name: a network of the zoo by its grammar, or a file of the
// command line by its number. A path is neither.

// ref is a model that a request names.
type ref struct {
	ID    string // as addresses write it: ghostnet:0.5@128, file:1
	Arg   string // as a command line writes it
	Title string // as people read it
	File  bool
}

// name is what can stand in the grammar of the zoo's names; no path can.
var name = regexp.MustCompile(`^[a-z0-9_]+[a-z0-9_:.,=@x]*$`)

const maxName = 80

// ref reads the name of a model in a request.
func (s *Server) ref(text string) (ref, error) {
	if n, ok := strings.CutPrefix(text, "file:"); ok {
		i, err := strconv.Atoi(n)
		if err != nil || i < 1 || i > len(s.Files) {
			return ref{}, problem(http.StatusNotFound, "%.80s: %d files were given on the command line", text, len(s.Files))
		}
		return s.fileRef(i - 1), nil
	}
	if len(text) > maxName || !name.MatchString(text) {
		return ref{}, problem(http.StatusBadRequest, "%.80q is no name of a network: want NAME[:WIDTH][@SIZE], as the list of models has them", text)
	}
	spec, err := zoo.Parse(text)
	if err != nil {
		return ref{}, err
	}
	// A name in one spelling: a file of that name in the server's folder is not meant by it.
	if _, err := zoo.Find(spec.Name); err != nil {
		return ref{}, err
	}
	return ref{ID: text, Arg: text, Title: text}, nil
}

func (s *Server) fileRef(i int) ref {
	return ref{ID: fmt.Sprintf("file:%d", i+1), Arg: s.Files[i], Title: filepath.Base(s.Files[i]), File: true}
}

// named are the names in a form's lists (m) and in its line of further ones (more).
func named(form url.Values) []string {
	out := slices.Clone(form["m"])
	for _, text := range form["more"] {
		out = append(out, strings.Fields(text)...)
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// refs reads all models that a form names, each once and at most most of them.
func (s *Server) refs(form url.Values, most int) ([]ref, error) {
	var out []ref
	for _, text := range named(form) {
		m, err := s.ref(text)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o ref) bool { return o.ID == m.ID }) {
			continue
		}
		if out = append(out, m); len(out) > most {
			return nil, problem(http.StatusBadRequest, "more than %d models are named: choose fewer", most)
		}
	}
	return out, nil
}

// The largest network that a request may have built or run: what a name can ask for is
// far larger than any published network.
const (
	maxParams = 200e6
	maxMACs   = 100e9
)

// open opens a model that a request names, bounded in size. Its caller closes it.
func (s *Server) open(m ref) (*wisp.Model, error) {
	if !m.File {
		spec, err := zoo.Parse(m.Arg)
		if err != nil {
			return nil, err
		}
		if w, side := spec.Width, max(spec.H, spec.W); w > 4 || side > 2048 || spec.Phi > 8 || spec.Ratio > 16 {
			return nil, problem(http.StatusUnprocessableEntity, "%s: width %v at %d×%d is larger than this page draws: want a width of 4 and a side of 2048 at most", m.Title, w, spec.H, spec.W)
		}
	}
	opened, err := wisp.Open(m.Arg)
	if err != nil {
		return nil, hidePath(err, m)
	}
	t, err := cost.Count(opened.Graph)
	if err == nil && (t.Params > maxParams || t.MACs > maxMACs) {
		err = problem(http.StatusUnprocessableEntity, "%s: %d parameters and %d MACs are more than this page takes: use the command line", m.Title, t.Params, t.MACs)
	}
	if err != nil {
		opened.Close()
		return nil, err
	}
	return opened, nil
}

// hidePath writes a file's name instead of its path into an error.
func hidePath(err error, m ref) error {
	if !m.File || m.Arg == m.Title {
		return err
	}
	return problem(statusOf(err), "%s", strings.ReplaceAll(oneLine(err), m.Arg, m.Title))
}

// zooRow is a network of the zoo with its counts.
type zooRow struct {
	Name  string // as addresses write it
	Model zoo.Model
	Spec  zoo.Spec
	cost.Totals
	Bytes      int64 // of the weights in float32
	Top1, Top5 *float64
	Accuracy   string // whose figures they are
}

// zooTable is the zoo: every network, and every width of those without tf_ or timm_.
type zooTable struct {
	models, widths []zooRow
	err            error
}

var zooRows = sync.OnceValue(func() zooTable {
	var t zooTable
	for _, m := range zoo.All {
		row, err := rowOf(m.Name)
		if err != nil {
			return zooTable{err: err}
		}
		t.models = append(t.models, row)
		if m.Form != zoo.Bare {
			continue
		}
		t.widths = append(t.widths, row)
		for _, w := range m.Widths {
			if w == m.Spec().Width {
				continue
			}
			row, err := rowOf(fmt.Sprintf("%s:%v", m.Name, w))
			if err != nil {
				return zooTable{err: err}
			}
			t.widths = append(t.widths, row)
		}
	}
	return t
})

func rowOf(text string) (zooRow, error) {
	spec, err := zoo.Parse(text)
	if err != nil {
		return zooRow{}, err
	}
	g, err := spec.Build(1000)
	if err != nil {
		return zooRow{}, err
	}
	row := zooRow{Name: text, Model: spec.Model(), Spec: spec}
	if row.Totals, err = cost.Count(g); err != nil {
		return zooRow{}, err
	}
	row.Bytes = 4 * row.Params
	figures, why := spec.Figures()
	if row.Accuracy = why; why != "" {
		row.Accuracy = "none: " + why
	}
	for _, p := range figures {
		if p.Top1 > 0 {
			row.Top1, row.Accuracy = &p.Top1, p.Weights+", "+p.Precision+"; "+p.Source
			if p.Top5 > 0 {
				row.Top5 = &p.Top5
			}
			break
		}
	}
	return row, nil
}
