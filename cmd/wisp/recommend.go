package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp/internal/advise"
	"github.com/wispnet/wisp/internal/report"
)

// wisp recommend prints which network to take under limits: the front of published
// accuracy and latency, MnasNet's reward, and what to measure next.
func newRecommend(a *app) *cobra.Command {
	var models modelFlags
	var flags benchFlags
	var limits limitFlags
	var from, only []string
	var pixel int
	cmd := &cobra.Command{
		Use:   "recommend [MODEL...]",
		Short: "Say which network to take under limits of latency, size, MACs and accuracy",
		Long: `Say which network to take. Candidates are the MODELs, else the zoo's networks with a published accuracy that keep the limits and are
near the front of accuracy and multiply-adds. Their latencies are measured here or on the one device of --on, or taken from records (--from), or from what was
published for a phone (--published-pixel); these are never mixed. Accuracies are the published ones, of float32 weights; sizes are those of the files that
wisp convert writes in the precision that runs (--precision, or the records').`,
		Example: "  wisp recommend --max-latency 3ms\n  wisp recommend --max-bytes 10MB --min-top1 68 --max-latency 2ms\n  wisp recommend --max-latency 20ms --on adb\n  wisp recommend --published-pixel 1 --max-latency 50ms",
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := limits.read()
			if err != nil {
				return err
			}
			if len(from) > 0 && pixel > 0 {
				return usagef("recommend: --from and --published-pixel: want one of them")
			}
			precision := flags.precision // in which sizes and latencies are
			switch {
			case len(from) > 0 && cmd.Flags().Changed("precision"):
				only = append(only, "precision="+precision)
			case pixel > 0 && precision != "float32":
				return usagef("recommend: --precision %s: latencies were published for float32 alone", precision)
			}
			if len(from) > 0 {
				precision = ""
			}
			all, err := a.candidates(args, l, &models, precision, len(from) == 0 && pixel == 0)
			if err != nil {
				return err
			}
			var on, where string
			switch {
			case len(from) > 0:
				if where, precision, err = a.latenciesFrom(all, from, only); err != nil {
					return err
				}
				if err = weigh(all, precision, &models); err == nil && len(args) == 0 && l.Bytes > 0 {
					all = slices.DeleteFunc(all, func(c advise.Candidate) bool { return c.Bytes != nil && *c.Bytes > l.Bytes })
					if len(all) == 0 {
						err = errNone
					}
				}
			case pixel > 0:
				where, err = publishedPixel(all, pixel)
			default:
				on, where, err = a.latenciesHere(cmd, all, &flags, &models)
			}
			if err != nil {
				return err
			}
			return a.recommend(advise.Advise(all, l), on, where, precision)
		},
	}
	models.add(cmd)
	flags.add(cmd, "quick")
	flags.maxTime = quickCap
	cmd.Flags().Lookup("max-time").DefValue = quickCap.String()
	limits.add(cmd)
	cmd.Flags().StringArrayVar(&from, "from", nil, "take latencies from records: `DIR|FILE`; may be repeated")
	cmd.Flags().StringArrayVar(&only, "where", nil, "with --from, only rows whose context has `FIELD=VALUE`; may be repeated")
	cmd.Flags().IntVar(&pixel, "published-pixel", 0, "take the latencies that were published for Pixel `1, 2 or 3`")
	return cmd
}

// limitFlags are the limits as the command line writes them.
type limitFlags struct {
	latency, target time.Duration
	counts          countFlags
}

// countFlags are limits of what is known without a measurement.
type countFlags struct {
	bytes, macs, params string
	top1                float64
}

func (f *countFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.bytes, "max-bytes", "", "largest file that wisp convert writes, in the precision that runs, such as 10MB")
	cmd.Flags().StringVar(&f.macs, "max-macs", "", "most multiply-adds, such as 300M")
	cmd.Flags().StringVar(&f.params, "max-params", "", "most parameters, such as 5M")
	cmd.Flags().Float64Var(&f.top1, "min-top1", 0, "least top-1, percent")
}

func (f *countFlags) read() (l advise.Limits, err error) {
	for _, x := range []struct {
		flag, text string
		to         *int64
	}{{"max-bytes", f.bytes, &l.Bytes}, {"max-macs", f.macs, &l.MACs}, {"max-params", f.params, &l.Params}} {
		if *x.to, err = amount(x.text); err != nil {
			return l, usagef("--%s %s: %v", x.flag, x.text, err)
		}
	}
	if l.Top1 = f.top1; !(f.top1 >= 0 && f.top1 <= 100) {
		return l, usagef("--min-top1 %v: want 0 to 100 percent", f.top1)
	}
	return l, nil
}

func (f *limitFlags) add(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.latency, "max-latency", 0, "longest latency, such as 10ms")
	f.counts.add(cmd)
	cmd.Flags().DurationVar(&f.target, "target", 0, "T of the reward ACC·(LAT/T)^w, instead of the longest latency")
}

func (f *limitFlags) read() (advise.Limits, error) {
	l, err := f.counts.read()
	if err != nil {
		return l, err
	}
	if l.LatencyMS, l.TargetMS = f.latency.Seconds()*1e3, f.target.Seconds()*1e3; f.latency < 0 || f.target < 0 {
		return l, usagef("--max-latency %v, --target %v: want no negative time", f.latency, f.target)
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

// recommend prints advice for a device, which on names; "" where latencies are of no --on.
func (a *app) recommend(d advise.Advice, on, where, precision string) error {
	if precision != "float32" {
		a.say("top-1 is published of float32 weights, and is what networks in %s are ranked by: measure theirs with wisp eval", precision)
	}
	for _, r := range d.Rows {
		if r.Bytes == nil {
			a.say("%s: bytes is null: no file of it can be written in %s", r.Model, precision)
		}
	}
	if a.json {
		return a.print(struct {
			envelope
			On        string `json:"on,omitempty"`
			Where     string `json:"where"`
			Precision string `json:"precision"`
			advise.Advice
		}{a.envelope(), on, where, precision, d})
	}
	if on != "" {
		where = on + ": " + where
		on = " on " + on
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
		top1, mb := fmt.Sprintf("%.1f", r.Top1), "–"
		if precision != "float32" {
			top1 += ", float32"
		}
		if r.Bytes != nil {
			mb = fmt.Sprintf("%.1f", float64(*r.Bytes)/1e6)
		}
		t.AppendRow(table.Row{r.Model, top1, latency, interval, mb, fmt.Sprintf("%.1f", float64(r.MACs)/1e6),
			r.Fits, r.Front, share(r.Soft), share(r.Hard), strings.Join(r.Why, "; ")})
	}
	of := "published"
	if precision != "float32" {
		of = "published of float32 weights, not of these networks in " + precision
	}
	fmt.Fprintf(a.out, "%s\ntop-1: %s. MB: the file that wisp convert writes in %s. fits: the limits. front: no other is both faster and more accurate (perhaps: intervals overlap).\n", t.Render(), of, precision)
	if d.Limits.TargetMS > 0 {
		fmt.Fprintf(a.out, "soft, hard: MnasNet's reward ACC·(LAT/T)^w with T = %.3g ms: w = −0.07; w = 0 up to T and −1 above.\n", d.Limits.TargetMS)
	}
	switch {
	case d.Pick == "":
		fmt.Fprintf(a.out, "\nNo network fits%s.\n", on)
	case d.Sure:
		fmt.Fprintf(a.out, "\nTake %s%s.\n", d.Pick, on)
	default:
		fmt.Fprintf(a.out, "\nTake %s%s, which perhaps fits.\n", d.Pick, on)
	}
	if n := d.Next; n != nil {
		fmt.Fprintf(a.out, "Measure next: the %s of %s: %s (worth %.2f points of top-1 on average).\n", n.What, n.Model, n.Why, n.Gain)
	} else {
		fmt.Fprint(a.out, "No single measurement would change this by 0.01 points of top-1.\n")
	}
	return nil
}
