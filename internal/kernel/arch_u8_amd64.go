//go:build !purego

package kernel

// The rows of amd64's instruction sets over bytes, best first.

func gemmU8Arch() []Variant[GemmU8Args] {
	return []Variant[GemmU8Args]{{"avx512", "vnni", gemmU8Rows, gemmU8Cols, 150000, gemmU8AVX512}}
}

func dwU8Arch() []Variant[DwU8Args] {
	return []Variant[DwU8Args]{{"avx512", "vnni", 1, dwU8Cols, 30000, dwU8AVX512}}
}

func lookupU8Arch() []Variant[LookupU8Args]         { return nil }
func binaryU8Arch() []Variant[BinaryU8Args]         { return nil }
func meanU8Arch() []Variant[MeanU8Args]             { return nil }
func copyU8Arch() []Variant[CopyU8Args]             { return nil }
func quantizeU8Arch() []Variant[QuantizeU8Args]     { return nil }
func dequantizeU8Arch() []Variant[DequantizeU8Args] { return nil }
