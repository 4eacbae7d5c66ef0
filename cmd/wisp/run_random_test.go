package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/tensor"
)

// ports grows a small graph whose inputs and outputs have any rank, number and shape.
type ports struct {
	*graph.Builder
	rng    *rand.Rand
	values []graph.ID
	names  int
}

func (p *ports) add(op graph.Op, in ...graph.ID) {
	p.names++
	if id := p.Add(fmt.Sprintf("%s%d", op.Name(), p.names), op, in...); id != graph.None {
		p.values = append(p.values, id)
	}
}

func (p *ports) bound(dims ...int) graph.ID {
	t := tensor.New(tensor.Float32, dims)
	for i := range t.Float32() {
		t.Float32()[i] = float32(p.rng.IntN(9)-4) / 4
	}
	p.names++
	return p.Bound(graph.Constant, fmt.Sprintf("c%d", p.names), t)
}

// step adds an operator to a value; some move the batch away from dimension 0 or let rows
// mix.
func (p *ports) step() {
	rng := p.rng
	x := p.values[rng.IntN(len(p.values))]
	s := p.Type(x).Shape
	axis := 0
	if len(s) > 0 {
		axis = rng.IntN(len(s))
	}
	dims := func(d ...int) graph.Dims { v, _ := graph.DimsOf(d...); return v }
	switch k := rng.IntN(10); {
	case k == 0 || len(s) == 0:
		p.add(graph.Activate{Act: graph.ReLU}, x)
	case k == 1:
		one := slices.Repeat([]int{1}, len(s))
		one[axis] = s[axis]
		if axis == 0 {
			one[0] = 1
		}
		p.add(graph.Binary{Fn: graph.BinaryFn(rng.IntN(3))}, x, p.bound(one...))
	case k == 2:
		p.add(graph.Softmax{Axis: axis}, x)
	case k == 3:
		p.add(graph.Transpose{Perm: dims(rng.Perm(len(s))...)}, x)
	case k == 4 && len(s) < 6: // split a dimension, or leave it to the rest
		to := append(s.Clone(), 1)
		rng.Shuffle(len(to), func(i, j int) { to[i], to[j] = to[j], to[i] })
		if rng.IntN(2) == 0 {
			to[rng.IntN(len(to))] = -1
		}
		p.add(graph.Reshape{To: dims(to...)}, x)
	case k == 5:
		p.add(graph.Flatten{Axis: rng.IntN(len(s) + 1)}, x)
	case k == 6:
		p.add(graph.Reshape{To: dims(-1)}, x)
	case k == 7:
		p.add(graph.Slice{Axis: axis, Start: rng.IntN(s[axis]), End: s[axis], Step: 1 + rng.IntN(2)}, x)
	case k == 8 && len(s) == 2:
		p.add(graph.Linear{}, x, p.bound(1+rng.IntN(4), s[1]))
	default:
		p.add(graph.Concat{Axis: axis}, x, x)
	}
}

// randomPorts draws a graph, an array for each of its inputs in some element type, and the
// number of rows of a single one.
func randomPorts(rng *rand.Rand) (*graph.Graph, []*tensor.Tensor, error) {
	p := &ports{Builder: graph.NewBuilder("ports"), rng: rng}
	batch := 1 + rng.IntN(3)
	count := []int{1, 1, 1, 2, 3}[rng.IntN(5)]
	var arrays []*tensor.Tensor
	rows := batch
	if count == 1 && rng.IntN(2) == 0 {
		rows = 1 + rng.IntN(7)
	}
	for i := range count {
		shape := make(tensor.Shape, rng.IntN(6))
		for d := range shape {
			if shape[d] = 1 + rng.IntN(5); d == 0 && count == 1 {
				shape[d] = batch
			}
		}
		p.values = append(p.values, p.Input(fmt.Sprintf("in%d", i), graph.Type{DType: tensor.Float32, Shape: shape}))
		if len(shape) > 0 && count == 1 {
			shape = append(tensor.Shape{rows}, shape[1:]...)
		}
		t := tensor.New(tensor.Int64, shape)
		for k := range t.Int64() {
			t.Int64()[k] = int64(rng.IntN(2))
		}
		types := []tensor.DType{tensor.Float32, tensor.Float32, tensor.Float64, tensor.Uint8, tensor.Int8, tensor.Int16, tensor.Int32, tensor.Int64, tensor.Bool}
		t, err := t.Exactly(types[rng.IntN(len(types))])
		if err != nil {
			return nil, nil, err
		}
		arrays = append(arrays, t)
	}
	for i := range count { // every input is used
		p.add(graph.Activate{Act: graph.ReLU}, p.values[i])
	}
	for range 1 + rng.IntN(5) {
		p.step()
	}
	outs := []graph.ID{p.values[len(p.values)-1]}
	for _, id := range p.values[count:] {
		if rng.IntN(3) == 0 && id != outs[0] {
			outs = append(outs, id)
		}
	}
	g, err := p.Build(outs...)
	return g, arrays, err
}

// wantOf is what the interpreter gives for the arrays. A file that leaves its batch open has
// all rows at once; one that fixes it is run portion by portion, the last filled up with
// zeros, and the outputs' rows are joined.
func wantOf(g *graph.Graph, in []*tensor.Tensor, open bool) ([]*tensor.Tensor, error) {
	s := g.Value(g.Inputs[0]).Type.Shape
	if len(in) > 1 || len(s) == 0 || in[0].Shape[0] == s[0] {
		return interp.Run(g, in)
	}
	rows, batch := in[0].Shape[0], s[0]
	if open {
		more, err := g.WithBatch(rows)
		if err != nil {
			return nil, err
		}
		return interp.Run(more, in)
	}
	var out []*tensor.Tensor
	for at := 0; at < rows; at += batch {
		n := min(batch, rows-at)
		part := tensor.New(in[0].DType, s)
		part.Copy(0, in[0].Rows(at, at+n))
		got, err := interp.Run(g, []*tensor.Tensor{part})
		if err != nil {
			return nil, err
		}
		for k, t := range got {
			if len(t.Shape) == 0 || t.Shape[0] != batch {
				return nil, errors.New("an output without rows")
			}
			if at == 0 {
				shape := t.Shape.Clone()
				shape[0] = rows
				out = append(out, tensor.New(t.DType, shape))
			}
			out[k].Copy(at, t.Rows(0, n))
		}
	}
	return out, nil
}

// TestRunRandom gives random graphs of random inputs and outputs through wisp run: what it
// prints and writes is the interpreter's, whole, in the file's order; where the rows given
// are not the graph's it may refuse in a line instead.
func TestRunRandom(t *testing.T) {
	seeds := 150
	if testkit.Thorough() {
		seeds = 3000
	}
	refused, read := 0, 0
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 16))
		g, arrays, err := randomPorts(rng)
		if err != nil {
			continue // shapes that do not fit each other
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "m.onnx")
		var b bytes.Buffer
		var unsupported *graph.UnsupportedError
		if err := onnx.Write(&b, g); errors.As(err, &unsupported) {
			continue
		} else if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		args := []string{"run", path, "--json", "--output", filepath.Join(dir, "y.npy")}
		var floats []*tensor.Tensor
		for i, a := range arrays {
			name := filepath.Join(dir, fmt.Sprintf("in%d.npy", i))
			var b bytes.Buffer
			if err := npy.Write(&b, a); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			if len(arrays) > 1 || seed%2 == 0 {
				name = fmt.Sprintf("in%d=%s", i, name)
			}
			args = append(args, "--input", name)
			f, err := a.Exactly(tensor.Float32)
			if err != nil {
				t.Fatal(err)
			}
			floats = append(floats, f)
		}
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
		if code == exitUnsupported { // the reader lacks a form; its own tests say which
			refused++
			continue
		}
		// WriteFixed gives other bytes where the batch is open.
		var closed bytes.Buffer
		if err := onnx.WriteFixed(&closed, g); err != nil {
			t.Fatal(err)
		}
		want, wrong := wantOf(g, floats, !bytes.Equal(closed.Bytes(), b.Bytes()))
		if code != exitDone {
			own := g.Value(g.Inputs[0]).Type.Shape
			if code != exitFailed || len(own) == 0 || floats[0].Shape[0] == own[0] || strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("seed %d: exit code %d: %s\n%v", seed, code, stderr.String(), g)
			}
			continue
		}
		read++
		if wrong != nil {
			t.Errorf("seed %d: ran, want a refusal: %v\n%v", seed, wrong, g)
			continue
		}
		if err := printed(stdout.Bytes(), filepath.Join(dir, "y.npy"), want); err != nil {
			t.Errorf("seed %d: inputs %v: %v\n%v", seed, floats[0].Shape, err, g)
		}
	}
	t.Logf("%d ran, the reader refused %d", read, refused)
	if read < seeds/3 {
		t.Errorf("only %d of %d graphs ran", read, seeds)
	}
}

// printed compares the outputs of a document, in its order, and the file of the first one.
func printed(document []byte, file string, want []*tensor.Tensor) error {
	var d struct{ Outputs json.RawMessage }
	if err := json.Unmarshal(document, &d); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(d.Outputs))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for i, w := range want {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var o struct {
			Shape  []int
			Values []float64
		}
		if err := dec.Decode(&o); err != nil {
			return err
		}
		if err := closeTo(o.Shape, o.Values, w); err != nil {
			return fmt.Errorf("output %d %v: %w", i, name, err)
		}
	}
	if dec.More() {
		return fmt.Errorf("more than %d outputs", len(want))
	}
	y, err := npy.ReadFile(file)
	if err != nil {
		return err
	}
	var values []float64
	for _, v := range y.Floats() {
		values = append(values, float64(v))
	}
	if err := closeTo(y.Shape, values, want[0]); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

func closeTo(shape []int, values []float64, want *tensor.Tensor) error {
	if !want.Shape.Equal(shape) || len(values) != want.Shape.Elements() {
		return fmt.Errorf("got shape %v and %d values, want %v", shape, len(values), want.Shape)
	}
	for i, w := range want.Float32() {
		if d := math.Abs(values[i] - float64(w)); !(d <= 1e-5*(1+math.Abs(float64(w)))) {
			return fmt.Errorf("value %d: got %v, want %v", i, values[i], w)
		}
	}
	return nil
}
