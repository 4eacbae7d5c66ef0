package imagenet

import "fmt"

// A Kernel is a way to resize, named after the library whose arithmetic it follows.
type Kernel string

const (
	// PILBilinear and PILBicubic are Pillow's resampling of 8-bit pictures: the filter
	// widens with the reduction (antialiasing); bicubic has a = −0.5.
	PILBilinear Kernel = "pil_bilinear"
	PILBicubic  Kernel = "pil_bicubic"

	// PILNearest takes the pixel below each new pixel's centre.
	PILNearest Kernel = "pil_nearest"

	// TFBilinear is TensorFlow 1's resize_bilinear without aligned corners and without
	// half-pixel centres: pixel i lies at i·(in/out). No antialiasing. TensorFlow keeps
	// fractions; here they are rounded to bytes, half up.
	TFBilinear Kernel = "tf_bilinear"

	// CVLinear and CVCubic are OpenCV's INTER_LINEAR and INTER_CUBIC (a = −0.75) on 8-bit
	// pictures: half-pixel centres, no antialiasing, 11-bit fixed-point weights.
	CVLinear Kernel = "cv_linear"
	CVCubic  Kernel = "cv_cubic"
)

// Antialias reports whether the kernel widens its filter when it reduces.
func (k Kernel) Antialias() bool { return k == PILBilinear || k == PILBicubic }

// Resize resizes the whole picture to w × h pixels.
func (m *RGB) Resize(w, h int, k Kernel) (*RGB, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return m.Resample(m.Bounds(), w, h, Rect{0, 0, w, h}, k)
}

// Resample cuts box out of the picture (pixels outside it have no influence), resizes
// the cut to w × h pixels and returns the region of the result: what cropping,
// resizing and cropping again give, without computing what is thrown away.
func (m *RGB) Resample(box Rect, w, h int, region Rect, k Kernel) (*RGB, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if !box.within(m.W, m.H) {
		return nil, fmt.Errorf("imagenet: resample: box %v is not inside %d×%d pixels", box, m.W, m.H)
	}
	if !region.within(w, h) {
		return nil, fmt.Errorf("imagenet: resample: region %v is not inside %d×%d pixels", region, w, h)
	}
	// Positions and weights are computed in float64 and 32-bit fixed point; larger
	// pictures than these are none.
	const side = 1 << 20
	if w > side || h > side || box.W() > side || box.H() > side {
		return nil, fmt.Errorf("imagenet: resample: %d×%d to %d×%d: sides above %d", box.W(), box.H(), w, h, side)
	}
	src := m.view(box)
	out := NewRGB(region.W(), region.H())
	switch k {
	case PILBilinear:
		pilResize(out, src, w, h, region, bilinear)
	case PILBicubic:
		pilResize(out, src, w, h, region, bicubic)
	case PILNearest:
		pilNearest(out, src, w, h, region)
	case TFBilinear:
		tfBilinear(out, src, w, h, region)
	case CVLinear, CVCubic:
		cvResize(out, src, w, h, region, k == CVCubic)
	default:
		return nil, fmt.Errorf("imagenet: resample: unknown kernel %q", k)
	}
	return out, nil
}
