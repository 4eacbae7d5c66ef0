//go:build !purego

package kernel

import (
	"math"
	"unsafe"

	"github.com/wispnet/wisp/internal/fixed"
)

// rowsU8 is what one call of the simple kernels' assembly does: M rows of blocks, the last
// of which has the lanes of mask. Strides are in bytes. The order of the fields is that of
// _asm/amd64/simple_u8.go.
type rowsU8 struct {
	a, b, y       unsafe.Pointer
	m, blocks     int
	lda, ldb, ldy int
	mask, store   uint64
	za, _         int32
	zb, _         int32
	ra, _         float32
	rb, _         float32
	flo, _        float32
	fhi, _        float32
	lo, _         int32
	hi, _         int32
	zero, _       int32
	half          int64
	p             unsafe.Pointer
}

//go:noescape
func addEvenU8(t *rowsU8)

//go:noescape
func addFixedU8(t *rowsU8)

//go:noescape
func mulEvenU8(t *rowsU8)

//go:noescape
func mulFixedU8(t *rowsU8)

//go:noescape
func lookupU8(t *rowsU8)

//go:noescape
func spreadU8(t *rowsU8)

//go:noescape
func quantizeEvenU8(t *rowsU8)

//go:noescape
func quantizeAwayU8(t *rowsU8)

//go:noescape
func dequantizeU8(t *rowsU8)

//go:noescape
func sumU8(t *rowsU8)

// flat joins rows that lie side by side.
func flat(m, n int, lds ...*int) (int, int) {
	for _, ld := range lds {
		if *ld != n {
			return m, n
		}
	}
	for _, ld := range lds {
		*ld = m * n
	}
	return 1, m * n
}

// cut calls do for pieces of m rows of n elements that one call of the assembly may do:
// rows [m0, m1), elements [n0, n1).
func cut(m, n int, do func(m0, m1, n0, n1 int)) {
	if m <= 0 || n <= 0 {
		return
	}
	if n >= asmElements {
		for i := range m {
			for k := 0; k < n; k += asmElements {
				do(i, i+1, k, min(n, k+asmElements))
			}
		}
		return
	}
	step := asmElements / n
	for i := 0; i < m; i += step {
		do(i, min(m, i+step), 0, n)
	}
}

// blocksOf is how many blocks of the given lanes n elements have, and the last one's mask.
func blocksOf(n, lanes int) (blocks int, mask uint64) {
	blocks = (n + lanes - 1) / lanes
	return blocks, ^uint64(0) >> (64 - ((n-1)%lanes + 1))
}

// scalarFinish are the finish parameters of one factor in 16 lanes.
func scalarFinish(p []int32, f fixed.Factor) {
	left, right := int32(max(f.Shift, 0)), int32(max(-f.Shift, 0))
	for i := range 16 {
		p[finishLeft*16+i] = left
		p[finishMult*16+i], p[finishOdd*16+i] = f.Mult, f.Mult
		p[finishSign*16+i], p[finishRound*16+i], p[finishShift*16+i] = 0, 0, right
		if right > 0 {
			p[finishRound*16+i] = 1 << (right - 1)
			if f.Rounding == fixed.HalfAway {
				p[finishSign*16+i] = -1
			}
		}
	}
}

// call is the call for a sum or product and whether it is rounded once; p is where
// the factors go.
func (a *BinaryU8Args) call(p *[3 * FinishBlocks * 16]int32) (t rowsU8, even bool) {
	t = rowsU8{half: 1 << 30, p: unsafe.Pointer(p)}
	var first float32
	var rng fixed.Range
	var y fixed.Quant
	if s := a.Sum; s != nil {
		t.za, t.zb, rng, y = s.A.Zero, s.B.Zero, s.Range, s.Y
		var o fixed.Once
		if o, even = s.Once(); even {
			t.za, t.zb, t.ra, t.rb, y.Zero = o.OffA, o.OffB, o.RA, o.RB, o.OffY
			first = o.Fixed
		} else {
			for i, f := range [...]fixed.Factor{s.FA, s.FB, s.FY} {
				scalarFinish(p[i*FinishBlocks*16:], f)
			}
		}
	} else {
		s := a.Product
		t.za, t.zb, rng, y = s.A.Zero, s.B.Zero, s.Range, s.Y
		t.ra = s.Factor.Scale
		if even = s.Factor.Rounding == fixed.Even; !even {
			scalarFinish(p[:], s.Factor)
		}
	}
	t.zero, t.lo, t.hi = y.Zero, rng.Lo, rng.Hi
	t.flo, t.fhi = float32(rng.Lo-y.Zero), float32(rng.Hi-y.Zero)
	if a.Sum != nil && even { // addEvenU8 takes its first addend from there
		t.lo = int32(math.Float32bits(first))
	}
	return t, even
}

func binaryU8AVX512(a *BinaryU8Args) {
	if a.SA != 1 || a.SB != 1 || a.Sum != nil && a.Sum.Minus() {
		binaryU8Generic(a)
		return
	}
	var p [3 * FinishBlocks * 16]int32
	t, even := a.call(&p)
	lda, ldb, ldy := a.LDA, a.LDB, a.LDY
	m, n := flat(a.M, a.N, &lda, &ldb, &ldy)
	t.lda, t.ldb, t.ldy = lda, ldb, ldy
	if m > 0 && n > 0 {
		_, _, _ = a.A[(m-1)*lda+n-1], a.B[(m-1)*ldb+n-1], a.Y[(m-1)*ldy+n-1]
	}
	cut(m, n, func(m0, m1, n0, n1 int) {
		t.a, t.b, t.y = unsafe.Pointer(&a.A[m0*lda+n0]), unsafe.Pointer(&a.B[m0*ldb+n0]), unsafe.Pointer(&a.Y[m0*ldy+n0])
		t.m = m1 - m0
		t.blocks, t.mask = blocksOf(n1-n0, 16)
		switch {
		case a.Sum != nil && even:
			addEvenU8(&t)
		case a.Sum != nil:
			addFixedU8(&t)
		case even:
			mulEvenU8(&t)
		default:
			mulFixedU8(&t)
		}
	})
}

func lookupU8AVX512(a *LookupU8Args) {
	t := rowsU8{p: unsafe.Pointer(a.Table)}
	ldx, ldy := a.LDX, a.LDY
	m, n := flat(a.M, a.N, &ldx, &ldy)
	t.lda, t.ldy = ldx, ldy
	if m > 0 && n > 0 {
		_, _ = a.X[(m-1)*ldx+n-1], a.Y[(m-1)*ldy+n-1]
	}
	cut(m, n, func(m0, m1, n0, n1 int) {
		t.a, t.y, t.m = unsafe.Pointer(&a.X[m0*ldx+n0]), unsafe.Pointer(&a.Y[m0*ldy+n0]), m1-m0
		t.blocks, t.mask = blocksOf(n1-n0, 64)
		lookupU8(&t)
	})
}

func (a *QuantizeU8Args) call() rowsU8 {
	q := a.Q
	t := rowsU8{ra: q.Scale, zero: q.Zero, flo: float32(q.Lo - q.Zero), fhi: float32(q.Hi - q.Zero)}
	if a.Profile != fixed.XNNPACK {
		t.za, t.zb, t.rb = int32(math.Float32bits(0.5)), math.MinInt32, 1
	}
	return t
}

func quantizeU8AVX512(a *QuantizeU8Args) {
	t := a.call()
	ldx, ldy := a.LDX, a.LDY
	m, n := flat(a.M, a.N, &ldx, &ldy)
	t.lda, t.ldy = 4*ldx, ldy
	if m > 0 && n > 0 {
		_, _ = a.X[(m-1)*ldx+n-1], a.Y[(m-1)*ldy+n-1]
	}
	cut(m, n, func(m0, m1, n0, n1 int) {
		t.a, t.y, t.m = unsafe.Pointer(&a.X[m0*ldx+n0]), unsafe.Pointer(&a.Y[m0*ldy+n0]), m1-m0
		t.blocks, t.mask = blocksOf(n1-n0, 16)
		if a.Profile == fixed.XNNPACK {
			quantizeEvenU8(&t)
		} else {
			quantizeAwayU8(&t)
		}
	})
}

func dequantizeU8AVX512(a *DequantizeU8Args) {
	t := rowsU8{ra: a.Q.Scale, za: a.Q.Zero}
	ldx, ldy := a.LDX, a.LDY
	m, n := flat(a.M, a.N, &ldx, &ldy)
	t.lda, t.ldy = ldx, 4*ldy
	if m > 0 && n > 0 {
		_, _ = a.X[(m-1)*ldx+n-1], a.Y[(m-1)*ldy+n-1]
	}
	cut(m, n, func(m0, m1, n0, n1 int) {
		t.a, t.y, t.m = unsafe.Pointer(&a.X[m0*ldx+n0]), unsafe.Pointer(&a.Y[m0*ldy+n0]), m1-m0
		t.blocks, t.mask = blocksOf(n1-n0, 16)
		dequantizeU8(&t)
	})
}

func meanU8AVX512(a *MeanU8Args) {
	if a.M <= 0 || a.C1 <= a.C0 {
		return
	}
	_ = a.X[(a.M-1)*a.LDX+a.C1-1]
	var sums, part [64]int32
	for c := a.C0; c < a.C1; c += 64 {
		n := min(64, a.C1-c)
		clear(sums[:])
		for m := 0; m < a.M; m += asmElements / 64 {
			t := rowsU8{a: unsafe.Pointer(&a.X[m*a.LDX+c]), y: unsafe.Pointer(&part), m: min(a.M-m, asmElements/64), lda: a.LDX}
			sumU8(&t)
			for i := range sums {
				sums[i] += part[i]
			}
		}
		meanFinish(a, c, sums[:n])
	}
}

// meanWholeU8 takes means whose one window is the whole image, by channels, and reports
// whether the call is such.
func meanWholeU8(a *PoolU8Args) bool {
	pixels := a.InH * a.InW
	if a.OutH != 1 || a.OutW != 1 || a.PadTop|a.PadLeft|a.PadBottom|a.PadRight != 0 || a.KH != a.InH || a.KW != a.InW || a.XRow != a.InW*a.XPix ||
		pixels > asmElements/64 || a.Y0 != 0 || a.Y1 != 1 || a.C1 <= a.C0 {
		return false
	}
	_ = a.X[(pixels-1)*a.XPix+a.C1-1]
	var sums [64]int32
	for c := a.C0; c < a.C1; c += 64 {
		t := rowsU8{a: unsafe.Pointer(&a.X[c]), y: unsafe.Pointer(&sums), m: pixels, lda: a.XPix}
		sumU8(&t)
		for i := range min(64, a.C1-c) {
			a.Y[c+i] = uint8(fixed.WindowMean(sums[i]-int32(pixels)*a.Sign, pixels) + a.Sign)
		}
	}
	return true
}

// copyU8AVX512 spreads bytes that lie side by side to every other place; other copies are
// the twin's.
func copyU8AVX512(a *CopyU8Args) {
	if a.XS[2] != 1 || a.YS[2] != 2 || a.Dims[2] < 8 {
		copyU8Generic(a)
		return
	}
	n := a.Dims[2]
	t := rowsU8{lda: a.XS[1], ldy: a.YS[1]}
	for i := range a.Dims[0] {
		cut(a.Dims[1], n, func(m0, m1, n0, n1 int) {
			x, y := i*a.XS[0]+m0*a.XS[1]+n0, i*a.YS[0]+m0*a.YS[1]+2*n0
			_, _ = a.X[x+(m1-m0-1)*a.XS[1]+n1-n0-1], a.Y[y+(m1-m0-1)*a.YS[1]+2*(n1-n0-1)]
			t.a, t.y, t.m = unsafe.Pointer(&a.X[x]), unsafe.Pointer(&a.Y[y]), m1-m0
			t.blocks, t.mask = blocksOf(n1-n0, 32)
			t.store = 0x5555555555555555
			if last := (n1-n0-1)%32 + 1; last < 32 {
				t.store &= 1<<(2*last) - 1
			}
			spreadU8(&t)
		})
	}
}
