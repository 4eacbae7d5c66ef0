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
	next      int // progress: images told of
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
	c := &coordinator{Evaluation: &e, collector: collector, workers: map[string]int{}, said: map[string]bool{}, fresh: time.Now()}
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
	c.job = Job{Version: version, ID: hex.EncodeToString(id), Manifest: c.Plan.Manifest, Models: c.Models, AckWait: c.AckWait}
	for i, m := range c.Models {
		if err := c.q.putModel(ctx, c.Paths[i], m); err != nil {
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
	publish := make(chan error, 1)
	missing := c.collector.Missing()
	side.Go(func() { publish <- c.publish(ctx, missing) })
	err = c.collect(ctx, answers, work, publish, progress)
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
	err := errors.Join(
		c.q.jobs.Purge(ctx, c.job.ID),
		c.q.work.DeleteConsumer(ctx, c.job.ID),
		c.q.answers.DeleteConsumer(ctx, c.job.ID),
		c.q.work.Purge(ctx, jetstream.WithPurgeSubject(workSubject+c.job.ID)),
		c.q.answers.Purge(ctx, jetstream.WithPurgeSubject(answerSubject+c.job.ID)))
	if err != nil {
		c.Log("job %s: what it left on the hub expires by itself: %v", c.job.ID, err)
	}
}

// size is how many images a parcel may hold so that its answer fits a message.
func (c *coordinator) size() int {
	longest := 0
	for _, im := range c.Plan.Images {
		longest = max(longest, len(im.Key))
	}
	const around = 800 // bytes of a prediction beside its key, a reason for damage included
	n := c.Parcel
	if n <= 0 {
		n = 32
	}
	return max(1, min(n, maxParcel, MaxMessage/2/(len(c.Models)*(2*longest+around))))
}

// publish puts images on the queue, waiting out a hub that is gone for a while.
func (c *coordinator) publish(ctx context.Context, images []eval.Image) error {
	size := c.size()
	for len(images) > 0 {
		n := min(size, len(images))
		p := parcel{Version: version, Job: c.job.ID, Number: c.parcels}
		for _, im := range images[:n] {
			p.Images = append(p.Images, image{im.Key, im.Class})
		}
		images = images[n:]
		data, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if len(data) > MaxMessage {
			return fmt.Errorf("lab: parcel %d has %d bytes, want at most %d", p.Number, len(data), MaxMessage)
		}
		if err := put(ctx, c.q.js, workSubject+c.job.ID, fmt.Sprintf("%s/w/%d", c.job.ID, p.Number), data, c.Log); err != nil {
			return err
		}
		c.parcels++
	}
	return nil
}

// put publishes until the hub has it. Publishing twice is harmless: the id makes it once
// within the hub's window, and counting by key does beyond it.
func put(ctx context.Context, js jetstream.JetStream, subject, id string, data []byte, log Logger) error {
	said := false
	for {
		one, cancel := context.WithTimeout(ctx, callLimit)
		_, err := js.Publish(one, subject, data, jetstream.WithMsgID(id))
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !said {
			log("publishing %s: %v: trying again", id, err)
			said = true
		}
		if !pause(ctx, 200*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// pause waits; false where ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// collect counts answers until every image has its predictions.
func (c *coordinator) collect(ctx context.Context, answers, work jetstream.Consumer, published <-chan error, progress func(eval.Event)) error {
	publishing := true
	down := false
	for !c.collector.Done() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if publishing {
			select {
			case err := <-published:
				if publishing = false; err != nil {
					return err
				}
			default:
			}
		}
		batch, err := answers.Fetch(256, jetstream.FetchMaxWait(time.Second))
		if err == nil {
			for m := range batch.Messages() {
				if err := c.count(m.Data()); err != nil {
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
		if !publishing && time.Since(c.fresh) > max(2*c.AckWait, 5*time.Second) {
			if err := c.stalled(ctx, work); err != nil {
				return err
			}
		}
	}
	return nil
}

// stalled looks after images that nobody has any more: a hub that lost its folder, a
// parcel that a worker could not read.
func (c *coordinator) stalled(ctx context.Context, work jetstream.Consumer) error {
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
	return c.publish(ctx, missing)
}

// count takes one answer. What is no answer costs one line; the error is the disk's.
func (c *coordinator) count(data []byte) error {
	a, err := readAnswer(data)
	if err == nil && a.Job != c.job.ID {
		err = fmt.Errorf("it is of job %.40q", a.Job)
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
	return nil
}

func refusedManifest(got, want string) string {
	return fmt.Sprintf("another data set: its manifest is %.16s…, the job's %.16s…", got, want)
}
