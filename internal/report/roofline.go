package report

import (
	"fmt"
	"html"
	"math"
	"slices"

	"github.com/wispnet/wisp/bench"
)

// Roofline draws every step with products of all profiles under the machine's roof
// (Williams, Waterman and Patterson 2009), both axes logarithmic: steps in float32, whose
// peak it is. It is empty where no profile was bounded.
func Roofline(results []bench.Result) string {
	floats := slices.DeleteFunc(slices.Clone(results), func(r bench.Result) bool { return r.Precision != "float32" })
	labels, profiles := profiled(floats)
	type dot struct {
		x, y float64
		kind int
		tip  string
	}
	var dots []dot
	peak, slope := 0.0, 0.0 // GFLOP/s, GB/s of the slowest memory that bounded a step
	x := axis{lo: math.Inf(1), hi: 0, from: padLeft, to: plotW - padRight, log: true}
	y := axis{lo: math.Inf(1), hi: 0, from: plotH - padBase, to: padTop + 24, log: true}
	for i, p := range profiles {
		for k := range p.Steps {
			s := &p.Steps[k]
			if s.GFLOPs == nil || s.Bytes <= 0 || s.Roof == nil || *s.GFLOPs <= 0 {
				continue
			}
			at := 2 * float64(s.Macs) / float64(s.Bytes)
			dots = append(dots, dot{at, *s.GFLOPs, kindOfStep(s), fmt.Sprintf("%s, %s: %.3g FLOP/byte, %.3g GFLOP/s", labels[i], s.Name, at, *s.GFLOPs)})
			x.lo, x.hi = min(x.lo, at), max(x.hi, at)
			y.lo, y.hi = min(y.lo, *s.GFLOPs), max(y.hi, *s.GFLOPs)
			if s.Roof.ComputeMS > 0 {
				peak = max(peak, 2*float64(s.Macs)/s.Roof.ComputeMS/1e6)
			}
			if s.Roof.MemoryMS > 0 {
				if gb := float64(s.Bytes) / s.Roof.MemoryMS / 1e6; slope == 0 || gb < slope {
					slope = gb
				}
			}
		}
	}
	if len(dots) == 0 || peak == 0 || slope == 0 {
		return ""
	}
	y.hi = max(y.hi, peak)
	x.lo, x.hi, y.lo, y.hi = x.lo/1.3, max(x.hi, peak/slope)*1.3, y.lo/1.3, y.hi*1.4
	x.ticks, y.ticks = logTicks(x.lo, x.hi), logTicks(y.lo, y.hi)
	s := newSVG(plotW, plotH, "Roofline", fmt.Sprintf("%d steps with products. The machine's peak is %.0f GFLOP/s; the farthest memory that bounds a step gives %.0f GB/s.", len(dots), peak, slope))
	s.rect("back", 0, 0, plotW, plotH, 0)
	s.text("head", "start", 14, 24, "Roofline: what each step does of what the machine could")
	var names, classes []string
	for _, k := range stepKinds[:len(stepKinds)-1] {
		names, classes = append(names, k.name), append(classes, k.class)
	}
	legendRow(s, 14, 56, plotW-28, names, classes)
	for _, t := range x.ticks {
		s.line("grid", x.at(t), y.to, x.at(t), y.from)
		s.text("soft", "middle", x.at(t), y.from+18, tickLabel(t))
	}
	for _, t := range y.ticks {
		s.line("grid", x.from, y.at(t), x.to, y.at(t))
		s.text("soft", "end", padLeft-8, y.at(t)+4, tickLabel(t))
	}
	s.text("soft", "middle", (padLeft+plotW-padRight)/2, plotH-12, "operations per byte moved (log scale)")
	fmt.Fprintf(s, `<text class="soft" text-anchor="middle" transform="translate(16 %s) rotate(-90)">GFLOP/s (log scale)</text>`+"\n", num((y.from+y.to)/2))
	ridge := peak / slope
	start := max(x.lo, y.lo/slope)
	s.path("roof", fmt.Sprintf("M%s %sL%s %sH%s", num(x.at(start)), num(y.at(start*slope)), num(x.at(ridge)), num(y.at(peak)), num(x.to)))
	s.text("label soft", "end", x.to-4, y.at(peak)-6, fmt.Sprintf("%.0f GFLOP/s", peak))
	for _, d := range dots {
		fmt.Fprintf(s, `<circle class="%s" cx="%s" cy="%s" r="3.2" fill-opacity=".75"><title>%s</title></circle>`+"\n", stepKinds[d.kind].class, num(x.at(d.x)), num(y.at(d.y)), html.EscapeString(d.tip))
	}
	return s.done()
}
