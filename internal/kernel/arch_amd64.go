//go:build !purego

package kernel

// The rows of amd64's instruction sets, best first. Rates are those of a core at 2 GHz.

func gemmF32Arch() []Variant[GemmArgs] {
	return []Variant[GemmArgs]{
		{"avx512", "avx512", 14, 32, 1, 50000, gemmF32AVX512},
		{"avx2", "avx2", 6, 16, 1, 25000, gemmF32AVX2},
	}
}

func gemvF32Arch() []Variant[GemmArgs] {
	return []Variant[GemmArgs]{
		{"avx512", "avx512", 1, 16, 1, 5000, gemvF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 5000, gemvF32AVX2},
	}
}

func dwF32Arch() []Variant[DwArgs] {
	return []Variant[DwArgs]{
		{"avx512", "avx512", 1, 16, 1, 25000, dwF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 15000, dwF32AVX2},
	}
}

func poolF32Arch() []Variant[PoolArgs] {
	return []Variant[PoolArgs]{
		{"avx512", "avx512", 1, 16, 1, 8000, poolF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 6000, poolF32AVX2},
	}
}

func meanF32Arch() []Variant[MeanArgs] {
	return []Variant[MeanArgs]{
		{"avx512", "avx512", 1, 16, 1, 8000, meanF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 6000, meanF32AVX2},
	}
}

func unaryF32Arch() []Variant[UnaryArgs] {
	return []Variant[UnaryArgs]{
		{"avx512", "avx512", 1, 16, 1, 4000, unaryF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 3000, unaryF32AVX2},
	}
}

func binaryF32Arch() []Variant[BinaryArgs] {
	return []Variant[BinaryArgs]{
		{"avx512", "avx512", 1, 16, 1, 4000, binaryF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 3000, binaryF32AVX2},
	}
}

func softmaxF32Arch() []Variant[SoftmaxArgs] { return nil }
func copyF32Arch() []Variant[CopyArgs] {
	return []Variant[CopyArgs]{
		{"avx512", "avx512", 1, 16, 1, 3000, copyF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 2000, copyF32AVX2},
	}
}

func winogradInF32Arch() []Variant[WinogradInArgs] {
	return []Variant[WinogradInArgs]{
		{"avx512", "avx512", 1, 16, 1, 4000, winogradInF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 3000, winogradInF32AVX2},
	}
}

func winogradOutF32Arch() []Variant[WinogradOutArgs] {
	return []Variant[WinogradOutArgs]{
		{"avx512", "avx512", 1, 16, 1, 4000, winogradOutF32AVX512},
		{"avx2", "avx2", 1, 8, 1, 3000, winogradOutF32AVX2},
	}
}

func peakArch() []peakRow {
	return []peakRow{
		{"avx512", "avx512", fmaLoopAVX512, 12 * 16 * 2, readAVX512},
		{"avx2", "avx2", fmaLoopAVX2, 12 * 8 * 2, readAVX2},
	}
}
