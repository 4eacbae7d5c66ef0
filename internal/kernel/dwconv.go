package kernel

// DwArgs describes one call of a depthwise convolution over one image:
//
//	Y[y·YRow + x·YPix + c] = Act(Σ_taps X[iy·XRow + ix·XPix + c] · W[tap, c] + Bias[c] + R[y·RRow + x·RPix + c])
//
// for output rows y in [Y0, Y1), all OutW columns and channels c in [C0, C1). W is packed by
// PackDw with the variant's Cols as block; C0 is a multiple of Cols, C1 one too or the
// number of channels. Bias and R may be nil. Y overlaps nothing that is read, except that R
// may be Y itself with the same strides.
//
// Reads stay inside the image but for Slack elements after the end of X, R and Bias.
type DwArgs struct {
	X, W, Bias, R, Y []float32
	Window
	XRow, XPix int
	RRow, RPix int
	YRow, YPix int
	Y0, Y1     int
	C0, C1     int
	Act        Act
}

// DwF32 are the depthwise convolutions.
var DwF32 = append(dwF32Arch(), Variant[DwArgs]{"go", "", 1, 8, 1, 900, dwGeneric})

// PackDw packs depthwise weights, given by at(tap, channel) with tap = ky·KW + kx, into
// blocks of cols channels: block b holds channels b·cols … and lies at b·taps·cols, tap
// after tap of cols elements. Channels past the last are zero.
func PackDw(taps, channels, cols int, at func(tap, c int) float32) []float32 {
	return PackGemm(taps, channels, cols, at)
}
