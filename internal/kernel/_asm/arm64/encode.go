package main

import "fmt"

// The encoders, named after the instructions. v, x, y are numbers of vector registers, p
// and q of general ones; offsets are in bytes.

// three is the common form of two sources and a destination.
func (a *asm) three(op uint32, name, shape string, x, y, v int) {
	a.word(op|uint32(y)<<16|uint32(x)<<5|uint32(v), "%s v%d.%s, v%d.%s, v%d.%s", name, v, shape, x, shape, y, shape)
}

// two is that of one source.
func (a *asm) two(op uint32, name, shape string, x, v int) {
	a.word(op|uint32(x)<<5|uint32(v), "%s v%d.%s, v%d.%s", name, v, shape, x, shape)
}

// Four float32: v = x op y.
func (a *asm) fadd(x, y, v int) { a.three(0x4E20D400, "fadd", "4s", x, y, v) }
func (a *asm) fsub(x, y, v int) { a.three(0x4EA0D400, "fsub", "4s", x, y, v) }
func (a *asm) fmul(x, y, v int) { a.three(0x6E20DC00, "fmul", "4s", x, y, v) }
func (a *asm) fdiv(x, y, v int) { a.three(0x6E20FC00, "fdiv", "4s", x, y, v) }
func (a *asm) fmax(x, y, v int) { a.three(0x4E20F400, "fmax", "4s", x, y, v) }
func (a *asm) fmin(x, y, v int) { a.three(0x4EA0F400, "fmin", "4s", x, y, v) }
func (a *asm) fmla(x, y, v int) { a.three(0x4E20CC00, "fmla", "4s", x, y, v) } // v += x·y
func (a *asm) fmls(x, y, v int) { a.three(0x4EA0CC00, "fmls", "4s", x, y, v) } // v −= x·y

// fmlaLane is v += x · lane of y.
func (a *asm) fmlaLane(x, y, lane, v int) {
	l := uint32(lane)
	a.word(0x4F801000|(l&1)<<21|(l>>1)<<11|uint32(y)<<16|uint32(x)<<5|uint32(v), "fmla v%d.4s, v%d.4s, v%d.s[%d]", v, x, y, lane)
}

func (a *asm) fneg(x, v int)   { a.two(0x6EA0F800, "fneg", "4s", x, v) }
func (a *asm) fabs(x, v int)   { a.two(0x4EA0F800, "fabs", "4s", x, v) }
func (a *asm) frintn(x, v int) { a.two(0x4E218800, "frintn", "4s", x, v) } // half to even
func (a *asm) fcvtns(x, v int) { a.two(0x4E21A800, "fcvtns", "4s", x, v) } // to integers, half to even
func (a *asm) fcvtas(x, v int) { a.two(0x4E21C800, "fcvtas", "4s", x, v) } // half away from zero
func (a *asm) scvtf(x, v int)  { a.two(0x4E21D800, "scvtf", "4s", x, v) }

// fcmeq0 is all ones where x equals itself: is a number.
func (a *asm) fcmgt(x, y, v int) { a.three(0x6EA0E400, "fcmgt", "4s", x, y, v) } // x > y
func (a *asm) fcmeq(x, y, v int) { a.three(0x4E20E400, "fcmeq", "4s", x, y, v) }

// Four int32.
func (a *asm) add4(x, y, v int)     { a.three(0x4EA08400, "add", "4s", x, y, v) }
func (a *asm) sub4(x, y, v int)     { a.three(0x6EA08400, "sub", "4s", x, y, v) }
func (a *asm) mul4(x, y, v int)     { a.three(0x4EA09C00, "mul", "4s", x, y, v) }
func (a *asm) smax4(x, y, v int)    { a.three(0x4EA06400, "smax", "4s", x, y, v) }
func (a *asm) smin4(x, y, v int)    { a.three(0x4EA06C00, "smin", "4s", x, y, v) }
func (a *asm) sshl4(x, y, v int)    { a.three(0x4EA04400, "sshl", "4s", x, y, v) }     // by y, right where negative
func (a *asm) sqrdmulh(x, y, v int) { a.three(0x6EA0B400, "sqrdmulh", "4s", x, y, v) } // (x·y + 2³⁰) >> 31

func (a *asm) shl4(x, n, v int) {
	a.word(0x4F005400|uint32(32+n)<<16|uint32(x)<<5|uint32(v), "shl v%d.4s, v%d.4s, #%d", v, x, n)
}

func (a *asm) sshr4(x, n, v int) {
	a.word(0x4F000400|uint32(64-n)<<16|uint32(x)<<5|uint32(v), "sshr v%d.4s, v%d.4s, #%d", v, x, n)
}

// Bits.
func (a *asm) and(x, y, v int)   { a.three(0x4E201C00, "and", "16b", x, y, v) }
func (a *asm) orr(x, y, v int)   { a.three(0x4EA01C00, "orr", "16b", x, y, v) }
func (a *asm) eor(x, y, v int)   { a.three(0x6E201C00, "eor", "16b", x, y, v) }
func (a *asm) bsl(x, y, v int)   { a.three(0x6E601C00, "bsl", "16b", x, y, v) } // v = v ? x : y
func (a *asm) umaxb(x, y, v int) { a.three(0x6E206400, "umax", "16b", x, y, v) }
func (a *asm) vmov(x, v int) {
	a.word(0x4EA01C00|uint32(x)<<16|uint32(x)<<5|uint32(v), "mov v%d.16b, v%d.16b", v, x)
}
func (a *asm) zero(v int) { a.word(0x4F000400|uint32(v), "movi v%d.4s, #0x0", v) }

// ext is the 16 bytes from byte n on of x followed by y.
func (a *asm) ext(x, y, v, n int) {
	a.word(0x6E000000|uint32(y)<<16|uint32(n)<<11|uint32(x)<<5|uint32(v), "ext v%d.16b, v%d.16b, v%d.16b, #%d", v, x, y, n)
}

// dupw fills a register with a general register's 32 bits, duplane with a lane.
func (a *asm) dupw(p, v int) { a.word(0x4E040C00|uint32(p)<<5|uint32(v), "dup v%d.4s, w%d", v, p) }
func (a *asm) duplane(x, lane, v int) {
	a.word(0x4E040400|uint32(lane)<<19|uint32(x)<<5|uint32(v), "dup v%d.4s, v%d.s[%d]", v, x, lane)
}

// Loads and stores of 16 bytes (q), 8 (d), 4 (s) and less.
func (a *asm) mem(op uint32, name, kind string, v, p, off, scale int) {
	if off < 0 || off%scale != 0 || off/scale > 4095 {
		panic("offset")
	}
	text := "[x%d]"
	args := []any{p}
	if off > 0 {
		text, args = "[x%d, #%d]", append(args, off)
	}
	a.word(op|uint32(off/scale)<<10|uint32(p)<<5|uint32(v), name+" "+kind+"%d, "+text, append([]any{v}, args...)...)
}

func (a *asm) ldr(v, p, off int)  { a.mem(0x3DC00000, "ldr", "q", v, p, off, 16) }
func (a *asm) ldrd(v, p, off int) { a.mem(0xFD400000, "ldr", "d", v, p, off, 8) }
func (a *asm) ldrs(v, p, off int) { a.mem(0xBD400000, "ldr", "s", v, p, off, 4) }
func (a *asm) str(v, p, off int)  { a.mem(0x3D800000, "str", "q", v, p, off, 16) }
func (a *asm) strd(v, p, off int) { a.mem(0xFD000000, "str", "d", v, p, off, 8) }
func (a *asm) strs(v, p, off int) { a.mem(0xBD000000, "str", "s", v, p, off, 4) }
func (a *asm) strh(v, p, off int) { a.mem(0x7D000000, "str", "h", v, p, off, 2) }
func (a *asm) strb(v, p, off int) { a.mem(0x3D000000, "str", "b", v, p, off, 1) }

// The same, the pointer moving on by n afterwards.
func (a *asm) post(op uint32, name, kind string, v, p, n int) {
	a.word(op|uint32(n)<<12|uint32(p)<<5|uint32(v), name+" "+kind+"%d, [x%d], #%d", v, p, n)
}

func (a *asm) ldrPost(v, p, n int)  { a.post(0x3CC00400, "ldr", "q", v, p, n) }
func (a *asm) ldrdPost(v, p, n int) { a.post(0xFC400400, "ldr", "d", v, p, n) }
func (a *asm) ldrsPost(v, p, n int) { a.post(0xBC400400, "ldr", "s", v, p, n) }
func (a *asm) strPost(v, p, n int)  { a.post(0x3C800400, "str", "q", v, p, n) }
func (a *asm) strdPost(v, p, n int) { a.post(0xFC000400, "str", "d", v, p, n) }

// ldpPost loads two registers and moves the pointer on by 32 bytes.
func (a *asm) ldpPost(v, x, p int) {
	a.word(0xACC10000|uint32(x)<<10|uint32(p)<<5|uint32(v), "ldp q%d, q%d, [x%d], #32", v, x, p)
}

// ld1Post loads a register and moves the pointer on by general register q; ld1rPost fills
// one with 32 bits, ld1r does and stays.
func (a *asm) ld1Post(v, p, q int) {
	a.word(0x4CC07800|uint32(q)<<16|uint32(p)<<5|uint32(v), "ld1 {v%d.4s}, [x%d], x%d", v, p, q)
}
func (a *asm) ld1rPost(v, p, q int) {
	a.word(0x4DC0C800|uint32(q)<<16|uint32(p)<<5|uint32(v), "ld1r {v%d.4s}, [x%d], x%d", v, p, q)
}
func (a *asm) ld1r(v, p int) {
	a.word(0x4D40C800|uint32(p)<<5|uint32(v), "ld1r {v%d.4s}, [x%d]", v, p)
}

// st1Post stores a register and moves the pointer on by general register q.
func (a *asm) st1Post(v, p, q int) {
	a.word(0x4C807800|uint32(q)<<16|uint32(p)<<5|uint32(v), "st1 {v%d.4s}, [x%d], x%d", v, p, q)
}

// st1LanePost stores one element of a register and moves the pointer on by general register
// q.
func (a *asm) st1LanePost(k copyKind, v, lane, p, q int) {
	op, l := uint32(0x0D800000), uint32(lane) // the lane is Q, S and, for bytes, size
	if k.size == 4 {
		op, l = 0x0D808000, l<<2
	}
	a.word(op|(l>>3)<<30|(l&7)<<10|uint32(q)<<16|uint32(p)<<5|uint32(v), "st1 {v%d.%s}[%d], [x%d], x%d", v, k.letter, lane, p, q)
}

// stPost stores n registers from v on, their elements by turns, and moves the pointer on.
func (a *asm) stPost(k copyKind, v, n, p int) {
	op := map[int]uint32{2: 0x4C9F8000, 3: 0x4C9F4000, 4: 0x4C9F0000}[n]
	if k.size == 4 {
		op |= 0x800
	}
	shape := fmt.Sprintf("%d%s", 16/k.size, k.letter)
	list := fmt.Sprintf("{v%d.%s-v%d.%s}", v, shape, v+n-1, shape)
	if n == 2 {
		list = fmt.Sprintf("{v%d.%s, v%d.%s}", v, shape, v+1, shape)
	}
	a.word(op|uint32(p)<<5|uint32(v), "st%d %s, [x%d], #%d", n, list, p, 16*n)
}
