//go:build !purego

package kernel

// The assembly of arm64 for products of bytes and who calls it. Its loops are in the files
// that end in _asm.go.

//go:noescape
func gemmU8DotNEON(t *gemmU8Tile)

//go:noescape
func gemmU8NEON(t *gemmU8Tile)

//go:noescape
func dwU8K3S1NEON(t *dwU8Tile)

//go:noescape
func dwU8K3S2NEON(t *dwU8Tile)

//go:noescape
func dwU8K5S1NEON(t *dwU8Tile)

//go:noescape
func dwU8K5S2NEON(t *dwU8Tile)

const (
	gemmU8Rows, gemmU8Cols = 8, 8

	dwU8Cols    = 8
	dwU8Outputs = 8 // of the widest tile
)

func gemmU8RunDot(a *GemmU8Args)  { gemmU8Run(a, setDot, gemmU8Rows, gemmU8Cols, gemmU8Work/4) }
func gemmU8RunNEON(a *GemmU8Args) { gemmU8Run(a, setNEON, gemmU8Rows, gemmU8Cols, gemmU8Work/16) }

func callGemmU8(set asmSet, t *gemmU8Tile) {
	if set == setDot {
		gemmU8DotNEON(t)
	} else {
		gemmU8NEON(t)
	}
}

func dwU8RunNEON(a *DwU8Args) {
	if !dwU8Tiled(a) {
		dwU8Columns(a, dwU8Cols, 1)
		return
	}
	dwU8Run(a, setNEON, 1, dwU8Cols, dwU8Outputs, 0x00010001*uint32(a.Outside))
}

func callDwU8(_ asmSet, a *DwU8Args, t *dwU8Tile) {
	switch {
	case a.KW == 5 && a.StrideW == 1:
		dwU8K5S1NEON(t)
	case a.KW == 5:
		dwU8K5S2NEON(t)
	case a.StrideW == 1:
		dwU8K3S1NEON(t)
	default:
		dwU8K3S2NEON(t)
	}
}
