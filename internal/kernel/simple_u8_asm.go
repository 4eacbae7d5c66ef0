//go:build (amd64 || arm64) && !purego

package kernel

import (
	"math"
	"unsafe"

	"github.com/wispnet/wisp/internal/fixed"
)

// The simple kernels over bytes for AVX2 and NEON: whole blocks in assembly, what is left
// over of every row by the twin.

// rowsU8 is what one call of the simple kernels' assembly does: M rows of blocks, the last
// of which has the lanes of mask. Strides are in bytes. The order of the fields is that of
// _asm/structs.
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

// binaryKind is a way to compute sums or products, and the assembly that does.
type binaryKind uint8

const (
	addFixed  binaryKind = iota // rounded twice
	addEven                     // once, in float32
	addScaled                   // once, in integers
	mulFixed
	mulEven
)

// call is the call for a sum or product and what computes it; p is where the factors go.
func (a *BinaryU8Args) call(p *[3 * FinishBlocks * 16]int32) (t rowsU8, kind binaryKind) {
	t = rowsU8{half: 1 << 30, p: unsafe.Pointer(p)}
	var rng fixed.Range
	if s := a.Sum; s != nil {
		t.za, t.zb, t.zero, rng = s.A.Zero, s.B.Zero, s.Y.Zero, s.Range
		if o, ok := s.Once(); ok {
			t.za, t.zb, t.ra, t.rb, t.zero, kind = o.OffA, o.OffB, o.RA, o.RB, o.OffY, addEven
			t.lo = int32(math.Float32bits(o.Fixed)) // where addEvenU8 takes its first addend from
			t.flo, t.fhi = float32(rng.Lo-t.zero), float32(rng.Hi-t.zero)
			return t, kind
		}
		if o, ok := s.Scaled(); ok {
			t.ra, t.rb = math.Float32frombits(uint32(o.MA)), math.Float32frombits(uint32(o.MB))
			t.za, t.zb, kind = o.Bias, o.Shift, addScaled
		} else {
			for i, f := range [...]fixed.Factor{s.FA, s.FB, s.FY} {
				scalarFinish(p[i*FinishBlocks*16:], f)
			}
		}
	} else {
		s := a.Product
		t.za, t.zb, t.zero, rng, kind = s.A.Zero, s.B.Zero, s.Y.Zero, s.Range, mulFixed
		if before, after, ok := s.Once(); ok {
			t.ra, t.rb, t.zero, kind = s.Factor.Scale, before, after, mulEven
		} else {
			scalarFinish(p[:], s.Factor)
		}
	}
	t.lo, t.hi = rng.Lo, rng.Hi
	t.flo, t.fhi = float32(rng.Lo-t.zero), float32(rng.Hi-t.zero)
	return t, kind
}

// minus reports whether the assembly does not know the operation: differences, but for those in
// integers, whose factor has the sign.
func (a *BinaryU8Args) minus() bool {
	if a.Sum == nil || !a.Sum.Minus() {
		return false
	}
	_, ok := a.Sum.Scaled()
	return !ok
}

func binaryU8Blocks(a *BinaryU8Args, set asmSet) {
	if a.SA != 1 || a.SB != 1 || a.minus() || a.M <= 0 || a.N <= 0 {
		binaryU8Generic(a)
		return
	}
	var p [3 * FinishBlocks * 16]int32
	t, kind := a.call(&p)
	b := *a
	b.M, b.N = flat(a.M, a.N, &b.LDA, &b.LDB, &b.LDY)
	t.lda, t.ldb, t.ldy = b.LDA, b.LDB, b.LDY
	_, _, _ = b.A[(b.M-1)*b.LDA+b.N-1], b.B[(b.M-1)*b.LDB+b.N-1], b.Y[(b.M-1)*b.LDY+b.N-1]
	whole := b.N &^ 7
	cut(b.M, whole, func(m0, m1, n0, n1 int) {
		t.a, t.b, t.y = unsafe.Pointer(&b.A[m0*b.LDA+n0]), unsafe.Pointer(&b.B[m0*b.LDB+n0]), unsafe.Pointer(&b.Y[m0*b.LDY+n0])
		t.m, t.blocks = m1-m0, (n1-n0)/8
		callBinaryU8(set, kind, &t)
	})
	if whole < b.N {
		b.A, b.B, b.Y, b.N = b.A[whole:], b.B[whole:], b.Y[whole:], b.N-whole
		binaryU8Generic(&b)
	}
}

func lookupU8Blocks(a *LookupU8Args, set asmSet) {
	if a.M <= 0 || a.N <= 0 {
		return
	}
	b := *a
	b.M, b.N = flat(a.M, a.N, &b.LDX, &b.LDY)
	t := rowsU8{p: unsafe.Pointer(a.Table), lda: b.LDX, ldy: b.LDY, za: 0x70707070, zb: 0x10101010}
	_, _ = b.X[(b.M-1)*b.LDX+b.N-1], b.Y[(b.M-1)*b.LDY+b.N-1]
	whole := b.N &^ 31
	cut(b.M, whole, func(m0, m1, n0, n1 int) {
		t.a, t.y = unsafe.Pointer(&b.X[m0*b.LDX+n0]), unsafe.Pointer(&b.Y[m0*b.LDY+n0])
		t.m, t.blocks = m1-m0, (n1-n0)/32
		callLookupU8(set, &t)
	})
	if whole < b.N {
		b.X, b.Y, b.N = b.X[whole:], b.Y[whole:], b.N-whole
		lookupU8Generic(&b)
	}
}

func (a *QuantizeU8Args) call() rowsU8 {
	q := a.Q
	t := rowsU8{ra: q.Scale, rb: 1, zero: q.Zero, flo: float32(q.Lo - q.Zero), fhi: float32(q.Hi - q.Zero)}
	switch {
	case !a.Profile.Once():
		t.za, t.zb = int32(math.Float32bits(0.5)), math.MinInt32
	case a.Profile == fixed.XNNPACK: // multiplied by the reciprocal, and divided by 1
		t.ra, t.rb = 1, 1/q.Scale
	}
	return t
}

func quantizeU8Blocks(a *QuantizeU8Args, set asmSet) {
	if a.M <= 0 || a.N <= 0 {
		return
	}
	t, b := a.call(), *a
	b.M, b.N = flat(a.M, a.N, &b.LDX, &b.LDY)
	t.lda, t.ldy = 4*b.LDX, b.LDY
	_, _ = b.X[(b.M-1)*b.LDX+b.N-1], b.Y[(b.M-1)*b.LDY+b.N-1]
	whole := b.N &^ 7
	cut(b.M, whole, func(m0, m1, n0, n1 int) {
		t.a, t.y = unsafe.Pointer(&b.X[m0*b.LDX+n0]), unsafe.Pointer(&b.Y[m0*b.LDY+n0])
		t.m, t.blocks = m1-m0, (n1-n0)/8
		callQuantizeU8(set, a.Profile.Once(), &t)
	})
	if whole < b.N {
		b.X, b.Y, b.N = b.X[whole:], b.Y[whole:], b.N-whole
		quantizeU8Generic(&b)
	}
}

func dequantizeU8Blocks(a *DequantizeU8Args, set asmSet) {
	if a.M <= 0 || a.N <= 0 {
		return
	}
	b := *a
	b.M, b.N = flat(a.M, a.N, &b.LDX, &b.LDY)
	t := rowsU8{ra: a.Q.Scale, za: a.Q.Zero, lda: b.LDX, ldy: 4 * b.LDY}
	_, _ = b.X[(b.M-1)*b.LDX+b.N-1], b.Y[(b.M-1)*b.LDY+b.N-1]
	whole := b.N &^ 7
	cut(b.M, whole, func(m0, m1, n0, n1 int) {
		t.a, t.y = unsafe.Pointer(&b.X[m0*b.LDX+n0]), unsafe.Pointer(&b.Y[m0*b.LDY+n0])
		t.m, t.blocks = m1-m0, (n1-n0)/8
		callDequantizeU8(set, &t)
	})
	if whole < b.N {
		b.X, b.Y, b.N = b.X[whole:], b.Y[whole:], b.N-whole
		dequantizeU8Generic(&b)
	}
}

// sumChannels is how many channels the assembly sums at once.
func (s asmSet) sumChannels() int {
	if s == setAVX512 {
		return 64
	}
	return 32
}

func meanU8Blocks(a *MeanU8Args, set asmSet) {
	if a.M <= 0 || a.C1 <= a.C0 {
		return
	}
	_ = a.X[(a.M-1)*a.LDX+a.C1-1]
	var sums [64]int32
	width := set.sumChannels()
	for c := a.C0; c < a.C1; c += width {
		sumPixels(a.X[c:], a.M, a.LDX, &sums, set)
		meanFinish(a, c, sums[:min(width, a.C1-c)])
	}
}

// sumPixels sums the first channels of m pixels, ldx apart.
func sumPixels(x []uint8, m, ldx int, sums *[64]int32, set asmSet) {
	var part [64]int32
	width := set.sumChannels()
	clear(sums[:])
	for i := 0; i < m; i += asmElements / width {
		t := rowsU8{a: unsafe.Pointer(&x[i*ldx]), y: unsafe.Pointer(&part), m: min(m-i, asmElements/width), lda: ldx}
		callSumU8(set, &t)
		for c := range width {
			sums[c] += part[c]
		}
	}
}
