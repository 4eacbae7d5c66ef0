//go:build (amd64 || arm64) && !purego

package kernel

import "unsafe"

// gemmTile is what one call of the assembly does: blocks × rows rows of C against one panel
// of weights. Strides are in bytes. The order of the fields is that of _asm/structs.
type gemmTile struct {
	a, w, c, r, bias unsafe.Pointer
	segs             unsafe.Pointer
	nsegs            int
	lda, ldc, ldr    int
	rows             int    // of a block, at most the variant's Rows
	blocks           int    // at least 1; the assembly counts it down
	mask             uint64 // AVX-512: the columns that exist; else as asmSet.mask says
	wide             int    // 0: only the first register of a panel's row is used; 2: AVX-512, one and a half
	act              int
	lo, _, hi, _     float32
	next, nextEnd    uintptr // where the next weights lie, to be fetched meanwhile
	consts           unsafe.Pointer
	allRows          int      // blocks·rows
	half             int      // bytes from the weights of the first register to the half's
	lanes            [8]int32 // AVX2: the lanes of a row's last register that exist
}

// tileRows gives the rows of a tile two registers wide and one register wide.
func (s asmSet) tileRows() (wide, narrow int) {
	switch s {
	case setAVX512:
		return 14, 14
	case setAVX2:
		return 6, 12
	}
	return 8, 8
}

const (
	// gemmCallWork bounds the multiply-adds of one call of the assembly, which nothing can
	// interrupt: about 50 µs.
	gemmCallWork = 4 << 20
	// gemmChunk is how many bytes of A and C a chunk of rows may have: what stays in L2
	// while every panel of weights passes by.
	gemmChunk = 512 << 10
	// gemmWeights is the size in bytes of weights that stay in L2 while several chunks of
	// rows pass by. Larger ones are read once for all rows.
	gemmWeights = 1 << 20
	// gemmDepth is how many rows of the weights one pass may have when there are more than
	// twice as many: longer panels and rows of A would leave L2 between their uses. The
	// passes add up in C.
	gemmDepth = 1024
)

// gemmDeep is gemmPanels for any K: it cuts the sum over k into passes.
func gemmDeep(a *GemmArgs, set asmSet) {
	if a.M <= 0 || a.N1 <= a.N0 {
		return
	}
	gemmCheck(a, 2*set.lanes())
	if a.K <= 2*gemmDepth {
		gemmPanels(a, set)
		return
	}
	p := *a
	var cut [1]Segment
	left := 0
	for _, s := range a.Segs {
		left += s.K
	}
	for i, from := 0, 0; i < len(a.Segs); {
		// As many whole segments as fit, or a piece of one.
		j, depth := i, 0
		if from == 0 {
			for j < len(a.Segs) && depth+a.Segs[j].K <= gemmDepth {
				depth += a.Segs[j].K
				j++
			}
		}
		if j > i {
			p.Segs = a.Segs[i:j]
			i = j
		} else {
			s := a.Segs[i]
			depth = min(s.K-from, gemmDepth)
			cut[0] = Segment{Off: s.Off + from, K: depth, B: s.B + from}
			p.Segs = cut[:]
			if from += depth; from == s.K {
				i, from = i+1, 0
			}
		}
		if left -= depth; left == 0 {
			p.Act = a.Act
		} else {
			p.Act = Act{}
		}
		gemmPanels(&p, set)
		if left == 0 {
			return // segments of no length may remain
		}
		p.Bias, p.R, p.LDR = nil, a.C, a.LDC
	}
}

// gemmPanels is the loops around the assembly: chunks of rows, in them panels of columns,
// in them calls. A panel is two registers wide.
func gemmPanels(a *GemmArgs, set asmSet) {
	lanes := set.lanes()
	cols := 2 * lanes
	wide, narrow := set.tileRows()
	rows := max(wide, narrow)
	t := gemmTile{
		nsegs: len(a.Segs), segs: unsafe.Pointer(unsafe.SliceData(a.Segs)),
		lda: 4 * a.LDA, ldc: 4 * a.LDC, ldr: 4 * a.LDR,
		act: int(a.Act.Kind), lo: a.Act.Lo, hi: a.Act.Hi, consts: unsafe.Pointer(&actConsts),
	}
	chunk := a.M
	depth := 0 // of this pass
	for _, s := range a.Segs {
		depth += s.K
	}
	if 4*depth*(a.N1-a.N0) <= gemmWeights {
		chunk = max(rows, gemmChunk/(4*(depth+a.N1-a.N0))/rows*rows)
	}
	call := max(1, gemmCallWork/(cols*max(depth, 1))/rows) * rows
	if a.Act.Kind > ActClip { // its second pass finds the rows in L1
		call = min(call, 8*rows)
	}
	after := set == setNEON && a.Act.Kind > ActClip // it has no second pass: the unary kernel does that
	if after {
		t.act = 0
	}
	for m0 := 0; m0 < a.M; m0 += chunk {
		m1 := min(m0+chunk, a.M)
		for n := a.N0; n < a.N1; {
			left := min(cols, a.N1-n)
			tile := narrow
			t.wide, t.half = 0, 0
			switch over := a.N1 - n - cols; {
			case set == setAVX512 && n%cols == lanes:
				// The rest of a panel, and the few columns of the one after it.
				left = a.N1 - n
				t.wide, t.half, tile = 2, 4*(cols*a.K-lanes), wide
			case set == setAVX512 && left > lanes && left <= lanes+lanes/2:
				t.wide, t.half, tile = 2, 4*lanes, wide
			case set == setAVX512 && over > 0 && over <= lanes/2:
				left = lanes
			case left > lanes:
				t.wide, tile = 1, wide
			}
			if set == setAVX512 {
				t.mask = 1<<left - 1
			} else {
				t.mask = set.mask(&t.lanes, lanes, left)
			}
			t.w = unsafe.Add(unsafe.Pointer(unsafe.SliceData(a.W)), 4*(n/cols*cols*a.K+n%cols))
			t.next = uintptr(t.w)
			if n+cols < a.N1 {
				t.next += uintptr(4 * cols * a.K)
			}
			t.nextEnd = t.next + uintptr(4*cols*a.K)
			if a.Bias != nil {
				t.bias = unsafe.Pointer(&a.Bias[n])
			}
			for m := m0; m < m1; m += call {
				count := min(call, m1-m)
				gemmRows(a, &t, m, count, n, tile, set)
				if after {
					activateRows(a.C[m*a.LDC+n:], count, left, a.LDC, a.Act, set)
				}
			}
			n += left
		}
	}
}

// gemmRows cuts count rows into blocks whose sizes differ by one at most, so that none is
// too small to keep the processor busy.
func gemmRows(a *GemmArgs, t *gemmTile, m, count, n, rows int, set asmSet) {
	blocks := (count + rows - 1) / rows
	size, extra := count/blocks, count%blocks
	for _, part := range [2][2]int{{size + 1, extra}, {size, blocks - extra}} {
		if part[1] == 0 {
			continue
		}
		t.rows, t.blocks, t.allRows = part[0], part[1], part[0]*part[1]
		t.a = gemmRow(a, m)
		t.c = unsafe.Pointer(&a.C[m*a.LDC+n])
		if a.R != nil {
			t.r = unsafe.Pointer(&a.R[m*a.LDR+n])
		}
		callGemm(set, t)
		m += t.allRows
	}
}

// gemmCheck panics where a call would reach outside its slices, as the twin does.
func gemmCheck(a *GemmArgs, cols int) {
	last := a.M - 1
	_ = a.C[last*a.LDC+a.N1-1]
	_ = a.W[:PackedSize(a.K, a.N1, cols)]
	if a.Bias != nil {
		_ = a.Bias[a.N1-1]
	}
	if a.R != nil {
		_ = a.R[last*a.LDR+a.N1-1]
	}
	for _, s := range a.Segs {
		if s.K == 0 {
			continue
		}
		_ = a.A[s.Off : last*a.LDA+s.Off+s.K]
		_ = a.W[s.B*cols : (s.B+s.K)*cols]
	}
}

// gemmRow points to row m of A, or to its beginning where no segment has elements and A
// may be empty.
func gemmRow(a *GemmArgs, m int) unsafe.Pointer {
	if at := m * a.LDA; at < len(a.A) {
		return unsafe.Pointer(&a.A[at])
	}
	return unsafe.Pointer(unsafe.SliceData(a.A))
}
