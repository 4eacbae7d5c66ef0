package kernel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/wispnet/wisp/internal/fixed"
)

var profiles = fixed.Profiles

func drawQuant(rng *rand.Rand) fixed.Quant {
	return fixed.Quant{Scale: float32(math.Exp(4 * (rng.Float64() - 0.5))), Zero: int32(rng.IntN(256)), Hi: 255}
}

// walk runs every row of a table that can run and compares the bytes that it leaves.
func walk[A any](t *testing.T, table []Variant[A], trial int, args func() (*A, []uint8)) {
	t.Helper()
	var want []uint8
	for v := len(table) - 1; v >= 0; v-- {
		row := &table[v]
		if !runs(t, row) {
			continue
		}
		a, out := args()
		row.Fn(a)
		if want == nil {
			want = out
		} else if !bytes.Equal(out, want) {
			t.Fatalf("trial %d: %s differs from the twin", trial, row.Name)
		}
	}
}

// Every variant of the simple kernels over bytes equals its twin, over tails and strides.
func TestSimpleU8(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for trial := range 300 {
		m, n := 1+rng.IntN(6), 1+rng.IntN(300)
		ldx, ldz, ldy := n+rng.IntN(3), n+rng.IntN(3), n+rng.IntN(3)
		x, z := drawBytes(rng, m*ldx), drawBytes(rng, m*ldz)
		blank := bytes.Repeat([]uint8{0xA5}, 2*m*(ldy+64))
		p := profiles[trial%len(profiles)]
		qa, qb, qy := drawQuant(rng), drawQuant(rng), drawQuant(rng)
		limits := fixed.Range{Lo: int32(rng.IntN(100)), Hi: 255 - int32(rng.IntN(100))}
		sum, product := fixed.NewAdder(qa, qb, qy, trial%7 == 0, limits, p), fixed.NewTimes(qa, qb, qy, limits, p)
		table := [256]uint8(drawBytes(rng, 256))
		for k := range 2 {
			walk(t, BinaryU8, trial, func() (*BinaryU8Args, []uint8) {
				out := slices.Clone(blank)
				a := &BinaryU8Args{A: x, B: z, Y: out, M: m, N: n, LDA: ldx, LDB: ldz, LDY: ldy, SA: 1, SB: 1}
				if k == 0 {
					a.Sum = &sum
				} else {
					a.Product = &product
				}
				if trial%5 == 0 {
					a.SB = 0
				}
				return a, out
			})
		}
		walk(t, LookupU8, trial, func() (*LookupU8Args, []uint8) {
			out := slices.Clone(blank)
			return &LookupU8Args{X: x, Y: out, Table: &table, M: m, N: n, LDX: ldx, LDY: ldy}, out
		})
		walk(t, CopyU8, trial, func() (*CopyU8Args, []uint8) {
			out := slices.Clone(blank)
			return &CopyU8Args{X: x, Y: out, Dims: [3]int{1, m, n}, XS: [3]int{0, ldx, 1}, YS: [3]int{0, 2 * ldy, 2}}, out
		})
		walk(t, MeanU8, trial, func() (*MeanU8Args, []uint8) {
			out := slices.Clone(blank)
			return &MeanU8Args{X: x, Y: out, M: m, LDX: ldx, C1: n, QX: qa, QY: qy, Profile: p}, out
		})
		reals := make([]float32, m*ldx+16)
		for i := range reals {
			reals[i] = float32(rng.NormFloat64()) * qy.Scale * 100
			switch rng.IntN(20) {
			case 0, 2, 3:
				reals[i] = float32(rng.IntN(400)-200) / 2 * qy.Scale // near halves, on either side
			case 1:
				reals[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0}[rng.IntN(4)]
			}
		}
		walk(t, QuantizeU8, trial, func() (*QuantizeU8Args, []uint8) {
			out := slices.Clone(blank)
			return &QuantizeU8Args{X: reals, Y: out, M: m, N: n, LDX: ldx, LDY: ldy, Q: qy, Profile: p}, out
		})
		walk(t, DequantizeU8, trial, func() (*DequantizeU8Args, []uint8) {
			y := make([]float32, m*ldy+64)
			a := &DequantizeU8Args{X: x, Y: y, M: m, N: n, LDX: ldx, LDY: ldy, Q: qa}
			return a, rawFloats(y)
		})
	}
}

// The same for pooling, over windows and borders.
func TestPoolWholeU8(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for trial := range 300 {
		w := Window{KH: 1 + rng.IntN(3), KW: 1 + rng.IntN(3), StrideH: 1 + rng.IntN(2), StrideW: 1 + rng.IntN(2), DilH: 1, DilW: 1}
		w.InH, w.InW = w.KH+rng.IntN(9), w.KW+rng.IntN(9)
		w.PadTop, w.PadLeft, w.PadBottom, w.PadRight = rng.IntN(w.KH), rng.IntN(w.KW), rng.IntN(w.KH), rng.IntN(w.KW)
		if trial%4 == 0 {
			w.KH, w.KW, w.PadTop, w.PadLeft, w.PadBottom, w.PadRight = w.InH, w.InW, 0, 0, 0, 0
		}
		w.OutH = (w.InH+w.PadTop+w.PadBottom-w.KH)/w.StrideH + 1
		w.OutW = (w.InW+w.PadLeft+w.PadRight-w.KW)/w.StrideW + 1
		c := 1 + rng.IntN(150)
		pix := c + rng.IntN(5)
		x := drawBytes(rng, w.InH*w.InW*pix)
		walk(t, PoolU8, trial, func() (*PoolU8Args, []uint8) {
			out := bytes.Repeat([]uint8{0xA5}, w.OutH*w.OutW*pix+64)
			return &PoolU8Args{
				X: x, Y: out, Window: w, XPix: pix, XRow: pix * w.InW, YPix: pix, YRow: pix * w.OutW, Y1: w.OutH, C1: c,
				Mean: trial%2 == 0, CountPad: trial%3 == 0, Outside: 9, Sign: int32(trial % 5 / 4 * 128),
			}, out
		})
	}
}

func rawFloats(y []float32) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(y))), 4*len(y))
}
