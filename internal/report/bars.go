package report

import (
	"fmt"
	"html"
	"strings"

	"github.com/wispnet/wisp/bench"
)

// TimeByKind draws, for every result with a profile, one bar of the time of its steps by
// kind of layer. It is empty where there is no profile.
func TimeByKind(results []bench.Result) string {
	labels, profiles := profiled(results)
	if len(profiles) == 0 {
		return ""
	}
	sums := make([][]float64, len(profiles))
	longest := 0.0
	var said []string
	for i, p := range profiles {
		sums[i] = make([]float64, len(stepKinds))
		total := 0.0
		for k := range p.Steps {
			sums[i][kindOfStep(&p.Steps[k])] += p.Steps[k].MS
			total += p.Steps[k].MS
		}
		longest = max(longest, total)
		var parts []string
		for k, v := range sums[i] {
			if v > 0 {
				parts = append(parts, fmt.Sprintf("%s %.2f ms", stepKinds[k].name, v))
			}
		}
		said = append(said, labels[i]+": "+strings.Join(parts, ", "))
	}
	if longest == 0 {
		return ""
	}
	const rowH = 26.0
	left := labelWidth(labels)
	var names, classes []string
	for _, k := range stepKinds {
		names, classes = append(names, k.name), append(classes, k.class)
	}
	top := padTop + 8 + legendHeight(plotW-28, names)
	h := top + rowH*float64(len(profiles)) + padBase
	s := newSVG(plotW, h, "Time by kind of layer", strings.Join(said, "; "))
	s.rect("back", 0, 0, plotW, h, 0)
	s.text("head", "start", 14, 24, "Time by kind of layer")
	legendRow(s, 14, 56, plotW-28, names, classes)
	x := axis{lo: 0, hi: longest * 1.06, from: left, to: plotW - padRight - 40}
	x.ticks = niceTicks(x.lo, x.hi)
	bottom := h - padBase
	for _, t := range x.ticks {
		s.line("grid", x.at(t), top, x.at(t), bottom)
		s.text("soft", "middle", x.at(t), bottom+18, tickLabel(t))
	}
	s.text("soft", "middle", (left+plotW-padRight)/2, h-12, "ms, sum of the steps' medians")
	for i := range profiles {
		y := top + rowH*float64(i)
		s.text("", "end", left-10, y+17, cut(labels[i], 40))
		at := 0.0
		for k, v := range sums[i] {
			if v <= 0 {
				continue
			}
			fmt.Fprintf(s, `<rect class="%s" x="%s" y="%s" width="%s" height="18"><title>%s</title></rect>`+"\n", stepKinds[k].class, num(x.at(at)), num(y+4), num(x.at(at+v)-x.at(at)),
				html.EscapeString(fmt.Sprintf("%s, %s: %.3f ms", labels[i], stepKinds[k].name, v)))
			at += v
		}
		s.text("soft", "start", x.at(at)+6, y+17, fmt.Sprintf("%.2f", at))
	}
	return s.done()
}

// LayerBars draws the time of every step of one profile, in order, in the colour of its
// kind; the tips name the steps.
func LayerBars(label string, p *bench.Profile) string {
	const h = 190.0
	peak, total := 0.0, 0.0
	for i := range p.Steps {
		peak, total = max(peak, p.Steps[i].MS), total+p.Steps[i].MS
	}
	if peak == 0 {
		return ""
	}
	title := fmt.Sprintf("%s, layer by layer: %.2f ms in %d steps", label, total, len(p.Steps))
	slowest := ""
	for i := range p.Steps {
		if p.Steps[i].MS == peak {
			slowest = p.Steps[i].Name
		}
	}
	s := newSVG(plotW, h, title, fmt.Sprintf("The slowest step is %s with %.3f ms.", slowest, peak))
	s.rect("back", 0, 0, plotW, h, 0)
	s.text("head", "start", 14, 22, title)
	y := axis{lo: 0, hi: peak * 1.05, from: h - 24, to: 40}
	for _, t := range niceTicks(y.lo, y.hi) {
		s.line("grid", padLeft, y.at(t), plotW-padRight, y.at(t))
		s.text("soft", "end", padLeft-8, y.at(t)+4, tickLabel(t))
	}
	s.text("soft", "start", 14, 38, "ms")
	w := (plotW - padRight - padLeft) / float64(len(p.Steps))
	for i := range p.Steps {
		st := &p.Steps[i]
		tip := fmt.Sprintf("%s: %.3f ms, %s", st.Name, st.MS, stepKinds[kindOfStep(st)].name)
		if st.Share != nil {
			tip += fmt.Sprintf(", %.0f %% of what the machine allows", 100**st.Share)
		}
		fmt.Fprintf(s, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`+"\n", stepKinds[kindOfStep(st)].class,
			num(padLeft+w*float64(i)), num(y.at(st.MS)), num(max(w-1, .6)), num(y.from-y.at(st.MS)), html.EscapeString(tip))
	}
	s.line("axis", padLeft, y.from, plotW-padRight, y.from)
	return s.done()
}
