package runner

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// Backend opens models for a runner. It is the only part that knows an engine.
type Backend interface {
	// Engine names the engine and its version.
	Engine() (name, version string)
	// Read opens and reads the model, or makes its weights up, and does no more: its time
	// is the first clock. An error may wrap a *RemoteError to say its kind.
	Read(LoadRequest) (Builder, error)
}

// Librarian is a Backend whose engine is a shared library.
type Librarian interface {
	// Library is the library's path.
	Library() string
}

// Cautious is a Backend whose answers of 8-bit networks need a word.
type Cautious interface {
	// Int8Note is that word; "" on processors where they need none.
	Int8Note() string
}

// Builder is a model that was read. Build makes it ready to run: the second clock.
type Builder interface {
	Build() (Loaded, error)
}

// Loaded is a model that is ready to run. It is used from one goroutine at a time.
type Loaded interface {
	// Run runs the model once on the input i modulo the size of its library. It should
	// allocate nothing.
	Run(i int) error
	Describe() Description
	// Profile runs the model n times and returns its steps with their median durations.
	Profile(n int) ([]Step, error)
	Close() error
}

// InputMaker is a Loaded that makes its library of random inputs apart from Build, so that
// making them is in none of the clocks.
type InputMaker interface {
	// MakeInputs makes n inputs, the same ones for the same seed. It is called once, after Build.
	MakeInputs(n int, seed uint64) error
}

// Feeder is a Loaded that also runs on what the parent brings: evaluations need it.
type Feeder interface {
	// Feed runs the model on the bytes of its one input and returns those of its first
	// output, which are good until the next call.
	Feed(in []byte) ([]byte, error)
}

// errNoProfile is for backends without a profile.
var errNoProfile = &RemoteError{Code: CodeUnsupported, Message: "this engine has no per-step profile"}

// NoProfile can be embedded by a Loaded whose engine cannot profile.
type NoProfile struct{}

// Profile says that there is none.
func (NoProfile) Profile(int) ([]Step, error) { return nil, errNoProfile }

// Serve answers requests until in ends or a quit arrives. The returned error is a broken
// conversation, never a failure of the backend: those are replied.
//
// A panic of the backend is replied as a failure and ends the conversation. Serve leaves
// one goroutine reading from in, which ends with it.
func Serve(in io.Reader, out io.Writer, b Backend) (err error) {
	s := &server{backend: b, out: out}
	defer s.close()
	name, version := b.Engine()
	hello := Hello{Protocol: Version, Engine: name, Version: version, PID: os.Getpid()}
	if l, ok := b.(Librarian); ok {
		hello.Library = l.Library()
	}
	if c, ok := b.(Cautious); ok {
		hello.Int8Note = c.Int8Note()
	}
	if err := writeLine(out, hello); err != nil {
		return fmt.Errorf("runner: hello: %w", err)
	}
	// Reading goes on while a model runs, so that a parent's end stops a long block.
	requests := make(chan request)
	broken := make(chan error, 1)
	done := make(chan struct{})
	defer close(done)
	go func() {
		defer close(requests)
		r := bufio.NewReaderSize(in, 64<<10)
		for {
			line, err := readLine(r)
			if err != nil {
				s.gone.Store(true)
				if !errors.Is(err, io.EOF) {
					broken <- err
				}
				return
			}
			var q request
			if err := json.Unmarshal(line, &q); err != nil {
				broken <- fmt.Errorf("request: %w", err)
				return
			}
			select {
			case requests <- q:
			case <-done:
				return
			}
		}
	}()
	for q := range requests {
		quit, err := s.answer(q)
		if err != nil {
			return fmt.Errorf("runner: %s: %w", q.Op, err)
		}
		if quit {
			return nil
		}
	}
	select {
	case err := <-broken:
		return fmt.Errorf("runner: %w", err)
	default:
		return nil
	}
}

type server struct {
	backend Backend
	out     io.Writer
	loaded  Loaded
	first   bool // the next run is the first one after a load
	next    int  // index of the next input

	sessions int // of the loaded model
	samples  []int64
	gone     atomic.Bool
}

func (s *server) close() {
	if s.loaded != nil {
		s.loaded.Close()
		s.loaded = nil
	}
}

var errPanic = errors.New("the engine panicked")

// answer handles one request. The error is that of a conversation that cannot go on.
func (s *server) answer(q request) (quit bool, err error) {
	body, err := s.call(q)
	r := reply{ID: q.ID}
	if err != nil {
		r.Error = remote(err)
	} else if r.Body, err = json.Marshal(body); err != nil {
		r.Error = remote(fmt.Errorf("reply: %w", err))
	}
	if werr := writeLine(s.out, r); werr != nil {
		return true, werr
	}
	if errors.Is(err, errPanic) {
		return true, err
	}
	return q.Op == opQuit, nil
}

func (s *server) call(q request) (body any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %w: %v", q.Op, errPanic, p)
		}
	}()
	switch q.Op {
	case opLoad:
		return decode(q, s.load)
	case opWarm:
		return decode(q, s.warm)
	case opTime:
		return decode(q, s.time)
	case opProfile:
		return decode(q, s.profile)
	case opFeed:
		return decode(q, s.feed)
	case opStats:
		return stats()
	case opMachine, opSense, opProbe:
		return s.machine(q.Op)
	case opQuit:
		return struct{}{}, nil
	}
	return nil, fmt.Errorf("unknown request %q", q.Op)
}

func decode[T, R any](q request, f func(T) (R, error)) (any, error) {
	var t T
	if err := json.Unmarshal(q.Body, &t); err != nil {
		return nil, fmt.Errorf("%s: request: %w", q.Op, err)
	}
	return f(t)
}

func (s *server) load(q LoadRequest) (LoadReply, error) {
	s.close()
	q.Threads, q.Batch, q.Sessions = max(q.Threads, 1), max(q.Batch, 1), max(q.Sessions, 1)
	if q.Sessions > MaxSessions {
		return LoadReply{}, fmt.Errorf("sessions: got %d, want at most %d", q.Sessions, MaxSessions)
	}
	if q.Inputs <= 0 {
		q.Inputs = 8
	}
	var r LoadReply
	start := time.Now()
	built, err := s.backend.Read(q)
	if err != nil {
		return r, err
	}
	r.ReadNS = int64(time.Since(start))
	start = time.Now()
	loaded, err := built.Build()
	if err != nil {
		return r, err
	}
	r.BuildNS = int64(time.Since(start))
	if _, ok := loaded.(Parallel); q.Sessions > 1 && !ok {
		loaded.Close()
		return r, errOneSession
	}
	if m, ok := loaded.(InputMaker); ok {
		if err := m.MakeInputs(q.Inputs, q.Seed); err != nil {
			loaded.Close()
			return r, fmt.Errorf("inputs: %w", err)
		}
	}
	s.loaded, s.first, s.next, s.sessions = loaded, true, 0, q.Sessions
	r.Model = loaded.Describe()
	r.Model.Sessions = q.Sessions
	return r, nil
}

var errNotLoaded = errors.New("no model is loaded")

func (s *server) profile(q ProfileRequest) (ProfileReply, error) {
	if s.loaded == nil {
		return ProfileReply{}, errNotLoaded
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n := min(max(q.Runs, 1), MaxRuns)
	steps, err := s.loaded.Profile(n)
	if err == nil && len(steps) > maxSteps {
		err = fmt.Errorf("profile: got %d steps, want at most %d", len(steps), maxSteps)
	}
	return ProfileReply{n, steps}, err
}
