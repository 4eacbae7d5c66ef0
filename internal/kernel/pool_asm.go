//go:build (amd64 || arm64) && !purego

package kernel

import (
	"math"
	"unsafe"
)

// poolPixel is the windows of neighbouring output pixels: KH·KW elements inside the image
// for every one of N whole registers of channels and, where Mask is not 0, a part of one.
// Strides are in bytes. The assembly moves X and Y and counts Pixels down. The order of the fields is that of _asm/structs.
type poolPixel struct {
	x, y       unsafe.Pointer
	kh, kw     int
	xrow, xpix int
	n          int
	mask       uint64
	mean       int     // 0: the largest element; 2: Y holds the beginning of the sum
	scale, _   float32 // of a mean's sum
	least, _   float32 // −Inf
	pixels     int     // at least 1, xstep and ystep apart
	xstep      int
	ystep      int
	lanes      [8]int32
}

func poolPixels(a *PoolArgs, set asmSet) {
	if a.C1 <= a.C0 || a.Y1 <= a.Y0 || a.OutW <= 0 {
		return
	}
	_ = a.X[(a.InH-1)*a.XRow+(a.InW-1)*a.XPix+a.C1-1]
	_ = a.Y[(a.Y1-1)*a.YRow+(a.OutW-1)*a.YPix+a.C1-1]
	lanes := set.lanes()
	t := poolPixel{xrow: 4 * a.DilH * a.XRow, xpix: 4 * a.DilW * a.XPix, least: float32(math.Inf(-1))}
	if a.Mean {
		t.mean = 1
	}
	t.mask = set.tail(&t.lanes, lanes, a.C1-a.C0)
	for y := a.Y0; y < a.Y1; y++ {
		iy := y*a.StrideH - a.PadTop
		ky0, ky1 := taps(iy, a.KH, a.DilH, a.InH)
		for x := 0; x < a.OutW; x += t.pixels {
			ix := x*a.StrideW - a.PadLeft
			kx0, kx1 := taps(ix, a.KW, a.DilW, a.InW)
			t.kh, t.kw, t.n, t.pixels = ky1-ky0, kx1-kx0, (a.C1-a.C0)/lanes, 1
			count := t.kh * t.kw
			if a.CountPad {
				count = (min(iy+a.KH, a.InH+a.PadBottom) - iy) * (min(ix+a.KW, a.InW+a.PadRight) - ix)
			}
			if ix >= 0 && t.kw == a.KW { // and so for all windows up to the right edge
				inside := (a.InW-1-(a.KW-1)*a.DilW-ix)/a.StrideW + 1
				t.pixels = min(inside, a.OutW-x, max(1, asmElements/(max(1, t.kh*t.kw)*(a.C1-a.C0))))
			}
			t.scale = 1 / float32(count)
			t.x = unsafe.Pointer(&a.X[(iy+ky0*a.DilH)*a.XRow+(ix+kx0*a.DilW)*a.XPix+a.C0])
			t.y = unsafe.Pointer(&a.Y[y*a.YRow+x*a.YPix+a.C0])
			t.xstep, t.ystep = 4*a.StrideW*a.XPix, 4*a.YPix
			pixels := t.pixels
			callPool(set, &t)
			t.pixels = pixels
		}
	}
}

// meanRows is one window of M rows and one column.
func meanRows(a *MeanArgs, set asmSet) {
	if a.C1 <= a.C0 || a.M <= 0 {
		return
	}
	_, _ = a.X[(a.M-1)*a.LDX+a.C1-1], a.Y[a.C1-1]
	lanes := set.lanes()
	t := poolPixel{kh: a.M, kw: 1, xrow: 4 * a.LDX, mean: 1, pixels: 1, scale: a.scale()}
	if a.Add {
		t.mean = 2
	}
	width := max(1, asmElements/a.M/lanes) * lanes
	for c := a.C0; c < a.C1; c += width {
		w := min(width, a.C1-c)
		t.n, t.mask, t.pixels = w/lanes, set.tail(&t.lanes, lanes, w), 1
		t.x, t.y = unsafe.Pointer(&a.X[c]), unsafe.Pointer(&a.Y[c])
		callPool(set, &t)
	}
}
