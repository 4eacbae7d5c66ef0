package kernel

import (
	"math"
	"testing"
)

// The transforms are sums in one order, so every variant gives the twin's bits.
func TestWinogradIn(t *testing.T) {
	each(t, WinogradInF32, func(t *testing.T, v *Variant[WinogradInArgs]) {
		for i, c := range []int{1, 7, 8, 9, 15, 16, 17, 31, 33, 64} {
			r := seeded(i, 9)
			a := WinogradInArgs{Rows: 1 + i%3, Tiles: 1 + i%5, C: c, XPix: c + i%4}
			a.XRow = (2*a.Tiles+2)*a.XPix + i%3
			a.X = input(r, (2*a.Rows+1)*a.XRow+(2*a.Tiles+1)*a.XPix+c, i%5)
			a.YTile = (c+v.Cols-1)/v.Cols*v.Cols + i%2*v.Cols
			n := a.Rows * a.Tiles
			a.YPos = n*a.YTile + i%7
			out := newGuarded(15*a.YPos + n*a.YTile)
			tw := a
			a.Y, tw.Y = out.buf, make([]float32, len(out.buf))
			v.Fn(&a)
			winogradInGeneric(&tw)
			inside := func(k int) (channel int, ok bool) {
				p, rest := k/a.YPos, k%a.YPos
				return rest % a.YTile, p < 16 && rest < n*a.YTile
			}
			out.check(t, func(k int) bool { _, ok := inside(k); return ok })
			for k, got := range out.buf {
				if ch, ok := inside(k); ok && ch < c && got != tw.Y[k] {
					t.Fatalf("c=%d: element %d: got %v, the twin says %v", c, k, got, tw.Y[k])
				}
			}
		}
	})
}

func TestWinogradOut(t *testing.T) {
	each(t, WinogradOutF32, func(t *testing.T, v *Variant[WinogradOutArgs]) {
		for i, n := range []int{1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 24, 40} {
			r := seeded(i, 10)
			a := WinogradOutArgs{OutH: 1 + i%4, OutW: 1 + i%7, N: n, Act: acts[i%3]}
			a.Tiles = (a.OutW+1)/2 + i%2
			tiles := (a.OutH + 1) / 2 * a.Tiles
			a.XTile = n + i%3
			a.XPos = tiles*a.XTile + i%5
			a.X = input(r, 15*a.XPos+tiles*a.XTile, i%3)
			a.YPix = n + i%2
			a.YRow = a.OutW*a.YPix + i%3
			a.RPix, a.RRow = a.YPix, a.YRow
			if i%2 == 0 {
				a.Bias = input(r, n, 1)
			}
			size := (a.OutH-1)*a.YRow + (a.OutW-1)*a.YPix + n
			out, ref := newGuarded(size), newGuarded(size)
			first := input(r, size, 2)
			tw := a
			switch i % 3 {
			case 1:
				a.R, tw.R = first, first
			case 2:
				for y := range a.OutH {
					for x := range a.OutW {
						at := y*a.YRow + x*a.YPix
						copy(out.buf[at:][:n], first[at:])
						copy(ref.buf[at:][:n], first[at:])
					}
				}
				a.R, tw.R = out.buf, ref.buf
			}
			a.Y, tw.Y = out.buf, ref.buf
			v.Fn(&a)
			winogradOutGeneric(&tw)
			inside := func(k int) bool { return k%a.YRow%a.YPix < n && k%a.YRow < a.OutW*a.YPix }
			out.check(t, inside)
			for k := range size {
				if inside(k) && out.buf[k] != ref.buf[k] {
					t.Fatalf("n=%d: element %d: got %v, the twin says %v", n, k, out.buf[k], ref.buf[k])
				}
			}
		}
	})
}

// The three transforms and 16 products are a 3×3 convolution, within a bound that
// weighs taps by the transforms' own majorant.
func TestWinogradIsConvolution(t *testing.T) {
	const c, n, tiles = 20, 6, 3
	r := seeded(1, 11)
	size := 2*tiles + 2
	x, w := input(r, size*size*c, 0), input(r, n*c*9, 0)
	u := make([]float32, 16*PackedSize(c, n, 8))
	PackWinograd(u, c, n, 8, w)
	v := make([]float32, 16*tiles*tiles*c)
	winogradInGeneric(&WinogradInArgs{X: x, Y: v, Rows: tiles, Tiles: tiles, C: c, XRow: size * c, XPix: c, YPos: tiles * tiles * c, YTile: c})
	m := make([]float32, 16*tiles*tiles*n)
	for p := range 16 {
		gemmGeneric(&GemmArgs{
			A: v[p*tiles*tiles*c:], W: packedAt(u, p, c, n, 8, 3), C: m[p*tiles*tiles*n:], Segs: []Segment{{K: c}},
			M: tiles * tiles, N1: n, K: c, LDA: c, LDC: n,
		})
	}
	y := make([]float32, 4*tiles*tiles*n)
	winogradOutGeneric(&WinogradOutArgs{
		X: m, Y: y, Tiles: tiles, OutH: 2 * tiles, OutW: 2 * tiles, N: n, XPos: tiles * tiles * n, XTile: n, YRow: 2 * tiles * n, YPix: n,
	})
	for oy := range 2 * tiles {
		for ox := range 2 * tiles {
			for o := range n {
				want, abs := 0.0, 0.0
				for ch := range c {
					var g [9]float64
					for k := range g {
						g[k] = math.Abs(float64(w[(o*c+ch)*9+k]))
					}
					g = winogradMajorant(g)
					for k := range 9 {
						d := float64(x[((oy+k/3)*size+ox+k%3)*c+ch])
						want += d * float64(w[(o*c+ch)*9+k])
						abs += math.Abs(d) * g[k]
					}
				}
				got := float64(y[(oy*2*tiles+ox)*n+o])
				if bound := (sumBound(c, 1) + winogradRoundings*eps) * abs; math.Abs(got-want) > bound {
					t.Fatalf("(%d, %d, %d): got %v, want %v ± %.2g", oy, ox, o, got, want, bound)
				}
			}
		}
	}
}

// packedAt is position p of PackWinograd's result, packed again for panels of other columns.
func packedAt(u []float32, p, c, n, cols, to int) []float32 {
	panel := u[p*PackedSize(c, n, cols):]
	return PackGemm(c, n, to, func(k, j int) float32 { return panel[j/cols*cols*c+k*cols+j%cols] })
}

// winogradRoundings is how many roundings, beside those of the sum over channels, stand
// between the exact products and a result: two in a weight's transform and one where it is
// stored, two of the patch, four of the sums.
const winogradRoundings = 9

// winogradMajorant weighs the nine taps of a kernel of absolute values so that Σ |x|·taps
// over a window bounds what the algorithm adds up: with s = g₀+g₁+g₂ in one dimension, an
// output is made of (|d₀|+|d₂|)·g₀ + (|d₁|+|d₂|)·s or of (|d₁|+|d₂|)·s + (|d₁|+|d₃|)·g₂, so
// that no tap weighs more than (s+g₂, s, s+g₀) or (g₀, s, s+g₀), (s+g₂, s, g₂).
func winogradMajorant(g [9]float64) [9]float64 {
	for _, step := range [2]int{1, 3} {
		for line := range 3 {
			at := line * (4 - step)
			g0, g1, g2 := g[at], g[at+step], g[at+2*step]
			s := g0 + g1 + g2
			g[at], g[at+step], g[at+2*step] = s+g2, s, s+g0
		}
	}
	return g
}
