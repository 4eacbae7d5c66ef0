package kernel

// unaryGeneric is the twin of every UnaryF32 variant.
func unaryGeneric(a *UnaryArgs) {
	for m := range a.M {
		x, y := a.X[m*a.LDX:][:a.N], a.Y[m*a.LDY:][:a.N]
		if a.Scale != nil {
			scale := a.Scale[:len(x)]
			for n, v := range x {
				y[n] = v * scale[n]
			}
		} else {
			copy(y, x)
		}
		if a.Shift != nil {
			shift := a.Shift[:len(y)]
			for n := range y {
				y[n] += shift[n]
			}
		}
		a.Act.apply(y)
	}
}

// binaryGeneric is the twin of every BinaryF32 variant.
func binaryGeneric(a *BinaryArgs) {
	for m := range a.M {
		y := a.Y[m*a.LDY:][:a.N]
		if a.SA == 1 && a.SB == 1 {
			binaryRow(a.Fn, a.A[m*a.LDA:][:a.N], a.B[m*a.LDB:][:a.N], y)
		} else {
			for n := range y {
				y[n] = binaryOne(a.Fn, a.A[m*a.LDA+n*a.SA], a.B[m*a.LDB+n*a.SB])
			}
		}
		a.Act.apply(y)
	}
}

func binaryRow(fn BinaryFn, a, b, y []float32) {
	b, y = b[:len(a)], y[:len(a)]
	switch fn {
	case Add:
		for i, v := range a {
			y[i] = v + b[i]
		}
	case Sub:
		for i, v := range a {
			y[i] = v - b[i]
		}
	case Mul:
		for i, v := range a {
			y[i] = v * b[i]
		}
	case Div:
		for i, v := range a {
			y[i] = v / b[i]
		}
	}
}

func binaryOne(fn BinaryFn, a, b float32) float32 {
	switch fn {
	case Add:
		return a + b
	case Sub:
		return a - b
	case Mul:
		return a * b
	}
	return a / b
}

// softmaxGeneric is the twin of every SoftmaxF32 variant.
func softmaxGeneric(a *SoftmaxArgs) {
	for m := range a.M {
		x, y := a.X[m*a.LDX:], a.Y[m*a.LDY:]
		top := x[0]
		for n := 1; n < a.N; n++ {
			top = max(top, x[n*a.SX])
		}
		// In float32 thousands of like terms would all be rounded to the same side.
		sum := 0.0
		for n := range a.N {
			e := Exp(x[n*a.SX] - top)
			y[n*a.SY] = e
			sum += float64(e)
		}
		whole := float32(sum)
		for n := range a.N {
			y[n*a.SY] /= whole
		}
	}
}
