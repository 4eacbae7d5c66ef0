package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/internal/npy"
	"github.com/wispnet/wisp/internal/report"
	"github.com/wispnet/wisp/tensor"
)

// wisp run prints the outputs of one run: shape and a summary, all values with --json,
// or outputs as .npy files.
func newRun(a *app) *cobra.Command {
	var models modelFlags
	var in, output []string
	var arithmetic arithmeticFlag
	var threads int
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "run MODEL",
		Short: "Run a model on an image, an array or a synthetic input and print its outputs",
		Long: `Run a model and print its outputs. Arrays are as the model's file declares its inputs, in its own layout (NHWC for most .tflite files);
real numbers for a quantized input are quantized, any other number is taken exactly or refused. An array of other sizes is
run at these where the file leaves them open or the network allows it. Where every output's first dimension is the batch,
any number of rows is run; other outputs are printed whole.`,
		Example: `  wisp run ghostnet --input synthetic:1 --output logits.npy
  wisp run model.onnx --input array.npy --json
  wisp run model.onnx --input image=photo.npy --input mask=mask.npy --output boxes=boxes.npy`,
		Args: exactly(1, "one MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if threads < 1 || threads > maxThreads {
				return usagef("--threads %d: want 1 to %d", threads, maxThreads)
			}
			if err := arithmetic.check(); err != nil {
				return err
			}
			i, err := readInputs(in)
			if err != nil {
				return err
			}
			m, err := models.open(a, args[0], i.options()...)
			if err != nil {
				return err
			}
			if i.picture() {
				a.sayOfPictures(m)
			}
			files, err := outputFiles(m, output)
			if err != nil {
				return err
			}
			outs, rounds, err := runModel(cmd, m, i, wisp.Threads(threads), wisp.Arithmetic(arithmetic.of(a, m)))
			if err != nil {
				return err
			}
			for k, o := range outs {
				if files[k] == "" {
					continue
				}
				if err := writeFile(files[k], overwrite, func(w io.Writer) error { return npy.Write(w, o.value) }); err != nil {
					return err
				}
			}
			return a.printOutputs(m, rounds, outs)
		},
	}
	models.add(cmd)
	arithmetic.add(cmd)
	cmd.Flags().StringArrayVar(&in, "input", []string{"synthetic:1"}, inputUsage)
	cmd.Flags().StringArrayVar(&output, "output", nil, "write an output to `[NAME=]FILE.npy`, without a name the first")
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace existing --output files")
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

// outputFiles finds the file of each of the model's outputs, "" for none, by --output
// [NAME=]FILE.npy.
func outputFiles(m *wisp.Model, given []string) ([]string, error) {
	ports := m.Outputs()
	files := make([]string, len(ports))
	for _, s := range given {
		i, file := 0, s
		// Names may hold any character, = too.
		for k, p := range ports {
			if rest, ok := strings.CutPrefix(s, p.Name+"="); ok && rest != "" {
				i, file = k, rest
			}
		}
		if name, _, named := strings.Cut(s, "="); file == s && named && !strings.ContainsRune(name, filepath.Separator) {
			var all []string
			for _, p := range ports {
				all = append(all, p.String())
			}
			return nil, usagef("%s: --output %s: the model has no such output: it has %s", m.Name, s, strings.Join(all, ", "))
		}
		if files[i] != "" {
			return nil, usagef("--output %s: output %q is written to %s already", s, ports[i].Name, files[i])
		}
		files[i] = file
	}
	return files, nil
}

// runModel runs all rows of the inputs. Rounds is the program's arithmetic.
func runModel(cmd *cobra.Command, m *wisp.Model, all inputs, opts ...wisp.CompileOption) (outs []namedOutput, rounds string, err error) {
	in, err := all.tensors(m)
	if err != nil {
		return nil, "", err
	}
	how, err := plan(m, in)
	if err != nil {
		return nil, "", err
	}
	if how.batch > 0 {
		opts = append(opts, wisp.Batch(how.batch))
	}
	p, err := m.Compile(opts...)
	if err != nil {
		return nil, "", err
	}
	defer p.Close()
	got, err := runRows(cmd.Context(), p, in, how)
	if err != nil {
		return nil, "", err
	}
	for i, port := range m.Outputs() {
		outs = append(outs, namedOutput{port.Name, m.ToArray(i, got[i])})
	}
	return outs, p.Arithmetic(), nil
}

// outputDocument is one output in JSON.
type outputDocument struct {
	Shape  []int   `json:"shape"`
	DType  string  `json:"dtype"`
	Values numbers `json:"values"`
}

// outputDocuments is an object of outputs, in the model's order.
type outputDocuments []struct {
	name string
	outputDocument
}

func (d outputDocuments) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i := range d {
		name, err := json.Marshal(d[i].name)
		if err != nil {
			return nil, err
		}
		x, err := json.Marshal(d[i].outputDocument)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, name...), ':'), x...)
	}
	return append(b, '}'), nil
}

func (a *app) printOutputs(m *wisp.Model, rounds string, outs []namedOutput) error {
	for _, o := range outs {
		if bad := notFinite(o.value.Floats()); bad > 0 {
			null := ""
			if a.json {
				null = " and stand as null"
			}
			a.say("%s: output %s: %d of %d values are not finite numbers%s: the weights or the input are damaged", m.Name, o.name, bad, o.value.Shape.Elements(), null)
		}
	}
	if a.json {
		all := make(outputDocuments, len(outs))
		for i, o := range outs {
			all[i].name = o.name
			all[i].outputDocument = outputDocument{append([]int{}, o.value.Shape...), o.value.DType.String(), numbers{o.value}}
		}
		return a.print(struct {
			envelope
			Model      string          `json:"model"`
			Weights    string          `json:"weights"`
			Arithmetic string          `json:"arithmetic,omitempty"`
			Outputs    outputDocuments `json:"outputs"`
		}{a.envelope(), m.Name, m.Weights.ID, rounds, all})
	}
	for _, o := range outs {
		fmt.Fprintln(a.out, report.OutputFact(o.name, o.value))
		n := o.value.Shape.Elements()
		fmt.Fprintf(a.out, "  %v", firstOf(o.value, 8))
		if n > 8 {
			fmt.Fprintf(a.out, " … (%d values: --json or --output FILE.npy gives all)", n)
		}
		fmt.Fprintln(a.out)
	}
	return nil
}

// firstOf is at most n of a tensor's elements, as a list prints.
func firstOf(t *tensor.Tensor, n int) any {
	if v := wholeNumbers(t); v != nil {
		return v[:min(n, len(v))]
	}
	v := t.Floats()
	return v[:min(n, len(v))]
}

// wholeNumbers are the elements of a tensor of integers; nil for any other.
func wholeNumbers(t *tensor.Tensor) []int64 {
	switch t.DType {
	case tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16:
		return nil
	}
	t, err := t.Exactly(tensor.Int64)
	if err != nil {
		return nil
	}
	return t.Int64()
}

// numbers are a tensor's elements, which print so that they read back exactly; what is not
// finite prints as null, since JSON has no word for it, true as 1 and false as 0.
type numbers struct{ *tensor.Tensor }

func (n numbers) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 2+12*n.Shape.Elements())
	b = append(b, '[')
	if v := wholeNumbers(n.Tensor); v != nil {
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, x, 10)
		}
		return append(b, ']'), nil
	}
	for i, v := range n.Floats() {
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
