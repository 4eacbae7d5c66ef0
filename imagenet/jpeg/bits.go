package jpeg

import "encoding/binary"

// bitReader reads the entropy-coded bits of a scan, most significant first, and takes
// out the stuffed zero bytes. At a marker it goes on with zeros and counts them, so that
// reading never fails in the inner loops; overrun tells afterwards whether any of the
// zeros were used.
type bitReader struct {
	data []byte
	pos  int
	acc  uint64 // the next bits, left-aligned
	n    int    // how many of them are valid
	pad  int    // how many of those are zeros put in behind the data
	end  bool   // a marker or the end of the file stands at pos
}

// refill makes at least 48 bits valid.
func (b *bitReader) refill() {
	if !b.end && b.pos+8 <= len(b.data) {
		w := binary.BigEndian.Uint64(b.data[b.pos:])
		// No byte of w is FF when no byte of ^w is zero. Bits of w beyond the valid ones
		// may stay in acc: the next refill puts the same bits there.
		if x := ^w; (x-0x0101010101010101)&w&0x8080808080808080 == 0 {
			b.acc |= w >> b.n
			b.pos += (63 - b.n) >> 3
			b.n |= 56
			return
		}
	}
	for b.n <= 56 {
		b.acc |= uint64(b.next()) << (56 - b.n)
		b.n += 8
	}
}

// next returns the next byte of the scan, or zero behind its end.
func (b *bitReader) next() byte {
	if b.end {
		b.pad += 8
		return 0
	}
	if b.pos < len(b.data) {
		c := b.data[b.pos]
		if c != 0xFF {
			b.pos++
			return c
		}
		p := b.pos + 1
		for p < len(b.data) && b.data[p] == 0xFF {
			p++
		}
		if p < len(b.data) && b.data[p] == 0 {
			b.pos = p + 1
			return 0xFF
		}
	}
	b.end = true
	b.pad += 8
	return 0
}

// overrun reports whether bits behind the scan's end were used.
func (b *bitReader) overrun() bool { return b.n < b.pad }

// reset forgets the bits at hand: the next refill begins at pos.
func (b *bitReader) reset(pos int) {
	b.pos, b.acc, b.n, b.pad, b.end = pos, 0, 0, 0, false
}

// symbol decodes one Huffman symbol; at least 16 bits must be valid. ok is false for a
// code that the table does not hold.
func (b *bitReader) symbol(h *huffman) (s uint8, ok bool) {
	if e := h.symbol[b.acc>>(64-fastBits)]; e != 0 {
		b.acc <<= e >> 8
		b.n -= int(e >> 8)
		return uint8(e), true
	}
	return b.longSymbol(h)
}

func (b *bitReader) longSymbol(h *huffman) (uint8, bool) {
	code := uint32(b.acc >> 48)
	l := fastBits + 1
	for code >= h.limit[l] {
		l++
	}
	if l > 16 {
		return 0, false
	}
	b.acc <<= l
	b.n -= l
	return h.symbols[uint8(int32(code>>(16-l))+h.offset[l])], true
}

// take returns the next size bits, 1 to 16, that must be valid.
func (b *bitReader) take(size int) int32 {
	v := int32(b.acc >> (64 - size))
	b.acc <<= size
	b.n -= size
	return v
}
