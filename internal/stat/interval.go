package stat

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/aclements/go-moremath/stats"
)

// Confidence is the level of every interval in this package.
const Confidence = 0.95

// Interval is a 95 % confidence interval. In JSON it is [lo, hi].
type Interval struct{ Lo, Hi float64 }

// Contains reports whether x lies in the interval, its ends included.
func (i Interval) Contains(x float64) bool { return i.Lo <= x && x <= i.Hi }

// HalfWidth is half of the interval's width.
func (i Interval) HalfWidth() float64 { return (i.Hi - i.Lo) / 2 }

// MarshalJSON writes [lo, hi].
func (i Interval) MarshalJSON() ([]byte, error) { return json.Marshal([2]float64{i.Lo, i.Hi}) }

// UnmarshalJSON reads [lo, hi].
func (i *Interval) UnmarshalJSON(b []byte) error {
	var v []float64
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if len(v) != 2 {
		return fmt.Errorf("stat: interval: got %d numbers, want 2", len(v))
	}
	i.Lo, i.Hi = v[0], v[1]
	return nil
}

// FewestForInterval is the smallest sample whose extremes cover its median with 95 %
// confidence: 1 − 2·0.5⁶ = 96.9 %, where five give 93.75 %.
const FewestForInterval = 6

// MedianInterval is the distribution-free interval of the population's median: the k-th
// smallest and k-th largest observation, for the largest k that still covers it with
// 95 % confidence under the binomial distribution (Conover, Practical Nonparametric
// Statistics, section 3.2). It is symmetric in ranks and never narrower than promised.
func (s Sample) MedianInterval() (Interval, error) {
	n := len(s.xs)
	if n < FewestForInterval {
		return Interval{}, fmt.Errorf("stat: interval of a median: got %d observations, want at least %d for 95 %%", n, FewestForInterval)
	}
	k := medianRank(n)
	return Interval{s.xs[k-1], s.xs[n-k]}, nil
}

// medianRank returns the largest k with 2·P(Binomial(n, ½) ≤ k−1) ≤ 5 %, 1-based.
func medianRank(n int) int {
	b := stats.BinomialDist{N: n, P: 0.5}
	return sort.Search(n/2, func(k int) bool { return 2*b.CDF(float64(k)) > 1-Confidence })
}

// Ratio compares two series of medians that were measured in pairs (a[i] beside b[i] in
// time). ratio is median(a)/median(b); interval is that of the median of the paired
// ratios, widened where it must be to hold ratio. All values must be positive. Too few
// pairs for an interval give ratio, no interval and no error: a nil interval has the
// reason in why.
func Ratio(a, b []float64) (ratio float64, interval *Interval, why error, err error) {
	sa, err := New(a)
	if err != nil {
		return 0, nil, nil, err
	}
	sb, err := New(b)
	if err != nil {
		return 0, nil, nil, err
	}
	if sa.Min() <= 0 || sb.Min() <= 0 {
		return 0, nil, nil, errNotPositive
	}
	ratio = sa.Median() / sb.Median()
	if len(a) != len(b) {
		return ratio, nil, fmt.Errorf("stat: interval of a ratio: got %d and %d medians, want pairs", len(a), len(b)), nil
	}
	paired := make([]float64, len(a))
	for i := range a {
		paired[i] = a[i] / b[i]
	}
	s, err := New(paired)
	if err != nil {
		return 0, nil, nil, err
	}
	iv, why := s.MedianInterval()
	if why != nil {
		return ratio, nil, why, nil
	}
	return ratio, &Interval{min(iv.Lo, ratio), max(iv.Hi, ratio)}, nil, nil
}

// RatioApart compares two series of medians that were measured at different times. ratio
// is median(a)/median(b); interval inverts the Mann-Whitney test: the k-th smallest and
// k-th largest of all ratios a[i]/b[j], for the largest k that keeps 95 % confidence
// (Hodges and Lehmann, 1963; Bauer, 1972), widened where it must be to hold ratio. It
// supposes that one series is the other times a factor. Nil has its reason in why.
func RatioApart(a, b []float64) (ratio float64, interval *Interval, why error, err error) {
	sa, err := New(a)
	if err != nil {
		return 0, nil, nil, err
	}
	sb, err := New(b)
	if err != nil {
		return 0, nil, nil, err
	}
	if sa.Min() <= 0 || sb.Min() <= 0 {
		return 0, nil, nil, errNotPositive
	}
	ratio = sa.Median() / sb.Median()
	all := make([]float64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			all = append(all, x/y)
		}
	}
	slices.Sort(all)
	k := leastU(len(a), len(b))
	if k == 0 {
		return ratio, nil, fmt.Errorf("stat: interval of a ratio: %d and %d medians are too few for 95 %%", len(a), len(b)), nil
	}
	return ratio, &Interval{min(all[k-1], ratio), max(all[len(all)-k], ratio)}, nil, nil
}

// leastU is the largest k with 2·P(U ≤ k−1) ≤ 5 % under the Mann-Whitney distribution,
// which is normal enough above the library's exact limit.
func leastU(n, m int) int {
	if n > stats.MannWhitneyExactLimit || m > stats.MannWhitneyExactLimit {
		nm := float64(n) * float64(m)
		return max(0, int(nm/2-1.96*math.Sqrt(nm*float64(n+m+1)/12)))
	}
	u := stats.UDist{N1: n, N2: m}
	return sort.Search(n*m/2, func(k int) bool { return 2*u.CDF(float64(k)) > 1-Confidence })
}

var errNotPositive = errors.New("stat: ratio: got a median that is not positive")
