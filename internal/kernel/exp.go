package kernel

import "math"

// Constants of Exp. ln2Hi has few enough bits that n·ln2Hi is exact for every n used;
// expC are the coefficients of 1 + r + r²·(C0 + r·(C1 + …)) for |r| ≤ ½ ln 2, from the
// Cephes library (S. Moshier, expf.c).
const (
	expMin  = -87.33654 // below it the result is 0 or a subnormal number: taken as expMin
	expMax  = 88.37626  // above it 2ⁿ leaves float32's range: taken as expMax
	log2E   = 1.44269504088896341
	ln2Hi   = 0.693359375
	ln2Lo   = -2.12194440e-4
	roundUp = 0x1.8p23 // adding and subtracting it rounds to an integer, ties to even
)

var expC = [...]float32{5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4}

// Exp returns eˣ with a relative error of at most ExpError for x in [−87.33, 88.37]. The
// argument is clamped to that range, so the result is always a normal number; NaN stays NaN.
// Assembly computes the same polynomial in the same order and may fuse its additions.
func Exp(x float32) float32 {
	x = min(max(x, expMin), expMax)
	n := float32(float32(x*log2E)+roundUp) - roundUp
	r := float32(x-float32(n*ln2Hi)) - float32(n*ln2Lo)
	p := float32(expC[5]*r) + expC[4]
	p = float32(p*r) + expC[3]
	p = float32(p*r) + expC[2]
	p = float32(p*r) + expC[1]
	p = float32(p*r) + expC[0]
	p = float32(float32(p*r)*r) + r + 1
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}

// ExpError bounds the relative error of Exp: 2 units in the last place.
const ExpError = 0x1p-22
