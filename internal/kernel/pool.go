package kernel

// PoolArgs describes one call of a pooling over one image: for output rows y in [Y0, Y1),
// all OutW columns and channels c in [C0, C1) the largest or the mean element of the window.
// Without CountPad a mean divides by the elements inside the image; with it, by those
// inside the image and its padding, which count as zeros. Every window has an element.
type PoolArgs struct {
	X, Y []float32
	Window
	XRow, XPix int
	YRow, YPix int
	Y0, Y1     int
	C0, C1     int
	Mean       bool
	CountPad   bool
}

// PoolF32 are the poolings.
var PoolF32 = append(poolF32Arch(), Variant[PoolArgs]{"go", "", 1, 1, 1, 500, poolGeneric})

// MeanArgs describes a mean over pixels: Y[c] = 1/M Σ_m X[m·LDX + c] for c in [C0, C1),
// each sum in float32 and in order of m. In several calls, which give the very same result,
// all but the first Add to the sum that Y holds, and the last divides by Of.
type MeanArgs struct {
	X, Y   []float32
	M, LDX int
	C0, C1 int
	Add    bool
	Of     int // what the sum is divided by: 0 is M, −1 leaves Y the sum
}

// scale is what a call multiplies its sum by.
func (a *MeanArgs) scale() float32 {
	switch a.Of {
	case 0:
		return 1 / float32(a.M)
	case -1:
		return 1
	}
	return 1 / float32(a.Of)
}

// MeanF32 are the means over all pixels of an image.
var MeanF32 = append(meanF32Arch(), Variant[MeanArgs]{"go", "", 1, 8, 1, 1000, meanGeneric})
