package main

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/advise"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/export"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/stat"
	"github.com/wispnet/wisp/zoo"
)

// What recommend chooses among: networks with counts and published accuracies, and their
// latencies from one of three places; recommend.go has the verb.

// mostCandidates is how many networks are measured where none is named.
const mostCandidates = 16

// candidates gathers counts and published accuracies of networks that keep the limits; few
// bounds how many are chosen, where they are to be measured. Sizes are those of the files in a
// precision; where it is "", records will say which, and they are not weighed.
func (a *app) candidates(names []string, l advise.Limits, models *modelFlags, precision string, few bool) ([]advise.Candidate, error) {
	named := len(names) > 0
	if !named {
		names = publishedNames()
	}
	var out []advise.Candidate
	for _, name := range names {
		m, err := wisp.Open(name, models.options()...)
		if err != nil {
			return nil, err
		}
		c, why, err := candidate(m)
		ok := why == ""
		m.Close()
		if err != nil {
			return nil, err
		}
		if !ok && named {
			a.say("%s: left out: no published accuracy is its own: %s", name, why)
		}
		if ok && (named || (l.MACs <= 0 || c.MACs <= l.MACs) && (l.Params <= 0 || c.Params <= l.Params) && c.Top1+c.Top1Half >= l.Top1) {
			out = append(out, c)
		}
	}
	if l.Bytes > 0 && precision != "" {
		if err := weigh(out, precision, models); err != nil {
			return nil, err
		}
		if !named {
			out = slices.DeleteFunc(out, func(c advise.Candidate) bool { return c.Bytes == nil || *c.Bytes > l.Bytes })
		}
	}
	if len(out) == 0 {
		return nil, errNone
	}
	if !named && few && len(out) > mostCandidates {
		// How many others are both more accurate and cheaper in multiply-adds: 0 is the front.
		behind := func(c advise.Candidate) int {
			n := 0
			for _, q := range out {
				if q.Top1 > c.Top1 && q.MACs < c.MACs {
					n++
				}
			}
			return n
		}
		all := slices.Clone(out)
		slices.SortStableFunc(all, func(x, y advise.Candidate) int { return cmp.Compare(behind(x), behind(y)) })
		a.say("%d networks keep the limits; the %d nearest to the front of published top-1 and multiply-adds are judged: name others to have them judged too", len(out), mostCandidates)
		out = all[:mostCandidates]
	}
	if precision == "" || l.Bytes > 0 {
		return out, nil
	}
	return out, weigh(out, precision, models)
}

var errNone = errors.New("recommend: no network with a published accuracy keeps the limits of bytes, MACs and top-1")

// weigh gives candidates the sizes of their files in a precision, several at a time. One that
// no file can be written of has none.
func weigh(all []advise.Candidate, precision string, models *modelFlags) error {
	var next atomic.Int64
	var workers sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for w := range errs {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(all) && errs[w] == nil; i = int(next.Add(1)) - 1 {
				var m *wisp.Model
				if m, errs[w] = wisp.Open(all[i].Model, models.options()...); errs[w] != nil {
					return
				}
				if s, err := export.SizeOf(m, precision, version); err == nil {
					all[i].Bytes = &s.Bytes
				}
				m.Close()
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// zooNames is every network of the zoo at every width of its table.
func zooNames() []string {
	var out []string
	for _, m := range zoo.All {
		if m.Form != zoo.Bare {
			continue
		}
		out = append(out, m.Name)
		for _, w := range m.Widths {
			if w != m.Spec().Width {
				out = append(out, fmt.Sprintf("%s:%v", m.Name, w))
			}
		}
	}
	return out
}

// publishedNames is every width of every network of the zoo under a name whose graph an
// accuracy was published for: the bare one, else that of tf_ or timm_.
func publishedNames() []string {
	var out []string
	for _, name := range zooNames() {
		for _, form := range []string{"", "tf_", "timm_"} {
			spec, err := zoo.Parse(form + name)
			if err != nil {
				continue
			}
			if _, why := spec.Figures(); why == "" {
				out = append(out, form+name)
				break
			}
		}
	}
	return out
}

// imagenetImages is how many images a published accuracy is of.
const imagenetImages = 50000

// candidate is a network with the accuracy that was published of it as it is configured;
// where none was, why says so.
func candidate(m *wisp.Model) (c advise.Candidate, why string, err error) {
	c = advise.Candidate{Model: m.Name, Family: m.Family}
	figures, why := m.Published()
	if why != "" {
		return c, why, nil
	}
	i := slices.IndexFunc(figures, func(p zoo.Published) bool { return p.Top1 > 0 })
	p := figures[i]
	counts, err := cost.Of(m.Graph)
	if err != nil {
		return c, "", err
	}
	iv, err := stat.Wilson(int(p.Top1/100*imagenetImages+0.5), imagenetImages)
	if err != nil {
		return c, "", err
	}
	c.Top1, c.Top1Half, c.Top1From = p.Top1, iv.HalfWidth(), "published: "+p.Weights+", "+p.Precision+"; "+p.Source
	c.MACs, c.Params = counts.MACs, counts.Params
	return c, "", nil
}

// latenciesHere measures all candidates, here or on the device of --on, which it names.
func (a *app) latenciesHere(cmd *cobra.Command, all []advise.Candidate, flags *benchFlags, models *modelFlags) (on, where string, err error) {
	if len(flags.threads) != 1 || len(flags.batches) != 1 || len(flags.sessions) != 1 || strings.ContainsAny(flags.engines+flags.precision, ",") {
		return "", "", usagef("recommend: want one engine, one precision, one number of threads, one batch and one number of sessions")
	}
	if flags.level != "quick" && !cmd.Flags().Changed("max-time") {
		flags.maxTime = 0
	}
	targets, err := flags.at.targets()
	if err == nil {
		err = labOnly(cmd, targets, append([]string{"max-latency", "max-bytes", "max-macs", "max-params", "min-top1", "target"}, labSends...))
	}
	if err != nil {
		return "", "", err
	}
	if len(targets) == 1 && targets[0].Kind == "lab" {
		return a.latenciesLab(cmd, targets[0], all, flags, models)
	}
	rows, err := flags.wanted(candidateNames(all), models.weights)
	if err != nil {
		return "", "", err
	}
	p, err := flags.plan(cmd.Context(), a, rows, models)
	if err != nil {
		return "", "", err
	}
	r, err := a.measure(cmd.Context(), p)
	if err != nil {
		return "", "", err
	}
	takeLatencies(all, r.Results)
	if len(targets) == 1 {
		on = targets[0].String()
	}
	return on, engines.Where(r, a.machine()), nil
}

func candidateNames(all []advise.Candidate) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.Model)
	}
	return names
}

// takeLatencies gives candidates what was measured of them.
func takeLatencies(all []advise.Candidate, results []bench.Result) {
	for i := range all {
		for k := range results {
			if x := &results[k]; x.Model == all[i].Model {
				all[i].Latency, all[i].LatencyBy = &advise.Range{Median: x.Latency.Median, Lo: x.Latency.Median, Hi: x.Latency.Median}, "measured, grade "+string(x.Grade)
				if ci := x.Latency.CI95; ci != nil {
					all[i].Latency.Lo, all[i].Latency.Hi = ci.Lo, ci.Hi
				}
			}
		}
	}
}

// latenciesFrom takes latencies from the table of records that knows most candidates, and
// says in which precision they are.
func (a *app) latenciesFrom(all []advise.Candidate, from, where []string) (text, precision string, err error) {
	j, err := a.join(from, nil, where, "models", false)
	if err != nil {
		return "", "", err
	}
	known := func(t *record.Table) int {
		n := 0
		for _, r := range t.Rows {
			if slices.ContainsFunc(all, func(c advise.Candidate) bool { return c.Model == r.Context.Model }) {
				n++
			}
		}
		return n
	}
	best := &j.tables[0]
	for i := range j.tables {
		if t := &j.tables[i]; known(t) > known(best) {
			best = t
		}
	}
	for i := range all {
		for _, r := range best.Rows {
			if x := &r.Result; x.Model == all[i].Model {
				all[i].Latency, all[i].LatencyBy = &advise.Range{Median: x.Latency.Median, Lo: x.Latency.Median, Hi: x.Latency.Median}, r.File
				if ci := x.Latency.CI95; ci != nil {
					all[i].Latency.Lo, all[i].Latency.Hi = ci.Lo, ci.Hi
				}
			}
		}
	}
	c := best.Rows[0].Context
	return fmt.Sprintf("Latencies of records: %s (%s), %s %s, %d %s, level %s.", c.CPU, c.Device, c.Engine, c.Precision, c.Threads, plural(c.Threads, "thread"), c.Level), c.Precision, nil
}

// publishedPixel takes latencies that were published for a phone; they have no intervals.
func publishedPixel(all []advise.Candidate, phone int) (string, error) {
	if phone > 3 {
		return "", usagef("--published-pixel %d: want 1, 2 or 3", phone)
	}
	found := 0
	for i := range all {
		spec, err := zoo.Parse(all[i].Model)
		if err != nil {
			return "", err
		}
		figures, _ := spec.Figures()
		for _, p := range figures {
			if v, ok := p.PixelLatency(phone); ok {
				all[i].Latency, all[i].LatencyBy = &advise.Range{Median: v, Lo: v, Hi: v}, fmt.Sprintf("published for Pixel %d, not measured: %s", phone, p.Source)
				found++
				break
			}
		}
	}
	if found == 0 {
		return "", fmt.Errorf("recommend: no latency on Pixel %d was published for any candidate", phone)
	}
	return fmt.Sprintf("Latencies as published for Pixel %d by the networks' authors, each with its own protocol: not measured, without intervals.", phone), nil
}
