//go:build !purego

package kernel

// The assembly of amd64 for products of bytes and who calls it. Its loops are in the files
// that end in _asm.go.

//go:noescape
func gemmU8VNNI(t *gemmU8Tile)

//go:noescape
func gemmU8AVX2(t *gemmU8Tile)

//go:noescape
func dwU8K3S1P1(t *dwU8Tile)

//go:noescape
func dwU8K3S2P1(t *dwU8Tile)

//go:noescape
func dwU8K3S1P2(t *dwU8Tile)

//go:noescape
func dwU8K3S2P2(t *dwU8Tile)

//go:noescape
func dwU8K5S1P1(t *dwU8Tile)

//go:noescape
func dwU8K5S2P1(t *dwU8Tile)

//go:noescape
func dwU8K3S1AVX2(t *dwU8Tile)

//go:noescape
func dwU8K3S2AVX2(t *dwU8Tile)

//go:noescape
func dwU8K5S1AVX2(t *dwU8Tile)

//go:noescape
func dwU8K5S2AVX2(t *dwU8Tile)

const (
	gemmU8Rows, gemmU8Cols   = 14, 32
	gemmU8Rows2, gemmU8Cols2 = 4, 16 // of AVX2

	dwU8Cols     = 16 // of either set
	dwU8Outputs  = 8  // of the widest tile
	dwU8Outputs2 = 5  // of AVX2
)

func gemmU8RunAVX512(a *GemmU8Args) { gemmU8Run(a, setAVX512, gemmU8Rows, gemmU8Cols, 4, gemmU8Work) }
func gemmU8RunAVX2(a *GemmU8Args)   { gemmU8Run(a, setAVX2, gemmU8Rows2, gemmU8Cols2, 4, gemmU8Work/4) }

func callGemmU8(set asmSet, t *gemmU8Tile) {
	if set == setAVX512 {
		gemmU8VNNI(t)
	} else {
		gemmU8AVX2(t)
	}
}

func dwU8RunAVX512(a *DwU8Args) {
	if !dwU8Tiled(a) || a.Planes > 2 || a.KW == 5 && a.Planes > 1 {
		dwU8Columns(a, dwU8Cols, 4)
		return
	}
	dwU8Run(a, setAVX512, 4, dwU8Cols, dwU8Outputs, 0x01010101*uint32(a.Outside))
}

func dwU8RunAVX2(a *DwU8Args) {
	if !dwU8Tiled(a) {
		dwU8Columns(a, dwU8Cols, 2)
		return
	}
	dwU8Run(a, setAVX2, 2, dwU8Cols, dwU8Outputs2, 0x00010001*uint32(a.Outside))
}

func callDwU8(set asmSet, a *DwU8Args, t *dwU8Tile) {
	switch {
	case set == setAVX2 && a.KW == 5 && a.StrideW == 1:
		dwU8K5S1AVX2(t)
	case set == setAVX2 && a.KW == 5:
		dwU8K5S2AVX2(t)
	case set == setAVX2 && a.StrideW == 1:
		dwU8K3S1AVX2(t)
	case set == setAVX2:
		dwU8K3S2AVX2(t)
	case a.KW == 5 && a.StrideW == 1:
		dwU8K5S1P1(t)
	case a.KW == 5:
		dwU8K5S2P1(t)
	case a.StrideW == 1 && a.Planes == 1:
		dwU8K3S1P1(t)
	case a.StrideW == 1:
		dwU8K3S1P2(t)
	case a.Planes == 1:
		dwU8K3S2P1(t)
	default:
		dwU8K3S2P2(t)
	}
}
