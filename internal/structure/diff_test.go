package structure_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/structure"
	"github.com/wispnet/wisp/tensor"
	"github.com/wispnet/wisp/zoo"
)

func network(t *testing.T, name string, classes int) *structure.Network {
	t.Helper()
	spec, err := zoo.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(classes)
	if err != nil {
		t.Fatal(err)
	}
	n, err := structure.Of(g)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestVerdicts: what is true of pairs of networks that everybody knows.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		a, b      string
		classes   int // of b
		verdict   structure.Verdict
		differsIn []string
	}{
		{"ghostnet", "ghostnet", 1000, structure.Identical, nil},
		{"mobilenet_v2", "mobilenet_v2@192", 1000, structure.SameNetwork, []string{"input size"}},
		{"mobilenet_v2", "mobilenet_v2", 10, structure.SameNetwork, []string{"classes"}},
		{"mobilenet_v3_large", "tf_mobilenet_v3_large", 1000, structure.SameNetwork, []string{"padding"}},
		{"mobilenet_v2", "mobilenet_v2:0.75", 1000, structure.Different, []string{"widths"}},
		{"mobilenet_v3_large", "mobilenet_v3_large_draft", 1000, structure.Different, []string{"widths"}},
		{"ghostnet", "mobilenet_v3_large", 1000, structure.Different, []string{"blocks"}},
		{"mnasnet_b1", "mnasnet_a1", 1000, structure.Different, nil},
		{"resnet18", "resnet34", 1000, structure.Different, []string{"blocks"}},
		{"shufflenet_v2", "shufflenet_v2:0.5", 1000, structure.Different, []string{"widths"}},
	} {
		d := structure.Compare(network(t, c.a, 1000), network(t, c.b, c.classes))
		if d.Verdict != c.verdict {
			t.Errorf("%s, %s: got %q, want %q (differs in %v)", c.a, c.b, d.Verdict, c.verdict, d.DiffersIn)
		}
		for _, want := range c.differsIn {
			if !slices.Contains(d.DiffersIn, want) {
				t.Errorf("%s, %s: differs in %v, want %q among them", c.a, c.b, d.DiffersIn, want)
			}
		}
		t.Logf("%s %s: %s %v", c.a, c.b, d.Verdict, d.DiffersIn)
		if testing.Verbose() {
			for _, s := range d.Stages {
				x, y := "", ""
				if s.A >= 0 {
					x = d.A.Words(&d.A.Stages[s.A])
				}
				if s.B >= 0 {
					y = d.B.Words(&d.B.Stages[s.B])
				}
				t.Logf("   %-50s %-9s %s", x, s.Change, y)
			}
			for _, l := range d.Changed() {
				t.Logf("      %+v", l)
			}
		}
	}
}

// TestStudy: what the graphs say of the study's statements, and the two rows in which it
// printed the draft of MobileNetV3.
func TestStudy(t *testing.T) {
	nets := map[string]*structure.Network{}
	macs, params := map[string]int64{}, map[string]int64{}
	for _, name := range structure.StudyNetworks {
		nets[name] = network(t, name, 1000)
	}
	macs["ghostnet"], macs["mobilenet_v2"] = 141e6, 301e6
	params["ghostnet"], params["mobilenet_v2"] = 5.18e6, 3.5e6
	count := map[structure.Truth]int{}
	for _, s := range structure.CheckStudy(nets, macs, params) {
		count[s.Truth]++
		t.Logf("%-14s %s (%s)", s.Truth, s.Text, s.Evidence)
	}
	if count[structure.True] != 11 || count[structure.False] != 3 || count[structure.NotMeasurable] != 3 {
		t.Errorf("got %v, want 11 true, 3 false, 3 not measurable", count)
	}
	rows := structure.DraftRows(nets["mobilenet_v3_large_draft"], nets["mobilenet_v3_large"])
	if len(rows) != 2 {
		t.Errorf("got %d rows of the draft, want 2: %q", len(rows), rows)
	}
}

// bound is a small network with weights.
func bound(t *testing.T, edit func(g *graph.Graph)) *structure.Network {
	t.Helper()
	spec, err := zoo.Parse("mobilenet_v2:0.1@64")
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(10)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Bind(zoo.Synthetic(1, 2)); err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(g)
	}
	n, err := structure.Of(g)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func node(t *testing.T, g *graph.Graph, name string) *graph.Node {
	t.Helper()
	for i := range g.Nodes {
		if g.Nodes[i].Name == name {
			return &g.Nodes[i]
		}
	}
	t.Fatalf("no node %s", name)
	return nil
}

// TestOneLayer: a network in which one layer was changed is found, and the layer named.
func TestOneLayer(t *testing.T) {
	const layer = "features.5.conv.1.0" // a depthwise convolution
	for _, c := range []struct {
		what    string
		edit    func(g *graph.Graph)
		verdict structure.Verdict
	}{
		{"activation ReLU6 → ReLU", func(g *graph.Graph) {
			node(t, g, "features.5.conv.1.2").Op = graph.Activate{Act: graph.ReLU}
		}, structure.Different},
		{"padding", func(g *graph.Graph) {
			n := node(t, g, layer)
			op := n.Op.(graph.Conv)
			op.Pad = graph.Padding{Top: 2, Left: 2}
			n.Op = op
		}, structure.SameNetwork},
		{"weights", func(g *graph.Graph) {
			v := g.Value(node(t, g, layer).In[1])
			changed := slices.Clone(v.Data.Float32())
			changed[7] += 0.01
			v.Data = tensor.Of(v.Type.Shape, changed)
		}, structure.SameNetwork},
	} {
		d := structure.Compare(bound(t, nil), bound(t, c.edit))
		d.CompareWeights()
		if d.Verdict != c.verdict {
			t.Errorf("%s: got %q, want %q", c.what, d.Verdict, c.verdict)
		}
		named := ""
		for _, l := range d.Changed() {
			if len(l.What) != 1 || !strings.HasPrefix(l.What[0], c.what) {
				t.Errorf("%s: got %q", c.what, l.What)
			}
			named += d.A.Layers[l.A].Name
		}
		for _, l := range d.Weights.Layers {
			if c.what != "weights" {
				t.Errorf("%s: weights of %s differ", c.what, d.A.Layers[l.A].Name)
			}
			named += d.A.Layers[l.A].Name
		}
		if named != layer {
			t.Errorf("%s: named %q, want %q", c.what, named, layer)
		}
	}
	if d := structure.Compare(bound(t, nil), bound(t, nil)); d.Verdict != structure.Identical {
		t.Errorf("unchanged: got %q", d.Verdict)
	}
}

// TestHostileShape: sequences far longer than any network are compared in bounded memory.
func TestHostileShape(t *testing.T) {
	long := func(n int, act graph.Act) *structure.Network {
		b := graph.NewBuilder("long")
		x := b.Input("input", graph.F32(1, 4, 1, 1))
		for i := range n {
			x = b.Add(fmt.Sprint("a", i), graph.Binary{Fn: graph.Add, Act: act}, x, x)
		}
		g, err := b.Build(x)
		if err != nil {
			t.Fatal(err)
		}
		net, err := structure.Of(g)
		if err != nil {
			t.Fatal(err)
		}
		return net
	}
	if d := structure.Compare(long(3000, graph.ReLU), long(3001, graph.Act{})); d.Verdict != structure.Different {
		t.Errorf("got %q", d.Verdict)
	}
}
