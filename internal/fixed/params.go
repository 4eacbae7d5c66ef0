package fixed

import "math"

// Quant is how integers of one tensor stand for real numbers: scale·(q − zero), q in
// [Lo, Hi].
type Quant struct {
	Scale  float32
	Zero   int32
	Lo, Hi int32
}

// Range is all that the type can hold.
func (q Quant) Range() Range { return Range{q.Lo, q.Hi} }

// Less is q for integers that are smaller by a constant.
func (q Quant) Less(by int32) Quant { return Quant{q.Scale, q.Zero - by, q.Lo - by, q.Hi - by} }

// Real is the number that q.Zero + d stands for, in float32.
func (q Quant) Real(v int32) float32 { return q.Scale * float32(v-q.Zero) }

// Of is the integer that stands for x. TensorFlow Lite divides in float64 and rounds half away
// from zero, XNNPACK multiplies by the reciprocal in float32 and ONNX Runtime divides in
// float32; both round half to even. What is no number becomes the zero point.
func (q Quant) Of(x float32, p Profile) int32 {
	v := int32(0)
	switch r := x / q.Scale; {
	case r != r:
	case p == XNNPACK:
		v = roundEven(float32(x * float32(1/q.Scale)))
	case p == ONNX:
		v = roundEven(r)
	default:
		v = Round(float64(x) / float64(q.Scale))
	}
	return q.Range().Clamp(saturate(int64(v) + int64(q.Zero)))
}

// ProductFactor is the factor of a matrix product of x and w, where w has the scale ws.
// Where joined is set the product of the scales is taken in float32 first: TensorFlow
// Lite's rule for uint8 and for fully connected layers.
func ProductFactor(x Quant, ws float32, y Quant, joined bool, p Profile, r Rounding) Factor {
	m := float64(x.Scale) * float64(ws) / float64(y.Scale)
	if joined {
		m = float64(x.Scale*ws) / float64(y.Scale)
	}
	if p.Once() {
		f := FactorOf(m, Even)
		f.Scale = x.Scale * ws / y.Scale
		return f
	}
	return FactorOf(m, r)
}

// addShift is the bits that addends are raised by before they are rescaled.
const addShift = 20

// Adder is the sum of two quantized numbers, in one of three ways: as TensorFlow Lite's kernels,
// by Once or by Scaled.
type Adder struct {
	A, B, Y    Quant
	FA, FB, FY Factor
	Range      Range
	minus      bool
	once       *Once
	scaled     *Scaled
}

// Once is the sum that is rounded once, as ONNX Runtime computes it on x86: with all
// numbers as unsigned bytes, Fixed + b·RB + a·RA by two fused multiply-adds in float32, whose
// first addend holds all three zero points. OffA, OffB and OffY are what the numbers of a,
// b and y are below unsigned bytes, so that the answer does not depend on their type.
type Once struct {
	RA, RB, Fixed    float32
	OffA, OffB, OffY int32
}

// Scaled is the sum as XNNPACK computes it: (Bias + a·MA + b·MB) / 2^Shift, half up, plus the
// result's zero point. The larger factor has 21 bits, and the bias holds the operands' zero
// points.
type Scaled struct{ MA, MB, Bias, Shift int32 }

// scaledBits is how many bits the larger factor of a Scaled sum has behind its first.
const scaledBits = 20

// XNNPACK adds where the ratio of either operand's scale to the result's is in a range, and
// multiplies where that of the product of the scales is; others it leaves to TensorFlow Lite's
// kernels.
const (
	leastSumRatio, endSumRatio         = 0x1p-10, 0x1p8
	leastProductRatio, endProductRatio = 0x1p-16, 0x1p8
)

// NewAdder prepares y = a + b, or a − b where minus is set, limited to rng.
func NewAdder(a, b, y Quant, minus bool, rng Range, p Profile) Adder {
	twice := 2 * max(float64(a.Scale), float64(b.Scale))
	d := Adder{
		A: a, B: b, Y: y, Range: rng, minus: minus,
		FA: FactorOf(float64(a.Scale)/twice, HalfAway),
		FB: FactorOf(float64(b.Scale)/twice, HalfAway),
		FY: FactorOf(twice/(float64(int32(1)<<addShift)*float64(y.Scale)), HalfAway),
	}
	ra, rb := a.Scale/y.Scale, b.Scale/y.Scale
	switch low, high := min(ra, rb), max(ra, rb); {
	case p == ONNX:
		o := Once{RA: ra, RB: rb, OffA: a.Lo, OffB: b.Lo, OffY: y.Lo}
		if minus {
			o.RB = -o.RB
		}
		o.Fixed = float32(y.Zero-o.OffY) - fma(o.RA, float32(a.Zero-o.OffA), float32(o.RB*float32(b.Zero-o.OffB)))
		d.once = &o
	case p == XNNPACK && low >= leastSumRatio && high < endSumRatio:
		_, exp := math.Frexp(float64(high))
		shift := scaledBits - (exp - 1)
		s := Scaled{MA: roundEven(float32(math.Ldexp(float64(ra), shift))), MB: roundEven(float32(math.Ldexp(float64(rb), shift))), Shift: int32(shift)}
		if minus {
			s.MB = -s.MB
		}
		s.Bias = 1<<(shift-1) - s.MA*a.Zero - s.MB*b.Zero
		d.scaled = &s
	}
	return d
}

// Once reports whether sums are rounded once in float32, and how.
func (d *Adder) Once() (Once, bool) {
	if d.once == nil {
		return Once{}, false
	}
	return *d.once, true
}

// Scaled reports whether sums are XNNPACK's, and how.
func (d *Adder) Scaled() (Scaled, bool) {
	if d.scaled == nil {
		return Scaled{}, false
	}
	return *d.scaled, true
}

// Minus reports whether the second operand is taken off.
func (d *Adder) Minus() bool { return d.minus }

// Apply returns a + b.
func (d *Adder) Apply(a, b int32) int32 {
	if s := d.scaled; s != nil {
		return d.Range.Clamp((s.Bias+a*s.MA+b*s.MB)>>s.Shift + d.Y.Zero)
	}
	if o := d.once; o != nil {
		v := fma(float32(b-o.OffB), o.RB, o.Fixed)
		v = fma(float32(a-o.OffA), o.RA, v)
		return d.Range.Clamp(saturate(int64(roundEven(v)) + int64(o.OffY)))
	}
	left, right := d.FA.Apply((a-d.A.Zero)<<addShift), d.FB.Apply((b-d.B.Zero)<<addShift)
	if d.minus {
		right = -right
	}
	return d.Range.Clamp(d.FY.Apply(left+right) + d.Y.Zero)
}

// fma is a·b + c in float32, rounded once, which for a product of at most 53 bits is
// float64's sum rounded to odd where it is not exact.
func fma(a, b, c float32) float32 {
	p, q := float64(a)*float64(b), float64(c)
	s := float64(p + q)
	t := float64(s - p)
	rest := float64(p-float64(s-t)) + float64(q-t)
	if bits := math.Float64bits(s); rest != 0 && rest == rest && bits&1 == 0 {
		if (rest > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

// Times is the product of two quantized numbers. Where it is rounded once, in float32, XNNPACK
// adds the result's zero point to the integer, but ONNX Runtime, as on x86, adds that of the
// number as an unsigned byte before it rounds half to even, so that which of two halves is even
// depends on it.
type Times struct {
	A, B, Y Quant
	Factor  Factor
	Range   Range
	before  int32 // the zero point that is added before rounding
}

// NewTimes prepares y = a · b, limited to rng.
func NewTimes(a, b, y Quant, rng Range, p Profile) Times {
	t := Times{A: a, B: b, Y: y, Range: rng, Factor: FactorOf(float64(a.Scale*b.Scale)/float64(y.Scale), HalfAway)}
	ratio := a.Scale * b.Scale / y.Scale
	switch {
	case p == ONNX:
		t.before = y.Zero - y.Lo
	case p != XNNPACK || !(ratio >= leastProductRatio && ratio < endProductRatio):
		return t
	}
	t.Factor.Rounding, t.Factor.Scale = Even, ratio
	return t
}

// Once reports whether products are rounded once: then before is added first and after, with
// which it is the result's zero point, to the integer.
func (t *Times) Once() (before float32, after int32, ok bool) {
	return float32(t.before), t.Y.Zero - t.before, t.Factor.Rounding == Even
}

// Apply returns a · b.
func (t *Times) Apply(a, b int32) int32 {
	if before, after, ok := t.Once(); ok {
		v := float32(float32((a-t.A.Zero)*(b-t.B.Zero)) * t.Factor.Scale) // rounded: no fused multiply-add
		return t.Range.Clamp(saturate(int64(roundEven(v+before)) + int64(after)))
	}
	return t.Range.Clamp(saturate(int64(t.Factor.Apply((a-t.A.Zero)*(b-t.B.Zero))) + int64(t.Y.Zero)))
}

// Averager is the rescaled mean of n numbers from their sum. TensorFlow Lite rescales the sum of
// signed numbers and divides what that gave, half away from zero; that of unsigned ones, their
// zero points still in it, it rescales by a factor that has the division in it, and adds what
// the zero points are worth, rounded on its own. The other profiles round once: XNNPACK the sum
// times a factor, plus what all zero points are worth, in float32; ONNX Runtime the mean's
// distance from the zero point.
type Averager struct {
	n      int32
	offset int32 // n zero points
	factor Factor
	bias   int32   // of unsigned numbers
	shift  float32 // what all zero points are worth in quanta of the result
	lift   int32   // what the result is raised by over the file's numbers
	way    averaging
	y      Quant
}

type averaging uint8

const (
	meanOnce averaging = iota
	meanSigned
	meanUnsigned
	meanShifted
)

// NewAverager prepares means of n numbers, which are unsigned in the file or not. Numbers of a
// file of signed ones may be raised to unsigned ones.
func NewAverager(n int, x, y Quant, unsigned bool, p Profile) Averager {
	a := Averager{n: int32(n), offset: int32(n) * x.Zero, y: y}
	switch {
	case p == XNNPACK:
		a.way, a.offset = meanShifted, 0
		zero, to := x.Zero, y.Zero
		if !unsigned { // the roundings depend on the file's own numbers
			raised := x.Lo - math.MinInt8
			a.lift = y.Lo - math.MinInt8
			a.offset, zero, to = int32(n)*raised, zero-raised, to-a.lift
		}
		a.factor = Factor{Scale: float32(x.Scale/y.Scale) * float32(1/float32(n))}
		a.shift = float32(to) - float32(float32(int32(n)*zero)*a.factor.Scale)
	case p.Once():
		a.factor = FactorOf(float64(x.Scale)/float64(y.Scale), Even)
		a.factor.Scale = x.Scale / (float32(n) * y.Scale)
	case unsigned:
		a.way, a.offset = meanUnsigned, 0
		a.factor = FactorOf(float64(x.Scale/(float32(n)*y.Scale)), HalfAway)
		a.bias = y.Zero - Round(float64(float32(x.Zero)*x.Scale/y.Scale))
	default:
		a.way = meanSigned
		a.factor = FactorOf(float64(x.Scale)/float64(y.Scale), HalfAway)
	}
	return a
}

// Apply returns the mean.
func (a *Averager) Apply(sum int32) int32 {
	if a.way == meanShifted {
		v := float32(float32(sum-a.offset) * a.factor.Scale) // rounded: no fused multiply-add
		return a.y.Range().Clamp(saturate(int64(roundEven(v+a.shift)) + int64(a.lift)))
	}
	v := a.factor.Apply(sum - a.offset)
	zero := a.y.Zero
	switch a.way {
	case meanSigned:
		v = WindowMean(v, int(a.n))
	case meanUnsigned:
		zero = a.bias
	}
	return a.y.Range().Clamp(saturate(int64(v) + int64(zero)))
}

// WindowMean is the mean of n numbers that keep their quantization, half away from zero.
func WindowMean(sum int32, n int) int32 {
	h := int32(n) / 2
	if sum > 0 {
		return (sum + h) / int32(n)
	}
	return (sum - h) / int32(n)
}

// Softmax writes the probabilities of scores x into y.
func Softmax(x []int32, y []int32, qx, qy Quant) {
	top := int32(math.MinInt32)
	for _, v := range x {
		top = max(top, v)
	}
	e := make([]float32, len(x))
	sum := float32(0)
	for i, v := range x {
		e[i] = expOf(qx, top-v)
		sum += e[i]
	}
	inverse := 1 / float32(sum*qy.Scale)
	for i := range x {
		y[i] = qy.Range().Clamp(int32(math.Floor(float64(float32(float32(e[i]*inverse)+0.5)))) + qy.Zero)
	}
}

// expOf is the weight of a score d quanta below the largest.
func expOf(q Quant, d int32) float32 {
	return float32(math.Exp(float64(-q.Scale * float32(d))))
}
