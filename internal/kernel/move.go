package kernel

// CopyArgs describes a strided copy:
//
//	Y[i·YS[0] + j·YS[1] + k·YS[2]] = X[i·XS[0] + j·XS[1] + k·XS[2]]
//
// for (i, j, k) below Dims. It transposes, interleaves, gathers and scatters; both sides
// are disjoint and no element of Y is written twice.
type CopyArgs struct {
	X, Y []float32
	Dims [3]int
	XS   [3]int
	YS   [3]int
}

// CopyF32 are the strided copies.
var CopyF32 = append(copyF32Arch(), Variant[CopyArgs]{"go", "", 1, 1, 1, 1000, copyGeneric})

// copyGeneric is the twin of every CopyF32 variant.
func copyGeneric(a *CopyArgs) {
	xs, ys := a.XS[2], a.YS[2]
	for i := range a.Dims[0] {
		for j := range a.Dims[1] {
			xo, yo := i*a.XS[0]+j*a.XS[1], i*a.YS[0]+j*a.YS[1]
			if xs == 1 && ys == 1 {
				copy(a.Y[yo:][:a.Dims[2]], a.X[xo:][:a.Dims[2]])
				continue
			}
			x, y := a.X[xo:], a.Y[yo:]
			xk, yk := 0, 0
			for range a.Dims[2] {
				y[yk] = x[xk]
				xk += xs
				yk += ys
			}
		}
	}
}

// PadArgs describes an image surrounded by Value: output rows [Y0, Y1), C channels. The
// input stands PadTop rows and PadLeft columns from the corner. It is a memory move, so
// there is one implementation.
type PadArgs struct {
	X, Y            []float32
	InH, InW, OutW  int
	PadTop, PadLeft int
	XRow, XPix      int
	YRow, YPix      int
	Y0, Y1, C       int
	Value           float32
}

// Pad does what PadArgs says.
func Pad(a *PadArgs) {
	for y := a.Y0; y < a.Y1; y++ {
		for x := range a.OutW {
			out := a.Y[y*a.YRow+x*a.YPix:][:a.C]
			iy, ix := y-a.PadTop, x-a.PadLeft
			if iy >= 0 && iy < a.InH && ix >= 0 && ix < a.InW {
				copy(out, a.X[iy*a.XRow+ix*a.XPix:][:a.C])
				continue
			}
			for c := range out {
				out[c] = a.Value
			}
		}
	}
}

// ResizeArgs describes a nearest-neighbour resize of output rows [Y0, Y1) and C channels:
// output (y, x) is input (Rows[y], Cols[x]). It is a memory move, so there is one
// implementation.
type ResizeArgs struct {
	X, Y       []float32
	Rows, Cols []int32
	XRow, XPix int
	YRow, YPix int
	Y0, Y1, C  int
}

// Resize does what ResizeArgs says.
func Resize(a *ResizeArgs) {
	for y := a.Y0; y < a.Y1; y++ {
		row := a.X[int(a.Rows[y])*a.XRow:]
		for x, from := range a.Cols {
			copy(a.Y[y*a.YRow+x*a.YPix:][:a.C], row[int(from)*a.XPix:][:a.C])
		}
	}
}

// Im2rowArgs describes the windows of one image laid out as rows for a matrix product: row
// p−P0 of Y, K = KH·KW·C elements long, is the window of output pixel p = y·OutW + x. Input
// channel c of pixel (y, x) is X[y·XRow + x·XPix + c·XChan]. The order in a row is
// (ky, kx, c), or with Planar (c, ky, kx). What falls outside the image is zero.
type Im2rowArgs struct {
	X, Y []float32
	Window
	C                 int
	XRow, XPix, XChan int
	P0, P1            int
	Planar            bool
}

// Im2row does what Im2rowArgs says. It is a memory move, so there is one implementation.
func Im2row(a *Im2rowArgs) {
	k := a.KH * a.KW * a.C
	for p := a.P0; p < a.P1; p++ {
		y, x := p/a.OutW, p%a.OutW
		out := a.Y[(p-a.P0)*k:][:k]
		iy, ix := y*a.StrideH-a.PadTop, x*a.StrideW-a.PadLeft
		if a.Planar {
			im2rowPlanar(a, out, iy, ix)
		} else {
			im2rowPixels(a, out, iy, ix)
		}
	}
}

func im2rowPixels(a *Im2rowArgs, out []float32, iy, ix int) {
	ky0, ky1 := taps(iy, a.KH, a.DilH, a.InH)
	kx0, kx1 := taps(ix, a.KW, a.DilW, a.InW)
	line := a.KW * a.C
	clear(out[:ky0*line])
	clear(out[ky1*line:])
	for ky := ky0; ky < ky1; ky++ {
		dst := out[ky*line:][:line]
		src := a.X[(iy+ky*a.DilH)*a.XRow:]
		clear(dst[:kx0*a.C])
		clear(dst[kx1*a.C:])
		if a.XPix == a.C && a.DilW == 1 && a.XChan == 1 {
			if kx0 < kx1 {
				copy(dst[kx0*a.C:kx1*a.C], src[(ix+kx0)*a.C:])
			}
			continue
		}
		for kx := kx0; kx < kx1; kx++ {
			pix := src[(ix+kx*a.DilW)*a.XPix:]
			if a.XChan == 1 {
				copy(dst[kx*a.C:][:a.C], pix)
				continue
			}
			for c := range a.C {
				dst[kx*a.C+c] = pix[c*a.XChan]
			}
		}
	}
}

func im2rowPlanar(a *Im2rowArgs, out []float32, iy, ix int) {
	ky0, ky1 := taps(iy, a.KH, a.DilH, a.InH)
	kx0, kx1 := taps(ix, a.KW, a.DilW, a.InW)
	area := a.KH * a.KW
	if ky1-ky0 < a.KH || kx1-kx0 < a.KW {
		clear(out)
	}
	step := a.DilW * a.XPix
	for c := range a.C {
		for ky := ky0; ky < ky1; ky++ {
			dst := out[c*area+ky*a.KW:][kx0:kx1]
			at := c*a.XChan + (iy+ky*a.DilH)*a.XRow + (ix+kx0*a.DilW)*a.XPix
			for i := range dst {
				dst[i] = a.X[at]
				at += step
			}
		}
	}
}
