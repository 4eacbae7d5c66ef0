package bench

import (
	"math"
	"strings"
)

// Summary sets one engine beside another over all models that both ran: the geometric
// mean of the ratios of their medians, and the model that is worst for A.
type Summary struct {
	A          string  `json:"a"`
	B          string  `json:"b"`
	Models     int     `json:"models"`
	Geomean    float64 `json:"geomean_ratio"` // of A's time over B's
	Worst      float64 `json:"worst_ratio"`
	WorstModel string  `json:"worst_model"`
}

// Summaries summarises the comparisons of a report between engines: one row for each pair
// of engines and precisions that have two models or more in common.
func (r *Report) Summaries() []Summary {
	out := []Summary{}
	type key struct{ a, b string }
	logs := map[key]float64{}
	at := map[key]int{}
	for a := range r.Results {
		for b := a + 1; b < len(r.Results); b++ {
			x, y := &r.Results[a], &r.Results[b]
			if x.Model != y.Model {
				continue
			}
			k := key{Label(r.Results, a), Label(r.Results, b)}
			c := r.comparison(k.a, k.b)
			if c == nil {
				continue
			}
			k.a, k.b = strings.TrimPrefix(k.a, x.Model+" "), strings.TrimPrefix(k.b, x.Model+" ")
			i, ok := at[k]
			if !ok {
				i = len(out)
				at[k], out = i, append(out, Summary{A: k.a, B: k.b})
			}
			s := &out[i]
			s.Models++
			logs[k] += math.Log(c.slowness())
			s.Geomean = math.Exp(logs[k] / float64(s.Models))
			if t := c.slowness(); t > s.Worst {
				s.Worst, s.WorstModel = t, x.Model
			}
		}
	}
	kept := out[:0]
	for _, s := range out {
		if s.Models > 1 {
			kept = append(kept, s)
		}
	}
	return kept
}

func (r *Report) comparison(a, b string) *Comparison {
	for i := range r.Comparisons {
		if c := &r.Comparisons[i]; c.A == a && c.B == b {
			return c
		}
	}
	return nil
}
