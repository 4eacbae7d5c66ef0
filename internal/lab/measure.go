package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wispnet/wisp/internal/record"
)

// A worker's side of a measurement: its own order, taken from the work queue, measured while
// nothing else of the worker runs, and acknowledged after the last document was published.

// Measurer measures what an order says on files that were fetched and checked, one for each
// model of the job. It reports every document as it grows, the last one whole, and after how
// many of how many turns; an error of report ends it.
type Measurer func(ctx context.Context, order []byte, models []ModelSpec, paths []string, report func(d *record.Document, done, total int) error) error

// measured is how far a worker's measurement is; the document is an object.
type measured struct {
	Done   int    `json:"done"`
	Total  int    `json:"total"`
	Last   bool   `json:"last,omitempty"`
	Object string `json:"object"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// MaxDocument bounds a measurement's document.
const MaxDocument = 64 << 20

// order is the work subject and consumer of one worker in a job.
func order(job, key string) string { return job + "-" + key }

// documentName is the object of a document of a worker's.
func documentName(job, key, digest string) string { return order(job, key) + "." + digest[:keyDigits] }

// measure takes a worker's order of a job, where there is one. again is as job's.
func (w *working) measure(ctx context.Context, j *Job) (again bool) {
	if w.Measure == nil {
		return false
	}
	consumer, err := w.q.work.Consumer(ctx, order(j.ID, WorkerKey(w.Name)))
	if err != nil { // not yet, or not at all
		return true
	}
	for ctx.Err() == nil {
		batch, err := consumer.Fetch(1, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			pause(ctx, pollJobs)
			return true
		}
		for m := range batch.Messages() {
			return w.measureOne(ctx, j, m)
		}
		if batch.Error() != nil {
			pause(ctx, pollJobs)
			return true
		}
	}
	return false
}

func (w *working) measureOne(ctx context.Context, j *Job, m jetstream.Msg) (again bool) {
	defer w.beat(ctx, m, j.AckWait/3)()
	for range w.Hands { // nothing else of this worker runs beside it
		select {
		case w.hands <- struct{}{}:
			defer func() { <-w.hands }()
		case <-ctx.Done():
			return false
		}
	}
	w.quiet.Store(true)
	defer func() {
		w.quiet.Store(false)
		select {
		case w.timed <- struct{}{}:
		default:
		}
	}()
	w.Log("job %s: measuring", j.ID)
	last := false
	err := w.measureOrder(ctx, j, &last)
	var away *awayError
	var damaged *damagedError
	switch {
	case ctx.Err() != nil:
		_ = m.Nak()
		return false
	case errors.As(err, &away), errors.As(err, &damaged):
		if damaged != nil {
			w.refuse(ctx, j, err)
		} else {
			w.Log("job %s: %v: trying again", j.ID, err)
		}
		_ = m.NakWithDelay(mendTime)
		pause(ctx, mendTime)
		return true
	case err != nil:
		w.refuse(ctx, j, err)
	}
	_ = m.Ack()
	return false
}

func (w *working) measureOrder(ctx context.Context, j *Job, last *bool) error {
	var paths []string
	for _, s := range j.Models {
		path, err := w.q.fetchModel(ctx, w.Cache, s, w.MaxModel)
		if err != nil {
			return err
		}
		paths = append(paths, path)
	}
	err := w.Measure(ctx, j.Measure, j.Models, paths, func(d *record.Document, done, total int) error {
		*last = d.Complete && done == total
		return w.sendDocument(ctx, j, d, done, total)
	})
	if err == nil && !*last {
		err = errors.New("the measurement ended before its last turn")
	}
	return err
}

// sendDocument stores a document and tells the coordinator of it. One that is not the last
// goes without its samples and is not waited for long where the hub is away.
func (w *working) sendDocument(ctx context.Context, j *Job, d *record.Document, done, total int) error {
	final := d.Complete && done == total
	if !final {
		short := *d
		short.Results = nil
		for _, r := range d.Results {
			r.SamplesMS = nil
			short.Results = append(short.Results, r)
		}
		d = &short
	}
	var b bytes.Buffer
	if err := record.Encode(&b, d); err != nil {
		return err
	}
	if b.Len() > MaxDocument {
		return fmt.Errorf("the measurement has %d bytes, want at most %d: fewer runs or rows", b.Len(), MaxDocument)
	}
	sum := sha256.Sum256(b.Bytes())
	// Each under a name of its own: one that is replaced while it is read keeps its reader waiting.
	digest := hex.EncodeToString(sum[:])
	a := answer{Version: version, Job: j.ID, Worker: w.Name, Measured: &measured{Done: done, Total: total, Last: final,
		Object: documentName(j.ID, WorkerKey(w.Name), digest), SHA256: digest, Bytes: int64(b.Len())}}
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	for {
		one, cancel := context.WithTimeout(ctx, transferLimit(int64(b.Len())))
		if !final {
			cancel()
			one, cancel = context.WithTimeout(ctx, callLimit)
		}
		_, err = w.q.results.PutBytes(one, a.Measured.Object, b.Bytes())
		if err == nil {
			_, err = w.q.js.Publish(one, answerSubject+j.ID, data, jetstream.WithMsgID(j.ID+"/m/"+a.Measured.Object))
		}
		cancel()
		if err == nil || !final {
			return nil
		}
		if !pause(ctx, pollJobs) {
			return ctx.Err()
		}
	}
}
