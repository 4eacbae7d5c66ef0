package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wispnet/wisp/internal/stat"
)

// Comparing says how rows are set beside each other.
type Comparing struct {
	// Guard names the fields of context in which two results differ, other than by what is
	// compared; nil compares all. Force compares unlike results and marks them.
	Guard func(a, b *Result) []string
	Force bool
	// Ranks: differences are tested and rows ranked; otherwise verdicts are indicative.
	Ranks bool
	// Threshold is the smallest difference that ranks two rows apart.
	Threshold float64
	// Paired: round i of one row was measured beside round i of the other, so that ratios
	// are taken round by round. Rows of different runs are not.
	Paired bool
	// Label names row i in comparisons; nil is Label.
	Label func(i int) string
}

// Compare sets every pair of results beside each other and, where asked, ranks them. It
// returns the comparisons, what a reader must know of them, and the reasons of nulls.
func (c Comparing) Compare(all []Result) (comparisons []Comparison, notes, nulls []string) {
	type pair struct{ a, b int }
	var pairs []pair
	var ps []float64
	var unlike unlikePairs
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	name := c.Label
	if name == nil {
		name = func(i int) string { return Label(all, i) }
	}
	comparisons = []Comparison{}
	for a := range all {
		for b := a + 1; b < len(all); b++ {
			x, y := &all[a], &all[b]
			d := Comparison{A: name(a), B: name(b), Of: OfLatency, Verdict: Indicative, SameModel: x.Model == y.Model}
			if x.Sessions > 1 || y.Sessions > 1 {
				d.Of = OfThroughput
			}
			if c.Guard != nil {
				d.Differs = c.Guard(x, y)
			}
			if len(d.Differs) > 0 && !c.Force {
				unlike.add(d)
				continue
			}
			why, err := c.ratio(&d, x, y)
			if err != nil {
				note("%s and %s are not compared: %v", d.A, d.B, err)
				continue
			}
			if why != nil {
				nulls = append(nulls, fmt.Sprintf("comparisons: ci95 of %s and %s is null: %v", d.A, d.B, why))
			}
			p := 1.0
			if c.Ranks {
				if p, err = stat.MannWhitney(inOrder(x.values(d.Of)), inOrder(y.values(d.Of))); err != nil {
					note("%s and %s are not tested: %v", d.A, d.B, err)
					p = 1
				}
			}
			pairs, ps, comparisons = append(pairs, pair{a, b}), append(ps, p), append(comparisons, d)
		}
	}
	unlike.say(note)
	if !c.Ranks {
		return comparisons, notes, nulls
	}
	oneModel := true // else models are ranked, each engine's and precision's by themselves
	for i := range all {
		one := 1
		all[i].Rank = &one
		oneModel = oneModel && all[i].Model == all[0].Model
	}
	for i, p := range stat.Holm(ps) {
		d := &comparisons[i]
		d.P, d.Verdict = &p, verdict(d.slowness(), p, c.Threshold)
		if d.SameModel && !oneModel {
			continue
		}
		switch d.Verdict {
		case Faster:
			*all[pairs[i].b].Rank++
		case Slower:
			*all[pairs[i].a].Rank++
		}
	}
	return comparisons, notes, nulls
}

// ratio sets the ratio of two rows and its interval; why says why it has none.
func (c Comparing) ratio(d *Comparison, x, y *Result) (why, err error) {
	if c.Paired {
		xs, ys := paired(x.values(d.Of), y.values(d.Of))
		d.Ratio, d.CI95, why, err = stat.Ratio(xs, ys)
	} else {
		d.Ratio, d.CI95, why, err = stat.RatioApart(inOrder(x.values(d.Of)), inOrder(y.values(d.Of)))
	}
	return why, err
}

// unlikePairs are the pairs that are not compared, by what they differ in: many rows have
// many pairs, and one reason.
type unlikePairs struct {
	fields []string
	pairs  map[string][]string
}

func (u *unlikePairs) add(c Comparison) {
	if u.pairs == nil {
		u.pairs = map[string][]string{}
	}
	f := list(c.Differs)
	if u.pairs[f] == nil {
		u.fields = append(u.fields, f)
	}
	u.pairs[f] = append(u.pairs[f], c.A+" and "+c.B)
}

func (u *unlikePairs) say(note func(string, ...any)) {
	for _, f := range u.fields {
		pairs, more := u.pairs[f], ""
		if n := len(pairs); n > 3 {
			pairs, more = pairs[:2], fmt.Sprintf(" and %d more pairs", n-2)
		}
		note("%s%s are not compared: their contexts differ in %s (force compares and marks them)", strings.Join(pairs, "; "), more, f)
	}
}

// significance is the level of the adjusted test.
const significance = 0.05

// verdict ranks two rows apart only where the test and the practical threshold both say so.
func verdict(ratio, p, threshold float64) Verdict {
	switch {
	case p > significance:
		return Tied
	case ratio < 1/(1+threshold):
		return Faster
	case ratio > 1+threshold:
		return Slower
	}
	return Tied
}

// paired returns the medians of the rounds that both have. Without a common round they
// are returned as they are.
func paired(a, b map[int]float64) (x, y []float64) {
	for _, round := range slices.Sorted(maps.Keys(a)) {
		if v, ok := b[round]; ok {
			x, y = append(x, a[round]), append(y, v)
		}
	}
	if len(x) == 0 {
		return inOrder(a), inOrder(b)
	}
	return x, y
}

// values are the rounds' values of a measure.
func (r *Result) values(of string) map[int]float64 {
	if of == OfThroughput {
		return r.rates
	}
	return r.rounds
}

// slowness is above 1 where a is slower than b.
func (c *Comparison) slowness() float64 {
	if c.Of == OfThroughput {
		return 1 / c.Ratio
	}
	return c.Ratio
}
