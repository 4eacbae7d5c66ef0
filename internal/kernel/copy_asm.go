//go:build (amd64 || arm64) && !purego

package kernel

// The loops around the assembly of strided copies: rows of elements that lie side by side in
// the source and go to places a small step apart. Other copies are the twin's.

// maxStep is the largest distance in the destination that the assembly is called for.
const maxStep = 4

// copyChunk is the size in bytes of the rows that stay in L1 while others pass.
const copyChunk = 16 << 10

// copyLast is the offset of the last element of a copy.
func copyLast(dims, strides [3]int) (at int) {
	for d, n := range dims {
		at += (n - 1) * strides[d]
	}
	return at
}

// spreadRow is the longest dimension that is contiguous in the source, a small step apart in
// the destination and not shorter than a register of lanes; −1 where there is none.
func spreadRow(dims, xs, ys [3]int, lanes int) int {
	row := -1
	for d := range 3 {
		if xs[d] == 1 && ys[d] >= 2 && ys[d] <= maxStep && dims[d] >= lanes && (row < 0 || dims[d] > dims[row]) {
			row = d
		}
	}
	if row >= 0 && (dims[(row+1)%3] <= 0 || dims[(row+2)%3] <= 0) {
		return -1
	}
	return row
}

// spread cuts a copy whose rows are dimension row into calls: do gets the offsets of the
// first element, m rows of n elements, at least a register of lanes, and the dimension that
// leads from row to row. Size is the bytes of an element.
func spread(dims, xs, ys [3]int, row, lanes, size int, do func(x, y, m, n, inner int)) {
	outer, inner := (row+1)%3, (row+2)%3
	if dims[outer] > dims[inner] {
		outer, inner = inner, outer
	}
	n := dims[row]
	width := min(n, asmElements)
	// The passes of the outer dimension find in L1 what they share.
	height := min(asmElements/width, copyChunk/(size*(xs[inner]+ys[inner])+1))
	if dims[outer] == 1 {
		height = asmElements / width
	}
	height = max(1, height)
	for j := 0; j < dims[inner]; j += height {
		for i := range dims[outer] {
			for k := 0; k < n; k += width {
				// A rest shorter than a register begins earlier instead.
				k := min(k, max(0, n-max(lanes, min(width, n-k))))
				do(i*xs[outer]+j*xs[inner]+k, i*ys[outer]+j*ys[inner]+k*ys[row], min(height, dims[inner]-j), min(width, n-k), inner)
			}
		}
	}
}
