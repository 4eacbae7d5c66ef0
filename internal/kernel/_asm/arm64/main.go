// Command arm64 writes the assembly of package kernel for arm64 into the directory that its
// argument names:
//
//	go run ./arm64 ..
//
// Go's assembler lacks most vector instructions, so every one of them is a WORD whose text
// stands beside it; encode.go holds the encoders, and a test of package kernel has every
// word that was written disassembled. Scalar instructions and branches are Go's own. The Go
// side of every function is in package kernel, in *_asm.go and *_arm64.go.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// files lists what is generated.
var files = []struct {
	name string
	gen  func(a *asm)
}{
	{"gemm_f32_neon_arm64.s", func(a *asm) { a.gemm() }},
	{"gemv_f32_neon_arm64.s", func(a *asm) { a.gemv() }},
	{"dw_f32_neon_arm64.s", func(a *asm) { a.depthwise() }},
	{"elementwise_f32_neon_arm64.s", func(a *asm) { a.unary(); a.binary() }},
	{"pool_f32_neon_arm64.s", func(a *asm) { a.pool() }},
	{"winograd_f32_neon_arm64.s", func(a *asm) { a.winogradIn(); a.winogradOut() }},
	{"gemm_u8_neon_arm64.s", func(a *asm) { a.gemmU8Dot(); a.gemmU8Long() }},
	{"gemm_u8_i8mm_arm64.s", func(a *asm) { a.gemmU8I8MM() }},
	{"dw_u8_neon_arm64.s", func(a *asm) {
		for stride := 1; stride <= 2; stride++ {
			a.dwU8Long(3, stride)
			a.dwU8Long(5, stride)
		}
	}},
	{"dw_u8_doti8_arm64.s", func(a *asm) {
		for stride := 1; stride <= 2; stride++ {
			for planes := 1; planes <= 2; planes++ {
				a.dwU8Dot(3, stride, planes)
				a.dwU8Dot(5, stride, planes)
			}
		}
	}},
	{"copy_neon_arm64.s", func(a *asm) {
		for _, k := range []copyKind{{"F32", "s", 4}, {"U8", "b", 1}} {
			a.spread(k)
			a.interleave(k)
		}
	}},
	{"simple_u8_neon_arm64.s", func(a *asm) { a.simpleU8(); a.poolMaxU8() }},
	{"peak_f32_neon_arm64.s", func(a *asm) { a.peak() }},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: arm64 DIRECTORY")
		os.Exit(2)
	}
	for _, f := range files {
		a := &asm{}
		f.gen(a)
		if err := os.WriteFile(filepath.Join(os.Args[1], f.name), a.file(), 0o644); err != nil {
			fmt.Fprintf(os.Stderr, "arm64: %v\n", err)
			os.Exit(1)
		}
	}
}
