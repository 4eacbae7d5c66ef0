// Package fixed is the arithmetic of quantized networks on single numbers: how a real
// factor becomes an integer one, and how an accumulator becomes an 8-bit result again,
// exactly as the named runtimes do it.
//
// It knows no tensors' layouts and no graphs. internal/interp applies it number by
// number; internal/kernel computes the same vectors at a time and is tested against it.
//
// The rules are TensorFlow Lite's (kernels/internal/common.h, gemmlowp's fixedpoint.h),
// found out byte by byte from the runtime's answers: an accumulator times a 31-bit factor
// is rounded twice, the second time half up in matrix products and half away from zero
// elsewhere. XNNPACK and ONNX Runtime multiply in float32 instead and round once, half to
// even. They are profiles of their own, for they differ in sums and functions.
package fixed

import (
	"fmt"
	"math"
	"strings"
)

// Profile names an arithmetic: which runtime's integers are computed.
type Profile string

const (
	// Builtin is the built-in kernels of TensorFlow Lite 2.9, bit for bit.
	Builtin Profile = "tflite-builtin"
	// XNNPACK rounds once, as TensorFlow Lite does with its default delegate; within one
	// quantum of Builtin in each operator.
	XNNPACK Profile = "tflite-xnnpack"
	// ONNX rounds once, as ONNX Runtime's operators over bytes do on x86.
	ONNX Profile = "onnx"
)

// Default is the profile of a graph that no file says one for: what TensorFlow Lite does by
// default.
const Default = XNNPACK

// Profiles are all of them.
var Profiles = []Profile{Builtin, XNNPACK, ONNX}

// Names lists the profiles for messages: "a, b or c".
func Names() string {
	var s []string
	for _, p := range Profiles {
		s = append(s, string(p))
	}
	last := len(s) - 1
	return strings.Join(s[:last], ", ") + " or " + s[last]
}

// ParseProfile checks a profile's name; the empty one is Default.
func ParseProfile(s string) (Profile, error) {
	if s == "" {
		return Default, nil
	}
	for _, p := range Profiles {
		if string(p) == s {
			return p, nil
		}
	}
	return "", fmt.Errorf("arithmetic %q: want %s", s, Names())
}

// ForFormat is the profile of a quantized file of a format, as package format names them:
// what the runtime that people run such files with computes. The empty name stands for no
// file.
func ForFormat(name string) Profile {
	if name == "onnx" {
		return ONNX
	}
	return Default
}

// Once reports whether the profile multiplies in float32 and rounds once, half to even.
func (p Profile) Once() bool { return p == XNNPACK || p == ONNX }

// Rounding says how a product with a factor becomes an integer.
type Rounding uint8

const (
	HalfUp   Rounding = iota // twice: high word half up, then the shift half up
	HalfAway                 // twice: high word half up, then the shift half away from zero
	Even                     // once, in float32, half to even
)

// Factor is a positive real number that accumulators are multiplied with.
type Factor struct {
	Mult     int32 // the significand in [2³⁰, 2³¹), or 0
	Shift    int   // the number is Mult·2^(Shift−31)
	Scale    float32
	Rounding Rounding
}

// FactorOf splits a positive number as TensorFlow Lite's QuantizeMultiplier does.
func FactorOf(m float64, r Rounding) Factor {
	f := Factor{Scale: float32(m), Rounding: r}
	if m == 0 {
		return f
	}
	frac, exp := math.Frexp(m)
	q := int64(math.Floor(frac*(1<<31) + 0.5))
	if q == 1<<31 {
		q, exp = q/2, exp+1
	}
	if exp < -31 {
		return f
	}
	if exp > 30 { // as the runtime: the largest factor there is
		q, exp = math.MaxInt32, 30
	}
	f.Mult, f.Shift = int32(q), exp
	return f
}

// Apply returns x times the factor, rounded.
func (f Factor) Apply(x int32) int32 {
	if f.Rounding == Even {
		return roundEven(float32(x) * f.Scale)
	}
	h := HighMul(x<<max(f.Shift, 0), f.Mult)
	right := max(-f.Shift, 0)
	if f.Rounding == HalfUp {
		return HalfUpShift(h, right)
	}
	return HalfAwayShift(h, right)
}

// roundEven is float32 to int32, half to even, what is too large to the ends.
func roundEven(x float32) int32 {
	switch r := math.RoundToEven(float64(x)); {
	case r >= math.MaxInt32:
		return math.MaxInt32
	case r <= math.MinInt32:
		return math.MinInt32
	default:
		return int32(r)
	}
}

// HighMul is gemmlowp's SaturatingRoundingDoublingHighMul: (a·b + 2³⁰) >> 31.
func HighMul(a, b int32) int32 {
	if a == b && a == math.MinInt32 {
		return math.MaxInt32
	}
	return int32((int64(a)*int64(b) + 1<<30) >> 31)
}

// HalfUpShift is x / 2ⁿ, half up.
func HalfUpShift(x int32, n int) int32 {
	if n == 0 {
		return x
	}
	return (x + 1<<(n-1)) >> n
}

// HalfAwayShift is x / 2ⁿ, half away from zero: gemmlowp's RoundingDivideByPOT.
func HalfAwayShift(x int32, n int) int32 {
	if n == 0 {
		return x
	}
	return (x + 1<<(n-1) + x>>31) >> n
}

// Round is float64 to the nearest integer, half away from zero, as C's round.
func Round(x float64) int32 {
	switch r := math.Round(x); {
	case r >= math.MaxInt32:
		return math.MaxInt32
	case r <= math.MinInt32:
		return math.MinInt32
	case r != r:
		return 0
	default:
		return int32(r)
	}
}

// Range is the results that are allowed, both ends included.
type Range struct{ Lo, Hi int32 }

// Clamp limits x to the range.
func (r Range) Clamp(x int32) int32 { return min(max(x, r.Lo), r.Hi) }

// Within are the integers that a number limited to the real interval [lo, hi] can become: a
// part of all that the type can hold, one integer where the interval lies outside of it. An
// end that is infinite limits nothing.
func (q Quant) Within(lo, hi float64, p Profile) Range {
	r := q.Range()
	if !math.IsInf(lo, 0) {
		r.Lo = q.end(float32(lo), p)
	}
	if !math.IsInf(hi, 0) {
		r.Hi = q.end(float32(hi), p)
	}
	r.Hi = max(r.Hi, r.Lo)
	return r
}

// end is the integer of a limit: the quotient is one of float32, rounded half away from zero,
// or half to even with the zero point added before.
func (q Quant) end(x float32, p Profile) int32 {
	switch p {
	case ONNX:
		return q.Of(x, p)
	case XNNPACK:
		return q.Range().Clamp(roundEven(x/q.Scale + float32(q.Zero)))
	}
	return q.Range().Clamp(saturate(int64(Round(float64(x/q.Scale))) + int64(q.Zero)))
}

// Kernels is the profile of an operator that the profile's runtime leaves to TensorFlow Lite's
// kernels: XNNPACK has none for limits that stand alone.
func (p Profile) Kernels() Profile {
	if p == XNNPACK {
		return Builtin
	}
	return p
}

func saturate(x int64) int32 { return int32(min(max(x, math.MinInt32), math.MaxInt32)) }
