package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dwU8Outputs2 is the most outputs of a row that one tile of AVX2 computes.
const dwU8Outputs2 = 5

// dwU8AVX2 is the depthwise convolution of bytes with kw columns of taps and a horizontal
// stride, for one column of tiles and one block of 16 channels. Every input becomes 16-bit
// numbers; two neighbours are interleaved, and one VPMADDWD takes two taps of 8 channels:
// 0–3 and 8–11 in one register, 4–7 and 12–15 in the other.
func (a *asm) dwU8AVX2(kw, stride int) {
	f := dwU8Tile
	name := fmt.Sprintf("dwU8K%dS%dAVX2", kw, stride)
	a.function(name, name+" computes what dwU8Tile says; Mask is the number of channels.")
	a.MOVQ(f.of("XPix"), r10)
	a.LEAQ(idx(r10, r10, 2, 0), r11)
	a.MOVQ(f.of("First"), cx)
	a.MOVQ(f.of("End"), r12)
	a.MOVQ(f.of("X"), si)
	a.ADDQ(f.of("Pos"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("P"), r14)
	a.MOVQ(f.of("IY"), r13)
	a.MOVQ(f.of("T"), dx)
	a.choose("tile", dx, 1, dwU8Outputs2)
	for t := 1; t <= dwU8Outputs2; t++ {
		a.dwU8TileAVX2(kw, stride, t)
	}
	a.at("done")
	a.ret()
}

func (a *asm) dwU8TileAVX2(kw, stride, t int) {
	f := dwU8Tile
	name := fmt.Sprintf("tile_%d", t)
	pairs := (kw + 1) / 2
	acc := func(o, half int) reg.VecPhysical { return ymm[2*o+half] }
	free := ymm[10:]
	ins, low, high, product, outside := free[:2], free[2], free[3], free[4], free[5]
	positions := (t-1)*stride + kw
	weight := func(pair, half int) operand.Mem { return mem(bx, 64*pair+32*half) }

	a.at(name)
	for half := range 2 {
		a.VMOVDQU(mem(r14, 16*half), xmmOf(acc(0, half)))
		a.VINSERTI128(imm(1), mem(r14, 32+16*half), acc(0, half), acc(0, half))
		for o := 1; o < t; o++ {
			a.VMOVDQA(acc(0, half), acc(o, half))
		}
	}
	a.VPBROADCASTD(f.of("Outside"), outside)
	a.MOVQ(f.of("W"), bx)
	a.MOVQ(f.of("KH"), r9)
	a.MOVQ(si, r8)
	a.MOVQ(r13, r15)
	a.at(name + "_taps")
	a.CMPQ(r15, f.of("InH"))
	a.JCC(ref(name + "_above"))
	a.MOVQ(r8, dx)
	for pos := range positions {
		x := ins[pos%2]
		skip, skips := fmt.Sprintf("%s_in%d", name, pos), false
		if pos < kw-1 || pos > positions-kw {
			a.VMOVDQA(outside, x)
		}
		if pos < kw-1 {
			a.CMPQ(cx, imm(pos))
			a.JG(ref(skip))
			skips = true
		}
		if pos > positions-kw {
			a.CMPQ(r12, imm(pos))
			a.JLE(ref(skip))
			skips = true
		}
		switch pos % 4 {
		case 0:
			a.VPMOVZXBW(mem(dx, 0), x)
		case 1, 2:
			a.VPMOVZXBW(idx(dx, r10, uint8(pos%4), 0), x)
		case 3:
			a.VPMOVZXBW(idx(dx, r11, 1, 0), x)
		}
		if skips {
			a.at(skip)
		}
		if pos%4 == 3 && pos+1 < positions {
			a.LEAQ(idx(dx, r10, 4, 0), dx)
		}
		if pos == 0 {
			continue
		}
		paired := false
		for o := range t {
			for c := range pairs {
				last := o*stride + 2*c + 1
				if c == pairs-1 {
					last = o*stride + kw - 1
				}
				if last != pos {
					continue
				}
				if !paired {
					a.VPUNPCKLWD(x, ins[(pos+1)%2], low)
					a.VPUNPCKHWD(x, ins[(pos+1)%2], high)
					paired = true
				}
				for half, v := range []reg.VecPhysical{low, high} {
					a.VPMADDWD(weight(c, half), v, product)
					a.VPADDD(product, acc(o, half), acc(o, half))
				}
			}
		}
	}
	a.JMP(ref(name + "_row"))
	a.at(name + "_above")
	for c := range pairs {
		for half := range 2 {
			a.VPMADDWD(weight(c, half), outside, product)
			for o := range t {
				a.VPADDD(product, acc(o, half), acc(o, half))
			}
		}
	}
	a.at(name + "_row")
	a.ADDQ(f.of("TapRow"), r8)
	a.ADDQ(f.of("DilH"), r15)
	a.ADDQ(imm(64*pairs), bx)
	a.DECQ(r9)
	a.JNZ(ref(name + "_taps"))

	// The channels in their order, eight in a register.
	var rows [][]reg.VecPhysical
	for o := range t {
		y := []reg.VecPhysical{acc(o, 0), acc(o, 1)}
		a.VPERM2I128(imm(0x20), y[1], y[0], product)
		a.VPERM2I128(imm(0x31), y[1], y[0], y[1])
		a.VMOVDQA(product, y[0])
		rows = append(rows, y)
	}
	a.MOVQ(f.of("YPix"), bx)
	a.MOVQ(di, r8)
	a.finishAVX2(f, name, rows, free, func(block, v int) operand.Mem { return mem(r14, block*64+32*v) }, func(r int) {
		a.storeBytes(f, fmt.Sprintf("%s_%d", name, r), free[4], 16)
		if r+1 < t {
			a.ADDQ(bx, r8)
		}
	})
	a.ADDQ(f.of("YRow"), di)
	a.ADDQ(f.of("RowStep"), si)
	a.ADDQ(f.of("StrideH"), r13)
	a.DECQ(f.of("Rows"))
	a.JNZ(ref(name))
	a.JMP(ref("done"))
}
