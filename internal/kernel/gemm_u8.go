package kernel

// GemmU8Args describes one call of a matrix product of bytes:
//
//	C[m,n] = Finish(Σ_s Σ_k A[m·LDA + Off_s + k] · W[B_s + k, n])
//
// for m in [0, M) and n in [N0, N1), A unsigned and W signed. Sums are exact in 32 bits.
// What zero points make of a product is the caller's: A's is part of the bias, weights
// beyond [−128, 127] are more segments over the same A, one for each of Planes.
//
// W is packed by PackGemmU8 for the variant; K counts its rows and is a multiple of the
// variant's Side, and so are B and the rows that a segment takes, whatever its own K. P is
// packed by PackFinish. N0 is a multiple of Cols; N1 is a multiple of Cols or N.
//
// Up to Side − 1 elements after a segment's last are read of every row, and meet weights of
// zero; up to Slack bytes after the end of A. Nothing outside C[m, N0:N1] is written.
type GemmU8Args struct {
	A        []uint8
	W        []int8
	P        []int32
	C        []uint8
	Segs     []Segment
	M        int
	N0, N1   int
	K        int
	LDA, LDC int
	Finish   Finish
}

// GemmU8 are the matrix products of bytes.
var GemmU8 = append(gemmU8Arch(), Variant[GemmU8Args]{"go", "", 1, 4, 4, 1000, gemmU8Generic})

// Planes is how many signed bytes, added up, hold every weight from low to high, which lie
// in [−255, 255]: of the bytes of a file with their zero point taken off.
func Planes(low, high int32) int {
	n := 1
	for low < int32(-128*n) || high > int32(127*n) {
		n++
	}
	return n
}

// Plane is the byte of weight w in plane p.
func Plane(w int32, p int) int8 {
	for range p {
		w -= min(max(w, -128), 127)
	}
	return int8(min(max(w, -128), 127))
}

// PackedRow is a row of packed weights: the byte in plane Plane of weight At of every
// column, or zeros where At is negative.
type PackedRow struct{ At, Plane int }

// PackGemmU8 packs the weights of n columns, column j's from w[j·step], for panels of
// v.Cols columns: panel p lies at p·Cols·len(rows), v.Side rows of a column side by side.
// The number of rows is a multiple of Side; columns past n are zero.
func PackGemmU8(v *Variant[GemmU8Args], n int, w []int32, rows []PackedRow, step int) []int8 {
	k, cols, side := len(rows), v.Cols, v.Side
	packed := make([]int8, PackedSize(k, n, cols))
	for n0 := 0; n0 < n; n0 += cols {
		panel := packed[n0*k:][:cols*k]
		for j := range min(cols, n-n0) {
			column := w[(n0+j)*step:]
			at := j * side
			for i := 0; i < k; i += side {
				for s, r := range rows[i:][:side] {
					if r.At >= 0 {
						panel[at+s] = Plane(column[r.At], r.Plane)
					}
				}
				at += cols * side
			}
		}
	}
	return packed
}

// gemmU8Generic is the twin of every GemmU8 variant.
func gemmU8Generic(a *GemmU8Args) {
	const cols = 4
	for n := a.N0; n < a.N1; n += cols {
		panel, p := a.W[n*a.K:(n+cols)*a.K], a.P[n*FinishBlocks:]
		width := min(cols, a.N1-n)
		for m := range a.M {
			var sum [cols]int32
			for i := range a.Segs {
				s := &a.Segs[i]
				if s.K == 0 {
					continue
				}
				x := a.A[m*a.LDA+s.Off:][:s.K]
				w := panel[s.B*cols:]
				for ; len(x) >= 4 && len(w) >= 16; x, w = x[4:], w[16:] {
					x0, x1, x2, x3 := int32(x[0]), int32(x[1]), int32(x[2]), int32(x[3])
					sum[0] += x0*int32(w[0]) + x1*int32(w[1]) + x2*int32(w[2]) + x3*int32(w[3])
					sum[1] += x0*int32(w[4]) + x1*int32(w[5]) + x2*int32(w[6]) + x3*int32(w[7])
					sum[2] += x0*int32(w[8]) + x1*int32(w[9]) + x2*int32(w[10]) + x3*int32(w[11])
					sum[3] += x0*int32(w[12]) + x1*int32(w[13]) + x2*int32(w[14]) + x3*int32(w[15])
				}
				for k, v := range x {
					for j := range cols {
						sum[j] += int32(v) * int32(w[4*j+k])
					}
				}
			}
			out := a.C[m*a.LDC+n:][:width]
			for j := range out {
				out[j] = a.Finish.apply(sum[j], p, cols, j)
			}
		}
	}
}
