package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
)

// Opener opens a model from its file, whose hash was checked.
type Opener func(m ModelSpec, path string) (eval.Subject, error)

// Worker serves every job of a hub that is of its data set.
type Worker struct {
	Access   Access
	Name     string // unique among the workers
	Manifest string // of the data set
	Images   []eval.Image
	Decode   func(i int) (*imagenet.RGB, error)
	Open     Opener
	Cache    string // folder of the models
	MaxModel int64  // bytes of a model's file; 0: 2 GiB
	Hands    int    // images at a time; 0: one a core
	Log      Logger
}

// pollJobs is how often a worker looks for jobs.
const pollJobs = 300 * time.Millisecond

// working is a worker with its hub.
type working struct {
	*Worker
	q     *queue
	index map[string]int
	hands chan struct{} // one token for each image that may be under way
}

// Run works until ctx ends, through a hub that is not there yet or gone for a while.
// Credentials that the hub does not take end it.
func (w *Worker) Run(ctx context.Context) error {
	if w.Hands <= 0 {
		w.Hands = runtime.GOMAXPROCS(0)
	}
	if w.MaxModel <= 0 {
		w.MaxModel = 2 << 30
	}
	nc, js, err := w.Access.connect(w.Name, true, w.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	x := &working{Worker: w, index: make(map[string]int, len(w.Images)), hands: make(chan struct{}, w.Hands)}
	for _, im := range w.Images {
		x.index[im.Key] = im.Index
	}
	for said := false; ; {
		if x.q, err = openQueue(ctx, js); err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !nc.IsConnected() && nc.LastError() != nil && isAuth(nc.LastError()) {
			return fmt.Errorf("lab: hub %s: %w: the hub wants credentials that were not given or are not its own", w.Access.URL, nc.LastError())
		}
		if !said {
			w.Log("%v: trying again", err)
			said = true
		}
		if !pause(ctx, pollJobs) {
			return ctx.Err()
		}
	}
	w.Log("ready: %d images, manifest %.16s…", len(w.Images), w.Manifest)
	return x.serve(ctx)
}

// duty is a job that a worker has looked at.
type duty struct {
	stop  context.CancelFunc
	again atomic.Bool // the hub was away: look at it once more
}

// serve starts on jobs as they come and leaves them as they go.
func (w *working) serve(ctx context.Context) error {
	duties := map[string]*duty{}
	var all sync.WaitGroup
	defer all.Wait()
	defer func() {
		for _, d := range duties {
			d.stop()
		}
	}()
	for {
		if ids, err := w.jobIDs(ctx); err == nil {
			for id, d := range duties {
				if !ids[id] || d.again.Load() {
					d.stop()
					delete(duties, id)
				}
			}
			for id := range ids {
				if duties[id] == nil {
					one, stop := context.WithCancel(ctx)
					d := &duty{stop: stop}
					duties[id] = d
					all.Go(func() { d.again.Store(w.job(one, id)) })
				}
			}
		}
		if !pause(ctx, pollJobs) {
			return ctx.Err()
		}
	}
}

func (w *working) jobIDs(ctx context.Context) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	list, err := w.q.jobs.ListKeys(ctx)
	if err != nil {
		return nil, err
	}
	defer list.Stop()
	ids := map[string]bool{}
	for id := range list.Keys() {
		ids[id] = true
	}
	return ids, ctx.Err()
}

// job takes part in a job, or says why not. again is true where the hub did not answer: that
// is no reason to stay away for good.
func (w *working) job(ctx context.Context, id string) (again bool) {
	entry, err := w.q.jobs.Get(ctx, id)
	if err != nil {
		return !errors.Is(err, jetstream.ErrKeyNotFound)
	}
	j, err := readJob(entry.Value())
	if err == nil && j.ID != id {
		err = fmt.Errorf("it calls itself %.40q", j.ID)
	}
	if err != nil {
		w.Log("job %.40q is malformed and left alone: %v", id, err)
		return false
	}
	subjects, err := w.accept(ctx, j)
	var away *awayError
	if errors.As(err, &away) {
		w.Log("job %s: %v: trying again", id, err)
		pause(ctx, callLimit/2)
		return true
	}
	if err != nil {
		w.refuse(ctx, j, err)
		return false
	}
	consumer, err := w.q.work.Consumer(ctx, id)
	if err != nil {
		return true
	}
	w.Log("job %s: %d models", id, len(subjects))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	for range w.Hands {
		all.Go(func() {
			hand := eval.NewHand(subjects, w.Decode)
			defer hand.Close()
			if err := w.take(ctx, j, consumer, hand); err != nil && ctx.Err() == nil {
				stop()
				w.refuse(context.WithoutCancel(ctx), j, err)
			}
		})
	}
	all.Wait()
	return false
}

// accept opens a job's models. The error is the reason not to take part.
func (w *working) accept(ctx context.Context, j *Job) ([]eval.Subject, error) {
	if j.Manifest != w.Manifest {
		return nil, errors.New(refusedManifest(w.Manifest, j.Manifest))
	}
	var out []eval.Subject
	for _, m := range j.Models {
		path, err := w.q.fetchModel(ctx, w.Cache, m, w.MaxModel)
		if err != nil {
			return nil, err
		}
		s, err := w.Open(m, path)
		if err != nil {
			return nil, err
		}
		s.Model = m.Name
		key := s.Key(j.Manifest, nil)
		if field := key.Differs(m.Key); field != "" {
			return nil, fmt.Errorf("model %s: %s differs from the job's: use one version of wisp-lab, one recipe and one file", m.Name, field)
		}
		out = append(out, s)
	}
	return out, nil
}

func (w *working) refuse(ctx context.Context, j *Job, why error) {
	if ctx.Err() != nil {
		return
	}
	w.Log("job %s is refused: %v", j.ID, why)
	data, err := json.Marshal(answer{Version: version, Job: j.ID, Worker: w.Name, Manifest: w.Manifest, Refused: fmt.Sprintf("%.400s", why.Error())})
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		err = put(ctx, w.q.js, answerSubject+j.ID, j.ID+"/r/"+w.Name, data, w.Log)
	}
	if err != nil {
		w.Log("job %s: the refusal was not sent: %v", j.ID, err)
	}
}

// take takes parcels, one after another. The error is a model's that failed.
func (w *working) take(ctx context.Context, j *Job, c jetstream.Consumer, hand *eval.Hand) error {
	for ctx.Err() == nil {
		batch, err := c.Fetch(1, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			pause(ctx, pollJobs)
			continue
		}
		for m := range batch.Messages() {
			if err := w.parcel(ctx, j, m, hand); err != nil {
				return err
			}
		}
		if batch.Error() != nil { // the hub is away, or the job has ended
			pause(ctx, pollJobs)
		}
	}
	return nil
}

// parcel classifies the images of a parcel, publishes the answer and then acknowledges: a
// worker that dies in between has it done again, which is not counted again.
func (w *working) parcel(ctx context.Context, j *Job, m jetstream.Msg, hand *eval.Hand) error {
	p, err := readParcel(m.Data())
	if err == nil && p.Job != j.ID {
		err = fmt.Errorf("it is of job %.40q", p.Job)
	}
	if err != nil {
		w.Log("a malformed parcel of %d bytes is left out: %v", len(m.Data()), err)
		_ = m.TermWithReason("malformed")
		return nil
	}
	alive, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for pause(alive, j.AckWait/3) {
			_ = m.InProgress()
		}
	}()
	select {
	case w.hands <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	a := answer{Version: version, Job: j.ID, Worker: w.Name, Manifest: w.Manifest, Number: p.Number}
	for _, im := range p.Images {
		if ctx.Err() != nil {
			break
		}
		index, ok := w.index[im.Key]
		if !ok {
			index = -1
		}
		var list []eval.Prediction
		if list, err = hand.Do(eval.Image{Index: index, Key: im.Key, Class: im.Class}); err != nil {
			break
		}
		a.Predictions = append(a.Predictions, list)
	}
	<-w.hands
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = m.Nak() // for another worker, at once
		return err
	}
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if len(data) > MaxMessage {
		return fmt.Errorf("the answer to parcel %d has %d bytes, want at most %d", p.Number, len(data), MaxMessage)
	}
	if err := put(ctx, w.q.js, answerSubject+j.ID, fmt.Sprintf("%s/a/%d", j.ID, p.Number), data, w.Log); err != nil {
		return err
	}
	_ = m.Ack()
	return nil
}
