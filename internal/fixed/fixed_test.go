package fixed

import (
	"math"
	"math/big"
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

// Sums that are rounded once do not depend on whether bytes are signed, and are within a
// half and a little of the true ones.
func TestAdderOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		draw := func() Quant {
			return Quant{Scale: float32(math.Exp(2 * rng.NormFloat64())), Zero: int32(rng.IntN(256)) - 128, Lo: -128, Hi: 127}
		}
		up := func(q Quant) Quant { return Quant{q.Scale, q.Zero + 128, 0, 255} }
		a, b, y := draw(), draw(), draw()
		d, e := NewAdder(a, b, y, false, y.Range(), XNNPACK), NewAdder(up(a), up(b), up(y), false, up(y).Range(), XNNPACK)
		p, q := int32(rng.IntN(256))-128, int32(rng.IntN(256))-128
		got := d.Apply(p, q)
		if raised := e.Apply(p+128, q+128) - 128; raised != got {
			t.Fatalf("%+v + %+v: got %d, of unsigned bytes %d", a, b, got, raised)
		}
		want := (float64(a.Real(p))+float64(b.Real(q)))/float64(y.Scale) + float64(y.Zero)
		if want = min(max(want, -128), 127); math.Abs(float64(got)-want) > 0.5+1e-3 {
			t.Fatalf("%+v + %+v in %+v: got %d, want %v", a, b, y, got, want)
		}
	}
}

// fma rounds once, also where float64's sum is not exact.
func TestFMA(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		a, b, c := float32(rng.IntN(256)-128), float32(math.Exp(20*(rng.Float64()-0.8))), float32(rng.NormFloat64()*100)
		exact := new(big.Float).SetPrec(300).SetFloat64(float64(a))
		exact.Mul(exact, big.NewFloat(float64(b)))
		exact.Add(exact, big.NewFloat(float64(c)))
		want, _ := exact.Float32()
		if got := fma(a, b, c); got != want {
			t.Fatalf("%v·%v + %v: got %v, want %v", a, b, c, got, want)
		}
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
	if r := q.Within(0, 6, Builtin); r != (Range{-5, 55}) {
		t.Errorf("relu6: got %+v", r)
	}
	for _, c := range []struct {
		lo, hi float64
		want   Range
	}{
		{0, math.Inf(1), Range{-5, 127}}, {-100, 100, Range{-128, 127}}, {100, 200, Range{127, 127}}, {-200, -100, Range{-128, -128}},
		{math.Inf(-1), -100, Range{-128, -128}}, {3, 2, Range{25, 25}},
	} {
		if r := q.Within(c.lo, c.hi, ONNX); r != c.want {
			t.Errorf("within %v and %v: got %+v, want %+v", c.lo, c.hi, r, c.want)
		}
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
