//go:build !purego

package kernel

import "math"

// The rows of amd64's instruction sets, best first. Rates are those of a core at 2 GHz.

func gemmF32Arch() []Variant[GemmArgs] {
	return []Variant[GemmArgs]{
		{"avx512", "avx512", 14, 32, 50000, gemmF32AVX512},
		{"avx2", "avx2", 6, 16, 25000, gemmF32AVX2},
	}
}

func gemvF32Arch() []Variant[GemmArgs] {
	return []Variant[GemmArgs]{
		{"avx512", "avx512", 1, 16, 5000, gemvF32AVX512},
		{"avx2", "avx2", 1, 8, 5000, gemvF32AVX2},
	}
}

func dwF32Arch() []Variant[DwArgs] {
	return []Variant[DwArgs]{
		{"avx512", "avx512", 1, 16, 25000, dwF32AVX512},
		{"avx2", "avx2", 1, 8, 15000, dwF32AVX2},
	}
}

func poolF32Arch() []Variant[PoolArgs] {
	return []Variant[PoolArgs]{
		{"avx512", "avx512", 1, 16, 8000, poolF32AVX512},
		{"avx2", "avx2", 1, 8, 6000, poolF32AVX2},
	}
}

func meanF32Arch() []Variant[MeanArgs] {
	return []Variant[MeanArgs]{
		{"avx512", "avx512", 1, 16, 8000, meanF32AVX512},
		{"avx2", "avx2", 1, 8, 6000, meanF32AVX2},
	}
}

func unaryF32Arch() []Variant[UnaryArgs] {
	return []Variant[UnaryArgs]{
		{"avx512", "avx512", 1, 16, 4000, unaryF32AVX512},
		{"avx2", "avx2", 1, 8, 3000, unaryF32AVX2},
	}
}

func binaryF32Arch() []Variant[BinaryArgs] {
	return []Variant[BinaryArgs]{
		{"avx512", "avx512", 1, 16, 4000, binaryF32AVX512},
		{"avx2", "avx2", 1, 8, 3000, binaryF32AVX2},
	}
}

func softmaxF32Arch() []Variant[SoftmaxArgs] { return nil }
func copyF32Arch() []Variant[CopyArgs] {
	return []Variant[CopyArgs]{
		{"avx512", "avx512", 1, 16, 3000, copyF32AVX512},
		{"avx2", "avx2", 1, 8, 2000, copyF32AVX2},
	}
}

func winogradInF32Arch() []Variant[WinogradInArgs] {
	return []Variant[WinogradInArgs]{
		{"avx512", "avx512", 1, 16, 4000, winogradInF32AVX512},
		{"avx2", "avx2", 1, 8, 3000, winogradInF32AVX2},
	}
}

func winogradOutF32Arch() []Variant[WinogradOutArgs] {
	return []Variant[WinogradOutArgs]{
		{"avx512", "avx512", 1, 16, 4000, winogradOutF32AVX512},
		{"avx2", "avx2", 1, 8, 3000, winogradOutF32AVX2},
	}
}

func peakArch() []peakRow {
	return []peakRow{
		{"avx512", "avx512", fmaLoopAVX512, 12 * 16 * 2, readAVX512},
		{"avx2", "avx2", fmaLoopAVX2, 12 * 8 * 2, readAVX2},
	}
}

// actConsts are the constants of the assembly's activations, in the order of _asm/amd64/act.go.
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
