//go:build !purego

package kernel

// The rows of arm64's instruction sets over bytes, best first. Rates are guesses.

func gemmU8Arch() []Variant[GemmU8Args] {
	return []Variant[GemmU8Args]{
		{"neon", "i8mm", gemmU8Rows, gemmU8Cols, 8, 70000, gemmU8RunI8MM},
		{"neon", "doti8", gemmU8Rows, gemmU8Cols, 4, 40000, gemmU8RunDot},
		{"neon", "neon", gemmU8Rows, gemmU8Cols, 4, 10000, gemmU8RunNEON},
	}
}

func dwU8Arch() []Variant[DwU8Args] {
	return []Variant[DwU8Args]{
		{"neon", "doti8", 1, dwU8Cols, 4, 10000, dwU8RunDot},
		{"neon", "neon", 1, dwU8Cols, 1, 6000, dwU8RunNEON},
	}
}

func lookupU8Arch() []Variant[LookupU8Args] {
	return []Variant[LookupU8Args]{{"neon", "neon", 1, 32, 1, 6000, lookupU8RunNEON}}
}

func binaryU8Arch() []Variant[BinaryU8Args] {
	return []Variant[BinaryU8Args]{{"neon", "neon", 1, 8, 1, 500, binaryU8RunNEON}}
}

func meanU8Arch() []Variant[MeanU8Args] {
	return []Variant[MeanU8Args]{{"neon", "neon", 1, 32, 1, 3000, meanU8RunNEON}}
}

func copyU8Arch() []Variant[CopyU8Args] {
	return []Variant[CopyU8Args]{{"neon", "neon", 1, 16, 1, 2000, copyU8RunNEON}}
}

func quantizeU8Arch() []Variant[QuantizeU8Args] {
	return []Variant[QuantizeU8Args]{{"neon", "neon", 1, 8, 1, 500, quantizeU8RunNEON}}
}

func dequantizeU8Arch() []Variant[DequantizeU8Args] {
	return []Variant[DequantizeU8Args]{{"neon", "neon", 1, 8, 1, 2000, dequantizeU8RunNEON}}
}

func poolU8Arch() []Variant[PoolU8Args] {
	return []Variant[PoolU8Args]{{"neon", "neon", 1, 16, 1, 1500, poolU8RunNEON}}
}
