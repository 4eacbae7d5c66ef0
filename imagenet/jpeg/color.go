package jpeg

// Colour conversion of T.871 in 16-bit fixed point. The red and blue parts are rounded
// on their own, the green ones together.
var redOf, blueOf, greenOfR, greenOfB = func() (r, b, gr, gb [256]int32) {
	const half = 1 << 15
	fix := func(x float64) int32 { return int32(x*65536 + 0.5) }
	for i := range int32(256) {
		x := i - 128
		r[i] = (fix(1.40200)*x + half) >> 16
		b[i] = (fix(1.77200)*x + half) >> 16
		gr[i] = -fix(0.71414) * x
		gb[i] = -fix(0.34414)*x + half
	}
	return
}()

// conversion chooses by the file's markers as libjpeg does when it guesses the colour
// space: JFIF means YCbCr; Adobe's marker says; else component identifiers "RGB" mean
// RGB.
func (d *decoder) conversion() func(*decoder, []uint8, *[4][]uint8) {
	switch len(d.comps) {
	case 1:
		return putGrey
	case 3:
		rgb := false
		switch {
		case d.jfif:
		case d.adobe:
			rgb = d.transform == 0
		default:
			rgb = d.comps[0].id == 'R' && d.comps[1].id == 'G' && d.comps[2].id == 'B'
		}
		if rgb {
			return putRGB
		}
		return putYCC
	}
	if d.adobe && d.transform != 0 {
		return putYCCK
	}
	return putCMYK
}

func putGrey(_ *decoder, dst []uint8, l *[4][]uint8) { copy(dst, l[0]) }

func putRGB(_ *decoder, dst []uint8, l *[4][]uint8) {
	for x := range l[0] {
		dst[3*x], dst[3*x+1], dst[3*x+2] = l[0][x], l[1][x], l[2][x]
	}
}

func putCMYK(_ *decoder, dst []uint8, l *[4][]uint8) {
	for x := range l[0] {
		dst[4*x], dst[4*x+1], dst[4*x+2], dst[4*x+3] = l[0][x], l[1][x], l[2][x], l[3][x]
	}
}

func putYCC(_ *decoder, dst []uint8, l *[4][]uint8) {
	ys := l[0]
	cbs, crs := l[1][:len(ys)], l[2][:len(ys)]
	dst = dst[:3*len(ys)]
	for x, s := range ys {
		y, cb, cr := int32(s), cbs[x], crs[x]
		if len(dst) < 3 {
			break
		}
		dst[0] = clamp(y + redOf[cr])
		dst[1] = clamp(y + (greenOfB[cb]+greenOfR[cr])>>16)
		dst[2] = clamp(y + blueOf[cb])
		dst = dst[3:]
	}
}

// putYCCK converts to CMYK: the first three as 255 − RGB, K as it is.
func putYCCK(_ *decoder, dst []uint8, l *[4][]uint8) {
	for x := range l[0] {
		y, cb, cr := int32(l[0][x]), l[1][x], l[2][x]
		dst[4*x] = clamp(255 - (y + redOf[cr]))
		dst[4*x+1] = clamp(255 - (y + (greenOfB[cb]+greenOfR[cr])>>16))
		dst[4*x+2] = clamp(255 - (y + blueOf[cb]))
		dst[4*x+3] = l[3][x]
	}
}
