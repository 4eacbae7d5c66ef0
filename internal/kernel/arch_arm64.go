//go:build !purego

package kernel

// The rows of arm64's instruction sets, best first. Rates are guesses for a core at 2 GHz
// with two pipes: nothing was measured.

func gemmF32Arch() []Variant[GemmArgs] {
	return []Variant[GemmArgs]{{"neon", "neon", 8, 8, 1, 12000, gemmF32NEON}}
}

func gemvF32Arch() []Variant[GemmArgs] {
	return []Variant[GemmArgs]{{"neon", "neon", 1, 4, 1, 4000, gemvF32NEON}}
}

func dwF32Arch() []Variant[DwArgs] {
	return []Variant[DwArgs]{{"neon", "neon", 1, 4, 1, 7000, dwF32NEON}}
}

func poolF32Arch() []Variant[PoolArgs] {
	return []Variant[PoolArgs]{{"neon", "neon", 1, 4, 1, 3000, poolF32NEON}}
}

func meanF32Arch() []Variant[MeanArgs] {
	return []Variant[MeanArgs]{{"neon", "neon", 1, 4, 1, 3000, meanF32NEON}}
}

func unaryF32Arch() []Variant[UnaryArgs] {
	return []Variant[UnaryArgs]{{"neon", "neon", 1, 4, 1, 1500, unaryF32NEON}}
}

func binaryF32Arch() []Variant[BinaryArgs] {
	return []Variant[BinaryArgs]{{"neon", "neon", 1, 4, 1, 1500, binaryF32NEON}}
}

func softmaxF32Arch() []Variant[SoftmaxArgs] { return nil }
func copyF32Arch() []Variant[CopyArgs] {
	return []Variant[CopyArgs]{{"neon", "neon", 1, 4, 1, 2000, copyF32NEON}}
}

func winogradInF32Arch() []Variant[WinogradInArgs] {
	return []Variant[WinogradInArgs]{{"neon", "neon", 1, 4, 1, 1500, winogradInF32NEON}}
}

func winogradOutF32Arch() []Variant[WinogradOutArgs] {
	return []Variant[WinogradOutArgs]{{"neon", "neon", 1, 4, 1, 1500, winogradOutF32NEON}}
}

func peakArch() []peakRow {
	return []peakRow{{"neon", "neon", fmaLoopNEON, 16 * 4 * 2, readNEON}}
}
