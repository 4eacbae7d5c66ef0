package zoo

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns the n names most like the given one, by edit distance after leaving
// out case and punctuation; a name that the other one starts with comes first.
func nearest(name string, n int) []string {
	type candidate struct {
		name     string
		distance int
		prefix   bool
		order    int
	}
	plain := plainName(name)
	all := make([]candidate, len(All))
	for i, m := range All {
		p := plainName(m.Name)
		all[i] = candidate{m.Name, editDistance(plain, p), plain != "" && strings.HasPrefix(p, plain), i}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.prefix != b.prefix {
			if a.prefix {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.order, b.order))
	})
	out := make([]string, 0, n)
	for _, c := range all[:min(n, len(all))] {
		out = append(out, c.name)
	}
	return out
}

func plainName(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	line := make([]int, len(b)+1)
	for j := range line {
		line[j] = j
	}
	for i := range len(a) {
		diagonal := line[0]
		line[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = line[j+1]
			line[j+1] = min(change, line[j]+1, line[j+1]+1)
		}
	}
	return line[len(b)]
}
