package stat

import (
	"encoding/json"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

func sample(t *testing.T, xs ...float64) Sample {
	t.Helper()
	s, err := New(xs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s: got %.10g, want %.10g", what, got, want)
	}
}

func TestSample(t *testing.T) {
	s := sample(t, 4, 1, 3, 2)
	near(t, "median", s.Median(), 2.5, 0)
	near(t, "quartile", s.Quantile(0.25), 1.75, 0) // R: quantile(1:4, .25)
	near(t, "mean", s.Mean(), 2.5, 1e-15)
	near(t, "mad", s.MAD(), 1, 0)
	sd, err := s.Stddev()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "stddev", sd, math.Sqrt(5.0/3), 1e-15)
	if s.Min() != 1 || s.Max() != 4 || s.N() != 4 {
		t.Errorf("min, max, n: got %v, %v, %v", s.Min(), s.Max(), s.N())
	}
	one := sample(t, 7)
	near(t, "median of one", one.Median(), 7, 0)
	near(t, "p100 of one", one.Quantile(1), 7, 0)
	if _, err := one.Stddev(); err == nil {
		t.Error("stddev of one observation: got a value")
	}
	if got := sample(t, 1, 2, 3, 4, 5, 6, 7, 100).Outliers(); got != 1 {
		t.Errorf("outliers: got %d, want 1", got)
	}
}

func TestSampleDoesNotTouchItsArgument(t *testing.T) {
	xs := []float64{3, 1, 2}
	sample(t, xs...)
	if !slices.Equal(xs, []float64{3, 1, 2}) {
		t.Errorf("argument was sorted: %v", xs)
	}
}

func TestRefused(t *testing.T) {
	for _, xs := range [][]float64{nil, {math.NaN()}, {1, math.Inf(1)}, {math.Inf(-1)}, {1e200}} {
		if _, err := New(xs); err == nil {
			t.Errorf("New(%v): got no error", xs)
		}
		if _, err := MannWhitney(xs, []float64{1}); err == nil {
			t.Errorf("MannWhitney(%v): got no error", xs)
		}
		if _, _, _, err := Ratio([]float64{1}, xs); err == nil {
			t.Errorf("Ratio(1, %v): got no error", xs)
		}
	}
	if _, _, _, err := Ratio([]float64{1}, []float64{0}); err == nil {
		t.Error("Ratio by zero: got no error")
	}
	for _, f := range []func() error{
		func() error { _, err := Wilson(1, 0); return err },
		func() error { _, err := Wilson(3, 2); return err },
		func() error { _, err := Wilson(-1, 2); return err },
		func() error { _, err := McNemar(-1, 2); return err },
		func() error { _, _, err := PairedDifference(3, 3, 5); return err },
	} {
		if f() == nil {
			t.Error("counts that cannot be: got no error")
		}
	}
}

func TestExtremesStayFinite(t *testing.T) {
	s := sample(t, -1e100, 1e100, 1e100, -1e100, 5, 1e-300)
	sd, _ := s.Stddev()
	iv, _ := s.MedianInterval()
	for _, v := range []float64{s.Median(), s.Mean(), sd, s.MAD(), s.Quantile(0.9), iv.Lo, iv.Hi, iv.HalfWidth()} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Errorf("got %v", v)
		}
	}
}

func TestPercentileFloors(t *testing.T) {
	series := func(n int) Sample {
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = float64(i)
		}
		return sample(t, xs...)
	}
	if _, err := series(63).P90(); err == nil {
		t.Error("p90 of 63 samples: got a value")
	}
	p90, err := series(64).P90()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "p90", p90, 56.7, 1e-12)
	if _, err := series(661).P99(); err == nil {
		t.Error("p99 of 661 samples: got a value")
	}
	if _, err := series(662).P99(); err != nil {
		t.Error(err)
	}
}

// The ranks are those of printed tables of the sign test's interval (Conover, table A3;
// coverage in percent).
func TestMedianInterval(t *testing.T) {
	for _, c := range []struct{ n, k int }{
		{6, 1}, {7, 1}, {8, 1}, {9, 2}, {10, 2}, {11, 2}, {12, 3}, {15, 4}, {20, 6}, {25, 8}, {30, 10}, {40, 14}, {50, 18}, {100, 40}, {1000, 469},
	} {
		if got := medianRank(c.n); got != c.k {
			t.Errorf("n=%d: got rank %d, want %d", c.n, got, c.k)
		}
	}
	if _, err := sample(t, 1, 2, 3, 4, 5).MedianInterval(); err == nil {
		t.Error("interval of 5 observations: got one")
	}
	iv, err := sample(t, 6, 1, 5, 2, 4, 3).MedianInterval()
	if err != nil || iv != (Interval{1, 6}) {
		t.Errorf("interval: got %v, %v", iv, err)
	}
}

// TestMedianIntervalCovers draws from a skewed distribution: the true median must lie in
// the interval at least as often as is promised.
func TestMedianIntervalCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{6, 8, 10, 31, 100} {
		hit := 0
		const rounds = 4000
		for range rounds {
			xs := make([]float64, n)
			for i := range xs {
				xs[i] = r.ExpFloat64()
			}
			iv, err := sample(t, xs...).MedianInterval()
			if err != nil {
				t.Fatal(err)
			}
			if iv.Contains(math.Ln2) {
				hit++
			}
		}
		// Three standard deviations of 4,000 draws at 95 % are 1.03 points.
		if got := float64(hit) / rounds; got < Confidence-0.0104 {
			t.Errorf("n=%d: covered %.4f", n, got)
		}
	}
}

func TestIntervalJSON(t *testing.T) {
	b, err := json.Marshal(struct{ CI *Interval }{&Interval{1.5, 2}})
	if err != nil || string(b) != `{"CI":[1.5,2]}` {
		t.Fatalf("got %s, %v", b, err)
	}
	var back struct{ CI *Interval }
	if err := json.Unmarshal(b, &back); err != nil || *back.CI != (Interval{1.5, 2}) {
		t.Fatalf("got %v, %v", back.CI, err)
	}
	if err := json.Unmarshal([]byte(`{"CI":[1]}`), &back); err == nil {
		t.Error("one number: got no error")
	}
}

func TestRatio(t *testing.T) {
	a := []float64{2, 4, 2.2, 4.4, 2, 4}
	b := []float64{1, 2, 1.1, 2.2, 1, 2}
	ratio, iv, why, err := Ratio(a, b)
	if err != nil || why != nil {
		t.Fatal(err, why)
	}
	near(t, "ratio", ratio, 2, 1e-12)
	// The pairs rise and fall together: their ratio does not move.
	near(t, "lo", iv.Lo, 2, 1e-12)
	near(t, "hi", iv.Hi, 2, 1e-12)
	if _, iv, why, err := Ratio(a[:5], b[:5]); iv != nil || why == nil || err != nil {
		t.Errorf("five pairs: got %v, %v, %v", iv, why, err)
	}
	if _, iv, why, err := Ratio(a, b[:5]); iv != nil || why == nil || err != nil {
		t.Errorf("unpaired: got %v, %v, %v", iv, why, err)
	}
	// An interval of pairs that would miss the ratio of medians is widened to hold it.
	ratio, iv, _, _ = Ratio([]float64{1, 1, 1, 9, 9, 9, 9}, []float64{9, 9, 9, 1, 1, 1, 10})
	if !iv.Contains(ratio) {
		t.Errorf("interval %v misses the ratio %v", iv, ratio)
	}
}

// bruteForce is the test's definition: all ways to deal the observations into two groups.
func bruteForce(a, b []float64) float64 {
	all := slices.Concat(a, b)
	u := func(mask uint) float64 {
		sum := 0.0
		for i, x := range all {
			for j, y := range all {
				if mask>>i&1 == 1 && mask>>j&1 == 0 {
					if x > y {
						sum++
					} else if x == y {
						sum += 0.5
					}
				}
			}
		}
		return sum
	}
	seen := u(1<<len(a) - 1)
	below, above, total := 0, 0, 0
	for mask := range uint(1) << len(all) {
		if bits.OnesCount(mask) != len(a) {
			continue
		}
		total++
		if v := u(mask); v <= seen {
			below++
		}
		if v := u(mask); v >= seen {
			above++
		}
	}
	return min(1, 2*float64(min(below, above))/float64(total))
}

func TestMannWhitney(t *testing.T) {
	check := func(a, b []float64) {
		t.Helper()
		got, err := MannWhitney(a, b)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "p", got, bruteForce(a, b), 1e-9)
	}
	check([]float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10})
	check([]float64{1, 3, 5, 7}, []float64{2, 4, 6})
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		a, b := make([]float64, 2+r.IntN(4)), make([]float64, 2+r.IntN(4))
		for i := range a {
			a[i] = float64(r.IntN(4))
		}
		for i := range b {
			b[i] = float64(r.IntN(4)) + 0.5*float64(r.IntN(2))
		}
		check(a, b)
	}
	// Eight against eight, apart: 2 / C(16, 8).
	lo, hi := []float64{1, 2, 3, 4, 5, 6, 7, 8}, []float64{11, 12, 13, 14, 15, 16, 17, 18}
	p, _ := MannWhitney(lo, hi)
	near(t, "8 against 8", p, 2.0/12870, 1e-12)
	same := slices.Repeat([]float64{3}, 60)
	for _, n := range []int{1, 5, 60} {
		if p, err := MannWhitney(same[:n], same[:n]); err != nil || p != 1 {
			t.Errorf("%d equal values: got %v, %v", n, p, err)
		}
	}
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, 0.03, 0.005}) // R: p.adjust(…, "holm")
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		near(t, "holm", got[i], want, 1e-15)
	}
	if got := Holm([]float64{0.9, 0.8}); got[0] != 1 || got[1] != 1 {
		t.Errorf("capped: got %v", got)
	}
	if len(Holm(nil)) != 0 {
		t.Error("none: got some")
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{
		{81, 263, 25.5289, 36.6214},    // Newcombe 1998, table I: 0.2553, 0.3662
		{15, 148, 6.2386, 16.0513},     // 0.0624, 0.1605
		{0, 20, 0, 16.1125},            // 0.0000, 0.1611
		{1, 29, 0.6113, 17.1757},       // 0.0061, 0.1718
		{37500, 50000, 74.619, 75.378}, // the protocol's ±0.38 points
	} {
		iv, err := Wilson(c.k, c.n)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "lo", iv.Lo, c.lo, 0.006)
		near(t, "hi", iv.Hi, c.hi, 0.006)
	}
	iv, _ := Wilson(750, 1000)
	near(t, "±2.7 points of 1,000 images", iv.HalfWidth(), 2.7, 0.05)
	for n := 1; n < 200; n++ {
		for _, k := range []int{0, n / 3, n} {
			iv, err := Wilson(k, n)
			if p, _ := Percent(k, n); err != nil || !iv.Contains(p) || iv.Lo < 0 || iv.Hi > 100 || iv.Lo == iv.Hi {
				t.Fatalf("%d of %d: got %v, %v", k, n, iv, err)
			}
		}
	}
}

func TestMcNemar(t *testing.T) {
	for _, c := range []struct {
		a, b int
		p    float64
	}{
		{0, 0, 1}, {5, 5, 1}, {1, 0, 1}, {0, 6, 2.0 / 64}, {10, 2, 0.03857421875}, {2, 10, 0.03857421875},
		{59, 121, 4.434449263755e-06},
	} {
		p, err := McNemar(c.a, c.b)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "p", p, c.p, 1e-9*c.p)
	}
	if p, _ := McNemar(100000, 101000); math.Abs(p-0.0258623924) > 1e-8 {
		t.Errorf("large counts: got %v", p)
	}
}

func TestPairedDifference(t *testing.T) {
	d, iv, err := PairedDifference(30, 10, 1000)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "difference", d, 2, 1e-12)
	if !iv.Contains(d) || iv.Contains(0) || iv.HalfWidth() > 1.4 {
		t.Errorf("interval: got %v", iv)
	}
	if _, iv, _ := PairedDifference(0, 0, 100); !(iv.Lo < 0 && iv.Hi > 0) {
		t.Errorf("no difference seen: got %v", iv)
	}
}

// The interval of unpaired ratios is the one that inverting the test gives: a factor lies in
// it exactly when the test does not tell a from b times the factor.
func TestRatioApart(t *testing.T) {
	a, b := []float64{10.1, 10.4, 9.9, 10.2, 10.8, 10.0}, []float64{5.2, 5.0, 5.1, 4.9, 5.3}
	ratio, iv, why, err := RatioApart(a, b)
	if err != nil || why != nil {
		t.Fatal(why, err)
	}
	near(t, "ratio", ratio, 10.15/5.1, 1e-12)
	for f := 1.8; f < 2.3; f += 0.0001 {
		scaled := make([]float64, len(b))
		for i := range b {
			scaled[i] = b[i] * f
		}
		p, err := MannWhitney(a, scaled)
		if err != nil {
			t.Fatal(err)
		}
		if in := f > iv.Lo+1e-9 && f < iv.Hi-1e-9; in != (p > 0.05) && math.Abs(f-iv.Lo) > 1e-3 && math.Abs(f-iv.Hi) > 1e-3 {
			t.Fatalf("factor %v: in %v is %v, but p = %v", f, *iv, in, p)
		}
	}
	if _, iv, why, err := RatioApart([]float64{1, 2, 3}, []float64{1, 2, 3}); iv != nil || why == nil || err != nil {
		t.Errorf("three and three: got %v %v %v", iv, why, err)
	}
	if _, _, _, err := RatioApart([]float64{1, -2}, []float64{1}); err == nil {
		t.Error("a negative median is accepted")
	}
}
