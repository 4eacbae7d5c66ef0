//go:build !purego

package kernel

// The assembly of arm64 for products of bytes and who calls it. Its loops are in the files
// that end in _asm.go.

//go:noescape
func gemmU8I8MM(t *gemmU8Tile)

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

//go:noescape
func dwU8K3S1P1Dot(t *dwU8Tile)

//go:noescape
func dwU8K3S1P2Dot(t *dwU8Tile)

//go:noescape
func dwU8K3S2P1Dot(t *dwU8Tile)

//go:noescape
func dwU8K3S2P2Dot(t *dwU8Tile)

//go:noescape
func dwU8K5S1P1Dot(t *dwU8Tile)

//go:noescape
func dwU8K5S1P2Dot(t *dwU8Tile)

//go:noescape
func dwU8K5S2P1Dot(t *dwU8Tile)

//go:noescape
func dwU8K5S2P2Dot(t *dwU8Tile)

const (
	gemmU8Rows, gemmU8Cols = 8, 8

	dwU8Cols    = 8
	dwU8Outputs = 8 // of the widest tile
)

func gemmU8RunI8MM(a *GemmU8Args) { gemmU8Run(a, setI8MM, gemmU8Rows, gemmU8Cols, 8, gemmU8Work/4) }
func gemmU8RunDot(a *GemmU8Args)  { gemmU8Run(a, setDot, gemmU8Rows, gemmU8Cols, 4, gemmU8Work/4) }
func gemmU8RunNEON(a *GemmU8Args) { gemmU8Run(a, setNEON, gemmU8Rows, gemmU8Cols, 4, gemmU8Work/16) }

func callGemmU8(set asmSet, t *gemmU8Tile) {
	switch set {
	case setI8MM:
		gemmU8I8MM(t)
	case setDot:
		gemmU8DotNEON(t)
	default:
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

func dwU8RunDot(a *DwU8Args) {
	if !dwU8Tiled(a) || a.Planes > 2 {
		dwU8Columns(a, dwU8Cols, 4)
		return
	}
	dwU8Run(a, setDot, 4, dwU8Cols, dwU8Outputs, 0x01010101*uint32(a.Outside^0x80))
}

func callDwU8(set asmSet, a *DwU8Args, t *dwU8Tile) {
	if set == setDot {
		callDwU8Dot(a, t)
		return
	}
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

func callDwU8Dot(a *DwU8Args, t *dwU8Tile) {
	switch [3]int{a.KW, a.StrideW, a.Planes} {
	case [3]int{3, 1, 1}:
		dwU8K3S1P1Dot(t)
	case [3]int{3, 1, 2}:
		dwU8K3S1P2Dot(t)
	case [3]int{3, 2, 1}:
		dwU8K3S2P1Dot(t)
	case [3]int{3, 2, 2}:
		dwU8K3S2P2Dot(t)
	case [3]int{5, 1, 1}:
		dwU8K5S1P1Dot(t)
	case [3]int{5, 1, 2}:
		dwU8K5S1P2Dot(t)
	case [3]int{5, 2, 1}:
		dwU8K5S2P1Dot(t)
	case [3]int{5, 2, 2}:
		dwU8K5S2P2Dot(t)
	}
}

//go:noescape
func addEvenU8NEON(t *rowsU8)

//go:noescape
func addFixedU8NEON(t *rowsU8)

//go:noescape
func addScaledU8NEON(t *rowsU8)

//go:noescape
func mulEvenU8NEON(t *rowsU8)

//go:noescape
func mulFixedU8NEON(t *rowsU8)

//go:noescape
func lookupU8NEON(t *rowsU8)

//go:noescape
func quantizeEvenU8NEON(t *rowsU8)

//go:noescape
func quantizeAwayU8NEON(t *rowsU8)

//go:noescape
func dequantizeU8NEON(t *rowsU8)

//go:noescape
func sumU8NEON(t *rowsU8)

//go:noescape
func poolMaxU8NEON(t *poolPixelU8)

func binaryU8RunNEON(a *BinaryU8Args)         { binaryU8Blocks(a, setNEON) }
func lookupU8RunNEON(a *LookupU8Args)         { lookupU8Blocks(a, setNEON) }
func quantizeU8RunNEON(a *QuantizeU8Args)     { quantizeU8Blocks(a, setNEON) }
func dequantizeU8RunNEON(a *DequantizeU8Args) { dequantizeU8Blocks(a, setNEON) }
func meanU8RunNEON(a *MeanU8Args)             { meanU8Blocks(a, setNEON) }
func poolU8RunNEON(a *PoolU8Args)             { poolU8Blocks(a, setNEON) }

func callBinaryU8(_ asmSet, kind binaryKind, t *rowsU8) {
	switch kind {
	case addEven:
		addEvenU8NEON(t)
	case addScaled:
		addScaledU8NEON(t)
	case addFixed:
		addFixedU8NEON(t)
	case mulEven:
		mulEvenU8NEON(t)
	default:
		mulFixedU8NEON(t)
	}
}

func callLookupU8(_ asmSet, t *rowsU8) { lookupU8NEON(t) }

func callQuantizeU8(_ asmSet, even bool, t *rowsU8) {
	if even {
		quantizeEvenU8NEON(t)
	} else {
		quantizeAwayU8NEON(t)
	}
}

func callDequantizeU8(_ asmSet, t *rowsU8) { dequantizeU8NEON(t) }
func callSumU8(_ asmSet, t *rowsU8)        { sumU8NEON(t) }
func callPoolU8(_ asmSet, t *poolPixelU8)  { poolMaxU8NEON(t) }
