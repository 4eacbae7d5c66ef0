package report

import (
	"math"
	"strconv"
)

// axis maps values to pixels, linearly or by logarithm.
type axis struct {
	lo, hi   float64 // values at the ends
	from, to float64 // pixels at the ends
	log      bool
	ticks    []float64
}

func (a axis) at(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	return a.from + (v-lo)/(hi-lo)*(a.to-a.from)
}

func (p Scatter) axes() (x, y axis) {
	x = axis{lo: math.Inf(1), hi: math.Inf(-1), from: padLeft, to: plotW - padRight, log: p.LogX}
	y = axis{lo: math.Inf(1), hi: math.Inf(-1), from: plotH - padBase, to: padTop}
	for _, q := range p.Points {
		lo, hi := q.X, q.X
		if q.Hi > q.Lo && q.Lo > 0 {
			lo, hi = min(lo, q.Lo), max(hi, q.Hi)
		}
		x.lo, x.hi = min(x.lo, lo), max(x.hi, hi)
		y.lo, y.hi = min(y.lo, q.Y), max(y.hi, q.Y)
	}
	if x.log {
		x.lo, x.hi = x.lo/1.3, x.hi*1.45
		x.ticks = logTicks(x.lo, x.hi)
	} else {
		grow(&x, 0.08)
		x.ticks = niceTicks(x.lo, x.hi)
	}
	grow(&y, 0.08)
	y.ticks = niceTicks(y.lo, y.hi)
	return x, y
}

func grow(a *axis, by float64) {
	span := a.hi - a.lo
	if span == 0 {
		span = max(math.Abs(a.hi), 1)
	}
	a.lo, a.hi = a.lo-by*span, a.hi+by*span
}

// niceTicks gives about six round numbers (1, 2 or 5 times a power of ten apart).
func niceTicks(lo, hi float64) []float64 {
	raw := (hi - lo) / 6
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5, 10} {
		if step*m >= raw {
			step *= m
			break
		}
	}
	var out []float64
	for k := math.Ceil(lo / step); k*step <= hi; k++ {
		out = append(out, k*step)
	}
	return out
}

// logTicks gives 1, 2 and 5 times the powers of ten.
func logTicks(lo, hi float64) []float64 {
	var out []float64
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= lo && v <= hi {
				out = append(out, v)
			}
		}
	}
	return out
}

func tickLabel(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}
