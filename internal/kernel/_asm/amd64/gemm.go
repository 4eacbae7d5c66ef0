package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// How far ahead of their use weights are fetched into L1, in rows of a panel.
const ahead = 48

// gemm is the matrix product of blocks of rows with one panel of weights, two registers
// wide, or one where at most a register's width of columns is left.
//
// In the loop over k the tile has two registers of weights and one broadcast element of A
// for every row; rows 0 to 6 are addressed from one pointer and 7 to 13 from another.
func (a *asm) gemm(i *isa) {
	a.function("gemm"+i.name, "gemm"+i.name+" computes what gemmTile says.")
	f := gemmTile
	a.MOVQ(f.of("A"), di)
	a.MOVQ(f.of("C"), r13)
	a.MOVQ(f.of("R"), r15)
	a.MOVQ(f.of("Next"), r14)
	a.MOVQ(f.of("LDA"), cx)
	a.LEAQ(idx(cx, cx, 2, 0), r9)
	a.LEAQ(idx(cx, cx, 4, 0), r10)
	if i == avx512 {
		a.MOVQ(f.of("Mask"), dx)
		a.KMOVW(dx.As32(), kLow)
		a.SHRQ(imm(16), dx)
		a.KMOVW(dx.As32(), kHigh)
	}
	a.MOVQ(f.of("Rows"), dx)
	a.CMPQ(f.of("Wide"), imm(0))
	narrow := a.label("narrow")
	a.JE(ref(narrow))
	if i == avx512 {
		a.CMPQ(f.of("Wide"), imm(2))
		a.JE(ref("mixed"))
	}
	for vecs := 2; vecs >= 1; vecs-- {
		if vecs == 1 {
			a.at(narrow)
		}
		for mr := i.rows[vecs]; mr > 1; mr-- {
			a.CMPQ(dx, imm(mr))
			a.JE(ref(tileLabel(mr, vecs)))
		}
		a.JMP(ref(tileLabel(1, vecs)))
	}
	for vecs := 2; vecs >= 1; vecs-- {
		for mr := i.rows[vecs]; mr >= 1; mr-- {
			a.gemmTile(i, mr, vecs)
		}
	}
	if i == avx512 {
		a.at("mixed")
		a.choose("mixed", dx, 1, i.rows[2])
		for mr := i.rows[2]; mr >= 1; mr-- {
			a.gemmMixed(mr)
		}
	}
	a.at("finish")
	a.gemmActivate(i)
	a.ret()
}

// gemmRow addresses element k of row r of A, by the pointers that a tile holds.
func gemmRow(r, k int) operand.Mem {
	base := si
	if r >= 7 {
		base, r = r8, r-7
	}
	switch r {
	case 0:
		return mem(base, 4*k)
	case 1, 2, 4:
		return idx(base, cx, uint8(r), 4*k)
	case 3, 6:
		return idx(base, r9, uint8(r/3), 4*k)
	}
	return idx(base, r10, 1, 4*k)
}

func tileLabel(mr, vecs int) string { return fmt.Sprintf("tile%dx%d", mr, vecs) }

func (a *asm) gemmTile(i *isa, mr, vecs int) {
	f := gemmTile
	width := 2 * i.bytes() // of a row of the panel
	acc := func(r, v int) reg.VecPhysical { return i.v[r*vecs+v] }
	free := i.v[len(i.v)-4:]
	b, x := free[:2], free[2:]

	name := tileLabel(mr, vecs)
	a.at(name)
	zero, ready := name+"_zero", name+"_ready"
	a.MOVQ(f.of("Bias"), bx)
	a.TESTQ(bx, bx)
	a.JZ(ref(zero))
	for v := range vecs {
		a.VMOVUPS(mem(bx, v*i.bytes()), acc(0, v))
	}
	for r := 1; r < mr; r++ {
		for v := range vecs {
			a.VMOVAPS(acc(0, v), acc(r, v))
		}
	}
	a.JMP(ref(ready))
	a.at(zero)
	for r := range mr {
		for v := range vecs {
			a.zero(i, acc(r, v))
		}
	}
	a.at(ready)

	a.MOVQ(f.of("Segs"), r11)
	a.MOVQ(f.of("NSegs"), r12)
	a.TESTQ(r12, r12)
	a.JZ(ref(name + "_sum"))
	a.at(name + "_seg")
	a.MOVQ(mem(r11, 0), si)
	a.LEAQ(idx(di, si, 4, 0), si)
	if mr > 7 {
		a.LEAQ(idx(si, r9, 2, 0), r8)
		a.ADDQ(cx, r8)
	}
	a.MOVQ(mem(r11, 16), bx)
	a.IMUL3Q(imm(width), bx, bx)
	a.ADDQ(f.of("W"), bx)
	a.MOVQ(mem(r11, 8), dx)
	step := func(k int) {
		for v := range vecs {
			a.VMOVUPS(mem(bx, k*width+v*i.bytes()), b[v])
		}
		for r := range mr {
			t := x[r%len(x)]
			a.VBROADCASTSS(gemmRow(r, k), t)
			for v := range vecs {
				a.VFMADD231PS(t, b[v], acc(r, v))
			}
		}
	}
	const unroll = 4
	a.SUBQ(imm(unroll), dx)
	a.JL(ref(name + "_tail"))
	a.at(name + "_four")
	for k := range unroll {
		for line := 0; line < vecs*i.bytes(); line += 64 {
			if (k*width)%64 == 0 {
				a.PREFETCHT0(mem(bx, (ahead+k)*width+line))
			}
		}
		a.PREFETCHT1(mem(r14, k*64))
		step(k)
	}
	a.ADDQ(imm(unroll*64), r14)
	a.ADDQ(imm(4*unroll), si)
	if mr > 7 {
		a.ADDQ(imm(4*unroll), r8)
	}
	a.ADDQ(imm(unroll*width), bx)
	a.SUBQ(imm(unroll), dx)
	a.JGE(ref(name + "_four"))
	a.at(name + "_tail")
	a.ADDQ(imm(unroll), dx)
	a.JZ(ref(name + "_next"))
	a.at(name + "_one")
	step(0)
	a.ADDQ(imm(4), si)
	if mr > 7 {
		a.ADDQ(imm(4), r8)
	}
	a.ADDQ(imm(width), bx)
	a.DECQ(dx)
	a.JNZ(ref(name + "_one"))
	a.at(name + "_next")
	a.ADDQ(imm(24), r11)
	a.DECQ(r12)
	a.JNZ(ref(name + "_seg"))
	a.at(name + "_sum")

	// Residual.
	a.TESTQ(r15, r15)
	a.JZ(ref(name + "_clip"))
	a.MOVQ(f.of("LDR"), bx)
	for r := range mr {
		for v := range vecs {
			a.VADDPS(mem(r15, v*i.bytes()), acc(r, v), acc(r, v))
		}
		a.ADDQ(bx, r15)
	}
	// Clip; the other activations are done at the end of the call.
	a.at(name + "_clip")
	a.CMPQ(f.of("Act"), imm(actClip))
	a.JNE(ref(name + "_store"))
	a.VBROADCASTSS(f.of("Lo"), free[0])
	a.VBROADCASTSS(f.of("Hi"), free[1])
	for r := range mr {
		for v := range vecs {
			a.VMAXPS(acc(r, v), free[0], acc(r, v))
			a.VMINPS(acc(r, v), free[1], acc(r, v))
		}
	}
	a.at(name + "_store")
	a.MOVQ(f.of("LDC"), bx)
	if i == avx512 {
		for r := range mr {
			for v := range vecs {
				a.VMOVUPS(acc(r, v), []reg.OpmaskPhysical{kLow, kHigh}[v], mem(r13, v*i.bytes()))
			}
			a.ADDQ(bx, r13)
		}
	} else {
		a.storeAVX2(name, mr, vecs, acc, free)
	}
	// Once the next weights are fetched, what is fetched over again is these.
	a.CMPQ(r14, f.of("NextEnd"))
	a.JB(ref(name + "_moved"))
	a.MOVQ(f.of("W"), r14)
	a.at(name + "_moved")
	a.IMUL3Q(imm(mr), cx, bx)
	a.ADDQ(bx, di)
	a.DECQ(f.of("Blocks"))
	a.JNZ(ref(name))
	a.JMP(ref("finish"))
}

// storeAVX2 stores the last register of every row through a mask, unless all its lanes
// count: masked stores are slow on some processors.
func (a *asm) storeAVX2(name string, mr, vecs int, acc func(r, v int) reg.VecPhysical, free []reg.VecPhysical) {
	f, i := gemmTile, avx2
	last := vecs - 1
	a.CMPQ(f.of("Mask"), imm(0))
	a.JNE(ref(name + "_masked"))
	for r := range mr {
		for v := range vecs {
			a.VMOVUPS(acc(r, v), mem(r13, v*i.bytes()))
		}
		a.ADDQ(bx, r13)
	}
	a.JMP(ref(name + "_stored"))
	a.at(name + "_masked")
	a.VMOVUPS(f.of("Lanes"), free[0])
	for r := range mr {
		for v := range last {
			a.VMOVUPS(acc(r, v), mem(r13, v*i.bytes()))
		}
		a.VMASKMOVPS(acc(r, last), free[0], mem(r13, last*i.bytes()))
		a.ADDQ(bx, r13)
	}
	a.at(name + "_stored")
}

// gemmActivate applies the activations that need scratch registers to the rows that the
// call stored, which are still in cache.
func (a *asm) gemmActivate(i *isa) {
	f := gemmTile
	a.MOVQ(f.of("Act"), dx)
	a.CMPQ(dx, imm(actClip))
	a.JLE(ref("done"))
	a.MOVQ(f.of("C"), r13)
	a.MOVQ(f.of("LDC"), bx)
	a.MOVQ(f.of("AllRows"), r12)
	a.MOVQ(f.of("Consts"), si)
	a.MOVQ(f.of("Wide"), r8)
	for kind := actSigmoid; kind < actHardSwish; kind++ {
		a.CMPQ(dx, imm(kind))
		a.JE(ref(fmt.Sprint("act", kind)))
	}
	for kind := actHardSwish; kind >= actSigmoid; kind-- {
		name := fmt.Sprint("act", kind)
		a.at(name)
		rows := func() { a.gemmActivateRows(i, kind, name+"_rows") }
		if kind == actSigmoid || kind == actSiLU {
			a.hold(i, si, rows)
		} else {
			rows()
		}
		if kind > actSigmoid {
			a.JMP(ref("done"))
		}
	}
	a.at("done")
}

// gemmActivateRows is the loop of one activation over rows.
func (a *asm) gemmActivateRows(i *isa, kind int, name string) {
	f := gemmTile
	if i == avx512 && a.held {
		a.gemmLogisticRows(kind, name)
		return
	}
	a.at(name)
	for v := range 2 {
		x, t := i.v[4*v+2*v], i.v[4*v+2*v+1:][:4]
		if v == 1 {
			a.TESTQ(r8, r8)
			a.JZ(ref(name + "_row"))
		}
		at := mem(r13, v*i.bytes())
		if i == avx512 {
			k := []reg.OpmaskPhysical{kLow, kHigh}[v]
			a.VMOVUPS_Z(at, k, x)
			a.activate(i, kind, x, t, si)
			a.VMOVUPS(x, k, at)
			continue
		}
		// Only the last register of a row can have a mask.
		m := i.v[15]
		full, stored := a.label(name+"_full"), a.label(name+"_stored")
		a.CMPQ(f.of("Mask"), imm(0))
		a.JE(ref(full))
		if v == 0 {
			a.TESTQ(r8, r8)
			a.JNZ(ref(full))
		}
		a.VMOVUPS(f.of("Lanes"), m)
		a.VMASKMOVPS(at, m, x)
		a.activate(i, kind, x, t, si)
		a.VMASKMOVPS(x, m, at)
		a.JMP(ref(stored))
		a.at(full)
		a.VMOVUPS(at, x)
		a.activate(i, kind, x, t, si)
		a.VMOVUPS(x, at)
		a.at(stored)
	}
	a.at(name + "_row")
	a.ADDQ(bx, r13)
	a.DECQ(r12)
	a.JNZ(ref(name))
}

// gemmLogisticRows does two rows at a time, then one; rows of one register have two, then
// one.
func (a *asm) gemmLogisticRows(kind int, name string) {
	masks := []reg.OpmaskPhysical{kLow, kHigh}
	do := func(rows, vecs int) {
		var v []reg.VecPhysical
		var t [][]reg.VecPhysical
		each := func(f func(x reg.VecPhysical, at operand.Mem, k reg.OpmaskPhysical)) {
			for r := range rows {
				for j := range vecs {
					at := mem(r13, 64*j)
					if r == 1 {
						at = idx(r13, bx, 1, 64*j)
					}
					f(zmm[4*(r*vecs+j)], at, masks[j])
				}
			}
		}
		each(func(x reg.VecPhysical, at operand.Mem, k reg.OpmaskPhysical) {
			a.VMOVUPS_Z(at, k, x)
			n := 4 * len(v)
			v, t = append(v, x), append(t, zmm[n+1:n+4])
		})
		a.logistic(kind, v, t)
		each(func(x reg.VecPhysical, at operand.Mem, k reg.OpmaskPhysical) { a.VMOVUPS(x, k, at) })
		for range rows {
			a.ADDQ(bx, r13)
		}
	}
	a.TESTQ(r8, r8)
	a.JZ(ref(name + "_narrow"))
	for _, vecs := range []int{2, 1} {
		n := name
		if vecs == 1 {
			n = name + "_narrow"
		}
		a.at(n)
		a.SUBQ(imm(2), r12)
		a.JL(ref(n + "_one"))
		do(2, vecs)
		a.JMP(ref(n))
		a.at(n + "_one")
		a.ADDQ(imm(2), r12)
		a.JZ(ref(name + "_end"))
		do(1, vecs)
		if vecs == 2 {
			a.JMP(ref(name + "_end"))
		}
	}
	a.at(name + "_end")
}

// gemmMixed is the tile of 17 to 24 columns: a register and a half. The halves of two
// neighbouring rows share a register, whose factor is put together from their elements of A,
// so that 24 columns cost 21 multiplications for 14 rows and not 28. The half's weights lie
// at Half from the others.
func (a *asm) gemmMixed(mr int) {
	f := gemmTile
	const width = 128 // bytes of a row of the panel
	name := fmt.Sprintf("mixed_%d", mr)
	pairs := (mr + 1) / 2
	full := func(r int) reg.VecPhysical { return zmm[r] }
	half := func(p int) reg.VecPhysical { return zmm[mr+p] }
	free := zmm[mr+pairs:]
	b, h := free[0], free[1]
	even, odd := []reg.VecPhysical{free[2], free[5]}, []reg.VecPhysical{free[3], free[6]}
	both := []reg.VecPhysical{free[4], free[7]}
	upper := reg.K3

	a.at(name)
	a.MOVQ(operand.I32(0xff00), bx)
	a.KMOVW(bx.As32(), upper)
	a.MOVQ(f.of("Bias"), bx)
	a.TESTQ(bx, bx)
	a.JZ(ref(name + "_zero"))
	a.VMOVUPS(mem(bx, 0), full(0))
	a.VBROADCASTF32X8(mem(bx, 64), half(0))
	for r := 1; r < mr; r++ {
		a.VMOVAPS(full(0), full(r))
	}
	for p := 1; p < pairs; p++ {
		a.VMOVAPS(half(0), half(p))
	}
	a.JMP(ref(name + "_ready"))
	a.at(name + "_zero")
	for r := range mr {
		a.zero(avx512, full(r))
	}
	for p := range pairs {
		a.zero(avx512, half(p))
	}
	a.at(name + "_ready")

	a.MOVQ(f.of("Segs"), r11)
	a.MOVQ(f.of("NSegs"), r12)
	a.TESTQ(r12, r12)
	a.JZ(ref(name + "_sum"))
	a.at(name + "_seg")
	a.MOVQ(mem(r11, 0), si)
	a.LEAQ(idx(di, si, 4, 0), si)
	if mr > 7 {
		a.LEAQ(idx(si, r9, 2, 0), r8)
		a.ADDQ(cx, r8)
	}
	a.MOVQ(mem(r11, 16), bx)
	a.IMUL3Q(imm(width), bx, bx)
	a.ADDQ(f.of("W"), bx)
	a.MOVQ(f.of("Half"), dx)
	a.ADDQ(bx, dx)
	a.MOVQ(mem(r11, 8), r15) // R is in its field
	step := func(k int) {
		a.VMOVUPS(mem(bx, k*width), b)
		a.VBROADCASTF32X8(mem(dx, k*width), h)
		for p := range pairs {
			x, y, z := even[p%2], odd[p%2], both[p%2]
			a.VBROADCASTSS(gemmRow(2*p, k), x)
			a.VFMADD231PS(x, b, full(2*p))
			if 2*p+1 == mr {
				a.VFMADD231PS(x, h, half(p))
				continue
			}
			a.VBROADCASTSS(gemmRow(2*p+1, k), y)
			a.VFMADD231PS(y, b, full(2*p+1))
			a.VBLENDMPS(y, x, upper, z)
			a.VFMADD231PS(z, h, half(p))
		}
	}
	const unroll = 4
	a.SUBQ(imm(unroll), r15)
	a.JL(ref(name + "_tail"))
	a.at(name + "_four")
	for k := range unroll {
		a.PREFETCHT0(mem(bx, (ahead+k)*width))
		a.PREFETCHT0(mem(dx, (ahead+k)*width))
		a.PREFETCHT1(mem(r14, k*64))
		step(k)
	}
	a.ADDQ(imm(unroll*64), r14)
	a.ADDQ(imm(4*unroll), si)
	if mr > 7 {
		a.ADDQ(imm(4*unroll), r8)
	}
	a.ADDQ(imm(unroll*width), bx)
	a.ADDQ(imm(unroll*width), dx)
	a.SUBQ(imm(unroll), r15)
	a.JGE(ref(name + "_four"))
	a.at(name + "_tail")
	a.ADDQ(imm(unroll), r15)
	a.JZ(ref(name + "_next"))
	a.at(name + "_one")
	step(0)
	a.ADDQ(imm(4), si)
	if mr > 7 {
		a.ADDQ(imm(4), r8)
	}
	a.ADDQ(imm(width), bx)
	a.ADDQ(imm(width), dx)
	a.DECQ(r15)
	a.JNZ(ref(name + "_one"))
	a.at(name + "_next")
	a.ADDQ(imm(24), r11)
	a.DECQ(r12)
	a.JNZ(ref(name + "_seg"))
	a.at(name + "_sum")

	// Residual.
	a.MOVQ(f.of("R"), r15)
	a.TESTQ(r15, r15)
	a.JZ(ref(name + "_clip"))
	a.MOVQ(f.of("LDR"), bx)
	for r := range mr {
		a.VADDPS(mem(r15, 0), full(r), full(r))
		if r%2 == 0 {
			a.VMOVUPS(mem(r15, 64), b.AsY())
			if r+1 == mr {
				a.VADDPS(b, half(r/2), half(r/2))
			}
		} else {
			a.VINSERTF32X8(operand.U8(1), mem(r15, 64), b, b)
			a.VADDPS(b, half(r/2), half(r/2))
		}
		a.ADDQ(bx, r15)
	}
	a.MOVQ(r15, f.of("R"))
	a.at(name + "_clip")
	a.CMPQ(f.of("Act"), imm(actClip))
	a.JNE(ref(name + "_store"))
	a.VBROADCASTSS(f.of("Lo"), b)
	a.VBROADCASTSS(f.of("Hi"), h)
	for _, v := range zmm[:mr+pairs] {
		a.VMAXPS(v, b, v)
		a.VMINPS(v, h, v)
	}
	a.at(name + "_store")
	a.MOVQ(f.of("LDC"), bx)
	for r := range mr {
		a.VMOVUPS(full(r), mem(r13, 0))
		if r%2 == 0 {
			a.VMOVUPS(half(r/2).AsY(), kHigh, mem(r13, 64))
		} else {
			a.VEXTRACTF32X8(operand.U8(1), half(r/2), kHigh, mem(r13, 64))
		}
		a.ADDQ(bx, r13)
	}
	a.CMPQ(r14, f.of("NextEnd"))
	a.JB(ref(name + "_moved"))
	a.MOVQ(f.of("W"), r14)
	a.at(name + "_moved")
	a.IMUL3Q(imm(mr), cx, bx)
	a.ADDQ(bx, di)
	a.DECQ(f.of("Blocks"))
	a.JNZ(ref(name))
	a.JMP(ref("finish"))
}
