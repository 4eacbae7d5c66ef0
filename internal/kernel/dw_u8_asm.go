//go:build (amd64 || arm64) && !purego

package kernel

import "unsafe"

// dwU8Tile is what one call of the assembly does: Rows rows of one column of tiles, T
// outputs wide, for one block of 16 channels. Strides are in bytes. The order of the fields
// is that of _asm/structs; the assembly counts in the struct.
type dwU8Tile struct {
	x             unsafe.Pointer // the image at the first channel
	pos           int            // bytes from there to the first input, which may lie outside
	y, w, p       unsafe.Pointer
	xpix          int
	ypix, yrow    int
	rowStep       int
	tapRow        int
	iy, strideH   int
	dilH          int
	inH, kh, rows int
	t             int
	first, end    int // the tile's inputs that lie inside the image
	mask          uint64
	finishCall
	outside, _ uint32
	bias       [8]int32 // the assembly's own: of a block, with what lowering inputs takes off
}

// dwU8Calls bounds the outputs of 16 channels of one call.
const dwU8Calls = 8 << 10

// dwU8Tiled reports whether the assembly does such a window.
func dwU8Tiled(a *DwU8Args) bool {
	// The assembly looks for the image's edge at a tile's first and last KW−1 inputs alone.
	return a.DilW == 1 && (a.StrideW == 1 || a.StrideW == 2) && (a.KW == 3 || a.KW == 5) &&
		a.PadLeft < a.KW && (a.OutW-1)*a.StrideW-a.PadLeft < a.InW
}

// dwU8Run is the loops around the assembly of a set that has side taps side by side,
// blocks of cols channels and tiles of at most outputs.
func dwU8Run(a *DwU8Args, set asmSet, side, cols, outputs int, outside uint32) {
	if a.Y1 <= a.Y0 || a.C1 <= a.C0 || a.OutW <= 0 {
		return
	}
	_ = a.X[(a.InH-1)*a.XRow+(a.InW-1)*a.XPix+a.C1-1]
	_ = a.Y[(a.Y1-1)*a.YRow+(a.OutW-1)*a.YPix+a.C1-1]
	block := dwBlock(&Variant[DwU8Args]{Side: side, Cols: cols}, a.KH, a.KW, a.Planes)
	_ = a.W[:(a.C1+cols-1)/cols*block]
	_ = a.P[:PackedSize(FinishBlocks, a.C1, cols)]
	t := dwU8Tile{
		xpix: a.XPix, ypix: a.YPix, yrow: a.YRow, rowStep: a.StrideH * a.XRow, tapRow: a.DilH * a.XRow,
		strideH: a.StrideH, dilH: a.DilH, inH: a.InH, kh: a.KH, finishCall: a.Finish.call(), outside: outside,
	}
	columns := (a.OutW + outputs - 1) / outputs
	step := max(1, dwU8Calls/(outputs*a.KH*2))
	for y0 := a.Y0; y0 < a.Y1; y0 += step {
		rows := min(step, a.Y1-y0)
		for c := a.C0; c < a.C1; c += cols {
			left := min(cols, a.C1-c)
			t.mask = 1<<left - 1
			if set != setAVX512 {
				t.mask = uint64(left)
			}
			t.w, t.p = unsafe.Pointer(&a.W[c/cols*block]), unsafe.Pointer(&a.P[c*FinishBlocks])
			t.x = unsafe.Pointer(&a.X[c])
			x := 0
			for k := range columns {
				width := (a.OutW - x + columns - k - 1) / (columns - k)
				ix, iy := x*a.StrideW-a.PadLeft, y0*a.StrideH-a.PadTop
				t.t, t.rows, t.iy = width, rows, iy
				t.pos = iy*a.XRow + ix*a.XPix
				t.first, t.end = -ix, a.InW-ix
				t.y = unsafe.Pointer(&a.Y[y0*a.YRow+x*a.YPix+c])
				callDwU8(set, a, &t)
				x += width
			}
		}
	}
}
