package kernel

// DwU8Args describes one call of a depthwise convolution of bytes over one image:
//
//	Y[y·YRow + x·YPix + c] = Finish(Σ_taps X[iy·XRow + ix·XPix + c] · W[tap, c])
//
// for output rows y in [Y0, Y1), all OutW columns and channels c in [C0, C1). Taps outside
// the image see Outside. W is packed by PackDwU8 for the variant and P by PackFinish for
// its Cols; C0 is a multiple of Cols, C1 one too or the number of channels.
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
	Planes     int // of W, where it holds bytes
	Outside    uint8
	Finish     Finish
}

// DwU8 are the depthwise convolutions of bytes. Weights that stand side by side by four are
// bytes, those by two or one 16-bit numbers.
var DwU8 = append(dwU8Arch(), Variant[DwU8Args]{"go", "", 1, 4, 4, 300, dwU8Generic})

// dwChunks is how many groups of side taps a row of kw taps has.
func dwChunks(kw, side int) int { return (kw + side - 1) / side }

// PackDwU8 packs depthwise weights in [−255, 255], given by at(ky, kx, channel), into
// blocks of v.Cols channels. A block has a vector of Cols elements of v.Side neighbouring
// taps for every (ky, chunk of taps, plane), in this order. The last chunk's taps stand at
// its end, after zeros. 16-bit elements hold any weight, so that there is one plane; where
// they are pairs, the second four of eight channels have changed places with the third
// of sixteen (dwPairPlace), as interleaving leaves them.
func PackDwU8(v *Variant[DwU8Args], kh, kw, channels, planes int, at func(ky, kx, c int) int32) []int8 {
	cols, side := v.Cols, v.Side
	chunks := dwChunks(kw, side)
	if side < 4 {
		planes = 1
	}
	block := dwBlock(v, kh, kw, planes)
	w := make([]int8, (channels+cols-1)/cols*block)
	for c := range channels {
		for ky := range kh {
			for kx := range kw {
				x := at(ky, kx, c)
				to := dwPlace(kx, kw, side)
				vector := c/cols*block + (ky*chunks+kx/side)*planes*cols*dwElement(side)
				if side < 4 {
					j := c % cols
					if side == 2 {
						j = dwPairPlace(j)
					}
					i := vector + 2*(j*side+to)
					w[i], w[i+1] = int8(x), int8(x>>8)
					continue
				}
				for p := range planes {
					w[vector+(p*cols+c%cols)*4+to] = Plane(x, p)
				}
			}
		}
	}
	return w
}

// dwElement is the bytes of side taps of a channel.
func dwElement(side int) int {
	if side == 1 {
		return 2
	}
	return 4
}

// dwBlock is the bytes of a block's weights.
func dwBlock(v *Variant[DwU8Args], kh, kw, planes int) int {
	if v.Side < 4 {
		planes = 1
	}
	return kh * dwChunks(kw, v.Side) * planes * v.Cols * dwElement(v.Side)
}

// dwPairPlace is where pairs of taps of channel j of 16 stand.
func dwPairPlace(j int) int { return j&3 | j&8>>1 | j&4<<1 }

// dwPlace is the place of tap kx in its chunk.
func dwPlace(kx, kw, side int) int {
	last := dwChunks(kw, side) - 1
	if kx/side < last {
		return kx % side
	}
	return kx%side + side*dwChunks(kw, side) - kw
}

// dwU8Generic is the twin of every DwU8 variant.
func dwU8Generic(a *DwU8Args) { dwU8Columns(a, 4, 4) }

// dwU8Columns is the twin for the packed weights of a variant that has cols channels in a
// block, at most 16, and side taps side by side.
func dwU8Columns(a *DwU8Args, cols, side int) {
	layout := Variant[DwU8Args]{Side: side, Cols: cols}
	chunks, block := dwChunks(a.KW, side), dwBlock(&layout, a.KH, a.KW, a.Planes)
	planes, step := a.Planes, dwElement(side)
	if side < 4 {
		planes = 1
	}
	var places [16]int
	for j := range places {
		places[j] = step * j
		if side == 2 {
			places[j] = step * dwPairPlace(j)
		}
	}
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
						at := (ky*chunks + kx/side) * planes * cols * step
						if side == 4 {
							at += dwPlace(kx, a.KW, side)
						} else {
							at += 2 * dwPlace(kx, a.KW, side)
						}
						inside := iy >= 0 && iy < a.InH && ix >= 0 && ix < a.InW
						for j := range width {
							v := int32(a.Outside)
							if inside {
								v = int32(a.X[iy*a.XRow+ix*a.XPix+c+j])
							}
							i := at + places[j]
							if side < 4 {
								sum[j] += v * (int32(w[i+1])<<8 | int32(uint8(w[i])))
								continue
							}
							for p := range planes {
								sum[j] += v * int32(w[i+4*cols*p])
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
