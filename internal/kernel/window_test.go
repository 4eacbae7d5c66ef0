package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// windows are the geometries that every windowed kernel is tested with.
func windows() []Window {
	var ws []Window
	add := func(h, w, kh, kw, s, d, top, left, bottom, right int) {
		win := Window{
			InH: h, InW: w, KH: kh, KW: kw, StrideH: s, StrideW: s, DilH: d, DilW: d,
			PadTop: top, PadLeft: left, PadBottom: bottom, PadRight: right,
			OutH: (h+top+bottom-(kh-1)*d-1)/s + 1, OutW: (w+left+right-(kw-1)*d-1)/s + 1,
		}
		ws = append(ws, win)
	}
	for _, k := range []int{1, 2, 3, 5, 7} {
		for _, s := range []int{1, 2, 3} {
			for _, size := range []int{7, 8, 14, 15} {
				add(size, size+s, k, k, s, 1, k/2, k/2, k/2, k/2)
			}
		}
	}
	for w := 1; w <= 33; w++ { // every tail of a row
		add(3, w, 3, 3, 1, 1, 1, 1, 1, 1)
		add(4, w, 3, 3, 2, 1, 1, 1, 1, 1)
	}
	for w := 1; w <= 15; w++ { // every tile of other widths of taps
		for _, k := range []int{1, 5, 7} {
			add(1, w, 1, k, 1, 1, 0, k/2, 0, k/2)
			add(1, 2*w, 1, k, 2, 1, 0, k/2, 0, k/2)
		}
	}
	add(6, 7, 3, 3, 2, 1, 0, 0, 1, 1) // TensorFlow's SAME
	add(1, 1, 5, 5, 1, 1, 2, 2, 2, 2) // mostly outside
	add(9, 9, 3, 3, 1, 2, 2, 2, 2, 2) // dilated
	add(9, 8, 3, 2, 2, 3, 3, 1, 3, 2)
	add(5, 9, 1, 5, 1, 1, 0, 2, 0, 2)
	add(9, 5, 5, 1, 2, 1, 4, 0, 4, 0)
	return ws
}

func (w Window) label() string {
	return fmt.Sprintf("%dx%d,k%dx%d,s%d,d%d,p%d.%d.%d.%d", w.InH, w.InW, w.KH, w.KW, w.StrideH, w.DilH, w.PadTop, w.PadLeft, w.PadBottom, w.PadRight)
}

// eachTap calls f for the input pixels under output (y, x).
func (w Window) eachTap(y, x int, f func(tap, iy, ix int)) {
	for ky := range w.KH {
		for kx := range w.KW {
			iy, ix := y*w.StrideH-w.PadTop+ky*w.DilH, x*w.StrideW-w.PadLeft+kx*w.DilW
			if iy >= 0 && iy < w.InH && ix >= 0 && ix < w.InW {
				f(ky*w.KW+kx, iy, ix)
			}
		}
	}
}

// dwChannels gives channel counts with every kind of tail of a block.
func dwChannels(i, cols int) int {
	return []int{1, cols, cols + 1, 2*cols - 1, 2 * cols, 3*cols + 2}[i%6]
}

func TestDw(t *testing.T) {
	each(t, DwF32, func(t *testing.T, v *Variant[DwArgs]) {
		for i, w := range windows() {
			t.Run(w.label(), func(t *testing.T) { checkDw(t, v, w, i) })
		}
	})
}

// checkDw compares one window with the truth and the twin; i varies the rest.
func checkDw(t *testing.T, v *Variant[DwArgs], w Window, i int) {
	r := seeded(i, 2)
	c := dwChannels(i, v.Cols)
	pix := c + i%3
	a := DwArgs{Window: w, XPix: pix, XRow: w.InW * pix, YPix: c + i%2, Act: acts[i%len(acts)], Y1: w.OutH, C1: c}
	a.YRow = w.OutW*a.YPix + i%4
	a.RPix, a.RRow = a.YPix, a.YRow
	a.X = input(r, w.InH*a.XRow-pix+c, i%7)
	wt := input(r, w.KH*w.KW*c, 0)
	at := func(tap, ch int) float32 { return wt[tap*c+ch] }
	a.W = PackDw(w.KH*w.KW, c, v.Cols, at)
	size := (w.OutH-1)*a.YRow + (w.OutW-1)*a.YPix + c
	if i%2 == 0 {
		a.Bias = input(r, c, 3)
	}
	out, ref := newGuarded(size), newGuarded(size)
	first := input(r, size, 1)
	tw := a
	switch i % 3 {
	case 1:
		a.R, tw.R = first, first
	case 2:
		for y := range w.OutH {
			for x := range w.OutW {
				at := y*a.YRow + x*a.YPix
				copy(out.buf[at:][:c], first[at:])
				copy(ref.buf[at:][:c], first[at:])
			}
		}
		a.R, tw.R = out.buf, ref.buf
	}
	a.Y, tw.Y = out.buf, ref.buf
	tw.W = PackDw(w.KH*w.KW, c, 8, at)
	// In four calls: rows and channel blocks are chunks of work.
	for _, rows := range [][2]int{{0, w.OutH / 2}, {w.OutH / 2, w.OutH}} {
		cut := c / 2 / v.Cols * v.Cols
		for _, chans := range [][2]int{{0, cut}, {cut, c}} {
			a.Y0, a.Y1, a.C0, a.C1 = rows[0], rows[1], chans[0], chans[1]
			v.Fn(&a)
		}
	}
	dwGeneric(&tw)
	out.check(t, func(i int) bool { return i%a.YRow%a.YPix < c && i%a.YRow < w.OutW*a.YPix })
	for y := range w.OutH {
		for x := range w.OutW {
			for ch := range c {
				var sum, abs float64
				add := func(x float64) { sum += x; abs += math.Abs(x) }
				w.eachTap(y, x, func(tap, iy, ix int) {
					add(float64(a.X[iy*a.XRow+ix*a.XPix+ch]) * float64(at(tap, ch)))
				})
				o := y*a.YRow + x*a.YPix + ch
				if a.Bias != nil {
					add(float64(a.Bias[ch]))
				}
				if a.R != nil {
					add(float64(first[o]))
				}
				want := refAct(a.Act, sum)
				bound := sumBound(w.KH*w.KW, abs)*slope + actError*math.Abs(want)
				near(t, func() string { return fmt.Sprintf("Y[%d,%d,%d]", y, x, ch) }, out.buf[o], ref.buf[o], want, bound)
			}
		}
	}
}

func TestPool(t *testing.T) {
	each(t, PoolF32, func(t *testing.T, v *Variant[PoolArgs]) {
		for i, w := range windows() {
			if 2*w.PadTop > w.KH || 2*w.PadLeft > w.KW || w.DilH > 1 || 2*w.PadRight > w.KW {
				continue // a window without an element: no operator asks for it
			}
			for mode := range 3 {
				t.Run(label(w.label(), ",", mode), func(t *testing.T) { checkPool(t, v, w, mode, i) })
			}
		}
	})
}

// checkPool compares one window with the truth and the twin: mode 0 is the maximum, 1 the
// mean, 2 the mean that counts padding; i varies the rest.
func checkPool(t *testing.T, v *Variant[PoolArgs], w Window, mode, i int) {
	r := seeded(i, 3)
	c := dwChannels(i, 16)
	a := PoolArgs{Window: w, XPix: c + 1, YPix: c + 2, Y1: w.OutH, C1: c, Mean: mode > 0, CountPad: mode == 2}
	a.XRow, a.YRow = w.InW*a.XPix, w.OutW*a.YPix
	a.X = input(r, w.InH*a.XRow-1, i%5)
	out, ref := newGuarded(w.OutH*a.YRow), newGuarded(w.OutH*a.YRow)
	a.Y = out.buf
	v.Fn(&a)
	tw := a
	tw.Y = ref.buf
	poolGeneric(&tw)
	out.check(t, func(i int) bool { return i%a.YPix < c })
	for y := range w.OutH {
		for x := range w.OutW {
			for ch := range c {
				var sum, abs, n float64
				top := math.Inf(-1)
				w.eachTap(y, x, func(_, iy, ix int) {
					v := float64(a.X[iy*a.XRow+ix*a.XPix+ch])
					sum, abs, n, top = sum+v, abs+math.Abs(v), n+1, max(top, v)
				})
				if mode == 2 {
					h := min(y*w.StrideH-w.PadTop+w.KH, w.InH+w.PadBottom) - y*w.StrideH + w.PadTop
					wd := min(x*w.StrideW-w.PadLeft+w.KW, w.InW+w.PadRight) - x*w.StrideW + w.PadLeft
					n = float64(h * wd)
				}
				want, bound := top, 0.0
				if mode > 0 {
					want, bound = sum/n, sumBound(w.KH*w.KW, abs)/n
				}
				o := y*a.YRow + x*a.YPix + ch
				near(t, func() string { return fmt.Sprintf("Y[%d,%d,%d]", y, x, ch) }, out.buf[o], ref.buf[o], want, bound)
			}
		}
	}
}

func TestMean(t *testing.T) {
	each(t, MeanF32, func(t *testing.T, v *Variant[MeanArgs]) {
		for i, m := range []int{1, 2, 3, 16, 49, 200} {
			for _, n := range []int{1, 7, 8, 9, 16, 40, 67} {
				r := seeded(i, n)
				a := MeanArgs{M: m, LDX: n + i, C1: n}
				a.X = input(r, m*a.LDX-i, i)
				out, ref := newGuarded(n), newGuarded(n)
				a.Y = out.buf
				tw := a
				tw.Y = ref.buf
				cut := n / 2 / v.Cols * v.Cols
				a.C1 = cut
				v.Fn(&a)
				a.C0, a.C1 = cut, n
				v.Fn(&a)
				meanGeneric(&tw)
				out.check(t, func(int) bool { return true })
				// In two calls the same bits.
				parts := newGuarded(n)
				b := tw
				b.Y, b.M, b.Of = parts.buf, m/2, -1
				if b.M > 0 {
					v.Fn(&b)
					b.Add = true
				}
				b.X, b.M, b.Of = tw.X[m/2*tw.LDX:], m-m/2, m
				v.Fn(&b)
				if !slices.Equal(parts.buf, out.buf) {
					t.Fatalf("M=%d: in two calls got %v, in one %v", m, parts.buf, out.buf)
				}
				for c := range n {
					var sum, abs float64
					for p := range m {
						sum += float64(a.X[p*a.LDX+c])
						abs += math.Abs(float64(a.X[p*a.LDX+c]))
					}
					near(t, func() string { return fmt.Sprintf("M=%d: Y[%d]", m, c) }, out.buf[c], ref.buf[c], sum/float64(m), sumBound(m, abs)/float64(m))
				}
			}
		}
	})
}

func TestIm2row(t *testing.T) {
	for i, w := range windows() {
		for planar := range 2 {
			r := seeded(i, 4)
			a := Im2rowArgs{Window: w, C: 1 + i%4, P0: i % 2, P1: w.OutH * w.OutW, Planar: planar == 1}
			if a.Planar {
				a.XChan, a.XRow, a.XPix = w.InH*w.InW, w.InW, 1
			} else {
				a.XChan, a.XPix = 1, a.C+i%2
				a.XRow = w.InW * a.XPix
			}
			a.X = input(r, w.InH*w.InW*(a.C+1), 0)
			k := w.KH * w.KW * a.C
			out := newGuarded((a.P1 - a.P0) * k)
			a.Y = out.buf
			Im2row(&a)
			want := make([]float32, len(a.Y))
			for p := a.P0; p < a.P1; p++ {
				w.eachTap(p/w.OutW, p%w.OutW, func(tap, iy, ix int) {
					for c := range a.C {
						at := tap*a.C + c
						if a.Planar {
							at = c*w.KH*w.KW + tap
						}
						want[(p-a.P0)*k+at] = a.X[iy*a.XRow+ix*a.XPix+c*a.XChan]
					}
				})
			}
			out.check(t, func(int) bool { return true })
			for j := range want {
				if a.Y[j] != want[j] {
					t.Fatalf("%s planar=%d: element %d: got %v, want %v", w.label(), planar, j, a.Y[j], want[j])
				}
			}
		}
	}
}

func BenchmarkDw(b *testing.B) {
	for _, s := range []struct{ size, c, k, stride int }{
		{112, 32, 3, 1}, {112, 96, 3, 2}, {56, 144, 3, 1}, {56, 144, 3, 2}, {28, 192, 3, 1}, {28, 192, 3, 2}, {14, 576, 3, 1}, {14, 576, 3, 2},
		{7, 960, 3, 1}, {28, 192, 5, 1}, {28, 192, 5, 2}, {14, 576, 5, 1}, {14, 576, 5, 2}, {7, 960, 5, 1},
	} {
		for i := range DwF32 {
			v := &DwF32[i]
			if !v.Available() {
				continue
			}
			b.Run(fmt.Sprintf("%dx%dx%d,k%d,s%d/%s", s.size, s.size, s.c, s.k, s.stride, v.Name), func(b *testing.B) {
				r := seeded(s.size, s.c)
				p, out := s.k/2, (s.size-1)/s.stride+1
				a := DwArgs{
					Window: Window{
						InH: s.size, InW: s.size, KH: s.k, KW: s.k, StrideH: s.stride, StrideW: s.stride, DilH: 1, DilW: 1,
						PadTop: p, PadLeft: p, PadBottom: p, PadRight: p, OutH: out, OutW: out,
					},
					X: input(r, s.size*s.size*s.c, 0), Y: make([]float32, out*out*s.c), Bias: input(r, s.c, 0),
					XPix: s.c, XRow: s.c * s.size, YPix: s.c, YRow: s.c * out, Y1: out, C1: s.c, Act: Act{Kind: ActClip, Hi: 6},
				}
				a.W = PackDw(s.k*s.k, s.c, v.Cols, func(int, int) float32 { return r.Float32() })
				benchBest(b, 2*float64(out*out*s.c*s.k*s.k), func() { v.Fn(&a) })
			})
		}
	}
}

// An image that does not stay in cache takes another order of loops.
func TestDwBig(t *testing.T) {
	if testing.Short() {
		t.Skip("a large image")
	}
	each(t, DwF32, func(t *testing.T, v *Variant[DwArgs]) {
		for stride := 1; stride <= 2; stride++ {
			w := Window{
				InH: 84, InW: 301, KH: 3, KW: 3, StrideH: stride, StrideW: stride, DilH: 1, DilW: 1, PadTop: 1, PadLeft: 1,
				OutH: 83/stride + 1, OutW: 300/stride + 1,
			}
			checkDw(t, v, w, 5)
		}
	})
}
