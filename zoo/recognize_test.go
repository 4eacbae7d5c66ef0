package zoo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wispnet/wisp/tensor"
)

func checkpoint(t *testing.T, spec string, classes int) (names []string, shapes []tensor.Shape) {
	t.Helper()
	s, err := Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Build(classes)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range g.Weights {
		names = append(names, g.Value(id).Name)
		shapes = append(shapes, g.Value(id).Type.Shape)
	}
	return names, shapes
}

func TestRecognize(t *testing.T) {
	for _, spec := range []string{"ghostnet:1.0", "ghostnet:0.1", "ghostnet:1.0,s=3,d=5", "ghostnetv2:1.3", "mobilenet_v2:0.35", "mobilenet_v2:1.17",
		"mobilenet_v3_small:0.75", "shufflenet_v1_g3:1.5", "shufflenet_v2:2.0", "mnasnet_b1:0.5", "efficientnet_b2", "efficientnet_lite3", "resnet34", "ghostnet_2020:1.0"} {
		names, shapes := checkpoint(t, spec, 37)
		r, err := Recognize(names, shapes, "")
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		got, want := r.Spec.String(), spec
		if own, _ := Parse(spec); own.String() != got {
			// Another width may give the same shapes; then the shapes must be equal.
			n, s := checkpoint(t, got, 37)
			if !slices.Equal(n, names) || fmt.Sprint(s) != fmt.Sprint(shapes) {
				t.Errorf("recognised %s as %s, whose tensors differ", want, got)
			}
		}
		if r.Classes != 37 || len(r.Renames) != 0 {
			t.Errorf("%s: %d classes, %d renames: want 37 and none", spec, r.Classes, len(r.Renames))
		}
	}
}

// A file that sorts its tensors by name, as many safetensors do.
func TestRecognizeSorted(t *testing.T) {
	names, shapes := checkpoint(t, "resnet18", 12)
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(names[a], names[b]) })
	var n []string
	var s []tensor.Shape
	for _, i := range order {
		n, s = append(n, names[i]), append(s, shapes[i])
	}
	r, err := Recognize(n, s, "")
	if err != nil || r.Classes != 12 || r.Spec.Name != "resnet18" {
		t.Errorf("got %v with %d classes, %v", r.Spec.Name, r.Classes, err)
	}
}

// A user's own reproduction: other module names, no counters, old order.
func TestRecognizeReproduction(t *testing.T) {
	names, shapes := checkpoint(t, "mobilenet_v2:0.5", 10)
	var own []string
	var ownShapes []tensor.Shape
	for i, n := range names {
		if counter(n) {
			continue
		}
		own = append(own, fmt.Sprintf("net.layer%d.%s", i, n[strings.LastIndex(n, ".")+1:]))
		ownShapes = append(ownShapes, shapes[i])
	}
	r, err := Recognize(own, ownShapes, "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Spec.Name != "mobilenet_v2" || r.Spec.Width != 0.5 || r.Classes != 10 || len(r.Renames) != len(own) {
		t.Errorf("got %v, %d classes, %d renames", r.Spec, r.Classes, len(r.Renames))
	}
	if got := r.Renames["features.0.0.weight"]; got != own[0] {
		t.Errorf("the stem is %q, want %q", got, own[0])
	}
}

func TestRecognizeRefuses(t *testing.T) {
	names, shapes := checkpoint(t, "resnet18", 10)
	var e *UnmatchedError
	if _, err := Recognize(names[:40], shapes[:40], ""); !errors.As(err, &e) || len(e.Near) == 0 {
		t.Errorf("got %v, want an UnmatchedError that names the nearest", err)
	}
	if _, err := Recognize([]string{"x"}, []tensor.Shape{{3}}, ""); !errors.As(err, &e) {
		t.Errorf("got %v, want an UnmatchedError", err)
	}
	if _, err := Recognize(nil, nil, ""); !errors.As(err, &e) {
		t.Errorf("got %v, want an UnmatchedError", err)
	}
}

func BenchmarkRecognize(b *testing.B) {
	s, _ := Parse("mobilenet_v2:1.17")
	g, _ := s.Build(1000)
	var names []string
	var shapes []tensor.Shape
	for _, id := range g.Weights {
		names = append(names, g.Value(id).Name)
		shapes = append(shapes, g.Value(id).Type.Shape)
	}
	for b.Loop() {
		if _, err := Recognize(names, shapes, ""); err != nil {
			b.Fatal(err)
		}
	}
}
