package kernel

// Window is the geometry of a sliding window over one NHWC image: output (y, x) looks at
// input rows y·StrideH − PadTop + ky·DilH and columns x·StrideW − PadLeft + kx·DilW. What
// falls outside the image contributes nothing.
type Window struct {
	InH, InW         int
	OutH, OutW       int
	KH, KW           int
	StrideH, StrideW int
	DilH, DilW       int
	PadTop, PadLeft  int
	// PadBottom and PadRight matter to the divisor of an average alone.
	PadBottom, PadRight int
}

// taps returns the range of k in [0, n) for which lo + k·dil lies in [0, size).
func taps(lo, n, dil, size int) (k0, k1 int) {
	if lo < 0 {
		k0 = (-lo + dil - 1) / dil
	}
	if lo >= size {
		return 0, 0
	}
	k1 = min(n, (size-1-lo)/dil+1)
	return min(k0, k1), k1
}
