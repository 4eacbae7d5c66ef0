package wisp

import (
	"cmp"
	"errors"
	"fmt"
	"sync"

	"github.com/wispnet/wisp/engine"
	"github.com/wispnet/wisp/format"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/guard"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/tensor"
)

// CompileOption changes how a model is compiled.
type CompileOption func(*engine.Options)

// Threads sets how many cores one run may use; 1 where it is not given.
func Threads(n int) CompileOption { return func(o *engine.Options) { o.Threads = n } }

// Batch sets how many rows one run takes; 1 where it is not given.
func Batch(n int) CompileOption { return func(o *engine.Options) { o.Batch = n } }

// Kernels restricts the kernels to one variant; "go" takes the portable twins.
func Kernels(name string) CompileOption { return func(o *engine.Options) { o.Kernels = name } }

// Arithmetic sets how quantized networks round: "tflite-builtin" and "tflite-xnnpack" are
// TensorFlow Lite without and with its default delegate, "onnx" is ONNX Runtime. "" takes
// the model's own, Model.Arithmetic.
func Arithmetic(profile string) CompileOption {
	return func(o *engine.Options) { o.Arithmetic = profile }
}

// Arithmetic is how the model's integers round where Compile is not told otherwise: "onnx"
// for an .onnx file that is quantized, "tflite-xnnpack" for a .tflite file and for a network
// that Int8 quantized; "" for a network of floats.
func (m *Model) Arithmetic() string {
	if m.Precision() == "float32" {
		return ""
	}
	return string(fixed.ForFormat(m.quantizedAs))
}

// Arithmetic says how the program's integers round; "" for a network of floats.
func (p *Program) Arithmetic() string {
	if p.Model.Precision() == "float32" {
		return ""
	}
	return p.Engine.Arithmetic()
}

// lazyGraph binds a model's weights once.
type lazyGraph struct {
	once sync.Once
	g    *graph.Graph
	err  error
}

// checkNumbers refuses weights that are no numbers: whatever they are part of would be none
// either, or by a maximum's grace a number that means nothing.
func (m *Model) checkNumbers(g *graph.Graph) error {
	if m.File == nil {
		return nil
	}
	for i, uses := range g.Uses() {
		v := &g.Values[i]
		if v.Data == nil || len(uses) == 0 {
			continue
		}
		if bad := v.Data.NaNs(); bad > 0 {
			return &format.Refused{Path: m.File.Path, Format: m.File.Format, Where: fmt.Sprintf("%v %q", v.Kind, v.Name),
				What: fmt.Sprintf("%d of %d values are NaN", bad, v.Type.Shape.Elements()),
				Hint: "the file is damaged or its training diverged: take another checkpoint"}
		}
	}
	return nil
}

// Bound returns the graph with all weights set, reading or generating them the first
// time. The graph must not be changed. A file whose weights hold NaN is a *format.Refused.
func (m *Model) Bound() (*graph.Graph, error) {
	if m.closed.Load() {
		return nil, fmt.Errorf("%s: the model is closed: open it again", m.Name)
	}
	m.bound.once.Do(func() {
		m.bound.err = guard.Do(m.Name, func() error {
			g := m.Graph
			if m.source != nil {
				g = g.Clone()
				if err := g.Bind(m.source); err != nil {
					return fmt.Errorf("%s: %w", m.Name, err)
				}
			}
			if err := m.checkNumbers(g); err != nil {
				return err
			}
			m.bound.g = g
			return nil
		})
	})
	return m.bound.g, m.bound.err
}

// Fused is the bound graph as other runtimes take it best: batch norms folded into layers,
// activations joined to them. The caller may change it.
func (m *Model) Fused() (*graph.Graph, error) {
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

// Program is a compiled model. Run and Classify may be called from many goroutines;
// each call borrows a session of its own.
type Program struct {
	Model *Model
	// Engine is the plan behind the program: steps, memory, kernels.
	Engine *engine.Program

	mu     sync.Mutex
	idle   []*engine.Session
	closed bool
}

// Compile plans the model for this machine: weights are packed, buffers placed. A model that
// is closed is refused; what wisp itself does wrong is an error, never a panic.
func (m *Model) Compile(opts ...CompileOption) (*Program, error) {
	var o engine.Options
	for _, f := range opts {
		f(&o)
	}
	o.Arithmetic = cmp.Or(o.Arithmetic, m.Arithmetic())
	g, err := m.Bound()
	if err != nil {
		return nil, err
	}
	p := &Program{Model: m}
	err = guard.Do(m.Name, func() error {
		if p.Engine, err = engine.Compile(g, o); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

var errClosed = errors.New("wisp: the program is closed")

func (p *Program) borrow() (*engine.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return s, nil
	}
	return p.Engine.NewSession()
}

func (p *Program) giveBack(s *engine.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || s.Broken() {
		s.Close()
		return
	}
	p.idle = append(p.idle, s)
}

// Close stops the threads of all idle sessions; running ones stop when they are done.
func (p *Program) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.idle {
		s.Close()
	}
	p.idle = nil
}

// Run computes the outputs for the given inputs. Types are those of Engine.Inputs and
// Engine.Outputs: float32 NCHW images for the zoo's networks. The outputs are new
// tensors that the caller owns. For the last drop of speed use Engine.NewSession,
// whose Run allocates nothing.
func (p *Program) Run(in ...*tensor.Tensor) ([]*tensor.Tensor, error) {
	s, err := p.borrow()
	if err != nil {
		return nil, err
	}
	defer p.giveBack(s)
	ports := p.Engine.Outputs()
	out := make([]*tensor.Tensor, len(ports))
	for i, port := range ports {
		out[i] = tensor.New(port.Type.DType, port.Type.Shape)
	}
	err = guard.Do(p.Model.Name, func() error {
		if err := s.Run(in, out); err != nil {
			return fmt.Errorf("%s: %w", p.Model.Name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
