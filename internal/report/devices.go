package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
)

// DeviceColumn is one device of a lab with what was measured on it.
type DeviceColumn struct {
	Name    string // "adb:emulator-5554", a worker's name
	Machine string
	// Why says what is wrong with the measurement: refused, or lost in the middle.
	Why      string
	Document *record.Document // nil: nothing was measured
	// Front holds the labels on the device's own Pareto front; nil: not asked for.
	Front map[string]bool
}

// PrintDevices prints one table of all devices: a row for each model, a column for each
// device. Ranks are within a column, since figures of two machines are not ranked: they
// differ in more than what is compared.
func PrintDevices(w io.Writer, devices []DeviceColumn, width int) {
	heads, right := []string{"model"}, []bool{false}
	var labels []string
	front := false
	cells := map[string]map[int]string{}
	for k, d := range devices {
		heads, right = append(heads, d.Name+" ms"), append(right, true)
		front = front || d.Front != nil
		if d.Document == nil {
			continue
		}
		for i := range d.Document.Results {
			label := bench.Label(d.Document.Results, i)
			if !slices.Contains(labels, label) {
				labels = append(labels, label)
			}
			if cells[label] == nil {
				cells[label] = map[int]string{}
			}
			cells[label][k] = deviceCell(&d.Document.Results[i], d.Front[label])
		}
	}
	t := NewTable(heads, right, width)
	for _, label := range labels {
		row := table.Row{label}
		for k := range devices {
			if c, ok := cells[label][k]; ok {
				row = append(row, c)
			} else {
				row = append(row, "–")
			}
		}
		t.AppendRow(row)
	}
	if len(labels) > 0 {
		fmt.Fprintln(w, t.Render())
	}
	fmt.Fprintln(w, "\nA cell is the median with its 95 % interval, the grade, and the rank among the models on that device (~: not ranked). Devices are not ranked with one another.")
	if front {
		fmt.Fprintln(w, "* on the device's own Pareto front of published top-1 and measured latency.")
	}
	for _, d := range devices {
		line := d.Name
		if d.Machine != "" {
			line += " (" + d.Machine + ")"
		}
		switch {
		case d.Document == nil:
			line += ": nothing was measured."
		case len(d.Document.Results) > 0:
			line += ": " + d.Document.Where
		}
		if d.Why != "" {
			line += " " + strings.ToUpper(d.Why[:1]) + d.Why[1:] + "."
		}
		fmt.Fprintf(w, "\n%s\n", line)
	}
}

func deviceCell(r *bench.Result, front bool) string {
	text := milliseconds(r.Latency.Median)
	if iv := r.Latency.CI95; iv != nil {
		text += fmt.Sprintf(" (%s–%s)", milliseconds(iv.Lo), milliseconds(iv.Hi))
	}
	text += " " + string(r.Grade)
	if r.Rank != nil {
		text += fmt.Sprintf(" %d.", *r.Rank)
	} else {
		text += " ~"
	}
	if front {
		text += " *"
	}
	return text
}

func milliseconds(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
