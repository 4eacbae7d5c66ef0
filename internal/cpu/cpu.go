// Package cpu says what this processor can do, as far as kernels care.
//
// It chooses nothing: the variant tables of internal/kernel do, by asking Has. Built with
// the tag purego it reports no instruction set at all, so that only the portable twins run.
//
// The environment variable WISP_REQUIRE names instruction sets, separated by commas
// (WISP_REQUIRE=avx512), whose kernel variants tests may not skip.
package cpu

import (
	"fmt"
	"os"
	"strings"
)

// Features are the instruction sets that kernels are written for. A set counts only where
// the operating system saves its registers too.
type Features struct {
	AVX2   bool // AVX2 with FMA3
	AVX512 bool // AVX-512 F, BW, DQ and VL
	VNNI   bool // AVX512 with VNNI, VBMI and VBMI2: dot products and permutations of bytes
	NEON   bool // arm64 Advanced SIMD
	DotI8  bool // arm64 SDOT and UDOT
	I8MM   bool // arm64 USMMLA and USDOT
}

// Have is what this processor and this build offer. It is not changed after start.
var Have = detect()

// sets is every word that Has and WISP_REQUIRE know.
var sets = []struct {
	name string
	have func(*Features) bool
}{
	{"avx2", func(f *Features) bool { return f.AVX2 }},
	{"avx512", func(f *Features) bool { return f.AVX512 }},
	{"vnni", func(f *Features) bool { return f.VNNI }},
	{"neon", func(f *Features) bool { return f.NEON }},
	{"doti8", func(f *Features) bool { return f.DotI8 }},
	{"i8mm", func(f *Features) bool { return f.I8MM }},
}

// Has reports whether the named instruction set is there. The empty name, which portable
// kernels carry, always is; an unknown name never.
func (f *Features) Has(set string) bool {
	if set == "" {
		return true
	}
	for _, s := range sets {
		if s.name == set {
			return s.have(f)
		}
	}
	return false
}

// List names the sets that are there, in the order of the documentation.
func (f *Features) List() []string {
	var names []string
	for _, s := range sets {
		if s.have(f) {
			names = append(names, s.name)
		}
	}
	return names
}

// RequireVar is the environment variable that Required reads.
const RequireVar = "WISP_REQUIRE"

// Required reads WISP_REQUIRE: the instruction sets whose kernels a test must run. A word
// that is no instruction set is an error, so that a typing mistake cannot skip a test.
func Required() ([]string, error) {
	return parseRequired(os.Getenv(RequireVar))
}

func parseRequired(list string) ([]string, error) {
	var out []string
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		known := false
		for _, s := range sets {
			known = known || s.name == word
		}
		if !known {
			return nil, fmt.Errorf("cpu: %s: got %q, want any of avx2, avx512, vnni, neon, doti8, i8mm", RequireVar, word)
		}
		out = append(out, word)
	}
	return out, nil
}
