package onnx_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/interp"
	"github.com/wispnet/wisp/internal/optest"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

// roundTrip writes a graph twice, which must give the same bytes, and reads it again.
func roundTrip(t *testing.T, g *graph.Graph) *graph.Graph {
	t.Helper()
	var a, b bytes.Buffer
	if err := onnx.Write(&a, g); err != nil {
		t.Fatal(err)
	}
	if err := onnx.Write(&b, g); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Fatal("two writes gave different bytes")
	}
	m, err := onnx.Read(a.Bytes(), onnx.Options{})
	var lacks *graph.UnsupportedError
	if errors.As(err, &lacks) && !slices.ContainsFunc(lacks.Ops, func(u graph.Unsupported) bool { return !strings.Contains(u.Why, "computed from") }) {
		t.Skipf("the reader has no computed weights: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.Graph
}

// Every operator's cases compute after writing and reading what they computed before.
func TestWriteCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range optest.Cases() {
		for _, stage := range []rewrite.Stage{rewrite.Read, rewrite.Fused} {
			t.Run(c.Name+"/"+string(stage), func(t *testing.T) {
				g, err := rewrite.Until(c.Graph, stage)
				if err != nil {
					t.Fatal(err)
				}
				for i := range g.Nodes {
					seen[g.Nodes[i].Op.Name()] = true
				}
				var lacks *graph.UnsupportedError
				if err := onnx.Write(&bytes.Buffer{}, g); errors.As(err, &lacks) {
					if !slices.ContainsFunc(lacks.Ops, func(u graph.Unsupported) bool { return u.Op != "resize" }) {
						t.Skipf("no ONNX form: %v", err)
					}
				}
				back := roundTrip(t, g)
				if b := c.Inputs[0].Shape; !b.Equal(back.Value(back.Inputs[0]).Type.Shape) {
					if back, err = back.WithBatch(b[0]); err != nil {
						t.Fatal(err)
					}
				}
				got, err := interp.Run(back, c.Inputs)
				if err != nil {
					t.Fatal(err)
				}
				if err := optest.Check(g, c.Inputs, got); err != nil {
					t.Error(err)
				}
			})
		}
	}
	for _, o := range graph.Ops {
		if o.Class != graph.Integer && !seen[o.Zero.Name()] {
			t.Errorf("no case writes %s", o.Zero.Name())
		}
	}
}

// What is written of a fused network fuses again to as many nodes, at any batch.
func TestWriteZoo(t *testing.T) {
	names := []string{"mobilenet_v3_small@64", "shufflenet_v2:0.5@64", "shufflenet_v1_g3:0.5@64"}
	if !testing.Short() {
		names = append(names, "ghostnet@64", "tf_efficientnet_b0@64", "mnasnet_a1@64", "resnet18@64")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			spec, err := zoo.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			g, err := spec.Build(10)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Bind(zoo.Synthetic(1, 1.7)); err != nil {
				t.Fatal(err)
			}
			fused, err := rewrite.Run(g)
			if err != nil {
				t.Fatal(err)
			}
			back := roundTrip(t, fused)
			again, err := rewrite.Run(back)
			if err != nil {
				t.Fatal(err)
			}
			if len(again.Nodes) != len(fused.Nodes) {
				t.Errorf("fuses to %d nodes, want the %d that were written", len(again.Nodes), len(fused.Nodes))
			}
			if _, err := back.WithBatch(3); err != nil {
				t.Errorf("the batch does not change: %v", err)
			}
			in := []*tensor.Tensor{zoo.SyntheticInput(1, tensor.Shape{1, 3, 64, 64}, "input")}
			want, err := interp.Run(fused, in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := interp.Run(back, in)
			if err != nil {
				t.Fatal(err)
			}
			// Both sum in float64 and the operators are the same, but that the reader keeps an
			// Add or Mul apart, which rounds to float32 once more: some ulps of the largest.
			top := float32(0)
			for _, w := range want[0].Float32() {
				top = max(top, w, -w)
			}
			for i, w := range want[0].Float32() {
				if d := got[0].Float32()[i] - w; max(d, -d) > 1e-5*top {
					t.Fatalf("output %d: got %v, want %v", i, got[0].Float32()[i], w)
				}
			}
		})
	}
}

// Weights without data are an error that names them.
func TestWriteUnbound(t *testing.T) {
	spec, err := zoo.Parse("resnet18@64")
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(10)
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Write(&bytes.Buffer{}, g); err == nil {
		t.Error("unbound weights were written")
	}
}
