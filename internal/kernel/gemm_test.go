package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

type gemmCase struct {
	m, n     int
	segs     []int // lengths
	lda      int   // extra elements between rows
	ldc      int
	bias     bool
	residual int // 0 none, 1 another buffer, 2 in place
	act      Act
}

func gemmCases(v *Variant[GemmArgs]) []gemmCase {
	var cases []gemmCase
	for m := range 2*v.Rows + 2 {
		cases = append(cases, gemmCase{m: m, n: v.Cols + 3, segs: []int{5}})
	}
	for n := range 2*v.Cols + 2 {
		cases = append(cases, gemmCase{m: v.Rows + 1, n: n, segs: []int{3}, ldc: n % 3, bias: n%2 == 0, residual: n % 3})
	}
	for k := range 20 {
		cases = append(cases, gemmCase{m: 3, n: v.Cols - 1, segs: []int{k}, lda: k % 4})
	}
	for i, act := range acts {
		cases = append(cases, gemmCase{m: v.Rows*2 - 1, n: v.Cols*2 - 1, segs: []int{7, 1, 16}, lda: 3, ldc: 5, bias: true, residual: i % 3, act: act})
	}
	return append(cases,
		gemmCase{m: 49, n: 70, segs: []int{160}, bias: true},
		gemmCase{m: 15, n: 33, segs: []int{2500}, bias: true, residual: 1, act: Act{Kind: ActHardSwish}},
		gemmCase{m: 3, n: 5, segs: []int{0, 700, 900, 3, 900, 700, 0}, bias: true, residual: 2, act: Act{Kind: ActClip, Hi: 6}},
		gemmCase{m: 5, n: 33, segs: []int{8, 8, 8, 8, 8, 8, 8, 8, 8}, lda: 1, residual: 1})
}

func TestGemm(t *testing.T) {
	each(t, GemmF32, func(t *testing.T, v *Variant[GemmArgs]) { testGemm(t, v, gemmGeneric, 3) })
}

func TestGemv(t *testing.T) {
	each(t, GemvF32, func(t *testing.T, v *Variant[GemmArgs]) { testGemm(t, v, gemvGeneric, 6) })
}

func testGemm(t *testing.T, v *Variant[GemmArgs], twin func(*GemmArgs), twinCols int) {
	for i, c := range gemmCases(v) {
		t.Run(label(i), func(t *testing.T) { checkGemm(t, v, twin, twinCols, c, i) })
	}
}

// checkGemm compares one case with the truth and the twin.
func checkGemm(t *testing.T, v *Variant[GemmArgs], twin func(*GemmArgs), twinCols int, c gemmCase, i int) {
	r := seeded(i, 1)
	k := 0
	var segs []Segment
	for j, n := range c.segs {
		// Segments stand in another order in A than in W, with holes of two elements.
		segs = append(segs, Segment{B: k, K: n})
		segs[j].Off = 2 * j
		k += n
	}
	for j := range segs {
		at := 2 * j
		for _, n := range c.segs[:len(segs)-1-j] {
			at += n
		}
		segs[j].Off = at
	}
	if len(segs) > 1 {
		segs = append(segs[1:], segs[0])
	}
	lda := k + 2*len(segs) + c.lda + 8
	a := GemmArgs{
		A: input(r, max(c.m, 1)*lda, i%5), Segs: segs, M: c.m, N1: c.n, K: k,
		LDA: lda, LDC: c.n + c.ldc, LDR: c.n + c.ldc, Act: c.act,
	}
	b := input(r, k*c.n, 0)
	at := func(k, n int) float32 { return b[k*c.n+n] }
	a.W = PackGemm(k, c.n, v.Cols, at)
	if c.bias {
		a.Bias = input(r, c.n, 1)
	}
	size := max(c.m-1, 0)*a.LDC + c.n
	out, ref := newGuarded(size), newGuarded(size)
	first := input(r, size, 2)
	tw := a
	switch c.residual {
	case 1:
		a.R, tw.R = first, first
	case 2:
		for m := range c.m {
			copy(out.buf[m*a.LDC:][:c.n], first[m*a.LDC:])
			copy(ref.buf[m*a.LDC:][:c.n], first[m*a.LDC:])
		}
		a.R, tw.R = out.buf, ref.buf
	}
	a.C, tw.C = out.buf, ref.buf
	tw.W = PackGemm(k, c.n, twinCols, at)
	// The columns are computed in two calls, as threads do.
	cut := c.n / 2 / v.Cols * v.Cols
	a.N1 = cut
	v.Fn(&a)
	a.N0, a.N1 = cut, c.n
	v.Fn(&a)
	twin(&tw)
	out.check(t, func(i int) bool { return i%a.LDC < c.n && i/a.LDC < c.m })
	for m := range c.m {
		for n := range c.n {
			var sum, abs float64
			add := func(x float64) { sum += x; abs += math.Abs(x) }
			for _, s := range segs {
				for j := range s.K {
					add(float64(a.A[m*lda+s.Off+j]) * float64(b[(s.B+j)*c.n+n]))
				}
			}
			if c.bias {
				add(float64(a.Bias[n]))
			}
			if c.residual > 0 {
				add(float64(first[m*a.LDC+n]))
			}
			want := refAct(c.act, sum)
			bound := sumBound(k, abs)*slope + actError*math.Abs(want)
			near(t, func() string { return fmt.Sprintf("C[%d,%d]", m, n) }, out.buf[m*a.LDC+n], ref.buf[m*a.LDC+n], want, bound)
		}
	}
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct{ m, k, n int }{
		{12544, 16, 96}, {12544, 32, 16}, {3136, 24, 144}, {3136, 96, 24}, {784, 32, 192}, {784, 192, 32}, {784, 120, 40}, {196, 96, 576}, {196, 576, 96}, {196, 232, 232},
		{49, 160, 960}, {49, 960, 160}, {49, 320, 1280}, {49, 4608, 512},
	} {
		benchGemm(b, GemmF32, s.m, s.k, s.n)
	}
}

func BenchmarkGemv(b *testing.B) { benchGemm(b, GemvF32, 1, 1280, 1000) }

func benchGemm(b *testing.B, table []Variant[GemmArgs], m, k, n int) {
	for i := range table {
		v := &table[i]
		if !v.Available() {
			continue
		}
		b.Run(fmt.Sprintf("M=%d,K=%d,N=%d/%s", m, k, n, v.Name), func(b *testing.B) {
			r := seeded(m, n)
			a := GemmArgs{
				A: input(r, m*k, 0), W: PackGemm(k, n, v.Cols, func(int, int) float32 { return r.Float32() }),
				Bias: input(r, n, 0), C: make([]float32, m*n), Segs: []Segment{{K: k}}, M: m, N1: n, K: k,
				LDA: k, LDC: n, Act: Act{Kind: ActClip, Hi: 6},
			}
			benchBest(b, 2*float64(m*k*n), func() { v.Fn(&a) })
		})
	}
}

// A first convolution straight from a planar image that has room for its padding: 3×3, 3
// to 32 channels, stride 2. One call computes a row of outputs, whose windows begin two
// elements apart; every row of taps in every plane is a segment.
func BenchmarkStem(b *testing.B) {
	const in, out, n = 226, 112, 32
	var segs []Segment
	for c := range 3 {
		for ky := range 3 {
			segs = append(segs, Segment{Off: c*in*in + ky*in, K: 3, B: 9*c + 3*ky})
		}
	}
	every(GemmF32, func(v *Variant[GemmArgs]) {
		b.Run(v.Name, func(b *testing.B) {
			image, y := noise(3*in*in), make([]float32, out*out*n)
			a := GemmArgs{
				W: PackGemm(27, n, v.Cols, func(k, n int) float32 { return 1 }), Bias: noise(n), Segs: segs, M: out, N1: n, K: 27,
				LDA: 2, LDC: n, Act: Act{Kind: ActClip, Hi: 6},
			}
			benchBest(b, 2*27*n*out*out, func() {
				for row := range out {
					a.A, a.C = image[2*row*in:], y[row*out*n:]
					v.Fn(&a)
				}
			})
		})
	})
}

// PackRows is PackGemm of weights in memory, in any order of rows.
func TestPackRows(t *testing.T) {
	for _, c := range [][3]int{{1, 1, 4}, {70, 9, 8}, {130, 33, 16}, {64, 32, 32}} {
		k, n, cols := c[0], c[1], c[2]
		src := input(seeded(k, n), k*n, 0)
		rows := seeded(1, 2).Perm(k)
		got := make([]float32, PackedSize(k, n, cols))
		for i := range got {
			got[i] = sentinel
		}
		PackRows(got, n, cols, src, rows, k)
		if want := PackGemm(k, n, cols, func(i, j int) float32 { return src[j*k+rows[i]] }); !slices.Equal(got, want) {
			t.Errorf("k=%d n=%d cols=%d: differs from PackGemm", k, n, cols)
		}
	}
}
