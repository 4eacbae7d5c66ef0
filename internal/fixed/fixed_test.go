package fixed

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Numbers worked out by hand: 5/2, −5/2 and their like are where the roundings part.
func TestRounding(t *testing.T) {
	for _, c := range []struct {
		x              int32
		up, away, even int32
	}{{5, 3, 3, 2}, {-5, -2, -3, -2}, {3, 2, 2, 2}, {-3, -1, -2, -2}, {4, 2, 2, 2}, {-4, -2, -2, -2}, {0, 0, 0, 0}, {-1, 0, -1, 0}, {1, 1, 1, 0}} {
		if got := HalfUpShift(c.x, 1); got != c.up {
			t.Errorf("%d / 2 half up: got %d, want %d", c.x, got, c.up)
		}
		if got := HalfAwayShift(c.x, 1); got != c.away {
			t.Errorf("%d / 2 half away: got %d, want %d", c.x, got, c.away)
		}
		if got := FactorOf(0.5, Even).Apply(c.x); got != c.even {
			t.Errorf("%d / 2 half to even: got %d, want %d", c.x, got, c.even)
		}
	}
	for _, c := range [][4]int32{{100, 7, 14, 0}, {-100, 7, -14, 0}, {-7, 2, -4, 0}, {7, 2, 4, 0}} {
		if got := WindowMean(c[0], int(c[1])); got != c[2] {
			t.Errorf("mean of %d over %d: got %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// A factor is the number that it was made of to 31 bits, and products are within one of the
// true ones: the two roundings err by at most a half and a little more.
func TestFactors(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		m := math.Exp(12*rng.Float64() - 11)
		x := int32(rng.IntN(1<<20) - 1<<19)
		for _, r := range []Rounding{HalfUp, HalfAway, Even} {
			f := FactorOf(m, r)
			if v := math.Ldexp(float64(f.Mult), f.Shift-31); math.Abs(v-m) > m*0x1p-31 {
				t.Fatalf("%v became %v", m, v)
			}
			if got, want := float64(f.Apply(x)), float64(x)*m; math.Abs(got-want) > 1+math.Abs(want)*0x1p-22 {
				t.Fatalf("%d × %v, rounding %d: got %v, want %v", x, m, r, got, want)
			}
		}
	}
	// gemmlowp's own definition of the high product.
	for range 10000 {
		a, b := int32(rng.Uint32()), int32(rng.Uint32())
		p, nudge := int64(a)*int64(b), int64(1)<<30
		if p < 0 {
			nudge = 1 - nudge
		}
		if got, want := HighMul(a, b), int32((p+nudge)/(1<<31)); got != want {
			t.Fatalf("%d × %d: got %d, want %d", a, b, got, want)
		}
	}
	if HighMul(math.MinInt32, math.MinInt32) != math.MaxInt32 {
		t.Error("the one product that overflows must saturate")
	}
}

// Numbers become integers and back within half a quantum, and what is none becomes zero.
func TestQuant(t *testing.T) {
	q := Quant{Scale: 0.1, Zero: -5, Lo: -128, Hi: 127}
	for _, p := range []Profile{Builtin, XNNPACK} {
		for x := float32(-12); x < 13; x += 0.037 {
			if d := math.Abs(float64(q.Real(q.Of(x, p)) - x)); d > 0.0501 {
				t.Fatalf("%v is %v off", x, d)
			}
		}
		if q.Of(float32(math.NaN()), p) != -5 || q.Of(float32(math.Inf(1)), p) != 127 || q.Of(float32(math.Inf(-1)), p) != -128 {
			t.Errorf("%s: NaN and infinities: got %d, %d, %d", p, q.Of(float32(math.NaN()), p), q.Of(float32(math.Inf(1)), p), q.Of(float32(math.Inf(-1)), p))
		}
	}
	if r := q.Range().Within(0, 6, q.Scale, q.Zero); r != (Range{-5, 55}) {
		t.Errorf("relu6: got %+v", r)
	}
	if _, err := ParseProfile("other"); err == nil {
		t.Error("an unknown profile: want an error")
	}
}

// The fixed-point hard-swish is within a quantum and a half of the real function.
func TestHardSwish(t *testing.T) {
	x, y := Quant{Scale: 0.05, Zero: 3, Lo: -128, Hi: 127}, Quant{Scale: 0.03, Zero: -110, Lo: -128, Hi: 127}
	for i, v := range Table(HardSwish, x, y, y.Range(), Builtin) {
		r := float64(x.Real(x.Lo + int32(i)))
		want := min(max(r*min(max(r+3, 0), 6)/6/float64(y.Scale)+float64(y.Zero), -128), 127)
		if math.Abs(float64(v)-want) > 1.5 {
			t.Errorf("%v: got %d, want %v", r, v, want)
		}
	}
}
