package main

import (
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/tensor"
)

// wisp run prints the outputs of one run: shape and a summary, all values with --json,
// or the first output as a .npy file.
func newRun(a *app) *cobra.Command {
	var models modelFlags
	var in, output string
	var arithmetic arithmeticFlag
	var threads, batch int
	var overwrite bool
	cmd := &cobra.Command{
		Use:     "run MODEL",
		Short:   "Run a model on an image, an array or a synthetic input and print its outputs",
		Example: "  wisp run ghostnet --input synthetic:1 --output logits.npy\n  wisp run model.onnx --input array.npy --json",
		Args:    exactly(1, "one MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if threads < 1 || threads > maxThreads {
				return usagef("--threads %d: want 1 to %d", threads, maxThreads)
			}
			if batch < 0 || batch > maxBatch {
				return usagef("--batch %d: want 1 to %d", batch, maxBatch)
			}
			if err := arithmetic.check(); err != nil {
				return err
			}
			i, err := readInput(in)
			if err != nil {
				return err
			}
			m, err := models.open(a, args[0], i.options()...)
			if err != nil {
				return err
			}
			outs, rounds, err := runModel(cmd, m, i, wisp.Threads(threads), wisp.Arithmetic(arithmetic.of(a, m)))
			if err != nil {
				return err
			}
			if output != "" {
				if err := writeFile(output, overwrite, func(w io.Writer) error { return npy.Write(w, outs[0].value) }); err != nil {
					return err
				}
			}
			return a.printOutputs(m, rounds, outs)
		},
	}
	models.add(cmd)
	arithmetic.add(cmd)
	cmd.Flags().StringVar(&in, "input", "synthetic:1", "`IMAGE`, FILE.npy or synthetic:SEED")
	cmd.Flags().StringVar(&output, "output", "", "write the first output to `FILE.npy`")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace an existing --output file")
	cmd.Flags().IntVar(&threads, "threads", 1, "cores that the run may use")
	return cmd
}

const (
	maxThreads = engines.MaxThreads
	maxBatch   = engines.MaxBatch
)

type namedOutput struct {
	name  string
	value *tensor.Tensor
}

// runModel runs all rows of the input, batch by batch. Rounds is the program's arithmetic.
func runModel(cmd *cobra.Command, m *wisp.Model, in *input, opts ...wisp.CompileOption) (outs []namedOutput, rounds string, err error) {
	batches, last, err := in.batches(m)
	if err != nil {
		return nil, "", err
	}
	p, err := m.Compile(opts...)
	if err != nil {
		return nil, "", err
	}
	defer p.Close()
	var parts [][]*tensor.Tensor
	for _, b := range batches {
		if err := cmd.Context().Err(); err != nil {
			return nil, "", err
		}
		got, err := p.Run(b)
		if err != nil {
			return nil, "", err
		}
		parts = append(parts, got)
	}
	for i, port := range p.Engine.Outputs() {
		v := joinRows(parts, i, last)
		if m.ChannelsLast && len(v.Shape) == 4 {
			v = reordered(v, 0, 2, 3, 1)
		}
		outs = append(outs, namedOutput{port.Name, v})
	}
	return outs, p.Arithmetic(), nil
}

// joinRows joins output i of all batches along dimension 0, the last batch counting
// only its real rows.
func joinRows(parts [][]*tensor.Tensor, i, last int) *tensor.Tensor {
	first := parts[0][i]
	if len(parts) == 1 && (len(first.Shape) == 0 || first.Shape[0] == last) {
		return first
	}
	shape := first.Shape.Clone()
	batch := shape[0]
	shape[0] = (len(parts)-1)*batch + last
	out := tensor.New(first.DType, shape)
	at := 0
	for _, p := range parts {
		at += copyElements(out, at, p[i], 0)
	}
	return out
}

func (a *app) printOutputs(m *wisp.Model, rounds string, outs []namedOutput) error {
	if a.json {
		type output struct {
			Shape  []int   `json:"shape"`
			DType  string  `json:"dtype"`
			Values numbers `json:"values"`
		}
		all := map[string]output{}
		for _, o := range outs {
			v := o.value.Floats()
			if bad := notFinite(v); bad > 0 {
				a.say("%s: output %s: %d values are not finite numbers and stand as null", m.Name, o.name, bad)
			}
			all[o.name] = output{append([]int{}, o.value.Shape...), o.value.DType.String(), v}
		}
		return a.print(struct {
			envelope
			Model      string            `json:"model"`
			Weights    string            `json:"weights"`
			Arithmetic string            `json:"arithmetic,omitempty"`
			Outputs    map[string]output `json:"outputs"`
		}{a.envelope(), m.Name, m.Weights.ID, rounds, all})
	}
	for _, o := range outs {
		v := o.value.Floats()
		fmt.Fprintln(a.out, report.OutputFact(o.name, o.value))
		fmt.Fprintf(a.out, "  %v", v[:min(8, len(v))])
		if len(v) > 8 {
			fmt.Fprintf(a.out, " … (%d values: --json or --output FILE.npy gives all)", len(v))
		}
		fmt.Fprintln(a.out)
	}
	return nil
}

// numbers are float32 values that print so that they read back exactly; what is not
// finite prints as null, since JSON has no word for it.
type numbers []float32

func (n numbers) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 2+12*len(n))
	b = append(b, '[')
	for i, v := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendFloat(b, f, 'g', -1, 32)
		}
	}
	return append(b, ']'), nil
}

func notFinite(v []float32) int {
	bad := 0
	for _, x := range v {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			bad++
		}
	}
	return bad
}
