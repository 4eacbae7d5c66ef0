package structure_test

import (
	"slices"
	"testing"

	"github.com/wispnet/wisp/internal/structure"
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
