package web

import (
	"fmt"
	"strconv"
)

// group writes a whole number with its digits in threes.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func orDash(v *float64, format string) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf(format, *v)
}

func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func orEmpty(v *float64) string {
	if v == nil {
		return ""
	}
	return exact(*v)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
