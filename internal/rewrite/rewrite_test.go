package rewrite

import (
	"testing"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/zoo"
)

// count counts the operators of a graph by name.
func count(g *graph.Graph) map[string]int {
	n := map[string]int{}
	for i := range g.Nodes {
		n[g.Nodes[i].Op.Name()]++
	}
	return n
}

func build(t *testing.T, name string) *graph.Graph {
	t.Helper()
	spec, err := zoo.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := spec.Build(1000)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What is left of a network once it is fused. No batch norm survives anywhere; an
// activation survives only where no operator before it can carry it.
func TestNetworksFuse(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"mobilenet_v1":       {"conv": 27, "globalavgpool": 1, "flatten": 1, "linear": 1},
		"mobilenet_v2":       {"conv": 52, "globalavgpool": 1, "flatten": 1, "linear": 1},
		"resnet18":           {"conv": 20, "maxpool": 1, "globalavgpool": 1, "flatten": 1, "linear": 1},
		"efficientnet_lite0": {"conv": 49, "globalavgpool": 1, "flatten": 1, "linear": 1},
	} {
		fused, err := Run(build(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := count(fused)
		for op, n := range want {
			if got[op] != n {
				t.Errorf("%s: %d of %s, want %d: %v", name, got[op], op, n, got)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestEveryNetworkFuses(t *testing.T) {
	for _, m := range zoo.All {
		g := build(t, m.Name+"@64")
		nodes := len(g.Nodes)
		fused, err := Run(g)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if got := count(fused); got["batchnorm"]+got["identity"] > 0 {
			t.Errorf("%s: %v: want no batch norm and no identity", m.Name, got)
		}
		if len(g.Nodes) != nodes {
			t.Errorf("%s: the graph that was given is changed", m.Name)
		}
		if g.Value(g.Outputs[0]).Name != fused.Value(fused.Outputs[0]).Name {
			t.Errorf("%s: the output changed its name", m.Name)
		}
	}
}

func TestStages(t *testing.T) {
	g := build(t, "mobilenet_v2@64")
	for stage, want := range map[Stage]int{Read: 52, Inferred: 52, Folded: 0, Fused: 0} {
		s, err := Until(g, stage)
		if err != nil {
			t.Fatal(err)
		}
		if got := count(s)["batchnorm"]; got != want {
			t.Errorf("%s: %d batch norms, want %d", stage, got, want)
		}
	}
	if _, err := Until(g, "frozen"); err == nil {
		t.Error("an unknown stage: want an error")
	}
}
