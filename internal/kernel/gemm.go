package kernel

// Segment is a run of K elements in every row of A: element k of row m is
// A[m·LDA + Off + k], and it meets row B of the packed weights, B+1 the next, and so on.
type Segment struct{ Off, K, B int }

// GemmArgs describes one call of a matrix product:
//
//	C[m,n] = Act(Σ_s Σ_k A[m·LDA + Off_s + k] · W[B_s + k, n] + Bias[n] + R[m,n])
//
// for m in [0, M) and n in [N0, N1). A pointwise convolution has one segment; a dense one
// has a segment per tap (or per row of taps, where they lie side by side).
//
// W is packed by PackGemm with the variant's Cols as panel width and K rows in all. N0 is a
// multiple of Cols; N1 is a multiple of Cols or N. C[m,n] is C[m·LDC + n], R[m,n] is
// R[m·LDR + n]; Bias is nil or has a value for every n; R is nil for none. C overlaps
// nothing that is read, except that R may be C itself with the same stride.
//
// Reads stay inside what the formula names, but for Slack elements after the end of A, R
// and Bias. Nothing outside C[m, N0:N1] is written.
type GemmArgs struct {
	A        []float32
	W        []float32
	Bias     []float32
	R        []float32
	C        []float32
	Segs     []Segment
	M        int
	N0, N1   int
	K        int // rows of W: the length of a panel is K·Cols
	LDA      int
	LDC, LDR int
	Act      Act
}

// Slack is how many elements past the end of a buffer a variant may read. What it finds
// there must not change a result.
const Slack = 16

// GemmF32 are the matrix products for many rows.
var GemmF32 = append(gemmF32Arch(), Variant[GemmArgs]{"go", "", 2, 3, 1, 1700, gemmGeneric})

// GemvF32 are the matrix products for few rows: the same contract, tuned for streaming W.
var GemvF32 = append(gemvF32Arch(), Variant[GemmArgs]{"go", "", 1, 6, 1, 1700, gemvGeneric})

// PackedSize is the length of PackGemm's result.
func PackedSize(k, n, cols int) int { return (n + cols - 1) / cols * cols * k }

// PackGemm packs a k×n matrix, given by at(k, n), into panels of cols columns: panel p
// holds columns p·cols … and lies at p·k·cols, row after row of cols elements. Columns
// past n are zero.
func PackGemm(k, n, cols int, at func(k, n int) float32) []float32 {
	w := make([]float32, PackedSize(k, n, cols))
	for n0 := 0; n0 < n; n0 += cols {
		panel := w[n0*k : (n0+cols)*k]
		width := min(cols, n-n0)
		for i := range k {
			row := panel[i*cols:][:cols]
			for j := range width {
				row[j] = at(i, n0+j)
			}
			clear(row[width:])
		}
	}
	return w
}

// PackRows packs the k×n matrix whose element (k, n) is src[rows[k] + n·step], as PackGemm
// does, into memory of PackedSize(len(rows), n, cols) elements.
func PackRows(w []float32, n, cols int, src []float32, rows []int, step int) {
	const block = 64 // rows of a panel that stay in L1 while its columns are filled
	for n0 := 0; n0 < n; n0 += cols {
		panel := w[n0*len(rows) : (n0+cols)*len(rows)]
		width := min(cols, n-n0)
		for k0 := 0; k0 < len(rows); k0 += block {
			some := rows[k0:min(k0+block, len(rows))]
			part := panel[k0*cols : (k0+len(some))*cols]
			for j := range width {
				from := src[(n0+j)*step:]
				at := j
				for _, r := range some {
					part[at] = from[r]
					at += cols
				}
			}
			if width < cols {
				for i := range some {
					clear(part[i*cols+width : (i+1)*cols])
				}
			}
		}
	}
}
