package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/internal/runner"
)

// What a foreign engine is given: the user's own file where it reads that format, else an
// export that is written once for the measurement and removed after it.

// given is a model in the form that one engine takes.
type given struct {
	path            string
	weights, sha256 string // of the model that was asked for, so that contexts compare
	note            string
}

// exports are the writers of the formats that foreign engines take.
var exports = map[string]func(w io.Writer, m *wisp.Model, batch int) error{
	".onnx": exportONNX,
}

// exportONNX writes the fused network at a fixed batch, which spares the engine shapes
// that it would have to find out while it runs.
func exportONNX(w io.Writer, m *wisp.Model, batch int) error {
	g, err := exportable(m)
	if err != nil {
		return err
	}
	if g, err = g.WithBatch(batch); err != nil {
		return fmt.Errorf("%s: at batch %d: %w", m.Name, batch, err)
	}
	return onnx.WriteFixed(w, g)
}

// foreign prepares models for engines other than wisp's own.
type foreign struct {
	app    *app
	models *modelFlags
	batch  int
	folder string
	made   map[string]given // by engine format and model
}

// give returns a model as e takes it.
func (f *foreign) give(e *engineKind, name string) (given, error) {
	if ext := strings.ToLower(filepath.Ext(name)); slices.Contains(e.takes, ext) {
		return asItIs(name)
	}
	ext := e.takes[0]
	if g, ok := f.made[ext+" "+name]; ok {
		return g, nil
	}
	write := exports[ext]
	if write == nil {
		return given{}, fmt.Errorf("%s: engine %s takes %s files alone", name, e.name, strings.Join(e.takes, ", "))
	}
	m, err := wisp.Open(name, f.models.options()...)
	if err != nil {
		return given{}, err
	}
	defer m.Close()
	if f.folder == "" {
		if f.folder, err = os.MkdirTemp("", "wisp-bench-"); err != nil {
			return given{}, err
		}
		f.app.atEnd(func() { os.RemoveAll(f.folder) })
	}
	sum, err := m.WeightsSHA256()
	if err != nil {
		return given{}, err
	}
	g := given{path: filepath.Join(f.folder, fmt.Sprintf("%d%s", len(f.made), ext)), weights: m.Weights.ID, sha256: sum,
		note: fmt.Sprintf("%s ran wisp's own export of %s", e.name, name)}
	if err := writeFile(g.path, false, func(w io.Writer) error { return write(w, m, f.batch) }); err != nil {
		return given{}, err
	}
	f.made[ext+" "+name] = g
	return g, nil
}

// asItIs is a file that the engine reads itself.
func asItIs(path string) (given, error) {
	in, err := os.Open(path)
	if err != nil {
		return given{}, err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return given{}, err
	}
	return given{path: path, weights: filepath.Base(path), sha256: hex.EncodeToString(h.Sum(nil))}, nil
}

// foreignProcess loads what it was given in place of the model's name.
type foreignProcess struct {
	bench.Process
	given given
}

func (p foreignProcess) Load(q runner.LoadRequest) (runner.LoadReply, error) {
	name := q.Model
	q.Model, q.Weights, q.Arch, q.Options = p.given.path, "", "", nil
	r, err := p.Process.Load(q)
	if err != nil {
		return r, err
	}
	r.Model.Model, r.Model.Weights, r.Model.WeightsHash = name, p.given.weights, p.given.sha256
	if p.given.note != "" {
		r.Model.Notes = append(r.Model.Notes, p.given.note)
	}
	return r, nil
}

// launcher starts the engines' processes; give holds what each foreign subject loads.
func launcher(give map[[2]string]given) bench.Launcher {
	return func(ctx context.Context, s bench.Subject) (bench.Process, error) {
		e, err := findEngine(s.Engine)
		if err != nil {
			return nil, err
		}
		c, err := e.start(ctx)
		if err != nil {
			return nil, err
		}
		if e.own() {
			return c, nil
		}
		return foreignProcess{c, give[[2]string{s.Engine, s.Model}]}, nil
	}
}
