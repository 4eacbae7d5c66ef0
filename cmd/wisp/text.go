package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/wispnet/wisp/internal/report"
)

// group writes a whole number with its digits in threes.
func group(n int64) string { return report.Group(n) }

func oneDecimal(v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", v)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
