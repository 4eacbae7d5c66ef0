package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wispnet/wisp/imagenet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const classes = 10

// set makes up a data set: image i is of class i mod 10.
func set(n int) []Image {
	out := make([]Image, n)
	for i := range out {
		out[i] = Image{i, fmt.Sprintf("val/%02d/%05d.jpeg", i%classes, i), i % classes}
	}
	sortByKey(out)
	return out
}

// decode gives image i as a picture whose first bytes are its number.
func decode(i int) (*imagenet.RGB, error) {
	switch {
	case i%17 == 5:
		return nil, fmt.Errorf("x.jpeg: %w", &imagenet.ImageError{Format: "jpeg", Offset: 12, Why: "no end of image"})
	case i%17 == 6:
		return nil, &fs.PathError{Op: "open", Path: "x.jpeg", Err: fs.ErrNotExist}
	case i%17 == 7:
		panic("index out of range")
	}
	if i%3 == 0 {
		time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
	}
	m := imagenet.NewRGB(1, 2)
	m.Pix[0], m.Pix[1] = byte(i), byte(i>>8)
	return m, nil
}

// guesser is a model: right on every image whose number is not divisible by wrong, then
// right at the third guess, or not at all.
type guesser struct {
	wrong, bad int
	at         int
	ready      bool
	open       *atomic.Int64
	calls      *atomic.Int64
	failAt     int
	delay      time.Duration
}

func (g *guesser) Prepare(m *imagenet.RGB) error {
	g.at, g.ready = int(m.Pix[0])|int(m.Pix[1])<<8, true
	return nil
}

func (g *guesser) Classify(k int) ([]int, error) {
	if !g.ready {
		return nil, errors.New("classify without prepare")
	}
	g.ready = false
	g.calls.Add(1)
	time.Sleep(g.delay)
	if g.failAt > 0 && g.at >= g.failAt {
		return nil, errors.New("out of memory")
	}
	c := g.at % classes
	next := func(d int) int { return (c + d) % classes }
	switch {
	case g.at%g.bad == 0:
		return []int{next(1), next(2), next(3), next(4), next(5)}[:k], nil
	case g.at%g.wrong == 0:
		return []int{next(1), next(2), c, next(4), next(5)}[:k], nil
	}
	return []int{c, next(1), next(2), next(3), next(4)}[:k], nil
}

func (g *guesser) Close() error { g.open.Add(-1); return nil }

type model struct {
	open, calls, opened atomic.Int64
	failAt              int
	delay               time.Duration
}

func (m *model) subject(name string, wrong, bad int) Subject {
	return Subject{Model: name, Weights: name + ".onnx", WeightsSHA256: "hash of " + name, Engine: "native", EngineVersion: "1", Precision: "float32", Recipe: "slim v1",
		NewSession: func() (Session, error) {
			m.open.Add(1)
			m.opened.Add(1)
			return &guesser{wrong: wrong, bad: bad, open: &m.open, calls: &m.calls, failAt: m.failAt, delay: m.delay}, nil
		}}
}

func plan(t *testing.T, n int, subjects ...Subject) Plan {
	t.Helper()
	return Plan{Images: set(n), Manifest: "manifest", Decode: decode, Subjects: subjects, Workers: 4, Folder: filepath.Join(t.TempDir(), "predictions"), volatile: true}
}

func mustRun(t *testing.T, p Plan) *Report {
	t.Helper()
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// expect counts what a guesser must get.
func expect(images []Image, wrong, bad int) (top1, top5, damaged, missing int) {
	for _, im := range images {
		switch i := im.Index; {
		case i%17 == 5, i%17 == 7:
			damaged++
		case i%17 == 6:
			missing++
		case i%bad == 0:
		case i%wrong == 0:
			top5++
		default:
			top1++
			top5++
		}
	}
	return
}

func TestEveryImageCounts(t *testing.T) {
	var m model
	p := plan(t, 203, m.subject("m", 4, 5))
	p.Subjects[0].Note = "answers of this engine are rounded"
	var events []Event
	p.Progress = func(e Event) { events = append(events, e) }
	r := mustRun(t, p)
	res := r.Results[0]
	top1, top5, damaged, missing := expect(p.Images, 4, 5)
	if res.Images != 203 || res.Top1Count != top1 || res.Top5Count != top5 || res.Damaged != damaged || res.Missing != missing || damaged == 0 || missing == 0 || top1 == top5 {
		t.Errorf("got %+v, want %d, %d, %d, %d", res, top1, top5, damaged, missing)
	}
	if want := 100 * float64(top1) / 203; res.Top1 != want || !res.Top1CI.Contains(want) {
		t.Errorf("top1: got %v %v, want %v", res.Top1, res.Top1CI, want)
	}
	if !res.Complete || res.Resumed != 0 || res.ImagesPerSecond == nil || *res.ImagesPerSecond <= 0 || res.StageMS == nil {
		t.Errorf("got %+v", res)
	}
	if m.open.Load() != 0 || m.opened.Load() > 4 {
		t.Errorf("%d sessions left open of %d", m.open.Load(), m.opened.Load())
	}
	if last := events[len(events)-1]; len(events) != 203 || last.Done != 203 || last.Total != 203 || last.Running[0].Top1 != top1 || last.Running[0].Images != 203 {
		t.Errorf("%d events, last %+v", len(events), last)
	}
	said := strings.Join(r.Diagnostics, "\n")
	for _, want := range []string{"damaged: counted as wrong: ", "no end of image", "all stand in", "answers of this engine are rounded"} {
		if !strings.Contains(said, want) {
			t.Errorf("diagnostics do not say %q: %s", want, said)
		}
	}
}

func TestFields(t *testing.T) {
	var m model
	b, err := json.Marshal(mustRun(t, plan(t, 40, m.subject("a", 4, 5), m.subject("b", 3, 7))))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Results, Comparisons []map[string]any }
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	for _, k := range strings.Fields("model engine precision images top1_count top5_count top1 top5 top1_ci95 top5_ci95 seconds images_per_second recipe predictions_file") {
		if _, ok := doc.Results[0][k]; !ok {
			t.Errorf("no field %s", k)
		}
	}
	if len(doc.Comparisons) != 1 {
		t.Errorf("comparisons: got %v", doc.Comparisons)
	}
}

// TestConcurrencyChangesNothing: the file and the result are the same, byte for byte, for
// any number of workers.
func TestConcurrencyChangesNothing(t *testing.T) {
	var want []byte
	for _, workers := range []int{1, 2, 3, 16} {
		var m model
		p := plan(t, 150, m.subject("m", 4, 5))
		p.Workers = workers
		res := mustRun(t, p).Results[0]
		got, err := os.ReadFile(res.PredictionsFile)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%d workers wrote another file", workers)
		}
		if n := bytes.Count(got, []byte("\n")); n != 151 {
			t.Errorf("%d lines, want a header and 150", n)
		}
	}
}

// TestSlowImage: one image that takes long does not let the others pile up without bound.
func TestSlowImage(t *testing.T) {
	var m model
	p := plan(t, 400, m.subject("m", 4, 5))
	p.Workers = 2
	var seen atomic.Int64
	first := p.Images[0].Index
	p.Decode = func(i int) (*imagenet.RGB, error) {
		if i == first {
			for range 100 { // until the others have had their chance
				time.Sleep(time.Millisecond)
			}
			if n := seen.Load(); n > 8*2+16 {
				t.Errorf("%d images overtook the first", n)
			}
		}
		seen.Add(1)
		return decode(i)
	}
	mustRun(t, p)
}

// TestResumeAfterAnyKill cuts the predictions at every byte of their last lines, and of
// the first ones, as a kill may leave them: the final predictions equal an undisturbed run's.
func TestResumeAfterAnyKill(t *testing.T) {
	const n = 23
	var m model
	p := plan(t, n, m.subject("m", 4, 5))
	whole := mustRun(t, p).Results[0]
	file, err := os.ReadFile(whole.PredictionsFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(file, []byte("\n"))
	head := len(lines[0])
	tail := 0
	for _, l := range lines[len(lines)-4:] {
		tail += len(l)
	}
	p.Resume = true
	for cut := range len(file) + 1 {
		if cut > head+len(lines[1])+2 && cut < len(file)-tail || cut < head-2 && cut%31 != 0 {
			continue
		}
		if testing.Short() && cut%5 != 0 {
			continue
		}
		if err := os.WriteFile(whole.PredictionsFile, file[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		m.calls.Store(0)
		got := mustRun(t, p).Results[0]
		if !reflect.DeepEqual(got.Predictions, whole.Predictions) || got.Top1Count != whole.Top1Count || !got.Complete {
			t.Fatalf("cut at %d: other predictions", cut)
		}
		done := max(0, bytes.Count(file[:cut], []byte("\n"))-1)
		if got.Resumed != done {
			t.Errorf("cut at %d: %d images resumed, %d lines were whole", cut, got.Resumed, done)
		}
		now, err := os.ReadFile(got.PredictionsFile)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(now, file) {
			t.Errorf("cut at %d: another file", cut)
		}
		if cut < head { // no header: a new run, the old file untouched
			if got.PredictionsFile == whole.PredictionsFile {
				t.Errorf("cut at %d: went on in a file without a header", cut)
			}
			if err := os.Remove(got.PredictionsFile); err != nil {
				t.Fatal(err)
			}
		} else if got.PredictionsFile != whole.PredictionsFile {
			t.Errorf("cut at %d: started another file", cut)
		}
	}
	// And with nothing left to do nothing is run.
	m.calls.Store(0)
	r := mustRun(t, p)
	if got := r.Results[0]; m.calls.Load() != 0 || got.Resumed != n || got.ImagesPerSecond != nil || got.Top1Count != whole.Top1Count {
		t.Errorf("all done: %d calls, %+v", m.calls.Load(), got)
	}
}

func TestInterruptAndResume(t *testing.T) {
	var m model
	m.delay = 200 * time.Microsecond
	p := plan(t, 300, m.subject("a", 4, 5), m.subject("b", 3, 7))
	want := mustRun(t, p)
	p.Folder = filepath.Join(t.TempDir(), "again")
	p.Resume = true // with nothing to resume
	for _, after := range []int{1, 37, 150, 299} {
		ctx, cancel := context.WithCancel(t.Context())
		p.Progress = func(e Event) {
			if e.Done+300-e.Total >= after {
				cancel()
			}
		}
		r, err := Run(ctx, p)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d: got %v", after, err)
		}
		if len(r.Results) != 2 || r.Results[0].Images < after || r.Results[0].Complete && after < 299 {
			t.Errorf("after %d: got %+v", after, r.Results)
		}
	}
	p.Progress = nil
	got := mustRun(t, p)
	for i := range got.Results {
		if !reflect.DeepEqual(got.Results[i].Predictions, want.Results[i].Predictions) || got.Results[i].Resumed < 299 {
			t.Errorf("%s: other predictions than undisturbed, or %d resumed", got.Results[i].Model, got.Results[i].Resumed)
		}
	}
	if !reflect.DeepEqual(got.Comparisons, want.Comparisons) {
		t.Errorf("comparisons: got %v, want %v", got.Comparisons, want.Comparisons)
	}
	if m.open.Load() != 0 {
		t.Errorf("%d sessions left open", m.open.Load())
	}
}

// TestNewRunKeepsTheOld: without Resume a run starts beside the earlier one.
func TestNewRunKeepsTheOld(t *testing.T) {
	var m model
	p := plan(t, 20, m.subject("m", 4, 5))
	first := mustRun(t, p).Results[0].PredictionsFile
	second := mustRun(t, p).Results[0].PredictionsFile
	if first == second || !strings.HasSuffix(first, "-0001.jsonl") || !strings.HasSuffix(second, "-0002.jsonl") {
		t.Errorf("got %s and %s", first, second)
	}
	a, _ := os.ReadFile(first)
	b, _ := os.ReadFile(second)
	if !bytes.Equal(a, b) || len(a) == 0 {
		t.Error("the runs wrote different files")
	}
	p.Resume = true
	p.Subjects[0].Model = "some/folder/m" // the same file elsewhere
	if r := mustRun(t, p); r.Results[0].Resumed != 20 || r.Results[0].PredictionsFile != second {
		t.Errorf("another folder: %d resumed from %s", r.Results[0].Resumed, r.Results[0].PredictionsFile)
	}
	p.Subjects[0].Recipe = "torchvision v1" // another key: nothing to resume
	r := mustRun(t, p)
	if r.Results[0].Resumed != 0 || !strings.Contains(fmt.Sprint(r.Diagnostics), "nothing to resume") {
		t.Errorf("another recipe resumed: %+v", r.Results[0])
	}
}

func TestDamagedLinesAreDoneAgain(t *testing.T) {
	var m model
	p := plan(t, 20, m.subject("m", 4, 5))
	whole := mustRun(t, p).Results[0]
	file, _ := os.ReadFile(whole.PredictionsFile)
	lines := bytes.SplitAfter(file, []byte("\n"))
	lines[3] = []byte("\x00\x00garbage\n")
	lines[5] = []byte(`{"image":"val/00/00000.jpeg","class":0,"top":[1,1],"status":"ok"}` + "\n")
	lines[7] = []byte(`{"image":"../elsewhere.jpeg","class":0,"top":[1],"status":"ok"}` + "\n")
	if err := os.WriteFile(whole.PredictionsFile, slices.Concat(lines...), 0o644); err != nil {
		t.Fatal(err)
	}
	p.Resume = true
	r := mustRun(t, p)
	if got := r.Results[0]; !reflect.DeepEqual(got.Predictions, whole.Predictions) || got.Resumed != 17 {
		t.Errorf("got %d resumed, predictions equal: %v", got.Resumed, reflect.DeepEqual(got.Predictions, whole.Predictions))
	}
	for _, want := range []string{"line 4 holds no prediction", "line 6 holds no prediction", "which is none of the images"} {
		if !strings.Contains(fmt.Sprint(r.Diagnostics), want) {
			t.Errorf("diagnostics do not say %q: %q", want, r.Diagnostics)
		}
	}
}

func TestLocked(t *testing.T) {
	var m model
	p := plan(t, 20, m.subject("m", 4, 5))
	file := mustRun(t, p).Results[0].PredictionsFile
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := lock(f); err != nil {
		t.Skip(err)
	}
	p.Resume = true
	if _, err := Run(t.Context(), p); err == nil || !strings.Contains(err.Error(), "another process is writing it") {
		t.Errorf("got %v", err)
	}
}

func TestFailuresStayApart(t *testing.T) {
	var good, bad, worse model
	bad.failAt = 100
	p := plan(t, 300, good.subject("good", 4, 5), bad.subject("bad", 4, 5), worse.subject("worse", 4, 5))
	p.Subjects[2].NewSession = func() (Session, error) { return nil, errors.New("no kernel") }
	r, err := Run(t.Context(), p)
	var s *SubjectError
	if !errors.As(err, &s) || len(r.Failed) != 2 || len(r.Results) != 1 || r.Results[0].Images != 300 {
		t.Fatalf("got %v, %d results, %d failed", err, len(r.Results), len(r.Failed))
	}
	if !strings.Contains(err.Error(), "bad on native: val/") || !strings.Contains(err.Error(), "out of memory") || !strings.Contains(err.Error(), "no kernel") {
		t.Errorf("got %v", err)
	}
	if good.open.Load() != 0 || bad.open.Load() != 0 {
		t.Error("sessions are left open")
	}
	// Where all fail, it stops.
	var seen atomic.Int64
	p = plan(t, 3000, p.Subjects[2])
	p.Decode = func(i int) (*imagenet.RGB, error) { seen.Add(1); return decode(i) }
	if r, err := Run(t.Context(), p); err == nil || errors.Is(err, context.Canceled) || len(r.Failed) != 1 || seen.Load() > 1000 {
		t.Errorf("all fail: got %v after %d images", err, seen.Load())
	}
}

type odd struct{ top []int }

func (odd) Prepare(*imagenet.RGB) error { return nil }
func (o odd) Classify(int) ([]int, error) {
	if o.top == nil {
		panic("nil weights")
	}
	return o.top, nil
}
func (odd) Close() error { return nil }

func TestOddModels(t *testing.T) {
	for _, top := range [][]int{nil, {}, {-1}, {1, 1}, {1, 2, 3, 4, 5, 6}} {
		var m model
		p := plan(t, 20, m.subject("m", 4, 5))
		p.Subjects[0].NewSession = func() (Session, error) { return odd{top}, nil }
		if r, err := Run(t.Context(), p); err == nil || len(r.Results) != 0 {
			t.Errorf("%v: got %v", top, r.Results)
		}
	}
}

func TestBadPlans(t *testing.T) {
	var m model
	for name, change := range map[string]func(*Plan){
		"no images":     func(p *Plan) { p.Images = nil },
		"no subjects":   func(p *Plan) { p.Subjects = nil },
		"no decoder":    func(p *Plan) { p.Decode = nil },
		"no folder":     func(p *Plan) { p.Folder = "" },
		"no sessions":   func(p *Plan) { p.Subjects[0].NewSession = nil },
		"same image":    func(p *Plan) { p.Images = append(p.Images, p.Images[0]) },
		"same subject":  func(p *Plan) { p.Subjects = append(p.Subjects, p.Subjects[0]) },
		"folder a file": func(p *Plan) { os.WriteFile(p.Folder, nil, 0o644) },
	} {
		p := plan(t, 5, m.subject("m", 4, 5))
		change(&p)
		if r, err := Run(t.Context(), p); err == nil || r == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	p := plan(t, 5, m.subject("m", 4, 5))
	p.Subjects[0].Synthetic = true
	if _, err := Run(t.Context(), p); !errors.Is(err, ErrSynthetic) {
		t.Errorf("synthetic weights: got %v", err)
	}
}

func TestSelect(t *testing.T) {
	images := []Image{}
	for i := range 1000 { // classes of 100, 200, 300, 400
		c := 0
		for n := i; n >= 100*(c+1); c++ {
			n -= 100 * (c + 1)
		}
		images = append(images, Image{i, fmt.Sprintf("%04d", (i*7919)%1000), c})
	}
	sortByKey(images)
	per := func(s []Image) (n [4]int) {
		for _, im := range s {
			n[im.Class]++
		}
		return
	}
	half := Select(images, 100, 7, Shard{})
	for c, n := range per(half) {
		if n < 10*(c+1)-1 || n > 10*(c+1)+1 {
			t.Errorf("class %d: got %d of 100", c, n)
		}
	}
	if len(half) != 100 || !slices.IsSortedFunc(half, func(a, b Image) int { return strings.Compare(a.Key, b.Key) }) {
		t.Errorf("%d images, or out of order", len(half))
	}
	if !slices.Equal(half, Select(images, 100, 7, Shard{})) {
		t.Error("the same seed selects others")
	}
	if slices.Equal(half, Select(images, 100, 8, Shard{})) {
		t.Error("another seed selects the same")
	}
	more := Select(images, 101, 7, Shard{})
	for _, im := range half {
		if !slices.Contains(more, im) {
			t.Fatalf("a larger limit lacks %v", im)
		}
	}
	if got := Select(images, 0, 7, Shard{}); !slices.Equal(got, images) {
		t.Error("no limit: not all")
	}
	if got := Select(images, 5000, 7, Shard{}); !slices.Equal(got, images) {
		t.Error("a limit above all: not all")
	}
	some := Select(images, 500, 7, Shard{})
	if got, want := Select(images, 500, 7, Shard{2, 3}), Select(some, 0, 0, Shard{2, 3}); !slices.Equal(got, want) || len(got) != 167 {
		t.Errorf("a shard of a limit is no shard of the limited: %d images", len(got))
	}
	for _, n := range []int{1, 3, 8, 501} {
		var all []Image
		for i := range n {
			all = append(all, Select(some, 0, 0, Shard{i + 1, n})...)
		}
		if !slices.Equal(all, some) {
			t.Errorf("%d shards are no partition", n)
		}
	}
	// The selection must be the same on every machine and in every version.
	keys := []string{}
	for _, im := range Select(images, 6, 1, Shard{}) {
		keys = append(keys, im.Key)
	}
	if got, want := strings.Join(keys, " "), "0076 0161 0329 0705 0957 0962"; got != want {
		t.Errorf("selection changed: got %s, want %s", got, want)
	}
}

func TestParseShard(t *testing.T) {
	if s, err := ParseShard("3/8"); err != nil || s != (Shard{3, 8}) || s.String() != "3/8" {
		t.Errorf("got %v, %v", s, err)
	}
	for _, s := range []string{"", "3", "0/8", "9/8", "-1/8", "a/b", "1/99999999999"} {
		if got, err := ParseShard(s); err == nil {
			t.Errorf("%q: got %v", s, got)
		}
	}
}

func TestShardsMerge(t *testing.T) {
	var m model
	p := plan(t, 101, m.subject("m", 4, 5))
	whole := mustRun(t, p).Results[0]
	var files []string
	for i := range 4 {
		q := p
		q.Images = Select(p.Images, 0, 0, Shard{i + 1, 4})
		files = append(files, mustRun(t, q).Results[0].PredictionsFile)
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 1, 0, 2}, {2, 2, 0, 1, 3}} {
		var in []string
		for _, i := range order {
			in = append(in, files[i])
		}
		r, err := Merge(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Results[0]; !reflect.DeepEqual(got.Predictions, whole.Predictions) || got.Top1Count != whole.Top1Count || !got.Complete {
			t.Errorf("order %v: merged shards differ from the whole", order)
		}
	}
	r, err := Merge([]string{whole.PredictionsFile, files[1]})
	if err != nil || !reflect.DeepEqual(r.Results[0].Predictions, whole.Predictions) {
		t.Errorf("whole and a shard: %v", err)
	}
	// A torn shard is merged as far as it goes, and said.
	b, _ := os.ReadFile(files[0])
	os.WriteFile(files[0], b[:len(b)-3], 0o644)
	r, err = Merge(files)
	if err != nil || r.Results[0].Images != 100 || r.Results[0].Complete || !strings.Contains(fmt.Sprint(r.Diagnostics), "100 of 101 images") {
		t.Errorf("torn: got %v, %v", r, err)
	}
	// Other keys and contradictions are refused.
	q := p
	q.Subjects = []Subject{m.subject("m", 4, 5)}
	q.Subjects[0].Recipe = "timm v1"
	other := mustRun(t, q).Results[0].PredictionsFile
	if _, err := Merge([]string{files[1], other}); err == nil || !strings.Contains(err.Error(), "recipe differs") {
		t.Errorf("got %v", err)
	}
	b, _ = os.ReadFile(whole.PredictionsFile)
	contrary := filepath.Join(t.TempDir(), "contrary.jsonl")
	os.WriteFile(contrary, bytes.Replace(b, []byte(`"status":"missing"`), []byte(`"status":"damaged"`), 1), 0o644)
	if _, err := Merge([]string{whole.PredictionsFile, contrary}); err == nil || !strings.Contains(err.Error(), "is another than in") {
		t.Errorf("contradicting predictions: got %v", err)
	}
	for _, in := range [][]string{nil, {"/nonexistent"}, {t.TempDir()}} {
		if _, err := Merge(in); err == nil {
			t.Errorf("%v: got no error", in)
		}
	}
}

func TestCompare(t *testing.T) {
	var m model
	// b is right wherever a is, and on every fifth image besides.
	r := mustRun(t, plan(t, 300, m.subject("a", 1000, 5), m.subject("b", 1000, 1000), m.subject("c", 1000, 1000)))
	if len(r.Comparisons) != 3 {
		t.Fatalf("got %v", r.Comparisons)
	}
	for _, c := range r.Comparisons {
		want := Tied
		if c.A == "a" {
			want = Worse
		}
		if c.Verdict != want || c.Images != 300 || !c.CI95.Contains(c.Difference) {
			t.Errorf("got %+v, want %s", c, want)
		}
		if want == Worse && (c.OnlyA != 0 || c.OnlyB < 45 || c.P > 1e-6) {
			t.Errorf("got %+v", c)
		}
	}
	p := plan(t, 20, m.subject("a", 4, 5), m.subject("a", 4, 5))
	p.Subjects[1].Precision, p.Subjects[1].Engine = "int8", "tflite"
	if c := mustRun(t, p).Comparisons[0]; c.A != "a native float32" || c.B != "a tflite int8" {
		t.Errorf("labels: %q and %q", c.A, c.B)
	}
}

// TestFolder goes through a real folder: one good picture, one that is damaged, one that
// is missing.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	img := image.NewNRGBA(image.Rect(0, 0, 4, 4))
	img.Set(0, 0, color.NRGBA{3, 0, 0, 255})
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	write("good.png", b.Bytes())
	write("bad.png", b.Bytes()[:b.Len()/2])
	write("labels.csv", []byte("file,class,wnid,name\ngood.png,3,,\nbad.png,1,,\ngone.png,2,,\n"))
	d, err := imagenet.OpenDataset(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var m model
	r := mustRun(t, Plan{Images: Images(d), Manifest: d.Hash, Folder: t.TempDir(), Subjects: []Subject{m.subject("m", 1000, 1000)},
		Decode: func(i int) (*imagenet.RGB, error) { return d.Decode(i, imagenet.Limits{}) }})
	res := r.Results[0]
	if res.Images != 3 || res.Top1Count != 1 || res.Damaged != 1 || res.Missing != 1 {
		t.Errorf("got %+v: %q", res, r.Diagnostics)
	}
	if p := res.Predictions; p[0].Image != "bad.png" || p[0].Status != Damaged || p[1].Image != "gone.png" || p[1].Status != Missing || p[2].Status != OK {
		t.Errorf("got %+v", p)
	}
}

func FuzzParse(f *testing.F) {
	head := `{"wisp_predictions":1,"key":{"model":"m"},"images":2}` + "\n"
	line := `{"image":"a","class":1,"top":[1,2],"status":"ok"}` + "\n"
	for _, s := range []string{"", head, head + line, head + line[:20], head + "\x00\n" + line, line, head + `{"image":"b","class":-1,"top":[],"status":"missing","reason":"x"}` + "\n", strings.Repeat("x", maxPredictionLine+1)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parse("f", bytes.NewReader(b))
		if err != nil {
			return
		}
		if p.whole > int64(len(b)) || p.whole > 0 && b[p.whole-1] != '\n' || bytes.IndexByte(b[p.whole:], '\n') >= 0 {
			t.Errorf("whole lines end at %d of %d", p.whole, len(b))
		}
		again, err := parse("f", bytes.NewReader(b[:p.whole]))
		if err != nil || !reflect.DeepEqual(again.lines, p.lines) {
			t.Errorf("cut at its last line it reads differently: %v", err)
		}
		for i := range p.lines {
			if !p.lines[i].sound() {
				t.Errorf("unsound prediction %+v", p.lines[i])
			}
		}
	})
}

// A model of ten classes on labels up to 999 has no accuracy of zero: it has none.
func TestLabelsOutside(t *testing.T) {
	m := &model{}
	s := m.subject("m", 4, 5)
	s.Classes = 10
	p := plan(t, 12, s)
	p.Images[7].Class = 5000
	_, err := Run(t.Context(), p)
	var labels *LabelError
	if !errors.As(err, &labels) || labels.Class != 5000 || labels.Image != p.Images[7].Key {
		t.Fatalf("got %v, want a *LabelError of class 5000", err)
	}
	if _, err := Collect(p); !errors.As(err, &labels) {
		t.Errorf("collect: got %v, want a *LabelError", err)
	}
	for i := range p.Images {
		p.Images[i].Class = min(p.Images[i].Class, 9)
	}
	mustRun(t, p)
}
