package kernel

// dwGeneric is the twin of every DwF32 variant: channel blocks outside, rows inside.
func dwGeneric(a *DwArgs) {
	for c := a.C0; c < a.C1; c += 8 {
		w := a.W[c*a.KH*a.KW : (c+8)*a.KH*a.KW]
		for y := a.Y0; y < a.Y1; y++ {
			if a.C1-c >= 8 {
				dwRow8(a, w, y, c)
			} else {
				dwRowTail(a, w, y, c)
			}
		}
	}
}

func dwRow8(a *DwArgs, w []float32, y, c int) {
	iy := y*a.StrideH - a.PadTop
	ky0, ky1 := taps(iy, a.KH, a.DilH, a.InH)
	var bias [8]float32
	if a.Bias != nil {
		copy(bias[:], a.Bias[c:c+8])
	}
	tapStep := a.DilW * a.XPix
	for x := range a.OutW {
		ix := x*a.StrideW - a.PadLeft
		kx0, kx1 := 0, a.KW
		if ix < 0 || ix+(a.KW-1)*a.DilW >= a.InW {
			kx0, kx1 = taps(ix, a.KW, a.DilW, a.InW)
		}
		var s0, s1, s2, s3, s4, s5, s6, s7 float32
		for ky := ky0; ky < ky1; ky++ {
			at := (iy+ky*a.DilH)*a.XRow + (ix+kx0*a.DilW)*a.XPix + c
			wk := w[(ky*a.KW+kx0)*8 : (ky*a.KW+kx1)*8]
			for len(wk) >= 8 {
				p := a.X[at : at+8 : at+8]
				s0 += p[0] * wk[0]
				s1 += p[1] * wk[1]
				s2 += p[2] * wk[2]
				s3 += p[3] * wk[3]
				s4 += p[4] * wk[4]
				s5 += p[5] * wk[5]
				s6 += p[6] * wk[6]
				s7 += p[7] * wk[7]
				wk = wk[8:]
				at += tapStep
			}
		}
		out := a.Y[y*a.YRow+x*a.YPix+c:][:8]
		var res [8]float32
		if a.R != nil {
			copy(res[:], a.R[y*a.RRow+x*a.RPix+c:][:8])
		}
		out[0] = s0 + bias[0] + res[0]
		out[1] = s1 + bias[1] + res[1]
		out[2] = s2 + bias[2] + res[2]
		out[3] = s3 + bias[3] + res[3]
		out[4] = s4 + bias[4] + res[4]
		out[5] = s5 + bias[5] + res[5]
		out[6] = s6 + bias[6] + res[6]
		out[7] = s7 + bias[7] + res[7]
		if a.Act.Kind != ActNone {
			a.Act.apply(out)
		}
	}
}

// dwRowTail is dwRow8 for the last block of fewer than 8 channels.
func dwRowTail(a *DwArgs, w []float32, y, c int) {
	iy := y*a.StrideH - a.PadTop
	ky0, ky1 := taps(iy, a.KH, a.DilH, a.InH)
	for x := range a.OutW {
		ix := x*a.StrideW - a.PadLeft
		kx0, kx1 := taps(ix, a.KW, a.DilW, a.InW)
		out := a.Y[y*a.YRow+x*a.YPix:][c:a.C1]
		for j := range out {
			var s float32
			for ky := ky0; ky < ky1; ky++ {
				row := (iy+ky*a.DilH)*a.XRow + c + j
				for kx := kx0; kx < kx1; kx++ {
					s += a.X[row+(ix+kx*a.DilW)*a.XPix] * w[(ky*a.KW+kx)*8+j]
				}
			}
			if a.Bias != nil {
				s += a.Bias[c+j]
			}
			if a.R != nil {
				s += a.R[y*a.RRow+x*a.RPix+c+j]
			}
			out[j] = s
		}
		a.Act.apply(out)
	}
}
