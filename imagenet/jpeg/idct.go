package jpeg

import "encoding/binary"

// The constants of the factorization of Loeffler, Ligtenberg and Moschytz ("Practical
// fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989), times 2^13, rounded.
const (
	constBits = 13
	pass1Bits = 2

	c0298631336 = 2446
	c0390180644 = 3196
	c0541196100 = 4433
	c0765366865 = 6270
	c0899976223 = 7373
	c1175875602 = 9633
	c1501321110 = 12299
	c1847759065 = 15137
	c1961570560 = 16069
	c2053119869 = 16819
	c2562915447 = 20995
	c3072711026 = 25172
)

// inverse writes the 8×8 samples of a block of dequantized coefficients to dst, whose
// rows are stride apart. It is libjpeg's "islow" transform: columns first, each result
// rounded to pass1Bits extra bits, then rows; shortcuts are taken only where they give
// the same bits. mask is bitReader.block's.
func inverse(b *[64]int16, mask uint32, dst []uint8, stride int) {
	if mask == 0 {
		v := clamp((int32(b[0])<<pass1Bits+16)>>5 + 128)
		for r := range 8 {
			binary.LittleEndian.PutUint64(dst[r*stride:], uint64(v)*0x0101010101010101)
		}
		return
	}
	var ws [64]int32
	columnCount := 8
	if mask>>12 == 0 {
		columnCount = 4 // columns 4 to 7 are zero
	}
	for c := range columnCount {
		if mask>>c&1 == 0 {
			v := int32(b[c]) << pass1Bits
			ws[c], ws[c+8], ws[c+16], ws[c+24] = v, v, v, v
			ws[c+32], ws[c+40], ws[c+48], ws[c+56] = v, v, v, v
			continue
		}
		z2, z3 := int32(b[c+16]), int32(b[c+48])
		z1 := (z2 + z3) * c0541196100
		t2 := z1 - z3*c1847759065
		t3 := z1 + z2*c0765366865
		x0, x4 := int32(b[c]), int32(b[c+32])
		t0 := (x0 + x4) << constBits
		t1 := (x0 - x4) << constBits
		const half = 1 << (constBits - pass1Bits - 1)
		e0, e3 := t0+t3+half, t0-t3+half
		e1, e2 := t1+t2+half, t1-t2+half

		o0, o1, o2, o3 := int32(b[c+56]), int32(b[c+40]), int32(b[c+24]), int32(b[c+8])
		z1 = (o0 + o3) * -c0899976223
		z2 = (o1 + o2) * -c2562915447
		z3 = o0 + o2
		z4 := o1 + o3
		z5 := (z3 + z4) * c1175875602
		z3 = z3*-c1961570560 + z5
		z4 = z4*-c0390180644 + z5
		o0 = o0*c0298631336 + z1 + z3
		o1 = o1*c2053119869 + z2 + z4
		o2 = o2*c3072711026 + z2 + z3
		o3 = o3*c1501321110 + z1 + z4

		const down = constBits - pass1Bits
		ws[c] = (e0 + o3) >> down
		ws[c+56] = (e0 - o3) >> down
		ws[c+8] = (e1 + o2) >> down
		ws[c+48] = (e1 - o2) >> down
		ws[c+16] = (e2 + o1) >> down
		ws[c+40] = (e2 - o1) >> down
		ws[c+24] = (e3 + o0) >> down
		ws[c+32] = (e3 - o0) >> down
	}
	if columnCount == 4 {
		leftRows(&ws, dst, stride)
	} else {
		fullRows(&ws, dst, stride)
	}
}

// The row passes round away what remains of the scale and add the level shift of 128.
const (
	rowDown = constBits + pass1Bits + 3
	rowHalf = 1<<(rowDown-1) + 128<<rowDown
)

func fullRows(ws *[64]int32, dst []uint8, stride int) {
	for r := range 8 {
		w := (*[8]int32)(ws[r*8:])
		z2, z3 := w[2], w[6]
		z1 := (z2 + z3) * c0541196100
		t2 := z1 - z3*c1847759065
		t3 := z1 + z2*c0765366865
		t0 := (w[0]+w[4])<<constBits + rowHalf
		t1 := (w[0]-w[4])<<constBits + rowHalf
		e0, e3 := t0+t3, t0-t3
		e1, e2 := t1+t2, t1-t2

		o0, o1, o2, o3 := w[7], w[5], w[3], w[1]
		z1 = (o0 + o3) * -c0899976223
		z2 = (o1 + o2) * -c2562915447
		z3 = o0 + o2
		z4 := o1 + o3
		z5 := (z3 + z4) * c1175875602
		z3 = z3*-c1961570560 + z5
		z4 = z4*-c0390180644 + z5
		o0 = o0*c0298631336 + z1 + z3
		o1 = o1*c2053119869 + z2 + z4
		o2 = o2*c3072711026 + z2 + z3
		o3 = o3*c1501321110 + z1 + z4
		putRow((*[8]uint8)(dst[r*stride:]), e0, e1, e2, e3, o0, o1, o2, o3)
	}
}

// leftRows is fullRows for columns 4 to 7 of zeros.
func leftRows(ws *[64]int32, dst []uint8, stride int) {
	for r := range 8 {
		w := (*[4]int32)(ws[r*8:])
		t2 := w[2] * c0541196100
		t3 := w[2] * (c0541196100 + c0765366865)
		t0 := w[0]<<constBits + rowHalf
		e0, e3 := t0+t3, t0-t3
		e1, e2 := t0+t2, t0-t2

		o2, o3 := w[3], w[1]
		z5 := (o2 + o3) * c1175875602
		z3 := o2*-c1961570560 + z5
		z4 := o3*-c0390180644 + z5
		z1 := o3 * -c0899976223
		z2 := o2 * -c2562915447
		putRow((*[8]uint8)(dst[r*stride:]), e0, e1, e2, e3,
			z1+z3, z2+z4, o2*c3072711026+z2+z3, o3*c1501321110+z1+z4)
	}
}

func putRow(d *[8]uint8, e0, e1, e2, e3, o0, o1, o2, o3 int32) {
	d[0] = clamp((e0 + o3) >> rowDown)
	d[7] = clamp((e0 - o3) >> rowDown)
	d[1] = clamp((e1 + o2) >> rowDown)
	d[6] = clamp((e1 - o2) >> rowDown)
	d[2] = clamp((e2 + o1) >> rowDown)
	d[5] = clamp((e2 - o1) >> rowDown)
	d[3] = clamp((e3 + o0) >> rowDown)
	d[4] = clamp((e3 - o0) >> rowDown)
}

func clamp(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}
