//go:build (amd64 || arm64) && !purego

package kernel

import "unsafe"

// unaryCall and binaryCall are rows of N whole registers and, where Mask is not 0, a part
// of one. Strides are in bytes. The order of the fields is that of _asm/structs.
type unaryCall struct {
	x, y, scale, shift unsafe.Pointer
	m, n               int
	ldx, ldy           int
	mask               uint64
	act                int
	lo, _, hi, _       float32
	consts             unsafe.Pointer
	lanes              [8]int32
}

type binaryCall struct {
	a, b, y       unsafe.Pointer
	sa, sb, fn    int
	m, n          int
	lda, ldb, ldy int
	mask          uint64
	act           int
	lo, _, hi, _  float32
	consts        unsafe.Pointer
	lanes         [8]int32
}

// activateRows applies an activation to what a kernel just wrote: m rows of n elements, ld
// apart.
func activateRows(y []float32, m, n, ld int, act Act, set asmSet) {
	unaryRows(&UnaryArgs{X: y, Y: y, M: m, N: n, LDX: ld, LDY: ld, Act: act}, set)
}

func unaryRows(a *UnaryArgs, set asmSet) {
	if a.M <= 0 || a.N <= 0 {
		return
	}
	_, _ = a.X[(a.M-1)*a.LDX+a.N-1], a.Y[(a.M-1)*a.LDY+a.N-1]
	rows, cols := a.M, a.N
	if a.Scale == nil && a.Shift == nil && a.LDX == cols && a.LDY == cols {
		rows, cols = 1, rows*cols
	}
	t := unaryCall{
		ldx: 4 * a.LDX, ldy: 4 * a.LDY,
		act: int(a.Act.Kind), lo: a.Act.Lo, hi: a.Act.Hi, consts: unsafe.Pointer(&actConsts),
	}
	lanes := set.lanes()
	width := min(cols, asmElements)
	height := max(1, asmElements/width)
	for n := 0; n < cols; n += width {
		w := min(width, cols-n)
		t.n, t.mask = w/lanes, set.tail(&t.lanes, lanes, w)
		if a.Scale != nil {
			_ = a.Scale[a.N-1]
			t.scale = unsafe.Pointer(&a.Scale[n])
		}
		if a.Shift != nil {
			_ = a.Shift[a.N-1]
			t.shift = unsafe.Pointer(&a.Shift[n])
		}
		for m := 0; m < rows; m += height {
			t.m = min(height, rows-m)
			t.x, t.y = unsafe.Pointer(&a.X[m*a.LDX+n]), unsafe.Pointer(&a.Y[m*a.LDY+n])
			callUnary(set, &t)
		}
	}
}

func binaryRows(a *BinaryArgs, set asmSet) {
	if a.M <= 0 || a.N <= 0 {
		return
	}
	_, _ = a.A[(a.M-1)*a.LDA+(a.N-1)*a.SA], a.B[(a.M-1)*a.LDB+(a.N-1)*a.SB]
	_ = a.Y[(a.M-1)*a.LDY+a.N-1]
	rows, cols := a.M, a.N
	if a.SA == 1 && a.SB == 1 && a.LDA == cols && a.LDB == cols && a.LDY == cols {
		rows, cols = 1, rows*cols
	}
	t := binaryCall{
		sa: a.SA, sb: a.SB, fn: int(a.Fn), lda: 4 * a.LDA, ldb: 4 * a.LDB, ldy: 4 * a.LDY,
		act: int(a.Act.Kind), lo: a.Act.Lo, hi: a.Act.Hi, consts: unsafe.Pointer(&actConsts),
	}
	after := set == setNEON && a.Act.Kind > ActClip // as in gemmPanels
	if after {
		t.act = 0
	}
	lanes := set.lanes()
	width := min(cols, asmElements)
	height := max(1, asmElements/width)
	for n := 0; n < cols; n += width {
		w := min(width, cols-n)
		t.n, t.mask = w/lanes, set.tail(&t.lanes, lanes, w)
		for m := 0; m < rows; m += height {
			t.m = min(height, rows-m)
			t.a, t.b = unsafe.Pointer(&a.A[m*a.LDA+n*a.SA]), unsafe.Pointer(&a.B[m*a.LDB+n*a.SB])
			t.y = unsafe.Pointer(&a.Y[m*a.LDY+n])
			callBinary(set, &t)
			if after {
				activateRows(a.Y[m*a.LDY+n:], t.m, w, a.LDY, a.Act, set)
			}
		}
	}
}
