package kernel

// rowBlock is how many rows a twin takes through all panels before the next: what it
// reads and writes of them stays in the cache.
const rowBlock = 32

// gemmGeneric is the twin of every GemmF32 variant, with tiles of 2 rows by 3 columns: six
// sums are as many as the compiler keeps in registers beside their factors.
func gemmGeneric(a *GemmArgs) {
	for m0 := 0; m0 < a.M; m0 += rowBlock {
		m1 := min(m0+rowBlock, a.M)
		for n := a.N0; n < a.N1; n += 3 {
			panel := a.W[n*a.K : (n+3)*a.K]
			m := m0
			for ; m+2 <= m1; m += 2 {
				var acc [6]float32
				for i := range a.Segs {
					s := &a.Segs[i]
					lo := m*a.LDA + s.Off
					hi := lo + a.LDA
					tile2x3(a.A[lo:lo+s.K], a.A[hi:hi+s.K], panel[s.B*3:(s.B+s.K)*3], &acc)
				}
				gemmStore(a, m, n, acc[:3])
				gemmStore(a, m+1, n, acc[3:])
			}
			if m < m1 {
				var acc [3]float32
				for i := range a.Segs {
					s := &a.Segs[i]
					lo := m*a.LDA + s.Off
					tile1x3(a.A[lo:lo+s.K], panel[s.B*3:(s.B+s.K)*3], &acc)
				}
				gemmStore(a, m, n, acc[:])
			}
		}
		gemmAct(a, m0, m1)
	}
}

// gemvGeneric is the twin of every GemvF32 variant, with tiles of 1 row by 6 columns.
func gemvGeneric(a *GemmArgs) {
	for n := a.N0; n < a.N1; n += 6 {
		panel := a.W[n*a.K : (n+6)*a.K]
		for m := range a.M {
			var acc [6]float32
			for i := range a.Segs {
				s := &a.Segs[i]
				lo := m*a.LDA + s.Off
				tile1x6(a.A[lo:lo+s.K], panel[s.B*6:(s.B+s.K)*6], &acc)
			}
			gemmStore(a, m, n, acc[:])
		}
	}
	gemmAct(a, 0, a.M)
}

// gemmAct activates rows m0 to m1 of the result.
func gemmAct(a *GemmArgs, m0, m1 int) {
	if a.Act.Kind != ActNone {
		for m := m0; m < m1; m++ {
			a.Act.apply(a.C[m*a.LDC+a.N0 : m*a.LDC+a.N1])
		}
	}
}

// gemmStore adds bias and residual to the sums of row m from column n on and stores those
// of columns that exist.
func gemmStore(a *GemmArgs, m, n int, acc []float32) {
	acc = acc[:min(len(acc), a.N1-n)]
	out := a.C[m*a.LDC+n:][:len(acc)]
	if a.Bias != nil {
		for j, b := range a.Bias[n:][:len(acc)] {
			acc[j] += b
		}
	}
	if a.R != nil {
		for j, r := range a.R[m*a.LDR+n:][:len(acc)] {
			acc[j] += r
		}
	}
	for j, s := range acc {
		out[j] = s
	}
}

func tile2x3(x, y, b []float32, acc *[6]float32) {
	c00, c01, c02 := acc[0], acc[1], acc[2]
	c10, c11, c12 := acc[3], acc[4], acc[5]
	y = y[:len(x)]
	for k, p := range x {
		if len(b) < 3 {
			break
		}
		q := y[k]
		b0, b1, b2 := b[0], b[1], b[2]
		b = b[3:]
		c00 += p * b0
		c01 += p * b1
		c02 += p * b2
		c10 += q * b0
		c11 += q * b1
		c12 += q * b2
	}
	*acc = [6]float32{c00, c01, c02, c10, c11, c12}
}

func tile1x3(x, b []float32, acc *[3]float32) {
	c0, c1, c2 := acc[0], acc[1], acc[2]
	for _, p := range x {
		if len(b) < 3 {
			break
		}
		c0 += p * b[0]
		c1 += p * b[1]
		c2 += p * b[2]
		b = b[3:]
	}
	*acc = [3]float32{c0, c1, c2}
}

func tile1x6(x, b []float32, acc *[6]float32) {
	c0, c1, c2 := acc[0], acc[1], acc[2]
	c3, c4, c5 := acc[3], acc[4], acc[5]
	for _, p := range x {
		if len(b) < 6 {
			break
		}
		c0 += p * b[0]
		c1 += p * b[1]
		c2 += p * b[2]
		c3 += p * b[3]
		c4 += p * b[4]
		c5 += p * b[5]
		b = b[6:]
	}
	*acc = [6]float32{c0, c1, c2, c3, c4, c5}
}
