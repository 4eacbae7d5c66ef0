package engines

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
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
	if reads := slices.Contains(e.Takes, strings.ToLower(filepath.Ext(m.Name))); m.Precision() != "float32" && !reads {
		return none, nil, &runner.RemoteError{Code: runner.CodeUnsupported, Message: fmt.Sprintf("%s: engine %s reads no %s file, and a quantized network is not exported for it", m.Name, e.Name, filepath.Ext(m.Name))}
	}
	q, err := f.give(e, runner.LoadRequest{Model: m.Name, Weights: weights, Threads: 1, Batch: 1, Inputs: 1, Precision: m.Precision()})
	if err != nil {
		return none, nil, err
	}
	return f.fedBy(ctx, m, e.Name, q, func(ctx context.Context) (Feeding, error) { return e.Start(ctx) })
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
	return f.fedBy(ctx, m, "native", q, start)
}

func (f *Giver) fedBy(ctx context.Context, m *wisp.Model, engine string, q runner.LoadRequest, start func(ctx context.Context) (Feeding, error)) (eval.Subject, func() (subject.Runs, error), error) {
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
		x := &fed{client: c, model: m}
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
	last   bool // its input is [1,H,W,3], as TensorFlow Lite has it
	out    tensor.DType
	took   time.Duration
}

// Took is how long the last run took in the process, without the way there and back.
func (f *fed) Took() time.Duration { return f.took }

// fit finds out how the process wants its input; it must be the model's own.
func (f *fed) fit(in, out []runner.Port) error {
	h, w, err := f.model.ImageSize()
	if err != nil {
		return err
	}
	want := f.model.Graph.Value(f.model.Graph.Inputs[0]).Type.DType
	if len(in) != 1 || len(out) == 0 || in[0].DType != want.String() {
		return fmt.Errorf("it takes %v, want one input of %s", in, want)
	}
	switch f.last = slices.Equal(in[0].Shape, []int{1, h, w, 3}); {
	case !f.last && !slices.Equal(in[0].Shape, []int{1, 3, h, w}):
		return fmt.Errorf("it takes %v, want [1,3,%d,%d] or [1,%d,%d,3]", in[0].Shape, h, w, h, w)
	case out[0].DType == tensor.Float32.String():
		f.out = tensor.Float32
	case out[0].DType == tensor.Uint8.String():
		f.out = tensor.Uint8
	case out[0].DType == tensor.Int8.String():
		f.out = tensor.Int8
	default:
		return fmt.Errorf("its output is of %s", out[0].DType)
	}
	return nil
}

func (f *fed) Scores(in *tensor.Tensor) ([]float32, error) {
	b, took, err := f.client.Feed(packed(in, f.last))
	if f.took = took; err != nil {
		return nil, err
	}
	size := 1
	if f.out == tensor.Float32 {
		size = 4
	}
	if len(b) != size*f.model.Classes {
		return nil, fmt.Errorf("got %d bytes of scores, want %d classes of %s", len(b), f.model.Classes, f.out)
	}
	out := tensor.New(f.out, tensor.Shape{1, f.model.Classes})
	for i := range f.model.Classes {
		switch v := out.Data.(type) {
		case []float32:
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		case []uint8:
			v[i] = b[i]
		case []int8:
			v[i] = int8(b[i])
		}
	}
	return f.model.Scores(out), nil
}

// packed are a picture's numbers [1,3,H,W] as bytes, channels last where that is wanted.
func packed(t *tensor.Tensor, last bool) []byte {
	n := t.Shape[2] * t.Shape[3]
	var b []byte
	for i := range 3 * n {
		from := i
		if last {
			from = i%3*n + i/3
		}
		switch v := t.Data.(type) {
		case []float32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v[from]))
		case []uint8:
			b = append(b, v[from])
		case []int8:
			b = append(b, uint8(v[from]))
		}
	}
	return b
}

func (f *fed) Close() error { return f.client.Close() }
