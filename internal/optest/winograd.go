package optest

import (
	"math"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/tensor"
)

// winograd is how far, in units of Unit, a dense 3×3 convolution of stride 1 may be off if
// it is computed by Winograd's F(2×2, 3×3), y = Aᵀ[Σ (G g Gᵀ) ⊙ (Bᵀ d B)]A over tiles of
// 2×2 outputs that begin at the image's corner; nil for any other convolution.
//
// An output is a sum of nine of the sixteen sums over C channels. Each is off by gamma(C)
// units of its own Σ|u·v|, and the nine are independent: the root of their squares counts.
// A transformed pixel v = t₁ ± t₂ was rounded by a unit of |v|, its terms by a unit of |t|
// each, and a weight by three units of what its transform adds up; these roundings, one for
// each channel and position, are independent too, so that Confidence times the root of
// their squares bounds them. The sums themselves are added with a few units of their sizes.
func winograd(c graph.Conv, x, w *tensor.Tensor) *tensor.Tensor {
	ws := w.Shape
	one := [2]int{1, 1}
	if len(x.Shape) != 4 || ws[2] != 3 || ws[3] != 3 || c.Stride != one || c.Dilation != one || c.Groups != 1 {
		return nil
	}
	n, ch, h, wd := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	pad := c.Pad.Resolve(h, wd, [2]int{3, 3}, c.Stride, c.Dilation)
	oh, ow := h+pad.Top+pad.Bottom-2, wd+pad.Left+pad.Right-2
	out := tensor.New(tensor.Float32, tensor.Shape{n, ws[0], oh, ow})
	weights := make([][2][16]float64, ws[0]*ch) // G g Gᵀ, and the same of absolute values
	for i := range weights {
		var g, a [9]float64
		for k := range g {
			g[k] = float64(w.Float32()[i*9+k])
			a[k] = math.Abs(g[k])
		}
		weights[i] = [2][16]float64{spreadWeights(g, -1), spreadWeights(a, 1)}
	}
	type pixel struct{ v, size float64 }
	patches := make([][16]pixel, ch)
	for image := range n {
		for y := 0; y < oh; y += 2 {
			for x0 := 0; x0 < ow; x0 += 2 {
				for k := range ch {
					var d [4][4]float64
					for i := range 4 {
						for j := range 4 {
							if iy, ix := y+i-pad.Top, x0+j-pad.Left; iy >= 0 && iy < h && ix >= 0 && ix < wd {
								d[i][j] = float64(x.Float32()[((image*ch+k)*h+iy)*wd+ix])
							}
						}
					}
					var t [4][4]float64 // Bᵀ d
					for j := range 4 {
						t[0][j], t[1][j], t[2][j], t[3][j] = d[0][j]-d[2][j], d[1][j]+d[2][j], d[2][j]-d[1][j], d[1][j]-d[3][j]
					}
					for i, r := range t {
						for j, p := range [4][3]float64{{r[0], r[2], -1}, {r[1], r[2], 1}, {r[2], r[1], -1}, {r[1], r[3], -1}} {
							v := p[0] + p[2]*p[1]
							patches[k][4*i+j] = pixel{v, math.Abs(v) + math.Abs(p[0]) + math.Abs(p[1])}
						}
					}
				}
				for o := range ws[0] {
					var sizes, sums, rounds [16]float64
					for k := range ch {
						u := &weights[o*ch+k]
						for p, v := range patches[k] {
							sums[p] += u[0][p] * v.v
							sizes[p] += math.Abs(u[0][p] * v.v)
							a, b := u[0][p]*v.size, 3*u[1][p]*v.v
							rounds[p] += a*a + b*b
						}
					}
					for i := range min(2, oh-y) {
						for j := range min(2, ow-x0) {
							squares, rounding, added := 0.0, 0.0, 0.0
							for a := i; a < 3+i; a++ {
								for b := j; b < 3+j; b++ {
									p := 4*a + b
									squares += sizes[p] * sizes[p]
									rounding += rounds[p]
									added += math.Abs(sums[p])
								}
							}
							e := gamma(ch)*math.Sqrt(squares) + Confidence*math.Sqrt(rounding) + Slack*added
							out.Float32()[((image*ws[0]+o)*oh+y+i)*ow+x0+j] = float32(e)
						}
					}
				}
			}
		}
	}
	return out
}

// spreadWeights is G g Gᵀ, where sign −1 takes the differences of G and 1 sums in their
// place.
func spreadWeights(g [9]float64, sign float64) (u [16]float64) {
	line := func(a, b, c float64) [4]float64 { return [4]float64{a, (a + b + c) / 2, (a + sign*b + c) / 2, c} }
	var t [4][3]float64
	for j := range 3 {
		for i, v := range line(g[j], g[3+j], g[6+j]) {
			t[i][j] = v
		}
	}
	for i, r := range t {
		for j, v := range line(r[0], r[1], r[2]) {
			u[4*i+j] = v
		}
	}
	return u
}
