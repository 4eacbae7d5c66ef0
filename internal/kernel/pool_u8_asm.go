//go:build (amd64 || arm64) && !purego

package kernel

import (
	"unsafe"

	"github.com/wispnet/wisp/internal/fixed"
)

// poolPixelU8 is the windows of neighbouring output pixels: KH·KW bytes inside the image for
// every one of Blocks registers of 64 channels, the last of which has the lanes of Mask; for
// the other sets of 16 channels, the last two of which share Mask channels.
// Strides are in bytes. The assembly moves X and Y and counts Pixels down. The order of the
// fields is that of _asm/structs.
type poolPixelU8 struct {
	x, y         unsafe.Pointer
	kh, kw       int
	xrow, xpix   int
	blocks       int
	mask         uint64
	pixels       int
	xstep, ystep int
}

// poolU8Blocks takes maxima, but for AVX-512 of 16 and more channels, and means over whole
// images. Others are the twin's.
func poolU8Blocks(a *PoolU8Args, set asmSet) {
	switch {
	case a.Mean && a.C1 > a.C0 && a.whole():
		poolMeanWhole(a, set)
	case a.Mean || set != setAVX512 && a.C1-a.C0 < 16:
		poolU8Generic(a)
	default:
		poolMaxRun(a, set)
	}
}

// whole reports whether the one window is the whole image.
func (a *PoolU8Args) whole() bool {
	return a.OutH == 1 && a.OutW == 1 && a.PadTop|a.PadLeft|a.PadBottom|a.PadRight == 0 && a.KH == a.InH && a.KW == a.InW &&
		a.XRow == a.InW*a.XPix && a.Y0 == 0 && a.Y1 == 1
}

func poolMeanWhole(a *PoolU8Args, set asmSet) {
	pixels := a.InH * a.InW
	_ = a.X[(pixels-1)*a.XPix+a.C1-1]
	var sums [64]int32
	width := set.sumChannels()
	for c := a.C0; c < a.C1; c += width {
		sumPixels(a.X[c:], pixels, a.XPix, &sums, set)
		for i := range min(width, a.C1-c) {
			a.Y[c+i] = uint8(fixed.WindowMean(sums[i]-int32(pixels)*a.Sign, pixels) + a.Sign)
		}
	}
}

func poolMaxRun(a *PoolU8Args, set asmSet) {
	n := a.C1 - a.C0
	if n <= 0 || a.Y1 <= a.Y0 || a.OutW <= 0 {
		return
	}
	_ = a.X[(a.InH-1)*a.XRow+(a.InW-1)*a.XPix+a.C1-1]
	_ = a.Y[(a.Y1-1)*a.YRow+(a.OutW-1)*a.YPix+a.C1-1]
	t := poolPixelU8{xrow: a.XRow, xpix: a.XPix, blocks: (n + 63) / 64, mask: ^uint64(0) >> (-n & 63), xstep: a.StrideW * a.XPix, ystep: a.YPix}
	if set != setAVX512 {
		t.blocks, t.mask = (n+15)/16, uint64(-n&15)
	}
	for y := a.Y0; y < a.Y1; y++ {
		iy := y*a.StrideH - a.PadTop
		ky0, ky1 := taps(iy, a.KH, 1, a.InH)
		for x, pixels := 0, 0; x < a.OutW; x += pixels {
			ix := x*a.StrideW - a.PadLeft
			kx0, kx1 := taps(ix, a.KW, 1, a.InW)
			t.kh, t.kw, pixels = ky1-ky0, kx1-kx0, 1
			if t.kh <= 0 || t.kw <= 0 {
				clear(a.Y[y*a.YRow+x*a.YPix+a.C0:][:n])
				continue
			}
			if ix >= 0 && t.kw == a.KW { // and so for all windows up to the right edge
				pixels = min((a.InW-a.KW-ix)/a.StrideW+1, a.OutW-x, max(1, 4*asmElements/(t.kh*t.kw*64*t.blocks)))
			}
			t.pixels = pixels
			t.x = unsafe.Pointer(&a.X[(iy+ky0)*a.XRow+(ix+kx0)*a.XPix+a.C0])
			t.y = unsafe.Pointer(&a.Y[y*a.YRow+x*a.YPix+a.C0])
			callPoolU8(set, &t)
		}
	}
}
