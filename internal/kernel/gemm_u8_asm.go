//go:build (amd64 || arm64) && !purego

package kernel

import (
	"unsafe"

	"github.com/wispnet/wisp/internal/fixed"
)

// finishCall is the end of the structs that finish sums: what Finish says in the forms that
// the assembly wants.
type finishCall struct {
	fixed   int // 0: once, half to even
	flo, _  float32
	fhi, _  float32
	lo, _   int32
	hi, _   int32
	zero, _ int32
	half    int64 // 2³⁰
}

func (f *Finish) call() finishCall {
	c := finishCall{
		flo: float32(f.Lo - f.Zero), fhi: float32(f.Hi - f.Zero), lo: f.Lo, hi: f.Hi, zero: f.Zero, half: 1 << 30,
	}
	if f.Rounding != fixed.Even {
		c.fixed = 1
	}
	return c
}

// gemmU8Tile is what one call of the assembly does: blocks × rows rows of C against one
// panel of Cols columns. Mask is the columns that exist: their bits for AVX-512, their
// number for the others; Wide says that they fill more than half of the panel. The order of the fields is that of _asm/structs.
type gemmU8Tile struct {
	a, w, c, p unsafe.Pointer
	segs       unsafe.Pointer
	nsegs      int
	lda, ldc   int
	rows       int
	blocks     int
	mask       uint64
	wide       int
	finishCall
}

const (
	// gemmU8Work bounds the multiply-adds of one call of AVX-512's assembly: about 50 µs;
	// of the others' a quarter.
	gemmU8Work = 12 << 20
	// gemmU8Chunk is how many bytes of A and C stay in L2 while every panel passes by.
	gemmU8Chunk = 512 << 10
)

// gemmU8Run is the loops around the assembly of a set whose tile is height × width, with
// side rows of weights side by side.
func gemmU8Run(a *GemmU8Args, set asmSet, height, width, side, work int) {
	if a.M <= 0 || a.N1 <= a.N0 {
		return
	}
	last := a.M - 1
	_ = a.C[last*a.LDC+a.N1-1]
	_ = a.W[:PackedSize(a.K, a.N1, width)]
	_ = a.P[:PackedSize(FinishBlocks, a.N1, width)]
	depth := 0
	for _, s := range a.Segs {
		if s.K == 0 {
			continue
		}
		_ = a.A[s.Off : last*a.LDA+s.Off+s.K]
		rows := (s.K + side - 1) / side * side
		_ = a.W[s.B*width : (s.B+rows)*width]
		depth += rows
	}
	if depth == 0 {
		panic("kernel: a product of no elements")
	}
	t := gemmU8Tile{
		segs: unsafe.Pointer(unsafe.SliceData(a.Segs)), nsegs: len(a.Segs), lda: a.LDA, ldc: a.LDC, finishCall: a.Finish.call(),
	}
	chunk := max(height, gemmU8Chunk/(depth+a.N1-a.N0)/height*height)
	if depth*(a.N1-a.N0) > 1<<20 {
		chunk = a.M
	}
	call := max(1, work/(width*depth)/height) * height
	for m0 := 0; m0 < a.M; m0 += chunk {
		m1 := min(m0+chunk, a.M)
		for n := a.N0; n < a.N1; n += width {
			left := min(width, a.N1-n)
			t.wide = 0
			if left > width/2 {
				t.wide = 1
			}
			t.mask = 1<<left - 1
			if set != setAVX512 {
				t.mask = uint64(left)
			}
			t.w = unsafe.Pointer(&a.W[n*a.K])
			t.p = unsafe.Pointer(&a.P[n*FinishBlocks])
			for m := m0; m < m1; m += call {
				count := min(call, m1-m)
				blocks := (count + height - 1) / height
				size, extra := count/blocks, count%blocks
				at := m
				for _, part := range [2][2]int{{size + 1, extra}, {size, blocks - extra}} {
					if part[1] == 0 {
						continue
					}
					t.rows, t.blocks = part[0], part[1]
					t.a, t.c = unsafe.Pointer(&a.A[at*a.LDA]), unsafe.Pointer(&a.C[at*a.LDC+n])
					callGemmU8(set, &t)
					at += part[0] * part[1]
				}
			}
		}
	}
}
