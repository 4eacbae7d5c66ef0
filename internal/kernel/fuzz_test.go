package kernel

import (
	"math"
	"testing"
)

// every runs f for every variant of a table that this processor can run.
func every[A any](table []Variant[A], f func(v *Variant[A])) {
	for i := range table {
		if v := &table[i]; v.Available() {
			f(v)
		}
	}
}

func FuzzGemm(f *testing.F) {
	f.Add(uint8(15), uint8(33), uint16(5), uint8(1), uint8(0), int16(3))
	f.Add(uint8(1), uint8(64), uint16(2100), uint8(3), uint8(4), int16(7))
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, segs, act uint8, seed int16) {
		i := int(seed) & 0x7fff
		c := gemmCase{
			m: int(m) % 64, n: int(n) % 100, lda: i % 7, ldc: i % 5, bias: i%2 == 0, residual: i % 3, act: acts[int(act)%len(acts)],
		}
		c.segs = make([]int, 1+segs%5)
		for j := range c.segs {
			c.segs[j] = int(k) % 2500 / len(c.segs)
		}
		every(GemmF32, func(v *Variant[GemmArgs]) { checkGemm(t, v, gemmGeneric, twinCols(GemmF32), c, i) })
		every(GemvF32, func(v *Variant[GemmArgs]) { checkGemm(t, v, gemvGeneric, twinCols(GemvF32), c, i) })
	})
}

func twinCols(table []Variant[GemmArgs]) int { return table[len(table)-1].Cols }

// fuzzWindow makes a geometry of small numbers; ok is false where a window would hold no
// output.
func fuzzWindow(h, w, k, stride, dil, pad uint8) (win Window, ok bool) {
	win = Window{
		InH: 1 + int(h)%24, InW: 1 + int(w)%48, KH: 1 + int(k)%8, KW: 1 + int(k)/8%8, StrideH: 1 + int(stride)%3, StrideW: 1 + int(stride)/3%3,
		DilH: 1 + int(dil)%3, DilW: 1 + int(dil)/3%3, PadTop: int(pad) % 4, PadLeft: int(pad) / 4 % 4, PadBottom: int(pad) / 16 % 4, PadRight: int(pad) / 64 % 4,
	}
	spanH, spanW := (win.KH-1)*win.DilH+1, (win.KW-1)*win.DilW+1
	h2, w2 := win.InH+win.PadTop+win.PadBottom-spanH, win.InW+win.PadLeft+win.PadRight-spanW
	if h2 < 0 || w2 < 0 {
		return win, false
	}
	win.OutH, win.OutW = h2/win.StrideH+1, w2/win.StrideW+1
	return win, true
}

func FuzzDw(f *testing.F) {
	f.Add(uint8(7), uint8(7), uint8(2+2*8), uint8(0), uint8(0), uint8(0x55), int16(1))
	f.Add(uint8(14), uint8(15), uint8(4+4*8), uint8(4), uint8(0), uint8(0xaa), int16(2))
	f.Add(uint8(9), uint8(30), uint8(6*8), uint8(0), uint8(4), uint8(0), int16(5))
	f.Fuzz(func(t *testing.T, h, w, k, stride, dil, pad uint8, seed int16) {
		win, ok := fuzzWindow(h, w, k, stride, dil, pad)
		if !ok {
			t.Skip("no output")
		}
		every(DwF32, func(v *Variant[DwArgs]) { checkDw(t, v, win, int(seed)&0x7fff) })
	})
}

func FuzzPool(f *testing.F) {
	f.Add(uint8(7), uint8(7), uint8(2+2*8), uint8(4), uint8(0x55), uint8(0), int16(1))
	f.Fuzz(func(t *testing.T, h, w, k, stride, pad, mode uint8, seed int16) {
		win, ok := fuzzWindow(h, w, k, stride, 0, pad)
		if !ok || 2*win.PadTop > win.KH || 2*win.PadLeft > win.KW || 2*win.PadRight > win.KW || 2*win.PadBottom > win.KH {
			t.Skip("no output, or a window without an element")
		}
		every(PoolF32, func(v *Variant[PoolArgs]) { checkPool(t, v, win, int(mode)%3, int(seed)&0x7fff) })
	})
}

// FuzzElementwise compares the element-wise kernels with their twins, any bits of x
// included: infinities and NaN must come out alike.
func FuzzElementwise(f *testing.F) {
	f.Add(uint8(3), uint8(17), uint8(4), uint8(2), float32(-90), int16(1))
	f.Add(uint8(1), uint8(64), uint8(3), uint8(0), float32(math.Inf(-1)), int16(6))
	f.Fuzz(func(t *testing.T, m, n, act, fn uint8, x float32, seed int16) {
		rows, cols, i := int(m)%5, int(n), int(seed)&0x7fff
		r := seeded(i, 9)
		u := UnaryArgs{M: rows, N: cols, LDX: cols + i%3, LDY: cols + i%2, Act: acts[int(act)%len(acts)]}
		u.X = input(r, rows*u.LDX+1, i%5)
		u.X[i%len(u.X)] = x
		if i%4 == 1 {
			u.Scale, u.Shift = input(r, cols, 1), input(r, cols, 2)
		}
		every(UnaryF32, func(v *Variant[UnaryArgs]) {
			out, ref := newGuarded(rows*u.LDY), newGuarded(rows*u.LDY)
			a := u
			a.Y = out.buf
			v.Fn(&a)
			a.Y = ref.buf
			unaryGeneric(&a)
			alike(t, v.Name, out, ref)
		})
		b := BinaryArgs{M: rows, N: cols, LDA: cols + i%2, LDB: i % 3 * cols, LDY: cols, SA: i / 2 % 2, SB: i / 4 % 2, Fn: BinaryFn(fn % 4), Act: u.Act}
		b.A, b.B = input(r, rows*b.LDA+cols+1, 1), input(r, rows*b.LDB+cols+1, 3)
		b.A[i%len(b.A)] = x
		every(BinaryF32, func(v *Variant[BinaryArgs]) {
			out, ref := newGuarded(rows*b.LDY), newGuarded(rows*b.LDY)
			a := b
			a.Y = out.buf
			v.Fn(&a)
			a.Y = ref.buf
			binaryGeneric(&a)
			alike(t, v.Name, out, ref)
		})
		g := MeanArgs{X: u.X, M: rows, LDX: u.LDX, C1: cols}
		if rows == 0 {
			return
		}
		every(MeanF32, func(v *Variant[MeanArgs]) {
			out, ref := newGuarded(cols), newGuarded(cols)
			a := g
			a.Y = out.buf
			v.Fn(&a)
			a.Y = ref.buf
			meanGeneric(&a)
			alike(t, v.Name, out, ref)
		})
	})
}

// alike compares a variant's buffer with the twin's, guards included: equal within the
// rounding of a few operations on numbers of about one, NaN where NaN is.
func alike(t *testing.T, name string, got, want guarded) {
	t.Helper()
	for i, w := range want.all {
		g, w := float64(got.all[i]), float64(w)
		if math.IsNaN(g) && math.IsNaN(w) || g == w {
			continue
		}
		if d := math.Abs(g - w); !(d <= 16*eps*max(1, math.Abs(w))) {
			t.Fatalf("%s: element %d: got %v, the twin says %v", name, i-guard, g, w)
		}
	}
}
