package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/imagenet"
	"github.com/wispnet/wisp/internal/rewrite"
	"github.com/wispnet/wisp/internal/subject"
)

// The test binary plays wisp-lab where this variable is set.
const actVar = "WISP_TEST_LAB"

func TestMain(m *testing.M) {
	if os.Getenv(actVar) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// limit bounds every test of processes.
const limit = 90 * time.Second

// cluster is a folder of photographs, a network, and processes on loopback.
type cluster struct {
	t                  *testing.T
	ctx                context.Context
	data, model, store string
	address            string // of the hub
	token              string
	images             int
}

func newCluster(t *testing.T, images int) *cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a hub and workers as processes")
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	dir := t.TempDir()
	c := &cluster{t: t, ctx: ctx, data: filepath.Join(dir, "data"), model: filepath.Join(dir, "small.onnx"), store: filepath.Join(dir, "store"), images: images}
	c.token = filepath.Join(c.store, "token")
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that stays the hub's over its restarts
	if err != nil {
		t.Fatal(err)
	}
	c.address = l.Addr().String()
	l.Close()
	c.photographs()
	c.network()
	return c
}

// photographs are images of a few sorts under many names, one of them damaged, one missing.
func (c *cluster) photographs() {
	if err := os.Mkdir(c.data, 0o755); err != nil {
		c.t.Fatal(err)
	}
	var sorts [][]byte
	for k := range 5 {
		img := image.NewRGBA(image.Rect(0, 0, 400, 300))
		for y := range 300 {
			for x := range 400 {
				img.SetRGBA(x, y, color.RGBA{uint8(x * (k + 1)), uint8(y*3 + 50*k), uint8((x ^ y) * k), 255})
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, nil); err != nil {
			c.t.Fatal(err)
		}
		sorts = append(sorts, b.Bytes())
	}
	labels := "file,class,wnid,name\ngone.jpeg,1,,\n"
	for i := range c.images {
		name, b := fmt.Sprintf("%05d.jpeg", i), sorts[i%len(sorts)]
		if i == c.images/2 {
			b = b[:len(b)/2]
		}
		if err := os.WriteFile(filepath.Join(c.data, name), b, 0o644); err != nil {
			c.t.Fatal(err)
		}
		labels += fmt.Sprintf("%s,%d,,\n", name, i%1000)
	}
	if err := os.WriteFile(filepath.Join(c.data, "labels.csv"), []byte(labels), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) network() {
	m, err := wisp.Open("mobilenet_v2:0.1@64")
	if err != nil {
		c.t.Fatal(err)
	}
	g, err := m.Bound()
	if err == nil {
		g, err = rewrite.Run(g)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	f, err := os.Create(c.model)
	if err == nil {
		err = onnx.WriteFixed(f, g)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	f.Close()
}

// want is what one process finds.
func (c *cluster) want() []eval.Prediction {
	m, err := wisp.Open(c.model, wisp.WithRecipe("torchvision"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer m.Close()
	s, _, err := subject.Native(m, version, "")
	if err != nil {
		c.t.Fatal(err)
	}
	d, err := imagenet.OpenDataset(c.data)
	if err != nil {
		c.t.Fatal(err)
	}
	defer d.Close()
	r, err := eval.Run(c.ctx, eval.Plan{Images: eval.Images(d), Manifest: d.Hash, Subjects: []eval.Subject{s}, Folder: c.t.TempDir(),
		Decode: func(i int) (*imagenet.RGB, error) { return d.Decode(i, imagenet.Limits{}) }})
	if err != nil {
		c.t.Fatal(err)
	}
	if x := r.Results[0]; x.Images != c.images+1 || x.Damaged != 1 || x.Missing != 1 {
		c.t.Fatalf("one process: got %+v", x)
	}
	return r.Results[0].Predictions
}

// process is one of the cluster's.
type process struct {
	*exec.Cmd
	out  bytes.Buffer
	errs said
	done chan struct{}
	err  error
}

// said is a stream that may be read while it is written.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (c *cluster) start(args ...string) *process {
	c.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(c.ctx, exe, args...), done: make(chan struct{})}
	p.Env = append(os.Environ(), actVar+"=1", "GOMAXPROCS=2")
	p.Stdout, p.Stderr = &p.out, &p.errs
	if err := p.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() { p.err = p.Wait(); close(p.done) }()
	c.t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.done
		if c.t.Failed() {
			c.t.Logf("%q said: %s", args[:1], p.errs.String())
		}
	})
	return p
}

// until waits for a condition of the processes.
func (c *cluster) until(what string, f func() bool) {
	c.t.Helper()
	for !f() {
		if c.ctx.Err() != nil {
			c.t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *cluster) hub() *process {
	p := c.start("hub", "--store", c.store, "--listen", c.address, "--token-file", c.token)
	c.until("the hub serves", func() bool { return strings.Contains(p.errs.String(), "serving") })
	return p
}

func (c *cluster) worker(address, name string) *process {
	return c.start("worker", "--hub", "nats://"+address, "--token-file", c.token, "--data", c.data, "--name", name, "--cache", filepath.Join(c.store, "models-"+name), "--threads", "1")
}

// eval starts the evaluation; lines tells how many predictions it has kept.
func (c *cluster) eval(ack string) (p *process, lines func() int) {
	folder := c.t.TempDir()
	p = c.start("eval", c.model, "--recipe", "torchvision", "--hub", "nats://"+c.address, "--token-file", c.token, "--data", c.data,
		"--predictions", folder, "--parcel", "8", "--ack-wait", ack, "--json")
	return p, func() int {
		names, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
		if len(names) == 0 {
			return 0
		}
		b, _ := os.ReadFile(names[0])
		return max(0, bytes.Count(b, []byte("\n"))-1)
	}
}

// equal waits for the evaluation and compares it with one process, image for image.
func (c *cluster) equal(p *process) {
	c.t.Helper()
	<-p.done
	if p.err != nil {
		c.t.Fatalf("eval: %v: %s", p.err, p.errs.String())
	}
	var d struct {
		Diagnostics []string
		Results     []struct {
			Images          int
			Complete        bool
			PredictionsFile string `json:"predictions_file"`
		}
	}
	if err := json.Unmarshal(p.out.Bytes(), &d); err != nil {
		c.t.Fatalf("%v: %s", err, p.out.String())
	}
	b, err := os.ReadFile(d.Results[0].PredictionsFile)
	if err != nil {
		c.t.Fatal(err)
	}
	got := map[string]eval.Prediction{}
	n := 0
	for line := range bytes.Lines(b) {
		var q eval.Prediction
		if err := json.Unmarshal(line, &q); err != nil {
			c.t.Fatal(err)
		}
		if q.Image != "" {
			got[q.Image] = q
			n++
		}
	}
	want := c.want()
	if n != len(want) || len(got) != len(want) || !d.Results[0].Complete {
		c.t.Errorf("%d lines of %d images, want %d", n, len(got), len(want))
	}
	for _, w := range want {
		if !reflect.DeepEqual(got[w.Image], w) {
			c.t.Errorf("%s: got %+v, want %+v", w.Image, got[w.Image], w)
		}
	}
	c.t.Logf("%d images: %q", n, d.Diagnostics)
}

// proxy passes traffic on to the hub until it is told to drop all of it, without closing.
type proxy struct {
	address string
	drop    atomic.Bool
}

func newProxy(t *testing.T, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: l.Addr().String()}
	var mu sync.Mutex
	var open []net.Conn
	keep := func(c net.Conn) { mu.Lock(); open = append(open, c); mu.Unlock() }
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	})
	pass := func(to, from net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			if err != nil {
				if !p.drop.Load() {
					to.Close()
				}
				return
			}
			if p.drop.Load() {
				continue
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			keep(in)
			if p.drop.Load() {
				go io.Copy(io.Discard, in)
				continue
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			keep(out)
			go pass(out, in)
			go pass(in, out)
		}
	}()
	return p
}

// TestCluster: of four workers two are killed, one is paused past its acknowledgement time
// and one is behind a proxy that drops all traffic; the hub is killed and comes back. Every
// image has its one prediction, that of one process.
func TestCluster(t *testing.T) {
	c := newCluster(t, 2000)
	hub := c.hub()
	proxied := newProxy(t, c.address)
	a, b, paused := c.worker(c.address, "a"), c.worker(c.address, "b"), c.worker(c.address, "paused")
	c.worker(proxied.address, "proxied")
	p, lines := c.eval("1s")
	c.until("100 images are done", func() bool { return lines() >= 100 })
	if err := pause(paused.Process); err != nil {
		t.Skip(err)
	}
	since := time.Now()
	c.until("200 images are done", func() bool { return lines() >= 200 })
	_ = a.Process.Kill()
	c.until("400 images are done", func() bool { return lines() >= 400 })
	proxied.drop.Store(true)
	c.until("600 images are done", func() bool { return lines() >= 600 })
	_ = hub.Process.Kill()
	<-hub.done
	at := lines()
	c.hub()
	c.until("images are done after the hub came back", func() bool { return lines() > at+100 })
	_ = b.Process.Kill() // now none is left but the paused one
	c.until("the pause is longer than the acknowledgement time", func() bool { return time.Since(since) > 2*time.Second })
	if err := resume(paused.Process); err != nil {
		t.Fatal(err)
	}
	c.equal(p)
}

// TestKilledCoordinator: eval is killed and goes on with --resume; nothing is lost or doubled.
func TestKilledCoordinator(t *testing.T) {
	c := newCluster(t, 800)
	c.hub()
	c.worker(c.address, "a")
	folder := t.TempDir()
	args := []string{"eval", c.model, "--recipe", "torchvision", "--hub", "nats://" + c.address, "--token-file", c.token, "--data", c.data, "--predictions", folder, "--parcel", "8", "--resume", "--json"}
	first := c.start(args...)
	c.until("200 images are done", func() bool {
		names, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
		if len(names) == 0 {
			return false
		}
		b, _ := os.ReadFile(names[0])
		return bytes.Count(b, []byte("\n")) > 200
	})
	_ = first.Process.Kill()
	<-first.done
	c.equal(c.start(args...))
}

// TestStrangers: a client without credentials gets nothing, a worker of another data set is
// refused with the reason.
func TestStrangers(t *testing.T) {
	c := newCluster(t, 60)
	c.hub()
	for _, args := range [][]string{
		{"eval", c.model, "--hub", "nats://" + c.address, "--data", c.data, "--predictions", t.TempDir()},
		{"worker", "--hub", "nats://" + c.address, "--data", c.data},
	} {
		p := c.start(args...)
		<-p.done
		if code := p.ProcessState.ExitCode(); code != 1 || !strings.Contains(p.errs.String(), "the hub wants credentials") {
			t.Errorf("%s without a token: exit code %d: %s", args[0], code, p.errs.String())
		}
	}
	other := t.TempDir()
	if err := os.CopyFS(filepath.Join(other, "data"), os.DirFS(c.data)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "data", "00003.jpeg"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	stranger := c.start("worker", "--hub", "nats://"+c.address, "--token-file", c.token, "--data", filepath.Join(other, "data"), "--name", "stranger", "--cache", t.TempDir())
	p, _ := c.eval("1s")
	c.until("the stranger is refused", func() bool {
		return strings.Contains(p.errs.String(), `worker "stranger" is refused: another data set`) && strings.Contains(stranger.errs.String(), "is refused: another data set")
	})
	c.worker(c.address, "fit")
	c.equal(p)
}
