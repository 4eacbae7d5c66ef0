package report

import (
	"fmt"
	"slices"
	"strconv"
)

// column is one column of the comparison's table. Human is what a person reads, nil where
// only a spreadsheet has the column; exact is what a spreadsheet gets.
type column struct {
	head  string // with its unit
	key   string // the CSV header
	right bool
	human func(Row) string
	exact func(Row) string
}

func orDash(v *float64, format string) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf(format, *v)
}

func orEmpty(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

// columns are the comparison's: all but the device where there is only one.
func (c *Comparison) columns() []column {
	if slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Device != "" }) {
		return columns
	}
	return slices.DeleteFunc(slices.Clone(columns), func(col column) bool { return col.key == "device" })
}

// read are the columns that people read, in a list of its own.
func (c *Comparison) read() []column {
	return slices.DeleteFunc(slices.Clone(c.columns()), func(col column) bool { return col.human == nil })
}

var columns = []column{
	{"network", "model", false, func(r Row) string {
		if r.OnFront {
			return r.Model + " *"
		}
		return r.Model
	}, func(r Row) string { return r.Model }},
	{"device", "device", false, func(r Row) string { return r.Device }, func(r Row) string { return r.Device }},
	{"family", "family", false, func(r Row) string { return r.Family }, func(r Row) string { return r.Family }},
	{"input", "input", false, func(r Row) string { return r.Input }, func(r Row) string { return r.Input }},
	{"params M", "params", true, func(r Row) string { return fmt.Sprintf("%.2f", float64(r.Params)/1e6) }, func(r Row) string { return strconv.FormatInt(r.Params, 10) }},
	{"size MB", "bytes", true, func(r Row) string {
		if r.Bytes == 0 {
			return "–"
		}
		return fmt.Sprintf("%.1f", float64(r.Bytes)/1e6)
	}, func(r Row) string {
		if r.Bytes == 0 {
			return ""
		}
		return strconv.FormatInt(r.Bytes, 10)
	}},
	{"MACs M", "macs", true, func(r Row) string { return fmt.Sprintf("%.1f", float64(r.MACs)/1e6) }, func(r Row) string { return strconv.FormatInt(r.MACs, 10) }},
	{"top-1 %", "published_top1", true, func(r Row) string { return r.published(r.Top1) }, func(r Row) string { return orEmpty(r.Top1) }},
	{"top-5 %", "published_top5", true, func(r Row) string { return r.published(r.Top5) }, func(r Row) string { return orEmpty(r.Top5) }},
	{"latency ms", "latency_ms_median", true, func(r Row) string {
		if r.Latency == nil {
			return "–"
		}
		return fmt.Sprintf("%.1f", r.Latency.Median)
	}, func(r Row) string {
		if r.Latency == nil {
			return ""
		}
		return strconv.FormatFloat(r.Latency.Median, 'g', 6, 64)
	}},
	{"95 % interval", "latency_ms_ci95", true, func(r Row) string {
		if r.Latency == nil {
			return "–"
		}
		return fmt.Sprintf("%.1f–%.1f", r.Latency.Lo, r.Latency.Hi)
	}, func(r Row) string {
		if r.Latency == nil {
			return ""
		}
		return fmt.Sprintf("%.6g..%.6g", r.Latency.Lo, r.Latency.Hi)
	}},
	{"grade", "grade", false, func(r Row) string { return r.Grade }, func(r Row) string { return r.Grade }},
	{"precision", "precision", false, nil, func(r Row) string { return r.Precision }},
	{"published precision", "published_precision", false, nil, Row.publishedPrecision},
}

// published writes a published figure, with its precision where that is not the row's.
func (r Row) published(v *float64) string {
	text := orDash(v, "%.1f")
	if v != nil && r.Borrowed != "" {
		text += ", " + r.Borrowed
	}
	return text
}

// publishedPrecision is the precision that the published figures are of; "" where there are
// none.
func (r Row) publishedPrecision() string {
	switch {
	case r.Top1 == nil:
		return ""
	case r.Borrowed != "":
		return r.Borrowed
	}
	return "float32"
}

// legend explains the marks of the human forms.
func (c *Comparison) legend() string {
	front, borrowed := "No Pareto front: it takes a published top-1 of the row's own precision and a latency. ", ""
	for _, r := range c.Rows {
		if r.OnFront {
			front = "* on the Pareto front of published top-1 and measured latency. "
		}
		if r.Borrowed != "" {
			borrowed = "A figure with \"" + r.Borrowed + "\" behind it was published of " + r.Borrowed + " weights and counts for no front. "
		}
	}
	return front + "top-1 and top-5: published by the network's authors for this width, input size and graph, not measured here. " + borrowed +
		"MACs: multiply-adds of convolutions and linear layers. size: the .tflite file that wisp convert writes in the precision of the row. grade: A all checks passed, B a reading is missing, C not to be relied on."
}
