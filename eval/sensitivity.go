package eval

import "github.com/wispnet/wisp/internal/stat"

// Sensitivity is what one choice of the preprocessing is worth on this data: a model under
// its own recipe against the same model with that choice replaced, on the same images.
type Sensitivity struct {
	Model      string        `json:"model"`
	Engine     string        `json:"engine"`
	Precision  string        `json:"precision"`
	Choice     string        `json:"choice"` // "resize", "framing", "scale", "order"; "recipe": another one as a whole
	From       string        `json:"from"`
	To         string        `json:"to"`
	Recipe     string        `json:"recipe"` // the changed one
	Images     int           `json:"images"`
	Top1       float64       `json:"top1"`       // under the changed recipe
	Difference float64       `json:"difference"` // of top-1, changed minus own, in points
	CI95       stat.Interval `json:"ci95"`
	OnlyOwn    int           `json:"only_own"` // right under the own recipe alone
	OnlyOther  int           `json:"only_other"`
	Changed    int           `json:"changed"` // images with another best class
	P          float64       `json:"p_holm"`  // McNemar's exact test, adjusted for all rows of the report
	Shown      bool          `json:"shown"`   // the difference is one at the 5 % level
}

// FindSensitivity sets every variant of a model beside the model's own row.
func FindSensitivity(results []Result) ([]Sensitivity, error) {
	out := []Sensitivity{}
	var ps []float64
	for i := range results {
		own := &results[i]
		if own.Variant {
			continue
		}
		for j := range results {
			v := &results[j]
			if !v.Variant || v.Model != own.Model || v.Engine != own.Engine || v.Precision != own.Precision || v.Weights != own.Weights {
				continue
			}
			c, err := pair(v, own)
			if err != nil {
				return nil, err
			}
			if c.Images == 0 {
				continue
			}
			out = append(out, Sensitivity{Model: own.Model, Engine: own.Engine, Precision: own.Precision,
				Choice: v.Varies.Choice, From: v.Varies.From, To: v.Varies.To, Recipe: v.Recipe, Images: c.Images, Top1: v.Top1,
				Difference: c.Difference, CI95: c.CI95, OnlyOwn: c.OnlyB, OnlyOther: c.OnlyA, Changed: flips(own, v).Changed})
			ps = append(ps, c.P)
		}
	}
	for i, p := range stat.Holm(ps) {
		out[i].P, out[i].Shown = p, p <= significance
	}
	return out, nil
}
