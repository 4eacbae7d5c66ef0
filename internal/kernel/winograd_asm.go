//go:build (amd64 || arm64) && !purego

package kernel

import (
	"math"
	"unsafe"
)

// winogradPatches is a row of patches: Tiles of them, Blocks registers of channels each.
// Strides are in bytes. The order of the fields is that of _asm/structs.
type winogradPatches struct {
	x, y          unsafe.Pointer
	xrow, xpix    int
	ypos, ytile   int
	tiles, blocks int
}

// winogradSums is a row of tiles of sums: Rows of outputs and, in the last tile, Cols of
// them lie inside.
type winogradSums struct {
	x, y, bias, r unsafe.Pointer
	xpos, xtile   int
	yrow, ypix    int
	rrow, rpix    int
	tiles         int
	rows, cols    int
	blocks        int
	mask          uint64 // of the last block; AVX2: 0 where it is whole
	lo, _, hi, _  float32
	lanes         [8]int32
}

func winogradRows(a *WinogradInArgs, set asmSet) {
	if a.Rows <= 0 || a.Tiles <= 0 || a.C <= 0 {
		return
	}
	lanes := set.lanes()
	blocks := (a.C + lanes - 1) / lanes
	_ = a.X[(2*a.Rows+1)*a.XRow+(2*a.Tiles+1)*a.XPix+a.C-1]
	_ = a.Y[15*a.YPos+(a.Rows*a.Tiles-1)*a.YTile+blocks*lanes-1]
	t := winogradPatches{xrow: 4 * a.XRow, xpix: 4 * a.XPix, ypos: 4 * a.YPos, ytile: 4 * a.YTile, blocks: blocks}
	// A call is a part of a row: at most asmElements of the 16 for every channel.
	part := max(1, asmElements/(16*blocks*lanes))
	for r := range a.Rows {
		for i := 0; i < a.Tiles; i += part {
			t.tiles = min(part, a.Tiles-i)
			t.x = unsafe.Pointer(&a.X[2*r*a.XRow+2*i*a.XPix])
			t.y = unsafe.Pointer(&a.Y[(r*a.Tiles+i)*a.YTile])
			callWinogradIn(set, &t)
		}
	}
}

func winogradSumRows(a *WinogradOutArgs, set asmSet) {
	if a.OutH <= 0 || a.OutW <= 0 || a.N <= 0 {
		return
	}
	lanes := set.lanes()
	rows, tiles := (a.OutH+1)/2, (a.OutW+1)/2
	_ = a.X[15*a.XPos+((rows-1)*a.Tiles+tiles-1)*a.XTile+a.N-1]
	_ = a.Y[(a.OutH-1)*a.YRow+(a.OutW-1)*a.YPix+a.N-1]
	t := winogradSums{
		xpos: 4 * a.XPos, xtile: 4 * a.XTile, yrow: 4 * a.YRow, ypix: 4 * a.YPix, rrow: 4 * a.RRow, rpix: 4 * a.RPix,
		blocks: (a.N + lanes - 1) / lanes, lo: float32(math.Inf(-1)), hi: float32(math.Inf(1)),
	}
	switch a.Act.Kind {
	case ActNone:
	case ActClip:
		t.lo, t.hi = a.Act.Lo, a.Act.Hi
	default:
		panic("kernel: winograd: the activation is neither none nor a clip")
	}
	t.mask = set.mask(&t.lanes, lanes, a.N)
	if a.Bias != nil {
		_ = a.Bias[a.N-1]
		t.bias = unsafe.Pointer(&a.Bias[0])
	}
	if a.R != nil {
		_ = a.R[(a.OutH-1)*a.RRow+(a.OutW-1)*a.RPix+a.N-1]
	}
	part := max(1, asmElements/(16*t.blocks*lanes))
	for r := range rows {
		t.rows = min(2, a.OutH-2*r)
		for i := 0; i < tiles; i += part {
			t.tiles, t.cols = min(part, tiles-i), 2
			if i+t.tiles == tiles {
				t.cols = a.OutW - 2*(tiles-1)
			}
			t.x = unsafe.Pointer(&a.X[(r*a.Tiles+i)*a.XTile])
			t.y = unsafe.Pointer(&a.Y[2*r*a.YRow+2*i*a.YPix])
			if a.R != nil {
				t.r = unsafe.Pointer(&a.R[2*r*a.RRow+2*i*a.RPix])
			}
			callWinogradOut(set, &t)
		}
	}
}
