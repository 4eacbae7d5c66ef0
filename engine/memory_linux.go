package engine

import (
	"syscall"
	"unsafe"
)

// largePage is the size of a large page of this system's processors, and of the smallest
// memory for which two of them are asked.
const largePage = 2 << 20

// adviseLarge asks for large pages inside x before it is touched. It is advice: a system
// without them ignores it.
func adviseLarge(x []float32) {
	if len(x) < 2*largePage/4 {
		return
	}
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(x))) % largePage)
	size := (4*len(x) - skip) / largePage * largePage
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
	_ = syscall.Madvise(bytes[skip:skip+size], syscall.MADV_HUGEPAGE)
}
