package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/zoo"
)

func parsed(t *testing.T, name string) *zoo.Spec {
	t.Helper()
	s, err := zoo.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

// TestFiguresWalk walks every network of the zoo at its widths and another, at many sizes and
// keys: a figure is shown for exactly what it was published for.
func TestFiguresWalk(t *testing.T) {
	var all []zoo.Published
	for _, m := range zoo.All {
		for _, p := range m.Published {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	shown := map[zoo.Published]bool{}
	n := 0
	for _, m := range zoo.All {
		widths := slices.Clone(m.Widths)
		if m.AnyWidth {
			widths = append(widths, 0.5, 0.9, 1.25)
		}
		sizes := []string{"", "@32", "@64", "@96", "@128", "@160", "@176", "@192", "@224", "@225", "@240", "@256", "@260", "@280", "@288", "@300", "@320", "@380", "@384", "@456", "@528", "@600", "@224x192"}
		for _, keys := range []string{"", ",s=2", ",d=3", ",s=3", ",d=5", ",phi=0", ",phi=1", ",phi=0.5"} {
			for _, w := range widths {
				for _, size := range sizes {
					name := fmt.Sprintf("%s:%v%s%s", m.Name, w, keys, size)
					s, err := zoo.Parse(name)
					if err != nil {
						if keys == "" {
							t.Fatal(err)
						}
						continue // the network has no such key
					}
					n++
					got, why := Figures(Configured{Spec: &s, Synthetic: true, Recipe: s.Recipe()})
					other := slices.Contains([]string{",s=3", ",d=5", ",phi=1", ",phi=0.5"}, keys)
					stated := false
					for _, p := range all {
						of := p.Model == s.Name || s.Name == "timm_"+p.Model && zoo.SameGraph(s.Name) == p.Model
						want := of && p.Width == w && p.Size == s.H && p.Size == s.W && p.Precision == "float32" && !other
						if want != slices.Contains(got, p) {
							t.Fatalf("%s: a figure of %s:%v at %d, %s: shown %v, want %v", name, p.Model, p.Width, p.Size, p.Precision, !want, want)
						}
						if want {
							shown[p] = true
							stated = stated || p.Top1 > 0
						}
					}
					if stated != (why == "") {
						t.Fatalf("%s: an accuracy is stated %v, why not: %q", name, stated, why)
					}
				}
			}
		}
	}
	for _, p := range all { // every figure of float weights is somebody's
		if p.Precision == "float32" && !shown[p] {
			t.Errorf("%s:%v at %d, %s is shown nowhere", p.Model, p.Width, p.Size, p.Weights)
		}
	}
	if n < 4000 {
		t.Errorf("walked %d configurations", n)
	}
}

// TestFiguresOfWeights: weights and preprocessing decide as well.
func TestFiguresOfWeights(t *testing.T) {
	for _, e := range All() {
		p := e.Published()
		s := e.Spec()
		s.H, s.W = p.Size, p.Size
		got, why := Figures(Configured{Spec: &s, Weights: &e, Recipe: e.Recipe})
		if why != "" || len(got) == 0 || slices.ContainsFunc(got, func(q zoo.Published) bool { return q.Weights != p.Weights }) {
			t.Errorf("%s %s: %d figures, why not: %q", e.Model, e.Weights, len(got), why)
		}
		s.H--
		if got, why := Figures(Configured{Spec: &s, Weights: &e}); len(got) > 0 || why == "" {
			t.Errorf("%s %s at %d×%d: %d figures, why not: %q", e.Model, e.Weights, s.H, s.W, len(got), why)
		}
	}
	v2 := For(*parsed(t, "mobilenet_v2"))[1]
	for _, c := range []struct {
		name, want string
		of         Configured
	}{
		{"weights of the user's own", "its weights are not", Configured{Spec: parsed(t, "ghostnet")}},
		{"no network of the zoo", "no network of the zoo", Configured{Synthetic: true}},
		{"another network's weights", "those of mobilenet_v2", Configured{Spec: parsed(t, "mobilenet_v3_large"), Weights: &v2}},
		{"another recipe", "preprocessing torchvision_v2, not torchvision", Configured{Spec: parsed(t, "mobilenet_v2"), Weights: &v2, Recipe: "torchvision"}},
		{"another recipe for a name", "preprocessing torchvision, not slim", Configured{Spec: parsed(t, "ghostnet"), Synthetic: true, Recipe: "slim"}},
		{"another size", "published at 224×224, not 64×64", Configured{Spec: parsed(t, "ghostnet@64"), Synthetic: true}},
		{"another graph", "published for the graph of tf_mobilenet_v2", Configured{Spec: parsed(t, "mobilenet_v2:0.75@192"), Synthetic: true}},
		{"keys", "published for s = 2, not 3", Configured{Spec: parsed(t, "ghostnet,s=3"), Synthetic: true}},
		{"width", "published at width", Configured{Spec: parsed(t, "ghostnet:0.9"), Synthetic: true}},
		{"phi", "none was published", Configured{Spec: parsed(t, "efficientnet,phi=1"), Synthetic: true}},
	} {
		if got, why := Figures(c.of); len(got) > 0 && !strings.Contains(why, c.want) || !strings.Contains(why, c.want) {
			t.Errorf("%s: %d figures, why not: %q, want %q", c.name, len(got), why, c.want)
		}
	}
	if got, why := Figures(Configured{Spec: parsed(t, "mobilenet_v2"), Weights: &v2}); why != "" || len(got) != 1 || got[0].Top1 != 72.154 {
		t.Errorf("IMAGENET1K_V2: got %v, %q", got, why)
	}
}
