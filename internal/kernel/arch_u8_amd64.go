//go:build !purego

package kernel

// The rows of amd64's instruction sets over bytes, best first.

func gemmU8Arch() []Variant[GemmU8Args] {
	return []Variant[GemmU8Args]{
		{"avx512", "vnni", gemmU8Rows, gemmU8Cols, 4, 150000, gemmU8RunAVX512},
		{"avx2", "avx2", gemmU8Rows2, gemmU8Cols2, 4, 40000, gemmU8RunAVX2},
	}
}

func dwU8Arch() []Variant[DwU8Args] {
	return []Variant[DwU8Args]{
		{"avx512", "vnni", 1, dwU8Cols, 4, 30000, dwU8RunAVX512},
		{"avx2", "avx2", 1, dwU8Cols, 2, 15000, dwU8RunAVX2},
	}
}

func lookupU8Arch() []Variant[LookupU8Args] {
	return []Variant[LookupU8Args]{
		{"avx512", "vnni", 1, 64, 1, 30000, lookupU8AVX512},
		{"avx2", "avx2", 1, 32, 1, 8000, lookupU8RunAVX2},
	}
}

func binaryU8Arch() []Variant[BinaryU8Args] {
	return []Variant[BinaryU8Args]{
		{"avx512", "vnni", 1, 16, 1, 2000, binaryU8AVX512},
		{"avx2", "avx2", 1, 8, 1, 1200, binaryU8RunAVX2},
	}
}

func meanU8Arch() []Variant[MeanU8Args] {
	return []Variant[MeanU8Args]{
		{"avx512", "vnni", 1, 64, 1, 10000, meanU8AVX512},
		{"avx2", "avx2", 1, 32, 1, 8000, meanU8RunAVX2},
	}
}

func copyU8Arch() []Variant[CopyU8Args] {
	return []Variant[CopyU8Args]{{"avx512", "vnni", 1, 32, 1, 4000, copyU8AVX512}}
}

func quantizeU8Arch() []Variant[QuantizeU8Args] {
	return []Variant[QuantizeU8Args]{
		{"avx512", "vnni", 1, 16, 1, 3000, quantizeU8AVX512},
		{"avx2", "avx2", 1, 8, 1, 1500, quantizeU8RunAVX2},
	}
}

func dequantizeU8Arch() []Variant[DequantizeU8Args] {
	return []Variant[DequantizeU8Args]{
		{"avx512", "vnni", 1, 16, 1, 8000, dequantizeU8AVX512},
		{"avx2", "avx2", 1, 8, 1, 5000, dequantizeU8RunAVX2},
	}
}

func poolU8Arch() []Variant[PoolU8Args] {
	return []Variant[PoolU8Args]{
		{"avx512", "vnni", 1, 64, 1, 8000, poolU8AVX512},
		{"avx2", "avx2", 1, 16, 1, 4000, poolU8RunAVX2},
	}
}
