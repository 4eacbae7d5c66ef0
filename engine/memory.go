package engine

import (
	"unsafe"

	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/layout"
)

// slab is how many elements of weights are allocated at a time: 8 MiB.
const slab = 2 << 20

// aligned allocates n zero elements that begin at a multiple of layout.Align bytes. Large
// memory is asked for in large pages, which a stream of weights crosses less often.
func aligned(n int) []float32 {
	all := make([]float32, n+layout.Align/4)
	adviseLarge(all)
	skip := 0
	if len(all) > 0 {
		skip = int(-uintptr(unsafe.Pointer(&all[0]))%layout.Align) / 4
	}
	return all[skip : skip+n]
}

// weight allocates memory for a weight, with the slack that kernels may read.
func (l *lowering) weight(n int) []float32 {
	l.weights += 4 * int64(n)
	size := (n + kernel.Slack + layout.Align/4 - 1) &^ (layout.Align/4 - 1)
	if size > slab/2 {
		return aligned(size)[:n:size]
	}
	if len(l.slab) < size {
		l.slab = aligned(slab)
	}
	w := l.slab[:n:size]
	l.slab = l.slab[size:]
	return w
}
