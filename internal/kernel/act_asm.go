//go:build (amd64 || arm64) && !purego

package kernel

import "math"

// actConsts are the constants of the assembly's activations, in the order of _asm/amd64/act.go and _asm/arm64/elementwise.go.
var actConsts = [...]float32{
	sigmoidMax, -sigmoidMax, -log2E, ln2Hi, ln2Lo,
	expC[5], expC[4], expC[3], expC[2], expC[1], expC[0], 1,
	3, 6, sixth, 0, log2E, expMin, expMax, math.Float32frombits(127),
	3 << 18, sixth, 0.5, 0,
	sixteenths(0), sixteenths(1), sixteenths(2), sixteenths(3), sixteenths(4), sixteenths(5), sixteenths(6), sixteenths(7),
	sixteenths(8), sixteenths(9), sixteenths(10), sixteenths(11), sixteenths(12), sixteenths(13), sixteenths(14), sixteenths(15),
}

// sixteenths is 2^(k/16) whose bits k·2¹⁹ were subtracted from: adding n·16·2¹⁹ for any n
// with frac(n)·16 = k gives 2ⁿ.
func sixteenths(k int) float32 {
	return math.Float32frombits(math.Float32bits(float32(math.Exp2(float64(k)/16))) - uint32(k)<<19)
}

// sigmoidMax bounds the argument of the assembly's sigmoid, so that 1 + exp(x) and its
// reciprocal are normal numbers: below −87 the result is sigmoid(−87) < 2e-38.
const sigmoidMax = 87
