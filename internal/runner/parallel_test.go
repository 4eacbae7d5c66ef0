package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// pair is a backend of two sessions whose runs meet: each waits until the other runs too,
// so that it would hang if the sessions did not run side by side.
type pair struct {
	meet chan struct{}
	runs [2]atomic.Int64
	fail bool
}

func (p *pair) Engine() (string, string)          { return "pair", "1" }
func (p *pair) Read(LoadRequest) (Builder, error) { return p, nil }
func (p *pair) Build() (Loaded, error)            { return &pairLoaded{pair: p}, nil }

type pairLoaded struct {
	NoProfile
	*pair
}

func (p *pairLoaded) Describe() Description { return Description{} }
func (p *pairLoaded) Close() error          { return nil }
func (p *pairLoaded) Run(i int) error       { return p.RunOn(0, i) }

func (p *pairLoaded) RunOn(k, i int) error {
	n := p.runs[k].Add(1)
	if p.fail && k == 1 && n == 5 {
		return errors.New("out of luck")
	}
	if n == 2 { // the first run is the warm-up's or the settling one
		select {
		case p.meet <- struct{}{}:
		case <-p.meet:
		case <-time.After(10 * time.Second):
			return errors.New("the other session does not run")
		}
	}
	for t := time.Now(); time.Since(t) < 100*time.Microsecond; {
	}
	return nil
}

func serverOf(t *testing.T, b Backend, q LoadRequest) *server {
	t.Helper()
	s := &server{backend: b, out: io.Discard}
	r, err := s.load(q)
	if err != nil {
		t.Fatal(err)
	}
	if r.Model.Sessions != max(q.Sessions, 1) {
		t.Errorf("described as %d sessions, want %d", r.Model.Sessions, q.Sessions)
	}
	return s
}

func TestParallelSessions(t *testing.T) {
	p := &pair{meet: make(chan struct{})}
	s := serverOf(t, p, LoadRequest{Sessions: 2})
	r, err := s.time(TimeRequest{Runs: 40, MinNS: 5e6, Settle: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.SamplesNS) < 40 || r.ElapsedNS < 5e6 || r.Cut {
		t.Errorf("%d samples in %d ns, cut %v", len(r.SamplesNS), r.ElapsedNS, r.Cut)
	}
	timed := p.runs[0].Load() + p.runs[1].Load() - 2
	if int(timed) != len(r.SamplesNS) || p.runs[0].Load() < 2 || p.runs[1].Load() < 2 {
		t.Errorf("%d and %d runs gave %d samples", p.runs[0].Load(), p.runs[1].Load(), len(r.SamplesNS))
	}
	// A run takes at least 100 µs, so two sessions do not exceed 20,000 a second; each ran
	// for nearly the whole time.
	lower := float64(len(r.SamplesNS)) / time.Duration(r.ElapsedNS).Seconds()
	if r.RunsPerSecond < lower || r.RunsPerSecond > 20000 {
		t.Errorf("rate %v, want %v to 20000", r.RunsPerSecond, lower)
	}
	if r.Allocs > 100 {
		t.Errorf("%d allocations", r.Allocs)
	}
}

func TestParallelBounds(t *testing.T) {
	s := serverOf(t, &pair{meet: make(chan struct{})}, LoadRequest{Sessions: 2})
	r, err := s.time(TimeRequest{Runs: 1000, MaxRuns: 10})
	if err != nil || len(r.SamplesNS) > 10 || !r.Cut {
		t.Errorf("%d samples, cut %v, %v", len(r.SamplesNS), r.Cut, err)
	}
	s = serverOf(t, &pair{meet: make(chan struct{}), fail: true}, LoadRequest{Sessions: 2})
	if _, err := s.time(TimeRequest{Runs: 1000}); err == nil || !strings.Contains(err.Error(), "session 1: run") {
		t.Errorf("a session that fails: got %v", err)
	}
	if _, err := s.load(LoadRequest{Sessions: MaxSessions + 1}); err == nil {
		t.Error("too many sessions are accepted")
	}
	if _, err := (&server{backend: fake{"serve"}, out: io.Discard}).load(LoadRequest{Model: "plain", Sessions: 2}); !errors.Is(err, errOneSession) {
		t.Errorf("a backend without sessions: got %v", err)
	}
}

// A library's path and a word on 8-bit answers travel in the hello.
type shelved struct{ fake }

func (shelved) Library() string  { return "/lib/some.so" }
func (shelved) Int8Note() string { return "they saturate" }

func TestLibrary(t *testing.T) {
	var out bytes.Buffer
	if err := Serve(strings.NewReader(""), &out, shelved{}); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"library": "/lib/some.so", "int8_note": "they saturate"} {
		if want := fmt.Sprintf("%q:%q", key, value); !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %s", out.String(), want)
		}
	}
}
