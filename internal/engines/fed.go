package engines

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
	"github.com/wispnet/wisp/internal/subject"
	"github.com/wispnet/wisp/tensor"
)

// Subject is a model on a foreign engine, for eval: a runner process for each session, one
// thread each, fed with what wisp decoded and preprocessed, so that engines differ in the
// network alone. The engine is started once here, so that what it lacks is said before
// anything is evaluated; the end of ctx ends the processes.
func (f *Giver) Subject(ctx context.Context, e *Kind, m *wisp.Model, weights string) (eval.Subject, func() (subject.Runs, error), error) {
	var none eval.Subject
	reads := slices.Contains(e.Takes, strings.ToLower(filepath.Ext(m.Name)))
	if m.Precision() != "float32" && !reads {
		return none, nil, &runner.RemoteError{Code: runner.CodeUnsupported, Message: fmt.Sprintf("%s: engine %s reads no %s file, and a quantized network is not exported for it", m.Name, e.Name, filepath.Ext(m.Name))}
	}
	q, err := f.give(e, runner.LoadRequest{Model: m.Name, Weights: weights, Threads: 1, Batch: 1, Inputs: 1, Precision: m.Precision()})
	if err != nil {
		return none, nil, err
	}
	return f.fedBy(ctx, m, e.Name, reads, q, func(ctx context.Context) (Feeding, error) { return e.Start(ctx) })
}

// Feeding is a runner process that is fed; *runner.Client is one.
type Feeding interface {
	Hello() runner.Hello
	Load(runner.LoadRequest) (runner.LoadReply, error)
	Feed(in []byte) ([]byte, time.Duration, error)
	Close() error
}

// SubjectBy is a model on wisp's own engine in processes that start starts, on a device say.
func (f *Giver) SubjectBy(ctx context.Context, m *wisp.Model, q runner.LoadRequest, start func(ctx context.Context) (Feeding, error)) (eval.Subject, func() (subject.Runs, error), error) {
	q.Threads, q.Batch, q.Inputs, q.Precision = 1, 1, 1, m.Precision()
	return f.fedBy(ctx, m, "native", true, q, start)
}

// fedBy is a model in processes that start starts; own says that they have the model itself
// and not wisp's export of it.
func (f *Giver) fedBy(ctx context.Context, m *wisp.Model, engine string, own bool, q runner.LoadRequest, start func(ctx context.Context) (Feeding, error)) (eval.Subject, func() (subject.Runs, error), error) {
	var none eval.Subject
	open := func() (subject.Runs, error) {
		c, err := start(ctx)
		if err != nil {
			return nil, err
		}
		r, err := c.Load(q)
		if err != nil {
			c.Close()
			return nil, err
		}
		x := &fed{client: c, model: m, own: own}
		if err := x.fit(r.Model.Inputs, r.Model.Outputs); err != nil {
			c.Close()
			return nil, fmt.Errorf("%s: engine %s: %w", m.Name, engine, err)
		}
		return x, nil
	}
	c, err := start(ctx)
	if err != nil {
		return none, nil, err
	}
	hello := c.Hello()
	if err := c.Close(); err != nil {
		return none, nil, err
	}
	s, err := subject.Of(m, engine, hello.Version, open)
	if m.Precision() != "float32" && record.Printable(hello.Int8Note) {
		s.Note = hello.Int8Note
	}
	return s, open, err
}

// fed is a runner process that is given the inputs.
type fed struct {
	client Feeding
	model  *wisp.Model
	own    bool         // the process has the model itself and not wisp's export of it
	perm   []int        // the process's dimensions in terms of the graph's
	in     tensor.DType // that the process takes
	out    tensor.DType
	took   time.Duration
}

// Took is how long the last run took in the process, without the way there and back.
func (f *fed) Took() time.Duration { return f.took }

// fit finds out how the process wants its input. A process that has the user's own file must
// want what that file declares. An export has the graph's order of dimensions or, as
// TensorFlow Lite has it, the channels last.
func (f *fed) fit(in, out []runner.Port) error {
	declared, v := f.model.Inputs(), f.model.Graph.Value(f.model.Graph.Inputs[0])
	if len(declared) != 1 || len(in) != 1 || len(out) == 0 {
		return fmt.Errorf("it takes %d inputs, want one photograph", len(in))
	}
	want := declared[0]
	if f.in = v.Type.DType; f.own {
		f.in = want.DType
	}
	if in[0].DType != f.in.String() {
		return fmt.Errorf("it takes %s, want %v", in[0].DType, f.in)
	}
	shape := v.Type.Shape
	same := make([]int, len(shape))
	for i := range same {
		same[i] = i
	}
	layouts := [][]int{same}
	switch {
	case f.own:
		layouts = [][]int{f.model.InputOrder(0)}
	case len(shape) == 4:
		layouts = append(layouts, []int{0, 2, 3, 1})
	}
	for _, perm := range layouts {
		got := make([]int, len(shape))
		for i, k := range perm {
			got[i] = shape[k]
		}
		if !slices.Equal(got, in[0].Shape) {
			continue
		}
		if f.perm != nil && !slices.Equal(f.perm, perm) {
			return fmt.Errorf("it takes %v, whose channels may be first or last", in[0].Shape)
		}
		f.perm = perm
	}
	if f.perm == nil {
		return fmt.Errorf("it takes %v, want %s", in[0].Shape, want)
	}
	switch out[0].DType {
	case tensor.Float32.String(), tensor.Uint8.String(), tensor.Int8.String():
		f.out = tensor.ParseDType(out[0].DType)
	default:
		return fmt.Errorf("its output is of %s", out[0].DType)
	}
	return nil
}

func (f *fed) Scores(in *tensor.Tensor) ([]float32, error) {
	if !slices.IsSorted(f.perm) {
		in = in.Transposed(f.perm)
	}
	in, err := in.Exactly(f.in)
	if err != nil {
		return nil, err
	}
	b, took, err := f.client.Feed(in.Bytes())
	if f.took = took; err != nil {
		return nil, err
	}
	if len(b) != f.out.Size()*f.model.Classes {
		return nil, fmt.Errorf("got %d bytes of scores, want %d classes of %s", len(b), f.model.Classes, f.out)
	}
	out, err := tensor.FromBytes(f.out, tensor.Shape{1, f.model.Classes}, b)
	if err != nil {
		return nil, err
	}
	return f.model.Scores(out), nil
}

func (f *fed) Close() error { return f.client.Close() }
