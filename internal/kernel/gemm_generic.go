package kernel

// gemmGeneric is the twin of every GemmF32 variant, with tiles of 2 rows by 4 columns.
func gemmGeneric(a *GemmArgs) {
	var acc [8]float32
	for n := a.N0; n < a.N1; n += 4 {
		panel := a.W[n*a.K : (n+4)*a.K]
		m := 0
		for ; m+2 <= a.M; m += 2 {
			acc = [8]float32{}
			for _, s := range a.Segs {
				lo := m*a.LDA + s.Off
				hi := lo + a.LDA
				tile2x4(a.A[lo:lo+s.K], a.A[hi:hi+s.K], panel[s.B*4:(s.B+s.K)*4], &acc)
			}
			gemmStore(a, m, n, acc[:4])
			gemmStore(a, m+1, n, acc[4:])
		}
		if m < a.M {
			acc = [8]float32{}
			for _, s := range a.Segs {
				lo := m*a.LDA + s.Off
				tile1x4(a.A[lo:lo+s.K], panel[s.B*4:(s.B+s.K)*4], &acc)
			}
			gemmStore(a, m, n, acc[:4])
		}
	}
	if a.Act.Kind != ActNone {
		for m := range a.M {
			a.Act.apply(a.C[m*a.LDC+a.N0 : m*a.LDC+a.N1])
		}
	}
}

// gemmStore adds bias and residual to the sums of row m from column n on and stores them.
func gemmStore(a *GemmArgs, m, n int, acc []float32) {
	acc = acc[:min(len(acc), a.N1-n)]
	if a.Bias != nil {
		bias := a.Bias[n:][:len(acc)]
		for j := range acc {
			acc[j] += bias[j]
		}
	}
	if a.R != nil {
		res := a.R[m*a.LDR+n:][:len(acc)]
		for j := range acc {
			acc[j] += res[j]
		}
	}
	copy(a.C[m*a.LDC+n:][:len(acc)], acc)
}

func tile2x4(x, y, b []float32, acc *[8]float32) {
	c00, c01, c02, c03 := acc[0], acc[1], acc[2], acc[3]
	c10, c11, c12, c13 := acc[4], acc[5], acc[6], acc[7]
	y = y[:len(x)]
	for k := range x {
		if len(b) < 4 {
			break
		}
		p, q := x[k], y[k]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		b = b[4:]
		c00 += p * b0
		c01 += p * b1
		c02 += p * b2
		c03 += p * b3
		c10 += q * b0
		c11 += q * b1
		c12 += q * b2
		c13 += q * b3
	}
	*acc = [8]float32{c00, c01, c02, c03, c10, c11, c12, c13}
}

func tile1x4(x, b []float32, acc *[8]float32) {
	c0, c1, c2, c3 := acc[0], acc[1], acc[2], acc[3]
	for _, p := range x {
		if len(b) < 4 {
			break
		}
		c0 += p * b[0]
		c1 += p * b[1]
		c2 += p * b[2]
		c3 += p * b[3]
		b = b[4:]
	}
	acc[0], acc[1], acc[2], acc[3] = c0, c1, c2, c3
}

// gemvGeneric is the twin of every GemvF32 variant, with tiles of 1 row by 8 columns.
func gemvGeneric(a *GemmArgs) {
	var acc [8]float32
	for n := a.N0; n < a.N1; n += 8 {
		panel := a.W[n*a.K : (n+8)*a.K]
		for m := range a.M {
			acc = [8]float32{}
			for _, s := range a.Segs {
				lo := m*a.LDA + s.Off
				tile1x8(a.A[lo:lo+s.K], panel[s.B*8:(s.B+s.K)*8], &acc)
			}
			gemmStore(a, m, n, acc[:])
		}
	}
	if a.Act.Kind != ActNone {
		for m := range a.M {
			a.Act.apply(a.C[m*a.LDC+a.N0 : m*a.LDC+a.N1])
		}
	}
}

func tile1x8(x, b []float32, acc *[8]float32) {
	c0, c1, c2, c3 := acc[0], acc[1], acc[2], acc[3]
	c4, c5, c6, c7 := acc[4], acc[5], acc[6], acc[7]
	for _, p := range x {
		if len(b) < 8 {
			break
		}
		c0 += p * b[0]
		c1 += p * b[1]
		c2 += p * b[2]
		c3 += p * b[3]
		c4 += p * b[4]
		c5 += p * b[5]
		c6 += p * b[6]
		c7 += p * b[7]
		b = b[8:]
	}
	*acc = [8]float32{c0, c1, c2, c3, c4, c5, c6, c7}
}
