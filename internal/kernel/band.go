package kernel

// BandArgs describes a band of rows of one image copied to where it has room for its
// padding, so that no window of the copy leaves it: row y of plane p of the copy is row
// Y0+y of the image, PadLeft pixels further right, and zero where the image has none.
//
//	Y[p·YPlane + y·YRow + (x+PadLeft)·C + c] = X[p·XPlane + (Y0+y)·XRow + x·XPix + c]
//
// for p < Planes, y < Rows, x < InW and c < C. A row of the copy is YRow elements, all of
// which are written. An image of pixels is one plane of C channels, a planar one is Planes
// channels of pixels of one element.
type BandArgs struct {
	X, Y               []float32
	Planes, C          int
	InH, InW, PadLeft  int
	Y0, Rows           int // Y0 may lie before the image, and the last row after it
	XPlane, XRow, XPix int
	YPlane, YRow       int
}

// Band does what BandArgs says. It is a memory move, so there is one implementation. It
// reads exactly what it names.
func Band(a *BandArgs) {
	first, last := a.PadLeft*a.C, (a.PadLeft+a.InW)*a.C
	for p := range a.Planes {
		for r := range a.Rows {
			dst := a.Y[p*a.YPlane+r*a.YRow:][:a.YRow]
			y := a.Y0 + r
			if y < 0 || y >= a.InH {
				clear(dst)
				continue
			}
			clear(dst[:first])
			clear(dst[last:])
			src := a.X[p*a.XPlane+y*a.XRow:]
			if a.XPix == a.C {
				copy(dst[first:last], src)
				continue
			}
			for x := range a.InW {
				copy(dst[first+x*a.C:][:a.C], src[x*a.XPix:])
			}
		}
	}
}
