package eval

import (
	"reflect"
	"testing"
)

func made(precision string, tops ...int) Result {
	r := Result{Model: "m", Engine: "native", Precision: precision}
	for i, c := range tops {
		p := Prediction{Image: string(rune('a' + i)), Class: i % 2, Top: []int{c, 7}, Status: OK}
		if c < 0 {
			p.Top, p.Status, p.Reason = []int{}, Damaged, "no end"
		}
		r.Predictions = append(r.Predictions, p)
	}
	return r
}

// TestBreakdown counts by hand: classes alternate 0, 1; damaged images are wrong and no
// confusion, since nothing was answered.
func TestBreakdown(t *testing.T) {
	r := made("float32", 0, 0, 5, 0, 5, 1, -1, 7)
	by, err := r.ByClass()
	if err != nil {
		t.Fatal(err)
	}
	if len(by) != 2 || by[0].Images != 4 || by[0].Top1Count != 1 || by[0].Top1 != 25 || by[1].Top1Count != 1 || by[1].Top5Count != 1 || !by[1].Top1CI.Contains(25) {
		t.Errorf("got %+v", by)
	}
	want := []Confusion{{0, 5, 2, 4}, {1, 0, 2, 4}, {1, 7, 1, 4}}
	if got := r.Confusions(9); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := r.Confusions(1); !reflect.DeepEqual(got, want[:1]) {
		t.Errorf("got %v", got)
	}
}

func TestFlips(t *testing.T) {
	a, b := made("float32", 0, 1, 5, 5, 0, -1), made("int8", 5, 1, 0, 6, 0, 1)
	f := FindFlips([]Result{b, a})
	if len(f) != 1 || f[0].A != "m float32" || f[0].B != "m int8" || f[0].Images != 5 || f[0].Changed != 3 || f[0].Broken != 1 || f[0].Mended != 1 {
		t.Fatalf("got %+v", f)
	}
	if want := []Flip{{"a", 0, 0, 5}, {"c", 0, 5, 0}, {"d", 1, 5, 6}}; !reflect.DeepEqual(f[0].List, want) {
		t.Errorf("got %v, want %v", f[0].List, want)
	}
}

// TestSensitivity: a variant stands beside its own model alone, and in no comparison.
func TestSensitivity(t *testing.T) {
	var m model
	p := plan(t, 300, m.subject("m", 1000, 1000), m.subject("m", 1000, 4), m.subject("m", 1000, 1000), m.subject("other", 1000, 1000))
	p.Subjects[1].Recipe, p.Subjects[1].Varies = "slim/resize=nearest v1", &Varies{"resize", "bilinear", "nearest"}
	p.Subjects[2].Recipe, p.Subjects[2].Varies = "slim/order=BGR v1", &Varies{"order", "RGB", "BGR"}
	r := mustRun(t, p)
	if len(r.Comparisons) != 1 || r.Comparisons[0].A != "m" || r.Comparisons[0].B != "other" {
		t.Errorf("comparisons: got %+v", r.Comparisons)
	}
	if len(r.Sensitivity) != 2 {
		t.Fatalf("got %+v", r.Sensitivity)
	}
	s := r.Sensitivity[0]
	if s.Choice != "resize" || s.To != "nearest" || s.Images != 300 || s.Difference >= 0 || !s.CI95.Contains(s.Difference) || !s.Shown || s.OnlyOwn == 0 || s.OnlyOther != 0 || s.Changed != s.OnlyOwn {
		t.Errorf("got %+v", s)
	}
	if s := r.Sensitivity[1]; s.Choice != "order" || s.Difference != 0 || s.Shown || s.Changed != 0 || s.P != 1 {
		t.Errorf("got %+v", s)
	}
}
