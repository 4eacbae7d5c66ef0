package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary plays the child: TestMain branches on this variable.
const actVar = "WISP_TEST_RUNNER"

func TestMain(m *testing.M) {
	if act := os.Getenv(actVar); act != "" {
		os.Exit(child(act))
	}
	goleak.VerifyTestMain(m)
}

func child(act string) int {
	switch act {
	case "garbage":
		fmt.Println("<html>no runner here</html>")
		time.Sleep(time.Minute)
	case "silent":
		time.Sleep(time.Minute)
	case "newer":
		fmt.Println(`{"wisp_runner":99,"engine":"future"}`)
		time.Sleep(time.Minute)
	case "longline":
		for {
			fmt.Print(strings.Repeat("x", 1<<16))
		}
	case "exit":
		fmt.Fprintln(os.Stderr, "first\nlibonnxruntime.so: cannot open shared object file")
		return 3
	case "wrongid":
		fmt.Println(`{"wisp_runner":1,"engine":"odd"}`)
		io.ReadFull(os.Stdin, make([]byte, 10))
		fmt.Println(`{"id":77,"body":{}}`)
		time.Sleep(time.Minute)
	case "grandchild": // leaves a process behind that holds its pipes
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), actVar+"=silent")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		c.Start()
		return 4
	default:
		if err := Serve(os.Stdin, os.Stdout, fake{act}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// fake is a backend whose model's name is what it does.
type fake struct{ act string }

func (f fake) Engine() (string, string) { return "fake", "1.2.3" }

func (f fake) Read(q LoadRequest) (Builder, error) {
	switch q.Model {
	case "damaged":
		return nil, fmt.Errorf("%s: %w", q.Model, &RemoteError{CodeRefused, "byte 12: not a model"})
	case "missing":
		return nil, &os.PathError{Op: "open", Path: q.Model, Err: syscall.ENOENT}
	}
	time.Sleep(3 * time.Millisecond)
	return &fakeModel{q: q}, nil
}

type fakeModel struct {
	NoProfile
	q    LoadRequest
	ran  int
	sink []byte
	last int

	inputs int
}

func (m *fakeModel) Build() (Loaded, error) {
	if m.q.Model == "unbuildable" {
		return nil, errors.New("unbuildable: no kernel")
	}
	time.Sleep(6 * time.Millisecond)
	return m, nil
}

func (m *fakeModel) MakeInputs(n int, seed uint64) error {
	if m.q.Model == "inputless" {
		return errors.New("no input of that type")
	}
	m.inputs = n
	time.Sleep(50 * time.Millisecond) // is in no clock
	return nil
}

func (m *fakeModel) Describe() Description {
	return Description{Model: m.q.Model, Precision: "float32", Threads: m.q.Threads, Batch: m.q.Batch,
		Inputs: []Port{{"input", "float32", []int{m.q.Batch, 3, 8, 8}}}, CPUFeatures: []string{}}
}

func (m *fakeModel) Close() error { return nil }

func (m *fakeModel) Run(i int) error {
	if i != m.last {
		return fmt.Errorf("got input %d, want %d: inputs must follow one another", i, m.last)
	}
	if m.inputs != 8 {
		return fmt.Errorf("got %d inputs, want the default of 8", m.inputs)
	}
	m.last++
	m.ran++
	switch m.q.Model {
	case "fails":
		if m.ran > 3 {
			return errors.New("out of luck")
		}
	case "panics":
		panic("index out of range")
	case "dies":
		fmt.Fprintln(os.Stderr, "panic: the engine hit the wall\n\ngoroutine 1 [running]:")
		os.Exit(2)
	case "killed":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	case "hangs":
		time.Sleep(time.Hour)
	case "allocates":
		m.sink = make([]byte, 64<<10)
	case "settles": // slow at first, steady later
		if m.ran < 40 {
			time.Sleep(time.Duration(80-2*m.ran) * time.Millisecond / 20)
		}
	case "drifts": // never steady: every run takes longer than the one before
		time.Sleep(time.Duration(m.ran) * time.Millisecond)
		return nil
	case "slow":
		time.Sleep(20 * time.Millisecond)
		return nil
	}
	for t := time.Now(); time.Since(t) < 200*time.Microsecond; {
	}
	return nil
}

func start(t *testing.T, act string, l Limits) (*Client, error) {
	t.Helper()
	return startCtx(t.Context(), act, l)
}

func startCtx(ctx context.Context, act string, l Limits) (*Client, error) {
	return Start(ctx, []string{os.Args[0]}, Options{Env: append(os.Environ(), actVar+"="+act), Limits: l})
}

func good(t *testing.T) *Client {
	t.Helper()
	c, err := start(t, "serve", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConversation(t *testing.T) {
	c := good(t)
	if h := c.Hello(); h.Engine != "fake" || h.Version != "1.2.3" || h.PID != c.proc.(*started).Process.Pid {
		t.Errorf("hello: got %+v", h)
	}
	if _, err := c.Time(TimeRequest{Runs: 1}); err == nil || !strings.Contains(err.Error(), "no model is loaded") {
		t.Errorf("time before load: got %v", err)
	}
	l, err := c.Load(LoadRequest{Model: "plain", Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if l.ReadNS < 3e6 || l.BuildNS < 6e6 || l.Model.Threads != 2 || l.Model.Batch != 1 {
		t.Errorf("load: got %+v", l)
	}
	w, err := c.Warm(WarmRequest{Runs: 3})
	if err != nil {
		t.Fatal(err)
	}
	if w.Runs != 3 || w.FirstNS <= 0 || w.NS < w.FirstNS || !w.Stable {
		t.Errorf("warm: got %+v", w)
	}
	r, err := c.Time(TimeRequest{Runs: 20, MinNS: 10e6, Settle: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.SamplesNS) < 20 || r.ElapsedNS < 10e6 || r.Cut {
		t.Errorf("time: %d samples in %d ns, cut %v", len(r.SamplesNS), r.ElapsedNS, r.Cut)
	}
	for _, d := range r.SamplesNS {
		if d < 200e3 {
			t.Errorf("a run of 200 µs took %d ns", d)
		}
	}
	if r.Collections != 0 {
		t.Errorf("%d collections in the timed part", r.Collections)
	}
	// The reader of standard input and the runtime may allocate a little; a run may not.
	if r.Allocs > 10 {
		t.Errorf("%d allocations in the timed part of %d runs", r.Allocs, len(r.SamplesNS))
	}
	if w, err := c.Warm(WarmRequest{Runs: 1}); err != nil || w.FirstNS != 0 {
		t.Errorf("second warm-up: got %+v, %v", w, err)
	}
	if _, err := c.Profile(ProfileRequest{Runs: 2}); err == nil || !strings.Contains(err.Error(), "no per-step profile") {
		t.Errorf("profile: got %v", err)
	}
	s, err := c.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if s.PeakRSSBytes < 1<<20 || s.PeakRSSBytes > 1<<30 || s.Timer.CostNS <= 0 || s.Timer.CostNS > 1e5 || s.GoMaxProcs < 1 {
		t.Errorf("stats: got %+v", s)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := c.Stats(); err == nil {
		t.Error("stats after close: got no error")
	}
	if !c.proc.(*started).ProcessState.Success() {
		t.Errorf("the process ended with %v", c.proc.(*started).ProcessState)
	}
}

func TestTimeBounds(t *testing.T) {
	c := good(t)
	if _, err := c.Load(LoadRequest{Model: "slow"}); err != nil {
		t.Fatal(err)
	}
	r, err := c.Time(TimeRequest{Runs: 1000, MaxNS: 70e6})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.SamplesNS); !r.Cut || n < 1 || n > 4 {
		t.Errorf("bound of 70 ms at 20 ms a run: got %d runs, cut %v", n, r.Cut)
	}
	r, err = c.Time(TimeRequest{Runs: 1, MinNS: 1e12, MaxRuns: 2})
	if err != nil || len(r.SamplesNS) != 2 || !r.Cut {
		t.Errorf("bound of 2 samples: got %d, cut %v, %v", len(r.SamplesNS), r.Cut, err)
	}
	r, err = c.Time(TimeRequest{Runs: 1, MaxNS: 1})
	if err != nil || len(r.SamplesNS) != 1 || r.Cut {
		t.Errorf("bound below one run: got %d, cut %v, %v", len(r.SamplesNS), r.Cut, err)
	}
}

func TestWarmUntilStable(t *testing.T) {
	if testing.Short() {
		t.Skip("runs for about a second")
	}
	c := good(t)
	if _, err := c.Load(LoadRequest{Model: "settles"}); err != nil {
		t.Fatal(err)
	}
	// Busy machines make medians jump: the bound here is wide, the drift far wider.
	w, err := c.Warm(WarmRequest{Runs: 10, Window: 5, Within: 0.5, MaxNS: 10e9})
	if err != nil || !w.Stable || w.Runs < 40 {
		t.Errorf("settling: got %+v, %v", w, err)
	}
	if _, err := c.Load(LoadRequest{Model: "drifts"}); err != nil {
		t.Fatal(err)
	}
	w, err = c.Warm(WarmRequest{Runs: 10, Window: 5, Within: 0.02, MaxNS: 400e6})
	if err != nil || w.Stable || w.NS < 400e6 {
		t.Errorf("drifting: got %+v, %v", w, err)
	}
}

func TestSettled(t *testing.T) {
	for _, c := range []struct {
		v    []int64
		want bool
	}{
		{[]int64{100, 100, 100, 100}, false},
		{[]int64{100, 101, 102, 100, 101}, true},
		{[]int64{100, 101, 103, 100, 101}, false},
		{[]int64{500, 100, 101, 102, 100, 101}, true},
	} {
		if got := settled(c.v, 5, 0.02); got != c.want {
			t.Errorf("%v: got %v", c.v, got)
		}
	}
}

func TestAllocationsAreCounted(t *testing.T) {
	c := good(t)
	if _, err := c.Load(LoadRequest{Model: "allocates"}); err != nil {
		t.Fatal(err)
	}
	r, err := c.Time(TimeRequest{Runs: 50})
	if err != nil || r.Allocs < 50 || r.Collections != 0 {
		t.Errorf("got %d allocations, %d collections, %v", r.Allocs, r.Collections, err)
	}
}

func TestBackendErrors(t *testing.T) {
	c := good(t)
	for _, m := range []struct{ model, code, text string }{
		{"damaged", CodeRefused, "byte 12: not a model"},
		{"missing", CodeFailed, "no such file"},
		{"unbuildable", CodeFailed, "no kernel"},
		{"inputless", CodeFailed, "no input of that type"},
	} {
		_, err := c.Load(LoadRequest{Model: m.model})
		var r *RemoteError
		if !errors.As(err, &r) || r.Code != m.code || !strings.Contains(err.Error(), m.text) {
			t.Errorf("%s: got %v", m.model, err)
		}
	}
	if _, err := c.Load(LoadRequest{Model: "fails"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Time(TimeRequest{Runs: 10}); err == nil || !strings.Contains(err.Error(), "run 3: out of luck") {
		t.Errorf("got %v", err)
	}
	if _, err := c.Load(LoadRequest{Model: "plain"}); err != nil { // the conversation goes on
		t.Errorf("load after an error: %v", err)
	}
}

// TestBrokenRunners: whatever a process does, there is one error, soon, that says what.
func TestBrokenRunners(t *testing.T) {
	l := Limits{Start: 20 * time.Second, Load: 20 * time.Second, Run: 20 * time.Second, Other: 20 * time.Second}
	short := l
	short.Start = 300 * time.Millisecond
	hasty := l
	hasty.Run = 400 * time.Millisecond
	run := func(model string) func(*Client) error {
		return func(c *Client) error {
			if _, err := c.Load(LoadRequest{Model: model}); err != nil {
				return err
			}
			_, err := c.Warm(WarmRequest{Runs: 3})
			return err
		}
	}
	for _, tc := range []struct {
		name, act string
		limits    Limits
		use       func(*Client) error
		want      []string
	}{
		{"garbage", "garbage", l, nil, []string{"hello", "<html>", "want the hello of a wisp runner"}},
		{"silent", "silent", short, nil, []string{"hello", "no answer within 300ms"}},
		{"other version", "newer", l, nil, []string{"protocol 99, want 1"}},
		{"endless line", "longline", l, nil, []string{"longer than"}},
		{"exits at once", "exit", l, nil, []string{"exit status 3", "cannot open shared object file"}},
		{"grandchild keeps the pipe", "grandchild", short, nil, []string{"hello"}},
		{"wrong id", "wrongid", l, run("x"), []string{"reply to request 77, want 1"}},
		{"dies in a run", "serve", l, run("dies"), []string{"warm", "exit status 2", "panic: the engine hit the wall"}},
		{"is killed", "serve", l, run("killed"), []string{"signal: killed"}},
		{"hangs", "serve", hasty, run("hangs"), []string{"no answer within 400ms: killed"}},
		{"panics", "serve", l, run("panics"), []string{"the engine panicked: index out of range"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			c, err := start(t, tc.act, tc.limits)
			if tc.use != nil {
				if err != nil {
					t.Fatal(err)
				}
				err = tc.use(c)
				defer c.Close()
			}
			if err == nil {
				t.Fatal("got no error")
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("got %q, want it to say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %q", err)
			}
			if d := time.Since(begin); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	if _, err := Start(t.Context(), []string{"/nonexistent/wisp-ort"}, Options{}); err == nil || !strings.Contains(err.Error(), "wisp-ort") {
		t.Errorf("missing program: got %v", err)
	}
	if _, err := Start(t.Context(), nil, Options{}); err == nil {
		t.Error("no command: got no error")
	}
}

// TestSlowIsNotHung: a block that takes far longer than the limit of a single run is
// waited for, at the pace that its first run showed.
func TestSlowIsNotHung(t *testing.T) {
	c, err := start(t, "serve", Limits{Run: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Load(LoadRequest{Model: "slow"}); err != nil {
		t.Fatal(err)
	}
	if w, err := c.Warm(WarmRequest{Runs: 30}); err != nil || w.Runs != 30 || w.FirstNS < 20e6 || w.NS < 600e6 {
		t.Errorf("warm: got %+v, %v", w, err)
	}
	if r, err := c.Time(TimeRequest{Runs: 30}); err != nil || len(r.SamplesNS) != 30 {
		t.Errorf("time: got %d samples, %v", len(r.SamplesNS), err)
	}
}

func TestCancelKills(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := startCtx(ctx, "serve", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Load(LoadRequest{Model: "hangs"}); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	begin := time.Now()
	_, err = c.Time(TimeRequest{Runs: 1})
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
	if _, err := c.Stats(); !errors.Is(err, context.Canceled) {
		t.Errorf("after: got %v", err)
	}
	c.Close()
	if _, err := startCtx(ctx, "serve", Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("start when cancelled: got %v", err)
	}
}

// TestOrphan: a runner whose parent went away ends, even within a long block.
func TestOrphan(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), actVar+"=serve")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, `{"id":1,"op":"load","body":{"model":"slow"}}`)
	fmt.Fprintln(in, `{"id":2,"op":"time","body":{"runs":100000}}`)
	time.Sleep(100 * time.Millisecond)
	in.Close()
	go io.Copy(io.Discard, out)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		cmd.Process.Kill()
		t.Error("the runner goes on without its parent")
		<-done
	}
}

func TestServeRefusesGarbage(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"nonsense\n", "invalid character"},
		{`{"id":1,"op":"stats"`, "unexpected EOF"},
		{strings.Repeat("x", MaxLine+1), "longer than"},
	} {
		err := Serve(strings.NewReader(c.in), io.Discard, fake{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.20q: got %v, want %q", c.in, err, c.want)
		}
	}
	var out strings.Builder
	in := `{"id":1,"op":"dance"}` + "\n" + `{"id":2,"op":"load","body":7}` + "\n" + `{"id":3,"op":"quit"}` + "\n"
	if err := Serve(strings.NewReader(in), &out, fake{}); err != nil {
		t.Error(err)
	}
	if s := out.String(); !strings.Contains(s, `unknown request \"dance\"`) || !strings.Contains(s, `"id":2,"error"`) || !strings.Contains(s, `"id":3,"body"`) {
		t.Errorf("got %s", s)
	}
}

func TestTail(t *testing.T) {
	var w tail
	for i := range 10000 {
		fmt.Fprintf(&w, "line %d\n", i)
	}
	w.Write([]byte(strings.Repeat("y", 100) + "\xff end"))
	if got := w.note(); !strings.HasSuffix(got, "y? end") || !strings.Contains(got, "… line 9997 | line 9998") || len(w.buf) > tailBytes {
		t.Errorf("got %q", got)
	}
	w.Write([]byte(strings.Repeat("z", 3*tailBytes)))
	if len(w.buf) != tailBytes {
		t.Errorf("kept %d bytes", len(w.buf))
	}
}

func TestStatusKiB(t *testing.T) {
	if n, ok := statusKiB([]byte("Name:\twisp\nVmPeak:\t  99 kB\nVmHWM:\t   123 kB\n"), "VmHWM:"); !ok || n != 123 {
		t.Errorf("got %d, %v", n, ok)
	}
	for _, s := range []string{"", "VmHWM:\n", "VmHWM: x kB\n", "VmHWM: 12 MB\n", "VmHWM: -1 kB"} {
		if _, ok := statusKiB([]byte(s), "VmHWM:"); ok {
			t.Errorf("%q: got a value", s)
		}
	}
	if n := rusagePeak(); runtime.GOOS != "windows" && n < 1<<20 {
		t.Errorf("rusage: got %d bytes", n)
	}
}
