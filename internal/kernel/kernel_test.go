package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wispnet/wisp/internal/cpu"
)

// each runs f once per variant of a table that this processor can run. One that
// WISP_REQUIRE names and that cannot run is a failure.
func each[A any](t *testing.T, table []Variant[A], f func(t *testing.T, v *Variant[A])) {
	t.Helper()
	for i := range table {
		v := &table[i]
		t.Run(v.Name, func(t *testing.T) {
			if !runs(t, v) {
				t.Skipf("this processor or build has no %s", v.Set)
			}
			f(t, v)
		})
	}
}

// runs reports whether this processor can run a variant, and fails where WISP_REQUIRE names
// one that cannot.
func runs[A any](t *testing.T, v *Variant[A]) bool {
	t.Helper()
	if v.Available() {
		return true
	}
	required, err := cpu.Required()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(required, v.Set) {
		t.Fatalf("%s requires %s, which this processor or build lacks", cpu.RequireVar, v.Set)
	}
	return false
}

const eps = 0x1p-24 // half a unit in the last place of float32, relative

// sumBound is how far a float32 sum of n products, in any order, fused or not, may be from
// the truth, for products whose absolute values sum to abs.
func sumBound(n int, abs float64) float64 { return float64(n+4) * eps * abs }

// slope bounds how much an activation stretches an error: |swish′| < 1.1, |hardswish′| ≤ 1.5.
const slope = 1.5

// actError is what the activation itself may add, relative to its result.
const actError = 4*eps + 2*ExpError

// refAct is the activation in float64.
func refAct(a Act, x float64) float64 {
	switch a.Kind {
	case ActClip:
		return min(max(x, float64(a.Lo)), float64(a.Hi))
	case ActSigmoid:
		return 1 / (1 + math.Exp(-x))
	case ActSiLU:
		return x / (1 + math.Exp(-x))
	case ActHardSigmoid:
		return min(max(x+3, 0), 6) / 6
	case ActHardSwish:
		return x * min(max(x+3, 0), 6) / 6
	}
	return x
}

var acts = []Act{
	{}, {Kind: ActClip, Lo: 0, Hi: float32(math.Inf(1))}, {Kind: ActClip, Lo: 0, Hi: 6},
	{Kind: ActSigmoid}, {Kind: ActSiLU}, {Kind: ActHardSigmoid}, {Kind: ActHardSwish},
}

const guard = 64 // elements before and after every written buffer

// sentinel is a NaN that no computation makes.
var sentinel = math.Float32frombits(0x7FC0BEEF)

// guarded is a buffer that shows every stray write.
type guarded struct {
	all, buf []float32
}

func newGuarded(n int) guarded {
	g := guarded{all: make([]float32, n+2*guard)}
	for i := range g.all {
		g.all[i] = sentinel
	}
	g.buf = g.all[guard : guard+n]
	return g
}

// check reports every element that was written although written says no.
func (g guarded) check(t *testing.T, written func(i int) bool) {
	t.Helper()
	for i, v := range g.all {
		inside := i >= guard && i < len(g.all)-guard && written(i-guard)
		if !inside && math.Float32bits(v) != math.Float32bits(sentinel) {
			t.Fatalf("element %d is outside the result and was written: got %v", i-guard, v)
		}
	}
}

// input is a random buffer of n elements whose Slack is NaN: a variant may read it and may
// not use it. It starts off elements into its allocation, to vary the alignment.
func input(r *rand.Rand, n, off int) []float32 {
	all := make([]float32, off+n+Slack)
	for i := range all {
		all[i] = float32(math.NaN())
	}
	x := all[off : off+n]
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x
}

// near checks one result, where says which, against the truth and the twin.
func near(t *testing.T, where func() string, got, twin float32, want, bound float64) {
	if d := math.Abs(float64(got) - want); !(d <= bound) {
		t.Helper()
		t.Fatalf("%s: got %v, want %v ± %.2g", where(), got, want, bound)
	}
	if d := math.Abs(float64(got) - float64(twin)); !(d <= 2*bound) {
		t.Helper()
		t.Fatalf("%s: got %v, the twin says %v ± %.2g", where(), got, twin, 2*bound)
	}
}

func seeded(a, b int) *rand.Rand { return rand.New(rand.NewPCG(uint64(a), uint64(b))) }

func TestPick(t *testing.T) {
	table := []Variant[int]{{Name: "avx512", Set: "nonsense"}, {Name: "avx2"}, {Name: "go"}}
	for _, c := range []struct{ name, want string }{{"", "avx2"}, {"avx512", "go"}, {"avx2", "avx2"}, {"go", "go"}} {
		if got := Pick(table, c.name).Name; got != c.want {
			t.Errorf("Pick(%q): got %s, want %s", c.name, got, c.want)
		}
	}
	if err := CheckName("sse"); err == nil {
		t.Error("CheckName accepted sse")
	}
}

// Every table ends in the twin, and every row can be scheduled.
func TestTables(t *testing.T) {
	checkTable(t, "gemm", GemmF32)
	checkTable(t, "gemv", GemvF32)
	checkTable(t, "dw", DwF32)
	checkTable(t, "pool", PoolF32)
	checkTable(t, "mean", MeanF32)
	checkTable(t, "unary", UnaryF32)
	checkTable(t, "binary", BinaryF32)
	checkTable(t, "softmax", SoftmaxF32)
	checkTable(t, "copy", CopyF32)
	checkTable(t, "gemm_u8", GemmU8)
	checkTable(t, "dw_u8", DwU8)
	checkTable(t, "pool_u8", PoolU8)
	checkTable(t, "mean_u8", MeanU8)
	checkTable(t, "lookup_u8", LookupU8)
	checkTable(t, "binary_u8", BinaryU8)
	checkTable(t, "copy_u8", CopyU8)
	checkTable(t, "quantize_u8", QuantizeU8)
	checkTable(t, "dequantize_u8", DequantizeU8)
}

func checkTable[A any](t *testing.T, name string, table []Variant[A]) {
	for i, v := range table {
		if v.Rows < 1 || v.Cols < 1 || v.Side < 1 || v.Rate < 1 || v.Fn == nil || !slices.Contains(Names, v.Name) {
			t.Errorf("%s: row %d (%s) is not complete", name, i, v.Name)
		}
		if twin := i == len(table)-1; twin != (v.Name == "go") || twin != (v.Set == "") {
			t.Errorf("%s: row %d is %s: want the twin last and only there", name, i, v.Name)
		}
	}
}

func TestExp(t *testing.T) {
	worst := 0.0
	for bits := range uint32(1 << 22) {
		x := math.Float32frombits(bits << 10)
		if !(x >= expMin && x <= expMax) {
			continue
		}
		want := math.Exp(float64(x))
		worst = max(worst, math.Abs(float64(Exp(x))-want)/want)
	}
	if worst > ExpError {
		t.Errorf("relative error: got %.3g, want at most %.3g", worst, ExpError)
	}
	if y := Exp(float32(math.NaN())); y == y {
		t.Errorf("Exp(NaN): got %v", y)
	}
	for _, x := range []float32{float32(math.Inf(-1)), -1000, 1000, float32(math.Inf(1))} {
		if y := Exp(x); !(y > 0) || math.IsInf(float64(y), 0) {
			t.Errorf("Exp(%v): got %v, want a normal number", x, y)
		}
	}
	if y := sigmoid(float32(math.Inf(-1))); !(y >= 0 && y < 1e-30) {
		t.Errorf("sigmoid(-Inf): got %v", y)
	}
	if y := sigmoid(float32(math.Inf(1))); y != 1 {
		t.Errorf("sigmoid(+Inf): got %v", y)
	}
}

func label(parts ...any) string { return fmt.Sprint(parts...) }
