package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/format/safetensors"
	"github.com/wispnet/wisp/internal/export"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/internal/native"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/quant"
	"github.com/wispnet/wisp/tensor"
)

// wisp convert writes a model in another format, in float32 or in 8-bit integers. Batch
// norms are folded first, so that another runtime need not do it.
func newConvert(a *app) *cobra.Command {
	var models modelFlags
	var c conversion
	cmd := &cobra.Command{
		Use:   "convert MODEL -o OUT.onnx|.tflite|.safetensors",
		Short: "Write a model in another format, in float32 or int8",
		Long: `Write a model as an ONNX file of opset 17, as a TensorFlow Lite model, or its tensors as safetensors.

Batch norms are folded into the convolutions before them (but for .safetensors, which holds the network's own tensors).

--int8 quantizes the network after training: ranges come from the images of --calibrate, weights have a scale for every output, and
the report says for every layer how far it is from float32, what was clipped and what stayed in float32, and why.`,
		Example: "  wisp convert ghostnet -o ghostnet.onnx\n  wisp convert mobilenet_v2:0.75@192 -o small.onnx --weights synthetic:1\n  wisp convert ghostnet.pth -o ghostnet.tflite --int8 --calibrate photographs",
		Args:    exactly(1, "MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := c.check()
			if err != nil {
				return err
			}
			m, err := models.open(a, args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			return a.convert(m, &c, write)
		},
	}
	models.add(cmd)
	f := cmd.Flags()
	f.StringVarP(&c.output, "output", "o", "", "the `FILE` to write; its ending says the format: .onnx, .tflite, .safetensors")
	f.BoolVar(&c.overwrite, "overwrite", false, "replace an existing file")
	f.BoolVar(&c.int8, "int8", false, "quantize to 8-bit integers")
	f.StringVar(&c.calibrate, "calibrate", "", "images that int8 is calibrated on (`DIR`); without it, 32 synthetic inputs")
	f.StringVar(&c.method, "method", string(quant.Recommended().Method), "how ranges are chosen: minmax, percentile, mse or best")
	f.Float64Var(&c.islands, "islands", 100*quant.Recommended().Islands, "per cent of the multiply-adds that may stay in float32, which costs bytes and an integer-only file; 5 spares the outputs most noise")
	return cmd
}

// conversion is what the flags ask for.
type conversion struct {
	output, calibrate, method string
	overwrite, int8           bool
	islands                   float64
}

// writer writes a model's graph in one format.
type writer func(w io.Writer, m *wisp.Model) error

func (c *conversion) check() (writer, error) {
	write, ok := map[string]writer{".onnx": writeONNX, ".tflite": writeTFLite, ".safetensors": writeSafetensors}[strings.ToLower(filepath.Ext(c.output))]
	switch {
	case c.output == "":
		return nil, usagef("convert: no output: give -o OUT.onnx, OUT.tflite or OUT.safetensors")
	case !ok:
		return nil, usagef("convert: -o %s: want a name that ends in .onnx, .tflite or .safetensors", c.output)
	case !slices.Contains(quant.Methods, quant.Method(c.method)):
		return nil, usagef("convert: --method %s: want one of %v", c.method, quant.Methods)
	case c.islands < 0 || c.islands > 100:
		return nil, usagef("convert: --islands %v: want 0 to 100 per cent", c.islands)
	case c.int8 && strings.EqualFold(filepath.Ext(c.output), ".safetensors"):
		return nil, usagef("convert: -o %s: safetensors hold the network's own tensors: give --int8 an .onnx or .tflite file", c.output)
	case c.calibrate != "" && !c.int8:
		return nil, usagef("convert: --calibrate belongs to --int8")
	}
	return write, nil
}

// convertedLayer is a row of the report of a quantization.
type convertedLayer struct {
	Name     string   `json:"name"`
	Op       string   `json:"op"`
	SQNR     *float64 `json:"sqnr_db"`
	Lo       float64  `json:"lo"`
	Hi       float64  `json:"hi"`
	Clipped  float64  `json:"clipped"`
	FellBack bool     `json:"fell_back"`
	Why      string   `json:"why,omitempty"`
	MACs     int64    `json:"macs"`
}

func (a *app) convert(m *wisp.Model, c *conversion, write writer) error {
	if !strings.EqualFold(filepath.Ext(c.output), ".safetensors") { // a graph would be of the one network without a word
		if err := m.Doubtful(); err != nil {
			return err
		}
	}
	form := strings.ToLower(filepath.Ext(c.output))[1:]
	layers := []convertedLayer{}
	var result *quant.Result
	if c.int8 {
		images, err := native.Calibration(m, c.calibrate)
		if err != nil {
			return err
		}
		if c.calibrate == "" {
			a.say("%s: int8 calibrated on %d synthetic inputs: give photographs with --calibrate DIR", m.Name, len(images))
		}
		o := quant.Recommended()
		o.Method, o.Islands = quant.Method(c.method), c.islands/100
		if m, result, err = m.Int8(images, o); err != nil {
			return err
		}
		for _, l := range result.Layers {
			row := convertedLayer{Name: l.Name, Op: l.Op, Lo: l.Lo, Hi: l.Hi, Clipped: l.Clipped, FellBack: l.FellBack, Why: l.Why, MACs: l.MACs}
			row.SQNR = &l.SQNR
			layers = append(layers, row)
		}
	}
	sqnr := 0.0
	err := writeFile(c.output, c.overwrite, func(w io.Writer) error {
		if result == nil {
			return write(w, m)
		}
		var file bytes.Buffer
		err := write(&file, m)
		if err == nil {
			err = guard.Do(m.Name, func() (err error) {
				sqnr, err = native.Written(result, form, file.Bytes())
				return err
			})
		}
		if err == nil {
			_, err = w.Write(file.Bytes())
		}
		return err
	})
	if err != nil {
		return err
	}
	if result != nil && math.Abs(sqnr-result.SQNR) > tellsApart {
		a.say("%s: %.1f dB SQNR of the output as the file gives it, %.1f dB before it was written: the layers' figures are those before", c.output, sqnr, result.SQNR)
	}
	if c.calibrate != "" { // photographs: how they became inputs is in the integers
		a.warnOfGuess(m)
	}
	info, err := os.Stat(c.output)
	if err != nil {
		return err
	}
	if a.json {
		var output, islands *float64
		if result != nil {
			output, islands = &sqnr, &result.IslandMACs
		}
		return a.print(struct {
			envelope
			Model     string           `json:"model"`
			Output    string           `json:"output"`
			Format    string           `json:"format"`
			Precision string           `json:"precision"`
			Bytes     int64            `json:"bytes"`
			Weights   string           `json:"weights"`
			SQNR      *float64         `json:"output_sqnr_db"`
			Islands   *float64         `json:"float_macs_share"`
			Layers    []convertedLayer `json:"layers"`
		}{a.envelope(), m.Name, c.output, form, m.Precision(), info.Size(), m.Weights.ID, output, islands, layers})
	}
	if result != nil {
		if err := a.printLayers(result, sqnr, layers); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(a.out, "%s: %s as %s, %s, %.1f MB, weights %s\n", c.output, m.Name, formatNames[form], m.Precision(), float64(info.Size())/1e6, m.Weights.ID)
	return err
}

var formatNames = map[string]string{"onnx": "ONNX", "tflite": "TensorFlow Lite", "safetensors": "safetensors"}

// tellsApart is a difference in dB that is more than another rounding of the same network.
const tellsApart = 1

// printLayers shows what the quantization cost, layer by layer, and sqnr, that of the file.
func (a *app) printLayers(r *quant.Result, sqnr float64, layers []convertedLayer) error {
	t := report.NewTable([]string{"layer", "op", "SQNR dB", "range", "clipped", "fell back"}, []bool{false, false, true, true, true, false}, a.width())
	for _, l := range layers {
		t.AppendRow(table.Row{l.Name, l.Op, fmt.Sprintf("%.1f", *l.SQNR), fmt.Sprintf("%.3g … %.3g", l.Lo, l.Hi), fmt.Sprintf("%.3f %%", 100*l.Clipped), l.Why})
	}
	_, err := fmt.Fprintf(a.out, "%s\n\noutput: %.1f dB SQNR, centred; %.2f %% of the multiply-adds stay in float32\n", t.Render(), sqnr, 100*r.IslandMACs)
	return err
}

func writeONNX(w io.Writer, m *wisp.Model) error { return export.ONNX(w, m) }

func writeTFLite(w io.Writer, m *wisp.Model) error { return export.TFLite(w, m, version) }

// writeSafetensors writes the network's own tensors under their own names, and which network
// it is, since tensors do not tell every network from others.
func writeSafetensors(w io.Writer, m *wisp.Model) error {
	g, err := m.Bound()
	if err != nil {
		return err
	}
	var list []tensor.Named
	for _, id := range g.Weights {
		v := g.Value(id)
		list = append(list, tensor.Named{Name: v.Name, Tensor: v.Data})
	}
	says := map[string]string{"format": "pt"}
	if m.Spec != nil && m.Doubtful() == nil {
		says[format.NetworkKey] = m.Spec.String()
	}
	return safetensors.WriteAll(w, list, says)
}
