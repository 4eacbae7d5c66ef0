// Package native is wisp's own engine behind the runner protocol: what a process serves that
// was started to be measured, on this machine, a phone or a worker's.
//
// It opens models through package wisp and runs them on engine. It knows no command line and
// no transport; internal/runner has the conversation, bench what a figure is worth.
package native

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/internal/cpu"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/tensor"
)

// Verb is the hidden argument under which a program of wisp's runs itself as the process
// that is measured. It is no part of the contract.
const Verb = "__runner"

// Serve answers a parent's requests with wisp's own engine, whose version is the program's.
func Serve(in io.Reader, out io.Writer, version string) error {
	return runner.Serve(in, out, Backend{version})
}

// Backend opens models with wisp's own engine.
type Backend struct{ Version string }

// Engine names it.
func (b Backend) Engine() (name, version string) { return "native", b.Version }

// Read opens a model and its weights.
func (Backend) Read(q runner.LoadRequest) (runner.Builder, error) {
	precision := cmp.Or(q.Precision, "float32")
	if precision != "float32" && precision != "int8" {
		return nil, &runner.RemoteError{Code: runner.CodeUnsupported, Message: fmt.Sprintf("%s: precision %s: want float32 or int8", q.Model, precision)}
	}
	m, err := wisp.Open(q.Model, wisp.WithWeights(q.Weights), wisp.WithArch(q.Arch), wisp.WithMap(q.Options["map"]), wisp.WithPart(q.Options["part"]))
	if err == nil {
		_, err = m.Bound()
	}
	if err != nil {
		return nil, &runner.RemoteError{Code: Code(err), Message: err.Error()}
	}
	if precision == "int8" && m.Precision() != "int8" {
		if m, _, err = Calibrated(m, q.Options["calibrate"]); err != nil {
			return nil, &runner.RemoteError{Code: Code(err), Message: err.Error()}
		}
	}
	return &model{model: m, q: q}, nil
}

type model struct {
	model *wisp.Model
	q     runner.LoadRequest
}

func (b *model) Build() (runner.Loaded, error) {
	batch := max(1, b.q.Batch)
	at, err := b.model.Graph.AtBatch(batch)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.model.Name, err)
	}
	if at == b.model.Graph {
		batch = 0 // its own
	}
	p, err := b.model.Compile(wisp.Threads(max(1, b.q.Threads)), wisp.Batch(batch), wisp.Kernels(b.q.Kernels), wisp.Arithmetic(b.q.Options["arithmetic"]))
	if err != nil {
		return nil, &runner.RemoteError{Code: Code(err), Message: err.Error()}
	}
	l := &loaded{model: b.model, program: p.Engine, q: b.q}
	for range max(1, b.q.Sessions) {
		s, err := p.Engine.NewSession()
		if err != nil {
			l.Close()
			return nil, err
		}
		l.sessions = append(l.sessions, s)
		var out []*tensor.Tensor
		for _, port := range p.Engine.Outputs() {
			out = append(out, tensor.New(port.Type.DType, port.Type.Shape))
		}
		l.out = append(l.out, out)
	}
	return l, nil
}

type loaded struct {
	model    *wisp.Model
	program  *engine.Program
	sessions []*engine.Session
	q        runner.LoadRequest
	inputs   [][]*tensor.Tensor
	out      [][]*tensor.Tensor // by session
}

// MakeInputs fills the library of random inputs that the runs alternate between, outside
// of every clock.
func (l *loaded) MakeInputs(n int, seed uint64) error {
	l.inputs = nil
	for k := range n {
		var in []*tensor.Tensor
		rng := rand.New(rand.NewPCG(seed, uint64(k)))
		for _, port := range l.program.Inputs() {
			t := tensor.New(port.Type.DType, port.Type.Shape)
			switch x := t.Data.(type) {
			case []float32:
				for i := range x {
					x[i] = float32(rng.Float64()*2 - 1)
				}
			case []uint8:
				for i := range x {
					x[i] = uint8(rng.Uint32())
				}
			case []int8:
				for i := range x {
					x[i] = int8(rng.Uint32())
				}
			}
			in = append(in, t)
		}
		l.inputs = append(l.inputs, in)
	}
	return nil
}

func (l *loaded) Run(i int) error { return l.RunOn(0, i) }

func (l *loaded) RunOn(k, i int) error {
	return l.sessions[k].Run(l.inputs[i%len(l.inputs)], l.out[k])
}

// Feed runs the model on the parent's own numbers, which are as the model's file declares its
// input; so is the output.
func (l *loaded) Feed(in []byte) ([]byte, error) {
	ports := l.ports(l.program.Inputs(), l.model.Inputs(), l.model.InputOrder)
	if len(ports) != 1 {
		return nil, fmt.Errorf("it has %d inputs, want 1", len(ports))
	}
	a, err := tensor.FromBytes(tensor.ParseDType(ports[0].DType), ports[0].Shape, in)
	if err != nil {
		return nil, err
	}
	t, err := l.model.FromArray(0, a)
	if err != nil {
		return nil, err
	}
	if err := l.sessions[0].Run([]*tensor.Tensor{t}, l.out[0]); err != nil {
		return nil, err
	}
	// The session's own memory is written again by the next run: Bytes copies.
	return l.model.ToArray(0, l.out[0][0]).Bytes(), nil
}

// ports are the program's inputs or outputs as the model's file declares them; order gives the
// program's dimension for each of the file's.
func (l *loaded) ports(own []engine.Port, declared []wisp.Port, order func(i int) []int) []runner.Port {
	out := make([]runner.Port, len(own))
	for i, p := range own {
		out[i] = runner.Port{Name: declared[i].Name, DType: declared[i].DType.String(), Shape: make([]int, len(p.Type.Shape))}
		for k, from := range order(i) {
			out[i].Shape[k] = p.Type.Shape[from]
		}
	}
	return out
}

func (l *loaded) Close() error {
	for _, s := range l.sessions {
		s.Close()
	}
	return nil
}

func (l *loaded) Describe() runner.Description {
	sum, err := l.model.WeightsSHA256()
	notes := slices.Clone(l.model.Notes)
	if err != nil {
		notes = append(notes, fmt.Sprintf("%s: the hash of its weights is missing: %v", l.model.Name, err))
	}
	d := runner.Description{
		Model: l.model.Name, Family: l.model.Family, Weights: l.model.Weights.ID, WeightsHash: sum,
		Precision: l.model.Precision(), Threads: max(1, l.q.Threads), Batch: max(1, l.q.Batch),
		ArenaBytes: l.program.ArenaBytes(), WeightBytes: l.program.WeightBytes(), Notes: notes,
		CPUFeatures: featuresUsed(l.q.Kernels),
	}
	if q := l.model.Quantized; q != nil {
		d.Quantization = q.SHA256()
		// The hash of the file: of what it became, Quantization says more.
		if d.WeightsHash = ""; len(q.Weights) == 64 {
			d.WeightsHash = q.Weights
		}
	}
	if d.Precision == "int8" {
		d.Notes = append(slices.Clone(d.Notes), fmt.Sprintf("integers round as %s", l.program.Arithmetic()))
	}
	d.Inputs = l.ports(l.program.Inputs(), l.model.Inputs(), l.model.InputOrder)
	d.Outputs = l.ports(l.program.Outputs(), l.model.Outputs(), l.model.OutputOrder)
	for _, s := range l.program.Steps() {
		if s.Kernel != "" && !slices.Contains(d.Kernels, s.Kernel) {
			d.Kernels = append(d.Kernels, s.Kernel)
		}
	}
	slices.Sort(d.Kernels)
	return d
}

// featuresUsed are the instruction sets that kernels were drawn from: all of this
// processor's, or those of the one variant that was forced.
func featuresUsed(kernels string) []string {
	switch kernels {
	case "":
		return cpu.Have.List()
	case "go":
		return []string{}
	}
	return []string{kernels}
}

// shapes are what the plan's nodes are to their kernels: those of the fused graph.
func (l *loaded) shapes() (map[string]cost.Shape, error) {
	g, err := l.model.Fused()
	if err != nil {
		return nil, err
	}
	return cost.Shapes(g), nil
}

func (l *loaded) Profile(n int) ([]runner.Step, error) {
	steps := l.program.Steps()
	all := make([][]time.Duration, len(steps))
	for i := range n {
		err := l.sessions[0].Profile(l.inputs[i%len(l.inputs)], l.out[0], func(step int, d time.Duration) { all[step] = append(all[step], d) })
		if err != nil {
			return nil, err
		}
	}
	out := make([]runner.Step, len(steps))
	shapes, err := l.shapes()
	if err != nil {
		return nil, err
	}
	for i, s := range steps {
		k := shapes[s.Node]
		out[i] = runner.Step{Name: s.Node, Op: s.Op, Kernel: s.Kernel, Macs: s.Macs, Bytes: s.Bytes, Out: s.Out}
		if s.Macs > 0 { // a node may have copies before its products
			out[i].Kind, out[i].K, out[i].N, out[i].Stride = k.Kind, k.K, k.N, k.Stride
		}
		if d := all[i]; len(d) > 0 {
			slices.Sort(d)
			out[i].NS = d[len(d)/2].Nanoseconds()
		}
	}
	return out, nil
}
