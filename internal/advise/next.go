package advise

import (
	"fmt"
	"math"
)

// leastGain is the smallest expected gain, in points of top-1, that is worth a measurement.
const leastGain = 0.01

// next finds the measurement with the largest expected gain. Rows are best first.
//
// A latency that may or may not keep the limit keeps it with the share of its interval
// that does; one that is not known, with that of the range that the known candidates'
// times per multiply-add give it (in logarithms). Accuracies are taken as normal around the
// published figure.
func next(rows []Row, l Limits) *Measurement {
	var best *Measurement
	offer := func(m Measurement) {
		if m.Gain >= leastGain && (best == nil || m.Gain > best.Gain) {
			best = &m
		}
	}
	pick := 0.0
	var sure *Row // what is left if the pick does not keep the limits
	for i := range rows {
		if rows[i].Fits == Yes && (sure == nil || rows[i].Top1 > sure.Top1) {
			sure = &rows[i]
		}
	}
	if sure != nil {
		pick = sure.Top1
	}
	fast, slow := pace(rows)
	for i := range rows {
		r := &rows[i]
		ahead := r.Top1 - pick
		switch {
		case l.LatencyMS <= 0 || ahead <= 0:
		case r.Fits == Perhaps && r.Latency != nil && r.Latency.Lo <= l.LatencyMS && l.LatencyMS < r.Latency.Hi:
			p := (l.LatencyMS - r.Latency.Lo) / (r.Latency.Hi - r.Latency.Lo)
			offer(Measurement{r.Model, "latency", fmt.Sprintf("its interval %.3g–%.3g ms holds the limit, and its top-1 is %.1f points above what surely fits", r.Latency.Lo, r.Latency.Hi, ahead), p * ahead})
		case r.Fits == Unknown && r.MACs > 0 && fast > 0:
			lo, hi := fast*float64(r.MACs), slow*float64(r.MACs)
			p := share(l.LatencyMS, lo, hi)
			offer(Measurement{r.Model, "latency", fmt.Sprintf("nobody measured it here; as many multiply-adds took the others %.3g–%.3g ms, and its top-1 is %.1f points above what surely fits", lo, hi, ahead), p * ahead})
		}
	}
	if sure == nil {
		return best
	}
	for i := range rows {
		r := &rows[i]
		if r == sure || r.Fits != Yes {
			continue
		}
		sd := math.Hypot(r.Top1Half, sure.Top1Half) / 1.96
		if g := gain(sure.Top1-r.Top1, sd); sd > 0 {
			offer(Measurement{r.Model, "accuracy", fmt.Sprintf("its published top-1 is within %.1f points of %s's, which published figures do not tell apart: measure both on your images", sure.Top1-r.Top1, sure.Model), g})
		}
	}
	return best
}

// gain is the expected lead of a normal difference whose mean lies behind by d.
func gain(d, sd float64) float64 {
	if sd <= 0 {
		return 0
	}
	z := d / sd
	return sd*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi) - d*math.Erfc(z/math.Sqrt2)/2
}

// pace is the least and the most time per multiply-add of the candidates that were timed.
func pace(rows []Row) (fast, slow float64) {
	for i := range rows {
		if r := &rows[i]; r.Latency != nil && r.MACs > 0 {
			v := r.Latency.Median / float64(r.MACs)
			if fast == 0 || v < fast {
				fast = v
			}
			slow = max(slow, v)
		}
	}
	return fast, slow
}

// share is how much of the range from lo to hi lies below limit, in logarithms.
func share(limit, lo, hi float64) float64 {
	switch {
	case limit >= hi:
		return 1
	case limit <= lo:
		return 0
	}
	return math.Log(limit/lo) / math.Log(hi/lo)
}
