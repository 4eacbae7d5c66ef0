package kernel

import (
	"math"

	"github.com/wispnet/wisp/internal/fixed"
)

// LookupU8Args describes a function of every byte: Y[m·LDY + n] = Table[X[m·LDX + n]] for m
// in [0, M) and n in [0, N). Y may be X.
type LookupU8Args struct {
	X, Y     []uint8
	Table    *[256]uint8
	M, N     int
	LDX, LDY int
}

// LookupU8 are the functions by table.
var LookupU8 = append(lookupU8Arch(), Variant[LookupU8Args]{"go", "", 1, 1, 1, 1000, lookupU8Generic})

func lookupU8Generic(a *LookupU8Args) {
	for m := range a.M {
		y := a.Y[m*a.LDY:][:a.N]
		for i, v := range a.X[m*a.LDX:][:a.N] {
			y[i] = a.Table[v]
		}
	}
}

// BinaryU8Args describes arithmetic of two operands:
//
//	Y[m·LDY + n] = A[m·LDA + n·SA] ∘ B[m·LDB + n·SB]
//
// for m in [0, M) and n in [0, N); SA and SB are 1, or 0 for an operand that repeats along
// a row. Exactly one of Sum and Product is set; their quantizations are those of bytes.
type BinaryU8Args struct {
	A, B, Y       []uint8
	M, N          int
	LDA, LDB, LDY int
	SA, SB        int
	Sum           *fixed.Adder
	Product       *fixed.Times
}

// BinaryU8 are sums, differences and products.
var BinaryU8 = append(binaryU8Arch(), Variant[BinaryU8Args]{"go", "", 1, 1, 1, 150, binaryU8Generic})

func binaryU8Generic(a *BinaryU8Args) {
	for m := range a.M {
		y := a.Y[m*a.LDY:][:a.N]
		p, q := m*a.LDA, m*a.LDB
		for i := range y {
			if a.Sum != nil {
				y[i] = uint8(a.Sum.Apply(int32(a.A[p]), int32(a.B[q])))
			} else {
				y[i] = uint8(a.Product.Apply(int32(a.A[p]), int32(a.B[q])))
			}
			p += a.SA
			q += a.SB
		}
	}
}

// PoolU8Args is PoolArgs for bytes: a mean is rounded half away from zero, of the numbers
// that the bytes are with Sign subtracted (128 for a network of signed bytes). Padding that
// counts is Outside.
type PoolU8Args struct {
	X, Y []uint8
	Window
	XRow, XPix int
	YRow, YPix int
	Y0, Y1     int
	C0, C1     int
	Mean       bool
	CountPad   bool
	Outside    uint8
	Sign       int32
}

// PoolU8 are the poolings of bytes.
var PoolU8 = append(poolU8Arch(), Variant[PoolU8Args]{"go", "", 1, 1, 1, 500, poolU8Generic})

func poolU8Generic(a *PoolU8Args) {
	for y := a.Y0; y < a.Y1; y++ {
		for x := range a.OutW {
			out := a.Y[y*a.YRow+x*a.YPix:]
			iy, ix := y*a.StrideH-a.PadTop, x*a.StrideW-a.PadLeft
			y0, y1 := taps(iy, a.KH, 1, a.InH)
			x0, x1 := taps(ix, a.KW, 1, a.InW)
			for c := a.C0; c < a.C1; c++ {
				top, sum, n := uint8(0), int32(0), (y1-y0)*(x1-x0)
				for ky := y0; ky < y1; ky++ {
					at := (iy+ky)*a.XRow + (ix+x0)*a.XPix + c
					for range x1 - x0 {
						v := a.X[at]
						top = max(top, v)
						sum += int32(v)
						at += a.XPix
					}
				}
				if !a.Mean {
					out[c] = top
					continue
				}
				if a.CountPad {
					all := (min(iy+a.KH, a.InH+a.PadBottom) - iy) * (min(ix+a.KW, a.InW+a.PadRight) - ix)
					sum, n = sum+int32(all-n)*int32(a.Outside), all
				}
				out[c] = uint8(fixed.WindowMean(sum-int32(n)*a.Sign, n) + a.Sign)
			}
		}
	}
}

// MeanU8Args describes the mean of M pixels: Y[c] = mean of X[m·LDX + c] for c in
// [C0, C1), with the quantizations of bytes.
type MeanU8Args struct {
	X, Y   []uint8
	M, LDX int
	C0, C1 int
	QX, QY fixed.Quant
	// Unsigned says that the numbers are so in the file too, see fixed.NewAverager.
	Unsigned bool
	Profile  fixed.Profile
}

// MeanU8 are the means over all pixels of an image.
var MeanU8 = append(meanU8Arch(), Variant[MeanU8Args]{"go", "", 1, 1, 1, 1000, meanU8Generic})

func meanU8Generic(a *MeanU8Args) {
	var sums [256]int32
	for c := a.C0; c < a.C1; c += len(sums) {
		n := min(len(sums), a.C1-c)
		s := sums[:n]
		clear(s)
		for m := range a.M {
			for i, v := range a.X[m*a.LDX+c:][:n] {
				s[i] += int32(v)
			}
		}
		meanFinish(a, c, s)
	}
}

// meanFinish rescales the sums of the channels from c on.
func meanFinish(a *MeanU8Args, c int, sums []int32) {
	mean := fixed.NewAverager(a.M, a.QX, a.QY, a.Unsigned, a.Profile)
	for i, s := range sums {
		a.Y[c+i] = uint8(mean.Apply(s))
	}
}

// CopyU8Args is CopyArgs for bytes.
type CopyU8Args struct {
	X, Y   []uint8
	Dims   [3]int
	XS, YS [3]int
}

// CopyU8 are the strided copies of bytes.
var CopyU8 = append(copyU8Arch(), Variant[CopyU8Args]{"go", "", 1, 1, 1, 1000, copyU8Generic})

func copyU8Generic(a *CopyU8Args) {
	xs, ys := a.XS[2], a.YS[2]
	for i := range a.Dims[0] {
		for j := range a.Dims[1] {
			xo, yo := i*a.XS[0]+j*a.XS[1], i*a.YS[0]+j*a.YS[1]
			if xs == 1 && ys == 1 {
				copy(a.Y[yo:][:a.Dims[2]], a.X[xo:][:a.Dims[2]])
				continue
			}
			x, y := a.X[xo:], a.Y[yo:]
			xk, yk := 0, 0
			for range a.Dims[2] {
				y[yk] = x[xk]
				xk += xs
				yk += ys
			}
		}
	}
}

// PadU8Args describes an image surrounded by Value: output rows [Y0, Y1) of W pixels of C
// channels, the input's corner at (PadTop, PadLeft).
type PadU8Args struct {
	X, Y            []uint8
	InH, InW, OutW  int
	PadTop, PadLeft int
	XRow, XPix      int
	YRow, YPix      int
	Y0, Y1, C       int
	Value           uint8
}

// PadU8 does what PadU8Args says.
func PadU8(a *PadU8Args) {
	fill := func(b []uint8) {
		for i := range b {
			b[i] = a.Value
		}
	}
	for y := a.Y0; y < a.Y1; y++ {
		iy := y - a.PadTop
		dense := a.YPix == a.C && a.XPix == a.C
		if dense {
			row := a.Y[y*a.YRow:][:a.OutW*a.C]
			if iy < 0 || iy >= a.InH {
				fill(row)
				continue
			}
			fill(row[:a.PadLeft*a.C])
			copy(row[a.PadLeft*a.C:], a.X[iy*a.XRow:][:a.InW*a.C])
			fill(row[(a.PadLeft+a.InW)*a.C:])
			continue
		}
		for x := range a.OutW {
			out := a.Y[y*a.YRow+x*a.YPix:][:a.C]
			if ix := x - a.PadLeft; iy >= 0 && iy < a.InH && ix >= 0 && ix < a.InW {
				copy(out, a.X[iy*a.XRow+ix*a.XPix:][:a.C])
			} else {
				fill(out)
			}
		}
	}
}

// QuantizeU8Args describes real numbers that become bytes: Y[m·LDY + n] = Q.Of(X[m·LDX + n])
// for m in [0, M) and n in [0, N).
type QuantizeU8Args struct {
	X        []float32
	Y        []uint8
	M, N     int
	LDX, LDY int
	Q        fixed.Quant
	Profile  fixed.Profile
}

// QuantizeU8 are the ways to quantize.
var QuantizeU8 = append(quantizeU8Arch(), Variant[QuantizeU8Args]{"go", "", 1, 1, 1, 300, quantizeU8Generic})

func quantizeU8Generic(a *QuantizeU8Args) {
	for m := range a.M {
		y := a.Y[m*a.LDY:][:a.N]
		for i, x := range a.X[m*a.LDX:][:a.N] {
			y[i] = uint8(a.Q.Of(x, a.Profile))
		}
	}
}

// DequantizeU8Args describes the inverse: Y = Q.Real(X).
type DequantizeU8Args struct {
	X        []uint8
	Y        []float32
	M, N     int
	LDX, LDY int
	Q        fixed.Quant
}

// DequantizeU8 are the ways back to real numbers.
var DequantizeU8 = append(dequantizeU8Arch(), Variant[DequantizeU8Args]{"go", "", 1, 1, 1, 1000, dequantizeU8Generic})

func dequantizeU8Generic(a *DequantizeU8Args) {
	for m := range a.M {
		y := a.Y[m*a.LDY:][:a.N]
		for i, x := range a.X[m*a.LDX:][:a.N] {
			y[i] = a.Q.Real(int32(x))
		}
	}
}

// SoftmaxU8 writes the probabilities of n scores that lie sx apart, sy apart. The
// quantizations are those of bytes.
func SoftmaxU8(x, y []uint8, n, sx, sy int, qx, qy fixed.Quant) {
	top := uint8(0)
	for i := range n {
		top = max(top, x[i*sx])
	}
	var weight [256]float32
	for d := range int32(256) {
		weight[d] = float32(math.Exp(float64(-qx.Scale * float32(d))))
	}
	sum := float32(0)
	for i := range n {
		sum += weight[top-x[i*sx]]
	}
	inverse := 1 / float32(sum*qy.Scale)
	for i := range n {
		p := float32(weight[top-x[i*sx]] * inverse)
		y[i*sy] = uint8(qy.Range().Clamp(int32(math.Floor(float64(p+0.5))) + qy.Zero))
	}
}
