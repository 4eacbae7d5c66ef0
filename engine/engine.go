// Package engine runs a graph: it compiles it once into a plan of kernel calls over one
// block of memory, and then executes the plan as often as asked without allocating.
//
// Activations lie in memory as NHWC: a value is a view (buffer, channel offset, distance
// between pixels), so that joining and splitting channels moves nothing. Weights are packed
// for the kernels when the graph is compiled. A Program is immutable and may be used from
// many goroutines; each needs a Session of its own, which holds the memory and the threads.
//
// The engine decides which kernel runs when and where its data lie. Arithmetic is
// internal/kernel's, rewriting the graph internal/rewrite's, placing buffers
// internal/layout's; what a result should be is internal/interp's.
package engine

import (
	"errors"
	"fmt"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/fixed"
	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/tensor"
)

// Options say how to compile. The zero value is one thread, the graph's own batch and the
// fastest kernels.
type Options struct {
	Threads int    // cores one Run may use; 0 is 1
	Batch   int    // rows of one Run; 0 keeps the graph's
	Kernels string // a variant of internal/kernel ("go", "avx2", …); empty takes the best
	// Arithmetic is how quantized values round: "tflite-builtin", "tflite-xnnpack" (or
	// empty) or "onnx", see internal/fixed.
	Arithmetic string
	// Packs, unless nil, keeps packed weights for the next compilation with it.
	Packs *Packs
	// Poison is for tests, which then also have every read of the plan checked.
	Poison Poison
}

// MaxThreads bounds Options.Threads.
const MaxThreads = 256

// MaxBytes is the largest arena, the largest set of weights and the largest value that
// Compile accepts: 16 GiB. Larger ones are files that lie.
const MaxBytes = 16 << 30

// Port is an input or output: its name and logical type, NCHW for images.
type Port struct {
	Name string
	Type graph.Type
}

// Step is one entry of the plan, for profiles and tables.
type Step struct {
	Node   string       // the graph's name of what it computes
	Op     string       // "conv", "depthwise", "linear", "copy", …
	Kernel string       // the kernel and its variant: "gemm/avx512"
	Macs   int64        // multiply-adds
	Bytes  int64        // read and written, weights included, each counted once
	Out    tensor.Shape // logical shape of what it computes
	Chunks int          // pieces that threads claim; 1 runs on one thread
	Band   int          // rows of a chain's last output that its steps compute in turn; 0: the step runs alone
}

// Program is a compiled graph. It is immutable and safe for concurrent use.
type Program struct {
	profile  fixed.Profile
	name     string
	threads  int
	inputs   []Port
	outputs  []Port
	steps    []step
	bufs     []buffer
	arena    int // elements
	scratch  int // elements per thread
	weights  int64
	variants string
	poison   Poison
	births   [][]int // the buffers whose life begins with every step
	// What a thread's cursor must hold: the steps and rings of the longest chains.
	longest, mostRings int
	means              int // the most channels of a mean of a large map
}

// step is a Step with what executes it: run computes the units [u0, u1) of units.
type step struct {
	Step
	units         int
	work          runner
	reads, writes []int // buffers
}

type runner interface {
	run(c *ctx, u0, u1 int)
}

// buffer is a piece of the arena.
type buffer struct {
	size  int // elements
	off   int // elements from the arena's start
	bytes bool
}

// width is the bytes of an element.
func (b *buffer) width() int {
	if b.bytes {
		return 1
	}
	return 4
}

// Compile rewrites and plans a graph whose weights are bound. The graph is not changed and
// its weights' data may be dropped afterwards. A *graph.UnsupportedError lists everything
// that the engine cannot run.
func Compile(g *graph.Graph, o Options) (*Program, error) {
	p, err := compile(g, o)
	if err != nil {
		var u *graph.UnsupportedError
		if errors.As(err, &u) {
			return nil, err
		}
		return nil, fmt.Errorf("engine: %s: %w", g.Name, err)
	}
	return p, nil
}

func compile(g *graph.Graph, o Options) (*Program, error) {
	if err := kernel.CheckName(o.Kernels); err != nil {
		return nil, err
	}
	if o.Threads < 0 || o.Threads > MaxThreads {
		return nil, fmt.Errorf("threads: got %d, want 0 to %d", o.Threads, MaxThreads)
	}
	if o.Batch < 0 {
		return nil, fmt.Errorf("batch: got %d, want 0 or more", o.Batch)
	}
	profile, err := fixed.ParseProfile(o.Arithmetic)
	if err != nil {
		return nil, err
	}
	if o.Batch > 0 {
		if g, err = g.WithBatch(o.Batch); err != nil {
			return nil, fmt.Errorf("batch %d: %w", o.Batch, err)
		}
	}
	if g, err = rewrite.Run(g); err != nil {
		return nil, err
	}
	l, err := newLowering(g, o, profile)
	if err != nil {
		return nil, err
	}
	p, err := l.program()
	if err != nil {
		return nil, err
	}
	p.profile = profile
	if p.poison = o.Poison; p.poison == Clean {
		p.poison = poisonAll
	}
	if p.poison != Clean {
		if err := p.check(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Arithmetic names how quantized values round: a profile of internal/fixed.
func (p *Program) Arithmetic() string { return string(p.profile) }

// Inputs returns the inputs in the order of Run's arguments.
func (p *Program) Inputs() []Port { return p.inputs }

// Outputs returns the outputs in the order of Run's arguments.
func (p *Program) Outputs() []Port { return p.outputs }

// Steps returns the plan in execution order; the steps of a chain stand one after another.
func (p *Program) Steps() []Step {
	var out []Step
	for i := range p.steps {
		if ch, ok := p.steps[i].work.(*chain); ok {
			for j := range ch.steps {
				out = append(out, ch.steps[j].Step)
			}
			continue
		}
		out = append(out, p.steps[i].Step)
	}
	return out
}

// ArenaBytes is the memory that one session holds for activations and scratch.
func (p *Program) ArenaBytes() int64 {
	return 4 * int64(p.arena+p.threads*(p.scratch+3*p.means))
}

// WeightBytes is the memory of the packed weights, shared by all sessions.
func (p *Program) WeightBytes() int64 { return p.weights }

// Threads is how many cores one Run uses at most.
func (p *Program) Threads() int { return p.threads }
