package kernel

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wispnet/wisp/internal/fixed"
)

// drawFactors makes factors of every rounding, some of one and more.
func drawFactors(rng *rand.Rand, n int, r fixed.Rounding) []fixed.Factor {
	f := make([]fixed.Factor, n)
	for i := range f {
		m := rng.Float64() * []float64{0.001, 0.02, 1, 3}[rng.IntN(4)]
		f[i] = fixed.FactorOf(m, r)
	}
	return f
}

func drawFinish(rng *rand.Rand, r fixed.Rounding) Finish {
	f := Finish{Rounding: r, Zero: int32(rng.IntN(256)), Lo: int32(rng.IntN(100)), Hi: 255 - int32(rng.IntN(100))}
	return f
}

func drawBytes(rng *rand.Rand, n int) []uint8 {
	b := make([]uint8, n, n+64)
	for i := range b[:cap(b)] {
		b[:cap(b)][i] = uint8(rng.Uint32())
	}
	return b
}

// Every variant of the product of bytes gives the bytes of the scalar rule, and writes
// nothing else.
func TestGemmU8(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range 400 {
		m, n := 1+rng.IntN(40), 1+rng.IntN(100)
		segs := make([]Segment, 1+rng.IntN(3)) // B is the row of the weights
		k, lda := 0, 0
		for i := range segs {
			segs[i] = Segment{Off: lda, K: max(1-i, rng.IntN(71)), B: k}
			k += segs[i].K
			lda += segs[i].K + rng.IntN(3)
		}
		lda += rng.IntN(5)
		ldc := n + rng.IntN(9)
		x, bias := drawBytes(rng, (m-1)*lda+lda), make([]int32, n)
		for i := range bias {
			bias[i] = rng.Int32N(200000) - 100000
		}
		weights := make([]int32, k*n)
		for i := range weights {
			weights[i] = int32(int8(rng.Uint32()))
		}
		r := fixed.Rounding(trial % 3)
		factors, finish := drawFactors(rng, n, r), drawFinish(rng, r)
		var want []uint8
		for v := len(GemmU8) - 1; v >= 0; v-- {
			row := &GemmU8[v]
			if !runs(t, row) {
				continue
			}
			out := bytes.Repeat([]uint8{0xA5}, (m-1)*ldc+n+32)
			split := 0
			if n > row.Cols {
				split = row.Cols
			}
			var rows []PackedRow
			packed := slices.Clone(segs)
			for i, s := range segs {
				packed[i].B = len(rows)
				for q := range row.Packed(s.K) {
					if q < s.K {
						rows = append(rows, PackedRow{At: s.B + q})
					} else {
						rows = append(rows, PackedRow{At: -1})
					}
				}
			}
			a := GemmU8Args{
				A: x, W: PackGemmU8(row, n, weights, rows, k), P: PackFinish(bias, factors, row.Cols),
				C: out, Segs: packed, M: m, K: len(rows), LDA: lda, LDC: ldc, Finish: finish,
			}
			for _, cut := range [][2]int{{0, split}, {split, n}} {
				a.N0, a.N1 = cut[0], cut[1]
				row.Fn(&a)
			}
			if want == nil {
				want = out
			} else if !bytes.Equal(out, want) {
				t.Fatalf("trial %d: %s differs from the twin: m %d n %d k %d rounding %d", trial, row.Name, m, n, k, r)
			}
		}
		// The twin against the scalar rule itself.
		for i := range m {
			for j := range n {
				sum := bias[j]
				for _, s := range segs {
					for q := range s.K {
						sum += int32(x[i*lda+s.Off+q]) * weights[j*k+s.B+q]
					}
				}
				if got, w := want[i*ldc+j], finishScalar(factors[j], finish, sum); got != w {
					t.Fatalf("trial %d: (%d, %d): got %d, want %d", trial, i, j, got, w)
				}
			}
		}
	}
}

func finishScalar(f fixed.Factor, to Finish, sum int32) uint8 {
	if f.Rounding == fixed.Even {
		return uint8(min(max(int64(f.Apply(sum))+int64(to.Zero), int64(to.Lo)), int64(to.Hi)))
	}
	return uint8(min(max(f.Apply(sum)+to.Zero, to.Lo), to.Hi))
}

// Weights are the sum of their planes, and no fewer planes would hold them.
func TestPlanes(t *testing.T) {
	for w := int32(-255); w <= 255; w++ {
		sum, n := int32(0), Planes(min(w, 0), max(w, 0))
		for p := range n {
			sum += int32(Plane(w, p))
		}
		if sum != w || n > 1 && w >= -128*int32(n-1) && w <= 127*int32(n-1) {
			t.Errorf("%d: got %d in %d planes", w, sum, n)
		}
	}
}

// The same for depthwise convolutions, over widths of taps, strides, dilations and borders.
func TestDwU8(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for trial := range 500 {
		w := Window{KH: 1 + rng.IntN(5), KW: []int{1, 3, 3, 3, 5, 5, 5, 7}[rng.IntN(8)], StrideH: 1 + rng.IntN(2), StrideW: 1 + rng.IntN(3), DilH: 1 + rng.IntN(2), DilW: 1 + rng.IntN(2)*rng.IntN(2)}
		w.InH, w.InW = 1+rng.IntN(20), 1+rng.IntN(30)
		w.PadTop, w.PadLeft = rng.IntN(w.KH), rng.IntN(w.KW)
		w.OutH, w.OutW = 1+rng.IntN(9), 1+rng.IntN(20)
		if trial < 2*2*8*3 { // every tile of assembly, of every number of planes
			w.KW, w.StrideW, w.OutW, w.DilW = 3+trial%2*2, 1+trial/2%2, 1+trial/4%8, 1
			w.InW, w.PadLeft = max(w.InW, w.OutW*w.StrideW), rng.IntN(w.KW)
		}
		c := 1 + rng.IntN(40)
		pix := c + rng.IntN(5)
		x := drawBytes(rng, w.InH*w.InW*pix)
		bias := make([]int32, c)
		for i := range bias {
			bias[i] = rng.Int32N(20000) - 10000
		}
		spread := []int32{127, 254, 255}[trial/32%3] // of one plane, two and three
		weights := make([]int32, c*w.KH*w.KW)
		for i := range weights {
			weights[i] = rng.Int32N(2*spread+1) - spread
		}
		planes := Planes(-spread, spread)
		r := fixed.Rounding(trial % 3)
		factors, finish := drawFactors(rng, c, r), drawFinish(rng, r)
		var want []uint8
		for v := len(DwU8) - 1; v >= 0; v-- {
			row := &DwU8[v]
			if !runs(t, row) {
				continue
			}
			out := bytes.Repeat([]uint8{0xA5}, w.OutH*w.OutW*pix+32)
			a := DwU8Args{
				X: x, Y: out, Window: w, XPix: pix, XRow: pix * w.InW, YPix: pix, YRow: pix * w.OutW, Planes: planes, Outside: 77, Finish: finish,
				W: PackDwU8(row, w.KH, w.KW, c, planes, func(ky, kx, ch int) int32 { return weights[(ch*w.KH+ky)*w.KW+kx] }),
				P: PackFinish(bias, factors, row.Cols), C1: c,
			}
			half := rng.IntN(w.OutH + 1)
			a.Y0, a.Y1 = 0, half
			row.Fn(&a)
			a.Y0, a.Y1 = half, w.OutH
			row.Fn(&a)
			if want == nil {
				want = out
			} else if !bytes.Equal(out, want) {
				t.Fatalf("trial %d: %s differs from the twin: %+v, %d channels, %d planes", trial, row.Name, w, c, planes)
			}
		}
		// The twin against the sum itself.
		for i := range w.OutH * w.OutW * c {
			ch, ox, oy := i%c, i/c%w.OutW, i/c/w.OutW
			sum := bias[ch]
			for tap := range w.KH * w.KW {
				iy, ix, v := oy*w.StrideH-w.PadTop+tap/w.KW*w.DilH, ox*w.StrideW-w.PadLeft+tap%w.KW*w.DilW, int32(77)
				if iy >= 0 && iy < w.InH && ix >= 0 && ix < w.InW {
					v = int32(x[(iy*w.InW+ix)*pix+ch])
				}
				sum += v * weights[ch*w.KH*w.KW+tap]
			}
			if got, want := want[(oy*w.OutW+ox)*pix+ch], finishScalar(factors[ch], finish, sum); got != want {
				t.Fatalf("trial %d: (%d, %d, %d): got %d, want %d", trial, oy, ox, ch, got, want)
			}
		}
	}
}
