package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/report"

	"github.com/jedib0t/go-pretty/v6/table"
)

// wisp classify prints what a model sees in photographs: the most probable classes of
// each, best first.
func newClassify(a *app) *cobra.Command {
	var models modelFlags
	var arithmetic arithmeticFlag
	var labels string
	var top, threads int
	cmd := &cobra.Command{
		Use:     "classify MODEL IMAGE...",
		Short:   "Say what is in photographs",
		Example: "  wisp classify mobilenet_v2.onnx bird.jpg\n  wisp classify mobilenet_v2 --weights mobilenet_v2-b0353104.pth *.jpg",
		Args:    atLeast(2, "MODEL or IMAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if top < 1 || top > 1000 {
				return usagef("--top %d: want 1 to 1000", top)
			}
			if threads < 1 || threads > maxThreads {
				return usagef("--threads %d: want 1 to %d", threads, maxThreads)
			}
			if err := arithmetic.check(); err != nil {
				return err
			}
			m, err := models.openSure(a, args[0])
			if err != nil {
				return err
			}
			if err := m.Classifier(); err != nil {
				return err
			}
			a.sayOfPictures(m)
			if labels != "" {
				if err := useLabels(labels, m); err != nil {
					return err
				}
			}
			p, err := m.Compile(wisp.Threads(threads), wisp.Arithmetic(arithmetic.of(a, m)))
			if err != nil {
				return err
			}
			defer p.Close()
			return a.classify(cmd, p, args[1:], top)
		},
	}
	models.add(cmd)
	arithmetic.add(cmd)
	cmd.Flags().StringVar(&labels, "labels", "", "class names, one a line, for models that are not ImageNet's (`FILE`)")
	cmd.Flags().IntVar(&top, "top", 5, "how many classes")
	cmd.Flags().IntVar(&threads, "threads", 1, "cores that a run may use")
	return cmd
}

type classified struct {
	File string     `json:"file"`
	Top  []topClass `json:"top"`
}

type topClass struct {
	Index       int     `json:"index"`
	WNID        *string `json:"wnid"`
	Label       *string `json:"label"`
	Probability float64 `json:"probability"`
}

func (a *app) classify(cmd *cobra.Command, p *wisp.Program, files []string, top int) error {
	var all []classified
	for _, file := range files {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		img, err := wisp.ReadImage(file)
		if err != nil {
			return err
		}
		classes, err := p.ClassifyImage(img, top)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		c := classified{File: file}
		for _, k := range classes {
			t := topClass{Index: k.Index, Probability: k.Probability}
			if k.WNID != "" {
				t.WNID = &k.WNID
			}
			if k.Label != "" {
				t.Label = &k.Label
			}
			c.Top = append(c.Top, t)
		}
		all = append(all, c)
	}
	a.warnOfGuess(p.Model)
	recipe := p.Model.Recipe.ID
	if p.Model.RecipeGuessed {
		recipe += " (guessed)"
	}
	if a.json {
		return a.print(struct {
			envelope
			Model      string       `json:"model"`
			Weights    string       `json:"weights"`
			Arithmetic string       `json:"arithmetic,omitempty"`
			Recipe     string       `json:"recipe"`
			Images     []classified `json:"images"`
		}{a.envelope(), p.Model.Name, p.Model.Weights.ID, p.Arithmetic(), recipe, all})
	}
	t := report.NewTable([]string{"image", "probability", "class", "label"}, []bool{false, true, true, false}, a.width())
	for _, c := range all {
		for i, k := range c.Top {
			name := ""
			if i == 0 {
				name = filepath.Base(c.File)
			}
			label := "–"
			if k.Label != nil {
				label = *k.Label
			}
			t.AppendRow(table.Row{name, fmt.Sprintf("%.1f %%", 100*k.Probability), k.Index, label})
		}
	}
	_, err := fmt.Fprintln(a.out, t.Render())
	return err
}

// useLabels names a model's classes by a file of one name a line.
func useLabels(path string, m *wisp.Model) error {
	names, err := readNames(path)
	if err != nil {
		return err
	}
	if err := m.UseLabels(names); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// maxLabels bounds a file of labels.
const maxLabels = 16 << 20

// readNames reads the lines of a text file that are not empty, in any encoding that people
// have them in.
func readNames(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLabels+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxLabels {
		return nil, fmt.Errorf("%s: a file of labels of more than %d MiB", path, maxLabels>>20)
	}
	text, _ := imagenet.DecodeText(b)
	var names []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			names = append(names, line)
		}
	}
	return names, nil
}

// readClasses reads the names of a model's classes for a data set, the background left out.
func readClasses(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	names, err := readNames(path)
	if err == nil && len(names) > 0 && strings.EqualFold(names[0], "background") {
		names = names[1:]
	}
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: holds no label", path)
	}
	return names, err
}
