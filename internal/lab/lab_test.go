package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
)

// lines is a Logger that keeps what it is told.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) log(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, args...))
}

func (l *lines) with(part string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.all {
		if strings.Contains(s, part) {
			n++
		}
	}
	return n
}

func startHub(t *testing.T) *Hub {
	t.Helper()
	h, err := StartHub(HubOptions{Listen: "127.0.0.1:0", Store: t.TempDir(), NoAuth: true, MaxStore: 1 << 30}, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// guess answers with the image's number modulo 10, and with a wrong class for every seventh.
type guess struct{ at int }

func (g *guess) Prepare(m *imagenet.RGB) error {
	g.at = int(m.Pix[0]) | int(m.Pix[1])<<8 | int(m.Pix[2])<<16
	return nil
}

func (g *guess) Classify(int) ([]int, error) {
	c := g.at % 10
	if g.at%7 == 0 {
		return []int{(c + 1) % 10, c}, nil
	}
	return []int{c, (c + 1) % 10}, nil
}

func (g *guess) Close() error { return nil }

func numbered(i int) (*imagenet.RGB, error) {
	if i%13 == 5 {
		return nil, &imagenet.ImageError{Format: "jpeg", Offset: 3, Why: "no end of image"}
	}
	m := imagenet.NewRGB(1, 1)
	m.Pix[0], m.Pix[1], m.Pix[2] = byte(i), byte(i>>8), byte(i>>16)
	return m, nil
}

func keys(n int) []eval.Image {
	out := make([]eval.Image, n)
	for i := range out {
		out[i] = eval.Image{Index: i, Key: fmt.Sprintf("val/n%08d/ILSVRC2012_val_%08d.JPEG", i%1000, i), Class: i % 10}
	}
	return out
}

func guesser(sum string) eval.Subject {
	return eval.Subject{Model: "guess", WeightsSHA256: sum, Engine: "native", EngineVersion: "1", Precision: "float32", Recipe: "none v1",
		NewSession: func() (eval.Session, error) { return &guess{}, nil }}
}

// an evaluation of n images and its model's file.
func evaluation(t *testing.T, h *Hub, n int, log Logger) (Evaluation, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.bin")
	body := []byte("weights of guess")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	s := guesser(hex.EncodeToString(sum[:]))
	e := Evaluation{Access: Access{URL: h.URL()}, AckWait: time.Second, Log: log,
		Plan:   eval.Plan{Images: keys(n), Manifest: "manifest", Subjects: []eval.Subject{s}, Folder: t.TempDir()},
		Models: []ModelSpec{{Name: s.Model, File: "m.bin", SHA256: s.WeightsSHA256, Bytes: int64(len(body)), Recipe: "none"}}, Paths: []string{path}}
	e.Models[0].Key = s.Key("manifest", nil)
	return e, s.WeightsSHA256
}

// work starts a worker and returns how to stop it.
func work(t *testing.T, h *Hub, name, manifest string, n int, log Logger, open Opener) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := Worker{Access: Access{URL: h.URL()}, Name: name, Manifest: manifest, Images: keys(n), Decode: numbered, Open: open, Cache: t.TempDir(), Hands: 1, Log: log}
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("worker %s ended with %v", name, err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestManyKeys takes 100,000 image keys through the queue: every one counted once, as one
// process counts them. Throughput and memory are logged.
func TestManyKeys(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 3_000
	}
	h := startHub(t)
	e, sum := evaluation(t, h, n, t.Logf)
	e.Parcel = 200
	open := func(ModelSpec, string) (eval.Subject, error) { return guesser(sum), nil }
	work(t, h, "a", "manifest", n, t.Logf, open)
	work(t, h, "b", "manifest", n, t.Logf, open)
	start := time.Now()
	got, err := Evaluate(bounded(t), e)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d keys in %v: %.0f keys/s; %d MiB taken from the system by hub, coordinator and two workers in one process", n, took.Round(time.Millisecond), float64(n)/took.Seconds(), m.Sys>>20)
	e.Plan.Folder, e.Plan.Decode = t.TempDir(), numbered
	e.Plan.Subjects = []eval.Subject{guesser(sum)}
	want, err := eval.Run(t.Context(), e.Plan)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Results[0].Predictions, want.Results[0].Predictions) || got.Results[0].Top1Count != want.Results[0].Top1Count || !got.Results[0].Complete {
		t.Errorf("the distributed result is not that of one process: %d of %d right, want %d", got.Results[0].Top1Count, got.Results[0].Images, want.Results[0].Top1Count)
	}
}

// TestRefusals: workers of another data set, with another model under the promised hash and
// with another version are refused with the reason, and the job is done by the one that fits.
func TestRefusals(t *testing.T) {
	const n = 500
	h := startHub(t)
	var said lines
	e, sum := evaluation(t, h, n, said.log)
	open := func(ModelSpec, string) (eval.Subject, error) { return guesser(sum), nil }
	work(t, h, "elsewhere", "another", n, t.Logf, open)
	work(t, h, "newer", "manifest", n, t.Logf, func(ModelSpec, string) (eval.Subject, error) {
		s := guesser(sum)
		s.EngineVersion = "2"
		return s, nil
	})
	work(t, h, "broken", "manifest", n, t.Logf, func(ModelSpec, string) (eval.Subject, error) { return eval.Subject{}, errors.New("no kernel for it") })
	forged := t.TempDir()
	if err := os.WriteFile(filepath.Join(forged, sum+".bin"), []byte("other weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	w := Worker{Access: Access{URL: h.URL()}, Name: "forged", Manifest: "manifest", Images: keys(n), Decode: numbered, Open: open, Cache: forged, Hands: 1, Log: t.Logf}
	go func() { done <- w.Run(ctx) }()
	defer func() { cancel(); <-done }()
	type outcome struct {
		r   *eval.Report
		err error
	}
	ended := make(chan outcome, 1)
	limit := bounded(t)
	go func() {
		r, err := Evaluate(limit, e)
		ended <- outcome{r, err}
	}()
	for said.with("is refused") < 4 && pause(limit, 20*time.Millisecond) {
	}
	work(t, h, "fit", "manifest", n, t.Logf, open) // comes when all others were refused
	o := <-ended
	got := o.r
	if o.err != nil {
		t.Fatal(o.err, said.all)
	}
	for _, want := range []string{`worker "elsewhere" is refused: another data set`, `worker "newer" is refused: model guess: engine_version differs`,
		`worker "broken" is refused: no kernel for it`, `worker "forged" is refused: ` + sum + `.bin: another model hash`} {
		if said.with(want) != 1 {
			t.Errorf("%q was said %d times: %q", want, said.with(want), said.all)
		}
	}
	if said := strings.Join(got.Diagnostics, "\n"); !got.Results[0].Complete || !strings.Contains(said, "worker fit classified 500 images") || !strings.Contains(said, "another data set") {
		t.Errorf("got %q", said)
	}
}

// TestForgedObject: other bytes in the object store under the promised hash, from before the
// coordinator came and from after, are used by nobody and replaced; a model larger than a
// worker takes is refused.
func TestForgedObject(t *testing.T) {
	h := startHub(t)
	var said, worker lines
	e, sum := evaluation(t, h, 100, said.log)
	nc, js, err := e.Access.connect("test", false, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ctx := bounded(t)
	q, err := openQueue(ctx, js)
	if err != nil {
		t.Fatal(err)
	}
	forge := func(body string) {
		if _, err := q.models.PutBytes(ctx, sum, []byte(body)); err != nil {
			t.Error(err)
		}
	}
	forge("weights of other")
	open := func(ModelSpec, string) (eval.Subject, error) { return guesser(sum), nil }
	type outcome struct {
		r   *eval.Report
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		r, err := Evaluate(ctx, e)
		ended <- outcome{r, err}
	}()
	asking := &working{Worker: &Worker{}, q: q}
	for ids, _ := asking.jobIDs(ctx); len(ids) == 0 && pause(ctx, 20*time.Millisecond); {
		ids, _ = asking.jobIDs(ctx)
	}
	if said.with("other bytes lay on the hub under its hash: they were replaced") != 1 {
		t.Errorf("the coordinator said %q", said.all)
	}
	forge("weights of third") // of the right length
	small := Worker{Access: e.Access, Name: "small", Manifest: "manifest", Images: keys(100), Decode: numbered, Open: open, Cache: t.TempDir(), MaxModel: 3, Log: t.Logf}
	done := make(chan error, 1)
	one, stop := context.WithCancel(ctx)
	go func() { done <- small.Run(one) }()
	work(t, h, "a", "manifest", 100, worker.log, open)
	o := <-ended
	stop()
	<-done
	if o.err != nil || !o.r.Results[0].Complete {
		t.Errorf("got %v, said %q", o.err, said.all)
	}
	if said.with("another model hash") == 0 || said.with("they were replaced") < 2 || worker.with("is refused: model guess: object store") == 0 {
		t.Errorf("the coordinator said %q, the worker %q", said.all, worker.all)
	}
	if said.with("this worker takes at most 3") != 1 {
		t.Errorf("the coordinator said %q", said.all)
	}
}

// TestMalformed: what is no message costs one line where it arrives, and nothing else.
func TestMalformed(t *testing.T) {
	const n = 2000
	h := startHub(t)
	var coordinator, worker lines
	e, sum := evaluation(t, h, n, coordinator.log)
	nc, js, err := e.Access.connect("test", false, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ctx := bounded(t)
	q, err := openQueue(ctx, js)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.jobs.Put(ctx, "nojob", []byte("\x00\x01")); err != nil {
		t.Fatal(err)
	}
	thrown := false
	e.Plan.Progress = func(ev eval.Event) {
		if thrown {
			return
		}
		thrown = true
		ids, _ := (&working{Worker: &Worker{}, q: q}).jobIDs(ctx)
		for id := range ids {
			if id == "nojob" {
				continue
			}
			for _, subject := range []string{workSubject + id, answerSubject + id} {
				if _, err := js.Publish(ctx, subject, []byte(`{"wisp_lab":2,"job":`)); err != nil {
					t.Error(err)
				}
			}
			// One that is well-formed and of images that are none.
			if _, err := js.Publish(ctx, answerSubject+id, []byte(`{"wisp_lab":2,"job":"`+id+`","worker":"liar","manifest":"manifest","number":0,"predictions":[[{"image":"x","class":1,"top":[1],"status":"ok"}]]}`)); err != nil {
				t.Error(err)
			}
		}
	}
	work(t, h, "a", "manifest", n, worker.log, func(ModelSpec, string) (eval.Subject, error) { return guesser(sum), nil })
	got, err := Evaluate(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Results[0].Complete || got.Results[0].Images != n {
		t.Errorf("got %+v", got.Results[0])
	}
	if coordinator.with("a malformed answer") != 1 || coordinator.with(`"x" is none of the images`) != 1 {
		t.Errorf("the coordinator said %q", coordinator.all)
	}
	if worker.with("a malformed parcel") != 1 || worker.with(`job "nojob" is malformed`) != 1 {
		t.Errorf("the worker said %q", worker.all)
	}
	// Nothing of the job is left.
	if info, err := q.work.Info(ctx); err != nil || info.State.Msgs != 0 || info.State.Consumers != 0 {
		t.Errorf("the work queue holds %+v, %v", info.State, err)
	}
	if info, err := q.answers.Info(ctx); err != nil || info.State.Msgs != 0 || info.State.Consumers != 0 {
		t.Errorf("the answers hold %+v, %v", info.State, err)
	}
}

func TestHubWantsCredentials(t *testing.T) {
	store := t.TempDir()
	token := filepath.Join(store, "token")
	h, err := StartHub(HubOptions{Listen: "127.0.0.1:0", Store: store, TokenFile: token, MaxStore: 1 << 30}, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if info, err := os.Stat(token); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("token: %v, %v", info.Mode(), err)
	}
	wrong := filepath.Join(t.TempDir(), "wrong")
	os.WriteFile(wrong, []byte("guess\n"), 0o600)
	for _, a := range []Access{{URL: h.URL()}, {URL: h.URL(), TokenFile: wrong}} {
		if nc, _, err := a.connect("x", false, t.Logf); err == nil {
			nc.Close()
			t.Errorf("%+v: connected", a)
		}
		w := Worker{Access: a, Name: "x", Manifest: "m", Images: keys(1), Decode: numbered, Log: func(string, ...any) {}}
		if err := w.Run(bounded(t)); err == nil || !strings.Contains(err.Error(), "credentials") {
			t.Errorf("worker: got %v", err)
		}
	}
	nc, _, err := Access{URL: h.URL(), TokenFile: token}.connect("x", false, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	for _, o := range []HubOptions{{Listen: "127.0.0.1:0", Store: t.TempDir()}, {Listen: "0.0.0.0:0", Store: t.TempDir(), NoAuth: true}, {Listen: "nowhere", Store: t.TempDir(), NoAuth: true}} {
		if h, err := StartHub(o, t.Logf); err == nil {
			h.Close()
			t.Errorf("%+v: started", o)
		}
	}
}

func TestSizes(t *testing.T) {
	c := coordinator{Evaluation: &Evaluation{Parcel: 512, Models: make([]ModelSpec, 64)}}
	c.Plan.Images = []eval.Image{{Key: strings.Repeat("k", 4000)}}
	if n := c.size(); n != 1 {
		t.Errorf("got %d images of long keys, want 1", n)
	}
	c.Models, c.Plan.Images = c.Models[:1], keys(1)
	if n := c.size(); n != 512 {
		t.Errorf("got %d, want 512", n)
	}
}

func FuzzMessages(f *testing.F) {
	for _, s := range []string{"", "{", `{"wisp_lab":2}`, `{"wisp_lab":2,"job":"x","number":1,"images":[{"key":"a","class":1}]}`, `{"wisp_lab":2,"job":"x","worker":"w","manifest":"m","number":0,"refused":"r"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := readParcel(b); err == nil && (len(p.Images) == 0 || len(p.Images) > maxParcel) {
			t.Errorf("a parcel of %d images", len(p.Images))
		}
		if a, err := readAnswer(b); err == nil && len(a.Predictions) > maxParcel {
			t.Errorf("an answer of %d images", len(a.Predictions))
		}
		if j, err := readJob(b); err == nil && (len(j.Models) == 0 || j.AckWait <= 0) {
			t.Errorf("a job %+v", j)
		}
	})
}
