package main

// The encoders for bytes and 16-bit numbers.

// sdot is v += the dot products of four bytes of x and y each; sdotLane of four bytes of x
// and those of a lane of y.
func (a *asm) sdot(x, y, v int) {
	a.word(0x4E809400|uint32(y)<<16|uint32(x)<<5|uint32(v), "sdot v%d.4s, v%d.16b, v%d.16b", v, x, y)
}

func (a *asm) sdotLane(x, y, lane, v int) {
	l := uint32(lane)
	a.word(0x4F80E000|(l&1)<<21|(l>>1)<<11|uint32(y)<<16|uint32(x)<<5|uint32(v), "sdot v%d.4s, v%d.16b, v%d.4b[%d]", v, x, y, lane)
}

// smlalLane is v += the lower four 16-bit numbers of x times a lane of y, which is one of
// the first 16 registers; smlal2Lane takes the upper four.
func (a *asm) smlalLane(x, y, lane, v int)  { a.widening(0x0F402000, "smlal", "4h", x, y, lane, v) }
func (a *asm) smlal2Lane(x, y, lane, v int) { a.widening(0x4F402000, "smlal2", "8h", x, y, lane, v) }

func (a *asm) widening(op uint32, name, shape string, x, y, lane, v int) {
	if y > 15 {
		panic("a lane of 16 bits beyond register 15")
	}
	l := uint32(lane)
	a.word(op|(l>>1&1)<<21|(l&1)<<20|(l>>2)<<11|uint32(y)<<16|uint32(x)<<5|uint32(v), "%s v%d.4s, v%d.%s, v%d.h[%d]", name, v, x, shape, y, lane)
}

// smlal and smlal2 are the same of two registers.
func (a *asm) smlal(x, y, v int) {
	a.word(0x0E608000|uint32(y)<<16|uint32(x)<<5|uint32(v), "smlal v%d.4s, v%d.4h, v%d.4h", v, x, y)
}

func (a *asm) smlal2(x, y, v int) {
	a.word(0x4E608000|uint32(y)<<16|uint32(x)<<5|uint32(v), "smlal2 v%d.4s, v%d.8h, v%d.8h", v, x, y)
}

// convert is an instruction of one source whose shape changes.
func (a *asm) convert(op uint32, name, to, from string, x, v int) {
	a.word(op|uint32(x)<<5|uint32(v), "%s v%d.%s, v%d.%s", name, v, to, x, from)
}

func (a *asm) sxtl(x, v int)       { a.convert(0x0F08A400, "sxtl", "8h", "8b", x, v) }
func (a *asm) uxtl(x, v int)       { a.convert(0x2F08A400, "uxtl", "8h", "8b", x, v) }
func (a *asm) uxtl4(x, v int)      { a.convert(0x2F10A400, "uxtl", "4s", "4h", x, v) }
func (a *asm) uxtl4Upper(x, v int) { a.convert(0x6F10A400, "uxtl2", "4s", "8h", x, v) }
func (a *asm) xtn4(x, v int)       { a.convert(0x0E612800, "xtn", "4h", "4s", x, v) }
func (a *asm) xtn4Upper(x, v int)  { a.convert(0x4E612800, "xtn2", "8h", "4s", x, v) }
func (a *asm) xtn8(x, v int)       { a.convert(0x0E212800, "xtn", "8b", "8h", x, v) }
func (a *asm) neg4(x, v int)       { a.two(0x6EA0B800, "neg", "4s", x, v) }

// ld4Post loads 32 bytes, every fourth into one of four registers from v on, and moves on.
func (a *asm) ld4Post(v, p int) {
	a.word(0x0CDF0000|uint32(p)<<5|uint32(v), "ld4 {v%d.8b-v%d.8b}, [x%d], #32", v, v+3, p)
}

// ld1bPost loads 8 bytes and moves on by general register q.
func (a *asm) ld1bPost(v, p, q int) {
	a.word(0x0CC07000|uint32(q)<<16|uint32(p)<<5|uint32(v), "ld1 {v%d.8b}, [x%d], x%d", v, p, q)
}

func (a *asm) uxtlUpper(x, v int)     { a.convert(0x6F08A400, "uxtl2", "8h", "16b", x, v) }
func (a *asm) sub16(x, y, v int)      { a.three(0x6E208400, "sub", "16b", x, y, v) }
func (a *asm) uaddw(x, y, v int)      { a.wide(0x2E601000, "uaddw", "4h", x, y, v) } // v = x + y
func (a *asm) uaddwUpper(x, y, v int) { a.wide(0x6E601000, "uaddw2", "8h", x, y, v) }

func (a *asm) wide(op uint32, name, shape string, x, y, v int) {
	a.word(op|uint32(y)<<16|uint32(x)<<5|uint32(v), "%s v%d.4s, v%d.4s, v%d.%s", name, v, x, y, shape)
}

// tbl looks the bytes of x up in four registers from table on, 0 beyond them; tbx leaves
// what v has there.
func (a *asm) tbl(table, x, v int) { a.lookup(0x4E006000, "tbl", table, x, v) }
func (a *asm) tbx(table, x, v int) { a.lookup(0x4E007000, "tbx", table, x, v) }

func (a *asm) lookup(op uint32, name string, table, x, v int) {
	a.word(op|uint32(x)<<16|uint32(table)<<5|uint32(v), "%s v%d.16b, {v%d.16b-v%d.16b}, v%d.16b", name, v, table, table+3, x)
}

// usmmla is v += a product of 2×8 by 8×2: row i of x is its unsigned bytes 8·i to 8·i + 7,
// column j of y its signed bytes so; v holds the sums row by row.
func (a *asm) usmmla(x, y, v int) {
	a.word(0x4E80AC00|uint32(y)<<16|uint32(x)<<5|uint32(v), "usmmla v%d.4s, v%d.16b, v%d.16b", v, x, y)
}

// zip1 is the lower halves of x and y, zip2 the upper ones.
func (a *asm) zip1(x, y, v int) { a.three(0x4EC03800, "zip1", "2d", x, y, v) }
func (a *asm) zip2(x, y, v int) { a.three(0x4EC07800, "zip2", "2d", x, y, v) }

// zip1b interleaves the bytes of the lower halves of x and y; zip1h the 16-bit numbers, zip2h
// those of the upper halves.
func (a *asm) zip1b(x, y, v int) { a.three(0x4E003800, "zip1", "16b", x, y, v) }
func (a *asm) zip1h(x, y, v int) { a.three(0x4E403800, "zip1", "8h", x, y, v) }
func (a *asm) zip2h(x, y, v int) { a.three(0x4E407800, "zip2", "8h", x, y, v) }

// ld1r2 fills both halves of a register with 8 bytes.
func (a *asm) ld1r2(v, p int) {
	a.word(0x4D40CC00|uint32(p)<<5|uint32(v), "ld1r {v%d.2d}, [x%d]", v, p)
}

// ld1UpperPost loads 8 bytes into the upper half of a register and moves on by 8.
func (a *asm) ld1UpperPost(v, p int) {
	a.word(0x4DDF8400|uint32(p)<<5|uint32(v), "ld1 {v%d.d}[1], [x%d], #8", v, p)
}
