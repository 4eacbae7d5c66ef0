//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/tensor"
)

// TestRandomIntegers writes random networks of integers, which none may be refused: what is read
// back must give the numbers of the network, and TensorFlow Lite the bytes of what is read back,
// on the engine and in the interpreter.
func TestRandomIntegers(t *testing.T) {
	a, err := openAPI()
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "model.tflite")
	for _, d := range []tensor.DType{tensor.Int8, tensor.Uint8} {
		t.Run(d.String(), func(t *testing.T) {
			style := optest.ByteStyle{Type: d, TFLite: true}
			kinds, bad := optest.ByteKinds(), 0
			check := func(what string, g *graph.Graph, in []*tensor.Tensor) {
				if err := integersThroughFile(a, path, g, in); err != nil {
					t.Errorf("%s: %v\n%s", what, err, g.Text())
					if bad++; bad == 10 {
						t.Fatal("and more")
					}
				}
			}
			for first := range kinds { // every operator reads the input, and every one computes the output
				for last := range kinds {
					if g, in, ok := optest.BytePair(rand.New(rand.NewPCG(uint64(first), uint64(last))), style, first, last); ok {
						check(kinds[first]+", "+kinds[last], g, in)
					}
				}
			}
			for seed := range count(t, 200) / 2 {
				g, in := optest.RandomBytes(rand.New(rand.NewPCG(uint64(seed), 31)), style)
				check(fmt.Sprintf("seed %d", seed), g, in)
			}
		})
	}
}

// wholeOrder is an array of any type as the file has it: images NHWC.
func wholeOrder(t *tensor.Tensor) []byte {
	switch s := t.Shape; {
	case t.DType == tensor.Float32:
		return fileOrder(t)
	case len(s) == 4:
		t = moved(t, s)
	}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, t.Data)
	return b.Bytes()
}

// moved is an image of bytes with its channels last.
func moved(t *tensor.Tensor, s tensor.Shape) *tensor.Tensor {
	out := tensor.New(t.DType, t.Shape)
	at := 0
	for n := range s[0] {
		for i := range s[2] * s[3] {
			for c := range s[1] {
				from := (n*s[1]+c)*s[2]*s[3] + i
				switch x := t.Data.(type) {
				case []int8:
					out.Data.([]int8)[at] = x[from]
				case []uint8:
					out.Data.([]uint8)[at] = x[from]
				}
				at++
			}
		}
	}
	return out
}

func integersThroughFile(a *api, path string, g *graph.Graph, in []*tensor.Tensor) error {
	var file bytes.Buffer
	if err := tflite.Write(&file, g, ""); err != nil {
		return err
	}
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		return err
	}
	m, err := tflite.Read(file.Bytes())
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	want, err := interp.TraceAs(g, in, fixed.Builtin, nil)
	if err != nil {
		return err
	}
	p, err := engine.Compile(m.Graph, engine.Options{Arithmetic: string(fixed.Builtin)})
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	s, err := p.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	var back []*tensor.Tensor
	for _, port := range p.Outputs() {
		back = append(back, tensor.New(port.Type.DType, port.Type.Shape))
	}
	if err := s.Run(in, back); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	for i := range want {
		if at := differs(wholeOrder(want[i]), wholeOrder(back[i]), want[i].DType); at >= 0 {
			return fmt.Errorf("read back: output %d differs at %d", i, at)
		}
	}
	b, err := backend{a}.Read(runner.LoadRequest{Model: path})
	if err != nil {
		return err
	}
	l, err := b.Build()
	if err != nil {
		return err
	}
	r := l.(*session)
	defer r.Close()
	var set [][]byte
	for _, t := range in {
		set = append(set, wholeOrder(t))
	}
	r.inputs = [][][]byte{set}
	if err := r.Run(0); err != nil {
		return err
	}
	if len(r.out) != len(back) {
		return fmt.Errorf("TensorFlow Lite gives %d outputs, want %d", len(r.out), len(back))
	}
	for i := range back {
		if at := differs(r.out[i].data, wholeOrder(back[i]), back[i].DType); at >= 0 {
			return fmt.Errorf("TensorFlow Lite: output %d differs at %d: got %v, want %v", i, at, r.out[i].data, wholeOrder(back[i]))
		}
	}
	return nil
}

// differs is where integers differ at all, or real numbers in more than their last bits; −1
// where they do not.
func differs(a, b []byte, d tensor.DType) int {
	if len(a) != len(b) {
		return 0
	}
	if d != tensor.Float32 {
		for i := range a {
			if a[i] != b[i] {
				return i
			}
		}
		return -1
	}
	x, y := floats(a), floats(b)
	for i := range x {
		if math.Abs(float64(x[i]-y[i])) > 1e-6*math.Abs(float64(y[i])) {
			return i
		}
	}
	return -1
}
