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

// Real is the number that q.Zero + d stands for, in float32.
func (q Quant) Real(v int32) float32 { return q.Scale * float32(v-q.Zero) }

// Of is the integer that stands for x: AffineQuantize, half away from zero, or half to
// even where the profile rounds so.
func (q Quant) Of(x float32, p Profile) int32 {
	r := x / q.Scale
	v := int32(0)
	switch {
	case r != r:
	case p.Once():
		v = roundEven(r)
	default:
		v = Round(float64(r))
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

// Adder is the sum of two quantized numbers.
type Adder struct {
	A, B, Y    Quant
	FA, FB, FY Factor
	Range      Range
	profile    Profile
	once       Once
}

// Once is the sum that is rounded once, as ONNX Runtime computes it on x86: with all
// numbers as unsigned bytes, Fixed + b·RB + a·RA by two fused multiply-adds in float32, whose
// first addend holds all three zero points. OffA, OffB and OffY are what the numbers of a,
// b and y are below unsigned bytes, so that the answer does not depend on their type.
type Once struct {
	RA, RB, Fixed    float32
	OffA, OffB, OffY int32
}

// NewAdder prepares y = a + b, or a − b where minus is set, limited to rng.
func NewAdder(a, b, y Quant, minus bool, rng Range, p Profile) Adder {
	twice := 2 * max(float64(a.Scale), float64(b.Scale))
	d := Adder{
		A: a, B: b, Y: y, Range: rng, profile: p,
		FA: FactorOf(float64(a.Scale)/twice, HalfAway),
		FB: FactorOf(float64(b.Scale)/twice, HalfAway),
		FY: FactorOf(twice/(float64(int32(1)<<addShift)*float64(y.Scale)), HalfAway),
	}
	o := Once{RA: a.Scale / y.Scale, RB: b.Scale / y.Scale, OffA: a.Lo, OffB: b.Lo, OffY: y.Lo}
	if minus {
		o.RB = -o.RB
		d.FB.Mult = -d.FB.Mult
	}
	o.Fixed = float32(y.Zero-o.OffY) - fma(o.RA, float32(a.Zero-o.OffA), float32(o.RB*float32(b.Zero-o.OffB)))
	d.once = o
	return d
}

// Once reports whether sums are rounded once, in float32, and how.
func (d *Adder) Once() (Once, bool) { return d.once, d.profile.Once() }

// Minus reports whether the second operand is taken off.
func (d *Adder) Minus() bool { return d.once.RB < 0 }

// Apply returns a + b.
func (d *Adder) Apply(a, b int32) int32 {
	if o := &d.once; d.profile.Once() {
		v := fma(float32(b-o.OffB), o.RB, o.Fixed)
		v = fma(float32(a-o.OffA), o.RA, v)
		return d.Range.Clamp(saturate(int64(roundEven(v)) + int64(o.OffY)))
	}
	left := d.FA.Apply((a - d.A.Zero) << addShift)
	f, sign := d.FB, int32(1)
	if f.Mult < 0 { // a difference
		f.Mult, sign = -f.Mult, -1
	}
	right := sign * f.Apply((b-d.B.Zero)<<addShift)
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

// Times is the product of two quantized numbers. Where it is rounded once it is as ONNX
// Runtime computes it on x86: in float32 the zero point, of the number as an unsigned byte,
// is added before half is rounded to even, so that which of two halves is even depends on it.
type Times struct {
	A, B, Y Quant
	Factor  Factor
	Range   Range
}

// NewTimes prepares y = a · b, limited to rng.
func NewTimes(a, b, y Quant, rng Range, p Profile) Times {
	t := Times{A: a, B: b, Y: y, Range: rng, Factor: FactorOf(float64(a.Scale*b.Scale)/float64(y.Scale), HalfAway)}
	if p.Once() {
		t.Factor.Rounding, t.Factor.Scale = Even, a.Scale*b.Scale/y.Scale
	}
	return t
}

// Once reports whether products are rounded once: then Y.Zero − Y.Lo is added first.
func (t *Times) Once() (zero float32, ok bool) {
	return float32(t.Y.Zero - t.Y.Lo), t.Factor.Rounding == Even
}

// Apply returns a · b.
func (t *Times) Apply(a, b int32) int32 {
	if zero, ok := t.Once(); ok {
		v := float32(float32((a-t.A.Zero)*(b-t.B.Zero)) * t.Factor.Scale) // rounded: no fused multiply-add
		return t.Range.Clamp(saturate(int64(roundEven(v+zero)) + int64(t.Y.Lo)))
	}
	return t.Range.Clamp(saturate(int64(t.Factor.Apply((a-t.A.Zero)*(b-t.B.Zero))) + int64(t.Y.Zero)))
}

// Averager is the rescaled mean of n numbers from their sum: TensorFlow Lite rescales the
// sum and divides what that gave, half away from zero; the other profile rounds once.
type Averager struct {
	n      int32
	offset int32 // n zero points
	factor Factor
	y      Quant
}

// NewAverager prepares means of n numbers.
func NewAverager(n int, x, y Quant, p Profile) Averager {
	a := Averager{n: int32(n), offset: int32(n) * x.Zero, y: y, factor: FactorOf(float64(x.Scale)/float64(y.Scale), HalfAway)}
	if p.Once() {
		a.factor.Rounding, a.factor.Scale = Even, x.Scale/(float32(n)*y.Scale)
	}
	return a
}

// Apply returns the mean.
func (a *Averager) Apply(sum int32) int32 {
	v := a.factor.Apply(sum - a.offset)
	if a.factor.Rounding != Even {
		v = WindowMean(v, int(a.n))
	}
	return a.y.Range().Clamp(saturate(int64(v) + int64(a.y.Zero)))
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
