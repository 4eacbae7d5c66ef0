package web

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// budget is a limit that a number and a slider beside it set.
type budget struct {
	Key, Label, Unit string
	Short            string // the label in a sentence about a row
	Flag             string // of the command line, with %s for the number
	AtLeast          bool   // it bounds from below
	of               func(*compareRow) *float64

	Lo, Hi  float64 // of the rows
	Value   float64 // the limit
	Set     bool    // there is one
	Missing bool    // no row has this figure
}

func float(v float64) *float64 { return &v }

func budgets() []*budget {
	return []*budget{
		{Key: "macs", Short: "MACs", Label: "MACs", Unit: "M", Flag: "--max-macs=%sM", of: func(r *compareRow) *float64 { return float(float64(r.MACs) / 1e6) }},
		{Key: "params", Short: "parameters", Label: "Parameters", Unit: "M", Flag: "--max-params=%sM", of: func(r *compareRow) *float64 { return float(float64(r.Params) / 1e6) }},
		{Key: "mb", Short: "of weights", Label: "Weights, float32", Unit: "MB", Flag: "--max-bytes=%sMB", of: func(r *compareRow) *float64 { return float(float64(r.Bytes) / 1e6) }},
		{Key: "ms", Short: "", Label: "Latency", Unit: "ms", Flag: "--max-latency=%sms", of: func(r *compareRow) *float64 {
			if r.Latency == nil {
				return nil
			}
			return &r.Latency.Median
		}},
		{Key: "top1", Short: "top-1", Label: "Top-1, published", Unit: "%", Flag: "--min-top1=%s", AtLeast: true, of: func(r *compareRow) *float64 { return r.Top1 }},
	}
}

// Text is the limit as an input holds it; empty where there is none.
func (b *budget) Text() string {
	if !b.Set {
		return ""
	}
	return exact(b.Value)
}

// Bound says which way the limit holds.
func (b *budget) Bound() string {
	if b.AtLeast {
		return "at least"
	}
	return "at most"
}

// Slide is where the slider stands, 0 to 100: by the logarithm for what spans magnitudes,
// as live.js does it.
func (b *budget) Slide() int {
	switch {
	case b.Missing:
		return 0
	case !b.Set && b.AtLeast:
		return 0
	case !b.Set:
		return 100
	case b.AtLeast:
		return int(math.Round(100 * (b.Value - b.Lo) / max(b.Hi-b.Lo, 1e-9)))
	}
	return int(math.Round(100 * math.Log(max(b.Value, b.Lo)/b.Lo) / max(math.Log(b.Hi/b.Lo), 1e-9)))
}

// read sets the range by the rows, and the limit that a query has.
func (b *budget) read(text string, rows []compareRow) error {
	b.Missing = true
	for i := range rows {
		v := b.of(&rows[i])
		if v == nil || *v <= 0 {
			continue
		}
		if b.Missing {
			b.Lo, b.Hi, b.Missing = *v, *v, false
		}
		b.Lo, b.Hi = min(b.Lo, *v), max(b.Hi, *v)
	}
	if text == "" {
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v < 1e9) {
		return problem(http.StatusBadRequest, "%s=%.20s: want a number", b.Key, text)
	}
	b.Value, b.Set = v, !b.Missing
	return nil
}

// inText is a label inside a sentence.
func inText(label string) string {
	if label == "MACs" {
		return label
	}
	return strings.ToLower(label[:1]) + label[1:]
}

// figure is a number of a row for people.
func figure(v float64) string {
	if v >= 1000 {
		return group(int64(v + 0.5))
	}
	return fmt.Sprintf("%.3g", v)
}
