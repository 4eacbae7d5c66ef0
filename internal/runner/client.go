package runner

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Limits bound how long a process may leave a request unanswered before it counts as
// hung and is killed. Zero fields take the default.
type Limits struct {
	Start time.Duration // until Hello: 30 s
	Load  time.Duration // 5 min
	Run   time.Duration // beyond the time that a warm-up, time or profile request should take; the first run: 2 min
	Other time.Duration // 30 s
}

func (l Limits) orDefault() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&l.Start, 30*time.Second)
	set(&l.Load, 5*time.Minute)
	set(&l.Run, 2*time.Minute)
	set(&l.Other, 30*time.Second)
	return l
}

// Options change how a runner is started.
type Options struct {
	Env    []string // of the process, as os/exec takes it; nil is this process's own
	Limits Limits
}

// Client is the parent's end of a conversation. Its methods may be called from many
// goroutines; requests take turns. After a conversation broke, every call returns the
// error that broke it.
type Client struct {
	name   string
	limits Limits
	proc   process
	in     io.WriteCloser
	out    io.ReadCloser
	lines  *bufio.Reader
	stderr *tail
	ctx    context.Context
	hello  Hello

	pace atomic.Int64 // ns of a run of the loaded model; 0: not known yet

	mu     sync.Mutex // one request at a time
	id     uint64
	broken error
	ended  bool

	kill   sync.Once
	waited sync.Once
	exit   error
}

// process is what runs at the other end.
type process interface {
	kill()
	wait() error
}

// started is a process of this machine.
type started struct {
	*exec.Cmd
	reaped atomic.Bool
}

func (c *started) kill() {
	if !c.reaped.Load() { // its number may be another's by now
		killGroup(c.Process.Pid)
	}
}

func (c *started) wait() error {
	err := c.Cmd.Wait()
	c.reaped.Store(true)
	return err
}

// Start runs argv as a runner and waits for its Hello. The end of ctx kills it.
func Start(ctx context.Context, argv []string, o Options) (*Client, error) {
	if len(argv) == 0 {
		return nil, errors.New("runner: start: no command")
	}
	c := newClient(ctx, filepath.Base(argv[0]), o)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = o.Env
	cmd.Stderr = c.stderr
	cmd.SysProcAttr = ownGroup()
	// A grandchild that keeps the pipes open must not keep Wait.
	cmd.WaitDelay = 2 * time.Second
	c.proc = &started{Cmd: cmd}
	var err error
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("runner: %s: %w", c.name, err)
	}
	if c.out, err = cmd.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("runner: %s: %w", c.name, err)
	}
	if err := ctx.Err(); err != nil {
		c.in.Close()
		c.out.Close()
		return nil, fmt.Errorf("runner: %s: start: %w", c.name, err)
	}
	if err := cmd.Start(); err != nil {
		c.in.Close()
		c.out.Close()
		return nil, fmt.Errorf("runner: start %s: %w", argv[0], err)
	}
	return c, c.greet()
}

func newClient(ctx context.Context, name string, o Options) *Client {
	return &Client{name: name, limits: o.Limits.orDefault(), ctx: ctx, stderr: &tail{}}
}

// greet waits for the Hello.
func (c *Client) greet() error {
	c.lines = bufio.NewReaderSize(c.out, 64<<10)
	return c.guarded("hello", c.limits.Start, func() error {
		line, err := readLine(c.lines)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(line, &c.hello); err != nil || c.hello.Protocol == 0 {
			return fmt.Errorf("got %s, want the hello of a wisp runner", quote(line))
		}
		if c.hello.Protocol != Version {
			return fmt.Errorf("the runner speaks protocol %d, want %d: use a runner of this wisp's version", c.hello.Protocol, Version)
		}
		return nil
	})
}

// Hello is what the process said of itself.
func (c *Client) Hello() Hello { return c.hello }

// Load reads and builds a model, replacing the one before.
func (c *Client) Load(q LoadRequest) (r LoadReply, err error) {
	c.pace.Store(0)
	err = c.call(opLoad, c.limits.Load, q, &r)
	return r, err
}

// Warm runs the model untimed. The first run after a load goes as a request of its own:
// how long it took says how long later requests may take before the process counts as hung.
func (c *Client) Warm(q WarmRequest) (r WarmReply, err error) {
	if c.pace.Load() == 0 {
		if err = c.call(opWarm, c.limits.Run, WarmRequest{Runs: 1}, &r); err != nil {
			return r, err
		}
		c.pace.Store(max(r.NS, 1))
		q.Runs--
		if q.Runs <= 0 && q.MinNS <= r.NS && q.Window <= 0 {
			return r, nil
		}
	}
	first := r
	r = WarmReply{}
	err = c.call(opWarm, c.patience(max(q.MinNS, q.MaxNS), q.Runs), q, &r)
	r.Runs, r.NS, r.FirstNS = r.Runs+first.Runs, r.NS+first.NS, max(first.FirstNS, r.FirstNS)
	return r, err
}

// patience is how long a request of so many runs, or so much time, may take: far longer
// than it should at the pace that was seen, since a machine may become busy.
func (c *Client) patience(ns int64, runs int) time.Duration {
	runs = min(max(runs, 0), MaxRuns)
	return time.Duration(max(ns, 0)) + time.Duration(8*runs)*time.Duration(c.pace.Load()) + c.limits.Run
}

// Time runs the model timed.
func (c *Client) Time(q TimeRequest) (r TimeReply, err error) {
	err = c.call(opTime, c.patience(max(q.MinNS, q.MaxNS), q.Runs+q.Settle), q, &r)
	if err == nil {
		err = c.checkSamples(q, r)
	}
	return r, err
}

// checkSamples refuses durations that no clock can have measured.
func (c *Client) checkSamples(q TimeRequest, r TimeReply) error {
	if len(r.SamplesNS) == 0 || len(r.SamplesNS) > MaxRuns {
		return fmt.Errorf("runner: %s: time: got %d samples, want 1 to %d", c.name, len(r.SamplesNS), MaxRuns)
	}
	if !(r.RunsPerSecond > 0 && r.RunsPerSecond <= 1e12) {
		return fmt.Errorf("runner: %s: time: got %v runs a second", c.name, r.RunsPerSecond)
	}
	for i, d := range r.SamplesNS {
		if d <= 0 {
			return fmt.Errorf("runner: %s: time: sample %d lasts %d ns: the clock cannot resolve it", c.name, i, d)
		}
	}
	return nil
}

// Profile runs the model a few times and returns the time of every step.
func (c *Client) Profile(q ProfileRequest) (r ProfileReply, err error) {
	err = c.call(opProfile, c.patience(0, q.Runs), q, &r)
	if err == nil && len(r.Steps) > maxSteps {
		err = fmt.Errorf("runner: %s: profile: got %d steps, want at most %d", c.name, len(r.Steps), maxSteps)
	}
	return r, err
}

// Feed runs the model once on the bytes of its one input and returns those of its first
// output and how long the run took.
func (c *Client) Feed(in []byte) ([]byte, time.Duration, error) {
	var r FeedReply
	if err := c.call(opFeed, c.limits.Run, FeedRequest{in}, &r); err != nil {
		return nil, 0, err
	}
	return r.Output, time.Duration(r.NS), nil
}

// Stats asks for the process's peak memory and the cost of its timer.
func (c *Client) Stats() (r StatsReply, err error) {
	err = c.call(opStats, c.limits.Other, struct{}{}, &r)
	return r, err
}

// Close ends the process: politely, then by force. It returns what broke the conversation,
// or how the process ended if not well.
func (c *Client) Close() error {
	c.mu.Lock()
	ended, broken := c.ended, c.broken
	c.mu.Unlock()
	if ended {
		return nil
	}
	if broken != nil {
		return broken
	}
	err := c.call(opQuit, min(5*time.Second, c.limits.Other), struct{}{}, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.broken != nil {
		return c.broken
	}
	c.in.Close()
	if werr := c.wait(); err == nil && werr != nil {
		err = fmt.Errorf("runner: %s: quit: %w%s", c.name, werr, c.stderr.note())
	}
	if c.broken == nil {
		c.broken = errClosed
	}
	return err
}

var errClosed = errors.New("runner: the conversation is closed")

// call sends one request and reads its reply. A RemoteError leaves the conversation
// whole, every other error ends it.
func (c *Client) call(op string, limit time.Duration, body, into any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("runner: %s: %s: %w", c.name, op, err)
	}
	c.id++
	var remote *RemoteError
	err = c.guarded(op, limit, func() error {
		if err := writeLine(c.in, request{c.id, op, raw}); err != nil {
			return err
		}
		line, err := readLine(c.lines)
		if err != nil {
			return err
		}
		var r reply
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("got %s, want a reply", quote(line))
		}
		if r.ID != c.id {
			return fmt.Errorf("got the reply to request %d, want %d", r.ID, c.id)
		}
		if remote = r.Error; remote != nil || into == nil {
			return nil
		}
		if err := json.Unmarshal(r.Body, into); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
		return nil
	})
	if err == nil && remote != nil {
		return fmt.Errorf("runner: %s: %s: %w", c.hello.Engine, op, remote)
	}
	return err
}

// guarded runs one exchange. Where it fails, is cancelled or takes longer than limit, the
// process is killed and the error says which it was.
func (c *Client) guarded(op string, limit time.Duration, exchange func() error) error {
	var hung bool
	fired := make(chan struct{})
	timer := time.AfterFunc(limit, func() {
		hung = true
		close(fired)
		c.destroy()
	})
	cancelled := make(chan struct{})
	stop := context.AfterFunc(c.ctx, func() {
		defer close(cancelled)
		c.destroy()
	})
	err := exchange()
	if !timer.Stop() {
		<-fired
	}
	if !stop() {
		<-cancelled
	}
	if err == nil && c.ctx.Err() == nil && !hung {
		return nil
	}
	lost := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isClosed(err)
	var exit error
	if lost && !hung && c.ctx.Err() == nil {
		exit = c.waitUpTo(2 * time.Second)
	}
	c.destroy()
	_ = c.wait()
	switch {
	case c.ctx.Err() != nil:
		err = c.ctx.Err()
	case hung:
		err = fmt.Errorf("no answer within %v: killed", limit)
	case lost && exit != nil:
		err = fmt.Errorf("the process died: %w", exit)
	case lost:
		err = errors.New("the process ended without an answer")
	}
	c.broken = fmt.Errorf("runner: %s: %s: %w%s", c.name, op, err, c.stderr.note())
	return c.broken
}

// isClosed recognises writing to a process that is gone.
func isClosed(err error) bool {
	return errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EPIPE)
}

// destroy kills the process and unblocks whoever reads from it.
func (c *Client) destroy() {
	c.kill.Do(func() {
		c.proc.kill()
		c.in.Close()
		c.out.Close()
	})
}

// wait reaps the process, by force where it does not end by itself.
func (c *Client) wait() error {
	c.waited.Do(func() {
		timer := time.AfterFunc(5*time.Second, c.destroy)
		defer timer.Stop()
		c.exit = c.proc.wait()
	})
	return c.exit
}

// waitUpTo is wait for a process that closed its output and may still be running.
func (c *Client) waitUpTo(d time.Duration) error {
	timer := time.AfterFunc(d, c.destroy)
	defer timer.Stop()
	return c.wait()
}

func quote(line []byte) string {
	if len(line) > 80 {
		return fmt.Sprintf("%q…", line[:80])
	}
	return fmt.Sprintf("%q", line)
}

// tail keeps the end of what a process wrote to its standard error.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if len(p) > tailBytes {
		p = p[len(p)-tailBytes:]
	}
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return n, nil
}

// note is the tail as one line for the end of an error; empty where nothing was said.
func (t *tail) note() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := bytes.TrimSpace(bytes.ToValidUTF8(t.buf, []byte("?")))
	if len(text) == 0 {
		return ""
	}
	lines := strings.Split(string(text), "\n")
	// A Go panic's reason stands in its first line, other programs' in their last ones.
	first := ""
	for i, l := range lines {
		if strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "fatal error: ") {
			lines = lines[i : i+1]
			break
		}
	}
	if len(lines) > 4 {
		first, lines = "… ", lines[len(lines)-4:]
	}
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return ": it said: " + first + strings.Join(lines, " | ")
}
