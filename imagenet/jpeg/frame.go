package jpeg

// frame reads a frame header (SOF0, SOF1, SOF2), B.2.2 of T.81, and lays out the
// components.
func (d *decoder) frame(at int, marker byte, b []byte) error {
	if d.comps != nil {
		return d.fail(at, "a second frame header")
	}
	if len(b) < 6 {
		return d.fail(at, "frame header of %d bytes, want at least 6", len(b))
	}
	if b[0] != 8 {
		return d.fail(at, "%d bits a sample are not supported, only 8", b[0])
	}
	height, width, n := int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4]), int(b[5])
	if height == 0 || width == 0 {
		return d.fail(at, "the header states %d×%d pixels", width, height)
	}
	if n != 1 && n != 3 && n != 4 {
		return d.fail(at, "%d colour components are not supported, only 1, 3 or 4", n)
	}
	if len(b) != 6+3*n {
		return d.fail(at, "frame header of %d bytes, want %d for %d components", len(b), 6+3*n, n)
	}
	d.width, d.height, d.progressive = width, height, marker == mSOF2
	comps := make([]component, n)
	d.hMax, d.vMax = 1, 1
	for i := range comps {
		c := &comps[i]
		f := b[6+3*i:]
		c.index = i
		c.id, c.h, c.v, c.tq = f[0], int(f[1]>>4), int(f[1]&15), f[2]
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return d.fail(at, "component %d has sampling factors %d×%d, want 1 to 4", i, c.h, c.v)
		}
		if c.tq > 3 {
			return d.fail(at, "component %d uses quantization table %d, want 0 to 3", i, c.tq)
		}
		for j := range i {
			if comps[j].id == c.id {
				return d.fail(at, "components %d and %d have the same identifier %d", j, i, c.id)
			}
		}
		if n == 1 {
			c.h, c.v = 1, 1 // a lone component's MCU is one block, whatever the header says (A.2.2)
		}
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
	}
	d.mcusX, d.mcusY = ceilDiv(width, 8*d.hMax), ceilDiv(height, 8*d.vMax)
	for i := range comps {
		c := &comps[i]
		if d.hMax%c.h != 0 || d.vMax%c.v != 0 {
			return d.fail(at, "component %d is sampled %d×%d of %d×%d: fractional ratios are not supported", i, c.h, c.v, d.hMax, d.vMax)
		}
		c.width, c.height = ceilDiv(width*c.h, d.hMax), ceilDiv(height*c.v, d.vMax)
		c.blocksX, c.blocksY = ceilDiv(c.width, 8), ceilDiv(c.height, 8)
		c.stride, c.rows = d.mcusX*c.h, d.mcusY*c.v
		for k := range c.finished {
			c.finished[k] = -1
		}
	}
	d.comps = comps
	return nil
}

// reserve checks the memory that decoding takes against the bound: the file, the
// picture, two MCU rows of samples, and the coefficients if they are kept.
func (d *decoder) reserve(at int) error {
	need := int64(len(d.data)) + int64(d.width)*int64(d.height)*int64(d.outComps()) + 64<<10
	for i := range d.comps {
		c := &d.comps[i]
		need += int64(c.stride) * 8 * int64(2*8*c.v)
		need += int64(d.width) // an upsampled line
		if d.whole {
			need += int64(c.stride) * int64(c.rows) * 128
		}
	}
	if need > d.memory {
		return d.fail(at, "%d×%d pixels need %d MiB to decode, more than the bound of %d MiB", d.width, d.height, need>>20, d.memory>>20)
	}
	return nil
}

// defineQuant reads quantization tables, B.2.4.1 of T.81.
func (d *decoder) defineQuant(b []byte) error {
	for len(b) > 0 {
		at := d.pos - len(b)
		precision, id := b[0]>>4, b[0]&15
		if precision > 1 || id > 3 {
			return d.fail(at, "quantization table %d of precision code %d, want 0 to 3 and 0 or 1", id, precision)
		}
		size := 64 << precision
		if len(b) < 1+size {
			return d.fail(at, "quantization table %d has %d bytes, want %d", id, len(b)-1, size)
		}
		for k := range 64 {
			if precision == 0 {
				d.quant[id][k] = uint16(b[1+k])
			} else {
				d.quant[id][k] = uint16(b[1+2*k])<<8 | uint16(b[2+2*k])
			}
		}
		d.quantSet[id] = true
		b = b[1+size:]
	}
	return nil
}

// latch fixes a component's quantization table at its first scan: later definitions do
// not touch it.
func (d *decoder) latch(at int, c *component) error {
	if c.latched {
		return nil
	}
	if !d.quantSet[c.tq] {
		return d.fail(at, "quantization table %d is used but not defined", c.tq)
	}
	// libjpeg-turbo multiplies in 16 bits; values above 32767 wrap alike.
	copy(c.wide[:], d.quant[c.tq][:])
	for k, q := range d.quant[c.tq] {
		c.quant[k] = int16(q)
	}
	c.latched = true
	return nil
}

// outComps is the number of samples a pixel of the result has.
func (d *decoder) outComps() int { return len(d.comps) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// natural is the zigzag sequence: the place in the 8×8 block (row · 8 + column) of the
// coefficient at each position of the coded order, Figure A.6 of T.81.
var natural = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}
