//go:build !purego

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
// panel of 32 columns. The order of the fields is that of _asm/amd64/gemm_u8.go.
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

//go:noescape
func gemmU8VNNI(t *gemmU8Tile)

const (
	gemmU8Rows = 14
	gemmU8Cols = 32
	// gemmU8Work bounds the multiply-adds of one call of the assembly: about 50 µs.
	gemmU8Work = 12 << 20
	// gemmU8Chunk is how many bytes of A and C stay in L2 while every panel passes by.
	gemmU8Chunk = 512 << 10
)

func gemmU8AVX512(a *GemmU8Args) {
	if a.M <= 0 || a.N1 <= a.N0 {
		return
	}
	last := a.M - 1
	_ = a.C[last*a.LDC+a.N1-1]
	_ = a.W[:PackedSize(a.K, a.N1, gemmU8Cols)]
	_ = a.P[:PackedSize(FinishBlocks, a.N1, gemmU8Cols)]
	depth := 0
	for _, s := range a.Segs {
		if s.K == 0 {
			continue
		}
		_ = a.A[s.Off : last*a.LDA+s.Off+s.K]
		_ = a.W[s.B*gemmU8Cols : (s.B+Rows4(s.K))*gemmU8Cols]
		depth += Rows4(s.K)
	}
	if depth == 0 {
		panic("kernel: a product of no elements")
	}
	t := gemmU8Tile{
		segs: unsafe.Pointer(unsafe.SliceData(a.Segs)), nsegs: len(a.Segs), lda: a.LDA, ldc: a.LDC, finishCall: a.Finish.call(),
	}
	chunk := max(gemmU8Rows, gemmU8Chunk/(depth+a.N1-a.N0)/gemmU8Rows*gemmU8Rows)
	if depth*(a.N1-a.N0) > 1<<20 {
		chunk = a.M
	}
	call := max(1, gemmU8Work/(gemmU8Cols*depth)/gemmU8Rows) * gemmU8Rows
	for m0 := 0; m0 < a.M; m0 += chunk {
		m1 := min(m0+chunk, a.M)
		for n := a.N0; n < a.N1; n += gemmU8Cols {
			left := min(gemmU8Cols, a.N1-n)
			t.wide = 0
			if left > gemmU8Cols/2 {
				t.wide = 1
			}
			t.mask = 1<<left - 1
			t.w = unsafe.Pointer(&a.W[n*a.K])
			t.p = unsafe.Pointer(&a.P[n*FinishBlocks])
			for m := m0; m < m1; m += call {
				count := min(call, m1-m)
				blocks := (count + gemmU8Rows - 1) / gemmU8Rows
				size, extra := count/blocks, count%blocks
				at := m
				for _, part := range [2][2]int{{size + 1, extra}, {size, blocks - extra}} {
					if part[1] == 0 {
						continue
					}
					t.rows, t.blocks = part[0], part[1]
					t.a, t.c = unsafe.Pointer(&a.A[at*a.LDA]), unsafe.Pointer(&a.C[at*a.LDC+n])
					gemmU8VNNI(&t)
					at += part[0] * part[1]
				}
			}
		}
	}
}
