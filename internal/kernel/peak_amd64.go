//go:build !purego

package kernel

import "unsafe"

//go:noescape
func fmaLoopAVX512(n int)

//go:noescape
func fmaLoopAVX2(n int)

//go:noescape
func readLoopAVX512(x unsafe.Pointer, n int)

//go:noescape
func readLoopAVX2(x unsafe.Pointer, n int)

func readAVX512(x []float32) { readLoopAVX512(unsafe.Pointer(unsafe.SliceData(x)), len(x)/256) }
func readAVX2(x []float32)   { readLoopAVX2(unsafe.Pointer(unsafe.SliceData(x)), len(x)/256) }
