package engine

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/wispnet/wisp/internal/kernel"
	"github.com/wispnet/wisp/tensor"
)

// Session runs a program: it owns the memory of the activations and the threads. One Run
// at a time; other goroutines use sessions of their own.
type Session struct {
	p      *Program
	arena  []float32
	bytes  []uint8 // the same memory
	in     [][]float32
	out    [][]float32
	rawIn  [][]uint8 // of quantized inputs
	rawOut [][]uint8
	caller *ctx
	team   team
	busy   atomic.Bool
	closed bool
	broken bool // a run began and did not end: a kernel panicked
}

var (
	errBusy   = errors.New("engine: the session is in use by another goroutine: each needs its own")
	errClosed = errors.New("engine: the session is closed")
	errBroken = errors.New("engine: a run of the session panicked: make another")
)

// NewSession allocates the arena and starts the helping threads. Close ends them.
func (p *Program) NewSession() (*Session, error) {
	s := &Session{
		p: p, arena: aligned(p.arena),
		in: make([][]float32, len(p.inputs)), out: make([][]float32, len(p.outputs)),
		rawIn: make([][]uint8, len(p.inputs)), rawOut: make([][]uint8, len(p.outputs)),
	}
	s.bytes = unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(s.arena))), 4*len(s.arena))
	s.caller = s.newCtx()
	s.team.start(s, p.threads-1)
	return s, nil
}

func (s *Session) newCtx() *ctx {
	return &ctx{
		s: s, scratch: aligned(s.p.scratch), rings: make([]ring, len(s.p.bufs)), cursor: newCursor(s.p.longest, s.p.mostRings),
		means: make([]float64, s.p.means), part: make([]float32, s.p.means+kernel.Slack),
	}
}

// Run computes the outputs. Inputs and outputs are in the order, types and logical layout
// of Program.Inputs and Outputs, NCHW for images; the outputs' elements are
// overwritten. An input may not share memory with an output. Run allocates nothing.
func (s *Session) Run(in, out []*tensor.Tensor) error {
	if err := s.begin(in, out); err != nil {
		return err
	}
	defer s.end()
	for i := range s.p.steps {
		if s.p.poison != Clean {
			s.poisonStep(i)
		}
		s.team.run(s.p, s.caller, i)
	}
	s.broken = false
	return nil
}

// Profile is Run that also reports how long every step of Program.Steps took, in order,
// as seen from the calling goroutine.
func (s *Session) Profile(in, out []*tensor.Tensor, report func(step int, d time.Duration)) error {
	if err := s.begin(in, out); err != nil {
		return err
	}
	defer s.end()
	at := 0
	for i := range s.p.steps {
		begin := time.Now()
		if s.p.poison != Clean {
			s.poisonStep(i)
		}
		ch, _ := s.p.steps[i].work.(*chain)
		if ch == nil {
			s.team.run(s.p, s.caller, i)
			report(at, time.Since(begin))
			at++
			continue
		}
		// The caller's own share of the chain says how its time divides among the steps.
		clock := make([]time.Duration, len(ch.steps))
		s.caller.clock = clock
		s.team.run(s.p, s.caller, i)
		s.caller.clock = nil
		whole, sum := time.Since(begin), time.Duration(0)
		for _, d := range clock {
			sum += d
		}
		for k, d := range clock {
			report(at+k, time.Duration(float64(whole)*float64(d)/float64(max(sum, 1))))
		}
		at += len(clock)
	}
	s.broken = false
	return nil
}

func (s *Session) begin(in, out []*tensor.Tensor) error {
	if !s.busy.CompareAndSwap(false, true) {
		return errBusy
	}
	err := s.bind(in, out)
	if err != nil {
		s.end()
		return err
	}
	s.broken = true
	return nil
}

func (s *Session) end() {
	clear(s.in)
	clear(s.out)
	clear(s.rawIn)
	clear(s.rawOut)
	s.busy.Store(false)
}

func (s *Session) bind(in, out []*tensor.Tensor) error {
	if s.closed {
		return errClosed
	}
	if s.broken {
		return errBroken
	}
	if err := bindAll("input", s.p.inputs, in, s.in, s.rawIn); err != nil {
		return err
	}
	if err := bindAll("output", s.p.outputs, out, s.out, s.rawOut); err != nil {
		return err
	}
	if s.p.poison != Clean {
		s.poisonOutputs(out)
	}
	return nil
}

func bindAll(what string, ports []Port, ts []*tensor.Tensor, to [][]float32, raw [][]uint8) error {
	if len(ts) != len(ports) {
		return fmt.Errorf("engine: run: got %d %ss, want %d", len(ts), what, len(ports))
	}
	for i, t := range ts {
		want := &ports[i].Type
		if t == nil {
			return fmt.Errorf("engine: run: %s %d %q is nil", what, i, ports[i].Name)
		}
		if t.DType != want.DType || !t.Shape.Equal(want.Shape) {
			return fmt.Errorf("engine: run: %s %d %q: got %v%v, want %v", what, i, ports[i].Name, t.DType, t.Shape, *want)
		}
		if want.Quantized() {
			if raw[i] = rawBytes(t); len(raw[i]) != want.Shape.Elements() {
				return fmt.Errorf("engine: run: %s %d %q: got %d elements, want %d", what, i, ports[i].Name, len(raw[i]), want.Shape.Elements())
			}
			continue
		}
		if to[i] = t.Float32(); len(to[i]) != want.Shape.Elements() {
			return fmt.Errorf("engine: run: %s %d %q: got %d elements, want %d", what, i, ports[i].Name, len(to[i]), want.Shape.Elements())
		}
	}
	return nil
}

// Broken reports whether a run of the session panicked: it can only be closed.
func (s *Session) Broken() bool { return s.broken }

// Close ends the session's threads, after the Run that is under way if there is one. A
// closed session cannot run; closing it again does nothing.
func (s *Session) Close() {
	for !s.busy.CompareAndSwap(false, true) {
		time.Sleep(100 * time.Microsecond)
	}
	if !s.closed {
		s.closed = true
		s.team.stop()
	}
	s.busy.Store(false)
}
