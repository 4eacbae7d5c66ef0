// Package advise answers which network to take: from counts, published accuracies and
// latencies with their intervals, under limits. It says how sure the answer is and which
// measurement would most change it.
//
// It measures nothing and reads no model; cmd/wisp gathers the candidates. A latency that
// was not measured on the machine in question is never ranked with those that were.
package advise

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Candidate is a network with what is known of it.
type Candidate struct {
	Model     string  `json:"model"`
	Family    string  `json:"family"`
	Top1      float64 `json:"top1"`      // percent
	Top1Half  float64 `json:"top1_half"` // half of its 95 % interval, points
	Top1From  string  `json:"top1_from"` // whose figure
	Bytes     *int64  `json:"bytes"`     // of the file in the precision that runs; nil: not known
	Params    int64   `json:"params"`
	MACs      int64   `json:"macs"`
	Latency   *Range  `json:"latency_ms"` // nil: not known
	LatencyBy string  `json:"latency_by"` // "measured", a record's file, "published on Pixel 1"
}

// Range is a latency in milliseconds with its 95 % interval.
type Range struct {
	Median float64 `json:"median"`
	Lo     float64 `json:"low"`
	Hi     float64 `json:"high"`
}

// Limits are what the answer must keep; zero fields limit nothing.
type Limits struct {
	LatencyMS float64 `json:"max_latency_ms"`
	Bytes     int64   `json:"max_bytes"`
	MACs      int64   `json:"max_macs"`
	Params    int64   `json:"max_params"`
	Top1      float64 `json:"min_top1"`
	// TargetMS is T of MnasNet's reward; 0 takes LatencyMS, else the geometric mean of the
	// candidates' medians.
	TargetMS float64 `json:"target_ms"`
}

// Answer is one of yes, perhaps (its interval holds the limit), no, unknown.
type Answer string

const (
	Yes     Answer = "yes"
	Perhaps Answer = "perhaps"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Row is a candidate judged.
type Row struct {
	Candidate
	Fits  Answer   `json:"fits"`  // the limits
	Why   []string `json:"why"`   // it does not, or only perhaps
	Front Answer   `json:"front"` // of top-1 and latency: no other is both more accurate and faster
	// MnasNet's reward ACC·(LAT/T)^w (Tan et al., 2019, equation 2), with ACC as a share of
	// one: soft has w = −0.07 throughout, hard w = 0 up to T and −1 above. nil without a
	// latency.
	Soft *float64 `json:"reward_soft"`
	Hard *float64 `json:"reward_hard"`
}

// Advice is the answer.
type Advice struct {
	Limits Limits `json:"limits"` // with T filled in
	Rows   []Row  `json:"rows"`   // best first
	// Pick is the model to take: of those that fit, the most accurate; without a limit of
	// latency, the one with the highest soft reward. Empty where none fits.
	Pick string `json:"pick"`
	Sure bool   `json:"sure"` // it fits whatever its intervals hold
	// Next is the measurement that would most change the answer; nil where none would change
	// it by a hundredth of a point.
	Next *Measurement `json:"next_measurement"`
}

// Measurement is something that is worth measuring.
type Measurement struct {
	Model string `json:"model"`
	What  string `json:"what"` // "latency", "accuracy"
	Why   string `json:"why"`
	// Gain is how much top-1, in points, the answer may be expected to gain by it.
	Gain float64 `json:"expected_gain_points"`
}

// Advise judges the candidates.
func Advise(all []Candidate, l Limits) Advice {
	a := Advice{Limits: l, Rows: make([]Row, len(all))}
	if a.Limits.TargetMS <= 0 {
		a.Limits.TargetMS = cmp.Or(l.LatencyMS, meanLatency(all))
	}
	for i, c := range all {
		r := &a.Rows[i]
		r.Candidate, r.Why = c, []string{}
		r.judge(a.Limits)
		r.Front = front(c, all)
	}
	slices.SortStableFunc(a.Rows, func(x, y Row) int { return better(&x, &y, l) })
	if len(a.Rows) > 0 && (a.Rows[0].Fits == Yes || a.Rows[0].Fits == Perhaps) {
		a.Pick, a.Sure = a.Rows[0].Model, a.Rows[0].Fits == Yes
	}
	a.Next = next(a.Rows, a.Limits)
	return a
}

func meanLatency(all []Candidate) float64 {
	sum, n := 0.0, 0
	for _, c := range all {
		if c.Latency != nil {
			sum, n = sum+math.Log(c.Latency.Median), n+1
		}
	}
	if n == 0 {
		return 0
	}
	return math.Exp(sum / float64(n))
}

func (r *Row) judge(l Limits) {
	r.Fits = Yes
	lower := func(to Answer, format string, args ...any) {
		order := []Answer{Yes, Perhaps, Unknown, No}
		if slices.Index(order, to) > slices.Index(order, r.Fits) {
			r.Fits = to
		}
		r.Why = append(r.Why, fmt.Sprintf(format, args...))
	}
	switch {
	case l.Bytes > 0 && r.Bytes == nil:
		lower(Unknown, "its size is not known")
	case l.Bytes > 0 && *r.Bytes > l.Bytes:
		lower(No, "%d bytes", *r.Bytes)
	}
	if l.MACs > 0 && r.MACs > l.MACs {
		lower(No, "%d MACs", r.MACs)
	}
	if l.Params > 0 && r.Params > l.Params {
		lower(No, "%d parameters", r.Params)
	}
	switch {
	case l.Top1 <= 0 || r.Top1-r.Top1Half >= l.Top1:
	case r.Top1+r.Top1Half < l.Top1:
		lower(No, "top-1 %.1f %%", r.Top1)
	default:
		lower(Perhaps, "top-1 %.1f ± %.1f %%", r.Top1, r.Top1Half)
	}
	t := r.Latency
	switch {
	case t == nil && l.LatencyMS > 0:
		lower(Unknown, "its latency is not known")
	case t == nil || l.LatencyMS <= 0 || t.Hi <= l.LatencyMS:
	case t.Lo > l.LatencyMS:
		lower(No, "%.3g ms", t.Median)
	default:
		lower(Perhaps, "%.3g–%.3g ms", t.Lo, t.Hi)
	}
	if t != nil && l.TargetMS > 0 {
		soft := r.Top1 / 100 * math.Pow(t.Median/l.TargetMS, -0.07)
		hard := r.Top1 / 100
		if t.Median > l.TargetMS {
			hard *= l.TargetMS / t.Median
		}
		r.Soft, r.Hard = &soft, &hard
	}
}

// front says whether c is on the Pareto front of top-1 and latency, intervals regarded.
func front(c Candidate, all []Candidate) Answer {
	if c.Latency == nil {
		return Unknown
	}
	out := Yes
	for _, q := range all {
		if q.Latency == nil || q.Model == c.Model {
			continue
		}
		switch {
		case q.Latency.Hi < c.Latency.Lo && q.Top1-q.Top1Half > c.Top1+c.Top1Half:
			return No
		case q.Latency.Median <= c.Latency.Median && q.Top1 >= c.Top1 && (q.Latency.Median < c.Latency.Median || q.Top1 > c.Top1):
			out = Perhaps
		}
	}
	return out
}

// better orders rows: those that fit before those that may, then by top-1; without a limit
// of latency by the soft reward.
func better(x, y *Row, l Limits) int {
	order := []Answer{Yes, Perhaps, Unknown, No}
	if c := cmp.Compare(slices.Index(order, x.Fits), slices.Index(order, y.Fits)); c != 0 {
		return c
	}
	if l.LatencyMS <= 0 && x.Soft != nil && y.Soft != nil {
		return -cmp.Compare(*x.Soft, *y.Soft)
	}
	if c := cmp.Compare(y.Top1, x.Top1); c != 0 {
		return c
	}
	if x.Latency != nil && y.Latency != nil {
		return cmp.Compare(x.Latency.Median, y.Latency.Median)
	}
	return 0
}
