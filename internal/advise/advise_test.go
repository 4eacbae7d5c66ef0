package advise

import (
	"math"
	"testing"
)

func row(model string, top1, ms, width float64) Candidate {
	c := Candidate{Model: model, Top1: top1, Top1Half: 0.1, Bytes: new(int64(1000)), MACs: int64(1e6 * ms)}
	if ms > 0 {
		c.Latency = &Range{ms, ms - width, ms + width}
	}
	return c
}

func find(t *testing.T, a Advice, model string) Row {
	t.Helper()
	for _, r := range a.Rows {
		if r.Model == model {
			return r
		}
	}
	t.Fatalf("no row %s", model)
	return Row{}
}

func TestAdvise(t *testing.T) {
	all := []Candidate{row("small", 70, 4, 0.1), row("good", 75, 9, 0.2), row("edge", 77, 10, 0.5), row("big", 80, 20, 1), row("worse", 69, 5, 0.1)}
	a := Advise(all, Limits{LatencyMS: 10})
	if a.Pick != "good" || !a.Sure {
		t.Errorf("picked %s, sure %v", a.Pick, a.Sure)
	}
	for model, want := range map[string]Answer{"small": Yes, "good": Yes, "edge": Perhaps, "big": No} {
		if r := find(t, a, model); r.Fits != want || (want == Yes) != (len(r.Why) == 0) {
			t.Errorf("%s fits: %s %v, want %s", model, r.Fits, r.Why, want)
		}
	}
	for model, want := range map[string]Answer{"small": Yes, "good": Yes, "big": Yes, "worse": No} {
		if r := find(t, a, model); r.Front != want {
			t.Errorf("%s on the front: %s, want %s", model, r.Front, want)
		}
	}
	// Half of edge's interval keeps the limit, and it is two points ahead.
	if n := a.Next; n == nil || n.Model != "edge" || n.What != "latency" || math.Abs(n.Gain-1) > 1e-9 {
		t.Errorf("next: %+v", n)
	}
	if a.Limits.TargetMS != 10 {
		t.Errorf("T is %v", a.Limits.TargetMS)
	}
	big := find(t, a, "big")
	if math.Abs(*big.Soft-0.8*math.Pow(2, -0.07)) > 1e-12 || math.Abs(*big.Hard-0.4) > 1e-12 {
		t.Errorf("rewards of big: %v %v", *big.Soft, *big.Hard)
	}
	if good := find(t, a, "good"); math.Abs(*good.Hard-0.75) > 1e-12 {
		t.Errorf("hard reward below T: %v", *good.Hard)
	}
}

func TestLimits(t *testing.T) {
	all := []Candidate{row("a", 70, 4, 0.1), row("b", 75, 9, 0.2)}
	all[0].Bytes = new(int64(10))
	for _, c := range []struct {
		l    Limits
		pick string
	}{
		{Limits{Bytes: 100}, "a"}, {Limits{MACs: 5e6}, "a"}, {Limits{Top1: 72}, "b"}, {Limits{Top1: 90}, ""}, {Limits{LatencyMS: 1}, ""}, {Limits{LatencyMS: 100}, "b"},
	} {
		if a := Advise(all, c.l); a.Pick != c.pick {
			t.Errorf("%+v: picked %q, want %q", c.l, a.Pick, c.pick)
		}
	}
	if a := Advise(nil, Limits{}); a.Pick != "" || a.Next != nil || len(a.Rows) != 0 {
		t.Errorf("nothing: got %+v", a)
	}
	// Without a limit of latency the soft reward decides: (9/4)^-0.07 costs b 5.5 %, which
	// its accuracy, 7 % more, outweighs.
	if a := Advise(all, Limits{}); a.Pick != "b" || math.Abs(a.Limits.TargetMS-6) > 1e-9 {
		t.Errorf("got %s at T %v", a.Pick, a.Limits.TargetMS)
	}
}

// What was not measured is not ranked, but may be the thing to measure.
func TestUnknownLatency(t *testing.T) {
	all := []Candidate{row("known", 70, 4, 0.1), row("slow", 71, 40, 0.1), row("new", 79, 0, 0)}
	all[0].MACs, all[1].MACs, all[2].MACs = 4e6, 20e6, 5e6 // 1 and 2 ms a million: new takes 5 to 10 ms
	a := Advise(all, Limits{LatencyMS: 7})
	if r := find(t, a, "new"); a.Pick != "known" || r.Fits != Unknown || r.Front != Unknown || r.Soft != nil {
		t.Errorf("picked %s; new: %+v", a.Pick, r)
	}
	if n := a.Next; n == nil || n.Model != "new" || math.Abs(n.Gain-9*math.Log(7.0/5)/math.Log(2)) > 1e-9 {
		t.Errorf("next: %+v", n)
	}
}

// Two accuracies that published figures do not tell apart are worth measuring.
func TestCloseAccuracies(t *testing.T) {
	all := []Candidate{row("a", 75, 9, 0.1), row("b", 74.9, 4, 0.1)}
	all[0].Top1Half, all[1].Top1Half = 0.4, 0.4
	a := Advise(all, Limits{LatencyMS: 10})
	if n := a.Next; a.Pick != "a" || n == nil || n.Model != "b" || n.What != "accuracy" || n.Gain < 0.05 || n.Gain > 0.2 {
		t.Errorf("picked %s, next %+v", a.Pick, n)
	}
	all[1].Top1 = 60
	if n := Advise(all, Limits{LatencyMS: 10}).Next; n != nil {
		t.Errorf("nothing would change it, but: %+v", n)
	}
}
