package main

import (
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/report"
)

// The pictures of a comparison as files: compare --plots DIR.

// writePlots writes every picture twice: .svg for pages, which follows the reader's light
// or dark setting, and .png, always light, for what takes no SVG.
func (c *compared) writePlots(dir string, overwrite bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range c.Figures() {
		svg := f.SVG
		if err := writeFile(filepath.Join(dir, f.ID+".svg"), overwrite, func(w io.Writer) error {
			_, err := io.WriteString(w, svg)
			return err
		}); err != nil {
			return err
		}
		if err := writeFile(filepath.Join(dir, f.ID+".png"), overwrite, func(w io.Writer) error {
			img, err := report.Raster(svg, 2)
			if err != nil {
				return err
			}
			return png.Encode(w, img)
		}); err != nil {
			return err
		}
	}
	return nil
}

// losses is what INT8 left of the layers of the models that were quantized for a
// measurement.
func (f *benchFlags) losses(models []*wisp.Model) []report.Loss {
	var out []report.Loss
	if f.giver == nil {
		return nil
	}
	for _, m := range models {
		layers := f.giver.Quantized[m.Name]
		if len(layers) == 0 {
			continue
		}
		l := report.Loss{Model: m.Name}
		for _, q := range layers {
			l.Layers = append(l.Layers, report.LayerSQNR{Name: q.Name, SQNR: q.SQNR, FellBack: q.FellBack})
		}
		out = append(out, l)
	}
	return out
}

// reproduce is the commands behind the parts of the report.
func (a *app) reproduce() []report.Field {
	command := strings.Join(append([]string{"wisp"}, a.args...), " ")
	return []report.Field{
		{Name: "this page", Value: command},
		{Name: "counts and stages of a network", Value: "wisp show MODEL, wisp show MODEL --blocks"},
		{Name: "latency of one network, with its record", Value: "wisp bench MODEL --level standard"},
		{Name: "layer by layer", Value: "wisp bench MODEL --profile"},
		{Name: "INT8 and what it costs", Value: "wisp convert MODEL -o MODEL.tflite --int8 --calibrate DIR"},
		{Name: "accuracy on your own images", Value: "wisp eval FILE --data DIR"},
		{Name: "what differs between two networks", Value: "wisp diff A B"},
	}
}
