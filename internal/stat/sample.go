// Package stat is the arithmetic of measuring: medians and their distribution-free
// intervals, floors below which a percentile is not stated, tests between samples, and
// intervals of proportions.
//
// It is no general statistics library and decides nothing: what counts as faster, or as
// trustworthy, is said by bench and eval, which read it. Nothing here returns NaN or an
// infinity: what has no value is an error with the reason.
package stat

import (
	"fmt"
	"math"
	"slices"
)

// limit bounds the magnitude of an observation, so that sums of squares stay finite.
const limit = 1e100

// Sample is a non-empty, sorted set of finite observations. Its methods never return
// NaN or an infinity.
type Sample struct{ xs []float64 }

// New copies and sorts observations. It refuses an empty set, and values that are not
// finite or beyond ±1e100.
func New(xs []float64) (Sample, error) {
	if len(xs) == 0 {
		return Sample{}, fmt.Errorf("stat: sample: got no observation, want at least 1")
	}
	for i, x := range xs {
		if !(math.Abs(x) <= limit) {
			return Sample{}, fmt.Errorf("stat: sample: observation %d is %v: want a finite number within ±1e100", i, x)
		}
	}
	s := slices.Clone(xs)
	slices.Sort(s)
	return Sample{s}, nil
}

// N is the number of observations.
func (s Sample) N() int { return len(s.xs) }

// Min is the smallest observation.
func (s Sample) Min() float64 { return s.xs[0] }

// Max is the largest observation.
func (s Sample) Max() float64 { return s.xs[len(s.xs)-1] }

// Median is the middle observation, or the mean of the middle two.
func (s Sample) Median() float64 { return s.Quantile(0.5) }

// Quantile interpolates linearly between order statistics, q in [0, 1] (definition 7 of
// Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996).
func (s Sample) Quantile(q float64) float64 {
	h := float64(len(s.xs)-1) * min(max(q, 0), 1)
	lo := int(h)
	if lo+1 >= len(s.xs) {
		return s.xs[len(s.xs)-1]
	}
	a, b := s.xs[lo], s.xs[lo+1]
	return a + (h-float64(lo))*(b-a)
}

// Mean is the arithmetic mean.
func (s Sample) Mean() float64 {
	mean := 0.0
	for i, x := range s.xs {
		mean += (x - mean) / float64(i+1)
	}
	return mean
}

// Stddev is the sample standard deviation (n − 1). One observation has none.
func (s Sample) Stddev() (float64, error) {
	if len(s.xs) < 2 {
		return 0, fmt.Errorf("stat: standard deviation: got 1 observation, want at least 2")
	}
	mean, sum := s.Mean(), 0.0
	for _, x := range s.xs {
		sum += (x - mean) * (x - mean)
	}
	return math.Sqrt(sum / float64(len(s.xs)-1)), nil
}

// MAD is the median absolute deviation from the median, unscaled.
func (s Sample) MAD() float64 {
	m := s.Median()
	dev := make([]float64, len(s.xs))
	for i, x := range s.xs {
		dev[i] = math.Abs(x - m)
	}
	slices.Sort(dev)
	return Sample{dev}.Median()
}

// Outliers counts the observations beyond Tukey's fences, 1.5 interquartile ranges
// outside the quartiles (Exploratory Data Analysis, 1977). They are counted, never
// dropped.
func (s Sample) Outliers() int {
	q1, q3 := s.Quantile(0.25), s.Quantile(0.75)
	lo, hi := q1-1.5*(q3-q1), q3+1.5*(q3-q1)
	n := 0
	for _, x := range s.xs {
		if x < lo || x > hi {
			n++
		}
	}
	return n
}

// Fewest observations that a tail percentile is stated from (the protocol's floors).
const (
	FloorP90 = 64
	FloorP99 = 662
)

// P90 is the 90th percentile; an error says how many observations it lacks.
func (s Sample) P90() (float64, error) { return s.percentile(90, FloorP90) }

// P99 is the 99th percentile; an error says how many observations it lacks.
func (s Sample) P99() (float64, error) { return s.percentile(99, FloorP99) }

func (s Sample) percentile(p, floor int) (float64, error) {
	if len(s.xs) < floor {
		return 0, fmt.Errorf("stat: p%d: got %d samples, want at least %d", p, len(s.xs), floor)
	}
	return s.Quantile(float64(p) / 100), nil
}
