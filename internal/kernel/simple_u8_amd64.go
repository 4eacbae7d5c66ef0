//go:build !purego

package kernel

import "unsafe"

//go:noescape
func addEvenU8(t *rowsU8)

//go:noescape
func addFixedU8(t *rowsU8)

//go:noescape
func addScaledU8(t *rowsU8)

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

// blocksOf is how many blocks of the given lanes n elements have, and the last one's mask.
func blocksOf(n, lanes int) (blocks int, mask uint64) {
	blocks = (n + lanes - 1) / lanes
	return blocks, ^uint64(0) >> (64 - ((n-1)%lanes + 1))
}

//go:noescape
func addEvenU8AVX2(t *rowsU8)

//go:noescape
func addFixedU8AVX2(t *rowsU8)

//go:noescape
func addScaledU8AVX2(t *rowsU8)

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

//go:noescape
func poolMaxU8(t *poolPixelU8)

func binaryU8RunAVX2(a *BinaryU8Args)         { binaryU8Blocks(a, setAVX2) }
func lookupU8RunAVX2(a *LookupU8Args)         { lookupU8Blocks(a, setAVX2) }
func quantizeU8RunAVX2(a *QuantizeU8Args)     { quantizeU8Blocks(a, setAVX2) }
func dequantizeU8RunAVX2(a *DequantizeU8Args) { dequantizeU8Blocks(a, setAVX2) }
func meanU8RunAVX2(a *MeanU8Args)             { meanU8Blocks(a, setAVX2) }
func poolU8RunAVX2(a *PoolU8Args)             { poolU8Blocks(a, setAVX2) }
func meanU8AVX512(a *MeanU8Args)              { meanU8Blocks(a, setAVX512) }
func poolU8AVX512(a *PoolU8Args)              { poolU8Blocks(a, setAVX512) }

func callBinaryU8(_ asmSet, kind binaryKind, t *rowsU8) {
	switch kind {
	case addEven:
		addEvenU8AVX2(t)
	case addScaled:
		addScaledU8AVX2(t)
	case addFixed:
		addFixedU8AVX2(t)
	case mulEven:
		mulEvenU8AVX2(t)
	default:
		mulFixedU8AVX2(t)
	}
}

func callLookupU8(_ asmSet, t *rowsU8) { lookupU8AVX2(t) }

func callQuantizeU8(_ asmSet, even bool, t *rowsU8) {
	if even {
		quantizeEvenU8AVX2(t)
	} else {
		quantizeAwayU8AVX2(t)
	}
}

func callDequantizeU8(_ asmSet, t *rowsU8) { dequantizeU8AVX2(t) }

func callSumU8(set asmSet, t *rowsU8) {
	if set == setAVX512 {
		sumU8(t)
	} else {
		sumU8AVX2(t)
	}
}

func callPoolU8(set asmSet, t *poolPixelU8) {
	if set == setAVX512 {
		poolMaxU8(t)
	} else {
		poolMaxU8AVX2(t)
	}
}

func binaryU8AVX512(a *BinaryU8Args) {
	if a.SA != 1 || a.SB != 1 || a.minus() {
		binaryU8Generic(a)
		return
	}
	var p [3 * FinishBlocks * 16]int32
	t, kind := a.call(&p)
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
		switch kind {
		case addEven:
			addEvenU8(&t)
		case addScaled:
			addScaledU8(&t)
		case addFixed:
			addFixedU8(&t)
		case mulEven:
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
		if a.Profile.Once() {
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
