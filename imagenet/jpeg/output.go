package jpeg

// output turns component samples into pixels row by row. It keeps two MCU rows of every
// component: enough for the rows above and below that chroma upsampling looks at.
type output struct {
	bufs    [4][]uint8 // per component: 2·8·v rows of stride·8 samples
	lines   [4][]uint8 // per component: one row at the picture's full width
	up      [4]upsampler
	context bool // some component needs the rows above and below
	next    int  // the first picture row not yet emitted
	convert func(d *decoder, dst []uint8, lines *[4][]uint8)
}

func (o *output) init(d *decoder) {
	for i := range d.comps {
		c := &d.comps[i]
		o.bufs[i] = make([]uint8, c.stride*8*2*8*c.v)
		o.up[i] = d.upsampling(c)
		if o.up[i] == upVertical || o.up[i] == upBoth {
			o.context = true
		}
		if o.up[i] != upNone {
			o.lines[i] = make([]uint8, d.width)
		}
	}
	o.convert = d.conversion()
}

// rowGroup returns where the samples of a component's MCU row go, and the row length.
func (o *output) rowGroup(c *component, my int) (samples []uint8, stride int) {
	stride = c.stride * 8
	size := stride * 8 * c.v
	return o.bufs[c.index][my&1*size:][:size:size], stride
}

// row returns row y of a component, clamped to the rows of the picture: beyond the first
// and the last stands a copy of them.
func (o *output) row(c *component, y int) []uint8 {
	y = min(max(y, 0), c.height-1)
	stride := c.stride * 8
	return o.bufs[c.index][y%(2*8*c.v)*stride:][:c.width:c.width]
}

// emit writes the picture's rows that MCU row my completes.
func (o *output) emit(d *decoder, my int) {
	end := (my + 1) * 8 * d.vMax
	if o.context {
		end -= d.vMax // their neighbours below come with the next MCU row
	}
	if my == d.mcusY-1 {
		end = d.height
	}
	n := d.outComps()
	var lines [4][]uint8
	for y := o.next; y < min(end, d.height); y++ {
		for i := range d.comps {
			c := &d.comps[i]
			if o.up[i] == upNone {
				lines[i] = o.row(c, y)
				continue
			}
			o.upsample(d, c, y, o.lines[i])
			lines[i] = o.lines[i]
		}
		o.convert(d, d.pix[y*d.width*n:][:d.width*n], &lines)
	}
	o.next = max(o.next, min(end, d.height))
}

// finish, at the end of the file, turns kept coefficients into pixels.
func (d *decoder) finish() error {
	if !d.whole {
		return nil
	}
	for i := range d.comps {
		if !d.comps[i].seen {
			return d.fail(d.pos, "component %d has no scan", d.comps[i].id)
		}
	}
	smooth := d.smoothing()
	for my := range d.mcusY {
		for i := range d.comps {
			c := &d.comps[i]
			base, stride := d.out.rowGroup(c, my)
			for v := range min(c.v, c.blocksY-my*c.v) {
				var s *smoother
				if smooth {
					s = d.newSmoother(c, my, v)
				}
				coefs := c.coefs[(my*c.v+v)*c.stride*64:]
				for x := range c.blocksX {
					block := [64]int16(coefs[x*64:])
					if s != nil {
						s.next(x, &block)
					}
					mask := dequantize(&block, &c.quant)
					inverse(&block, mask, base[v*8*stride+x*8:], stride)
				}
			}
		}
		d.out.emit(d, my)
	}
	return nil
}

// dequantize multiplies kept coefficients by their quantizers, modulo 2^16, and returns
// the mask that inverse wants.
func dequantize(b *[64]int16, quant *[64]int16) (mask uint32) {
	for k, z := range natural {
		if v := b[z&63]; v != 0 {
			mask |= columns[z&63]
			b[z&63] = v * quant[k]
		}
	}
	return mask
}
