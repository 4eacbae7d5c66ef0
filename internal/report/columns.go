package report

import (
	"fmt"
	"slices"
	"strconv"
)

// column is one column of the comparison's table. Human is what a person reads, exact
// what a spreadsheet gets.
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
	{"size MB", "bytes", true, func(r Row) string { return fmt.Sprintf("%.1f", float64(r.Bytes)/1e6) }, func(r Row) string { return strconv.FormatInt(r.Bytes, 10) }},
	{"MACs M", "macs", true, func(r Row) string { return fmt.Sprintf("%.1f", float64(r.MACs)/1e6) }, func(r Row) string { return strconv.FormatInt(r.MACs, 10) }},
	{"top-1 %", "published_top1", true, func(r Row) string { return orDash(r.Top1, "%.1f") }, func(r Row) string { return orEmpty(r.Top1) }},
	{"top-5 %", "published_top5", true, func(r Row) string { return orDash(r.Top5, "%.1f") }, func(r Row) string { return orEmpty(r.Top5) }},
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
}

// legend explains the marks of the human forms.
const legend = "* on the Pareto front of published top-1 and measured latency. top-1 and top-5: published by the network's authors, not measured here. " +
	"MACs: multiply-adds of convolutions and linear layers. size: weights in the precision of the row. grade: A all checks passed, B a reading is missing, C not to be relied on."
