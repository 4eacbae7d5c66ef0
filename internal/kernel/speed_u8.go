package kernel

import (
	"slices"

	"github.com/wispnet/wisp/internal/fixed"
)

// noiseU8 is a buffer of n bytes with the slack that kernels may read.
func noiseU8(n int) []uint8 {
	x := make([]uint8, n, n+Slack)
	for i := range x {
		x[i] = uint8(uint32(i) * 2654435761 >> 13)
	}
	return x
}

// u8Jobs lists what Speeds times of the kernels over bytes: the shapes of the float ones,
// finished in fixed point as TensorFlow Lite does.
func u8Jobs() []speedJob {
	factors := func(n int) []fixed.Factor {
		f := make([]fixed.Factor, n)
		for i := range f {
			f[i] = fixed.FactorOf(0.0017, fixed.HalfUp)
		}
		return f
	}
	finish := Finish{Zero: 3, Hi: 255}
	q := fixed.Quant{Scale: 0.02, Zero: 128, Hi: 255}
	qy := fixed.Quant{Scale: 0.03, Zero: 120, Hi: 255}
	whole := fixed.Range{Hi: 255}
	const m, k, wide = 196, 96, 576
	jobs := speedTable("gemm_u8", "196x96 by 96x576", 2*m*k*wide, m*k+k*wide+m*wide, GemmU8, func(v *Variant[GemmU8Args]) *GemmU8Args {
		return &GemmU8Args{
			A: noiseU8(m * k), W: PackGemmU8(v, wide, slices.Repeat([]int32{-3, 5, 127}, k*wide/3), packedRows(k), k), P: PackFinish(nil, factors(wide), v.Cols),
			C: make([]uint8, m*wide), Segs: []Segment{{K: k}}, M: m, N1: wide, K: k, LDA: k, LDC: wide, Finish: finish,
		}
	})
	const size, c = 14, 576
	const n = size * size * c
	win := Window{InH: size, InW: size, OutH: size, OutW: size, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}
	jobs = append(jobs, speedTable("dw_u8", "14x14x576, 3x3", 2*9*n, 2*n+9*c, DwU8, func(v *Variant[DwU8Args]) *DwU8Args {
		return &DwU8Args{
			Window: win, X: noiseU8(n), Y: make([]uint8, n), XPix: c, XRow: c * size, YPix: c, YRow: c * size, Y1: size, C1: c, Planes: 1, Finish: finish,
			W: PackDwU8(v, 3, 3, c, 1, func(ky, kx, c int) int32 { return int32(ky + kx - c%8) }), P: PackFinish(nil, factors(c), v.Cols),
		}
	})...)
	jobs = append(jobs, speedTable("pool_u8", "14x14x576, 3x3 maximum", 9*n, 2*n, PoolU8, func(*Variant[PoolU8Args]) *PoolU8Args {
		return &PoolU8Args{Window: win, X: noiseU8(n), Y: make([]uint8, n), XPix: c, XRow: c * size, YPix: c, YRow: c * size, Y1: size, C1: c}
	})...)
	jobs = append(jobs, speedTable("mean_u8", "196x576", n, n, MeanU8, func(*Variant[MeanU8Args]) *MeanU8Args {
		return &MeanU8Args{X: noiseU8(n), Y: make([]uint8, c), M: size * size, LDX: c, C1: c, QX: q, QY: q}
	})...)
	jobs = append(jobs, speedTable("lookup_u8", "196x576", 0, 2*n, LookupU8, func(*Variant[LookupU8Args]) *LookupU8Args {
		return &LookupU8Args{X: noiseU8(n), Y: make([]uint8, n), Table: new([256]uint8), M: size * size, N: c, LDX: c, LDY: c}
	})...)
	sum := fixed.NewAdder(q, qy, q, false, whole, fixed.Builtin)
	jobs = append(jobs, speedTable("binary_u8", "196x576, sum", n, 3*n, BinaryU8, func(*Variant[BinaryU8Args]) *BinaryU8Args {
		return &BinaryU8Args{A: noiseU8(n), B: noiseU8(n), Y: make([]uint8, n), M: size * size, N: c, LDA: c, LDB: c, LDY: c, SA: 1, SB: 1, Sum: &sum}
	})...)
	jobs = append(jobs, speedTable("copy_u8", "196x576 to every other place", 0, 2*n, CopyU8, func(*Variant[CopyU8Args]) *CopyU8Args {
		return &CopyU8Args{X: noiseU8(n), Y: make([]uint8, 2*n), Dims: [3]int{1, size * size, c}, XS: [3]int{0, c, 1}, YS: [3]int{0, 2 * c, 2}}
	})...)
	jobs = append(jobs, speedTable("quantize_u8", "196x576", n, 5*n, QuantizeU8, func(*Variant[QuantizeU8Args]) *QuantizeU8Args {
		return &QuantizeU8Args{X: noise(n), Y: make([]uint8, n), M: size * size, N: c, LDX: c, LDY: c, Q: q}
	})...)
	jobs = append(jobs, speedTable("dequantize_u8", "196x576", n, 5*n, DequantizeU8, func(*Variant[DequantizeU8Args]) *DequantizeU8Args {
		return &DequantizeU8Args{X: noiseU8(n), Y: make([]float32, n), M: size * size, N: c, LDX: c, LDY: c, Q: q}
	})...)
	return jobs
}

// packedRows are the rows of k weights in one plane.
func packedRows(k int) []PackedRow {
	rows := make([]PackedRow, k)
	for i := range rows {
		rows[i].At = i
	}
	return rows
}
