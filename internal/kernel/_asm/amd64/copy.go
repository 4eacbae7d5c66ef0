package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/reg"
)

// Steps of kernel.copySteps that scatter has loops for.
const minStep, maxStep = 2, 4

// scatter copies rows of contiguous elements to places Step elements apart. A register of
// elements is permuted once for every register's width of the destination, where a mask
// leaves what lies between alone. The last register of a row overlaps the one before.
func (a *asm) scatter(i *isa) {
	name := "scatter" + i.name
	a.function(name, name+" computes what scatterCall says.")
	f := scatterCall
	width := i.bytes()
	a.MOVQ(f.of("X"), si)
	a.MOVQ(f.of("Y"), di)
	a.MOVQ(f.of("Tables"), bx)
	a.MOVQ(f.of("Step"), dx)
	for s := minStep; s < maxStep; s++ {
		a.CMPQ(dx, imm(s))
		a.JE(ref(fmt.Sprint("step", s)))
	}
	for s := maxStep; s >= minStep; s-- {
		name := fmt.Sprint("step", s)
		a.at(name)
		// The table: maxStep registers of indices, then as many masks.
		for k := range s {
			a.VMOVUPS(mem(bx, k*width), i.v[1+k])
			if i == avx512 {
				a.MOVQ(mem(bx, (maxStep+k)*width), r8)
				a.KMOVW(r8.As32(), masks[k])
			} else {
				a.VMOVUPS(mem(bx, (maxStep+k)*width), i.v[8+k])
			}
		}
		block := func() {
			a.VMOVUPS(mem(r8, 0), i.v[0])
			for k := range s {
				a.VPERMPS(i.v[0], i.v[1+k], i.v[15])
				if i == avx512 {
					a.VMOVUPS(i.v[15], masks[k], mem(r9, k*width))
				} else {
					a.VMASKMOVPS(i.v[15], i.v[8+k], mem(r9, k*width))
				}
			}
		}
		a.at(name + "_row")
		a.MOVQ(si, r8)
		a.MOVQ(di, r9)
		a.MOVQ(f.of("N"), r10)
		a.at(name + "_block")
		block()
		a.ADDQ(imm(width), r8)
		a.ADDQ(imm(s*width), r9)
		a.DECQ(r10)
		a.JNZ(ref(name + "_block"))
		a.MOVQ(f.of("Last"), r10)
		a.TESTQ(r10, r10)
		a.JZ(ref(name + "_next"))
		a.LEAQ(idx(si, r10, 1, 0), r8)
		a.IMUL3Q(imm(s), r10, r9)
		a.ADDQ(di, r9)
		block()
		a.at(name + "_next")
		a.ADDQ(f.of("XRow"), si)
		a.ADDQ(f.of("YRow"), di)
		a.DECQ(f.of("M"))
		a.JNZ(ref(name + "_row"))
		a.ret()
	}
}

var masks = []reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4}
