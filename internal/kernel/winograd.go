package kernel

// Winograd's F(2×2, 3×3): a dense 3×3 convolution of stride 1 as 16 matrix products over
// tiles of 2×2 outputs, with 16 multiplications where the definition has 36 (Lavin and Gray,
// Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.1):
//
//	Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//
// WinogradInF32 computes Bᵀ d B of every tile, GemmF32 the sums over channels, and
// WinogradOutF32 the rest. PackWinograd does the weights.

// WinogradInArgs describes the transform of rows of 4×4 patches, 2 pixels apart:
//
//	Y[(4i+j)·YPos + t·YTile + c] = (Bᵀ d B)ᵢⱼ, d the patch at X[2·(t/Tiles)·XRow + 2·(t mod Tiles)·XPix + c]
//
// for t < Rows·Tiles and c < C. Every patch lies inside X. YTile is a multiple of the
// variant's Cols not smaller than C; what lies between C and it may be overwritten.
type WinogradInArgs struct {
	X, Y        []float32
	Rows, Tiles int
	C           int
	XRow, XPix  int
	YPos, YTile int
}

// WinogradOutArgs describes the transform of sums to pixels:
//
//	Y[y·YRow + x·YPix + c] = Act((Aᵀ m A)ᵧₓ + Bias[c] + R[y·RRow + x·RPix + c])
//
// where mᵢⱼ = X[(4i+j)·XPos + t·XTile + c] of the tile t = (y/2)·Tiles + x/2, for y < OutH,
// x < OutW and c < N. The last row and column of tiles may lie half outside. Act is none or
// ActClip; Bias and R may be nil, and R may be Y itself with the same strides.
type WinogradOutArgs struct {
	X, Bias, R, Y []float32
	Tiles         int
	OutH, OutW    int
	N             int
	XPos, XTile   int
	YRow, YPix    int
	RRow, RPix    int
	Act           Act
}

// WinogradInF32 are the transforms of patches.
var WinogradInF32 = append(winogradInF32Arch(), Variant[WinogradInArgs]{"go", "", 1, 1, 1, 300, winogradInGeneric})

// WinogradOutF32 are the transforms of sums.
var WinogradOutF32 = append(winogradOutF32Arch(), Variant[WinogradOutArgs]{"go", "", 1, 1, 1, 300, winogradOutGeneric})

// PackWinograd transforms the weights w[n][c][3][3] and packs each of the 16 positions as
// PackGemm does, one after another: position p lies at p·PackedSize(c, n, cols).
func PackWinograd(out []float32, c, n, cols int, w []float32) {
	size := PackedSize(c, n, cols)
	// A few rows of a panel for every position, then written whole: both the kernels of the
	// outputs and the positions lie at distances that share sets of a cache.
	const some = 8
	lines := make([]float32, some*16*cols)
	for n0 := 0; n0 < n; n0 += cols {
		for k0 := 0; k0 < c; k0 += some {
			k1 := min(k0+some, c)
			for j := range min(cols, n-n0) {
				g := w[((n0+j)*c+k0)*9:]
				for k := range k1 - k0 {
					u := winogradWeights((*[9]float32)(g[9*k:]))
					line := lines[k*16*cols+j:]
					for p, x := range u {
						line[p*cols] = x
					}
				}
			}
			for p := range 16 {
				for k := range k1 - k0 {
					copy(out[p*size+n0*c+(k0+k)*cols:][:cols], lines[(k*16+p)*cols:])
				}
			}
		}
		clear(lines)
	}
}

// winogradWeights is G g Gᵀ.
func winogradWeights(g *[9]float32) (u [16]float32) {
	var t [12]float32 // G g
	for j := range 3 {
		a, b := (g[j]+g[6+j])*0.5, g[3+j]*0.5
		t[j], t[3+j], t[6+j], t[9+j] = g[j], a+b, a-b, g[6+j]
	}
	for i := range 4 {
		r := t[3*i:][:3]
		a, b := (r[0]+r[2])*0.5, r[1]*0.5
		u[4*i], u[4*i+1], u[4*i+2], u[4*i+3] = r[0], a+b, a-b, r[2]
	}
	return u
}

// winogradInGeneric is the twin of every WinogradInF32 variant.
func winogradInGeneric(a *WinogradInArgs) {
	for t := range a.Rows * a.Tiles {
		x := a.X[2*(t/a.Tiles)*a.XRow+2*(t%a.Tiles)*a.XPix:]
		for c := range a.C {
			var d [16]float32 // Bᵀ d
			for j := range 4 {
				at := j*a.XPix + c
				d0, d1, d2, d3 := x[at], x[a.XRow+at], x[2*a.XRow+at], x[3*a.XRow+at]
				d[j], d[4+j], d[8+j], d[12+j] = d0-d2, d1+d2, d2-d1, d1-d3
			}
			y := a.Y[t*a.YTile+c:]
			for i := range 4 {
				r := d[4*i:][:4]
				y[(4*i)*a.YPos] = r[0] - r[2]
				y[(4*i+1)*a.YPos] = r[1] + r[2]
				y[(4*i+2)*a.YPos] = r[2] - r[1]
				y[(4*i+3)*a.YPos] = r[1] - r[3]
			}
		}
	}
}

// winogradOutGeneric is the twin of every WinogradOutF32 variant.
func winogradOutGeneric(a *WinogradOutArgs) {
	for y0 := 0; y0 < a.OutH; y0 += 2 {
		for x0 := 0; x0 < a.OutW; x0 += 2 {
			m := a.X[(y0/2*a.Tiles+x0/2)*a.XTile:]
			for c := range a.N {
				var s [8]float32 // Aᵀ m
				for j := range 4 {
					m0, m1, m2, m3 := m[j*a.XPos+c], m[(4+j)*a.XPos+c], m[(8+j)*a.XPos+c], m[(12+j)*a.XPos+c]
					s[j], s[4+j] = m0+(m1+m2), (m1-m2)-m3
				}
				for i := range min(2, a.OutH-y0) {
					r := s[4*i:][:4]
					v := [2]float32{r[0] + (r[1] + r[2]), (r[1] - r[2]) - r[3]}
					for j := range min(2, a.OutW-x0) {
						z := v[j]
						if a.Bias != nil {
							z += a.Bias[c]
						}
						if a.R != nil {
							z += a.R[(y0+i)*a.RRow+(x0+j)*a.RPix+c]
						}
						a.Y[(y0+i)*a.YRow+(x0+j)*a.YPix+c] = z
					}
				}
			}
			for i := range min(2, a.OutH-y0) {
				for j := range min(2, a.OutW-x0) {
					a.Act.apply(a.Y[(y0+i)*a.YRow+(x0+j)*a.YPix:][:a.N])
				}
			}
		}
	}
}
