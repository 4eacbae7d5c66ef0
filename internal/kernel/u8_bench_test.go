package kernel

import (
	"testing"
)

// BenchmarkU8 times every row of the tables over bytes that can run, on the shapes that
// Speeds takes.
func BenchmarkU8(b *testing.B) {
	for _, j := range u8Jobs() {
		b.Run(j.Kernel+"/"+j.Variant, func(b *testing.B) {
			if j.run == nil {
				b.Skip("this processor or build has not the instruction set")
			}
			benchBest(b, j.flops, j.run)
		})
	}
}
