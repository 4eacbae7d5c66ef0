//go:build !purego

package kernel

import "unsafe"

// scatterCall copies M rows: N whole registers of contiguous elements and, where Last is
// not 0, one more at that offset, which overlaps them, to places Step elements apart.
// Strides and Last are in bytes. The order of the fields is that of _asm/structs.
type scatterCall struct {
	x, y       unsafe.Pointer
	xrow, yrow int
	m, n       int
	last       int
	step       int
	tables     unsafe.Pointer
}

//go:noescape
func scatterAVX512(t *scatterCall)

//go:noescape
func scatterAVX2(t *scatterCall)

func copyF32AVX512(a *CopyArgs) { copyScattered(a, setAVX512) }
func copyF32AVX2(a *CopyArgs)   { copyScattered(a, setAVX2) }

// scatterTable is what one step needs: for every register's width of the destination the
// element that comes to each lane, and the lanes that are written, as bits in the first
// element for AVX-512 and as whole lanes for AVX2.
type scatterTable[V [16]int32 | [8]int32] struct {
	index, mask [maxStep]V
}

var (
	scatterWide   = scatterTables512()
	scatterNarrow = scatterTables256()
)

func scatterTables512() (t [maxStep + 1]scatterTable[[16]int32]) {
	for s := 2; s <= maxStep; s++ {
		for at := range 16 * s {
			if k, lane := at/16, at%16; at%s == 0 {
				t[s].index[k][lane] = int32(at / s)
				t[s].mask[k][0] |= 1 << lane
			}
		}
	}
	return t
}

func scatterTables256() (t [maxStep + 1]scatterTable[[8]int32]) {
	for s := 2; s <= maxStep; s++ {
		for at := range 8 * s {
			if k, lane := at/8, at%8; at%s == 0 {
				t[s].index[k][lane] = int32(at / s)
				t[s].mask[k][lane] = -1
			}
		}
	}
	return t
}

// copyScattered has the assembly do what it can do.
func copyScattered(a *CopyArgs, set asmSet) {
	lanes := set.lanes()
	row := spreadRow(a.Dims, a.XS, a.YS, lanes)
	if row < 0 {
		copyGeneric(a)
		return
	}
	_, _ = a.X[copyLast(a.Dims, a.XS)], a.Y[copyLast(a.Dims, a.YS)]
	t := scatterCall{step: a.YS[row]}
	if set == setAVX512 {
		t.tables = unsafe.Pointer(&scatterWide[t.step])
	} else {
		t.tables = unsafe.Pointer(&scatterNarrow[t.step])
	}
	spread(a.Dims, a.XS, a.YS, row, lanes, 4, func(x, y, m, n, inner int) {
		t.xrow, t.yrow = 4*a.XS[inner], 4*a.YS[inner]
		t.m, t.n, t.last = m, n/lanes, 0
		if n%lanes != 0 {
			t.last = 4 * (n - lanes)
		}
		t.x, t.y = unsafe.Pointer(&a.X[x]), unsafe.Pointer(&a.Y[y])
		if set == setAVX512 {
			scatterAVX512(&t)
		} else {
			scatterAVX2(&t)
		}
	})
}
