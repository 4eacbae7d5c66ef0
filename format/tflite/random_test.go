package tflite_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wispnet/wisp/format/tflite"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
)

// Random float networks are written, none is refused, and what is read back has the answers
// of the network within the bounds of both. cmd/wisp-tfl asks TensorFlow Lite itself.
func TestRandom(t *testing.T) {
	n := 60
	if testkit.Thorough() {
		n = 1000
	}
	for name, draw := range map[string]func(*rand.Rand) (*graph.Graph, []*tensor.Tensor){"random": optest.Random, "ranks": optest.Ranks} {
		t.Run(name, func(t *testing.T) {
			for seed := range n {
				g, in := draw(rand.New(rand.NewPCG(uint64(seed), 22)))
				if err := thereAndBack(g, in); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
}

func thereAndBack(g *graph.Graph, in []*tensor.Tensor) error {
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
	m, err := tflite.Read(file.Bytes())
	if err != nil {
		return err
	}
	if err := m.Graph.Validate(); err != nil {
		return err
	}
	want, err := optest.Expect(g, in)
	if err != nil {
		return err
	}
	got, err := optest.Expect(m.Graph, in)
	if err != nil {
		return err
	}
	for i := range want {
		both := make(optest.Bound, len(want[i].Bound))
		for k := range both {
			both[k] = want[i].Bound[k] + got[i].Bound[k]
		}
		if err := optest.Compare(got[i].Want, want[i].Want, both); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
		if a, b := p.Value(p.Outputs[i]).Name, m.Graph.Value(m.Graph.Outputs[i]).Name; a != b && i == 0 {
			return fmt.Errorf("output %d is named %q, want %q", i, b, a)
		}
	}
	return nil
}

// Shapes that broadcast along more dimensions than TensorFlow Lite's arithmetic does.
func TestBroadcastManyDimensions(t *testing.T) {
	for _, c := range [][]int{{1, 2, 1, 2, 1, 2}, {2, 1, 3, 1, 2, 1}, {2, 1, 1, 2, 1, 1}} {
		b := graph.NewBuilder("broadcast")
		x := b.Input("x", graph.F32(2, 1, 3, 2, 1, 2))
		k := tensor.New(tensor.Float32, c)
		for i := range k.Float32() {
			k.Float32()[i] = float32(i) - 3
		}
		g, err := b.Build(b.Add("y", graph.Binary{Fn: graph.Sub}, b.Bound(graph.Constant, "c", k), x))
		if err != nil {
			t.Fatal(err)
		}
		v := tensor.New(tensor.Float32, tensor.Shape{2, 1, 3, 2, 1, 2})
		for i := range v.Float32() {
			v.Float32()[i] = float32(i%7) - 2
		}
		if err := thereAndBack(g, []*tensor.Tensor{v}); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// An image beside a constant of fewer dimensions, or of one element along some: shapes align
// in the graph's order, whatever the file's is.
func TestBroadcast(t *testing.T) {
	for _, c := range []struct{ x, c []int }{
		{[]int{1, 3, 8, 8}, []int{3, 1, 1}}, {[]int{1, 3, 8, 8}, []int{8}}, {[]int{1, 8, 4, 8}, []int{8}}, {[]int{1, 8, 8, 8}, []int{1, 1, 8}},
		{[]int{1, 8, 8, 8}, []int{8, 1}}, {[]int{1, 3, 8, 8}, []int{8, 8}}, {[]int{1, 8, 8, 8}, []int{8, 8}}, {[]int{1, 3, 8, 8}, []int{3, 8, 8}},
		{[]int{1, 3, 8, 8}, []int{1, 8, 8}}, {[]int{1, 3, 8, 8}, []int{1, 3, 1, 1}}, {[]int{1, 3, 8, 8}, []int{1}}, {[]int{1, 3, 8, 8}, nil}, {[]int{2, 8}, []int{8}},
	} {
		for _, fn := range []graph.BinaryFn{graph.Add, graph.Sub, graph.Mul, graph.Div} {
			b := graph.NewBuilder("broadcast")
			x := b.Input("x", graph.F32(c.x...))
			k := tensor.New(tensor.Float32, c.c)
			for i := range k.Float32() {
				k.Float32()[i] = float32(i)*0.25 + 1
			}
			in := []graph.ID{x, b.Bound(graph.Constant, "c", k)}
			if fn == graph.Sub {
				in[0], in[1] = in[1], in[0]
			}
			g, err := b.Build(b.Add("y", graph.Binary{Fn: fn}, in...))
			if err != nil {
				t.Fatal(err)
			}
			v := tensor.New(tensor.Float32, c.x)
			for i := range v.Float32() {
				v.Float32()[i] = float32(i%23) - 11
			}
			if err := thereAndBack(g, []*tensor.Tensor{v}); err != nil {
				t.Errorf("%v beside %v, %v: %v", c.x, c.c, fn, err)
			}
		}
	}
}
