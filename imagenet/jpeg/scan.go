package jpeg

// scanComp is a component's part in the scan at hand.
type scanComp struct {
	c      *component
	dc, ac *huffman
}

// scanParams are a scan header's spectral selection and successive approximation.
type scanParams struct {
	first, last int // Ss, Se
	high, low   int // Ah, Al
}

// scan reads a scan header, B.2.3 of T.81, and the entropy-coded data behind it.
func (d *decoder) scan(at int, b []byte) error {
	if d.comps == nil {
		return d.fail(at, "a scan before the frame header")
	}
	if d.scans++; d.scans > maxScans {
		return d.fail(at, "more than %d scans", maxScans)
	}
	if len(b) < 1 || int(b[0]) < 1 || int(b[0]) > 4 || len(b) != 4+2*int(b[0]) {
		return d.fail(at, "scan header of %d bytes does not fit its components", len(b))
	}
	n := int(b[0])
	parts := make([]scanComp, n)
	blocks := 0
	for i := range parts {
		id, tables := b[1+2*i], b[2+2*i]
		for j := range d.comps {
			if d.comps[j].id == id {
				parts[i].c = &d.comps[j]
			}
		}
		c := parts[i].c
		if c == nil {
			return d.fail(at, "the scan names component %d, which the frame lacks", id)
		}
		for j := range i {
			if parts[j].c == c {
				return d.fail(at, "the scan names component %d twice", id)
			}
		}
		if c.td, c.ta = tables>>4, tables&15; c.td > 3 || c.ta > 3 {
			return d.fail(at, "component %d uses Huffman tables %d and %d, want 0 to 3", id, c.td, c.ta)
		}
		blocks += c.h * c.v
	}
	if n > 1 && blocks > 10 {
		return d.fail(at, "%d blocks in an MCU, at most 10 are allowed", blocks)
	}
	t := b[1+2*n:]
	p := scanParams{int(t[0]), int(t[1]), int(t[2] >> 4), int(t[2] & 15)}
	if !d.progressive && d.scans > 1 && !d.whole {
		return d.fail(at, "another scan behind the one that held the whole picture")
	}
	if err := d.prepare(at, parts, p); err != nil {
		return err
	}
	d.bits.data = d.data
	d.bits.reset(d.pos)
	var err error
	switch {
	case d.progressive:
		err = d.progressiveScan(parts, p)
	case d.whole:
		err = d.walk(parts, func(s *scanComp, block []int16) string {
			_, why := d.bits.block(s, (*[64]int16)(block), &unity)
			return why
		})
	default:
		err = d.streamScan(parts)
	}
	if err != nil {
		return err
	}
	d.pos = d.bits.pos
	return nil
}

// prepare checks the tables and parameters that the scan needs, and at the first scan
// allocates what the whole picture needs.
func (d *decoder) prepare(at int, parts []scanComp, p scanParams) error {
	if d.progressive {
		if err := d.checkProgression(at, parts, p); err != nil {
			return err
		}
	} else {
		d.standard()
	}
	for i := range parts {
		s := &parts[i]
		s.dc, s.ac = d.huff[0][s.c.td], d.huff[1][s.c.ta]
		needDC := !d.progressive || p.first == 0 && p.high == 0
		needAC := !d.progressive || p.first > 0
		if needDC && s.dc == nil {
			return d.fail(at, "Huffman table 0.%d is used but not defined", s.c.td)
		}
		if needAC && s.ac == nil {
			return d.fail(at, "Huffman table 1.%d is used but not defined", s.c.ta)
		}
		if err := d.latch(at, s.c); err != nil {
			return err
		}
		s.c.seen = true
	}
	if d.scans > 1 {
		return nil
	}
	d.whole = d.progressive || len(parts) < len(d.comps)
	if err := d.reserve(at); err != nil {
		return err
	}
	d.pix = make([]uint8, d.width*d.height*d.outComps())
	if d.whole {
		for i := range d.comps {
			c := &d.comps[i]
			c.coefs = make([]int16, c.stride*c.rows*64)
		}
	}
	d.out.init(d)
	return nil
}

// unity stands for quantization where coefficients are kept as coded.
var unity = func() (q [64]int16) {
	for i := range q {
		q[i] = 1
	}
	return q
}()

// streamScan decodes a sequential file's only scan, MCU row by MCU row, straight into
// pixels.
func (d *decoder) streamScan(parts []scanComp) error {
	for i := range parts {
		parts[i].c.dc = 0
	}
	left, next := d.restart, byte(0)
	var block [64]int16
	for my := range d.mcusY {
		for mx := range d.mcusX {
			if d.restart > 0 && left == 0 {
				if err := d.restartMarker(&next, parts); err != nil {
					return err
				}
				left = d.restart
			}
			left--
			for i := range parts {
				s := &parts[i]
				c := s.c
				base, stride := d.out.rowGroup(c, my)
				for v := range c.v {
					for h := range c.h {
						clear(block[:])
						mask, why := d.bits.block(s, &block, &c.quant)
						if why != "" {
							return d.fail(d.bits.pos, "MCU %d,%d: %s", mx, my, why)
						}
						inverse(&block, mask, base[v*8*stride+(mx*c.h+h)*8:], stride)
					}
				}
			}
			if d.bits.overrun() {
				return d.early(mx, my)
			}
		}
		d.out.emit(d, my)
	}
	return nil
}

func (d *decoder) early(mx, my int) error {
	if d.bits.pos >= len(d.data) {
		return d.fail(len(d.data), "the file is truncated: its data end at MCU %d,%d of %d×%d", mx, my, d.mcusX, d.mcusY)
	}
	return d.fail(d.bits.pos, "the scan's data end at MCU %d,%d of %d×%d", mx, my, d.mcusX, d.mcusY)
}

// restartMarker leaves the current segment and enters the next, E.2.4 of T.81.
func (d *decoder) restartMarker(next *byte, parts []scanComp) error {
	d.pos = d.bits.pos
	m, err := d.nextMarker()
	if err != nil {
		return err
	}
	if m != mRST0+*next {
		return d.fail(d.pos-2, "marker FF %02X where restart marker FF %02X should stand", m, mRST0+*next)
	}
	*next = (*next + 1) & 7
	d.bits.reset(d.pos)
	for i := range parts {
		parts[i].c.dc = 0
	}
	return nil
}

// walk visits the blocks of a scan in coded order with their kept coefficients: MCU by
// MCU when there are several components, else only the blocks that hold the picture
// (A.2 of T.81).
func (d *decoder) walk(parts []scanComp, visit func(*scanComp, []int16) string) error {
	for i := range parts {
		parts[i].c.dc = 0
	}
	left, next := d.restart, byte(0)
	nx, ny := d.mcusX, d.mcusY
	single := len(parts) == 1
	if single {
		nx, ny = parts[0].c.blocksX, parts[0].c.blocksY
	}
	for my := range ny {
		for mx := range nx {
			if d.restart > 0 && left == 0 {
				if err := d.restartMarker(&next, parts); err != nil {
					return err
				}
				d.eobRun = 0
				left = d.restart
			}
			left--
			for i := range parts {
				s := &parts[i]
				c := s.c
				h, v := c.h, c.v
				if single {
					h, v = 1, 1
				}
				for y := range v {
					for x := range h {
						o := ((my*v+y)*c.stride + mx*h + x) * 64
						if why := visit(s, c.coefs[o:o+64:o+64]); why != "" {
							return d.fail(d.bits.pos, "block %d,%d: %s", mx*h+x, my*v+y, why)
						}
					}
				}
			}
			if d.bits.overrun() {
				return d.early(mx, my)
			}
		}
	}
	return nil
}
