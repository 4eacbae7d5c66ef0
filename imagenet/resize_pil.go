package imagenet

import "math"

// Pillow resizes pictures of bytes in two passes, rows first, each with weights of 22
// fractional bits, and rounds to bytes between them (Resample.c of Pillow).
const pilBits = 32 - 8 - 2

// filter is a resampling filter of the given half width.
type filter struct {
	support float64
	at      func(x float64) float64
}

// Products are converted to float64 where they stand: that forbids the fused
// multiply-add that some processors would round differently.

var bilinear = filter{1, func(x float64) float64 {
	x = math.Abs(x)
	if x < 1 {
		return 1 - x
	}
	return 0
}}

var bicubic = filter{2, func(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	if x < 1 {
		return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
	}
	if x < 2 {
		return float64((float64((float64((x-5)*x)+8)*x) - 4) * a)
	}
	return 0
}}

// taps are the weights of the pixels that make each of a run of new pixels.
type taps struct {
	size    int     // weights kept for each new pixel
	first   []int32 // per new pixel: the first pixel that has weight
	count   []int32 // and how many
	weights []int32 // size for each new pixel, of which count are used
}

// pilTaps computes the weights of new pixels lo ≤ i < hi when n pixels become m.
func pilTaps(n, m, lo, hi int, f filter) taps {
	scale := float64(n) / float64(m)
	spread := max(scale, 1)
	support := float64(f.support * spread)
	t := taps{size: min(int(math.Ceil(support))*2+1, n)}
	t.first, t.count = make([]int32, hi-lo), make([]int32, hi-lo)
	t.weights = make([]int32, t.size*(hi-lo))
	w := make([]float64, t.size)
	inv := 1 / spread
	for i := lo; i < hi; i++ {
		centre := float64((float64(i) + 0.5) * scale)
		from := max(int(centre-support+0.5), 0)
		count := min(int(centre+support+0.5), n) - from
		sum := 0.0
		for k := range count {
			w[k] = f.at(float64((float64(k+from) - centre + 0.5) * inv))
			sum += w[k]
		}
		out := t.weights[(i-lo)*t.size:]
		for k := range count {
			v := w[k]
			if sum != 0 {
				v /= sum
			}
			v = float64(v * (1 << pilBits))
			if v < 0 {
				out[k] = int32(v - 0.5)
			} else {
				out[k] = int32(v + 0.5)
			}
		}
		t.first[i-lo], t.count[i-lo] = int32(from), int32(count)
	}
	return t
}

// pilResize writes the region of src resized to w × h.
func pilResize(out *RGB, src view, w, h int, region Rect, f filter) {
	// At the same width or height Pillow leaves a pass out.
	top, rows := region.Y0, out.H
	var vertical taps
	if h != src.h {
		vertical = pilTaps(src.h, h, region.Y0, region.Y1, f)
		top = int(vertical.first[0])
		last := len(vertical.first) - 1
		rows = int(vertical.first[last]+vertical.count[last]) - top
	}
	var mid view
	if w == src.w {
		mid = view{pix: src.pix[top*src.stride+3*region.X0:], stride: src.stride, w: out.W, h: rows}
	} else {
		horizontal := pilTaps(src.w, w, region.X0, region.X1, f)
		mid = view{pix: make([]uint8, 3*out.W*rows), stride: 3 * out.W, w: out.W, h: rows}
		for y := range rows {
			pilRow(mid.row(y), src.row(top+y), &horizontal)
		}
	}
	if h == src.h {
		for y := range out.H {
			copy(out.Pix[3*y*out.W:], mid.row(y))
		}
		return
	}
	sums := make([]int32, 3*out.W)
	for y := range out.H {
		for i := range sums {
			sums[i] = 1 << (pilBits - 1)
		}
		weights := vertical.weights[y*vertical.size:][:vertical.count[y]]
		for k, wt := range weights {
			row := mid.row(int(vertical.first[y]) - top + k)[:len(sums)]
			for i := range sums {
				sums[i] += wt * int32(row[i])
			}
		}
		dst := out.Pix[3*y*out.W:][:len(sums)]
		for i, s := range sums {
			dst[i] = clip(s >> pilBits)
		}
	}
}

// pilRow resizes one row.
func pilRow(dst, src []uint8, t *taps) {
	for x, from := range t.first {
		weights := t.weights[x*t.size:][:t.count[x]]
		in := src[3*from:][:3*len(weights)]
		r, g, b := int32(1<<(pilBits-1)), int32(1<<(pilBits-1)), int32(1<<(pilBits-1))
		for _, wt := range weights {
			r += wt * int32(in[0])
			g += wt * int32(in[1])
			b += wt * int32(in[2])
			in = in[3:]
		}
		d := dst[3*x:][:3]
		d[0], d[1], d[2] = clip(r>>pilBits), clip(g>>pilBits), clip(b>>pilBits)
	}
}

func clip(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}

// pilNearest follows Pillow's affine transform: the source position is summed step by
// step in float64.
func pilNearest(out *RGB, src view, w, h int, region Rect) {
	at := func(n, m, lo, hi int) []int {
		pos := make([]int, 0, hi-lo)
		step := float64(n) / float64(m)
		p := float64(step * 0.5)
		for i := range hi {
			if i >= lo {
				pos = append(pos, min(int(p), n-1))
			}
			p += step
		}
		return pos
	}
	xs := at(src.w, w, region.X0, region.X1)
	for i, y := range at(src.h, h, region.Y0, region.Y1) {
		row := src.row(y)
		for j, x := range xs {
			copy(out.Pix[3*(i*out.W+j):][:3], row[3*x:][:3])
		}
	}
}
