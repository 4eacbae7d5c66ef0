package fixed

import "math"

// Unary is a function of one quantized number.
type Unary uint8

const (
	Rescale     Unary = iota // the number itself, in other quanta
	Limit                    // the same before a limit
	Sigmoid                  // 1/(1+e⁻ˣ), from a table in float32 or, XNNPACK's, in float64
	HardSwish                // x·clip(x+3,0,6)/6, in 16-bit fixed point
	SiLU                     // x/(1+e⁻ˣ), from a table in float64
	HardSigmoid              // clip(x+3,0,6)/6, likewise
)

// XNNPACK rescales integers by a factor of eight bits behind the point, half up, where the
// ratio of the scales is in this range.
const (
	rescaleBits                      = 8
	leastRescaleRatio, mostRescaling = 0x1p-8, 0x1p7
)

// Table computes a function of every number that x can hold: entry v − x.Lo is the
// result for v, limited to rng. Between types Rescaling says which of the first two it is.
//
// XNNPACK takes Rescale and Sigmoid alone; the rest is TensorFlow Lite's kernels' under its profile
// too. It rounds half to even, with the zero point, so that which numbers are halves depends on
// whether they are signed. The last two functions are no operators of TensorFlow Lite; they are the real function rounded to
// the nearest. ONNX Runtime takes all of them in float32 from the number's real one.
func Table(u Unary, x, y Quant, rng Range, p Profile) [256]int32 {
	var t [256]int32
	f := FactorOf(float64(x.Scale)/float64(y.Scale), HalfAway)
	hs := newHardSwish(x, y)
	ratio := x.Scale / y.Scale
	short := u == Rescale && p == XNNPACK && ratio >= leastRescaleRatio && ratio <= mostRescaling
	mult := int32(0)
	if short {
		mult = roundEven(ratio * (1 << rescaleBits))
	}
	for i := range t {
		v := x.Lo + int32(i)
		var r int32
		switch {
		case p == ONNX:
			r = y.Of(float32(u.real(float64(x.Real(v)))), p)
		case short:
			r = HalfUpShift((v-x.Zero)*mult, rescaleBits) + y.Zero
		case u == Rescale || u == Limit:
			r = saturate(int64(f.Apply(v-x.Zero)) + int64(y.Zero))
		case u == Sigmoid && p == XNNPACK:
			r = roundEven(float32(u.real(float64(x.Real(v)))/float64(y.Scale)) + float32(y.Zero))
		case u == Sigmoid:
			s := 1 / (1 + float32(math.Exp(float64(-x.Real(v)))))
			r = saturate(int64(Round(float64(s*(1/y.Scale)))) + int64(y.Zero))
		case u == HardSwish:
			r = hs.apply(v)
		default:
			r = saturate(int64(Round(u.real(float64(x.Real(v)))/float64(y.Scale))) + int64(y.Zero))
		}
		t[i] = rng.Clamp(r)
	}
	return t
}

// Rescaling is the function of a value that gets another quantization, and perhaps another type:
// XNNPACK rescales within a type alone.
func Rescaling(sameType bool) Unary {
	if sameType {
		return Rescale
	}
	return Limit
}

func (u Unary) real(x float64) float64 {
	switch u {
	case Sigmoid:
		return 1 / (1 + math.Exp(-x))
	case HardSwish:
		return x * min(max(x+3, 0), 6) / 6
	case SiLU:
		return x / (1 + math.Exp(-x))
	case HardSigmoid:
		return min(max(x+3, 0), 6) / 6
	}
	return x
}

// hardSwish is TensorFlow Lite's fixed-point form: x is raised by seven bits, one factor
// takes it to the output's quanta and another to the ramp's, whose unit is 3/2¹⁵.
type hardSwish struct {
	x, y                Quant
	outMult, rampMult   int16
	outShift, rampShift int
}

func newHardSwish(x, y Quant) hardSwish {
	fine := float64(float32(x.Scale) * (1.0 / 128))
	out := FactorOf(float64(float32(fine)/y.Scale), HalfAway)
	ramp := FactorOf(fine/float64(float32(3.0/32768)), HalfAway)
	return hardSwish{x, y, toInt16(out.Mult), toInt16(ramp.Mult), out.Shift, ramp.Shift}
}

// toInt16 rounds a 31-bit significand to 15 bits.
func toInt16(m int32) int16 {
	if m >= math.MaxInt32-1<<15 {
		return math.MaxInt16
	}
	return int16((m + 1<<15) >> 16)
}

func (h *hardSwish) apply(v int32) int32 {
	fine := sat16((v - h.x.Zero) << 7)
	scaled := highMul16(fine, h.outMult)
	ramp := fine
	if h.rampShift > 0 {
		ramp = sat16(int32(ramp) << min(h.rampShift-1, 16))
	}
	ramp = highMul16(ramp, h.rampMult)
	if h.rampShift > 0 {
		ramp = sat16(int32(ramp) << 1)
	}
	if h.rampShift < 0 {
		ramp = int16(HalfAwayShift(int32(ramp), min(-h.rampShift, 30)))
	}
	ramp = int16((int32(ramp) + 1<<15) >> 1)
	product := int32(ramp) * int32(scaled) / (1 << 15)
	return int32(int16(HalfAwayShift(int32(int16(product)), min(max(-h.outShift, 0), 30)))) + h.y.Zero
}

func sat16(x int32) int16 { return int16(min(max(x, math.MinInt16), math.MaxInt16)) }

// highMul16 is gemmlowp's 16-bit SaturatingRoundingDoublingHighMul.
func highMul16(a, b int16) int16 {
	if a == b && a == math.MinInt16 {
		return math.MaxInt16
	}
	ab := int32(a) * int32(b)
	nudge := int32(1 << 14)
	if ab < 0 {
		nudge = 1 - 1<<14
	}
	return int16((ab + nudge) / (1 << 15))
}

// JoinTable is what a concatenation makes of the numbers of an input: they stay where
// the quanta are the output's, else they are rescaled in float32: by the ratio of the
// scales, or where the profile is ONNX's through their real numbers.
func JoinTable(x, y Quant, p Profile) [256]int32 {
	var t [256]int32
	scale := x.Scale * (1 / y.Scale)
	bias := float32(-float32(x.Zero) * scale)
	for i := range t {
		v := x.Lo + int32(i)
		switch {
		case x == y:
			t[i] = v
			continue
		case p == ONNX:
			t[i] = y.Of(x.Real(v), p)
			continue
		}
		r := float32(float32(v)*scale) + bias
		t[i] = y.Range().Clamp(saturate(int64(Round(float64(r))) + int64(y.Zero)))
	}
	return t
}
