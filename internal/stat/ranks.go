package stat

import (
	"fmt"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// MannWhitney returns the two-sided p-value of the Mann-Whitney U test that a and b come
// from one distribution: twice the smaller tail, exact for up to 50 observations each (25
// with ties), above that a normal approximation with tie and continuity correction (Mann
// and Whitney, 1947; Klotz, 1966, for ties). Samples whose values are all equal give 1.
func MannWhitney(a, b []float64) (float64, error) {
	for _, s := range [][]float64{a, b} {
		if _, err := New(s); err != nil {
			return 0, fmt.Errorf("mann-whitney: %w", err)
		}
	}
	u, ties := rankU(a, b)
	if len(ties) == 1 {
		return 1, nil
	}
	most := stats.MannWhitneyExactLimit
	if len(ties) < len(a)+len(b) {
		most = stats.MannWhitneyTiesExactLimit
	}
	if len(a) > most || len(b) > most {
		r, err := stats.MannWhitneyUTest(a, b, stats.LocationDiffers)
		if err != nil {
			return 0, fmt.Errorf("stat: mann-whitney: %w", err)
		}
		return min(max(r.P, 0), 1), nil
	}
	// The library's own exact test takes the lower tail of the smaller of U and its mirror,
	// but ties can make the distribution lopsided: both tails are taken here.
	d := stats.UDist{N1: len(a), N2: len(b), T: ties}
	return min(1, 2*min(d.CDF(u), 1-d.CDF(u-0.5))), nil
}

// rankU counts the pairs in which a's value is the greater one, equal ones as half, and
// returns the sizes of the groups of equal values from the lowest up.
func rankU(a, b []float64) (u float64, ties []int) {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	for i, j := 0, 0; i < len(a) || j < len(b); {
		var v float64
		if j == len(b) || i < len(a) && a[i] <= b[j] {
			v = a[i]
		} else {
			v = b[j]
		}
		i0, j0 := i, j
		for ; i < len(a) && a[i] == v; i++ {
		}
		for ; j < len(b) && b[j] == v; j++ {
		}
		u += float64(i-i0) * (float64(j0) + float64(j-j0)/2)
		ties = append(ties, i-i0+j-j0)
	}
	return u, ties
}

// Holm adjusts p-values for being looked at together: each is to be compared with the
// level that a single test would use (Holm, "A Simple Sequentially Rejective Multiple
// Test Procedure", 1979). The order of the argument is kept.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case p[i] < p[j]:
			return -1
		case p[i] > p[j]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(p))
	worst := 0.0
	for rank, i := range order {
		worst = max(worst, min(1, p[i]*float64(len(p)-rank)))
		out[i] = worst
	}
	return out
}
