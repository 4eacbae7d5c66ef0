package kernel

// poolGeneric is the twin of every PoolF32 variant.
func poolGeneric(a *PoolArgs) {
	for y := a.Y0; y < a.Y1; y++ {
		iy := y*a.StrideH - a.PadTop
		ky0, ky1 := taps(iy, a.KH, a.DilH, a.InH)
		for x := range a.OutW {
			ix := x*a.StrideW - a.PadLeft
			kx0, kx1 := taps(ix, a.KW, a.DilW, a.InW)
			out := a.Y[y*a.YRow+x*a.YPix:][a.C0:a.C1]
			first := true
			for ky := ky0; ky < ky1; ky++ {
				for kx := kx0; kx < kx1; kx++ {
					in := a.X[(iy+ky*a.DilH)*a.XRow+(ix+kx*a.DilW)*a.XPix:][a.C0:a.C1]
					switch {
					case first:
						copy(out, in)
						first = false
					case a.Mean:
						for c, v := range in {
							out[c] += v
						}
					default:
						for c, v := range in {
							out[c] = max(out[c], v)
						}
					}
				}
			}
			if a.Mean {
				n := (ky1 - ky0) * (kx1 - kx0)
				if a.CountPad {
					h := min(iy+a.KH, a.InH+a.PadBottom) - iy
					w := min(ix+a.KW, a.InW+a.PadRight) - ix
					n = h * w
				}
				inv := 1 / float32(n)
				for c := range out {
					out[c] *= inv
				}
			}
		}
	}
}

// meanGeneric is the twin of every MeanF32 variant.
func meanGeneric(a *MeanArgs) {
	scale := a.scale()
	c := a.C0
	for ; c+8 <= a.C1; c += 8 {
		var s0, s1, s2, s3, s4, s5, s6, s7 float32
		y := a.Y[c:][:8]
		if a.Add {
			s0, s1, s2, s3 = y[0], y[1], y[2], y[3]
			s4, s5, s6, s7 = y[4], y[5], y[6], y[7]
		}
		for m := range a.M {
			p := a.X[m*a.LDX+c:][:8]
			s0 += p[0]
			s1 += p[1]
			s2 += p[2]
			s3 += p[3]
			s4 += p[4]
			s5 += p[5]
			s6 += p[6]
			s7 += p[7]
		}
		y[0], y[1], y[2], y[3] = s0*scale, s1*scale, s2*scale, s3*scale
		y[4], y[5], y[6], y[7] = s4*scale, s5*scale, s6*scale, s7*scale
	}
	for ; c < a.C1; c++ {
		var s float32
		if a.Add {
			s = a.Y[c]
		}
		for m := range a.M {
			s += a.X[m*a.LDX+c]
		}
		a.Y[c] = s * scale
	}
}

// WideWindow is the elements of a window above which a mean sums in float64, by PoolWide:
// like terms are all rounded to the same side, and float32 sums of many drift.
const WideWindow = 64

// PoolWide is the mean of wide windows.
func PoolWide(a *PoolArgs) {
	var sums [64]float64
	for y := a.Y0; y < a.Y1; y++ {
		iy := y*a.StrideH - a.PadTop
		ky0, ky1 := taps(iy, a.KH, a.DilH, a.InH)
		for x := range a.OutW {
			ix := x*a.StrideW - a.PadLeft
			kx0, kx1 := taps(ix, a.KW, a.DilW, a.InW)
			n := (ky1 - ky0) * (kx1 - kx0)
			if a.CountPad {
				n = (min(iy+a.KH, a.InH+a.PadBottom) - iy) * (min(ix+a.KW, a.InW+a.PadRight) - ix)
			}
			for c0 := a.C0; c0 < a.C1; c0 += len(sums) {
				c1 := min(c0+len(sums), a.C1)
				s := sums[:c1-c0]
				clear(s)
				for ky := ky0; ky < ky1; ky++ {
					for kx := kx0; kx < kx1; kx++ {
						for i, v := range a.X[(iy+ky*a.DilH)*a.XRow+(ix+kx*a.DilW)*a.XPix:][c0:c1] {
							s[i] += float64(v)
						}
					}
				}
				for i, v := range s {
					a.Y[y*a.YRow+x*a.YPix+c0+i] = float32(v / float64(n))
				}
			}
		}
	}
}
