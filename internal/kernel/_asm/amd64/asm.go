package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// General registers. AX holds the pointer to the argument struct in every function; BP is
// the frame pointer and stays alone.
var (
	ax, bx, cx, dx = reg.RAX, reg.RBX, reg.RCX, reg.RDX
	si, di         = reg.RSI, reg.RDI
	r8, r9, r10    = reg.R8, reg.R9, reg.R10
	r11, r12, r13  = reg.R11, reg.R12, reg.R13
	r14, r15       = reg.R14, reg.R15
	kLow, kHigh    = reg.K1, reg.K2
	zmm            = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	ymm            = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
)

// isa is an instruction set as the generators see it.
type isa struct {
	name  string // as in symbols
	v     []reg.VecPhysical
	lanes int    // float32 elements of a register
	rows  [3]int // of the matrix tile, by its width in registers
}

var (
	avx512 = &isa{"AVX512", zmm, 16, [3]int{1: 14, 2: 14}}
	avx2   = &isa{"AVX2", ymm, 8, [3]int{1: 12, 2: 6}}
)

func (i *isa) bytes() int { return 4 * i.lanes }

// asm is the assembler of one file.
type asm struct {
	*build.Context
	labels int
	held   bool // the constants of act.go's heldConsts are in registers
}

// label returns a name that no other label has.
func (a *asm) label(what string) string {
	a.labels++
	return fmt.Sprintf("%s_%d", what, a.labels)
}

func (a *asm) at(name string) { a.Label(name) }

func ref(name string) operand.LabelRef { return operand.LabelRef(name) }

func mem(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

func idx(base, index reg.Register, scale uint8, disp int) operand.Mem {
	return operand.Mem{Base: base, Index: index, Scale: scale, Disp: disp}
}

func imm(n int) operand.Constant {
	if n >= -128 && n < 128 {
		return operand.I8(int8(n))
	}
	return operand.I32(int32(n))
}

// function begins a function of one pointer to an argument struct, which it puts into AX.
func (a *asm) function(name, doc string) {
	a.Function(name)
	a.Attributes(build.NOSPLIT)
	a.SignatureExpr("func(t *byte)")
	a.Doc(doc)
	a.MOVQ(operand.NewParamAddr("t", 0), ax)
}

// ret ends a function.
func (a *asm) ret() {
	a.VZEROUPPER()
	a.RET()
}

// zero clears a vector register.
func (a *asm) zero(i *isa, v reg.VecPhysical) {
	if i == avx512 {
		a.VPXORD(v, v, v)
	} else {
		a.VXORPS(v, v, v)
	}
}
