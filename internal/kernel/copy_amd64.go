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

// maxStep is the largest distance in the destination that the assembly has a loop for.
const maxStep = 4

// copyChunk is the size in bytes of the rows that stay in L1 while others pass.
const copyChunk = 16 << 10

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

// copyScattered takes the longest dimension that is contiguous in X and a small step apart
// in Y as rows for the assembly. Other copies are the twin's.
func copyScattered(a *CopyArgs, set asmSet) {
	lanes := set.lanes()
	row := -1
	for d := range 3 {
		if a.XS[d] == 1 && a.YS[d] >= 2 && a.YS[d] <= maxStep && a.Dims[d] >= lanes && (row < 0 || a.Dims[d] > a.Dims[row]) {
			row = d
		}
	}
	outer, inner := (row+1)%3, (row+2)%3
	if row < 0 || a.Dims[outer] <= 0 || a.Dims[inner] <= 0 {
		copyGeneric(a)
		return
	}
	if a.Dims[outer] > a.Dims[inner] {
		outer, inner = inner, outer
	}
	last := func(s [3]int) (at int) {
		for d, n := range a.Dims {
			at += (n - 1) * s[d]
		}
		return at
	}
	_, _ = a.X[last(a.XS)], a.Y[last(a.YS)]
	n := a.Dims[row]
	t := scatterCall{xrow: 4 * a.XS[inner], yrow: 4 * a.YS[inner], step: a.YS[row]}
	if set == setAVX512 {
		t.tables = unsafe.Pointer(&scatterWide[t.step])
	} else {
		t.tables = unsafe.Pointer(&scatterNarrow[t.step])
	}
	width := min(n, asmElements)
	// The passes of the outer dimension find in L1 what they share.
	height := min(asmElements/width, copyChunk/(4*(a.XS[inner]+a.YS[inner])+1))
	if a.Dims[outer] == 1 {
		height = asmElements / width
	}
	height = max(1, height)
	for j := 0; j < a.Dims[inner]; j += height {
		for i := range a.Dims[outer] {
			for k := 0; k < n; k += width {
				// A rest shorter than a register begins earlier instead.
				k := min(k, max(0, n-max(lanes, min(width, n-k))))
				w := min(width, n-k)
				t.m, t.n, t.last = min(height, a.Dims[inner]-j), w/lanes, 0
				if w%lanes != 0 {
					t.last = 4 * (w - lanes)
				}
				t.x = unsafe.Pointer(&a.X[i*a.XS[outer]+j*a.XS[inner]+k])
				t.y = unsafe.Pointer(&a.Y[i*a.YS[outer]+j*a.YS[inner]+k*t.step])
				if set == setAVX512 {
					scatterAVX512(&t)
				} else {
					scatterAVX2(&t)
				}
			}
		}
	}
}
