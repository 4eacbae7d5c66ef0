package web

import (
	"fmt"
	"strconv"

	"github.com/wispnet/wisp/internal/report"
)

// group writes a whole number with its digits in threes.
func group(n int64) string { return report.Group(n) }

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
