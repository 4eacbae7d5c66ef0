package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wispnet/wisp/eval"
)

// Evaluation is one to be spread over the workers of a hub.
type Evaluation struct {
	Access Access
	Plan   eval.Plan   // its subjects need no sessions, its Decode is not called
	Models []ModelSpec // one for each subject, in their order
	Paths  []string    // the models' files

	// Send reads the file of an image of the data set, for workers that have no copy of it and
	// take what is sent; nil sends nothing.
	Send      func(i int) ([]byte, error)
	MaxBundle int64 // bytes of a parcel's files that are sent together; 0: 32 MiB

	Parcel  int           // images of a parcel; 0: 32. Fewer where a message would be too long
	AckWait time.Duration // without a sign of life from its worker a parcel goes to another; 0: 30 s
	Log     Logger
}

// coordinator is a running Evaluation.
type coordinator struct {
	*Evaluation
	q         *queue
	job       Job
	collector *eval.Collector
	parcels   int // published so far, which numbers them
	fresh     time.Time
	workers   map[string]int // images that each brought first
	said      map[string]bool
	publish   chan error // what publishing in the background came to
	busy      bool       // it is going on

	mu       sync.Mutex
	bundles  map[int][]eval.Image // by parcel: those that lie on the hub
	ahead    int64                // their bytes
	sizes    map[int]int64
	counted  chan struct{} // one token: a bundle went
	repairs  int
	repaired time.Time
}

// Evaluate runs an evaluation on whatever workers the hub has and returns what eval.Run
// would. Interrupted, it leaves the predictions so far to be resumed.
func Evaluate(ctx context.Context, e Evaluation) (*eval.Report, error) {
	if len(e.Models) != len(e.Plan.Subjects) || len(e.Paths) != len(e.Models) {
		return nil, fmt.Errorf("lab: got %d models and %d files for %d subjects", len(e.Models), len(e.Paths), len(e.Plan.Subjects))
	}
	if e.AckWait == 0 {
		e.AckWait = 30 * time.Second
	}
	progress := e.Plan.Progress
	if progress == nil {
		progress = func(eval.Event) {}
	}
	collector, err := eval.Collect(e.Plan)
	if err != nil {
		return nil, err
	}
	c := &coordinator{Evaluation: &e, collector: collector, workers: map[string]int{}, said: map[string]bool{}, fresh: time.Now(),
		publish: make(chan error, 1), bundles: map[int][]eval.Image{}, sizes: map[int]int64{}, counted: make(chan struct{}, 1)}
	var failed error
	if !collector.Done() {
		failed = c.run(ctx, progress)
	}
	for w, n := range c.workers {
		collector.Note("worker %s classified %d images", w, n)
	}
	report, err := collector.Finish()
	return report, errors.Join(failed, err)
}

func (c *coordinator) run(ctx context.Context, progress func(eval.Event)) error {
	nc, js, err := c.Access.connect("eval", false, c.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	if c.q, err = openQueue(ctx, js); err != nil {
		return err
	}
	id := make([]byte, jobDigits/2)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	c.job = Job{Version: version, ID: hex.EncodeToString(id), Manifest: c.Plan.Manifest, Sends: c.Send != nil, Models: c.Models, AckWait: c.AckWait}
	for i := range c.Models {
		if err := c.putModel(ctx, i); err != nil {
			return err
		}
	}
	answers, work, err := c.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var side sync.WaitGroup
	side.Go(func() { c.keepAlive(ctx) })
	start := func(images []eval.Image) {
		c.busy = true
		side.Go(func() { c.publish <- c.put(ctx, images) })
	}
	start(c.collector.Missing())
	err = c.collect(ctx, answers, work, start, progress)
	cancel()
	side.Wait()
	c.close()
	return err
}

// open makes the job known: its consumers first, so that nothing is published in vain.
func (c *coordinator) open(ctx context.Context) (answers, work jetstream.Consumer, err error) {
	work, err = c.q.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: c.job.ID, FilterSubject: workSubject + c.job.ID, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: c.AckWait, MaxDeliver: -1, MaxAckPending: 1 << 14, InactiveThreshold: streamLife,
	})
	if err == nil {
		answers, err = c.q.answers.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: c.job.ID, FilterSubject: answerSubject + c.job.ID, AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: callLimit, MaxDeliver: -1, MaxAckPending: 1 << 14, InactiveThreshold: streamLife,
		})
	}
	if err == nil {
		err = c.announce(ctx)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("lab: hub: job: %w", err)
	}
	return answers, work, nil
}

func (c *coordinator) announce(ctx context.Context) error {
	data, err := json.Marshal(c.job)
	if err != nil {
		return err
	}
	_, err = c.q.jobs.Put(ctx, c.job.ID, data)
	return err
}

// keepAlive refreshes the job, which expires without.
func (c *coordinator) keepAlive(ctx context.Context) {
	every := time.NewTicker(jobLife / 6)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if err := c.announce(ctx); err != nil && ctx.Err() == nil {
			c.Log("job: %v: trying again", err)
		}
	}
}

// close takes everything of the job off the hub.
func (c *coordinator) close() {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	work := c.q.work.DeleteConsumer(ctx, c.job.ID)
	if errors.Is(work, jetstream.ErrConsumerNotFound) { // a measurement has others
		work = nil
	}
	err := errors.Join(
		c.q.jobs.Purge(ctx, c.job.ID),
		work,
		c.q.answers.DeleteConsumer(ctx, c.job.ID),
		c.q.work.Purge(ctx, jetstream.WithPurgeSubject(workSubject+c.job.ID)),
		c.q.answers.Purge(ctx, jetstream.WithPurgeSubject(answerSubject+c.job.ID)))
	for number := range c.bundles {
		err = errors.Join(err, c.q.images.Delete(ctx, fmt.Sprintf("%s.%d", c.job.ID, number)))
	}
	if err != nil {
		c.Log("job %s: what it left on the hub expires by itself: %v", c.job.ID, err)
	}
}

// collect counts answers until every image has its predictions; start publishes images in
// the background.
func (c *coordinator) collect(ctx context.Context, answers, work jetstream.Consumer, start func([]eval.Image), progress func(eval.Event)) error {
	down := false
	for !c.collector.Done() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		select {
		case err := <-c.publish:
			if c.busy = false; err != nil {
				return err
			}
		default:
		}
		batch, err := answers.Fetch(256, jetstream.FetchMaxWait(time.Second))
		if err == nil {
			for m := range batch.Messages() {
				if err := c.count(ctx, m.Data()); err != nil {
					return err
				}
				_ = m.Ack() // lost, it comes again and is not counted again
				progress(c.collector.State())
			}
			err = batch.Error()
		}
		if err != nil && ctx.Err() == nil {
			if !down {
				c.Log("answers: %v: trying again", err)
			}
			down = true
			pause(ctx, 250*time.Millisecond)
			continue
		}
		down = false
		if !c.busy && time.Since(c.fresh) > max(2*c.AckWait, 5*time.Second) {
			if err := c.stalled(ctx, work, start); err != nil {
				return err
			}
		}
	}
	return nil
}

// stalled looks after images that nobody has any more: a hub that lost its folder, a
// parcel that a worker could not read.
func (c *coordinator) stalled(ctx context.Context, work jetstream.Consumer, start func([]eval.Image)) error {
	c.fresh = time.Now()
	info, err := work.Info(ctx)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		if _, _, err := c.open(ctx); err != nil {
			return err
		}
	} else if err != nil {
		return nil // the hub is away: look again later
	} else if info.NumPending > 0 || info.NumAckPending > 0 {
		c.Log("%d parcels wait for a worker, %d are under way", info.NumPending, info.NumAckPending)
		return nil
	}
	missing := c.collector.Missing()
	c.Log("%d images are neither waiting nor under way: they are sent again", len(missing))
	c.mu.Lock()
	lost := make([]int, 0, len(c.sizes))
	for number := range c.sizes {
		lost = append(lost, number)
	}
	c.mu.Unlock()
	for _, number := range lost { // their images get new ones
		c.drop(ctx, number)
	}
	start(missing)
	return nil
}

// count takes one answer. What is no answer costs one line; the error is the disk's.
func (c *coordinator) count(ctx context.Context, data []byte) error {
	a, err := readAnswer(data)
	if err == nil && a.Job != c.job.ID {
		err = fmt.Errorf("it is of job %.40q", a.Job)
	}
	if err == nil && a.Measured != nil {
		err = errors.New("it is of a measurement")
	}
	if err != nil {
		c.Log("a malformed answer of %d bytes is left out: %v", len(data), err)
		return nil
	}
	if a.Refused == "" && a.Manifest != c.job.Manifest {
		a.Refused = refusedManifest(a.Manifest, c.job.Manifest)
	}
	if a.Refused != "" {
		if line := fmt.Sprintf("worker %.100q is refused: %.500s", a.Worker, a.Refused); !c.said[line] {
			c.said[line] = true
			c.Log("%s", line)
			c.collector.Note("%s", line)
		}
		if a.Damaged != "" {
			c.repair(ctx, a.Damaged)
		}
		return nil
	}
	for _, list := range a.Predictions {
		fresh, differs, err := c.collector.Add(list)
		var unfit *eval.UnfitError
		switch {
		case errors.As(err, &unfit):
			c.Log("worker %.100q: an answer is left out: %v", a.Worker, err)
			return nil
		case err != nil:
			return err
		case differs != "":
			c.collector.Note("%s: %s: worker %.100s answers differently from the worker whose prediction came first, which is kept", list[0].Image, differs, a.Worker)
		}
		if fresh {
			c.workers[fmt.Sprintf("%.100s", a.Worker)]++
			c.fresh = time.Now()
		}
	}
	c.drop(ctx, a.Number)
	return nil
}

func refusedManifest(got, want string) string {
	return fmt.Sprintf("another data set: its manifest is %.16s…, the job's %.16s…", got, want)
}
