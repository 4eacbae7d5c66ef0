package engines

import (
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
	"github.com/wispnet/wisp/internal/export"
	"github.com/wispnet/wisp/internal/native"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/quant"
)

// What a foreign engine is given: the user's own file where it reads that format, else an
// export that is written once for the measurement and removed after it.

// exports are the writers of the formats that foreign engines take.
var exports = map[string]func(w io.Writer, m *wisp.Model, batch int) error{
	".onnx":   exportONNX,
	".tflite": func(w io.Writer, m *wisp.Model, _ int) error { return export.TFLite(w, m, "") },
}

// exportONNX writes the fused network at a fixed batch, which spares the engine shapes
// that it would have to find out while it runs.
func exportONNX(w io.Writer, m *wisp.Model, batch int) error {
	g, err := m.Fused()
	if err != nil {
		return err
	}
	if g, err = g.AtBatch(max(1, batch)); err != nil {
		return fmt.Errorf("%s: at batch %d: %w", m.Name, batch, err)
	}
	return onnx.WriteFixed(w, g)
}

// About says what a file that an engine is given was made from: it stands in the
// description of what was loaded, so that contexts compare.
type About struct {
	Model, Weights, SHA256 string
	Quantization           string // the identity of integers that were made here
	Notes                  []string
	Inputs                 []wisp.Port // of the model behind an export, whose own order of dimensions may be another
}

// order gives the inputs of an export the model's own order of dimensions, so that engines
// that take one picture in different orders compare.
func (a *About) order(ports []runner.Port) {
	for i := range ports {
		if i >= len(a.Inputs) || len(ports[i].Shape) != len(a.Inputs[i].Shape) || len(ports[i].Shape) == 0 {
			continue
		}
		own := append([]int{ports[i].Shape[0]}, a.Inputs[i].Shape[1:]...)
		if slices.Equal(slices.Sorted(slices.Values(own)), slices.Sorted(slices.Values(ports[i].Shape))) {
			ports[i].Shape = own
		}
	}
}

// Giver gives models to engines in a format that they read. Close removes what it wrote.
type Giver struct {
	// Options open a model as the user asked.
	Options []wisp.Option
	// Quantized holds what became of the layers of each float model that was given in
	// integers, by the model's name.
	Quantized map[string][]quant.Layer
	// Guesses warn of models that photographs calibrated by a recipe that is a guess.
	Guesses []string

	folder  string
	exports map[string]string // files by format, batch and model
	about   map[string]About  // by file
}

// NewGiver makes a Giver of models that are opened with options.
func NewGiver(options ...wisp.Option) *Giver {
	return &Giver{Options: options, Quantized: map[string][]quant.Layer{}, exports: map[string]string{}, about: map[string]About{}}
}

// Close removes the exports.
func (f *Giver) Close() {
	if f.folder != "" {
		os.RemoveAll(f.folder)
		f.folder = ""
	}
}

// Call has what is loaded from a file described as something else: a user's own name for it,
// not that of a cache.
func (f *Giver) Call(path string, a About) { f.about[path] = a }

// Int8 writes a float model as a TensorFlow Lite file of 8-bit integers, calibrated on the
// images of a folder, or on synthetic inputs where it is "".
func (f *Giver) Int8(m *wisp.Model, weights, calibrate string) (path string, err error) {
	q, err := f.give(&Kind{Name: "native", Takes: []string{".tflite"}},
		runner.LoadRequest{Model: m.Name, Weights: weights, Precision: "int8", Options: map[string]string{"calibrate": calibrate}})
	return q.Model, err
}

func (f *Giver) open(name, weights string) (*wisp.Model, error) {
	return wisp.Open(name, append(slices.Clone(f.Options), wisp.WithWeights(weights))...)
}

// giveInt8 changes a load of a float network that wisp's own engine is to run in integers
// into one of a file of integers, quantized once for the whole measurement: a block's clocks
// are those of opening that file.
func (f *Giver) giveInt8(q runner.LoadRequest) (runner.LoadRequest, error) {
	m, err := f.open(q.Model, q.Weights)
	if err != nil {
		return q, err
	}
	precision := m.Precision()
	m.Close()
	if precision == "int8" {
		return q, nil
	}
	options, kernels := maps.Clone(q.Options), q.Kernels
	q, err = f.give(&Kind{Name: "native", Takes: []string{".tflite"}}, q)
	q.Kernels, q.Options = kernels, options
	return q, err
}

// give changes a load into one that e takes.
func (f *Giver) give(e *Kind, q runner.LoadRequest) (runner.LoadRequest, error) {
	name, weights, options := q.Model, q.Weights, q.Options
	q.Weights, q.Arch, q.Kernels, q.Options = "", "", "", nil
	if slices.Contains(e.Takes, strings.ToLower(filepath.Ext(name))) {
		if m, err := f.open(name, ""); err == nil { // what wisp cannot read is labelled as asked
			q.Precision = m.Precision()
			m.Close()
		}
		if _, ok := f.about[name]; ok {
			return q, nil
		}
		sum, err := HashOf(name)
		f.about[name] = About{Model: name, Weights: filepath.Base(name), SHA256: sum}
		return q, err
	}
	ext := e.Takes[0]
	calibrate := options["calibrate"]
	key := fmt.Sprint(ext, " ", q.Precision, " ", calibrate, " ", q.Batch, " ", weights, " ", name)
	if path, ok := f.exports[key]; ok {
		q.Model = path
		return q, nil
	}
	write := exports[ext]
	if write == nil {
		return q, fmt.Errorf("%s: engine %s takes %s files alone", name, e.Name, strings.Join(e.Takes, ", "))
	}
	m, err := f.open(name, weights)
	if err != nil {
		return q, err
	}
	defer m.Close()
	sum, err := m.WeightsSHA256()
	if err != nil {
		return q, err
	}
	if q.Precision == "int8" && m.Precision() != "int8" {
		var r *quant.Result
		if m, r, err = native.Calibrated(m, calibrate); err != nil {
			return q, err
		}
		f.Quantized[name] = r.Layers
		if w := m.GuessWarning(); calibrate != "" && w != "" && !slices.Contains(f.Guesses, w) {
			f.Guesses = append(f.Guesses, w)
		}
	}
	if f.folder == "" {
		if f.folder, err = os.MkdirTemp("", "wisp-bench-"); err != nil {
			return q, err
		}
	}
	q.Model = filepath.Join(f.folder, fmt.Sprintf("%d%s", len(f.exports), ext))
	out, err := os.Create(q.Model) // in a folder of our own
	if err != nil {
		return q, err
	}
	err = write(out, m, q.Batch)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return q, err
	}
	f.exports[key] = q.Model
	notes := slices.Clone(m.Notes)
	if e.Runner != "" {
		notes = append(notes, fmt.Sprintf("%s ran wisp's own export of %s", e.Name, name))
	}
	about := About{Model: name, Weights: m.Weights.ID, SHA256: sum, Notes: notes, Inputs: m.Inputs()}
	if m.Quantized != nil {
		about.Quantization = m.Quantized.SHA256()
	}
	f.about[q.Model] = about
	return q, nil
}

// HashOf is a file's SHA-256 in hexadecimal digits.
func HashOf(path string) (string, error) {
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

// named describes what it loaded by the name and weights that were asked for.
type named struct {
	bench.Process
	about map[string]About
}

func (p named) Load(q runner.LoadRequest) (runner.LoadReply, error) {
	r, err := p.Process.Load(q)
	a, ok := p.about[q.Model]
	if !ok {
		a, ok = p.about[q.Weights]
	}
	if ok && err == nil {
		r.Model.Model, r.Model.Weights, r.Model.WeightsHash, r.Model.Quantization = a.Model, a.Weights, a.SHA256, a.Quantization
		r.Model.Notes = append(r.Model.Notes, a.Notes...)
		a.order(r.Model.Inputs)
	}
	return r, err
}

// Naming has processes describe what they load by the name and weights that were asked for.
func (f *Giver) Naming(launch bench.Launcher) bench.Launcher {
	return func(ctx context.Context, s bench.Subject) (bench.Process, error) {
		p, err := launch(ctx, s)
		if err != nil {
			return nil, err
		}
		return named{p, f.about}, nil
	}
}

// Launch starts the engines' processes.
func (f *Giver) Launch(ctx context.Context, s bench.Subject) (bench.Process, error) {
	e, err := Find(s.Engine)
	if err != nil {
		return nil, err
	}
	c, err := e.Start(ctx)
	if err != nil {
		return nil, err
	}
	return named{c, f.about}, nil
}
