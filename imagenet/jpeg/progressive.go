package jpeg

// checkProgression checks a progressive scan's parameters, G.1.1.1 of T.81. A scan out of
// the usual order of approximations is let pass, as libjpeg does.
func (d *decoder) checkProgression(at int, parts []scanComp, p scanParams) error {
	bad := p.last > 63 || p.first > p.last || p.low > 13 ||
		p.first == 0 && p.last != 0 || // DC and AC never share a scan
		p.first > 0 && len(parts) != 1 || // AC scans hold one component
		p.high != 0 && p.low != p.high-1 // a refinement adds one bit
	if bad {
		return d.fail(at, "progressive scan of coefficients %d to %d, bits %d to %d, %d components is not allowed", p.first, p.last, p.high, p.low, len(parts))
	}
	for _, s := range parts {
		if p.first > 0 && s.c.finished[0] < 0 {
			return d.fail(at, "component %d has an AC scan before its DC scan", s.c.id)
		}
		for k := p.first; k <= p.last; k++ {
			s.c.finished[k] = int8(p.low)
		}
	}
	return nil
}

func (d *decoder) progressiveScan(parts []scanComp, p scanParams) error {
	d.eobRun = 0
	var visit func(*scanComp, []int16) string
	switch {
	case p.first == 0 && p.high == 0:
		visit = func(s *scanComp, b []int16) string { return d.dcFirst(s, b, p.low) }
	case p.first == 0:
		visit = func(_ *scanComp, b []int16) string { d.dcRefine(b, p.low); return "" }
	case p.high == 0:
		visit = func(s *scanComp, b []int16) string { return d.acFirst(s, (*[64]int16)(b), p) }
	default:
		visit = func(s *scanComp, b []int16) string { return d.acRefine(s, (*[64]int16)(b), p) }
	}
	return d.walk(parts, visit)
}

// dcFirst decodes a block's DC coefficient to bit low, G.1.2.1 of T.81.
func (d *decoder) dcFirst(s *scanComp, b []int16, low int) string {
	r := &d.bits
	if r.n < 32 {
		r.refill()
	}
	size, ok := r.symbol(s.dc)
	if !ok {
		return badCode
	}
	if size > 0 {
		s.c.dc += extend(r.take(int(size)), int(size))
	}
	b[0] = int16(s.c.dc << low)
	return ""
}

func (d *decoder) dcRefine(b []int16, low int) {
	r := &d.bits
	if r.n < 1 {
		r.refill()
	}
	b[0] |= int16(r.take(1) << low)
}

// acFirst decodes a block's band of AC coefficients to bit low, G.1.2.2 of T.81.
func (d *decoder) acFirst(s *scanComp, b *[64]int16, p scanParams) string {
	if d.eobRun > 0 {
		d.eobRun--
		return ""
	}
	r := &d.bits
	for k := p.first; k <= p.last; k++ {
		if r.n < 32 {
			r.refill()
		}
		if e := s.ac.coef[r.acc>>(64-fastBits)]; e != 0 {
			r.acc <<= e & 0xFF
			r.n -= int(e & 0xFF)
			if k += int(e >> 8 & 15); k > p.last {
				return tooMany
			}
			b[natural[k]&63] = int16(e >> 16 << p.low)
			continue
		}
		sym, ok := r.symbol(s.ac)
		if !ok {
			return badCode
		}
		run, size := int(sym>>4), int(sym&15)
		if size == 0 {
			if run == 15 {
				k += 15
				continue
			}
			d.eobRun = 1<<run - 1
			if run > 0 {
				d.eobRun += int(r.take(run))
			}
			break
		}
		if k += run; k > p.last {
			return tooMany
		}
		b[natural[k]&63] = int16(extend(r.take(size), size) << p.low)
	}
	return ""
}

// acRefine adds bit low to a block's band of AC coefficients, G.1.2.3 of T.81.
func (d *decoder) acRefine(s *scanComp, b *[64]int16, p scanParams) string {
	r := &d.bits
	plus, minus := int16(1)<<p.low, int16(-1)<<p.low
	k := p.first
	if d.eobRun == 0 {
		for ; k <= p.last; k++ {
			if r.n < 32 {
				r.refill()
			}
			sym, ok := r.symbol(s.ac)
			if !ok {
				return badCode
			}
			run, size := int(sym>>4), int(sym&15)
			var v int16
			switch {
			case size == 1:
				if v = minus; r.take(1) == 1 {
					v = plus
				}
			case size > 1:
				return badShift
			case run < 15:
				d.eobRun = 1 << run
				if run > 0 {
					d.eobRun += int(r.take(run))
				}
			}
			if d.eobRun > 0 {
				break
			}
			// Over run coefficients that are zero so far, correcting the others.
			for ; k <= p.last; k++ {
				c := &b[natural[k]&63]
				if *c != 0 {
					d.correct(c, plus, minus)
				} else if run--; run < 0 {
					break
				}
			}
			if v != 0 {
				if k > p.last {
					return tooMany
				}
				b[natural[k]&63] = v
			}
		}
	}
	if d.eobRun > 0 {
		for ; k <= p.last; k++ {
			if c := &b[natural[k]&63]; *c != 0 {
				d.correct(c, plus, minus)
			}
		}
		d.eobRun--
	}
	return ""
}

// correct reads a correction bit for a coefficient that is not zero.
func (d *decoder) correct(c *int16, plus, minus int16) {
	r := &d.bits
	if r.n < 1 {
		r.refill()
	}
	if r.take(1) == 1 && *c&plus == 0 {
		if *c >= 0 {
			*c += plus
		} else {
			*c += minus
		}
	}
}
