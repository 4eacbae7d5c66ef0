package device

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/internal/runner"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(runnersDir)
		os.Exit(code)
	}))
}

// runnersDir is where runners built them; "" before.
var runnersDir string

// runners builds the runners that tests push, once.
var runners = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wisp-runners-")
	if err != nil {
		return "", err
	}
	runnersDir = dir
	for _, arch := range []string{"amd64", "arm64"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "wisp-runner-linux-"+arch), "../../cmd/wisp-runner")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
	}
	return dir, nil
})

func runnersIn(t *testing.T) []string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds runners and starts servers")
	}
	dir, err := runners()
	if err != nil {
		t.Fatal(err)
	}
	return []string{dir}
}

// file is a small model's.
func modelFile(t *testing.T) string {
	t.Helper()
	m, err := wisp.Open("mobilenet_v2:0.1@32")
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Bound()
	if err == nil {
		g, err = rewrite.Run(g)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "it's small.onnx")
	f, err := os.Create(path)
	if err == nil {
		err = onnx.WriteFixed(f, g)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return path
}

// level is the protocol with little of everything.
var level = bench.Level{Name: "quick", Blocks: 2, Slices: 3, Order: bench.ABBA, WarmRuns: 1, Runs: 9, Probe: true, ProbeWait: time.Second}

func planOf(models ...string) *bench.Plan {
	p := &bench.Plan{Level: level, Seed: 1}
	for _, m := range models {
		p.Subjects = append(p.Subjects, bench.Subject{Model: m, Engine: "native", Load: runner.LoadRequest{Model: m, Threads: 1, Batch: 1, Inputs: 2, Seed: 1}})
	}
	return p
}

// complete checks a report of whole measurements.
func complete(t *testing.T, r *bench.Report, err error, models int) {
	t.Helper()
	if err != nil || len(r.Results) != models {
		t.Fatalf("got %d results, %v: %q", len(r.Results), err, r.Diagnostics)
	}
	for _, x := range r.Results {
		if len(x.RoundMediansMS) != level.Rounds() || x.Latency.Median <= 0 {
			t.Errorf("%s: rounds %v", x.Model, x.RoundMediansMS)
		}
	}
}

// relay passes TCP on and can cut all that it passes, as who pulls a cable does.
type relay struct {
	address string
	mu      sync.Mutex
	open    []net.Conn
	away    bool
}

func newRelay(t *testing.T, to string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: l.Addr().String()}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); r.cut(true); all.Wait() })
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			r.mu.Lock()
			if err != nil || r.away {
				r.mu.Unlock()
				in.Close()
				if out != nil {
					out.Close()
				}
				continue
			}
			r.open = append(r.open, in, out)
			r.mu.Unlock()
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				all.Go(func() { io.Copy(pair[0], pair[1]); pair[0].Close() })
			}
		}
	})
	return r
}

func (r *relay) cut(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
	for _, c := range r.open {
		c.Close()
	}
	r.open = nil
}

// said keeps lines.
type said struct {
	mu  sync.Mutex
	all []string
}

func (s *said) log(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, fmt.Sprintf(format, args...))
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.all, "\n")
}

// empty checks that nothing is left of a device's folder.
func empty(t *testing.T, dir string) {
	t.Helper()
	filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if err == nil {
			t.Errorf("left behind: %s", p)
		}
		return nil
	})
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestParse(t *testing.T) {
	for s, want := range map[string]Target{"local": {Kind: "local"}, "adb": {Kind: "adb"}, "adb:emulator-5554": {Kind: "adb", Name: "emulator-5554"}, "adb:10.0.0.2:5555": {Kind: "adb", Name: "10.0.0.2:5555"},
		"ssh:pi@board": {Kind: "ssh", Name: "pi@board"}, "ssh:h:2222": {Kind: "ssh", Name: "h:2222"}, "lab": {Kind: "lab"}, "lab/a:b 2": {Kind: "lab", Worker: "a:b 2"},
		"lab:nats://h:4222": {Kind: "lab", Name: "nats://h:4222"}, "lab:tls://h,tls://i:1/w/x": {Kind: "lab", Name: "tls://h,tls://i:1", Worker: "w/x"}, "lab:h:4222/w": {Kind: "lab", Name: "h:4222", Worker: "w"}} {
		if got, err := Parse(s); err != nil || got != want || got.String() != s {
			t.Errorf("%s: got %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "adb:", "ssh", "ssh:", "usb:1", "local:x", "ssh:a b", "adb:x'y", "adb:a/b", "lab:", "lab/", "labs", "lab:/w", "lab:h/", "lab:nats://", "lab:nats:///w", "lab:nats://me:secret@h", "lab/\x1b[2J"} {
		if got, err := Parse(s); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %+v, %v", s, got, err)
		}
	}
}
