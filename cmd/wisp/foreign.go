package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
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

// exports are the writers of the formats that foreign engines take.
var exports = map[string]func(w io.Writer, m *wisp.Model, batch int) error{
	".onnx":   exportONNX,
	".tflite": func(w io.Writer, m *wisp.Model, _ int) error { return writeTFLite(w, m) },
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

// Options of a load that say what an engine's file was made from. They stand in the
// description of what was loaded, so that contexts compare.
const (
	ofModel   = "model"
	ofWeights = "weights"
	ofSHA256  = "weights_sha256"
)

// about says what a file that an engine is given was made from: it stands in the
// description of what was loaded, so that contexts compare.
type about struct {
	model, weights, sha256 string
	notes                  []string
}

// foreign gives models to engines other than wisp's own.
type foreign struct {
	app     *app
	models  *modelFlags
	folder  string
	exports map[string]string // files by format, batch and model
	about   map[string]about  // by file
}

// giveInt8 changes a load of a float network that wisp's own engine is to run in integers
// into one of a file of integers, quantized once for the whole measurement: a block's clocks
// are those of opening that file.
func (f *foreign) giveInt8(q runner.LoadRequest) (runner.LoadRequest, error) {
	m, err := wisp.Open(q.Model, f.models.options(wisp.WithWeights(q.Weights))...)
	if err != nil {
		return q, err
	}
	precision := m.Precision()
	m.Close()
	if precision == "int8" {
		return q, nil
	}
	options := maps.Clone(q.Options)
	options["arithmetic"] = cmp.Or(options["arithmetic"], "tflite-xnnpack")
	kernels := q.Kernels
	q, err = f.give(&engineKind{name: "native", takes: []string{".tflite"}}, q)
	q.Kernels, q.Options = kernels, options
	return q, err
}

// give changes a load into one that e takes.
func (f *foreign) give(e *engineKind, q runner.LoadRequest) (runner.LoadRequest, error) {
	name, weights, options := q.Model, q.Weights, q.Options
	q.Weights, q.Arch, q.Kernels, q.Options = "", "", "", nil
	if slices.Contains(e.takes, strings.ToLower(filepath.Ext(name))) {
		if _, ok := f.about[name]; ok {
			return q, nil
		}
		sum, err := hashOf(name)
		f.about[name] = about{name, filepath.Base(name), sum, nil}
		return q, err
	}
	ext := e.takes[0]
	calibrate := options["calibrate"]
	key := fmt.Sprint(ext, " ", q.Precision, " ", calibrate, " ", q.Batch, " ", weights, " ", name)
	if path, ok := f.exports[key]; ok {
		q.Model = path
		return q, nil
	}
	write := exports[ext]
	if write == nil {
		return q, fmt.Errorf("%s: engine %s takes %s files alone", name, e.name, strings.Join(e.takes, ", "))
	}
	m, err := wisp.Open(name, f.models.options(wisp.WithWeights(weights))...)
	if err != nil {
		return q, err
	}
	defer m.Close()
	sum, err := m.WeightsSHA256()
	if err != nil {
		return q, err
	}
	if q.Precision == "int8" && m.Precision() != "int8" {
		if m, err = calibrated(m, calibrate); err != nil {
			return q, err
		}
	}
	if f.folder == "" {
		if f.folder, err = os.MkdirTemp("", "wisp-bench-"); err != nil {
			return q, err
		}
		f.app.atEnd(func() { os.RemoveAll(f.folder) })
	}
	q.Model = filepath.Join(f.folder, fmt.Sprintf("%d%s", len(f.exports), ext))
	if err := writeFile(q.Model, false, func(w io.Writer) error { return write(w, m, q.Batch) }); err != nil {
		return q, err
	}
	f.exports[key] = q.Model
	notes := slices.Clone(m.Notes)
	if e.runner != "" {
		notes = append(notes, fmt.Sprintf("%s ran wisp's own export of %s", e.name, name))
	}
	f.about[q.Model] = about{name, m.Weights.ID, sum, notes}
	return q, nil
}

func hashOf(path string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// foreignProcess describes what it loaded by the name and weights that were asked for.
type foreignProcess struct {
	bench.Process
	about map[string]about
}

func (p foreignProcess) Load(q runner.LoadRequest) (runner.LoadReply, error) {
	r, err := p.Process.Load(q)
	if a, ok := p.about[q.Model]; ok && err == nil {
		r.Model.Model, r.Model.Weights, r.Model.WeightsHash = a.model, a.weights, a.sha256
		r.Model.Notes = append(r.Model.Notes, a.notes...)
	}
	return r, err
}

// launch starts the engines' processes.
func (f *foreign) launch(ctx context.Context, s bench.Subject) (bench.Process, error) {
	e, err := findEngine(s.Engine)
	if err != nil {
		return nil, err
	}
	c, err := e.start(ctx)
	if err != nil {
		return nil, err
	}
	return foreignProcess{c, f.about}, nil
}
