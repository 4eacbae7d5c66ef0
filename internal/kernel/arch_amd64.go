//go:build !purego

package kernel

import "math"

// The rows of amd64's instruction sets, best first.

func gemmF32Arch() []Variant[GemmArgs] {
	return []Variant[GemmArgs]{{"avx512", "avx512", 14, 32, 50000, gemmF32AVX512}}
}

func gemvF32Arch() []Variant[GemmArgs]       { return nil }
func dwF32Arch() []Variant[DwArgs]           { return nil }
func poolF32Arch() []Variant[PoolArgs]       { return nil }
func meanF32Arch() []Variant[MeanArgs]       { return nil }
func unaryF32Arch() []Variant[UnaryArgs]     { return nil }
func binaryF32Arch() []Variant[BinaryArgs]   { return nil }
func softmaxF32Arch() []Variant[SoftmaxArgs] { return nil }
func copyF32Arch() []Variant[CopyArgs]       { return nil }

func peakArch() []peakRow {
	return []peakRow{
		{"avx512", "avx512", fmaLoopAVX512, 12 * 16 * 2, readAVX512},
	}
}

// actConsts are the constants of the assembly's activations, in the order of _asm/amd64/act.go.
var actConsts = [...]float32{
	sigmoidMax, -sigmoidMax, -log2E, ln2Hi, ln2Lo,
	expC[5], expC[4], expC[3], expC[2], expC[1], expC[0], 1,
	3, 6, sixth, 0, log2E, expMin, expMax, math.Float32frombits(127),
}

// sigmoidMax bounds the argument of the assembly's sigmoid, so that 1 + exp(x) and its
// reciprocal are normal numbers: below −87 the result is sigmoid(−87) < 2e-38.
const sigmoidMax = 87
