package graph

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// About is what a file says of its network beside the graph: how a picture becomes its
// input and what its classes are called. All of it is the file's own word and may hold
// anything; it is bounded by whoever reads it.
type About struct {
	Description string
	// Recipe is the id of a preprocessing recipe, in files that wisp wrote.
	Recipe string
	// Mean and Std say that a byte b of a picture becomes (b − Mean[c]) / Std[c] in channel c
	// of the input: one number for all channels or one for each, in the input's order. Both
	// are nil where the file does not say.
	Mean, Std []float32
	// Order is that of the input's channels: "RGB", "BGR", or "" where the file does not say.
	Order string
	// Labels names every element of the first output; nil where the file does not.
	Labels []string
	// Warnings say what of this could not be read.
	Warnings []string
}

// Bounds of what a file may say: labels, and bytes of each.
const (
	MaxLabels    = 1 << 16
	MaxLabel     = 1 << 10
	MaxLabelFile = 1 << 22 // bytes of all
)

// LabelList reads names, one a line, of which an empty last one does not count. Control
// characters become their escapes, so that a label is one line wherever it is shown.
func LabelList(text string) ([]string, error) {
	if len(text) > MaxLabelFile {
		return nil, fmt.Errorf("%d bytes of labels: want at most %d", len(text), MaxLabelFile)
	}
	text = strings.TrimPrefix(strings.ToValidUTF8(text, "\uFFFD"), "\uFEFF")
	n := strings.Count(text, "\n") + 1
	if n > MaxLabels {
		return nil, fmt.Errorf("%d labels: want at most %d", n, MaxLabels)
	}
	list := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	for i, s := range list {
		s = strings.TrimSuffix(s, "\r")
		if len(s) > MaxLabel {
			return nil, fmt.Errorf("label %d has %d bytes: want at most %d", i, len(s), MaxLabel)
		}
		list[i] = OneLine(s)
	}
	return list, nil
}

// OneLine is a text whose control characters are written as their escapes.
func OneLine(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// Scale checks what a file says of the input's scale and takes it over, or warns.
func (a *About) Scale(mean, std []float32) {
	bad := func(v []float32) bool {
		return len(v) != 1 && len(v) != 3 || slices.ContainsFunc(v, func(x float32) bool { return math.IsNaN(float64(x)) || math.Abs(float64(x)) > 1e6 })
	}
	if bad(mean) || bad(std) || slices.ContainsFunc(std, func(x float32) bool { return x < 1e-6 }) {
		a.Warn("its mean %v and deviation %v are not one or three numbers, or not usable: they are left out", few(mean), few(std))
		return
	}
	a.Mean, a.Std = mean, std
}

func few(v []float32) []float32 { return v[:min(len(v), 4)] }

// Warn notes what could not be read.
func (a *About) Warn(format string, args ...any) {
	a.Warnings = append(a.Warnings, OneLine(fmt.Sprintf(format, args...)))
}
