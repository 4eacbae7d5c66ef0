//go:build purego || !(amd64 || arm64)

package kernel

func gemmU8Arch() []Variant[GemmU8Args]             { return nil }
func dwU8Arch() []Variant[DwU8Args]                 { return nil }
func lookupU8Arch() []Variant[LookupU8Args]         { return nil }
func binaryU8Arch() []Variant[BinaryU8Args]         { return nil }
func meanU8Arch() []Variant[MeanU8Args]             { return nil }
func copyU8Arch() []Variant[CopyU8Args]             { return nil }
func quantizeU8Arch() []Variant[QuantizeU8Args]     { return nil }
func dequantizeU8Arch() []Variant[DequantizeU8Args] { return nil }
func poolU8Arch() []Variant[PoolU8Args]             { return nil }
