package structure

// maxAlign bounds the table of an alignment. No network comes near it; sequences of a
// hostile file beyond it are paired by position.
const maxAlign = 1 << 22

// align pairs the elements of two sequences in order so that the sum of scores is as
// large as it can be (Needleman and Wunsch 1970, gaps for nothing). An element without a
// partner stands beside −1; pairs of score 0 or less are never made. Of equal alignments
// it takes the one that pairs earlier.
func align(a, b int, score func(i, j int) int) [][2]int {
	if a > 0 && b > maxAlign/a {
		return byPosition(a, b, score)
	}
	best := make([][]int32, a+1)
	for i := range best {
		best[i] = make([]int32, b+1)
	}
	for i := a - 1; i >= 0; i-- {
		for j := b - 1; j >= 0; j-- {
			v := max(best[i+1][j], best[i][j+1])
			if s := score(i, j); s > 0 {
				v = max(v, int32(s)+best[i+1][j+1])
			}
			best[i][j] = v
		}
	}
	var out [][2]int
	for i, j := 0, 0; i < a || j < b; {
		switch {
		case i == a:
			out = append(out, [2]int{-1, j})
			j++
		case j == b:
			out = append(out, [2]int{i, -1})
			i++
		default:
			if s := score(i, j); s > 0 && int32(s)+best[i+1][j+1] == best[i][j] {
				out = append(out, [2]int{i, j})
				i, j = i+1, j+1
			} else if best[i+1][j] == best[i][j] {
				out = append(out, [2]int{i, -1})
				i++
			} else {
				out = append(out, [2]int{-1, j})
				j++
			}
		}
	}
	return out
}

func byPosition(a, b int, score func(i, j int) int) [][2]int {
	var out [][2]int
	for i := range max(a, b) {
		switch {
		case i >= a:
			out = append(out, [2]int{-1, i})
		case i >= b:
			out = append(out, [2]int{i, -1})
		case score(i, i) > 0:
			out = append(out, [2]int{i, i})
		default:
			out = append(out, [2]int{i, -1}, [2]int{-1, i})
		}
	}
	return out
}
