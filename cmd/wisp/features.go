package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/features"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/tensor"
)

// show --features: what a layer makes of a photograph, which maps resemble one another
// and which is whose ghost, as the first figure of the GhostNet paper.

// lookFlags are the flags of it.
type lookFlags struct {
	image, layer, output string
	overwrite            bool
}

func (f *lookFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.image, "features", "", "feature maps of an `IMAGE`: which resemble one another, which is whose ghost")
	cmd.Flags().StringVar(&f.layer, "layer", "", "with --features, the layer or block to look at (`NAME`; default: the first ghost module, else the first block)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "with --features, draw the maps into `FILE`.png")
	cmd.Flags().BoolVar(&f.overwrite, "overwrite", false, "replace an existing file of -o")
}

func (f *lookFlags) check(cmd *cobra.Command) error {
	for _, name := range []string{"layer", "output", "overwrite"} {
		if f.image == "" && cmd.Flags().Changed(name) {
			return usagef("show: --%s belongs to --features IMAGE", name)
		}
	}
	if f.output != "" && !strings.EqualFold(filepath.Ext(f.output), ".png") {
		return usagef("-o %s: want a name that ends in .png", f.output)
	}
	return nil
}

// lookAt computes the maps of a layer (empty: the one worth looking at) for a picture, and
// the pairs to frame: ghosts where it is a ghost module's, else the most alike.
func lookAt(m *wisp.Model, img *imagenet.RGB, layer string) (maps *features.Maps, framed []features.Pair, err error) {
	in, err := m.Preprocess(img)
	if err != nil {
		return nil, nil, err
	}
	g, err := m.Bound()
	if err != nil {
		return nil, nil, err
	}
	if g, err = features.Blocks(g); err != nil {
		return nil, nil, err
	}
	if layer == "" {
		layer = features.Default(g)
	}
	if maps, err = features.Extract(g, []*tensor.Tensor{in}, layer, engine.Options{Threads: min(runtime.NumCPU(), engine.MaxThreads), Arithmetic: m.Arithmetic()}); err != nil {
		return nil, nil, err
	}
	return maps, maps.Framed(), nil
}

const formOnly = "the weights are synthetic: what the maps show is the network's form, nothing that was learned"

func (a *app) showFeatures(m *wisp.Model, f *lookFlags) error {
	img, err := wisp.ReadImage(f.image)
	if err != nil {
		return err
	}
	maps, framed, err := lookAt(m, img, f.layer)
	var unknown *features.LayerError
	if errors.As(err, &unknown) {
		return usagef("--layer %s: %s has no such layer with feature maps: one of %s, …", f.layer, m.Name, strings.Join(near(unknown.Known, f.layer, 5), ", "))
	}
	if err != nil {
		return err
	}
	if m.Weights.Synthetic {
		a.say("%s: %s: %s", m.Name, m.Weights.ID, formOnly)
	}
	pairs := maps.Pairs()
	alike, constant := maps.Redundant(pairs)
	if f.output != "" {
		if err := writeFile(f.output, f.overwrite, func(w io.Writer) error {
			return png.Encode(w, maps.Picture(img, framed, features.Cell))
		}); err != nil {
			return err
		}
	}
	if a.json {
		return a.print(struct {
			envelope
			features.Document
		}{a.envelope(), maps.Document(m.Name, f.image)})
	}
	fmt.Fprintf(a.out, "%s, %s: %d feature maps of %d×%d\n", m.Name, maps.Layer, maps.C, maps.H, maps.W)
	fmt.Fprintf(a.out, "%d of them have another with a correlation of %.1f or more in size, %d are constant\n\n", alike, features.Alike, constant)
	if len(maps.Ghosts) > 0 {
		a.printPairs("map", "its ghost", framed)
		fmt.Fprintf(a.out, "\nthe ghost module makes %d of the maps by cheap operations from the other %d; mean size of the correlation: %.2f\n\n",
			len(maps.Ghosts), maps.C-len(maps.Ghosts), meanSize(maps.Ghosts))
	}
	a.printPairs("most alike", "and", features.Apart(pairs, 10))
	return nil
}

func (a *app) printPairs(left, right string, pairs []features.Pair) {
	t := report.NewTable([]string{left, right, "correlation"}, []bool{true, true, true}, a.width())
	for _, p := range pairs {
		t.AppendRow(table.Row{p.From, p.To, fmt.Sprintf("%+.3f", p.Correlation)})
	}
	fmt.Fprintln(a.out, t.Render())
}

func meanSize(pairs []features.Pair) float64 {
	s := 0.0
	for _, p := range pairs {
		s += math.Abs(p.Correlation)
	}
	return s / float64(max(1, len(pairs)))
}

// featuresOf is the maps of every model for one picture, for a report.
func featuresOf(models []*wisp.Model, path string) ([]report.FeaturePicture, error) {
	img, err := wisp.ReadImage(path)
	if err != nil {
		return nil, err
	}
	var out []report.FeaturePicture
	for _, m := range models {
		maps, framed, err := lookAt(m, img, "")
		if err != nil {
			return nil, err
		}
		alike, constant := maps.Redundant(maps.Pairs())
		p := report.FeaturePicture{Model: m.Name, Text: fmt.Sprintf("%s, %s: %d of %d maps of %d×%d have another with a correlation of %.1f or more in size, %d are constant.",
			m.Name, maps.Layer, alike, maps.C, maps.H, maps.W, features.Alike, constant)}
		if len(maps.Ghosts) > 0 {
			p.Text += fmt.Sprintf(" Framed are ghosts with the maps that they were made of; mean size of their correlation %.2f.", meanSize(maps.Ghosts))
		}
		if m.Weights.Synthetic {
			p.Text += " Note: " + formOnly + "."
		}
		var b bytes.Buffer
		if err := png.Encode(&b, maps.Picture(img, framed, reportCell)); err != nil {
			return nil, err
		}
		p.PNG = b.Bytes()
		out = append(out, p)
	}
	return out, nil
}

// reportCell is the size of a map in a report, which holds several networks'.
const reportCell = 56

// near returns the n names that share most with a wanted one, in their own order where
// nothing is shared.
func near(names []string, want string, n int) []string {
	score := func(s string) int {
		k := 0
		for k < len(s) && k < len(want) && s[k] == want[k] {
			k++
		}
		return k
	}
	out := slices.Clone(names)
	slices.SortStableFunc(out, func(p, q string) int { return score(q) - score(p) })
	return out[:min(n, len(out))]
}
