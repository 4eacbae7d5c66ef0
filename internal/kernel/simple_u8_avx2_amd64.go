//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/wispnet/wisp/internal/fixed"
)

// The simple kernels over bytes for AVX2: whole blocks in assembly, what is left over of
// every row by the twin.

//go:noescape
func addEvenU8AVX2(t *rowsU8)

//go:noescape
func addFixedU8AVX2(t *rowsU8)

//go:noescape
func mulEvenU8AVX2(t *rowsU8)

//go:noescape
func mulFixedU8AVX2(t *rowsU8)

//go:noescape
func lookupU8AVX2(t *rowsU8)

//go:noescape
func quantizeEvenU8AVX2(t *rowsU8)

//go:noescape
func quantizeAwayU8AVX2(t *rowsU8)

//go:noescape
func dequantizeU8AVX2(t *rowsU8)

//go:noescape
func sumU8AVX2(t *rowsU8)

//go:noescape
func poolMaxU8AVX2(t *poolPixelU8)

func binaryU8RunAVX2(a *BinaryU8Args) {
	if a.SA != 1 || a.SB != 1 || a.Sum != nil && a.Sum.Minus() || a.M <= 0 || a.N <= 0 {
		binaryU8Generic(a)
		return
	}
	var p [3 * FinishBlocks * 16]int32
	t, even := a.call(&p)
	b := *a
	b.M, b.N = flat(a.M, a.N, &b.LDA, &b.LDB, &b.LDY)
	t.lda, t.ldb, t.ldy = b.LDA, b.LDB, b.LDY
	_, _, _ = b.A[(b.M-1)*b.LDA+b.N-1], b.B[(b.M-1)*b.LDB+b.N-1], b.Y[(b.M-1)*b.LDY+b.N-1]
	whole := b.N &^ 7
	cut(b.M, whole, func(m0, m1, n0, n1 int) {
		t.a, t.b, t.y = unsafe.Pointer(&b.A[m0*b.LDA+n0]), unsafe.Pointer(&b.B[m0*b.LDB+n0]), unsafe.Pointer(&b.Y[m0*b.LDY+n0])
		t.m, t.blocks = m1-m0, (n1-n0)/8
		switch {
		case a.Sum != nil && even:
			addEvenU8AVX2(&t)
		case a.Sum != nil:
			addFixedU8AVX2(&t)
		case even:
			mulEvenU8AVX2(&t)
		default:
			mulFixedU8AVX2(&t)
		}
	})
	if whole < b.N {
		b.A, b.B, b.Y, b.N = b.A[whole:], b.B[whole:], b.Y[whole:], b.N-whole
		binaryU8Generic(&b)
	}
}

func lookupU8RunAVX2(a *LookupU8Args) {
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
		lookupU8AVX2(&t)
	})
	if whole < b.N {
		b.X, b.Y, b.N = b.X[whole:], b.Y[whole:], b.N-whole
		lookupU8Generic(&b)
	}
}

func quantizeU8RunAVX2(a *QuantizeU8Args) {
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
		if a.Profile == fixed.XNNPACK {
			quantizeEvenU8AVX2(&t)
		} else {
			quantizeAwayU8AVX2(&t)
		}
	})
	if whole < b.N {
		b.X, b.Y, b.N = b.X[whole:], b.Y[whole:], b.N-whole
		quantizeU8Generic(&b)
	}
}

func dequantizeU8RunAVX2(a *DequantizeU8Args) {
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
		dequantizeU8AVX2(&t)
	})
	if whole < b.N {
		b.X, b.Y, b.N = b.X[whole:], b.Y[whole:], b.N-whole
		dequantizeU8Generic(&b)
	}
}

func meanU8RunAVX2(a *MeanU8Args) {
	if a.M <= 0 || a.C1 <= a.C0 {
		return
	}
	_ = a.X[(a.M-1)*a.LDX+a.C1-1]
	var sums, part [32]int32
	for c := a.C0; c < a.C1; c += 32 {
		clear(sums[:])
		for m := 0; m < a.M; m += asmElements / 32 {
			t := rowsU8{a: unsafe.Pointer(&a.X[m*a.LDX+c]), y: unsafe.Pointer(&part), m: min(a.M-m, asmElements/32), lda: a.LDX}
			sumU8AVX2(&t)
			for i := range sums {
				sums[i] += part[i]
			}
		}
		meanFinish(a, c, sums[:min(32, a.C1-c)])
	}
}
