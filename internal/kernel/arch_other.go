//go:build purego || !(amd64 || arm64)

package kernel

// The rows of instruction sets, best first. A platform that has assembly replaces its
// function by one in a file of its own; then this file's build tags exclude it.

func gemmF32Arch() []Variant[GemmArgs]               { return nil }
func gemvF32Arch() []Variant[GemmArgs]               { return nil }
func dwF32Arch() []Variant[DwArgs]                   { return nil }
func poolF32Arch() []Variant[PoolArgs]               { return nil }
func meanF32Arch() []Variant[MeanArgs]               { return nil }
func unaryF32Arch() []Variant[UnaryArgs]             { return nil }
func binaryF32Arch() []Variant[BinaryArgs]           { return nil }
func softmaxF32Arch() []Variant[SoftmaxArgs]         { return nil }
func copyF32Arch() []Variant[CopyArgs]               { return nil }
func winogradInF32Arch() []Variant[WinogradInArgs]   { return nil }
func winogradOutF32Arch() []Variant[WinogradOutArgs] { return nil }
func peakArch() []peakRow                            { return nil }
