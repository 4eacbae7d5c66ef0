// Package lab spreads work over many machines by NATS JetStream: a hub holds the queue,
// workers take from it, one coordinator counts.
//
// An evaluation (coordinate.go, work.go) is parcels of images that any worker may take: their
// predictions are counted by image key. A measurement (measure.go, device.go) is one order for
// each worker, since a latency is a machine's own: every worker that joins gets it once.
// Delivery is at least once and counting exactly once, so that workers may join, leave,
// crash, hang and be slow without losing or doubling anything.
//
// It opens no model and prints nothing: an Opener brings subjects and a Measurer documents,
// eval keeps and counts predictions, cmd/wisp-lab prints. Only that program links this
// package, since a NATS server weighs more than all of wisp.
//
// On the hub: key-value buckets of running jobs (job.go) and of the workers that are there
// (announce.go), a work queue and a stream of answers, one subject a job each; object stores
// of models by hash, of sent images and of measurements (objects.go). Everything of a job
// goes when it ends, and expires where its coordinator died.
package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	workStream   = "WISP_WORK"
	answerStream = "WISP_ANSWERS"
	jobBucket    = "wisp-jobs"
	modelBucket  = "wisp-models"
	imageBucket  = "wisp-images"
	resultBucket = "wisp-results"
	workerBucket = "wisp-workers"

	workSubject   = "wisp.work."   // + job
	answerSubject = "wisp.answer." // + job

	// MaxMessage bounds a message of ours; the embedded hub takes none that is larger.
	MaxMessage = 1 << 20

	// jobLife is how long a job outlives its coordinator, which refreshes it three times as often.
	jobLife = 2 * time.Minute
	// streamLife is how long an abandoned message stays.
	streamLife = 48 * time.Hour

	// callLimit bounds one call to the hub; a caller that needs longer tries again.
	callLimit = 10 * time.Second
)

// Logger takes one line at a time.
type Logger func(format string, args ...any)

// queue is the hub as coordinator and workers see it.
type queue struct {
	js      jetstream.JetStream
	work    jetstream.Stream
	answers jetstream.Stream
	jobs    jetstream.KeyValue
	workers jetstream.KeyValue
	models  jetstream.ObjectStore
	images  jetstream.ObjectStore
	results jetstream.ObjectStore
}

// openQueue opens the hub's streams and buckets, making those that are absent.
func openQueue(ctx context.Context, js jetstream.JetStream) (*queue, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*callLimit)
	defer cancel()
	q := &queue{js: js}
	var err error
	wrap := func(what string, err error) error { return fmt.Errorf("lab: hub: %s: %w", what, err) }
	if q.work, err = ensureStream(ctx, js, jetstream.StreamConfig{
		Name: workStream, Description: "parcels of images to classify", Subjects: []string{workSubject + "*"},
		Retention: jetstream.WorkQueuePolicy, MaxAge: streamLife, MaxMsgSize: MaxMessage, Storage: jetstream.FileStorage,
	}); err != nil {
		return nil, wrap(workStream, err)
	}
	if q.answers, err = ensureStream(ctx, js, jetstream.StreamConfig{
		Name: answerStream, Description: "predictions of parcels, refusals of workers", Subjects: []string{answerSubject + "*"},
		MaxAge: streamLife, MaxMsgSize: MaxMessage, Storage: jetstream.FileStorage, Compression: jetstream.S2Compression,
	}); err != nil {
		return nil, wrap(answerStream, err)
	}
	for _, b := range []struct {
		into *jetstream.KeyValue
		name string
		life time.Duration
	}{{&q.jobs, jobBucket, jobLife}, {&q.workers, workerBucket, workerLife}} {
		if *b.into, err = js.KeyValue(ctx, b.name); err != nil {
			if *b.into, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: b.name, TTL: b.life, MaxValueSize: MaxMessage}); err != nil {
				return nil, wrap(b.name, err)
			}
		}
	}
	for _, b := range []struct {
		into *jetstream.ObjectStore
		name string
	}{{&q.models, modelBucket}, {&q.images, imageBucket}, {&q.results, resultBucket}} {
		if *b.into, err = js.ObjectStore(ctx, b.name); err != nil {
			if *b.into, err = js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: b.name, TTL: streamLife}); err != nil {
				return nil, wrap(b.name, err)
			}
		}
	}
	return q, nil
}

func ensureStream(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) (jetstream.Stream, error) {
	if s, err := js.Stream(ctx, c.Name); err == nil {
		return s, nil
	}
	return js.CreateOrUpdateStream(ctx, c)
}
