//go:build !purego

package kernel

import "unsafe"

// The float32 assembly of arm64 and who calls it. Its loops are in the files that end in
// _asm.go.

//go:noescape
func gemmNEON(t *gemmTile)

//go:noescape
func gemvNEON(t *gemvCall)

//go:noescape
func dwK1S1NEON(t *dwTile)

//go:noescape
func dwK1S2NEON(t *dwTile)

//go:noescape
func dwK3S1NEON(t *dwTile)

//go:noescape
func dwK3S2NEON(t *dwTile)

//go:noescape
func dwK5S1NEON(t *dwTile)

//go:noescape
func dwK5S2NEON(t *dwTile)

//go:noescape
func dwK7S1NEON(t *dwTile)

//go:noescape
func dwK7S2NEON(t *dwTile)

//go:noescape
func dwPixelNEON(t *dwPixel)

//go:noescape
func unaryNEON(t *unaryCall)

//go:noescape
func binaryNEON(t *binaryCall)

//go:noescape
func poolNEON(t *poolPixel)

//go:noescape
func winogradInNEON(t *winogradPatches)

//go:noescape
func winogradOutNEON(t *winogradSums)

//go:noescape
func fmaLoopNEON(t int)

//go:noescape
func readLoopNEON(x unsafe.Pointer, n int)

func readNEON(x []float32) { readLoopNEON(unsafe.Pointer(unsafe.SliceData(x)), len(x)/256) }

func gemmF32NEON(a *GemmArgs)     { gemmDeep(a, setNEON) }
func gemvF32NEON(a *GemmArgs)     { gemvRows(a, setNEON) }
func dwF32NEON(a *DwArgs)         { dwColumns(a, setNEON) }
func unaryF32NEON(a *UnaryArgs)   { unaryRows(a, setNEON) }
func binaryF32NEON(a *BinaryArgs) { binaryRows(a, setNEON) }
func poolF32NEON(a *PoolArgs)     { poolPixels(a, setNEON) }
func meanF32NEON(a *MeanArgs)     { meanRows(a, setNEON) }

func winogradInF32NEON(a *WinogradInArgs)   { winogradRows(a, setNEON) }
func winogradOutF32NEON(a *WinogradOutArgs) { winogradSumRows(a, setNEON) }

func callWinogradIn(_ asmSet, t *winogradPatches) { winogradInNEON(t) }
func callWinogradOut(_ asmSet, t *winogradSums)   { winogradOutNEON(t) }

func callGemm(_ asmSet, t *gemmTile)     { gemmNEON(t) }
func callGemv(_ asmSet, t *gemvCall)     { gemvNEON(t) }
func callUnary(_ asmSet, t *unaryCall)   { unaryNEON(t) }
func callBinary(_ asmSet, t *binaryCall) { binaryNEON(t) }
func callPool(_ asmSet, t *poolPixel)    { poolNEON(t) }
func callDwPixel(_ asmSet, t *dwPixel)   { dwPixelNEON(t) }

// callDw runs the assembly for a width of taps and a stride.
func callDw(_ asmSet, kw, stride int, t *dwTile) {
	switch kw*2 + stride {
	case 1*2 + 1:
		dwK1S1NEON(t)
	case 1*2 + 2:
		dwK1S2NEON(t)
	case 3*2 + 1:
		dwK3S1NEON(t)
	case 3*2 + 2:
		dwK3S2NEON(t)
	case 5*2 + 1:
		dwK5S1NEON(t)
	case 5*2 + 2:
		dwK5S2NEON(t)
	case 7*2 + 1:
		dwK7S1NEON(t)
	case 7*2 + 2:
		dwK7S2NEON(t)
	}
}
