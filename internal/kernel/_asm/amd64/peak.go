package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// peak is the loops that measure the machine: independent multiply-adds in registers, and
// loads that nothing depends on.
func (a *asm) peak(i *isa) {
	const chains = 12
	a.Function("fmaLoop" + i.name)
	a.Attributes(build.NOSPLIT)
	a.SignatureExpr("func(n int)")
	a.Doc("fmaLoop" + i.name + " does n rounds of 12 independent multiply-adds.")
	a.MOVQ(operand.NewParamAddr("n", 0), ax)
	for _, v := range i.v[:chains+2] {
		a.zero(i, v)
	}
	a.at("loop")
	for _, v := range i.v[:chains] {
		a.VFMADD231PS(i.v[chains], i.v[chains+1], v)
	}
	a.DECQ(ax)
	a.JNZ(ref("loop"))
	a.ret()

	a.Function("readLoop" + i.name)
	a.Attributes(build.NOSPLIT)
	a.SignatureExpr("func(x *byte, n int)")
	a.Doc("readLoop" + i.name + " reads n times 1024 bytes.")
	a.MOVQ(operand.NewParamAddr("x", 0), ax)
	a.MOVQ(operand.NewParamAddr("n", 8), bx)
	a.at("loop")
	for k := 0; k < 1024; k += i.bytes() {
		a.VMOVUPS(mem(ax, k), i.v[k/i.bytes()%8])
	}
	a.ADDQ(imm(1024), ax)
	a.DECQ(bx)
	a.JNZ(ref("loop"))
	a.ret()
}
