package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// A runner on another machine: the same conversation over streams that somebody else has
// connected, and what only the process itself can tell of its machine.

// ErrLost says that the way to a process broke, so that nobody knows how the process ended.
var ErrLost = errors.New("the connection was lost")

// Conn is a process that runs elsewhere.
type Conn struct {
	In  io.WriteCloser // its standard input
	Out io.ReadCloser  // its standard output
	// Kill ends the process as far as that can be done from here, and has reading from Out
	// end. It may be called at any time, from any goroutine, more than once.
	Kill func()
	// Wait waits for the process's end: nil where it ended well, ErrLost where that is not
	// known. It is called once.
	Wait func() error
}

type elsewhere struct{ Conn }

func (e elsewhere) kill()       { e.Kill() }
func (e elsewhere) wait() error { return e.Wait() }

// Dial starts a runner elsewhere and waits for its Hello. open starts the process, whose
// standard error it gives to said. The end of ctx kills it.
func Dial(ctx context.Context, name string, open func(ctx context.Context, said io.Writer) (*Conn, error), o Options) (*Client, error) {
	c := newClient(ctx, name, o)
	conn, err := open(ctx, c.stderr)
	if err != nil {
		return nil, fmt.Errorf("runner: %s: %w", name, err)
	}
	c.proc, c.in, c.out = elsewhere{*conn}, conn.In, conn.Out
	return c, c.greet()
}

// Machine is a Backend that tells of the machine it runs on: on a phone, say, which its
// parent cannot look into.
type Machine interface {
	Host() any  // the machine: internal/record's Host
	Sense() any // its state now: bench's Reading
	// Probe times the fixed piece of work that tells how fast the machine is now.
	Probe() time.Duration
}

var errNoMachine = &RemoteError{Code: CodeUnsupported, Message: "this runner tells nothing of its machine"}

// machine answers what is asked of the machine.
func (s *server) machine(op string) (any, error) {
	m, ok := s.backend.(Machine)
	if !ok {
		return nil, errNoMachine
	}
	switch op {
	case opMachine:
		return m.Host(), nil
	case opSense:
		return m.Sense(), nil
	}
	return ProbeReply{int64(m.Probe())}, nil
}

// ProbeReply is how long the fixed piece of work took.
type ProbeReply struct {
	NS int64 `json:"ns"`
}

// Machine asks what machine the process runs on; into is a pointer to what Machine.Host gives.
func (c *Client) Machine(into any) error { return c.ask(opMachine, into) }

// Sense asks for the machine's state now.
func (c *Client) Sense(into any) error { return c.ask(opSense, into) }

// Probe has the process time the fixed piece of work.
func (c *Client) Probe() (time.Duration, error) {
	var r ProbeReply
	err := c.ask(opProbe, &r)
	if err == nil && (r.NS <= 0 || r.NS > int64(time.Hour)) {
		err = fmt.Errorf("runner: %s: probe: got %d ns", c.name, r.NS)
	}
	return time.Duration(r.NS), err
}

func (c *Client) ask(op string, into any) error {
	return c.call(op, c.limits.Other, struct{}{}, into)
}
