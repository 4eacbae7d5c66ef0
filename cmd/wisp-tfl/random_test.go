//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
)

// fileOrder is an array as the file has it: images NHWC.
func fileOrder(t *tensor.Tensor) []byte {
	x := t.Float32()
	if s := t.Shape; len(s) == 4 {
		x = make([]float32, len(x))
		at, area := 0, s[2]*s[3]
		for n := range s[0] {
			for i := range area {
				for c := range s[1] {
					x[at] = t.Float32()[(n*s[1]+c)*area+i]
					at++
				}
			}
		}
	}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, x)
	return b.Bytes()
}

// graphOrder is a port of the file as the graph has it.
func graphOrder(p port, want tensor.Shape) (*tensor.Tensor, error) {
	x := floats(p.data)
	if len(want) != 4 {
		if !tensor.Shape(p.Shape).Equal(want) || len(x) != want.Elements() {
			return nil, fmt.Errorf("%q: got shape %v, want %v", p.Name, p.Shape, want)
		}
		return tensor.Of(want, x), nil
	}
	n, c, area := want[0], want[1], want[2]*want[3]
	if !tensor.Shape(p.Shape).Equal(tensor.Shape{n, want[2], want[3], c}) {
		return nil, fmt.Errorf("%q: got shape %v, want %v as NHWC", p.Name, p.Shape, want)
	}
	t := tensor.New(tensor.Float32, want)
	for i, v := range x {
		image, pixel, channel := i/(area*c), i/c%area, i%c
		t.Float32()[(image*c+channel)*area+pixel] = v
	}
	return t, nil
}

// ask runs a file of TensorFlow Lite on inputs in the graph's order.
func ask(a *api, path string, g *graph.Graph, in []*tensor.Tensor) ([]*tensor.Tensor, error) {
	b, err := backend{a}.Read(runner.LoadRequest{Model: path})
	if err != nil {
		return nil, err
	}
	l, err := b.Build()
	if err != nil {
		return nil, err
	}
	s := l.(*session)
	defer s.Close()
	var set [][]byte
	for _, t := range in {
		set = append(set, fileOrder(t))
	}
	s.inputs = [][][]byte{set}
	if err := s.Run(0); err != nil {
		return nil, err
	}
	if len(s.out) != len(g.Outputs) {
		return nil, fmt.Errorf("got %d outputs, want %d", len(s.out), len(g.Outputs))
	}
	var out []*tensor.Tensor
	for i, p := range s.out {
		t, err := graphOrder(p, g.Value(g.Outputs[i]).Type.Shape)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// count is how many random networks a test draws: few by default, WISP_RANDOM where it is
// set.
func count(t *testing.T, few int) int {
	if n, err := strconv.Atoi(os.Getenv("WISP_RANDOM")); err == nil {
		return n
	}
	if testkit.Thorough() {
		return 10 * few
	}
	return few
}

// TestRandom writes random float networks, which none may be refused, and holds TensorFlow
// Lite's answers against those of the network that is read back, within its bound, and the
// latter against the network itself.
func TestRandom(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "model.tflite")
	for name, draw := range map[string]func(*rand.Rand) (*graph.Graph, []*tensor.Tensor){"random": optest.Random, "ranks": optest.Ranks} {
		t.Run(name, func(t *testing.T) {
			bad := 0
			seeds := []int{14672, 19862} // broadcast along six dimensions
			for seed := range count(t, 60) {
				seeds = append(seeds, seed)
			}
			for _, seed := range seeds {
				g, in := draw(rand.New(rand.NewPCG(uint64(seed), 21)))
				if err := throughFile(a, path, g, in); err != nil {
					t.Errorf("seed %d: %v", seed, err)
					if bad++; bad == 20 {
						t.Fatal("and more")
					}
				}
			}
		})
	}
}

// throughFile holds the answers of a network against those of the file that it is written as:
// as it is read back, and as TensorFlow Lite runs it.
func throughFile(a *api, path string, g *graph.Graph, in []*tensor.Tensor) error {
	fused, err := rewrite.Run(g)
	if err != nil {
		return err
	}
	p, err := quant.Plain(fused)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := tflite.Write(&file, p, ""); err != nil {
		return err
	}
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		return err
	}
	m, err := tflite.Read(file.Bytes())
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	want, err := optest.Expect(g, in)
	if err != nil {
		return err
	}
	back, err := optest.Expect(m.Graph, in)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	for i := range want {
		both := make(optest.Bound, len(want[i].Bound))
		for k := range both {
			both[k] = want[i].Bound[k] + back[i].Bound[k]
		}
		if err := optest.Compare(back[i].Want, want[i].Want, both); err != nil {
			return fmt.Errorf("read back: output %d: %w", i, err)
		}
	}
	got, err := ask(a, path, g, in)
	if err != nil {
		return err
	}
	for i := range want {
		if err := optest.Compare(got[i], back[i].Want, back[i].Bound); err != nil {
			return fmt.Errorf("TensorFlow Lite: output %d: %w", i, err)
		}
	}
	return nil
}

// TestFaults writes the reproductions of what once went wrong.
func TestFaults(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	files, _ := filepath.Glob(filepath.Join(testkit.Shared(t, "faults", "tflite_broadcast"), "*.onnx"))
	files = append(files, testkit.Shared(t, "faults", "convert-writes-unloadable-tflite", "pixelshuffle.onnx"))
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Read(data, onnx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 1))
			in := tensor.New(tensor.Float32, m.Graph.Value(m.Graph.Inputs[0]).Type.Shape)
			for i := range in.Float32() {
				in.Float32()[i] = float32(rng.NormFloat64())
			}
			if err := throughFile(a, filepath.Join(t.TempDir(), "model.tflite"), m.Graph, []*tensor.Tensor{in}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestScalars: numbers without dimensions between others and as outputs.
func TestScalars(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	b := graph.NewBuilder("scalars")
	x := b.Input("x", graph.F32(1, 1, 2, 3))
	one := b.Add("one", graph.Slice{Axis: 3, End: 1, Step: 1}, b.Add("row", graph.Slice{Axis: 2, End: 1, Step: 1}, x))
	s := b.Add("scalar", graph.Reshape{}, one)
	s = b.Add("twice", graph.Binary{Fn: graph.Add, Act: graph.Clip(-0.25, 0.75)}, s, b.Bound(graph.Constant, "c", tensor.Of(nil, []float32{0.5})))
	g, err := b.Build(s, b.Add("sum", graph.Binary{Fn: graph.Add}, x, s), x)
	if err != nil {
		t.Fatal(err)
	}
	in := tensor.Of(tensor.Shape{1, 1, 2, 3}, []float32{0.125, 1, 2, 3, 4, 5})
	if err := throughFile(a, filepath.Join(t.TempDir(), "model.tflite"), g, []*tensor.Tensor{in}); err != nil {
		t.Error(err)
	}
}
