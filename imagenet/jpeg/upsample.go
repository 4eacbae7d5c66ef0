package jpeg

// upsampler is the way a component reaches the picture's full size.
type upsampler uint8

const (
	upNone       upsampler = iota
	upHorizontal           // triangle filter over two columns
	upVertical             // triangle filter over two rows
	upBoth                 // triangle filter over 2×2
	upRepeat               // every sample repeated
)

// upsampling chooses as libjpeg-turbo does: triangle filters for ratios of 2, except
// over components at most two samples wide; repetition for all else.
func (d *decoder) upsampling(c *component) upsampler {
	h, v := d.hMax/c.h, d.vMax/c.v
	switch {
	case h == 1 && v == 1:
		return upNone
	case h == 2 && v == 1 && c.width > 2:
		return upHorizontal
	case h == 1 && v == 2:
		return upVertical
	case h == 2 && v == 2 && c.width > 2:
		return upBoth
	}
	return upRepeat
}

// upsample writes row y of the picture for a component to dst, which is as wide as the
// picture.
func (o *output) upsample(d *decoder, c *component, y int, dst []uint8) {
	switch o.up[c.index] {
	case upHorizontal:
		widen(dst, o.row(c, y))
	case upVertical:
		near, far, bias := c.rowPair(o, y)
		for x := range dst {
			dst[x] = uint8((uint32(near[x])*3 + uint32(far[x]) + bias) >> 2)
		}
	case upBoth:
		near, far, _ := c.rowPair(o, y)
		widenPair(dst, near, far)
	case upRepeat:
		src := o.row(c, y/(d.vMax/c.v))
		h := d.hMax / c.h
		for i, s := range src {
			lo := i * h
			for x := lo; x < min(lo+h, len(dst)); x++ {
				dst[x] = s
			}
		}
	}
}

// rowPair returns the two rows of half the picture's height that picture row y lies
// between, the nearer first, and the rounding that libjpeg-turbo adds to a vertical
// filter there.
func (c *component) rowPair(o *output, y int) (near, far []uint8, bias uint32) {
	if y&1 == 0 {
		return o.row(c, y/2), o.row(c, y/2-1), 1
	}
	return o.row(c, y/2), o.row(c, y/2+1), 2
}

// widen doubles a row: each new sample is ¾ of the nearer one and ¼ of the farther,
// rounding down at even places and up at odd ones. len(src) ≥ 3 and len(dst) is
// 2·len(src) or one less.
func widen(dst, src []uint8) {
	n := len(src)
	dst[0] = src[0]
	last, this := uint32(src[0]), uint32(src[0])
	i := 0
	for ; i < n-1 && 2*i+1 < len(dst); i++ {
		next := uint32(src[i+1])
		d := dst[2*i : 2*i+2 : 2*i+2]
		t := this * 3
		d[0] = uint8((t + last + 1) >> 2)
		d[1] = uint8((t + next + 2) >> 2)
		last, this = this, next
	}
	dst[0] = src[0]
	dst[2*(n-1)] = uint8((this*3 + last + 1) >> 2)
	if len(dst) == 2*n {
		dst[2*n-1] = src[n-1]
	}
}

// widenPair doubles a row while it mixes in the row beside it: ¾ near and ¼ far
// vertically, then the same horizontally, rounded once with 8/16 and 7/16 in turn.
func widenPair(dst, near, far []uint8) {
	n := len(near)
	far = far[:n]
	this := uint32(near[0])*3 + uint32(far[0])
	last := this
	for i := 0; i < n-1; i++ {
		next := uint32(near[i+1])*3 + uint32(far[i+1])
		d := dst[2*i : 2*i+2 : 2*i+2]
		t := this * 3
		d[0] = uint8((t + last + 8) >> 4)
		d[1] = uint8((t + next + 7) >> 4)
		last, this = this, next
	}
	dst[2*(n-1)] = uint8((this*3 + last + 8) >> 4)
	if len(dst) == 2*n {
		dst[2*n-1] = uint8((this*4 + 7) >> 4)
	}
}
