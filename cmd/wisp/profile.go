package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/report"
)

// bench --profile: every step beside the least time that this machine allows it, from the
// peaks that are measured in the same run.

// lanesOf is how many float32 a register of a kernel variant holds.
var lanesOf = map[string]int{"avx512": 16, "avx2": 8, "neon": 4, "go": 1}

// machineOf is this machine as threads cores of a kernel variant see it. The nearest two
// caches belong to a core each; a buffer that was timed is half of such a cache.
func machineOf(p kernel.Peak, variant string, threads int) (cost.Machine, bool) {
	for _, f := range p.FMA {
		if f.Variant != variant {
			continue
		}
		m := cost.Machine{GFLOPs: f.GFLOPs * float64(threads), Lanes: lanesOf[variant]}
		for i, r := range p.Read {
			l := cost.Level{Name: r.Level, Capacity: int64(r.Bytes), GBs: r.GBs}
			if i < 2 {
				l.Capacity *= 2 * int64(threads)
				l.GBs *= float64(threads)
			}
			m.Levels = append(m.Levels, l)
		}
		return m, true
	}
	return cost.Machine{}, false
}

// boundProfiles measures the peaks and sets the bounds of every profile.
func boundProfiles(r *bench.Report) {
	var peak *kernel.Peak
	for i := range r.Results {
		x := &r.Results[i]
		if x.Profile == nil {
			continue
		}
		if peak == nil {
			p := better(kernel.Peaks(), kernel.Peaks())
			peak = &p
		}
		x.Profile.Bound(func(kernel, variant string) (cost.Machine, bool) {
			m, ok := machineOf(*peak, variant, x.Threads)
			if strings.HasSuffix(kernel, "_u8") {
				m.GFLOPs = 0 // the peak is that of float32; bytes are bound by the memory alone
			}
			return m, ok
		})
	}
}

func (a *app) printProfile(x bench.Result) {
	fmt.Fprintf(a.out, "\n%s, time by step (%d runs of their own, median)\n", x.Model, x.Profile.Runs)
	t := report.NewTable([]string{"step", "op", "kernel", "ms", "share", "GFLOP/s", "GB/s", "bound by", "of bound"},
		[]bool{false, false, false, true, true, true, true, false, true}, a.width())
	total := 0.0
	for _, s := range x.Profile.Steps {
		total += s.MS
	}
	for _, s := range x.Profile.Steps {
		by := "–"
		if s.Roof != nil {
			if by = s.Roof.Bound; by == "memory" {
				by = s.Roof.Level
			}
		}
		t.AppendRow(table.Row{s.Name, cmp.Or(s.Shape.Kind, s.Op), cmp.Or(s.Kernel, "–"), fmt.Sprintf("%.3f", s.MS), fmt.Sprintf("%.1f %%", 100*s.MS/max(total, 1e-12)),
			orDash(s.GFLOPs), orDash(s.GBs), by, percent(s.Share)})
	}
	fmt.Fprintf(a.out, "%s\n\n", t.Render())
	t = report.NewTable([]string{"steps", "number", "ms", "share", "M MACs", "of bound, mean by MACs"}, []bool{false, true, true, true, true, true}, a.width())
	for _, c := range x.Profile.Classes {
		t.AppendRow(table.Row{c.Name, c.Steps, fmt.Sprintf("%.3f", c.MS), fmt.Sprintf("%.1f %%", 100*c.MS/max(total, 1e-12)), fmt.Sprintf("%.1f", float64(c.Macs)/1e6), percent(c.Share)})
	}
	fmt.Fprintf(a.out, "%s\nbound: the longer of the operations at the measured multiply-add peak (times N / (lanes·⌈N/lanes⌉) for products of N outputs) and\n"+
		"the bytes, each counted once, at the measured bandwidth of the nearest cache that holds them. Steps that find their input in a nearer\n"+
		"cache, where the step before left it, may exceed it.\n", t.Render())
}

func percent(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100**v)
}
