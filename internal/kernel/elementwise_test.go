package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

var lengths = []int{0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 65}

func TestUnary(t *testing.T) {
	each(t, UnaryF32, func(t *testing.T, v *Variant[UnaryArgs]) {
		for i, n := range lengths {
			for j, act := range acts {
				r := seeded(n, j)
				const m = 3
				a := UnaryArgs{M: m, N: n, LDX: n + 2, LDY: n + i%3, Act: act}
				a.X = input(r, m*a.LDX, i)
				for k := range a.X {
					a.X[k] *= 8
				}
				if i%2 == 0 {
					a.Scale = input(r, n, 1)
				}
				if j%2 == 0 {
					a.Shift = input(r, n, 2)
				}
				out, ref := newGuarded(m*a.LDY), newGuarded(m*a.LDY)
				a.Y = out.buf
				v.Fn(&a)
				tw := a
				tw.Y = ref.buf
				unaryGeneric(&tw)
				out.check(t, func(i int) bool { return i%a.LDY < n })
				for row := range m {
					for k := range n {
						x := float64(a.X[row*a.LDX+k])
						if a.Scale != nil {
							x *= float64(a.Scale[k])
						}
						abs := math.Abs(x)
						if a.Shift != nil {
							x += float64(a.Shift[k])
							abs += math.Abs(float64(a.Shift[k]))
						}
						want := refAct(act, x)
						near(t, func() string { return fmt.Sprintf("%d: Y[%d,%d]", j, row, k) }, out.buf[row*a.LDY+k], ref.buf[row*a.LDY+k], want, sumBound(1, abs)*slope+actError*math.Abs(want))
					}
				}
			}
		}
	})
}

func TestBinary(t *testing.T) {
	each(t, BinaryF32, func(t *testing.T, v *Variant[BinaryArgs]) {
		for i, n := range lengths {
			for fn := Add; fn <= Div; fn++ {
				for stride := range 6 {
					r := seeded(n, stride)
					const m = 3
					a := BinaryArgs{M: m, N: n, LDA: n + 1, LDB: n, LDY: n + 2, SA: 1, SB: 1, Fn: fn, Act: acts[(i+stride)%len(acts)]}
					switch stride {
					case 1:
						a.LDB = 0
					case 2:
						a.SB = 0
					case 3:
						a.SA = 0
					case 4:
						a.LDB, a.SB = 0, 0
					}
					a.A, a.B = input(r, m*a.LDA+1, i), input(r, m*a.LDB+n+1, 1)
					for k := range a.B {
						a.B[k] += 2 // a divisor far from zero
					}
					out, ref := newGuarded(m*a.LDY), newGuarded(m*a.LDY)
					tw := a
					if stride == 5 { // in place
						a.LDY, tw.LDY = a.LDA, a.LDA
						out, ref = newGuarded(m*a.LDA), newGuarded(m*a.LDA)
						for row := range m {
							copy(out.buf[row*a.LDA:][:n], a.A[row*a.LDA:])
							copy(ref.buf[row*a.LDA:][:n], a.A[row*a.LDA:])
						}
					}
					orig := a.A
					a.Y, tw.Y = out.buf, ref.buf
					if stride == 5 {
						a.A, tw.A = out.buf, ref.buf
					}
					v.Fn(&a)
					binaryGeneric(&tw)
					out.check(t, func(i int) bool { return i%a.LDY < n })
					for row := range m {
						for k := range n {
							p, q := float64(orig[row*a.LDA+k*a.SA]), float64(a.B[row*a.LDB+k*a.SB])
							x := [...]float64{p + q, p - q, p * q, p / q}[fn]
							want := refAct(a.Act, x)
							near(t, func() string { return fmt.Sprintf("fn %d stride %d: Y[%d,%d]", fn, stride, row, k) }, out.buf[row*a.LDY+k], ref.buf[row*a.LDY+k], want, sumBound(1, math.Abs(x))*slope+actError*math.Abs(want))
						}
					}
				}
			}
		}
	})
}

func TestSoftmax(t *testing.T) {
	each(t, SoftmaxF32, func(t *testing.T, v *Variant[SoftmaxArgs]) {
		for i, n := range lengths[1:] {
			for _, stride := range []int{1, 3} {
				r := seeded(n, stride)
				const m = 2
				a := SoftmaxArgs{M: m, N: n, SX: stride, SY: stride, LDX: n*stride + 1, LDY: n*stride + 2}
				a.X = input(r, m*a.LDX, i)
				for k := range a.X {
					a.X[k] *= 30
				}
				out, ref := newGuarded(m*a.LDY), newGuarded(m*a.LDY)
				a.Y = out.buf
				v.Fn(&a)
				tw := a
				tw.Y = ref.buf
				softmaxGeneric(&tw)
				out.check(t, func(i int) bool { return i%a.LDY < n*stride && i%a.LDY%stride == 0 })
				for row := range m {
					x := a.X[row*a.LDX:]
					top, sum := math.Inf(-1), 0.0
					for k := range n {
						top = max(top, float64(x[k*stride]))
					}
					for k := range n {
						sum += math.Exp(float64(x[k*stride]) - top)
					}
					for k := range n {
						d := float64(x[k*stride]) - top
						want := math.Exp(d) / sum
						// The rounded difference enters the exponent; the sum has n terms.
						bound := want*(2*ExpError+2*eps*math.Abs(d)+float64(n+4)*eps) + 1e-37
						near(t, func() string { return fmt.Sprintf("N=%d: Y[%d,%d]", n, row, k) }, out.buf[row*a.LDY+k*stride], ref.buf[row*a.LDY+k*stride], want, bound)
					}
				}
			}
		}
	})
}

// NaN is never hidden by an activation or a maximum.
func TestNaN(t *testing.T) {
	nan := float32(math.NaN())
	each(t, UnaryF32, func(t *testing.T, v *Variant[UnaryArgs]) {
		for _, act := range acts {
			x := []float32{nan, 1, -nan}
			v.Fn(&UnaryArgs{X: x, Y: x, M: 1, N: 3, Act: act})
			if x[0] == x[0] || x[2] == x[2] || x[1] != x[1] {
				t.Errorf("%v: got %v", act, x)
			}
		}
	})
	each(t, PoolF32, func(t *testing.T, v *Variant[PoolArgs]) {
		for at := range 4 {
			x, y := []float32{1, 2, 3, 4}, []float32{0}
			x[at] = nan
			w := Window{InH: 2, InW: 2, OutH: 1, OutW: 1, KH: 2, KW: 2, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1}
			v.Fn(&PoolArgs{X: x, Y: y, Window: w, XRow: 2, XPix: 1, YRow: 1, YPix: 1, Y1: 1, C1: 1})
			if y[0] == y[0] {
				t.Errorf("maximum of %v: got %v", x, y[0])
			}
		}
	})
}

func TestCopy(t *testing.T) {
	each(t, CopyF32, func(t *testing.T, v *Variant[CopyArgs]) {
		dims := [3]int{3, 5, 33}
		for i, perm := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			for _, gap := range []int{0, 1} {
				a := CopyArgs{Dims: dims, XS: [3]int{dims[1] * (dims[2] + gap), dims[2] + gap, 1}}
				s := 1 + gap
				for p := 2; p >= 0; p-- {
					a.YS[perm[p]] = s
					s *= dims[perm[p]]
				}
				a.X = input(seeded(i, 5), dims[0]*a.XS[0], i)
				out := newGuarded(s)
				a.Y = out.buf
				v.Fn(&a)
				out.check(t, func(i int) bool { return i%(1+gap) == 0 })
				for i := range dims[0] {
					for j := range dims[1] {
						for k := range dims[2] {
							if got, want := a.Y[i*a.YS[0]+j*a.YS[1]+k*a.YS[2]], a.X[i*a.XS[0]+j*a.XS[1]+k*a.XS[2]]; got != want {
								t.Fatalf("%v: (%d,%d,%d): got %v, want %v", perm, i, j, k, got, want)
							}
						}
					}
				}
			}
		}
	})
}

func TestPad(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8} // 2×2 pixels of 2 channels
	out := newGuarded(4 * 3 * 2)
	Pad(&PadArgs{X: x, Y: out.buf, InH: 2, InW: 2, OutW: 3, PadTop: 1, PadLeft: 0, XRow: 4, XPix: 2, YRow: 6, YPix: 2, Y1: 4, C: 2, Value: 9})
	want := []float32{9, 9, 9, 9, 9, 9, 1, 2, 3, 4, 9, 9, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9}
	for i := range want {
		if out.buf[i] != want[i] {
			t.Fatalf("got %v, want %v", out.buf, want)
		}
	}
	out.check(t, func(int) bool { return true })
}

func TestResize(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6} // 2×3 pixels
	out := newGuarded(3 * 5)
	Resize(&ResizeArgs{X: x, Y: out.buf, Rows: []int32{0, 0, 1}, Cols: []int32{0, 0, 1, 1, 2}, XRow: 3, XPix: 1, YRow: 5, YPix: 1, Y1: 3, C: 1})
	want := []float32{1, 1, 2, 2, 3, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6}
	for i := range want {
		if out.buf[i] != want[i] {
			t.Fatalf("got %v, want %v", out.buf, want)
		}
	}
	out.check(t, func(int) bool { return true })
}

// Copies to every small step, as shuffles and images of three planes make them: rows of
// all lengths, through all orders of the dimensions.
func TestCopySteps(t *testing.T) {
	each(t, CopyF32, func(t *testing.T, v *Variant[CopyArgs]) {
		for step := 1; step <= 5; step++ {
			for n := 1; n < 70; n++ {
				checkCopy(t, v, n, 1+n%3, 1+n%4, step, n)
			}
			checkCopy(t, v, 70003, 1, 2, step, 1)
			checkCopy(t, v, 65536+3, 2, 1, step, 2)
		}
	})
}

// checkCopy copies m times n elements, g times over, to places step apart; order says which
// dimension is which.
func checkCopy(t *testing.T, v *Variant[CopyArgs], n, m, g, step, order int) {
	t.Helper()
	p := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}[order%6]
	var a CopyArgs
	row := n*step + order%3
	dims, xs, ys := [3]int{g, m, n}, [3]int{m * (n + 1), n + 1, 1}, [3]int{m * row, row, step}
	for d := range 3 {
		a.Dims[p[d]], a.XS[p[d]], a.YS[p[d]] = dims[d], xs[d], ys[d]
	}
	a.X = input(seeded(n, step), g*m*(n+1)-1, order%5)
	out, ref := newGuarded((g*m-1)*row+(n-1)*step+1), newGuarded((g*m-1)*row+(n-1)*step+1)
	a.Y = out.buf
	v.Fn(&a)
	a.Y = ref.buf
	copyGeneric(&a)
	for i := range out.all {
		if math.Float32bits(out.all[i]) != math.Float32bits(ref.all[i]) {
			t.Fatalf("n=%d m=%d g=%d step=%d: element %d: got %v, want %v", n, m, g, step, i-guard, out.all[i], ref.all[i])
		}
	}
}

// Planes whose elements lie side by side then, of numbers and of bytes: every element of a
// pixel, or all but one.
func TestCopyPlanes(t *testing.T) {
	for trial := range 600 {
		rng := seeded(trial, 8)
		ways, n, rest := 2+trial%4, 1+rng.IntN(80), 1+rng.IntN(3)
		if trial%50 == 0 {
			n = 64<<10 + rng.IntN(9)
		}
		planes := ways - trial%3/2
		plane, row := n+rng.IntN(3), n*ways+rng.IntN(3)
		p := rng.Perm(3)
		var dims, xs, ys [3]int
		for d, v := range [3][3]int{{rest, planes * plane, row}, {planes, plane, 1}, {n, 1, ways}} {
			dims[p[d]], xs[p[d]], ys[p[d]] = v[0], v[1], v[2]
		}
		label := fmt.Sprintf("trial %d: %v from %v to %v", trial, dims, xs, ys)
		x, y := input(rng, rest*planes*plane, trial%5), newGuarded(rest*row)
		bytes := drawBytes(rng, rest*planes*plane)
		var want []uint32
		var wantU8 []uint8
		for i := len(CopyF32) - 1; i >= 0; i-- {
			if v := &CopyF32[i]; runs(t, v) {
				v.Fn(&CopyArgs{X: x, Y: y.buf, Dims: dims, XS: xs, YS: ys})
				got := make([]uint32, len(y.all))
				for k, e := range y.all {
					got[k], y.all[k] = math.Float32bits(e), sentinel
				}
				if want == nil {
					want = got
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%s: %s differs from the twin", label, v.Name)
				}
			}
		}
		for i := len(CopyU8) - 1; i >= 0; i-- {
			if v := &CopyU8[i]; runs(t, v) {
				got := make([]uint8, rest*row+64)
				v.Fn(&CopyU8Args{X: bytes, Y: got[:rest*row], Dims: dims, XS: xs, YS: ys})
				if wantU8 == nil {
					wantU8 = got
				}
				if !slices.Equal(got, wantU8) {
					t.Fatalf("%s, bytes: %s differs from the twin", label, v.Name)
				}
			}
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	for _, c := range []struct {
		name string
		a    CopyArgs
	}{
		{"shuffle28x28x58", CopyArgs{Dims: [3]int{1, 784, 58}, XS: [3]int{0, 58, 1}, YS: [3]int{0, 116, 2}}},
		{"shuffle14x14x160", CopyArgs{Dims: [3]int{196, 3, 160}, XS: [3]int{480, 160, 1}, YS: [3]int{480, 1, 3}}},
		{"image224", CopyArgs{Dims: [3]int{1, 50176, 3}, XS: [3]int{0, 1, 50176}, YS: [3]int{0, 3, 1}}},
	} {
		every(CopyF32, func(v *Variant[CopyArgs]) {
			b.Run(c.name+"/"+v.Name, func(b *testing.B) {
				a := c.a
				a.X, a.Y = noise(150528), make([]float32, 150528)
				benchBest(b, 0, func() { v.Fn(&a) })
			})
		})
	}
}
