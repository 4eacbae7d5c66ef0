//go:build !purego

package kernel

import "unsafe"

//go:noescape
func fmaLoopAVX512(n int)

//go:noescape
func readLoopAVX512(x unsafe.Pointer, n int)

func readAVX512(x []float32) { readLoopAVX512(unsafe.Pointer(unsafe.SliceData(x)), len(x)/256) }
