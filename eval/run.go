package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wispnet/wisp/imagenet"
)

// evaluation is one running Run: readers bring files near ahead of their turn, workers
// decode and classify, and the one goroutine that called Run writes the predictions in
// the order of the images.
type evaluation struct {
	plan   *Plan
	report *Report
	tracks []*track
	todo   []int // positions of the images that some subject still needs, in order
}

// track is what is known of one subject so far.
type track struct {
	subject *Subject
	journal *journal
	done    []*Prediction // by position; nil: still to do
	resumed int
	err     error
	failed  atomic.Bool // tells workers not to bother

	images, top1, top5        int
	ran                       int // classified in this run
	inferred                  int
	decode, preprocess, infer time.Duration
}

func newEvaluation(p *Plan, r *Report) (*evaluation, error) {
	e := &evaluation{plan: p, report: r}
	at := make(map[string]int, len(p.Images))
	for i, im := range p.Images {
		at[im.Key] = i
	}
	for i := range p.Subjects {
		t := &track{subject: &p.Subjects[i], done: make([]*Prediction, len(p.Images))}
		if err := e.open(t, at); err != nil {
			e.close()
			return nil, err
		}
		e.tracks = append(e.tracks, t)
		if note := t.subject.Note; note != "" && !slices.Contains(r.Diagnostics, note) {
			r.Diagnostics = append(r.Diagnostics, note)
		}
	}
	for i := range p.Images {
		for _, t := range e.tracks {
			if t.done[i] == nil {
				e.todo = append(e.todo, i)
				break
			}
		}
	}
	return e, nil
}

// open finds a subject's earlier predictions, where they are asked for, or starts a file.
func (e *evaluation) open(t *track, at map[string]int) error {
	key := t.subject.key(e.plan)
	if e.plan.Resume {
		j, p, err := resume(e.plan.Folder, key)
		if err != nil {
			return err
		}
		if j != nil {
			t.journal = j
			for _, n := range p.damaged {
				e.report.note("%s: line %d holds no prediction: its image is done again", j.path, n)
			}
			for i := range p.lines {
				q := &p.lines[i]
				pos, ok := at[q.Image]
				if !ok || e.plan.Images[pos].Class != q.Class {
					e.report.note("%s: a prediction of %s, which is none of the images: left out", j.path, q.Image)
					continue
				}
				if t.done[pos] == nil {
					t.take(pos, q)
					t.resumed++
				}
			}
			return nil
		}
		e.report.note("%s on %s: nothing to resume: a new run starts", t.subject.Model, t.subject.Engine)
	}
	var err error
	t.journal, err = create(e.plan.Folder, header{fileVersion, key, len(e.plan.Images), t.subject.RecipeGuessed, e.plan.imageNet(t.subject)})
	return err
}

func (e *evaluation) close() {
	for _, t := range e.tracks {
		if t.journal != nil {
			t.journal.close(e.plan.volatile)
			t.journal = nil
		}
	}
}

// take counts a prediction.
func (t *track) take(pos int, p *Prediction) {
	t.done[pos] = p
	t.images++
	switch rank := p.rank(); {
	case rank == 0:
		t.top1++
		t.top5++
	case rank > 0:
		t.top5++
	}
}

// decoded is an image on its way to the workers.
type decoded struct {
	order  int // index in todo
	img    *imagenet.RGB
	status Status
	reason string
	took   time.Duration
}

// answer is what the workers found of one image, by subject; nil where it was not needed.
type answer struct {
	order       int
	predictions []*Prediction
	errs        []error
	decode      time.Duration
	preprocess  []time.Duration
	infer       []time.Duration
}

func (e *evaluation) run(ctx context.Context) error {
	start := time.Now()
	parent := ctx
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	workers := max(1, min(e.plan.Workers, len(e.todo)))

	// A slow image must not let finished ones pile up: at most a window of them is under way.
	window := make(chan struct{}, 8*workers+16)
	feed := make(chan int, 2*workers+readers) // whose files were read ahead
	answers := make(chan answer, workers)
	var feeders, crew sync.WaitGroup
	var order atomic.Int64
	for range readers {
		feeders.Go(func() { e.feed(ctx, &order, window, feed) })
	}
	// A worker carries an image from its file to its answer, so that as many goroutines
	// are at work as there are cores, and each stage's time is its own.
	for range workers {
		crew.Go(func() {
			w := worker{e: e, sessions: make([]Session, len(e.tracks))}
			defer w.close()
			for order := range feed {
				if ctx.Err() != nil {
					return
				}
				select {
				case answers <- w.classify(e.decode(order)):
				case <-ctx.Done():
					return
				}
			}
		})
	}
	go func() { feeders.Wait(); close(feed) }()
	go func() { crew.Wait(); close(answers) }()

	waiting := map[int]answer{}
	next := 0
	var broken error
	for a := range answers {
		waiting[a.order] = a
		for broken == nil {
			a, ok := waiting[next]
			if !ok {
				break
			}
			delete(waiting, next)
			if broken = e.keep(a); broken != nil {
				cancel()
				break
			}
			next++
			<-window
			e.plan.Progress(e.event(next))
			if e.hopeless() {
				cancel()
			}
		}
	}
	interrupted := parent.Err()
	if broken != nil {
		return broken
	}
	if err := e.conclude(time.Since(start)); err != nil {
		return err
	}
	if interrupted != nil {
		return interrupted
	}
	var errs []error
	for _, f := range e.report.Failed {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// readers is how many files are read ahead at a time.
const readers = 4

// feed hands the next images to the workers, each when its file was read ahead.
func (e *evaluation) feed(ctx context.Context, next *atomic.Int64, window chan struct{}, feed chan<- int) {
	for {
		select {
		case window <- struct{}{}:
		case <-ctx.Done():
			return
		}
		order := int(next.Add(1)) - 1
		if order >= len(e.todo) {
			<-window
			return
		}
		if i := e.plan.Images[e.todo[order]].Index; i >= 0 && e.plan.Ahead != nil {
			e.plan.Ahead(i)
		}
		select {
		case feed <- order:
		case <-ctx.Done():
			return
		}
	}
}

// hopeless reports whether every subject has failed.
func (e *evaluation) hopeless() bool {
	for _, t := range e.tracks {
		if t.err == nil {
			return false
		}
	}
	return true
}

func (e *evaluation) event(done int) Event {
	ev := Event{Done: done, Total: len(e.todo)}
	for _, t := range e.tracks {
		if t.err == nil {
			ev.Running = append(ev.Running, Running{t.subject.Model, t.subject.Engine, t.subject.Precision, t.subject.Recipe, t.images, t.top1, t.top5})
		}
	}
	return ev
}

// decode decodes one image. A decoder that panics has met a damaged image.
func (e *evaluation) decode(order int) (d decoded) {
	im := e.plan.Images[e.todo[order]]
	d.order, d.status = order, OK
	if im.Index < 0 {
		d.status, d.reason = Missing, "the listing names it, the folder lacks it"
		return d
	}
	start := time.Now()
	defer func() {
		d.took = time.Since(start)
		if p := recover(); p != nil {
			d.img, d.status, d.reason = nil, Damaged, shorten(fmt.Sprintf("the decoder panicked: %v", p))
		}
	}()
	img, err := e.plan.Decode(im.Index)
	if err != nil {
		d.status, d.reason = Missing, shorten(err.Error())
		var damaged *imagenet.ImageError
		if errors.As(err, &damaged) {
			d.status = Damaged
		}
		return d
	}
	d.img = img
	return d
}

// shorten keeps a reason within its line of the predictions.
func shorten(s string) string {
	const most = 400
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " …"
}

// worker owns one session of each subject, opened when it is first needed.
type worker struct {
	e        *evaluation
	sessions []Session
}

func (w *worker) close() {
	for _, s := range w.sessions {
		if s != nil {
			s.Close()
		}
	}
}

func (w *worker) classify(d decoded) answer {
	n := len(w.e.tracks)
	a := answer{order: d.order, predictions: make([]*Prediction, n), errs: make([]error, n), decode: d.took,
		preprocess: make([]time.Duration, n), infer: make([]time.Duration, n)}
	pos := w.e.todo[d.order]
	im := w.e.plan.Images[pos]
	for i, t := range w.e.tracks {
		// done[pos] belongs to the collector, which writes it only after this answer.
		if t.done[pos] != nil || t.failed.Load() {
			continue
		}
		p := &Prediction{Image: im.Key, Class: im.Class, Top: []int{}, Status: d.status, Reason: d.reason}
		if d.status == OK {
			if a.errs[i] = w.one(i, d.img, p, &a); a.errs[i] != nil {
				a.errs[i] = fmt.Errorf("%s: %w", im.Key, a.errs[i])
				continue
			}
		}
		a.predictions[i] = p
	}
	return a
}

// one runs one subject on one image.
func (w *worker) one(i int, img *imagenet.RGB, p *Prediction, a *answer) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine panicked: %v", r)
		}
	}()
	if w.sessions[i] == nil {
		if w.sessions[i], err = w.e.tracks[i].subject.NewSession(); err != nil {
			return err
		}
	}
	start := time.Now()
	if err := w.sessions[i].Prepare(img); err != nil {
		return err
	}
	a.preprocess[i] = time.Since(start)
	start = time.Now()
	top, err := w.sessions[i].Classify(topK)
	if err != nil {
		return err
	}
	a.infer[i] = time.Since(start)
	if t, ok := w.sessions[i].(Timed); ok {
		a.infer[i] = t.Took()
	}
	p.Top = top
	if !p.sound() {
		return fmt.Errorf("the model answered with the classes %v, want 1 to %d different ones from 0 up", top, topK)
	}
	return nil
}

// keep writes the answers of the next image in order. The error is that of the disk.
func (e *evaluation) keep(a answer) error {
	pos := e.todo[a.order]
	for i, t := range e.tracks {
		if t.err != nil {
			continue
		}
		if t.err = a.errs[i]; t.err != nil {
			t.failed.Store(true)
			continue
		}
		p := a.predictions[i]
		if p == nil {
			continue
		}
		if err := t.journal.write(p); err != nil {
			return err
		}
		t.take(pos, p)
		t.ran++
		if p.Status == OK {
			t.inferred++
			t.decode += a.decode
			t.preprocess += a.preprocess[i]
			t.infer += a.infer[i]
		}
	}
	return nil
}

// conclude turns tracks into results and comparisons.
func (e *evaluation) conclude(took time.Duration) error {
	r := e.report
	for _, t := range e.tracks {
		s := t.subject
		file := t.journal.path
		err := t.journal.close(e.plan.volatile)
		t.journal = nil
		if err != nil {
			return err
		}
		if t.err != nil {
			r.Failed = append(r.Failed, &SubjectError{s.Model, s.Engine, t.err})
			r.note("%s on %s: not evaluated: %v", s.Model, s.Engine, t.err)
			continue
		}
		if t.images == 0 {
			r.note("%s on %s: interrupted before its first image was done", s.Model, s.Engine)
			continue
		}
		res := Result{
			Model: s.Model, Family: s.Family, Engine: s.Engine, EngineVersion: s.EngineVersion, Precision: s.Precision, Arithmetic: s.Arithmetic,
			Weights: s.Weights, Recipe: named(s.Recipe, s.RecipeGuessed), Manifest: e.plan.Manifest, PredictionsFile: file,
			Complete: t.images == len(e.plan.Images), Resumed: t.resumed, Seconds: took.Seconds(),
			ImageNet: e.plan.imageNet(s), Names: e.plan.Names,
		}
		if s.Varies != nil {
			res.Variant, res.Varies = true, *s.Varies
		}
		predictions := make([]Prediction, 0, t.images)
		for _, p := range t.done {
			if p != nil {
				predictions = append(predictions, *p)
			}
		}
		if err := res.count(predictions); err != nil {
			return err
		}
		if t.ran > 0 && took > 0 {
			rate := float64(t.ran) / took.Seconds()
			res.ImagesPerSecond = &rate
		} else {
			r.note("%s on %s: images_per_second is null: an earlier run had done every image", s.Model, s.Engine)
		}
		if n := float64(t.inferred); n > 0 {
			per := func(d time.Duration) float64 { return d.Seconds() * 1000 / n }
			res.StageMS = &Stages{per(t.decode), per(t.preprocess), per(t.infer)}
		}
		if !res.Complete {
			r.note("%s on %s: interrupted after %d of %d images: --resume goes on", s.Model, s.Engine, t.images, len(e.plan.Images))
		}
		r.tell(&res)
		r.Results = append(r.Results, res)
	}
	return r.compare()
}
