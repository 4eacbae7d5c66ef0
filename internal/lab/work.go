package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
)

// Opener opens a model from its file, whose hash was checked.
type Opener func(m ModelSpec, path string) (eval.Subject, error)

// Worker serves every job of a hub that it can serve.
type Worker struct {
	Access   Access
	Name     string // unique among the workers
	Manifest string // of its data set; "": it has none
	Images   []eval.Image
	Decode   func(i int) (*imagenet.RGB, error)
	// MaxBundle is how many bytes of images it takes that are sent in one parcel; 0: none, so
	// that it serves evaluations of its own data set alone.
	MaxBundle int64
	// Measure measures latencies; nil: it takes no measurement.
	Measure  Measurer
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
	quiet atomic.Bool   // something is timed: the hub is left alone
	timed chan struct{} // one token: that ended
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
	x := &working{Worker: w, index: make(map[string]int, len(w.Images)), hands: make(chan struct{}, w.Hands), timed: make(chan struct{}, 1)}
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
			return w.Access.trouble(nc.LastError())
		}
		if !said {
			w.Log("%v: trying again", err)
			said = true
		}
		if !pause(ctx, pollJobs) {
			return ctx.Err()
		}
	}
	if w.Manifest == "" {
		w.Log("ready, without a data set")
	} else {
		w.Log("ready: %d images, manifest %.16s…", len(w.Images), w.Manifest)
	}
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
	all.Go(func() { w.announce(ctx) })
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
		wait := pollJobs
		if w.quiet.Load() {
			wait = quietPoll
		}
		if !w.rest(ctx, wait) {
			return ctx.Err()
		}
	}
}

// rest waits, less long where something that was timed ends; false where ctx ended first.
func (w *working) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.timed:
	case <-ctx.Done():
		return false
	}
	return true
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
	if j.Measure != nil {
		return w.measure(ctx, j)
	}
	subjects, sent, err := w.accept(ctx, j)
	var away *awayError
	var damaged *damagedError
	if errors.As(err, &away) {
		w.Log("job %s: %v: trying again", id, err)
		pause(ctx, callLimit/2)
		return true
	}
	if errors.As(err, &damaged) { // the coordinator may mend it
		w.refuse(ctx, j, err)
		pause(ctx, mendTime)
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
			h := &hand{working: w, job: j, sent: sent}
			h.Hand = eval.NewHand(subjects, h.decode)
			defer h.Close()
			if err := h.take(ctx, consumer); err != nil && ctx.Err() == nil {
				stop()
				w.refuse(context.WithoutCancel(ctx), j, err)
			}
		})
	}
	all.Wait()
	return false
}

// quietPoll is how often the hub is asked for jobs while something is timed, mendTime how
// long a coordinator gets to mend an object.
const (
	quietPoll = 10 * time.Second
	mendTime  = 2 * time.Second
)

// accept opens a job's models; sent tells whether its images must come from the hub. The
// error is the reason not to take part.
func (w *working) accept(ctx context.Context, j *Job) (subjects []eval.Subject, sent bool, err error) {
	if j.Manifest != w.Manifest {
		why := refusedManifest(w.Manifest, j.Manifest)
		if w.Manifest == "" {
			why = "it has no copy of the data set"
		}
		switch sent = j.Sends && w.MaxBundle > 0; {
		case sent:
		case j.Sends:
			return nil, false, fmt.Errorf("%s, and it takes no images that are sent (--receive-images)", why)
		default:
			return nil, false, fmt.Errorf("%s, and the evaluation sends no images (--send-images)", why)
		}
	}
	var out []eval.Subject
	for _, m := range j.Models {
		path, err := w.q.fetchModel(ctx, w.Cache, m, w.MaxModel)
		if err != nil {
			return nil, sent, err
		}
		s, err := w.Open(m, path)
		if err != nil {
			return nil, sent, err
		}
		s.Model = m.Name
		key := s.Key(j.Manifest, nil)
		if field := key.Differs(m.Key); field != "" {
			return nil, sent, fmt.Errorf("model %s: %s differs from the job's: use one version of wisp-lab, one recipe and one file", m.Name, field)
		}
		out = append(out, s)
	}
	return out, sent, nil
}

func (w *working) refuse(ctx context.Context, j *Job, why error) {
	if ctx.Err() != nil {
		return
	}
	w.Log("job %s is refused: %v", j.ID, why)
	a := answer{Version: version, Job: j.ID, Worker: w.Name, Manifest: w.Manifest, Refused: fmt.Sprintf("%.400s", why.Error())}
	id := j.ID + "/r/" + w.Name
	var damaged *damagedError
	if errors.As(why, &damaged) { // which is said every time
		a.Damaged, id = damaged.object, id+"/"+strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	data, err := json.Marshal(a)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, callLimit)
		defer cancel()
		err = put(ctx, w.q.js, answerSubject+j.ID, id, data, w.Log)
	}
	if err != nil {
		w.Log("job %s: the refusal was not sent: %v", j.ID, err)
	}
}
