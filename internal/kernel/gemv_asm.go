//go:build (amd64 || arm64) && !purego

package kernel

import "unsafe"

// gemvCall is the product of one row with Panels panels, each a register wide. The order of
// the fields is that of _asm/structs.
type gemvCall struct {
	a, w, c, r, bias unsafe.Pointer
	segs             unsafe.Pointer
	nsegs            int
	panel            int // bytes of a panel
	panels           int
	mask             uint64 // of the last panel
	act              int
	lo, _, hi, _     float32
	consts           unsafe.Pointer
	lanes            [8]int32
}

// gemvRows is the loops around the assembly: groups of panels, in them rows, so that a
// group is read from memory once.
func gemvRows(a *GemmArgs, set asmSet) {
	if a.M <= 0 || a.N1 <= a.N0 {
		return
	}
	lanes := set.lanes()
	gemmCheck(a, lanes)
	t := gemvCall{
		nsegs: len(a.Segs), segs: unsafe.Pointer(unsafe.SliceData(a.Segs)), panel: 4 * lanes * a.K,
		act: int(a.Act.Kind), lo: a.Act.Lo, hi: a.Act.Hi, consts: unsafe.Pointer(&actConsts),
	}
	after := set == setNEON && a.Act.Kind > ActClip
	if after {
		t.act = 0
	}
	group := (a.N1 - a.N0 + lanes - 1) / lanes
	if a.M > 1 {
		group = 8
	}
	group = lanes * min(group, max(8, gemmCallWork/(lanes*max(a.K, 1))))
	for n := a.N0; n < a.N1; n += group {
		n1 := min(n+group, a.N1)
		t.w = unsafe.Add(unsafe.Pointer(unsafe.SliceData(a.W)), 4*n*a.K)
		t.mask = set.mask(&t.lanes, lanes, n1-n)
		for m := range a.M {
			t.panels = (n1 - n + lanes - 1) / lanes
			t.a = gemmRow(a, m)
			t.c = unsafe.Pointer(&a.C[m*a.LDC+n])
			if a.Bias != nil {
				t.bias = unsafe.Pointer(&a.Bias[n])
			}
			if a.R != nil {
				t.r = unsafe.Pointer(&a.R[m*a.LDR+n])
			}
			callGemv(set, &t)
			if after {
				activateRows(a.C[m*a.LDC+n:], 1, n1-n, a.LDC, a.Act, set)
			}
		}
	}
}
