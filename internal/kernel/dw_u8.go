package kernel

// DwU8Args describes one call of a depthwise convolution of bytes over one image:
//
//	Y[y·YRow + x·YPix + c] = Finish(Σ_taps X[iy·XRow + ix·XPix + c] · W[tap, c])
//
// for output rows y in [Y0, Y1), all OutW columns and channels c in [C0, C1). Taps outside
// the image see Outside. W is packed by PackDwU8 with the variant's Cols as block and P by
// PackFinish; C0 is a multiple of Cols, C1 one too or the number of channels.
//
// Reads stay inside the image but for Slack elements after its end.
type DwU8Args struct {
	X, Y []uint8
	W    []int8
	P    []int32
	Window
	XRow, XPix int
	YRow, YPix int
	Y0, Y1     int
	C0, C1     int
	Planes     int // of W
	Outside    uint8
	Finish     Finish
}

// DwU8 are the depthwise convolutions of bytes.
var DwU8 = append(dwU8Arch(), Variant[DwU8Args]{"go", "", 1, 4, 300, dwU8Generic})

// DwPlanes is how many planes PackDwU8 needs for weights of which low and high are the
// least and the largest: 1 where signed bytes hold them, else 2, which add up.
func DwPlanes(low, high int32) int {
	if low >= -128 && high <= 127 {
		return 1
	}
	return 2
}

// dwChunks is how many groups of four taps a row of kw taps has.
func dwChunks(kw int) int { return (kw + 3) / 4 }

// PackDwU8 packs depthwise weights in [−255, 255], given by at(ky, kx, channel), into
// blocks of cols channels. A block has a vector of cols·4 bytes for every (ky, chunk,
// plane), in this order; the bytes of a channel in a chunk are four neighbouring taps. The
// last chunk's taps stand at its end, after zeros.
func PackDwU8(kh, kw, channels, cols, planes int, at func(ky, kx, c int) int32) []int8 {
	chunks := dwChunks(kw)
	block := kh * chunks * planes * cols * 4
	w := make([]int8, (channels+cols-1)/cols*block)
	for c := range channels {
		for ky := range kh {
			for kx := range kw {
				v := at(ky, kx, c)
				first := min(max(v, -128), 127)
				to := dwPlace(kx, kw)
				i := c/cols*block + ((ky*chunks+kx/4)*planes*cols+c%cols)*4 + to
				w[i] = int8(first)
				if planes == 2 {
					w[i+4*cols] = int8(v - first)
				}
			}
		}
	}
	return w
}

// dwPlace is the byte of tap kx in its chunk.
func dwPlace(kx, kw int) int {
	last := dwChunks(kw) - 1
	if kx/4 < last {
		return kx % 4
	}
	return kx%4 + 4*dwChunks(kw) - kw
}

// dwU8Generic is the twin of every DwU8 variant.
func dwU8Generic(a *DwU8Args) { dwU8Columns(a, 4) }

// dwU8Columns is the twin for weights in blocks of cols channels, at most 16.
func dwU8Columns(a *DwU8Args, cols int) {
	chunks := dwChunks(a.KW)
	block := a.KH * chunks * a.Planes * cols * 4
	for c := a.C0; c < a.C1; c += cols {
		w, p := a.W[c/cols*block:][:block], a.P[c*FinishBlocks:]
		width := min(cols, a.C1-c)
		for y := a.Y0; y < a.Y1; y++ {
			for x := range a.OutW {
				var sum [16]int32
				for ky := range a.KH {
					iy := y*a.StrideH - a.PadTop + ky*a.DilH
					for kx := range a.KW {
						ix := x*a.StrideW - a.PadLeft + kx*a.DilW
						at := ((ky*chunks+kx/4)*a.Planes*cols)*4 + dwPlace(kx, a.KW)
						inside := iy >= 0 && iy < a.InH && ix >= 0 && ix < a.InW
						for j := range width {
							v := int32(a.Outside)
							if inside {
								v = int32(a.X[iy*a.XRow+ix*a.XPix+c+j])
							}
							sum[j] += v * int32(w[at+4*j])
							if a.Planes == 2 {
								sum[j] += v * int32(w[at+4*j+4*cols])
							}
						}
					}
				}
				out := a.Y[y*a.YRow+x*a.YPix+c:][:width]
				for j := range out {
					out[j] = a.Finish.apply(sum[j], p, cols, j)
				}
			}
		}
	}
}
