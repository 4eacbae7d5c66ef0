package eval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wispnet/wisp/internal/stat"
)

// Result is one row: one model on one engine. Accuracies are percentages, 0…100. Damaged
// and missing images are among the images, as wrong.
type Result struct {
	Model         string `json:"model"`
	Family        string `json:"family,omitempty"`
	Engine        string `json:"engine"`
	EngineVersion string `json:"engine_version"`
	Precision     string `json:"precision"`
	Arithmetic    string `json:"arithmetic,omitempty"`
	Weights       string `json:"weights"`

	Images    int           `json:"images"`
	Top1Count int           `json:"top1_count"`
	Top5Count int           `json:"top5_count"`
	Top1      float64       `json:"top1"`
	Top5      float64       `json:"top5"`
	Top1CI    stat.Interval `json:"top1_ci95"`
	Top5CI    stat.Interval `json:"top5_ci95"`
	Damaged   int           `json:"damaged"`
	Missing   int           `json:"missing"`

	// Complete: every image of the selection has its prediction.
	Complete bool `json:"complete"`
	// Resumed is how many of the images an earlier run had done.
	Resumed int `json:"resumed"`

	Seconds         float64  `json:"seconds"` // of this run
	ImagesPerSecond *float64 `json:"images_per_second"`
	StageMS         *Stages  `json:"stage_ms"`

	// Recipe is its id and version, with " (guessed)" behind them where nobody said that it
	// is the model's.
	Recipe string `json:"recipe"`
	// Variant: the row is another one's model under a changed recipe, as Varies says.
	Variant         bool   `json:"variant,omitempty"`
	Varies          Varies `json:"-"`
	Manifest        string `json:"manifest"`
	PredictionsFile string `json:"predictions_file"`

	// ImageNet: the classes are ImageNet's.
	ImageNet bool `json:"imagenet,omitempty"`
	// Names are the classes' of another data set, where they are known.
	Names []string `json:"-"`

	// Predictions are in the order of the images.
	Predictions []Prediction `json:"-"`
}

// Stages is the mean time of one image in each stage of this run, in milliseconds, on the
// one goroutine that did it while all cores were busy. Plan.Workers over their sum is the
// most images a second that the cores can do.
type Stages struct {
	Decode     float64 `json:"decode"`
	Preprocess float64 `json:"preprocess"`
	Inference  float64 `json:"inference"`
}

// Verdict is what a comparison comes to.
type Verdict string

const (
	Better Verdict = "better" // a is right more often than b
	Worse  Verdict = "worse"
	Tied   Verdict = "~"
)

// Comparison sets two rows beside each other by the images that both have, top-1.
type Comparison struct {
	A          string        `json:"a"`
	B          string        `json:"b"`
	Images     int           `json:"images"`
	OnlyA      int           `json:"only_a"` // right by a alone
	OnlyB      int           `json:"only_b"`
	Difference float64       `json:"difference"` // of top-1, a minus b, in points
	CI95       stat.Interval `json:"ci95"`
	P          float64       `json:"p_holm"` // McNemar's exact test, adjusted for all pairs
	Verdict    Verdict       `json:"verdict"`
	// Recipes are those of a and b where they differ or one is a guess: then the difference is
	// one of preprocessing too.
	Recipes []string `json:"recipes,omitempty"`
}

// guessed marks a recipe that nobody said is the model's.
const guessed = " (guessed)"

// named is a recipe as rows have it.
func named(recipe string, guess bool) string {
	if guess {
		return recipe + guessed
	}
	return recipe
}

// Report is what an evaluation comes to.
type Report struct {
	Results     []Result     `json:"results"`
	Comparisons []Comparison `json:"comparisons"`
	// Flips pairs rows of floats with rows of integers, Sensitivity variants with their models.
	Flips       []Flips       `json:"flips"`
	Sensitivity []Sensitivity `json:"sensitivity"`
	Diagnostics []string      `json:"diagnostics"`
	// Failed holds the subjects that have no result.
	Failed []*SubjectError `json:"-"`
}

func (r *Report) note(format string, args ...any) {
	if msg := fmt.Sprintf(format, args...); !slices.Contains(r.Diagnostics, msg) {
		r.Diagnostics = append(r.Diagnostics, msg)
	}
}

// compare fills in all that sets rows beside each other.
func (r *Report) compare() (err error) {
	if r.Comparisons, err = Compare(r.Results); err != nil {
		return err
	}
	r.Flips = FindFlips(r.Results)
	r.Sensitivity, err = FindSensitivity(r.Results)
	return err
}

// count fills in what predictions say.
func (r *Result) count(predictions []Prediction) error {
	r.Predictions, r.Images = predictions, len(predictions)
	for i := range predictions {
		p := &predictions[i]
		switch rank := p.rank(); {
		case rank == 0:
			r.Top1Count++
			r.Top5Count++
		case rank > 0:
			r.Top5Count++
		}
		switch p.Status {
		case Damaged:
			r.Damaged++
		case Missing:
			r.Missing++
		}
	}
	var err error
	if r.Top1, err = stat.Percent(r.Top1Count, r.Images); err != nil {
		return err
	}
	if r.Top5, err = stat.Percent(r.Top5Count, r.Images); err != nil {
		return err
	}
	if r.Top1CI, err = stat.Wilson(r.Top1Count, r.Images); err != nil {
		return err
	}
	r.Top5CI, err = stat.Wilson(r.Top5Count, r.Images)
	return err
}

// tell puts what is not right about a result into the diagnostics.
func (r *Report) tell(res *Result) {
	const most = 5
	bad := 0
	for _, p := range res.Predictions {
		if p.Status == OK {
			continue
		}
		if bad++; bad <= most {
			r.note("%s: %s: counted as wrong: %s", p.Image, p.Status, p.Reason)
		}
	}
	if bad > most {
		r.note("%d images are damaged or missing and count as wrong: all stand in %s", bad, res.PredictionsFile)
	}
}

// significance is the level of the adjusted test.
const significance = 0.05

// Compare tests every pair of results, variants apart, on the images that both have.
func Compare(results []Result) ([]Comparison, error) {
	out := []Comparison{}
	var ps []float64
	for a := range results {
		for b := a + 1; b < len(results); b++ {
			if results[a].Variant || results[b].Variant {
				continue
			}
			c, err := pair(&results[a], &results[b])
			if err != nil {
				return nil, err
			}
			if c.Images == 0 {
				continue
			}
			c.A, c.B = label(results, a), label(results, b)
			if x, y := results[a].Recipe, results[b].Recipe; x != y || strings.HasSuffix(x, guessed) {
				c.Recipes = []string{x, y}
			}
			out, ps = append(out, c), append(ps, c.P)
		}
	}
	for i, p := range stat.Holm(ps) {
		c := &out[i]
		c.P, c.Verdict = p, Tied
		switch {
		case p > significance:
		case c.OnlyA > c.OnlyB:
			c.Verdict = Better
		case c.OnlyA < c.OnlyB:
			c.Verdict = Worse
		}
	}
	return out, nil
}

func pair(a, b *Result) (Comparison, error) {
	var c Comparison
	of := byImage(b.Predictions)
	for i := range a.Predictions {
		p := &a.Predictions[i]
		q, ok := of[p.Image]
		if !ok || q.Class != p.Class {
			continue
		}
		c.Images++
		switch right, other := p.rank() == 0, q.rank() == 0; {
		case right && !other:
			c.OnlyA++
		case other && !right:
			c.OnlyB++
		}
	}
	if c.Images == 0 {
		return c, nil
	}
	var err error
	if c.P, err = stat.McNemar(c.OnlyA, c.OnlyB); err != nil {
		return c, err
	}
	c.Difference, c.CI95, err = stat.PairedDifference(c.OnlyA, c.OnlyB, c.Images)
	return c, err
}

// label names a result so that no other of the list has the name.
func label(all []Result, i int) string {
	r := &all[i]
	name := r.Model
	differs := func(f func(*Result) string) bool {
		return slices.ContainsFunc(all, func(o Result) bool { return o.Model == r.Model && !o.Variant && f(&o) != f(r) })
	}
	for _, f := range []func(*Result) string{
		func(r *Result) string { return r.Engine },
		func(r *Result) string { return r.Precision },
		func(r *Result) string { return r.Arithmetic },
		func(r *Result) string { return r.Recipe },
	} {
		if differs(f) {
			name += " " + f(r)
		}
	}
	return name
}

func sortPredictions(p []Prediction) {
	slices.SortFunc(p, func(a, b Prediction) int { return cmp.Compare(a.Image, b.Image) })
}
