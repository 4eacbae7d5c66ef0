package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tailMask loads the mask of the last register of a row: K1, or the last register.
func (a *asm) tailMask(i *isa, f fields) {
	if i == avx512 {
		a.MOVQ(f.of("Mask"), dx)
		a.KMOVW(dx.As32(), kLow)
		return
	}
	a.VMOVUPS(f.of("Lanes"), i.v[15])
}

// load and store move the lanes of the mask, or all.
func (a *asm) load(i *isa, tail bool, m operand.Mem, v reg.VecPhysical) {
	switch {
	case !tail:
		a.VMOVUPS(m, v)
	case i == avx512:
		a.VMOVUPS_Z(m, kLow, v)
	default:
		a.VMASKMOVPS(m, i.v[15], v)
	}
}

func (a *asm) store(i *isa, tail bool, v reg.VecPhysical, m operand.Mem) {
	switch {
	case !tail:
		a.VMOVUPS(v, m)
	case i == avx512:
		a.VMOVUPS(v, kLow, m)
	default:
		a.VMASKMOVPS(v, i.v[15], m)
	}
}

// vectors emits a loop over a row: N whole registers, counted in R12, and where Mask is not
// zero a part of one. Body does one register at byte offset RCX.
func (a *asm) vectors(f fields, name string, body func(tail bool, name string)) {
	a.XORL(cx.As32(), cx.As32())
	a.MOVQ(f.of("N"), r12)
	a.TESTQ(r12, r12)
	a.JZ(ref(name + "_tail"))
	a.at(name + "_whole")
	body(false, name+"_w")
	a.DECQ(r12)
	a.JNZ(ref(name + "_whole"))
	a.at(name + "_tail")
	a.CMPQ(f.of("Mask"), imm(0))
	a.JE(ref(name + "_end"))
	body(true, name+"_t")
	a.at(name + "_end")
}

// unary is an affine function of every column and an activation.
func (a *asm) unary(i *isa) {
	name := "unary" + i.name
	a.function(name, name+" computes what unaryCall says.")
	f := unaryCall
	a.MOVQ(f.of("X"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("Scale"), r8)
	a.MOVQ(f.of("Shift"), r9)
	a.MOVQ(f.of("Consts"), r10)
	a.tailMask(i, f)
	a.at("row")
	a.vectors(f, "row", func(tail bool, name string) {
		x := i.v[0]
		a.load(i, tail, idx(si, cx, 1, 0), x)
		for _, s := range []struct {
			p    reg.GPPhysical
			what string
		}{{r8, "scale"}, {r9, "shift"}} {
			none := name + "_" + s.what
			a.TESTQ(s.p, s.p)
			a.JZ(ref(none))
			a.load(i, tail, idx(s.p, cx, 1, 0), i.v[1])
			if s.p == r8 {
				a.VMULPS(i.v[1], x, x)
			} else {
				a.VADDPS(i.v[1], x, x)
			}
			a.at(none)
		}
		a.activations(i, name, f, i.v[:1], i.v[1:5], r10)
		a.store(i, tail, x, idx(di, cx, 1, 0))
		a.ADDQ(imm(i.bytes()), cx)
	})
	a.ADDQ(f.of("LDX"), si)
	a.ADDQ(f.of("LDY"), di)
	a.DECQ(f.of("M"))
	a.JNZ(ref("row"))
	a.ret()
}

// binary is arithmetic of two operands, either of which may be one value for a row.
func (a *asm) binary(i *isa) {
	name := "binary" + i.name
	a.function(name, name+" computes what binaryCall says.")
	f := binaryCall
	a.MOVQ(f.of("A"), si)
	a.MOVQ(f.of("B"), r8)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("SA"), r9)
	a.MOVQ(f.of("SB"), r11)
	a.MOVQ(f.of("Fn"), r13)
	a.MOVQ(f.of("Consts"), r10)
	a.tailMask(i, f)
	p, q := i.v[0], i.v[5]
	keepP, keepQ := i.v[6], i.v[7]
	a.at("row")
	a.VBROADCASTSS(mem(si, 0), keepP)
	a.VBROADCASTSS(mem(r8, 0), keepQ)
	a.vectors(f, "row", func(tail bool, name string) {
		for _, s := range []struct {
			step, base reg.GPPhysical
			dst, one   reg.VecPhysical
			what       string
		}{{r9, si, p, keepP, "_a"}, {r11, r8, q, keepQ, "_b"}} {
			a.VMOVAPS(s.one, s.dst)
			a.TESTQ(s.step, s.step)
			a.JZ(ref(name + s.what))
			a.load(i, tail, idx(s.base, cx, 1, 0), s.dst)
			a.at(name + s.what)
		}
		for fn := range 4 {
			next := fmt.Sprintf("%s_fn%d", name, fn)
			if fn < 3 {
				a.CMPQ(r13, imm(fn))
				a.JNE(ref(next))
			}
			switch fn {
			case 0:
				a.VADDPS(q, p, p)
			case 1:
				a.VSUBPS(q, p, p)
			case 2:
				a.VMULPS(q, p, p)
			case 3:
				a.VDIVPS(q, p, p)
			}
			if fn < 3 {
				a.JMP(ref(name + "_done"))
				a.at(next)
			}
		}
		a.at(name + "_done")
		a.activations(i, name, f, i.v[:1], i.v[1:5], r10)
		a.store(i, tail, p, idx(di, cx, 1, 0))
		a.ADDQ(imm(i.bytes()), cx)
	})
	a.ADDQ(f.of("LDA"), si)
	a.ADDQ(f.of("LDB"), r8)
	a.ADDQ(f.of("LDY"), di)
	a.DECQ(f.of("M"))
	a.JNZ(ref("row"))
	a.ret()
}

// pool is the window of one output pixel: the largest or the scaled sum of its elements,
// eight registers of channels at a time, then fewer. A global mean is a window too.
func (a *asm) pool(i *isa) {
	name := "pool" + i.name
	a.function(name, name+" computes what poolPixel says.")
	f := poolPixel
	width := i.bytes()
	a.tailMask(i, f)
	a.at("pixel")
	a.MOVQ(f.of("X"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("N"), r11)
	a.at("next")
	a.MOVQ(r11, dx)
	a.CMPQ(f.of("Mean"), imm(0))
	a.JE(ref("max"))
	for _, mean := range []bool{true, false} {
		kind := "max"
		if mean {
			kind = "mean"
		}
		a.at(kind)
		groups := []int{8, 4, 2, 1}
		if i == avx2 {
			groups = []int{4, 2, 1}
		}
		for _, n := range groups {
			a.CMPQ(dx, imm(n))
			a.JGE(ref(fmt.Sprintf("%s_%d", kind, n)))
		}
		a.CMPQ(f.of("Mask"), imm(0))
		a.JNE(ref(kind + "_0"))
		a.JMP(ref("done"))
		for _, n := range append(groups, 0) {
			a.poolGroup(i, kind, n, mean, width)
		}
	}
	a.at("done")
	a.MOVQ(f.of("XStep"), dx)
	a.ADDQ(dx, f.of("X"))
	a.MOVQ(f.of("YStep"), dx)
	a.ADDQ(dx, f.of("Y"))
	a.DECQ(f.of("Pixels"))
	a.JNZ(ref("pixel"))
	a.ret()
}

// poolGroup is n registers of channels, or with n = 0 the part of one.
func (a *asm) poolGroup(i *isa, kind string, n int, mean bool, width int) {
	f := poolPixel
	name := fmt.Sprintf("%s_%d", kind, n)
	tail := n == 0
	count := max(n, 1)
	acc := i.v[:count]
	x, nan := i.v[count], i.v[count+1]
	a.at(name)
	for _, v := range acc {
		if mean {
			a.zero(i, v)
		} else {
			a.VBROADCASTSS(f.of("NegInf"), v)
		}
	}
	if mean {
		a.CMPQ(f.of("Mean"), imm(2))
		a.JNE(ref(name + "_begun"))
		for j, v := range acc {
			a.load(i, tail, mem(di, j*width), v)
		}
		a.at(name + "_begun")
	}
	a.MOVQ(si, r8)
	a.MOVQ(f.of("KH"), r9)
	a.at(name + "_ky")
	a.MOVQ(r8, bx)
	a.MOVQ(f.of("KW"), r10)
	a.at(name + "_kx")
	for j, v := range acc {
		if mean && !tail {
			a.VADDPS(mem(bx, j*width), v, v)
			continue
		}
		a.load(i, tail, mem(bx, j*width), x)
		if mean {
			a.VADDPS(x, v, v)
			continue
		}
		// A maximum keeps its second source where either is NaN: the running one. A new NaN
		// is put there explicitly.
		if i == avx512 {
			a.VCMPPS(operand.U8(3), x, x, reg.K3)
			a.VMAXPS(v, x, v)
			a.VMOVAPS(x, reg.K3, v)
		} else {
			a.VCMPPS(operand.U8(3), x, x, nan)
			a.VMAXPS(v, x, v)
			a.VBLENDVPS(nan, x, v, v)
		}
	}
	a.ADDQ(f.of("XPix"), bx)
	a.DECQ(r10)
	a.JNZ(ref(name + "_kx"))
	a.ADDQ(f.of("XRow"), r8)
	a.DECQ(r9)
	a.JNZ(ref(name + "_ky"))
	if mean {
		a.VBROADCASTSS(f.of("Scale"), x)
	}
	for j, v := range acc {
		if mean {
			a.VMULPS(x, v, v)
		}
		a.store(i, tail, v, mem(di, j*width))
	}
	if tail {
		a.JMP(ref("done"))
		return
	}
	a.ADDQ(imm(n*width), si)
	a.ADDQ(imm(n*width), di)
	a.SUBQ(imm(n), r11)
	a.JMP(ref("next"))
}

// gemv is the product of one row with panels one register wide: eight panels at a time,
// each a stream of its own, then four, two and one with as many sums over k.
func (a *asm) gemv(i *isa) {
	name := "gemv" + i.name
	a.function(name, name+" computes what gemvCall says.")
	f := gemvCall
	width := i.bytes()
	a.MOVQ(f.of("C"), r13)
	a.MOVQ(f.of("R"), r15)
	a.MOVQ(f.of("Bias"), r14)
	a.MOVQ(f.of("W"), di)
	a.MOVQ(f.of("Panel"), r8)
	a.LEAQ(idx(r8, r8, 2, 0), r9)
	a.LEAQ(idx(r8, r8, 4, 0), r10)
	a.at("next")
	a.MOVQ(f.of("Panels"), dx)
	groups := []int{8, 4, 2, 1}
	if i == avx2 {
		groups = []int{4, 2, 1}
	}
	for _, n := range groups[:len(groups)-1] {
		// The last panel goes alone: it may have a mask.
		a.CMPQ(dx, imm(n))
		a.JG(ref(fmt.Sprintf("panels_%d", n)))
	}
	a.JMP(ref("panels_1"))
	for _, n := range groups {
		name := fmt.Sprintf("panels_%d", n)
		a.at(name)
		sums := max(1, groups[0]/n)
		sums = min(sums, 4)
		acc := i.v[:n*sums]
		for j, v := range acc {
			if j >= n {
				a.zero(i, v)
			}
		}
		zero, ready := name+"_zero", name+"_ready"
		a.TESTQ(r14, r14)
		a.JZ(ref(zero))
		for j := range n {
			a.VMOVUPS(mem(r14, j*width), acc[j])
		}
		a.ADDQ(imm(n*width), r14)
		a.JMP(ref(ready))
		a.at(zero)
		for j := range n {
			a.zero(i, acc[j])
		}
		a.at(ready)
		a.MOVQ(f.of("Segs"), r11)
		a.MOVQ(f.of("NSegs"), r12)
		a.TESTQ(r12, r12)
		a.JZ(ref(name + "_sum"))
		a.at(name + "_seg")
		a.MOVQ(mem(r11, 0), dx)
		a.MOVQ(f.of("A"), si)
		a.LEAQ(idx(si, dx, 4, 0), si)
		a.MOVQ(mem(r11, 16), bx)
		a.IMUL3Q(imm(width), bx, bx)
		a.ADDQ(di, bx)
		a.MOVQ(mem(r11, 8), cx)
		if n == 8 {
			// R8, R9, R10 are one, three and five panels; seven is held in DX.
			a.LEAQ(idx(r9, r8, 4, 0), dx)
		}
		at := func(j, disp int) operand.Mem {
			switch j {
			case 0:
				return mem(bx, disp)
			case 1, 2, 4:
				return idx(bx, r8, uint8(j), disp)
			case 3, 6:
				return idx(bx, r9, uint8(j/3), disp)
			case 5:
				return idx(bx, r10, 1, disp)
			}
			return idx(bx, dx, 1, disp)
		}
		const unroll = 4
		x := i.v[n*sums]
		step := func(k int, fetch bool) {
			a.VBROADCASTSS(mem(si, 4*k), x)
			for j := range n {
				a.VFMADD231PS(at(j, k*width), x, acc[k%sums*n+j])
				if fetch && k*width%64 == 0 {
					a.PREFETCHT0(at(j, k*width+gemvAhead))
				}
			}
		}
		a.SUBQ(imm(unroll), cx)
		a.JL(ref(name + "_rest"))
		a.at(name + "_four")
		for k := range unroll {
			step(k, true)
		}
		a.ADDQ(imm(4*unroll), si)
		a.ADDQ(imm(unroll*width), bx)
		a.SUBQ(imm(unroll), cx)
		a.JGE(ref(name + "_four"))
		a.at(name + "_rest")
		a.ADDQ(imm(unroll), cx)
		a.JZ(ref(name + "_over"))
		a.at(name + "_one")
		step(0, false)
		a.ADDQ(imm(4), si)
		a.ADDQ(imm(width), bx)
		a.DECQ(cx)
		a.JNZ(ref(name + "_one"))
		a.at(name + "_over")
		a.ADDQ(imm(24), r11)
		a.DECQ(r12)
		a.JNZ(ref(name + "_seg"))
		a.at(name + "_sum")
		for s := 1; s < sums; s++ {
			for j := range n {
				a.VADDPS(acc[s*n+j], acc[j], acc[j])
			}
		}
		a.TESTQ(r15, r15)
		a.JZ(ref(name + "_act"))
		for j := range n {
			a.VADDPS(mem(r15, j*width), acc[j], acc[j])
		}
		a.ADDQ(imm(n*width), r15)
		a.at(name + "_act")
		a.MOVQ(f.of("Consts"), cx)
		a.activations(i, name, f, acc[:n], i.v[n:n+4], cx)
		if n == 1 {
			a.CMPQ(f.of("Panels"), imm(1))
			a.JE(ref("last"))
		}
		for j := range n {
			a.VMOVUPS(acc[j], mem(r13, j*width))
		}
		a.ADDQ(imm(n*width), r13)
		a.LEAQ(idx(di, r8, uint8(n), 0), di)
		a.SUBQ(imm(n), f.of("Panels"))
		a.JMP(ref("next"))
	}
	a.at("last")
	if i == avx512 {
		a.MOVQ(f.of("Mask"), dx)
		a.KMOVW(dx.As32(), kLow)
	} else {
		a.VMOVUPS(f.of("Lanes"), i.v[15])
	}
	a.store(i, true, i.v[0], mem(r13, 0))
	a.ret()
}

// gemvAhead is how many bytes ahead of their use weights are fetched.
const gemvAhead = 1024
