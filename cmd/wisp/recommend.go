package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/internal/advise"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/internal/stat"
	"github.com/wispnet/wisp/zoo"
)

// wisp recommend prints which network to take under limits: the front of published
// accuracy and latency, MnasNet's reward, and what to measure next.
func newRecommend(a *app) *cobra.Command {
	var models modelFlags
	var flags benchFlags
	var limits limitFlags
	var from []string
	var pixel int
	cmd := &cobra.Command{
		Use:   "recommend [MODEL...]",
		Short: "Say which network to take under limits of latency, size, MACs and accuracy",
		Long: `Say which network to take. Candidates are the MODELs, else the zoo's networks with a published accuracy that keep the limits and are
near the front of accuracy and multiply-adds. Their latencies are measured here, or taken from records (--from), or from what was
published for a phone (--published-pixel); these are never mixed. Accuracies are the published ones, of float32 weights.`,
		Example: "  wisp recommend --max-latency 3ms\n  wisp recommend --max-bytes 10MB --min-top1 68 --max-latency 2ms\n  wisp recommend --published-pixel 1 --max-latency 50ms",
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := limits.read()
			if err != nil {
				return err
			}
			if len(from) > 0 && pixel > 0 {
				return usagef("recommend: --from and --published-pixel: want one of them")
			}
			all, err := a.candidates(args, l, &models, len(from) == 0 && pixel == 0)
			if err != nil {
				return err
			}
			var where string
			switch {
			case len(from) > 0:
				where, err = a.latenciesFrom(all, from)
			case pixel > 0:
				where, err = publishedPixel(all, pixel)
			default:
				where, err = a.latenciesHere(cmd, all, &flags, &models)
			}
			if err != nil {
				return err
			}
			return a.recommend(advise.Advise(all, l), where)
		},
	}
	models.add(cmd)
	flags.add(cmd, "quick")
	flags.maxTime = quickCap
	cmd.Flags().Lookup("max-time").DefValue = quickCap.String()
	limits.add(cmd)
	cmd.Flags().StringArrayVar(&from, "from", nil, "take latencies from records: `DIR|FILE`; may be repeated")
	cmd.Flags().IntVar(&pixel, "published-pixel", 0, "take the latencies that were published for Pixel `1, 2 or 3`")
	return cmd
}

// limitFlags are the limits as the command line writes them.
type limitFlags struct {
	latency, target time.Duration
	bytes, macs     string
	top1            float64
}

func (f *limitFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.latency, "max-latency", 0, "longest latency, such as 10ms")
	cmd.Flags().StringVar(&f.bytes, "max-bytes", "", "largest weights in float32, such as 10MB")
	cmd.Flags().StringVar(&f.macs, "max-macs", "", "most multiply-adds, such as 300M")
	cmd.Flags().Float64Var(&f.top1, "min-top1", 0, "least top-1, percent")
	cmd.Flags().DurationVar(&f.target, "target", 0, "T of the reward ACC·(LAT/T)^w, instead of the longest latency")
}

func (f *limitFlags) read() (advise.Limits, error) {
	l := advise.Limits{LatencyMS: f.latency.Seconds() * 1e3, Top1: f.top1, TargetMS: f.target.Seconds() * 1e3}
	var err error
	if l.Bytes, err = amount(f.bytes); err != nil {
		return l, usagef("--max-bytes %s: %v", f.bytes, err)
	}
	if l.MACs, err = amount(f.macs); err != nil {
		return l, usagef("--max-macs %s: %v", f.macs, err)
	}
	if f.latency < 0 || f.target < 0 || !(f.top1 >= 0 && f.top1 <= 100) {
		return l, usagef("--max-latency %v, --target %v, --min-top1 %v: want no negative time and 0 to 100 percent", f.latency, f.target, f.top1)
	}
	return l, nil
}

// amount reads "300M", "10MB", "1.5GiB"; empty is 0.
func amount(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	number := strings.TrimRight(s, "BbikKMmGg ")
	unit := strings.ToLower(strings.TrimSpace(s[len(number):]))
	scale, ok := map[string]float64{"": 1, "b": 1, "k": 1e3, "kb": 1e3, "kib": 1 << 10, "m": 1e6, "mb": 1e6, "mib": 1 << 20, "g": 1e9, "gb": 1e9, "gib": 1 << 30}[unit]
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !ok || !(v > 0 && v*scale < 1e18) {
		return 0, fmt.Errorf("want a number above 0 with k, M or G, such as 300M or 10MB")
	}
	return int64(v * scale), nil
}

// mostCandidates is how many networks are measured where none is named.
const mostCandidates = 16

// candidates gathers counts and published accuracies; few bounds how many are chosen, where
// they are to be measured.
func (a *app) candidates(names []string, l advise.Limits, models *modelFlags, few bool) ([]advise.Candidate, error) {
	named := len(names) > 0
	if !named {
		names = zooNames()
	}
	var out []advise.Candidate
	for _, name := range names {
		m, err := wisp.Open(name, models.options()...)
		if err != nil {
			return nil, err
		}
		c, ok, err := candidate(m)
		m.Close()
		if err != nil {
			return nil, err
		}
		if !ok && named {
			a.say("%s: no accuracy was published for it at this width, size and float32: it is left out", name)
		}
		if ok && (named || (l.Bytes <= 0 || c.Bytes <= l.Bytes) && (l.MACs <= 0 || c.MACs <= l.MACs) && c.Top1+c.Top1Half >= l.Top1) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("recommend: no network with a published accuracy keeps the limits of bytes, MACs and top-1")
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
	return out, nil
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

// imagenetImages is how many images a published accuracy is of.
const imagenetImages = 50000

func candidate(m *wisp.Model) (advise.Candidate, bool, error) {
	c := advise.Candidate{Model: m.Name, Family: m.Family}
	if m.Spec == nil {
		return c, false, nil
	}
	for _, p := range m.Spec.Published() {
		if p.Top1 <= 0 || p.Precision != "float32" || p.Size != m.Spec.H || p.Size != m.Spec.W {
			continue
		}
		counts, err := cost.Of(m.Graph)
		if err != nil {
			return c, false, err
		}
		iv, err := stat.Wilson(int(p.Top1/100*imagenetImages+0.5), imagenetImages)
		if err != nil {
			return c, false, err
		}
		c.Top1, c.Top1Half, c.Top1From = p.Top1, iv.HalfWidth(), "published: "+p.Weights+"; "+p.Source
		c.Bytes, c.MACs = counts.Bytes.Float32, counts.MACs
		return c, true, nil
	}
	return c, false, nil
}

// latenciesHere measures all candidates.
func (a *app) latenciesHere(cmd *cobra.Command, all []advise.Candidate, flags *benchFlags, models *modelFlags) (string, error) {
	if len(flags.threads) != 1 || len(flags.batches) != 1 || len(flags.sessions) != 1 || strings.ContainsAny(flags.engines+flags.precision, ",") {
		return "", usagef("recommend: want one engine, one precision, one number of threads, one batch and one number of sessions")
	}
	if flags.level != "quick" && !cmd.Flags().Changed("max-time") {
		flags.maxTime = 0
	}
	var names []string
	for _, c := range all {
		names = append(names, c.Model)
	}
	rows, err := flags.wanted(names, models.weights)
	if err != nil {
		return "", err
	}
	p, err := flags.plan(cmd.Context(), a, rows, models)
	if err != nil {
		return "", err
	}
	r, err := a.measure(cmd.Context(), p)
	if err != nil {
		return "", err
	}
	for i := range all {
		for k := range r.Results {
			if x := &r.Results[k]; x.Model == all[i].Model {
				all[i].Latency, all[i].LatencyBy = &advise.Range{Median: x.Latency.Median, Lo: x.Latency.Median, Hi: x.Latency.Median}, "measured, grade "+string(x.Grade)
				if ci := x.Latency.CI95; ci != nil {
					all[i].Latency.Lo, all[i].Latency.Hi = ci.Lo, ci.Hi
				}
			}
		}
	}
	return where(r, record.ReadHost()), nil
}

// latenciesFrom takes latencies from the table of records that knows most candidates.
func (a *app) latenciesFrom(all []advise.Candidate, from []string) (string, error) {
	j, err := a.join(from, nil, "models", false)
	if err != nil {
		return "", err
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
	return fmt.Sprintf("Latencies of records: %s (%s), %s %s, %d %s, level %s.", c.CPU, c.Device, c.Engine, c.Precision, c.Threads, plural(c.Threads, "thread"), c.Level), nil
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
		for _, p := range spec.Published() {
			if v, ok := p.PixelLatency(phone); ok && p.Precision == "float32" && p.Size == spec.H && p.Size == spec.W {
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

func (a *app) recommend(d advise.Advice, where string) error {
	if a.json {
		return a.print(struct {
			envelope
			Where string `json:"where"`
			advise.Advice
		}{a.envelope(), where, d})
	}
	fmt.Fprintf(a.out, "%s\n\n", where)
	t := report.NewTable([]string{"network", "top-1 %", "latency ms", "95 % interval", "MB", "MACs M", "fits", "front", "soft", "hard", "why not"},
		[]bool{false, true, true, true, true, true, false, false, true, true, false}, a.width())
	share := func(v *float64) string {
		if v == nil {
			return "–"
		}
		return fmt.Sprintf("%.4f", *v)
	}
	for _, r := range d.Rows {
		latency, interval := "–", "–"
		if l := r.Latency; l != nil {
			latency = ms(&l.Median)
			if l.Lo < l.Hi {
				interval = ms(&l.Lo) + "–" + ms(&l.Hi)
			}
		}
		t.AppendRow(table.Row{r.Model, fmt.Sprintf("%.1f", r.Top1), latency, interval, fmt.Sprintf("%.1f", float64(r.Bytes)/1e6), fmt.Sprintf("%.1f", float64(r.MACs)/1e6),
			r.Fits, r.Front, share(r.Soft), share(r.Hard), strings.Join(r.Why, "; ")})
	}
	fmt.Fprintf(a.out, "%s\ntop-1: published. fits: the limits. front: no other is both faster and more accurate (perhaps: intervals overlap).\n", t.Render())
	if d.Limits.TargetMS > 0 {
		fmt.Fprintf(a.out, "soft, hard: MnasNet's reward ACC·(LAT/T)^w with T = %.3g ms: w = −0.07; w = 0 up to T and −1 above.\n", d.Limits.TargetMS)
	}
	switch {
	case d.Pick == "":
		fmt.Fprint(a.out, "\nNo network fits.\n")
	case d.Sure:
		fmt.Fprintf(a.out, "\nTake %s.\n", d.Pick)
	default:
		fmt.Fprintf(a.out, "\nTake %s, which perhaps fits.\n", d.Pick)
	}
	if n := d.Next; n != nil {
		fmt.Fprintf(a.out, "Measure next: the %s of %s: %s (worth %.2f points of top-1 on average).\n", n.What, n.Model, n.Why, n.Gain)
	} else {
		fmt.Fprint(a.out, "No single measurement would change this by 0.01 points of top-1.\n")
	}
	return nil
}
