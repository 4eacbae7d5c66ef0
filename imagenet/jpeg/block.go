package jpeg

const (
	badCode  = "the bits are no Huffman code of the table"
	tooMany  = "more than 64 coefficients in a block"
	badShift = "a coefficient's correction is out of place"
)

// block decodes a sequential block, F.2.2 of T.81, into b, which must be zero, each
// coefficient times its quantizer (modulo 2^16, as libjpeg-turbo multiplies). The mask
// has bit c for every column c with a coefficient below row 0, and bit 8 + c for every
// column with any but the DC.
func (b *bitReader) block(s *scanComp, out *[64]int16, quant *[64]int16) (mask uint32, why string) {
	if b.n < 32 {
		b.refill()
	}
	size, ok := b.symbol(s.dc)
	if !ok {
		return 0, badCode
	}
	if size > 0 {
		s.c.dc += extend(b.take(int(size)), int(size))
	}
	out[0] = int16(s.c.dc) * quant[0]
	h := s.ac
	acc, n := b.acc, b.n
	for k := 1; k < 64; k++ {
		if n < 32 {
			b.acc, b.n = acc, n
			b.refill()
			acc, n = b.acc, b.n
		}
		if e := h.coef[acc>>(64-fastBits)]; e != 0 {
			used := e & 0xFF
			acc <<= used
			n -= int(used)
			k += int(e >> 8 & 15)
			if k > 63 {
				b.acc, b.n = acc, n
				return mask, tooMany
			}
			z := natural[k]
			out[z&63] = int16(e>>16) * quant[k]
			mask |= columns[z&63]
			continue
		}
		var sym uint8
		if e := h.symbol[acc>>(64-fastBits)]; e != 0 {
			acc <<= e >> 8
			n -= int(e >> 8)
			sym = uint8(e)
		} else {
			b.acc, b.n = acc, n
			if sym, ok = b.longSymbol(h); !ok {
				return mask, badCode
			}
			acc, n = b.acc, b.n
		}
		size := int(sym & 15)
		if size == 0 {
			if sym != 0xF0 {
				if sym != 0 {
					b.acc, b.n = acc, n
					return mask, badCode
				}
				break
			}
			k += 15
			continue
		}
		k += int(sym >> 4)
		if k > 63 {
			b.acc, b.n = acc, n
			return mask, tooMany
		}
		v := extend(int32(acc>>(64-size)), size)
		acc <<= size
		n -= size
		z := natural[k]
		out[z&63] = int16(v) * quant[k]
		mask |= columns[z&63]
	}
	b.acc, b.n = acc, n
	return mask, ""
}

// columns gives block's mask bits for each place of the block.
var columns = func() (m [64]uint32) {
	for i := 1; i < 64; i++ {
		m[i] = 1 << (8 + i&7)
		if i >= 8 {
			m[i] |= 1 << (i & 7)
		}
	}
	return m
}()
