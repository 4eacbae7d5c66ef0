//go:build (amd64 || arm64) && !purego

package kernel

import "unsafe"

// dwTile is what one call of the assembly does: Rows rows of one column of tiles, T outputs
// wide, for Blocks blocks of channels. Strides are in bytes. The order of the fields is
// that of _asm/structs. The assembly uses the struct as its scratch memory.
type dwTile struct {
	x             unsafe.Pointer // the image at the first channel
	pos           int            // bytes from there to the first input of the first row, which may lie outside
	y, r, w, bias unsafe.Pointer
	xpix, xrow    int
	ypix, yrow    int
	rpix, rrow    int
	rowStep       int // from the inputs of a row of outputs to the next
	iy, strideH   int // input row under the first row of taps, and its step
	inH, kh       int
	rows, blocks  int
	t             int    // outputs of a tile
	first, end    int    // the tile's inputs that lie inside the image
	mask          uint64 // of the last block; AVX2: 0 where it is whole
	act           int
	lo, _, hi, _  float32
	consts        unsafe.Pointer
	wblock        int // bytes of a block's weights
	_             int
	ahead         int // bytes from the first input of a row to what is fetched meanwhile
	lanes         [8]int32
}

// dwPixel is one output pixel: the taps inside the image, for Blocks blocks of channels.
type dwPixel struct {
	x, w, y, r, bias unsafe.Pointer
	kh, kw           int // taps inside the image
	xrow, xpix, wrow int
	wblock           int
	blocks           int
	mask             uint64
	act              int
	lo, _, hi, _     float32
	consts           unsafe.Pointer
	lanes            [8]int32
}

// dwTiles is the most outputs that one tile of a set computes.
func (s asmSet) dwTiles() int {
	if s == setAVX2 {
		return 7
	}
	return 14
}

const (
	// dwCallWork bounds the multiply-adds of one call of the assembly.
	dwCallWork = 2 << 20
	// dwCallBytes bounds the outputs that an activation passes over a second time.
	dwCallBytes = 16 << 10
	// dwBig is the size in bytes of an image that does not stay in L2 together with its
	// result. It is passed over once, row by row with all channels, and what comes
	// dwAhead rows of outputs later is fetched meanwhile; in a smaller one the channel
	// blocks are outside, which keeps rows in L1, and fetching ahead only costs.
	dwBig   = 1 << 20
	dwAhead = 2
)

// dwColumns is the loops around the assembly: bands of rows, in them columns of tiles, in
// them calls.
func dwColumns(a *DwArgs, set asmSet) {
	if a.C1 <= a.C0 || a.Y1 <= a.Y0 || a.OutW <= 0 {
		return
	}
	dwCheck(a, set.lanes())
	if 4*a.InH*a.InW*(a.C1-a.C0) <= dwBig {
		dwBand(a, 0, set)
		return
	}
	row := *a
	for y := a.Y0; y < a.Y1; y++ {
		row.Y0, row.Y1 = y, y+1
		dwBand(&row, 4*a.XRow*a.DilH*(a.KH-1+dwAhead*a.StrideH), set)
	}
}

// dwBand is columns of tiles over rows [Y0, Y1). Ahead is how many bytes from the first
// input of a row lies what is fetched meanwhile, 0 for nothing.
func dwBand(a *DwArgs, ahead int, set asmSet) {
	tiles := set.dwTiles()
	tiled := a.DilH == 1 && a.DilW == 1 && a.StrideW <= 2 && (a.KW == 1 || a.KW == 3 || a.KW == 5 || a.KW == 7)
	count := (a.OutW + tiles - 1) / tiles
	size, extra := a.OutW/count, a.OutW%count
	for i, x0 := 0, 0; i < count; i++ {
		t := size
		if i < extra {
			t++
		}
		ix := x0*a.StrideW - a.PadLeft
		positions := (t-1)*a.StrideW + a.KW
		first, end := max(0, -ix), min(positions, a.InW-ix)
		// The assembly looks for the image's edge among the first and last KW−1 inputs only.
		if tiled && first < a.KW && end > positions-a.KW {
			dwColumn(a, x0, t, first, end, ahead, set)
		} else {
			dwPixels(a, x0, t, set)
		}
		x0 += t
	}
}

func dwColumn(a *DwArgs, x0, count, first, end, ahead int, set asmSet) {
	lanes := set.lanes()
	t := dwTile{
		x: unsafe.Pointer(unsafe.SliceData(a.X)), xpix: 4 * a.XPix, xrow: 4 * a.XRow,
		ypix: 4 * a.YPix, yrow: 4 * a.YRow, rpix: 4 * a.RPix, rrow: 4 * a.RRow,
		rowStep: 4 * a.StrideH * a.XRow, strideH: a.StrideH, inH: a.InH, kh: a.KH, t: count, first: first, end: end, ahead: ahead,
		act: int(a.Act.Kind), lo: a.Act.Lo, hi: a.Act.Hi, consts: unsafe.Pointer(&actConsts), wblock: 4 * lanes * a.KH * a.KW,
	}
	after := set == setNEON && a.Act.Kind > ActClip
	if after {
		t.act = 0
	}
	rows := a.Y1 - a.Y0
	if a.Act.Kind > ActClip {
		rows = min(rows, max(1, dwCallBytes/(count*4*lanes)))
	}
	work := count * a.KW * a.KH * lanes // of a row of a block
	rows = min(rows, max(1, dwCallWork/work))
	blocks := max(1, dwCallWork/(work*rows))
	for c := a.C0; c < a.C1; c += blocks * lanes {
		c1 := min(c+blocks*lanes, a.C1)
		for y := a.Y0; y < a.Y1; y += rows {
			height := min(rows, a.Y1-y)
			t.rows, t.blocks = height, (c1-c+lanes-1)/lanes
			t.mask = set.mask(&t.lanes, lanes, c1-c)
			t.iy = y*a.StrideH - a.PadTop
			t.x = unsafe.Pointer(&a.X[c])
			t.pos = 4 * (t.iy*a.XRow + (x0*a.StrideW-a.PadLeft)*a.XPix)
			t.y = unsafe.Pointer(&a.Y[y*a.YRow+x0*a.YPix+c])
			t.w = unsafe.Pointer(&a.W[c*a.KH*a.KW])
			if a.Bias != nil {
				t.bias = unsafe.Pointer(&a.Bias[c])
			}
			if a.R != nil {
				t.r = unsafe.Pointer(&a.R[y*a.RRow+x0*a.RPix+c])
			}
			callDw(set, a.KW, a.StrideW, &t)
			for i := 0; after && i < height; i++ {
				activateRows(a.Y[(y+i)*a.YRow+x0*a.YPix+c:], count, c1-c, a.YPix, a.Act, set)
			}
		}
	}
}

// dwPixels computes outputs x0 … of every row one by one, whatever the taps.
func dwPixels(a *DwArgs, x0, count int, set asmSet) {
	lanes := set.lanes()
	t := dwPixel{
		xrow: 4 * a.DilH * a.XRow, xpix: 4 * a.DilW * a.XPix, wrow: 4 * lanes * a.KW, wblock: 4 * lanes * a.KH * a.KW,
		act: int(a.Act.Kind), lo: a.Act.Lo, hi: a.Act.Hi, consts: unsafe.Pointer(&actConsts),
	}
	after := set == setNEON && a.Act.Kind > ActClip
	if after {
		t.act = 0
	}
	c := a.C0
	for y := a.Y0; y < a.Y1; y++ {
		iy := y*a.StrideH - a.PadTop
		ky0, ky1 := taps(iy, a.KH, a.DilH, a.InH)
		for x := x0; x < x0+count; x++ {
			ix := x*a.StrideW - a.PadLeft
			kx0, kx1 := taps(ix, a.KW, a.DilW, a.InW)
			t.kh, t.kw = ky1-ky0, kx1-kx0
			t.x, t.w = unsafe.Pointer(&a.X[c]), unsafe.Pointer(&a.W[c*a.KH*a.KW])
			if t.kh <= 0 || t.kw <= 0 {
				t.kh = 0
			} else {
				t.x = unsafe.Pointer(&a.X[(iy+ky0*a.DilH)*a.XRow+(ix+kx0*a.DilW)*a.XPix+c])
				t.w = unsafe.Pointer(&a.W[c*a.KH*a.KW+(ky0*a.KW+kx0)*lanes])
			}
			t.y = unsafe.Pointer(&a.Y[y*a.YRow+x*a.YPix+c])
			if a.Bias != nil {
				t.bias = unsafe.Pointer(&a.Bias[c])
			}
			if a.R != nil {
				t.r = unsafe.Pointer(&a.R[y*a.RRow+x*a.RPix+c])
			}
			t.blocks = (a.C1 - c + lanes - 1) / lanes
			t.mask = set.mask(&t.lanes, lanes, a.C1-c)
			callDwPixel(set, &t)
			if after {
				activateRows(a.Y[y*a.YRow+x*a.YPix+c:], 1, a.C1-c, a.YPix, a.Act, set)
			}
		}
	}
}

// dwCheck panics where a call would reach outside its slices, as the twin does.
func dwCheck(a *DwArgs, lanes int) {
	_ = a.X[(a.InH-1)*a.XRow+(a.InW-1)*a.XPix+a.C1-1]
	_ = a.Y[(a.Y1-1)*a.YRow+(a.OutW-1)*a.YPix+a.C1-1]
	_ = a.W[:PackedSize(a.KH*a.KW, a.C1, lanes)]
	if a.Bias != nil {
		_ = a.Bias[a.C1-1]
	}
	if a.R != nil {
		_ = a.R[(a.Y1-1)*a.RRow+(a.OutW-1)*a.RPix+a.C1-1]
	}
}
