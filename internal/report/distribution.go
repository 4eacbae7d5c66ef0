package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/stat"
)

// maxDots bounds the dots of one row of Distributions: of more runs, every n-th is drawn.
const maxDots = 240

// Distributions draws all samples of every result: a box, whiskers and the runs
// themselves, on one logarithmic axis. It is empty where no result keeps its samples.
func Distributions(results []bench.Result) string {
	var labels []string
	var rows [][]float64
	lo, hi := math.Inf(1), 0.0
	for i := range results {
		v := sorted(results[i].SamplesMS)
		if len(v) == 0 || v[0] <= 0 {
			continue
		}
		labels, rows = append(labels, bench.Label(results, i)), append(rows, v)
		lo, hi = min(lo, v[0]), max(hi, v[len(v)-1])
	}
	if len(rows) == 0 {
		return ""
	}
	const rowH = 30.0
	left := labelWidth(labels)
	h := padTop + rowH*float64(len(rows)) + padBase
	x := axis{lo: lo / 1.1, hi: hi * 1.1, from: left, to: plotW - padRight, log: true}
	x.ticks = logTicks(x.lo, x.hi)
	var said []string
	for i, v := range rows {
		if q, err := stat.New(v); err == nil {
			said = append(said, fmt.Sprintf("%s: median %.3g ms, 5th to 95th percentile %.3g to %.3g", labels[i], q.Median(), q.Quantile(.05), q.Quantile(.95)))
		}
	}
	s := newSVG(plotW, h, "Distribution of latency", strings.Join(said, "; "))
	s.rect("back", 0, 0, plotW, h, 0)
	s.text("head", "start", 14, 24, "Distribution of latency")
	bottom := h - padBase
	for _, t := range x.ticks {
		s.line("grid", x.at(t), padTop, x.at(t), bottom)
		s.text("soft", "middle", x.at(t), bottom+18, tickLabel(t))
	}
	s.text("soft", "middle", (left+plotW-padRight)/2, h-12, "latency of a run, ms (log scale)")
	for i, v := range rows {
		y := padTop + rowH*(float64(i)+.5)
		s.text("", "end", left-10, y+4, cut(labels[i], 40))
		step := (len(v) + maxDots - 1) / maxDots
		for k := 0; k < len(v); k += step {
			// The dots of a row are spread by a fixed pattern, so that a picture is the same each time.
			jitter := float64((k*7919)%17-8) * .8
			fmt.Fprintf(s, `<circle class="dot" cx="%s" cy="%s" r="1.6"/>`+"\n", num(x.at(v[k])), num(y+jitter))
		}
		q, err := stat.New(v)
		if err != nil {
			continue
		}
		a, b := x.at(q.Quantile(.25)), x.at(q.Quantile(.75))
		s.line("axis", x.at(q.Quantile(.05)), y, a, y)
		s.line("axis", b, y, x.at(q.Quantile(.95)), y)
		s.rect("quart", a, y-7, max(b-a, 1), 14, 1)
		s.line("median", x.at(q.Median()), y-9, x.at(q.Median()), y+9)
	}
	return s.done()
}
