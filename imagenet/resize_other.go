package imagenet

import "math"

// tfBilinear follows TensorFlow 1's ResizeBilinear kernel in float32, and rounds to
// bytes, half up.
func tfBilinear(out *RGB, src view, w, h int, region Rect) {
	xs := tfPositions(src.w, w, region.X0, region.X1)
	for i, v := range tfPositions(src.h, h, region.Y0, region.Y1) {
		top, bottom := src.row(v.lower), src.row(v.upper)
		dst := out.Pix[3*i*out.W:]
		for j, u := range xs {
			for c := range 3 {
				tl, tr := float32(top[3*u.lower+c]), float32(top[3*u.upper+c])
				bl, br := float32(bottom[3*u.lower+c]), float32(bottom[3*u.upper+c])
				t := tl + float32((tr-tl)*u.frac)
				b := bl + float32((br-bl)*u.frac)
				dst[3*j+c] = uint8(float32(t+float32((b-t)*v.frac)) + 0.5)
			}
		}
	}
}

type tfPosition struct {
	lower, upper int
	frac         float32
}

func tfPositions(n, m, lo, hi int) []tfPosition {
	p := make([]tfPosition, 0, hi-lo)
	scale := float32(n) / float32(m)
	for i := lo; i < hi; i++ {
		at := float32(float32(i) * scale)
		lower := int(at)
		p = append(p, tfPosition{min(lower, n-1), min(lower+1, n-1), at - float32(lower)})
	}
	return p
}

// OpenCV's weights have 11 fractional bits.
const cvBits = 11

// cvTap is where a new pixel's weights begin in the source (it may lie outside: positions
// are clamped) and the weights.
type cvTap struct {
	at      int
	weights [4]int32
}

func cvTaps(n, m, lo, hi int, cubic, clampEnds bool) []cvTap {
	t := make([]cvTap, 0, hi-lo)
	scale := float64(n) / float64(m)
	for i := lo; i < hi; i++ {
		f := float32(float64((float64(i)+0.5)*scale) - 0.5)
		at := int(math.Floor(float64(f)))
		f -= float32(at)
		if cubic {
			t = append(t, cvTap{at - 1, cvCubicWeights(f)})
			continue
		}
		if clampEnds && at < 0 {
			at, f = 0, 0
		}
		if clampEnds && at >= n-1 {
			at, f = n-1, 0
		}
		t = append(t, cvTap{at, [4]int32{cvWeight(1 - f), cvWeight(f)}})
	}
	return t
}

func cvWeight(f float32) int32 { return int32(math.RoundToEven(float64(f * (1 << cvBits)))) }

func cvCubicWeights(x float32) [4]int32 {
	const a = float32(-0.75)
	inner := func(x float32) float32 {
		return float32(float32((float32((a+2)*x)-(a+3))*x)*x) + 1
	}
	y := x + 1
	c0 := float32((float32((float32(a*y)-5*a)*y)+8*a)*y) - 4*a
	c1, c2 := inner(x), inner(1-x)
	return [4]int32{cvWeight(c0), cvWeight(c1), cvWeight(c2), cvWeight(1 - c0 - c1 - c2)}
}

// cvResize follows OpenCV's fixed-point resize: exact products along rows, then the
// vertical sum with its own rounding. A reduction by exactly two in both directions is an
// average of four, as OpenCV turns INTER_LINEAR into INTER_AREA there.
//
// Both equal OpenCV 4.6 on x86-64 byte for byte; on other processors OpenCV's own cubic
// differs by 1 in a few bytes of 10,000, where its float32 sums are fused.
func cvResize(out *RGB, src view, w, h int, region Rect, cubic bool) {
	if !cubic && src.w == 2*w && src.h == 2*h {
		cvHalve(out, src, region)
		return
	}
	size := 2
	if cubic {
		size = 4
	}
	xs := cvTaps(src.w, w, region.X0, region.X1, cubic, true)
	ys := cvTaps(src.h, h, region.Y0, region.Y1, cubic, false)
	var lines [4][]int32
	var held [4]int // the source row that each line holds
	for i := range lines {
		lines[i], held[i] = make([]int32, 3*out.W), -1
	}
	for i, v := range ys {
		var l [4][]int32
		for k := range size {
			y := min(max(v.at+k, 0), src.h-1)
			if held[y%4] != y {
				cvRow(lines[y%4], src.row(y), xs, size)
				held[y%4] = y
			}
			l[k] = lines[y%4]
		}
		dst := out.Pix[3*i*out.W:][:3*out.W]
		if cubic {
			// Whole vectors of 8 samples of the full row are summed in float32.
			cvCubicColumn(dst, l, v.weights, min(len(dst), max(0, 3*w&^7-3*region.X0)))
			continue
		}
		for x := range dst {
			a := (v.weights[0] * (l[0][x] >> 4)) >> 16
			b := (v.weights[1] * (l[1][x] >> 4)) >> 16
			dst[x] = clip((a + b + 2) >> 2)
		}
	}
}

// cvCubicColumn mixes four lines: the first n samples in float32 from the last line to
// the first, as OpenCV's vector code does, the others in fixed point.
func cvCubicColumn(dst []uint8, l [4][]int32, weights [4]int32, n int) {
	const scale = float32(1) / (1 << (2 * cvBits))
	var b [4]float32
	for i, v := range weights {
		b[i] = float32(v) * scale
	}
	for x := range n {
		s := float32(float32(l[3][x]) * b[3])
		for i := 2; i >= 0; i-- {
			s = float32(float32(l[i][x])*b[i]) + s
		}
		dst[x] = clip(int32(math.RoundToEven(float64(s))))
	}
	for x := n; x < len(dst); x++ {
		s := weights[0]*l[0][x] + weights[1]*l[1][x] + weights[2]*l[2][x] + weights[3]*l[3][x]
		dst[x] = clip((s + 1<<(2*cvBits-1)) >> (2 * cvBits))
	}
}

func cvRow(dst []int32, src []uint8, xs []cvTap, size int) {
	n := len(src)/3 - 1
	for j, u := range xs {
		var r, g, b int32
		for k := range size {
			p := src[3*min(max(u.at+k, 0), n):][:3]
			r += u.weights[k] * int32(p[0])
			g += u.weights[k] * int32(p[1])
			b += u.weights[k] * int32(p[2])
		}
		dst[3*j], dst[3*j+1], dst[3*j+2] = r, g, b
	}
}

func cvHalve(out *RGB, src view, region Rect) {
	for y := range out.H {
		a, b := src.row(2*(region.Y0+y)), src.row(2*(region.Y0+y)+1)
		dst := out.Pix[3*y*out.W:]
		for x := range out.W {
			p := 6 * (region.X0 + x)
			for c := range 3 {
				s := int(a[p+c]) + int(a[p+3+c]) + int(b[p+c]) + int(b[p+3+c])
				dst[3*x+c] = uint8((s + 2) >> 2)
			}
		}
	}
}
