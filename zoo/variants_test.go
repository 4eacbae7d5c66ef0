package zoo

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/tensor"
)

// answers is what decides a network's answers apart from its weights: every operator with
// its attributes, in order.
func answers(t *testing.T, s Spec, classes int) string {
	t.Helper()
	s.H, s.W = 64, 64
	g, err := s.Build(classes)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range g.Nodes {
		fmt.Fprintf(&b, "%T%+v\n", g.Nodes[i].Op, g.Nodes[i].Op)
	}
	return b.String()
}

// undecided are the networks of whose files the names of the tensors do not tell which form
// they are of, besides resnet50: timm has both under one set of names.
var undecided = []string{
	"mobilenet_v3_large", "mobilenet_v3_small",
	"efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_b5", "efficientnet_b6", "efficientnet_b7",
	"efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "efficientnet_lite3", "efficientnet_lite4",
}

// TestEveryVariant walks the whole zoo: a checkpoint with exactly a network's tensors is
// recognised as a network with the same answers, or as one with rivals of which the network
// is one. The exceptions are forms that nobody has released under these names.
func TestEveryVariant(t *testing.T) {
	var ambiguous []string
	for _, m := range All {
		if m.phi {
			continue
		}
		for _, w := range m.Widths {
			s := m.Spec()
			s.Width = w
			names, shapes := checkpoint(t, s.String(), 100)
			r, err := Recognize(names, shapes, "")
			if err != nil {
				t.Errorf("%s: %v", s, err)
				continue
			}
			if r.Guessed || r.Classes != 100 || len(r.Renames) != 0 || len(r.Extra) != 0 {
				t.Errorf("%s: %+v", s, r)
			}
			same := answers(t, r.Spec, 100) == answers(t, s, 100)
			rival := slices.ContainsFunc(r.Rivals, func(x Rival) bool { return x.Name == s.String() })
			switch {
			case !m.released():
				if same && len(r.Rivals) == 0 || rival {
					t.Errorf("%s: released by nobody, and recognised as %s with rivals %v", s, r.Spec, r.Rivals)
				}
			case len(r.Rivals) == 0 && !same:
				t.Errorf("%s: taken for %s, which answers differently, without a word", s, r.Spec)
			case len(r.Rivals) > 0:
				if !same && !rival {
					t.Errorf("%s: recognised as %s with rivals %v", s, r.Spec, r.Rivals)
				}
				if w == m.Widths[0] {
					ambiguous = append(ambiguous, m.Name)
				}
			}
		}
	}
	var want []string
	for _, base := range undecided {
		for _, form := range []string{"", "tf_", "timm_"} {
			m, err := Find(form + base)
			if err == nil && m.timm {
				want = append(want, m.Name)
			}
		}
	}
	want = append(want, "resnet50", "timm_resnet50")
	slices.Sort(want)
	slices.Sort(ambiguous)
	if !slices.Equal(ambiguous, want) {
		t.Errorf("ambiguous are\n%q, want\n%q", ambiguous, want)
	}
}

// TestArchDecides: what the file says of its architecture decides between the forms.
func TestArchDecides(t *testing.T) {
	for _, c := range []struct{ tensors, says, want string }{
		{"timm_efficientnet_b0", "tf_efficientnet_b0.in1k", "tf_efficientnet_b0"},
		{"timm_efficientnet_b0", "efficientnet_b0", "timm_efficientnet_b0"},
		{"efficientnet_lite2", "tf_efficientnet_lite2", "tf_efficientnet_lite2"},
		{"efficientnet_lite2", "efficientnet_lite2", "efficientnet_lite2"},
		{"timm_mobilenet_v3_large:1.0", "mobilenetv3_large_100.ra_in1k", "timm_mobilenet_v3_large:1.0"},
		{"timm_mobilenet_v3_large:0.75", "tf_mobilenetv3_large_075", "tf_mobilenet_v3_large:0.75"},
		{"resnet50", "resnet50", "resnet50"},
		{"resnet50", "resnet50.a1_in1k", "resnet50"},
	} {
		names, shapes := checkpoint(t, c.tensors, 10)
		r, err := Recognize(names, shapes, c.says)
		if err != nil || r.Spec.String() != c.want || len(r.Rivals) != 0 {
			t.Errorf("%s, said to be %s: got %s with rivals %v, %v; want %s", c.tensors, c.says, r.Spec, r.Rivals, err, c.want)
		}
	}
	names, shapes := checkpoint(t, "timm_efficientnet_b0", 10)
	if r, _ := Recognize(names, shapes, "my_best_net"); len(r.Rivals) == 0 {
		t.Error("an unknown architecture decides")
	}
}

// TestBackground: 1001 classes are TensorFlow's, whatever timm has.
func TestBackground(t *testing.T) {
	names, shapes := checkpoint(t, "tf_mobilenet_v1:0.25", 1001)
	r, err := Recognize(names, shapes, "")
	if err != nil || !slices.ContainsFunc(r.Rivals, func(x Rival) bool { return x.Name == "tf_mobilenet_v1:0.25" }) {
		t.Errorf("got %s with rivals %v, %v; want tf_mobilenet_v1:0.25 among them", r.Spec, r.Rivals, err)
	}
}

// TestEfficientNetPyTorch: the names of that code are of the tf_ forms alone, in any order
// and below any prefix.
func TestEfficientNetPyTorch(t *testing.T) {
	for _, name := range []string{"b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "lite0", "lite1", "lite2", "lite3", "lite4"} {
		for _, prefix := range []string{"", "model.net."} {
			spec, _ := Parse("tf_efficientnet_" + name)
			own, err := weightsOf(spec, 10)
			if err != nil {
				t.Fatal(err)
			}
			theirs := efficientnetPyTorch(spec.Model(), own)
			var names []string
			var shapes []tensor.Shape
			for _, w := range own {
				names = append(names, prefix+theirs[w.Name])
			}
			slices.Sort(names)
			back := map[string]tensor.Shape{}
			for _, w := range own {
				back[prefix+theirs[w.Name]] = w.Type.Shape
			}
			for _, n := range names {
				shapes = append(shapes, back[n])
			}
			r, err := Recognize(names, shapes, "")
			if err != nil || r.Spec.Name != spec.Name || len(r.Rivals) != 0 || r.Guessed || r.Classes != 10 {
				t.Errorf("%s: got %s with rivals %v, guessed %v, %v", spec, r.Spec, r.Rivals, r.Guessed, err)
			}
			for _, w := range own {
				if r.Renames[w.Name] != prefix+theirs[w.Name] {
					t.Fatalf("%s: %s is %s, want %s", spec, w.Name, r.Renames[w.Name], prefix+theirs[w.Name])
				}
			}
		}
	}
	// The names as that code has them.
	spec, _ := Parse("tf_efficientnet_b0")
	own, _ := weightsOf(spec, 1000)
	theirs := efficientnetPyTorch(spec.Model(), own)
	for official, want := range map[string]string{
		"conv_stem.weight": "_conv_stem.weight", "bn1.running_mean": "_bn0.running_mean", "bn2.weight": "_bn1.weight", "classifier.bias": "_fc.bias",
		"blocks.0.0.conv_dw.weight": "_blocks.0._depthwise_conv.weight", "blocks.0.0.bn1.bias": "_blocks.0._bn1.bias", "blocks.0.0.conv_pw.weight": "_blocks.0._project_conv.weight", "blocks.0.0.bn2.bias": "_blocks.0._bn2.bias",
		"blocks.1.0.conv_pw.weight": "_blocks.1._expand_conv.weight", "blocks.1.1.bn1.weight": "_blocks.2._bn0.weight", "blocks.6.0.conv_pwl.weight": "_blocks.15._project_conv.weight", "blocks.1.0.se.conv_reduce.bias": "_blocks.1._se_reduce.bias",
	} {
		if theirs[official] != want {
			t.Errorf("%s is %q, want %q", official, theirs[official], want)
		}
	}
}

// TestNamesOfTheirOwn: a network under nobody's names is guessed, with its forms as rivals;
// sorted by name its order tells nothing.
func TestNamesOfTheirOwn(t *testing.T) {
	names, shapes := checkpoint(t, "ghostnet:0.5", 10)
	var own []string
	var ownShapes []tensor.Shape
	for i, n := range names {
		if !counter(n) {
			own, ownShapes = append(own, fmt.Sprintf("net.%03d.%s", i, n[strings.LastIndex(n, ".")+1:])), append(ownShapes, shapes[i])
		}
	}
	r, err := Recognize(own[1:], ownShapes[1:], "")
	if err == nil {
		t.Errorf("one tensor short: recognised as %s", r.Spec)
	}
	if _, err = Recognize(own, ownShapes, ""); err == nil || !strings.Contains(err.Error(), "sorted") {
		t.Errorf("sorted: %v", err)
	}
	own[0], own[1] = own[1], own[0]
	own[0], own[1] = strings.Replace(own[1], "net.", "z.", 1), own[0]
	r, err = Recognize(own, ownShapes, "")
	if err != nil || !r.Guessed || !slices.ContainsFunc(r.Rivals, func(x Rival) bool { return strings.HasPrefix(x.Name, "tf_ghostnet") }) {
		t.Errorf("got %+v, %v: want a guess with rivals", r.Spec, err)
	}
}
