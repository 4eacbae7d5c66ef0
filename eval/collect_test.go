package eval

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// TestCollect: predictions made by hands, delivered in any order, some twice and some over
// two lives, come to the report of an undisturbed run.
func TestCollect(t *testing.T) {
	var m model
	p := plan(t, 120, m.subject("a", 4, 5), m.subject("b", 3, 7))
	want := mustRun(t, p)
	p.Folder, p.Resume = t.TempDir(), true
	hand := NewHand(p.Subjects, decode)
	defer hand.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for life := range 2 {
		c, err := Collect(p)
		if err != nil {
			t.Fatal(err)
		}
		missing := c.Missing()
		rng.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
		if life == 0 {
			missing = missing[:70]
		} else if len(missing) != 50 || c.State().Done != 70 {
			t.Fatalf("%d images missing, %d done, want 50 and 70", len(missing), c.State().Done)
		}
		for _, im := range missing {
			list, err := hand.Do(im)
			if err != nil {
				t.Fatal(err)
			}
			for again := range 2 {
				fresh, differs, err := c.Add(list)
				if err != nil || fresh != (again == 0) || differs != "" {
					t.Fatalf("%s, delivery %d: fresh %v, differs %q, %v", im.Key, again, fresh, differs, err)
				}
			}
		}
		if life == 1 {
			other := append([]Prediction{}, mustDo(t, hand, missing[0])...)
			other[1].Top, other[1].Status, other[1].Reason = []int{9, 8}, OK, ""
			if fresh, differs, err := c.Add(other); fresh || differs != "b" || err != nil {
				t.Errorf("another answer: fresh %v, differs %q, %v", fresh, differs, err)
			}
			for why, bad := range map[string][]Prediction{
				"want 2":         {other[0]},
				"none of the":    {{Image: "x", Top: []int{1}, Status: OK}, {Image: "x", Top: []int{1}, Status: OK}},
				"unsound":        {{Image: other[0].Image, Class: other[0].Class, Status: OK}, other[1]},
				"want \"val/":    {other[0], {Image: "val", Top: []int{1}, Status: OK}},
				"got 0 predicti": nil,
			} {
				if _, _, err := c.Add(bad); err == nil || !strings.Contains(err.Error(), why) {
					t.Errorf("got %v, want %q", err, why)
				}
			}
		}
		if c.Done() != (life == 1) {
			t.Errorf("life %d: done %v", life, c.Done())
		}
		got, err := c.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if life == 0 {
			continue
		}
		for i := range got.Results {
			if !reflect.DeepEqual(got.Results[i].Predictions, want.Results[i].Predictions) || !got.Results[i].Complete {
				t.Errorf("%s: other predictions than an undisturbed run's", got.Results[i].Model)
			}
		}
		if !reflect.DeepEqual(got.Comparisons, want.Comparisons) {
			t.Errorf("got %+v", got.Comparisons)
		}
	}
}

func mustDo(t *testing.T, h *Hand, im Image) []Prediction {
	t.Helper()
	list, err := h.Do(im)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
