package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

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

// deviceCells is one table of all devices: a row for each model, a column for each device.
// Ranks are within a column, since figures of two machines are not ranked: they differ in
// more than what is compared.
func deviceCells(devices []DeviceColumn) *Cells {
	t := &Cells{Heads: []string{"model"}, Right: []bool{false}}
	rows := map[string][]string{}
	var labels []string
	for k, d := range devices {
		t.Heads, t.Right = append(t.Heads, d.Name+" ms"), append(t.Right, true)
		if d.Document == nil {
			continue
		}
		for i := range d.Document.Results {
			label := bench.Label(d.Document.Results, i)
			if rows[label] == nil {
				labels = append(labels, label)
				rows[label] = slices.Repeat([]string{"–"}, len(devices)+1)
				rows[label][0] = label
			}
			rows[label][k+1] = deviceCell(&d.Document.Results[i], d.Front[label])
		}
	}
	for _, label := range labels {
		t.Rows = append(t.Rows, rows[label])
	}
	return t
}

// deviceLegend says how to read deviceCells.
func deviceLegend(devices []DeviceColumn) []string {
	text := []string{"A cell is the median with its 95 % interval, the grade, and the rank among the models on that device (~: not ranked). Devices are not ranked with one another."}
	if slices.ContainsFunc(devices, func(d DeviceColumn) bool { return d.Front != nil }) {
		text = append(text, "* on the device's own Pareto front of published top-1 and measured latency.")
	}
	return text
}

// PrintDevices prints that table, and below it where each device measured or what is wrong.
func PrintDevices(w io.Writer, devices []DeviceColumn, width int) {
	if t := deviceCells(devices); len(t.Rows) > 0 {
		fmt.Fprintln(w, t.Table(width).Render())
	}
	fmt.Fprintln(w)
	for _, l := range deviceLegend(devices) {
		fmt.Fprintln(w, l)
	}
	for i := range devices {
		fmt.Fprintf(w, "\n%s\n", devices[i].Story())
	}
}

// Story is where a device measured, and what is wrong.
func (d *DeviceColumn) Story() string {
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
	return line
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
