package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/rewrite"
)

// wisp convert writes a model as an ONNX file. Batch norms are folded first, so that
// another runtime need not do it.
func newConvert(a *app) *cobra.Command {
	var models modelFlags
	var output string
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "convert MODEL -o OUT.onnx",
		Short: "Write a model as an ONNX file",
		Long: `Write a model as an ONNX file of opset 17, weights included.

Batch norms are folded into the convolutions before them, SAME padding becomes numbers for the model's image size, and the batch
stays free where the network allows it.`,
		Example: "  wisp convert ghostnet -o ghostnet.onnx\n  wisp convert mobilenet_v2:0.75@192 -o small.onnx --weights synthetic:1",
		Args:    exactly(1, "MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch ext := strings.ToLower(filepath.Ext(output)); {
			case output == "":
				return usagef("convert: no output: give -o OUT.onnx")
			case ext != ".onnx":
				return usagef("convert: -o %s: want a name that ends in .onnx: other formats are not part of this version", output)
			}
			m, err := models.open(a, args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			g, err := exportable(m)
			if err != nil {
				return err
			}
			if err := writeFile(output, overwrite, func(w io.Writer) error { return onnx.Write(w, g) }); err != nil {
				return err
			}
			info, err := os.Stat(output)
			if err != nil {
				return err
			}
			if a.json {
				return a.print(struct {
					envelope
					Model   string     `json:"model"`
					Output  string     `json:"output"`
					Format  string     `json:"format"`
					Bytes   int64      `json:"bytes"`
					Weights string     `json:"weights"`
					Layers  []struct{} `json:"layers"` // of a quantization; this version writes float32
				}{a.envelope(), m.Name, output, "onnx", info.Size(), m.Weights.ID, []struct{}{}})
			}
			_, err = fmt.Fprintf(a.out, "%s: %s as ONNX, %.1f MB, weights %s\n", output, m.Name, float64(info.Size())/1e6, m.Weights.ID)
			return err
		},
	}
	models.add(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "the `FILE` to write; its ending says the format: .onnx")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace an existing file")
	return cmd
}

// exportable is a model's graph as other runtimes take it best: bound and fused.
func exportable(m *wisp.Model) (*graph.Graph, error) {
	g, err := m.Bound()
	if err != nil {
		return nil, err
	}
	fused, err := rewrite.Run(g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name, err)
	}
	return fused, nil
}
