package engine

import "time"

// ring is the part of a buffer that a thread holds while it runs a chain: rows from base on.
type ring struct {
	data []float32
	base int
}

// at returns the memory of one image of a value, whose images are size elements apart, and
// which of its rows comes first there.
func (c *ctx) at(r ref, image, size int) (data []float32, base int) {
	if r.src == inArena && c.rings[r.buf].data != nil {
		return c.rings[r.buf].data[r.off:], c.rings[r.buf].base
	}
	return c.slice(r)[image*size:], 0
}

// run computes strips of images: units are images × strips.
func (ch *chain) run(c *ctx, u0, u1 int) {
	cur := &c.cursor
	for u := u0; u < u1; u++ {
		y0, y1 := ch.strip(u % ch.strips)
		ch.start(cur, y0, y1)
		for i := range ch.rings {
			p := &ch.rings[i]
			c.rings[p.buf] = ring{c.scratch[p.off:], cur.base[i]}
		}
		if c.s.p.poison != Clean {
			ch.poisonRings(c)
		}
		for ch.next(cur) {
			for i := range ch.rings {
				p := &ch.rings[i]
				lo, end := ch.keep(cur, p)
				if r := &c.rings[p.buf]; lo > r.base {
					copy(r.data, r.data[(lo-r.base)*p.rowSize:(max(end, lo)-r.base)*p.rowSize])
					r.base = lo
				}
			}
			for j, part := range ch.parts {
				if cur.want[j] <= cur.done[j] {
					continue
				}
				if c.clock == nil {
					part.band(c, u/ch.strips, cur.done[j], cur.want[j])
				} else {
					begin := time.Now()
					part.band(c, u/ch.strips, cur.done[j], cur.want[j])
					c.clock[j] += time.Since(begin)
				}
				cur.done[j] = cur.want[j]
			}
		}
		for i := range ch.rings {
			c.rings[ch.rings[i].buf] = ring{}
		}
	}
}
