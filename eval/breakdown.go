package eval

import (
	"cmp"
	"slices"

	"github.com/wispnet/wisp/internal/stat"
)

// What predictions say beyond the two accuracies: by class, between classes, and between
// two rows. All of it is a function of predictions alone, so that a merge of shards has it too.

// ClassResult is the accuracy on the images of one class.
type ClassResult struct {
	Class     int           `json:"class"`
	Images    int           `json:"images"`
	Top1Count int           `json:"top1_count"`
	Top5Count int           `json:"top5_count"`
	Top1      float64       `json:"top1"`
	Top5      float64       `json:"top5"`
	Top1CI    stat.Interval `json:"top1_ci95"`
}

// Confusion is how often images of a class were taken for another one.
type Confusion struct {
	Class  int `json:"class"`
	As     int `json:"as"`
	Images int `json:"images"`
	Of     int `json:"of"` // images of the class
}

// ByClass is the accuracy of every class that has an image, in the order of the classes.
// Images without a known class are in none.
func (r *Result) ByClass() ([]ClassResult, error) {
	of := map[int]*ClassResult{}
	for i := range r.Predictions {
		p := &r.Predictions[i]
		if p.Class < 0 {
			continue
		}
		c := of[p.Class]
		if c == nil {
			c = &ClassResult{Class: p.Class}
			of[p.Class] = c
		}
		c.Images++
		switch rank := p.rank(); {
		case rank == 0:
			c.Top1Count++
			c.Top5Count++
		case rank > 0:
			c.Top5Count++
		}
	}
	out := make([]ClassResult, 0, len(of))
	for _, c := range of {
		var err error
		if c.Top1, err = stat.Percent(c.Top1Count, c.Images); err != nil {
			return nil, err
		}
		if c.Top5, err = stat.Percent(c.Top5Count, c.Images); err != nil {
			return nil, err
		}
		if c.Top1CI, err = stat.Wilson(c.Top1Count, c.Images); err != nil {
			return nil, err
		}
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b ClassResult) int { return cmp.Compare(a.Class, b.Class) })
	return out, nil
}

// Confusions are the pairs of classes that were confused most, most first, at most so many.
func (r *Result) Confusions(most int) []Confusion {
	type pair struct{ class, as int }
	counts, of := map[pair]int{}, map[int]int{}
	for i := range r.Predictions {
		p := &r.Predictions[i]
		if p.Class < 0 {
			continue
		}
		of[p.Class]++
		if p.Status == OK && p.Top[0] != p.Class {
			counts[pair{p.Class, p.Top[0]}]++
		}
	}
	out := make([]Confusion, 0, len(counts))
	for k, n := range counts {
		out = append(out, Confusion{k.class, k.as, n, of[k.class]})
	}
	slices.SortFunc(out, func(a, b Confusion) int {
		return cmp.Or(cmp.Compare(b.Images, a.Images), cmp.Compare(a.Class, b.Class), cmp.Compare(a.As, b.As))
	})
	return out[:min(most, len(out))]
}

// Flip is an image whose best class two rows do not agree on.
type Flip struct {
	Image string `json:"image"`
	Class int    `json:"class"`
	A     int    `json:"a"`
	B     int    `json:"b"`
}

// Flips sets a row beside another of another precision: which answers quantization changed.
type Flips struct {
	A       string `json:"a"`
	B       string `json:"b"`
	Images  int    `json:"images"`  // that both classified
	Changed int    `json:"changed"` // another best class
	Broken  int    `json:"broken"`  // of these, right by a and wrong by b
	Mended  int    `json:"mended"`  // wrong by a and right by b
	List    []Flip `json:"list"`    // every changed image
}

// FindFlips pairs every float row (a) with every row of integers (b).
func FindFlips(results []Result) []Flips {
	out := []Flips{}
	for i := range results {
		for j := range results {
			a, b := &results[i], &results[j]
			if a.Precision != "float32" || b.Precision == "float32" || a.Variant || b.Variant {
				continue
			}
			f := flips(a, b)
			f.A, f.B = label(results, i), label(results, j)
			out = append(out, f)
		}
	}
	return out
}

func flips(a, b *Result) Flips {
	f := Flips{List: []Flip{}}
	of := byImage(b.Predictions)
	for i := range a.Predictions {
		p := &a.Predictions[i]
		q, ok := of[p.Image]
		if !ok || p.Status != OK || q.Status != OK || p.Class != q.Class {
			continue
		}
		f.Images++
		if p.Top[0] == q.Top[0] {
			continue
		}
		f.Changed++
		switch p.Class {
		case p.Top[0]:
			f.Broken++
		case q.Top[0]:
			f.Mended++
		}
		f.List = append(f.List, Flip{p.Image, p.Class, p.Top[0], q.Top[0]})
	}
	return f
}

func byImage(list []Prediction) map[string]*Prediction {
	of := make(map[string]*Prediction, len(list))
	for i := range list {
		of[list[i].Image] = &list[i]
	}
	return of
}
