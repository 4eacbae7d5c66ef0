package report

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
)

// Accuracy is an evaluation with as much of it as is to be shown; cmd/wisp and cmd/wisp-lab
// print it alike.
type Accuracy struct {
	Rows   []AccuracyRow
	Report *eval.Report
}

// AccuracyRow is a result with what its predictions say by class.
type AccuracyRow struct {
	eval.Result
	Classes    []eval.ClassResult `json:"classes,omitempty"`
	Confusions []eval.Confusion   `json:"confusions"`
}

// AccuracyDocument is what eval's JSON documents hold of it.
type AccuracyDocument struct {
	Results     []AccuracyRow      `json:"results"`
	Comparisons []eval.Comparison  `json:"comparisons"`
	Flips       []eval.Flips       `json:"flips"`
	Sensitivity []eval.Sensitivity `json:"sensitivity"`
}

// NewAccuracy looks into an evaluation: so many confused pairs of classes of each row, and
// with perClass the accuracy of every class.
func NewAccuracy(r *eval.Report, perClass bool, confusions int) (*Accuracy, error) {
	a := &Accuracy{Rows: make([]AccuracyRow, len(r.Results)), Report: r}
	for i := range r.Results {
		a.Rows[i] = AccuracyRow{Result: r.Results[i], Confusions: r.Results[i].Confusions(confusions)}
		if perClass {
			var err error
			if a.Rows[i].Classes, err = r.Results[i].ByClass(); err != nil {
				return nil, err
			}
		}
	}
	return a, nil
}

// Document is the evaluation for JSON.
func (a *Accuracy) Document() AccuracyDocument {
	r := a.Report
	return AccuracyDocument{a.Rows, append([]eval.Comparison{}, r.Comparisons...), append([]eval.Flips{}, r.Flips...), append([]eval.Sensitivity{}, r.Sensitivity...)}
}

// Print prints it for a terminal of a width; 0 is any.
func (a *Accuracy) Print(w io.Writer, width int) {
	printAccuracies(w, a.Rows, width)
	for i := range a.Rows {
		printRow(w, &a.Rows[i], width)
	}
	for _, c := range a.Report.Comparisons {
		verdict := map[eval.Verdict]string{eval.Better: "better", eval.Worse: "worse", eval.Tied: "no difference is shown"}[c.Verdict]
		recipes := ""
		if len(c.Recipes) == 2 {
			recipes = fmt.Sprintf("; recipes: %s and %s", c.Recipes[0], c.Recipes[1])
		}
		fmt.Fprintf(w, "%s against %s: %+.2f points (%.2f to %.2f) on the same %d images, right alone %d and %d: %s (McNemar, p = %.3g%s)\n",
			c.A, c.B, c.Difference, c.CI95.Lo, c.CI95.Hi, c.Images, c.OnlyA, c.OnlyB, verdict, c.P, recipes)
	}
	for _, f := range a.Report.Flips {
		printFlips(w, &f, &a.Rows[0])
	}
	printSensitivity(w, a.Report.Sensitivity, width)
}

func printAccuracies(w io.Writer, rows []AccuracyRow, width int) {
	t := NewTable([]string{"model", "engine", "precision", "images", "top-1 %", "95 % interval", "top-5 %", "95 % interval", "damaged", "images/s", "recipe"},
		[]bool{false, false, false, true, true, true, true, true, true, true, false}, width)
	for _, x := range rows {
		if x.Variant {
			continue
		}
		speed := "–"
		if x.ImagesPerSecond != nil {
			speed = fmt.Sprintf("%.1f", *x.ImagesPerSecond)
		}
		t.AppendRow(table.Row{x.Model, x.Engine, x.Precision, x.Images, fmt.Sprintf("%.2f", x.Top1), fmt.Sprintf("%.1f–%.1f", x.Top1CI.Lo, x.Top1CI.Hi),
			fmt.Sprintf("%.2f", x.Top5), fmt.Sprintf("%.1f–%.1f", x.Top5CI.Lo, x.Top5CI.Hi), x.Damaged + x.Missing, speed, x.Recipe})
	}
	fmt.Fprintln(w, t.Render())
}

// printRow prints what belongs to one row alone; of a variant nothing does.
func printRow(w io.Writer, x *AccuracyRow, width int) {
	if x.Variant {
		return
	}
	fmt.Fprintln(w)
	if s := x.StageMS; s != nil {
		fmt.Fprintf(w, "%s, per image on one core: decode %.1f ms, preprocess %.1f ms, inference %.1f ms\n", x.Model, s.Decode, s.Preprocess, s.Inference)
	}
	fmt.Fprintf(w, "predictions: %s\n", x.PredictionsFile)
	for i, c := range x.Confusions {
		if i == 0 {
			fmt.Fprintln(w, "most confused:")
		}
		fmt.Fprintf(w, "  %s taken for %s: %d of %d\n", x.className(c.Class), x.className(c.As), c.Images, c.Of)
	}
	if len(x.Classes) == 0 {
		return
	}
	t := NewTable([]string{"class", "name", "images", "top-1 %", "95 % interval", "top-5 %"}, []bool{true, false, true, true, true, true}, width)
	for _, c := range x.Classes {
		t.AppendRow(table.Row{c.Class, x.className(c.Class), c.Images, fmt.Sprintf("%.1f", c.Top1), fmt.Sprintf("%.1f–%.1f", c.Top1CI.Lo, c.Top1CI.Hi), fmt.Sprintf("%.1f", c.Top5)})
	}
	fmt.Fprintln(w, t.Render())
}

// mostFlips bounds the images that a terminal is told of; the JSON document has them all.
const mostFlips = 10

func printFlips(w io.Writer, f *eval.Flips, row *AccuracyRow) {
	fmt.Fprintf(w, "%s to %s: another answer on %d of %d images: %d became wrong, %d became right\n", f.A, f.B, f.Changed, f.Images, f.Broken, f.Mended)
	for i, x := range f.List {
		if i == mostFlips {
			fmt.Fprintf(w, "  … and %d more (--json lists all)\n", len(f.List)-mostFlips)
			break
		}
		fmt.Fprintf(w, "  %s (%s): %s, then %s\n", x.Image, row.className(x.Class), row.className(x.A), row.className(x.B))
	}
}

func printSensitivity(w io.Writer, rows []eval.Sensitivity, width int) {
	if len(rows) == 0 {
		return
	}
	t := NewTable([]string{"model", "choice", "from", "to", "top-1 %", "points", "95 % interval", "answers changed", "p", "shown"},
		[]bool{false, false, false, false, true, true, true, true, true, false}, width)
	for _, s := range rows {
		shown := "no"
		if s.Shown {
			shown = "yes"
		}
		name := s.Model
		if s.Engine != "native" {
			name += " " + s.Engine
		}
		t.AppendRow(table.Row{name, s.Choice, s.From, s.To, fmt.Sprintf("%.2f", s.Top1), fmt.Sprintf("%+.2f", s.Difference),
			fmt.Sprintf("%.1f to %.1f", s.CI95.Lo, s.CI95.Hi), s.Changed, fmt.Sprintf("%.2g", s.P), shown})
	}
	fmt.Fprintf(w, "\nWhat each choice of the preprocessing is worth on these images:\n\n%s\n", t.Render())
}

// className names a class: ImageNet's by its first word, another as its data set or model
// does, or by its number.
func (x *AccuracyRow) className(class int) string {
	if class >= 0 && class < len(x.Names) {
		return x.Names[class]
	}
	if labels := imagenet.Labels(); x.ImageNet && class >= 0 && class < len(labels) {
		return labels[class].Short()
	}
	return fmt.Sprintf("class %d", class)
}
