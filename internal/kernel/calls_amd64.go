//go:build !purego

package kernel

// The float32 assembly of amd64 and who calls it. Its loops are in the files that end in
// _asm.go.

//go:noescape
func gemmAVX512(t *gemmTile)

//go:noescape
func gemmAVX2(t *gemmTile)

//go:noescape
func gemvAVX512(t *gemvCall)

//go:noescape
func gemvAVX2(t *gemvCall)

//go:noescape
func dwK1S1AVX512(t *dwTile)

//go:noescape
func dwK1S2AVX512(t *dwTile)

//go:noescape
func dwK3S1AVX512(t *dwTile)

//go:noescape
func dwK3S2AVX512(t *dwTile)

//go:noescape
func dwK5S1AVX512(t *dwTile)

//go:noescape
func dwK5S2AVX512(t *dwTile)

//go:noescape
func dwK7S1AVX512(t *dwTile)

//go:noescape
func dwK7S2AVX512(t *dwTile)

//go:noescape
func dwK1S1AVX2(t *dwTile)

//go:noescape
func dwK1S2AVX2(t *dwTile)

//go:noescape
func dwK3S1AVX2(t *dwTile)

//go:noescape
func dwK3S2AVX2(t *dwTile)

//go:noescape
func dwK5S1AVX2(t *dwTile)

//go:noescape
func dwK5S2AVX2(t *dwTile)

//go:noescape
func dwK7S1AVX2(t *dwTile)

//go:noescape
func dwK7S2AVX2(t *dwTile)

//go:noescape
func dwPixelAVX512(t *dwPixel)

//go:noescape
func dwPixelAVX2(t *dwPixel)

//go:noescape
func unaryAVX512(t *unaryCall)

//go:noescape
func unaryAVX2(t *unaryCall)

//go:noescape
func binaryAVX512(t *binaryCall)

//go:noescape
func binaryAVX2(t *binaryCall)

//go:noescape
func poolAVX512(t *poolPixel)

//go:noescape
func poolAVX2(t *poolPixel)

//go:noescape
func winogradInAVX512(t *winogradPatches)

//go:noescape
func winogradInAVX2(t *winogradPatches)

//go:noescape
func winogradOutAVX512(t *winogradSums)

//go:noescape
func winogradOutAVX2(t *winogradSums)

func gemmF32AVX512(a *GemmArgs)               { gemmDeep(a, setAVX512) }
func gemmF32AVX2(a *GemmArgs)                 { gemmDeep(a, setAVX2) }
func gemvF32AVX512(a *GemmArgs)               { gemvRows(a, setAVX512) }
func gemvF32AVX2(a *GemmArgs)                 { gemvRows(a, setAVX2) }
func dwF32AVX512(a *DwArgs)                   { dwColumns(a, setAVX512) }
func dwF32AVX2(a *DwArgs)                     { dwColumns(a, setAVX2) }
func unaryF32AVX512(a *UnaryArgs)             { unaryRows(a, setAVX512) }
func unaryF32AVX2(a *UnaryArgs)               { unaryRows(a, setAVX2) }
func binaryF32AVX512(a *BinaryArgs)           { binaryRows(a, setAVX512) }
func binaryF32AVX2(a *BinaryArgs)             { binaryRows(a, setAVX2) }
func poolF32AVX512(a *PoolArgs)               { poolPixels(a, setAVX512) }
func poolF32AVX2(a *PoolArgs)                 { poolPixels(a, setAVX2) }
func meanF32AVX512(a *MeanArgs)               { meanRows(a, setAVX512) }
func meanF32AVX2(a *MeanArgs)                 { meanRows(a, setAVX2) }
func winogradInF32AVX512(a *WinogradInArgs)   { winogradRows(a, setAVX512) }
func winogradInF32AVX2(a *WinogradInArgs)     { winogradRows(a, setAVX2) }
func winogradOutF32AVX512(a *WinogradOutArgs) { winogradSumRows(a, setAVX512) }
func winogradOutF32AVX2(a *WinogradOutArgs)   { winogradSumRows(a, setAVX2) }

func callGemm(s asmSet, t *gemmTile) {
	if s == setAVX512 {
		gemmAVX512(t)
	} else {
		gemmAVX2(t)
	}
}

func callGemv(s asmSet, t *gemvCall) {
	if s == setAVX512 {
		gemvAVX512(t)
	} else {
		gemvAVX2(t)
	}
}

func callUnary(s asmSet, t *unaryCall) {
	if s == setAVX512 {
		unaryAVX512(t)
	} else {
		unaryAVX2(t)
	}
}

func callBinary(s asmSet, t *binaryCall) {
	if s == setAVX512 {
		binaryAVX512(t)
	} else {
		binaryAVX2(t)
	}
}

func callPool(s asmSet, t *poolPixel) {
	if s == setAVX512 {
		poolAVX512(t)
	} else {
		poolAVX2(t)
	}
}

func callDwPixel(s asmSet, t *dwPixel) {
	if s == setAVX512 {
		dwPixelAVX512(t)
	} else {
		dwPixelAVX2(t)
	}
}

func callWinogradIn(s asmSet, t *winogradPatches) {
	if s == setAVX512 {
		winogradInAVX512(t)
	} else {
		winogradInAVX2(t)
	}
}

func callWinogradOut(s asmSet, t *winogradSums) {
	if s == setAVX512 {
		winogradOutAVX512(t)
	} else {
		winogradOutAVX2(t)
	}
}

// callDw runs the assembly for a width of taps and a stride.
func callDw(s asmSet, kw, stride int, t *dwTile) {
	if s == setAVX512 {
		switch kw*2 + stride {
		case 1*2 + 1:
			dwK1S1AVX512(t)
		case 1*2 + 2:
			dwK1S2AVX512(t)
		case 3*2 + 1:
			dwK3S1AVX512(t)
		case 3*2 + 2:
			dwK3S2AVX512(t)
		case 5*2 + 1:
			dwK5S1AVX512(t)
		case 5*2 + 2:
			dwK5S2AVX512(t)
		case 7*2 + 1:
			dwK7S1AVX512(t)
		case 7*2 + 2:
			dwK7S2AVX512(t)
		}
		return
	}
	switch kw*2 + stride {
	case 1*2 + 1:
		dwK1S1AVX2(t)
	case 1*2 + 2:
		dwK1S2AVX2(t)
	case 3*2 + 1:
		dwK3S1AVX2(t)
	case 3*2 + 2:
		dwK3S2AVX2(t)
	case 5*2 + 1:
		dwK5S1AVX2(t)
	case 5*2 + 2:
		dwK5S2AVX2(t)
	case 7*2 + 1:
		dwK7S1AVX2(t)
	case 7*2 + 2:
		dwK7S2AVX2(t)
	}
}
