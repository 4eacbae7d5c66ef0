package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/kernel/_asm/structs"
)

// gemmRows is the height of the tile; its width is two registers of 4 columns.
const gemmRows = 8

// gemm is the product of float32: 16 sums, four elements of each of 8 rows of A, which meet
// the weights by lane, and two rows of a panel by turns, so that the next is on its way.
func (a *asm) gemm() {
	f := structs.GemmTile
	a.function("gemmNEON", "computes what gemmTile says; Mask is the number of columns of the last register.")
	a.field(f, "A", 15)
	a.field(f, "C", 13)
	a.field(f, "LDA", 14)
	a.field(f, "LDC", 19)
	a.field(f, "Blocks", 22)
	a.field(f, "R", 23)
	a.field(f, "Mask", 26)
	a.field(f, "Rows", 20)
	a.field(f, "Wide", 21)
	a.cbz(21, "narrow")
	a.choose("tile2", 20, 1, gemmRows)
	a.at("narrow")
	a.choose("tile1", 20, 1, gemmRows)
	for vecs := 2; vecs >= 1; vecs-- {
		for mr := gemmRows; mr >= 1; mr-- {
			a.gemmTile(mr, vecs)
		}
	}
}

func (a *asm) gemmTile(mr, vecs int) {
	f := structs.GemmTile
	const width = 32 // bytes of a panel's row
	acc := func(r, v int) int { return r*vecs + v }
	x := func(r int) int { return 16 + r }
	b := func(k, v int) int { return 24 + k%2*2 + v }
	row := func(r int) int { return 1 + r } // general registers
	const w, k, segs, n, t, p = 9, 10, 11, 12, 20, 21
	name := fmt.Sprintf("tile%d_%d", vecs, mr)

	a.at(name)
	a.field(f, "Bias", t)
	zero, ready := name+"_zero", name+"_ready"
	a.cbz(t, zero)
	for v := range vecs {
		a.ldr(acc(0, v), t, 16*v)
	}
	for r := 1; r < mr; r++ {
		for v := range vecs {
			a.vmov(acc(0, v), acc(r, v))
		}
	}
	a.b(ready)
	a.at(zero)
	for i := range mr * vecs {
		a.zero(i)
	}
	a.at(ready)
	a.field(f, "Segs", segs)
	a.field(f, "NSegs", n)
	a.cbz(n, name+"_summed")
	a.at(name + "_seg")
	a.load(0, segs, t)
	a.p("ADD R%d<<2, R15, R%d", t, row(0))
	for r := 1; r < mr; r++ {
		a.add(14, row(r-1), row(r))
	}
	a.load(16, segs, t)
	a.field(f, "W", w)
	a.p("ADD R%d<<5, R%d, R%d", t, w, w)
	a.load(8, segs, k)
	weights := func(i int) {
		if vecs == 2 {
			a.ldpPost(b(i, 0), b(i, 1), w)
		} else {
			a.ldrPost(b(i, 0), w, width)
		}
	}
	a.subs(4, k)
	a.bc("LT", name+"_tail")
	a.at(name + "_four")
	weights(0)
	for r := range mr {
		a.ldrPost(x(r), row(r), 16)
	}
	for i := range 4 {
		if i < 3 {
			weights(i + 1)
		}
		for r := range mr {
			for v := range vecs {
				a.fmlaLane(b(i, v), x(r), i, acc(r, v))
			}
		}
	}
	a.subs(4, k)
	a.bc("GE", name+"_four")
	a.at(name + "_tail")
	a.p("ADDS $4, R%d", k)
	a.bc("EQ", name+"_next")
	a.at(name + "_one")
	weights(0)
	for r := range mr {
		a.ldrsPost(x(r), row(r), 4)
	}
	for r := range mr {
		for v := range vecs {
			a.fmlaLane(b(0, v), x(r), 0, acc(r, v))
		}
	}
	a.subs(1, k)
	a.bc("NE", name+"_one")
	a.at(name + "_next")
	a.addi(24, segs)
	a.subs(1, n)
	a.bc("NE", name+"_seg")
	a.at(name + "_summed")

	a.cbz(23, name+"_clip")
	a.field(f, "LDR", t)
	for r := range mr {
		for v := range vecs {
			a.ldr(24+v, 23, 16*v)
			a.fadd(24+v, acc(r, v), acc(r, v))
		}
		a.add(t, 23, 23)
	}
	a.at(name + "_clip")
	a.field(f, "Act", t)
	a.cbz(t, name+"_store")
	a.scalar(f, "Lo", 30, t)
	a.scalar(f, "Hi", 31, t)
	for i := range mr * vecs {
		a.fmax(i, 30, i)
		a.fmin(i, 31, i)
	}
	a.at(name + "_store")
	a.bit(2, 26, name+"_part")
	for r := range mr {
		for v := range vecs {
			a.str(acc(r, v), 13, 16*v)
		}
		a.add(19, 13, 13)
	}
	a.b(name + "_done")
	a.at(name + "_part")
	for r := range mr {
		if vecs == 2 {
			a.str(acc(r, 0), 13, 0)
		}
		a.lea(16*(vecs-1), 13, p)
		a.storePart(acc(r, vecs-1), p, 26, t)
		a.add(19, 13, 13)
	}
	a.at(name + "_done")
	a.muli(mr, 14, t, t+1)
	a.add(t, 15, 15)
	a.subs(1, 22)
	a.bc("NE", name)
	a.ret()
}

// gemv is the product of one row with panels of 4 columns: eight panels at once, then four,
// two and one, these with several sums each so that additions do not wait.
func (a *asm) gemv() {
	f := structs.GemvCall
	a.function("gemvNEON", "computes what gemvCall says; Mask is the number of columns of the last panel.")
	a.field(f, "A", 15)
	a.field(f, "C", 13)
	a.field(f, "W", 14)
	a.field(f, "Panel", 19)
	a.field(f, "Panels", 22)
	a.field(f, "R", 23)
	a.field(f, "Bias", 24)
	a.at("next")
	a.cbz(22, "done")
	for _, g := range []int{8, 4, 2} {
		a.cmp(g, 22)
		a.bc("GE", fmt.Sprintf("group_%d", g))
	}
	a.b("group_1")
	for _, g := range []int{8, 4, 2, 1} {
		a.gemvGroup(g)
	}
	a.at("done")
	a.ret()
}

func (a *asm) gemvGroup(g int) {
	f := structs.GemvCall
	name := fmt.Sprintf("group_%d", g)
	sums := min(4, 8/g)
	acc := func(s, p int) int { return s*g + p }
	const x, k, segs, n, t, lanes = 16, 10, 11, 12, 20, 26
	w := func(p int) int { return 1 + p }
	b := func(i int) int { return 17 + i%15 }

	a.at(name)
	for i := range sums * g {
		a.zero(i)
	}
	zero := name + "_nobias"
	a.cbz(24, zero)
	for p := range g {
		a.ldrPost(acc(0, p), 24, 16)
	}
	a.at(zero)
	a.field(f, "Segs", segs)
	a.field(f, "NSegs", n)
	a.cbz(n, name+"_summed")
	a.at(name + "_seg")
	a.load(0, segs, t)
	a.p("ADD R%d<<2, R15, R21", t)
	a.load(16, segs, t)
	a.p("ADD R%d<<4, R14, R%d", t, w(0))
	for p := 1; p < g; p++ {
		a.add(19, w(p-1), w(p))
	}
	a.load(8, segs, k)
	a.subs(4, k)
	a.bc("LT", name+"_tail")
	a.at(name + "_four")
	a.ldrPost(x, 21, 16)
	turn := 0
	for i := range 4 {
		at := turn
		for p := range g {
			a.ldrPost(b(turn), w(p), 16)
			turn++
		}
		for p := range g {
			a.fmlaLane(b(at+p), x, i, acc(i%sums, p))
		}
	}
	a.subs(4, k)
	a.bc("GE", name+"_four")
	a.at(name + "_tail")
	a.p("ADDS $4, R%d", k)
	a.bc("EQ", name+"_next")
	a.at(name + "_one")
	a.ldrsPost(x, 21, 4)
	for p := range g {
		a.ldrPost(b(p), w(p), 16)
		a.fmlaLane(b(p), x, 0, acc(0, p))
	}
	a.subs(1, k)
	a.bc("NE", name+"_one")
	a.at(name + "_next")
	a.addi(24, segs)
	a.subs(1, n)
	a.bc("NE", name+"_seg")
	a.at(name + "_summed")
	for half := sums / 2; half >= 1; half /= 2 {
		for s := range half {
			for p := range g {
				a.fadd(acc(s+half, p), acc(s, p), acc(s, p))
			}
		}
	}
	a.cbz(23, name+"_clip")
	for p := range g {
		a.ldrPost(b(p), 23, 16)
		a.fadd(b(p), acc(0, p), acc(0, p))
	}
	a.at(name + "_clip")
	a.field(f, "Act", t)
	a.cbz(t, name+"_store")
	a.scalar(f, "Lo", 30, t)
	a.scalar(f, "Hi", 31, t)
	for p := range g {
		a.fmax(acc(0, p), 30, acc(0, p))
		a.fmin(acc(0, p), 31, acc(0, p))
	}
	a.at(name + "_store")
	a.p("MOVD $4, R%d", lanes)
	a.cmp(g, 22)
	a.bc("NE", name+"_whole")
	a.field(f, "Mask", lanes)
	a.at(name + "_whole")
	for p := range g - 1 {
		a.strPost(acc(0, p), 13, 16)
	}
	a.storePart(acc(0, g-1), 13, lanes, t)
	a.addi(16, 13)
	a.muli(g, 19, t, t+1)
	a.add(t, 14, 14)
	a.p("SUB $%d, R22", g)
	a.b("next")
}
