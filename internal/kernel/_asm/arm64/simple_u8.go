package main

import "github.com/wispnet/wisp/internal/kernel/_asm/structs"

// The general registers of rows.
const (
	rowA = 1 + iota
	rowB
	rowY
	atA
	atB
	atY
	rowBlocks
	rowM
	rowT
)

// rows writes the loops around body, which finds its operands at atA and atB and its result
// at atY, for whole blocks of the given bytes.
func (a *asm) rows(name string, from, to int, prepare, body func()) {
	f := structs.RowsU8
	a.function(name, "computes what rowsU8 says, of whole blocks.")
	prepare()
	a.field(f, "M", rowM)
	a.field(f, "A", rowA)
	a.field(f, "B", rowB)
	a.field(f, "Y", rowY)
	a.at("row")
	a.mov(rowA, atA)
	a.mov(rowB, atB)
	a.mov(rowY, atY)
	a.field(f, "Blocks", rowBlocks)
	a.at("block")
	body()
	a.addi(from, atA)
	a.addi(from, atB)
	a.addi(to, atY)
	a.subs(1, rowBlocks)
	a.bc("NE", "block")
	for _, p := range []struct {
		name string
		r    int
	}{{"LDA", rowA}, {"LDB", rowB}, {"LDY", rowY}} {
		a.field(f, p.name, rowT)
		a.add(rowT, p.r, p.r)
	}
	a.subs(1, rowM)
	a.bc("NE", "row")
	a.ret()
}

// simpleU8 is the arithmetic of two operands, tables and the ways between real numbers and
// bytes, eight numbers at a time; registers 9 to 15 hold what a call says, 16 to 30 up to
// three sets of factors.
func (a *asm) simpleU8() {
	f := structs.RowsU8
	const ra, rb, za, zb, zero, lo, hi = 9, 10, 11, 12, 13, 14, 15
	const x = 8 // scratch
	scales := func() {
		for _, p := range []struct {
			name string
			v    int
		}{{"RA", ra}, {"RB", rb}, {"ZA", za}, {"ZB", zb}, {"Zero", zero}} {
			a.scalar(f, p.name, p.v, rowT)
		}
	}
	once := func() {
		scales()
		a.scalar(f, "FLo", lo, rowT)
		a.scalar(f, "FHi", hi, rowT)
	}
	factor := func(set, i int) int { return 16 + 5*set + i }
	twice := func(sets int) func() {
		return func() {
			scales()
			a.scalar(f, "Lo", lo, rowT)
			a.scalar(f, "Hi", hi, rowT)
			a.field(f, "P", rowT)
			for s := range sets {
				for i, block := range []int{finishLeft, finishMult, finishSign, finishRound, finishShift} {
					a.ldr(factor(s, i), rowT, (7*s+block)*64)
				}
				a.neg4(factor(s, 4), factor(s, 4))
			}
		}
	}
	apply := func(y, set int) {
		a.fixedPoint(y, x, factor(set, 0), factor(set, 1), factor(set, 2), factor(set, 3), factor(set, 4))
	}
	// Eight bytes at p become integers in v and v+1, z taken off.
	widen := func(p, v, z int) {
		a.ldrd(v, p, 0)
		a.uxtl(v, v)
		a.uxtl4Upper(v, v+1)
		a.uxtl4(v, v)
		a.sub4(v, z, v)
		a.sub4(v+1, z, v+1)
	}
	store := func(v int) {
		a.xtn4(v, v)
		a.xtn4Upper(v+1, v)
		a.xtn8(v, v)
		a.strd(v, atY, 0)
	}
	each := func(v int, do func(v int)) {
		do(v)
		do(v + 1)
	}
	clamp := func(v int, convert func(x, v int)) {
		each(v, func(v int) {
			a.fmax(lo, v, v)
			a.fmin(hi, v, v)
			convert(v, v)
			a.add4(zero, v, v)
		})
		store(v)
	}
	limit := func(v int) {
		each(v, func(v int) {
			a.add4(zero, v, v)
			a.smax4(lo, v, v)
			a.smin4(hi, v, v)
		})
		store(v)
	}
	a.rows("addEvenU8NEON", 8, 8, func() {
		once()
		a.scalar(f, "Lo", 16, rowT) // holds the first addend
	}, func() {
		widen(atA, 0, za)
		widen(atB, 2, zb)
		for v := range 2 {
			a.scvtf(v, v)
			a.scvtf(2+v, 2+v)
			a.vmov(16, 4+v)
			a.fmla(2+v, rb, 4+v)
			a.fmla(v, ra, 4+v)
		}
		clamp(4, a.fcvtns)
	})
	a.rows("addFixedU8NEON", 8, 8, twice(3), func() {
		widen(atA, 0, za)
		widen(atB, 2, zb)
		for v := range 2 {
			a.shl4(v, 20, v)
			a.shl4(2+v, 20, 2+v)
			apply(v, 0)
			apply(2+v, 1)
			a.add4(2+v, v, v)
			apply(v, 2)
		}
		limit(0)
	})
	// RA and RB are integers, ZA is the bias and ZB the shift.
	a.rows("addScaledU8NEON", 8, 8, func() {
		scales()
		a.scalar(f, "Lo", lo, rowT)
		a.scalar(f, "Hi", hi, rowT)
		a.neg4(zb, zb)
		a.eor(16, 16, 16)
	}, func() {
		widen(atA, 0, 16)
		widen(atB, 2, 16)
		for v := range 2 {
			a.mul4(v, ra, v)
			a.mul4(2+v, rb, 2+v)
			a.add4(za, v, v)
			a.add4(2+v, v, v)
			a.sshl4(v, zb, v)
		}
		limit(0)
	})
	a.rows("mulEvenU8NEON", 8, 8, once, func() {
		widen(atA, 0, za)
		widen(atB, 2, zb)
		for v := range 2 {
			a.mul4(2+v, v, v)
			a.scvtf(v, v)
			a.fmul(ra, v, v)
			a.fadd(rb, v, v) // the zero point above the lowest number
		}
		clamp(0, a.fcvtns)
	})
	a.rows("mulFixedU8NEON", 8, 8, twice(1), func() {
		widen(atA, 0, za)
		widen(atB, 2, zb)
		for v := range 2 {
			a.mul4(2+v, v, v)
			apply(v, 0)
		}
		limit(0)
	})
	// What is no number becomes 0.
	numbers := func(v int) {
		a.fcmeq(v, v, 4)
		a.and(4, v, v)
	}
	// Real numbers times RB, over RA, rounded half to even.
	a.rows("quantizeEvenU8NEON", 32, 8, once, func() {
		for v := range 2 {
			a.ldr(v, atA, 16*v)
			a.fmul(rb, v, v)
			a.fdiv(v, ra, v)
			numbers(v)
		}
		clamp(0, a.fcvtns)
	})
	// Over RA, half away from zero; ZB is the sign's bit. A quotient that rounding made larger is
	// made smaller again by its last bit, so that it is no half where the true one is less.
	a.rows("quantizeAwayU8NEON", 32, 8, func() {
		once()
		a.eor(16, 16, 16)
	}, func() {
		for v := range 2 {
			a.ldr(5, atA, 16*v)
			a.fdiv(5, ra, v)
			a.fmls(ra, v, 5) // what is left, and then its sign seen from zero
			a.and(zb, v, 4)
			a.eor(4, 5, 5)
			a.fcmgt(16, 5, 4)
			a.add4(4, v, v)
			numbers(v)
		}
		clamp(0, a.fcvtas)
	})
	a.rows("dequantizeU8NEON", 8, 32, once, func() {
		widen(atA, 0, za)
		for v := range 2 {
			a.scvtf(v, v)
			a.fmul(ra, v, v)
			a.str(v, atY, 16*v)
		}
	})
	// The table's 256 bytes are in registers 16 to 31; a place beyond the four registers of
	// a look-up leaves the result of the one before.
	a.rows("lookupU8NEON", 32, 32, func() {
		a.field(f, "P", rowT)
		for v := range 16 {
			a.ldrPost(16+v, rowT, 16)
		}
		a.p("MOVD $0x40404040, R%d", rowT)
		a.dupw(rowT, 8)
	}, func() {
		for h := range 2 {
			a.ldr(h, atA, 16*h)
		}
		for part := range 4 {
			for h := range 2 {
				if part == 0 {
					a.tbl(16, h, 2+h)
				} else {
					a.sub16(h, 8, h)
					a.tbx(16+4*part, h, 2+h)
				}
			}
		}
		for h := range 2 {
			a.str(2+h, atY, 16*h)
		}
	})
	a.function("sumU8NEON", "adds M pixels of 32 bytes, LDA apart, into 32 numbers at Y.")
	a.field(f, "A", rowA)
	a.field(f, "M", rowM)
	a.field(f, "LDA", rowB)
	a.field(f, "Y", rowY)
	for v := range 8 {
		a.zero(v)
	}
	a.at("pixel")
	for h := range 2 {
		a.ldr(16+4*h, rowA, 16*h)
		a.uxtlUpper(16+4*h, 17+4*h)
		a.uxtl(16+4*h, 16+4*h)
		for q := range 2 {
			a.uaddw(4*h+2*q, 16+4*h+q, 4*h+2*q)
			a.uaddwUpper(4*h+2*q+1, 16+4*h+q, 4*h+2*q+1)
		}
	}
	a.add(rowB, rowA, rowA)
	a.subs(1, rowM)
	a.bc("NE", "pixel")
	for v := range 8 {
		a.str(v, rowY, 16*v)
	}
	a.ret()
}

// poolMaxU8 is the largest byte of the windows of neighbouring outputs, 16 channels at a
// time; the last register lies Mask channels back, over the one before.
func (a *asm) poolMaxU8() {
	f := structs.PoolPixelU8
	const px, py, xrow, xpix, blocks, ky, kx, row, in, x, y, t, pixels = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
	a.function("poolMaxU8NEON", "computes what poolPixelU8 says; Mask is how far the last two registers overlap.")
	a.field(f, "X", px)
	a.field(f, "Y", py)
	a.field(f, "XRow", xrow)
	a.field(f, "XPix", xpix)
	a.field(f, "Pixels", pixels)
	a.at("pixel")
	a.mov(px, x)
	a.mov(py, y)
	a.field(f, "Blocks", blocks)
	a.at("block")
	a.cmp(1, blocks)
	a.bc("NE", "whole")
	a.field(f, "Mask", t)
	a.p("SUB R%d, R%d, R%d", t, x, x)
	a.p("SUB R%d, R%d, R%d", t, y, y)
	a.at("whole")
	a.zero(0)
	a.mov(x, row)
	a.field(f, "KH", ky)
	a.at("ky")
	a.mov(row, in)
	a.field(f, "KW", kx)
	a.at("kx")
	a.ld1Post(1, in, xpix)
	a.umaxb(1, 0, 0)
	a.subs(1, kx)
	a.bc("NE", "kx")
	a.add(xrow, row, row)
	a.subs(1, ky)
	a.bc("NE", "ky")
	a.str(0, y, 0)
	a.addi(16, x)
	a.addi(16, y)
	a.subs(1, blocks)
	a.bc("NE", "block")
	a.field(f, "XStep", t)
	a.add(t, px, px)
	a.field(f, "YStep", t)
	a.add(t, py, py)
	a.subs(1, pixels)
	a.bc("NE", "pixel")
	a.ret()
}
