//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// Random networks of integers, and every kind of operator as the first and as the last one of
// a network, are written as ONNX; wisp reads what it wrote and has ONNX Runtime's answers, for
// inputs and outputs of int8, uint8 and float32.
func TestWrittenBytes(t *testing.T) {
	if saturates() {
		t.Setenv("WISP_ORT_EXACT", "1")
	}
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	kinds := len(optest.ByteKinds())
	count := testkit.Random(120)
	for _, d := range []tensor.DType{tensor.Int8, tensor.Uint8} {
		t.Run(d.String(), func(t *testing.T) {
			style := optest.ByteStyle{Type: d}
			w := written{api: a, path: filepath.Join(t.TempDir(), "model.onnx")}
			pairs := 1
			if !testkit.Thorough() {
				pairs = 7 // every seventh
			}
			for k := 0; k < kinds*kinds; k += pairs {
				rng := rand.New(rand.NewPCG(uint64(k), uint64(d)))
				if g, in, ok := optest.BytePair(rng, style, k/kinds, k%kinds); ok {
					w.try(t, fmt.Sprintf("%s, %s", optest.ByteKinds()[k/kinds], optest.ByteKinds()[k%kinds]), g, in)
				}
			}
			for seed := range uint64(count / 2) {
				g, in := optest.RandomBytes(rand.New(rand.NewPCG(seed, uint64(d))), style)
				w.try(t, fmt.Sprintf("seed %d", seed), g, in)
			}
			t.Logf("%d networks: %d refused by the writer, %d with another mean in the middle between two integers", w.total, w.refused, w.middle)
			if w.refused > w.total/10 || w.middle > w.total/20+1 {
				t.Errorf("of %d networks %d were refused and %d have another mean in the middle between two integers", w.total, w.refused, w.middle)
			}
		})
	}
}

// written counts what became of networks.
type written struct {
	*api
	path                   string
	total, refused, middle int
	shown                  int
}

func (w *written) try(t *testing.T, name string, g *graph.Graph, in []*tensor.Tensor) {
	t.Helper()
	w.total++
	show := func(f string, args ...any) {
		if w.shown++; w.shown <= 8 {
			t.Errorf("%s: %s", name, fmt.Sprintf(f, args...))
			if folder := os.Getenv("WISP_RANDOM_KEEP"); folder != "" {
				data, _ := os.ReadFile(w.path)
				os.WriteFile(filepath.Join(folder, fmt.Sprintf("written-%d.onnx", w.shown)), data, 0o644)
			}
		}
	}
	var file bytes.Buffer
	if err := onnx.WriteFixed(&file, g); err != nil {
		w.refused++
		var u *graph.UnsupportedError
		if !errors.As(err, &u) {
			show("%v", err)
		} else {
			t.Logf("%s: %v", name, err)
		}
		return
	}
	if err := os.WriteFile(w.path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	want, err := w.answers(optimizeNothing, g, in)
	if err != nil {
		show("onnxruntime: %v", err)
		return
	}
	r, err := onnx.Read(file.Bytes(), onnx.Options{})
	if err != nil {
		show("reading: %v", err)
		return
	}
	got, err := compute(r.Graph, in, engine.Options{Arithmetic: string(fixed.ONNX)})
	if err != nil {
		show("running: %v", err)
		return
	}
	whole, worst := sameAnswers(r.Graph, got, want)
	if whole && worst == 0 {
		return
	}
	optimized, err := w.answers(optimizeAll, g, in)
	if err != nil {
		show("onnxruntime, optimized: %v", err)
		return
	}
	if equal, off := sameAnswers(r.Graph, got, optimized); equal && off == 0 {
		return
	}
	if averages(g) && whole {
		w.middle++
		return
	}
	show("%v: off by up to %v quanta", g.Nodes[len(g.Nodes)-1].Op.Name(), worst)
}

// averages reports whether a network has means of windows that keep their quanta. Many lie in
// the very middle between two integers, where the last bit of float32 decides: ONNX Runtime
// divides the sum by the number of elements, wisp multiplies by its reciprocal.
func averages(g *graph.Graph) bool {
	return slices.ContainsFunc(g.Nodes, func(n graph.Node) bool { _, ok := n.Op.(graph.AvgPool); return ok })
}

// answers are ONNX Runtime's.
func (w *written) answers(level uintptr, g *graph.Graph, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	s := &session{api: w.api, level: level, q: runner.LoadRequest{Model: w.path, Threads: 1, Batch: in[0].Shape[0]}, anyBatch: true}
	if _, err := s.Build(); err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.MakeInputs(1, 1); err != nil {
		return nil, err
	}
	for i, x := range in {
		copy(bytesOf(s.in[i], s.library[i]), rawOf(x))
	}
	if err := s.Run(0); err != nil {
		return nil, err
	}
	var out []*tensor.Tensor
	for i, id := range g.Outputs {
		v := g.Value(id)
		got, err := tensor.FromBytes(v.Type.DType, v.Type.Shape, bytes.Clone(bytesOf(s.out[i], s.lanes[0].results[i])))
		if err != nil {
			return nil, err
		}
		out = append(out, got)
	}
	return out, nil
}

// compute runs a graph in wisp's engine.
func compute(g *graph.Graph, in []*tensor.Tensor, o engine.Options) ([]*tensor.Tensor, error) {
	p, err := engine.Compile(g, o)
	if err != nil {
		return nil, err
	}
	s, err := p.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out []*tensor.Tensor
	for _, port := range p.Outputs() {
		out = append(out, tensor.New(port.Type.DType, port.Type.Shape))
	}
	return out, s.Run(in, out)
}

// sameAnswers compares outputs: bytes by quanta, floats by their last bits. Whole reports
// whether types and shapes are the same.
func sameAnswers(g *graph.Graph, got, want []*tensor.Tensor) (whole bool, worst float64) {
	for i, w := range want {
		if got[i].DType != w.DType || !got[i].Shape.Equal(w.Shape) {
			return false, math.Inf(1)
		}
		top := 0.0
		for _, v := range w.Floats() {
			top = max(top, math.Abs(float64(v)))
		}
		for k, v := range got[i].Floats() {
			d := math.Abs(float64(v) - float64(w.Floats()[k]))
			if w.DType == tensor.Float32 && d <= 1e-5*top {
				d = 0
			}
			worst = max(worst, d)
		}
	}
	return true, worst
}
