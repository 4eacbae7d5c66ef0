package imagenet

import "fmt"

// Grey returns the picture in grey, the same byte in all three channels, as Pillow's
// convert("L") computes it: ITU-R 601-2's luma in 16-bit fixed point.
func (img *RGB) Grey() *RGB {
	out := NewRGB(img.W, img.H)
	for i := 0; i+2 < len(img.Pix) && i+2 < len(out.Pix); i += 3 {
		r, g, b := int(img.Pix[i]), int(img.Pix[i+1]), int(img.Pix[i+2])
		l := uint8((r*19595 + g*38470 + b*7471 + 1<<15) >> 16)
		out.Pix[i], out.Pix[i+1], out.Pix[i+2] = l, l, l
	}
	return out
}

// ApplyGrey is Apply for an input of one channel: dst has h·w values. The picture must be grey
// already (see Grey); its bytes are scaled by the averages of the recipe's three means and of
// its three deviations.
func (r *Recipe) ApplyGrey(img *RGB, h, w int, dst []float32) error {
	if len(dst) != h*w {
		return fmt.Errorf("imagenet: recipe %s: room for %d values, want %d × %d", r.ID, len(dst), h, w)
	}
	crop, err := r.Crop(img, h, w)
	if err != nil {
		return err
	}
	mean, std := average(r.Mean), average(r.Std)
	var values [256]float32
	for b := range values {
		values[b] = (float32(b)/r.Divide - mean) / std
	}
	for i := range dst {
		dst[i] = values[crop.Pix[3*i]]
	}
	return nil
}

// average is exact where the three are equal.
func average(v [3]float32) float32 {
	if v[0] == v[1] && v[1] == v[2] {
		return v[0]
	}
	return (v[0] + v[1] + v[2]) / 3
}
