package stat

import (
	"fmt"
	"math"

	"github.com/aclements/go-moremath/stats"
)

// z95 is the 97.5 % point of the standard normal distribution.
const z95 = 1.959963984540054

// Percent is k of n in percent, 0…100.
func Percent(k, n int) (float64, error) {
	if n <= 0 || k < 0 || k > n {
		return 0, fmt.Errorf("stat: percentage: got %d of %d", k, n)
	}
	return 100 * float64(k) / float64(n), nil
}

// Wilson is the score interval of the proportion k of n, in percent (Wilson, "Probable
// Inference, the Law of Succession, and Statistical Inference", 1927). It stays within
// 0…100 and has a width at 0 of n and n of n.
func Wilson(k, n int) (Interval, error) {
	if _, err := Percent(k, n); err != nil {
		return Interval{}, err
	}
	nf, p := float64(n), float64(k)/float64(n)
	d := 1 + z95*z95/nf
	mid := (p + z95*z95/(2*nf)) / d
	half := z95 / d * math.Sqrt(p*(1-p)/nf+z95*z95/(4*nf*nf))
	iv := Interval{100 * max(0, mid-half), 100 * min(1, mid+half)}
	// Rounding must not push the ends past the proportion itself.
	iv.Lo, iv.Hi = min(iv.Lo, 100*p), max(iv.Hi, 100*p)
	return iv, nil
}

// McNemar returns the exact two-sided p-value that two classifiers are equally often
// right on the same n images, where onlyA images are right by the first alone and onlyB
// by the second alone (McNemar, 1947, with the binomial distribution in place of χ²).
func McNemar(onlyA, onlyB int) (float64, error) {
	if onlyA < 0 || onlyB < 0 {
		return 0, fmt.Errorf("stat: mcnemar: got counts %d and %d, want none below 0", onlyA, onlyB)
	}
	if onlyA == onlyB { // includes 0, 0, and spares counting the middle term twice
		return 1, nil
	}
	b := stats.BinomialDist{N: onlyA + onlyB, P: 0.5}
	return min(1, 2*b.CDF(float64(min(onlyA, onlyB)))), nil
}

// PairedDifference is the difference of two accuracies on the same n images, first minus
// second, in points, with the interval of Agresti and Min ("Simple improved confidence
// intervals for comparing matched proportions", 2005: half an image is added to each cell).
func PairedDifference(onlyA, onlyB, n int) (float64, Interval, error) {
	if onlyA < 0 || onlyB < 0 || n <= 0 || onlyA > n-onlyB {
		return 0, Interval{}, fmt.Errorf("stat: paired difference: got %d and %d of %d images", onlyA, onlyB, n)
	}
	a, b, m := float64(onlyA)+0.5, float64(onlyB)+0.5, float64(n)+2
	d := (a - b) / m
	half := z95 * math.Sqrt((a+b)-(a-b)*(a-b)/m) / m
	raw := 100 * float64(onlyA-onlyB) / float64(n)
	return raw, Interval{100 * max(-1, d-half), 100 * min(1, d+half)}, nil
}
