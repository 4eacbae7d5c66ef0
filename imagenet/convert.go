package imagenet

import (
	"fmt"
	"image"
	"image/color"
)

// repeatGrey gives every sample three times.
func repeatGrey(grey []uint8) []uint8 {
	out := make([]uint8, 3*len(grey))
	for i, v := range grey {
		out[3*i], out[3*i+1], out[3*i+2] = v, v, v
	}
	return out
}

// fromInvertedCMYK converts as Pillow does: samples count the light left by each ink
// (Adobe's convention, taken for every four-component JPEG), and RGB is K − K·(255−C)/255,
// the product rounded. The result takes the place of the samples.
func fromInvertedCMYK(p []uint8) []uint8 {
	n := len(p) / 4
	for i := range n {
		k := int32(p[4*i+3])
		for c := range 3 {
			t := int32(255-p[4*i+c])*k + 128
			p[3*i+c] = clip(k - (t>>8+t)>>8)
		}
	}
	return p[:3*n]
}

// toRGB drops alpha and narrows to bytes. Colours of transparent pixels are what the file
// says: nothing is multiplied or divided by alpha.
func toRGB(format string, src image.Image) (*RGB, error) {
	b := src.Bounds()
	out := NewRGB(b.Dx(), b.Dy())
	each := func(put func(d []uint8, x, y int)) {
		i := 0
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				put(out.Pix[i:i+3:i+3], x, y)
				i += 3
			}
		}
	}
	switch m := src.(type) {
	case *image.Gray:
		each(func(d []uint8, x, y int) {
			v := m.Pix[m.PixOffset(x, y)]
			d[0], d[1], d[2] = v, v, v
		})
	case *image.Gray16:
		// Pillow reads 16-bit grey as integers and cuts them off at 255.
		each(func(d []uint8, x, y int) {
			v := uint8(min(m.Gray16At(x, y).Y, 255))
			d[0], d[1], d[2] = v, v, v
		})
	case *image.RGBA: // opaque: no library used here gives another
		each(func(d []uint8, x, y int) { copy(d, m.Pix[m.PixOffset(x, y):]) })
	case *image.NRGBA:
		each(func(d []uint8, x, y int) { copy(d, m.Pix[m.PixOffset(x, y):]) })
	case *image.RGBA64:
		each(func(d []uint8, x, y int) { highBytes(d, m.Pix[m.PixOffset(x, y):]) })
	case *image.NRGBA64:
		each(func(d []uint8, x, y int) { highBytes(d, m.Pix[m.PixOffset(x, y):]) })
	case *image.Paletted:
		table := paletteRGB(m.Palette)
		each(func(d []uint8, x, y int) { copy(d, table[m.ColorIndexAt(x, y)][:]) })
	case *image.YCbCr:
		vp8RGB(out, m)
	case *image.NYCbCrA:
		vp8RGB(out, &m.YCbCr)
	default:
		return nil, &ImageError{Format: format, Offset: -1, Why: fmt.Sprintf("pixels of type %T are not supported", src)}
	}
	return out, nil
}

func highBytes(d, s []uint8) { d[0], d[1], d[2] = s[0], s[2], s[4] }

// paletteRGB is the palette without alpha; places that it lacks are black.
func paletteRGB(p color.Palette) (table [256][3]uint8) {
	for i, c := range p[:min(len(p), 256)] {
		n := color.NRGBAModel.Convert(c)
		if as, ok := c.(color.NRGBA); ok {
			n = as
		}
		v := n.(color.NRGBA)
		table[i] = [3]uint8{v.R, v.G, v.B}
	}
	return table
}
