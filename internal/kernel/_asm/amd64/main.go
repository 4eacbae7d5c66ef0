// Command amd64 writes the assembly of package kernel for amd64, one file per kernel and
// instruction set, into the directory that its argument names:
//
//	go run ./amd64 ..
//
// It uses avo as an assembler with loops: registers are chosen by hand, because the tiles
// use all of them. The Go side of every function (its declaration, its argument struct and
// the loops around it) is in package kernel, in *_asm.go and *_amd64.go; package structs
// names the fields of the argument structs in the same order.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// files lists what is generated.
var files = []struct {
	name string
	gen  func(a *asm)
}{
	{"gemm_f32_avx512_amd64.s", func(a *asm) { a.gemm(avx512) }},
	{"gemm_f32_avx2_amd64.s", func(a *asm) { a.gemm(avx2) }},
	{"gemv_f32_avx512_amd64.s", func(a *asm) { a.gemv(avx512) }},
	{"gemv_f32_avx2_amd64.s", func(a *asm) { a.gemv(avx2) }},
	{"dw_f32_avx512_amd64.s", func(a *asm) { a.depthwise(avx512) }},
	{"dw_f32_avx2_amd64.s", func(a *asm) { a.depthwise(avx2) }},
	{"pool_f32_avx512_amd64.s", func(a *asm) { a.pool(avx512) }},
	{"pool_f32_avx2_amd64.s", func(a *asm) { a.pool(avx2) }},
	{"elementwise_f32_avx512_amd64.s", func(a *asm) { a.unary(avx512); a.binary(avx512) }},
	{"elementwise_f32_avx2_amd64.s", func(a *asm) { a.unary(avx2); a.binary(avx2) }},
	{"copy_f32_avx512_amd64.s", func(a *asm) { a.scatter(avx512) }},
	{"copy_f32_avx2_amd64.s", func(a *asm) { a.scatter(avx2) }},
	{"winograd_f32_avx512_amd64.s", func(a *asm) { a.winogradIn(avx512); a.winogradOut(avx512) }},
	{"winograd_f32_avx2_amd64.s", func(a *asm) { a.winogradIn(avx2); a.winogradOut(avx2) }},
	{"gemm_u8_vnni_amd64.s", func(a *asm) { a.gemmU8() }},
	{"gemm_u8_avx2_amd64.s", func(a *asm) { a.gemmU8AVX2() }},
	{"simple_u8_vnni_amd64.s", func(a *asm) { a.simpleU8() }},
	{"dw_u8_vnni_amd64.s", func(a *asm) {
		for stride := 1; stride <= 2; stride++ {
			a.dwU8(3, stride, 1)
			a.dwU8(3, stride, 2)
			a.dwU8(5, stride, 1)
		}
	}},
	{"dw_u8_avx2_amd64.s", func(a *asm) {
		for stride := 1; stride <= 2; stride++ {
			a.dwU8AVX2(3, stride)
			a.dwU8AVX2(5, stride)
		}
	}},
	{"pool_u8_vnni_amd64.s", func(a *asm) { a.poolMaxU8() }},
	{"simple_u8_avx2_amd64.s", func(a *asm) { a.simpleU8AVX2(); a.poolMaxU8AVX2() }},
	{"peak_f32_avx512_amd64.s", func(a *asm) { a.peak(avx512) }},
	{"peak_f32_avx2_amd64.s", func(a *asm) { a.peak(avx2) }},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: amd64 DIRECTORY")
		os.Exit(2)
	}
	for _, f := range files {
		if err := generate(filepath.Join(os.Args[1], f.name), f.gen); err != nil {
			fmt.Fprintf(os.Stderr, "amd64: %s: %v\n", f.name, err)
			os.Exit(1)
		}
	}
}

func generate(path string, gen func(a *asm)) error {
	a := &asm{Context: build.NewContext()}
	a.ConstraintExpr("!purego")
	gen(a)
	f, err := a.Result()
	if list, ok := err.(build.ErrorList); ok {
		for _, e := range list {
			fmt.Fprintln(os.Stderr, e)
		}
	}
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(f); err != nil {
		return err
	}
	var out bytes.Buffer
	text, err := printer.NewGoAsm(printer.Config{Name: "_asm/amd64", Argv: []string{"_asm/amd64"}, Pkg: "kernel"}).Print(f)
	if err != nil {
		return err
	}
	out.Write(text)
	return os.WriteFile(path, out.Bytes(), 0o644)
}
