// Package kernel is the arithmetic of the engine on slices and integers: matrix products,
// convolutions, pooling, element-wise functions and copies.
//
// It knows no tensors, graphs or threads. Every kernel is a table of variants, best first;
// the last row is the Go twin, which is always compiled and is the specification. The
// engine takes the first row that this processor can run (Pick), the tests and benchmarks
// take all. Arguments travel as a pointer to a struct that the caller owns, because a
// pointer passed through a function value escapes to the heap.
//
// KERNELS.md tells how packed weights lie in memory, what a call may assume, and how to
// add a variant. Package engine decides which kernel runs when.
package kernel

import (
	"fmt"
	"slices"

	"github.com/wispnet/wisp/internal/cpu"
)

// Variant is one implementation of a kernel with the argument struct A.
type Variant[A any] struct {
	Name string // what Options.Kernels and the profile call it: "go", "avx2", "avx512"
	Set  string // the instruction set it needs, as internal/cpu names it; empty for none
	// Rows and Cols are the register tile. For a matrix product Cols is the panel width of
	// packed weights, for a depthwise convolution the channels of a block.
	Rows, Cols int
	// Side is how many weights of a column that meet in one instruction stand side by side
	// where they are packed: rows of a product of bytes (PackGemmU8), taps of a depthwise
	// convolution of bytes (PackDwU8). Elsewhere it is 1.
	Side int
	// Rate is the arithmetic it does in a microsecond on one core, roughly: multiply-adds,
	// or elements for kernels that have none. Only scheduling uses it.
	Rate int
	Fn   func(*A)
}

// Available reports whether this processor can run the variant.
func (v *Variant[A]) Available() bool { return cpu.Have.Has(v.Set) }

// Packed is how many rows of packed weights k of them take: whole groups of Side.
func (v *Variant[A]) Packed(k int) int { return (k + v.Side - 1) / v.Side * v.Side }

// Names are the words that Pick understands besides the empty one.
var Names = []string{"avx512", "avx2", "neon", "go"}

// CheckName returns an error for a word that is no variant's name.
func CheckName(name string) error {
	if name != "" && !slices.Contains(Names, name) {
		return fmt.Errorf("kernel: variant %q: want one of %v, or none for the best", name, Names)
	}
	return nil
}

// Pick returns the variant that this processor should run: the first available row, or
// with a name the available row of that name and, where there is none, the Go twin.
func Pick[A any](table []Variant[A], name string) *Variant[A] {
	for i := range table {
		if v := &table[i]; v.Available() && (name == "" || v.Name == name) {
			return v
		}
	}
	return &table[len(table)-1]
}
