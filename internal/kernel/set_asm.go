//go:build (amd64 || arm64) && !purego

package kernel

// asmSet is an instruction set of the assembly. The functions of a set are called through
// switches and not through function values, so that argument structs stay on the stack.
type asmSet int

const (
	setAVX512 asmSet = iota
	setAVX2
	setNEON
	setDot  // NEON with dot products of bytes
	setI8MM // NEON with products of blocks of bytes
)

// mask says which lanes of the last register of n elements exist. AVX-512 wants the bits;
// AVX2 wants 0 where all do, and the lanes as integers otherwise; NEON wants their number.
func (s asmSet) mask(lanes *[8]int32, width, n int) uint64 {
	n = (n-1)%width + 1
	switch s {
	case setAVX512:
		return 1<<n - 1
	case setNEON:
		return uint64(n)
	}
	for i := range lanes {
		lanes[i] = 0
		if i < n {
			lanes[i] = -1
		}
	}
	if n == width {
		return 0
	}
	return 1
}

// tail is mask for rows of whole registers and a rest: 0 where nothing is left over.
func (s asmSet) tail(lanes *[8]int32, width, n int) uint64 {
	if n%width == 0 {
		return 0
	}
	return s.mask(lanes, width, n)
}

// lanes is how many float32 a register holds.
func (s asmSet) lanes() int {
	switch s {
	case setAVX512:
		return 16
	case setAVX2:
		return 8
	}
	return 4
}

// asmElements bounds the elements that one call of the simple kernels' assembly does, for
// nothing can interrupt it.
const asmElements = 64 << 10
