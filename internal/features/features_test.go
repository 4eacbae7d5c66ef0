package features

import (
	"errors"
	"math"
	"testing"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

func ghostnet(t *testing.T) *graph.Graph {
	t.Helper()
	spec, err := zoo.Parse("ghostnet:0.5@64")
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(10)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Bind(zoo.Synthetic(1, 1)); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGhosts: the pairs of a ghost module are those of its depthwise convolution, and a
// depthwise convolution that copies makes perfect ghosts.
func TestGhosts(t *testing.T) {
	g := ghostnet(t)
	layer := Default(g)
	if layer != "blocks.0.0.ghost1.cat" {
		t.Fatalf("default layer %q, want the first ghost module", layer)
	}
	w := g.Value(g.Find("blocks.0.0.ghost1.cheap_operation.0.weight"))
	kernel := make([]float32, w.Type.Shape.Elements())
	for c := range w.Type.Shape[0] {
		kernel[9*c+4] = 2 // twice the map itself; batch norm shifts and scales it
	}
	w.Data = tensor.Of(w.Type.Shape, kernel)
	// Without the activation behind it the copy is exact.
	for i := range g.Nodes {
		if g.Nodes[i].Name == "blocks.0.0.ghost1.cheap_operation.2" {
			g.Nodes[i].Op = graph.Identity{}
		}
	}
	in := zoo.SyntheticInput(1, g.Value(g.Inputs[0]).Type.Shape, "input")
	m, err := Extract(g, []*tensor.Tensor{in}, layer, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.C != 8 || m.H != 32 || m.W != 32 || len(m.Ghosts) != 4 {
		t.Fatalf("got %d maps of %d×%d with %d ghosts, want 8 of 32×32 with 4", m.C, m.H, m.W, len(m.Ghosts))
	}
	alive := 0
	for i, p := range m.Ghosts {
		if p.From != i || p.To != i+4 {
			t.Errorf("ghost %d: got %d of %d, want %d of %d", i, p.To, p.From, i+4, i)
		}
		if m.standard(p.From) == nil {
			continue // a map that ReLU leaves nothing of
		}
		alive++
		if math.Abs(math.Abs(p.Correlation)-1) > 1e-5 {
			t.Errorf("ghost %d: correlation %v, want ±1", i, p.Correlation)
		}
	}
	if alive == 0 {
		t.Error("every map is constant: the test says nothing")
	}
	if alike, _ := m.Redundant(m.Pairs()); alike < 2*alive {
		t.Errorf("%d maps are redundant, want at least %d", alike, 2*alive)
	}
}

func TestPairs(t *testing.T) {
	m := &Maps{C: 4, H: 1, W: 4, Values: []float32{
		0, 1, 2, 3,
		5, 5, 5, 5, // constant
		3, 2, 1, 0, // the first, upside down
		0, 1, 0, 1,
	}}
	pairs := m.Pairs()
	if len(pairs) != 2 || pairs[0].From != 0 || pairs[0].To != 2 || math.Abs(pairs[0].Correlation+1) > 1e-12 {
		t.Errorf("got %+v, want 0 and 2 first, with −1", pairs)
	}
	if alike, constant := m.Redundant(pairs); alike != 2 || constant != 1 {
		t.Errorf("got %d alike and %d constant, want 2 and 1", alike, constant)
	}
	m.Values[0] = float32(math.NaN())
	for _, p := range m.Pairs() {
		if math.IsNaN(p.Correlation) {
			t.Errorf("%+v: a map with NaN is like no other", p)
		}
	}
	if pic := m.Picture(nil, pairs, Cell); pic.Bounds().Dx() < 4*96/2 {
		t.Errorf("picture of %v", pic.Bounds())
	}
}

func TestUnknownLayer(t *testing.T) {
	g := ghostnet(t)
	var e *LayerError
	if _, err := Extract(g, nil, "nosuch", engine.Options{}); !errors.As(err, &e) || len(e.Known) == 0 {
		t.Errorf("got %v, want a LayerError that knows the others", err)
	}
	if _, err := Extract(g, nil, "logits", engine.Options{}); !errors.As(err, &e) {
		t.Errorf("got %v: logits are no maps", err)
	}
}
