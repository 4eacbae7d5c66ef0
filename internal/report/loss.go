package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// LayerLoss draws what quantization leaves of each network's signal, layer after layer.
// It is empty where there is nothing.
func LayerLoss(losses []Loss) string {
	var names, classes []string
	for i, l := range losses {
		names, classes = append(names, l.Model), append(classes, fmt.Sprintf("c%d", i%10))
	}
	y := axis{lo: math.Inf(1), hi: math.Inf(-1), from: plotH - padBase, to: padTop + 8 + legendHeight(plotW-28, names)}
	var said []string
	longest := 0
	for _, l := range losses {
		worst := LayerSQNR{SQNR: math.Inf(1)}
		n := 0
		for _, v := range l.Layers {
			if v.FellBack || math.IsNaN(v.SQNR) || math.IsInf(v.SQNR, 0) {
				continue
			}
			n++
			y.lo, y.hi = min(y.lo, v.SQNR), max(y.hi, v.SQNR)
			if v.SQNR < worst.SQNR {
				worst = v
			}
		}
		longest = max(longest, n)
		if n > 0 {
			said = append(said, fmt.Sprintf("%s: worst %.1f dB at %s", l.Model, worst.SQNR, worst.Name))
		}
	}
	if longest == 0 {
		return ""
	}
	grow(&y, .06)
	y.ticks = niceTicks(y.lo, y.hi)
	s := newSVG(plotW, plotH, "INT8: what is left of each layer's signal", strings.Join(said, "; "))
	s.rect("back", 0, 0, plotW, plotH, 0)
	s.text("head", "start", 14, 24, "INT8: what is left of each layer's signal")
	legendRow(s, 14, 56, plotW-28, names, classes)
	for _, t := range y.ticks {
		s.line("grid", padLeft, y.at(t), plotW-padRight, y.at(t))
		s.text("soft", "end", padLeft-8, y.at(t)+4, tickLabel(t))
	}
	fmt.Fprintf(s, `<text class="soft" text-anchor="middle" transform="translate(16 %s) rotate(-90)">signal to noise, dB</text>`+"\n", num((y.from+y.to)/2))
	s.text("soft", "middle", (padLeft+plotW-padRight)/2, plotH-12, "depth in the network, first layer to last")
	for i, l := range losses {
		var d strings.Builder
		n := 0
		for _, v := range l.Layers {
			if v.FellBack || math.IsNaN(v.SQNR) || math.IsInf(v.SQNR, 0) {
				continue
			}
			n++
		}
		k := 0
		var dots strings.Builder
		for _, v := range l.Layers {
			if v.FellBack || math.IsNaN(v.SQNR) || math.IsInf(v.SQNR, 0) {
				continue
			}
			x := padLeft + (plotW-padRight-padLeft)*float64(k)/float64(max(1, n-1))
			op := "L"
			if k == 0 {
				op = "M"
			}
			fmt.Fprintf(&d, "%s%s %s", op, num(x), num(y.at(v.SQNR)))
			fmt.Fprintf(&dots, `<circle class="c%d" cx="%s" cy="%s" r="2.4"><title>%s</title></circle>`+"\n", i%10, num(x), num(y.at(v.SQNR)), html.EscapeString(fmt.Sprintf("%s, %s: %.1f dB", l.Model, v.Name, v.SQNR)))
			k++
		}
		s.path(fmt.Sprintf("thread s%d", i%10), d.String())
		s.WriteString(dots.String())
	}
	return s.done()
}
