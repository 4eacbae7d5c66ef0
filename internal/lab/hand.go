package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wispnet/wisp/eval"
	"github.com/wispnet/wisp/imagenet"
)

// hand is one of a worker's hands in one job: it takes parcels, one after another.
type hand struct {
	*working
	*eval.Hand
	job  *Job
	sent bool     // the images come with the parcels
	box  [][]byte // those of the parcel
	keys []image
}

// decode decodes an image of the worker's data set, or of the parcel.
func (h *hand) decode(i int) (*imagenet.RGB, error) {
	if h.sent {
		m, err := imagenet.DecodeBytes(h.box[i], imagenet.Limits{})
		if err != nil { // as imagenet.Dataset says it
			return nil, fmt.Errorf("%s: %w", h.keys[i].Key, err)
		}
		return m, nil
	}
	return h.working.Decode(i)
}

// take takes parcels. The error is a model's that failed.
func (h *hand) take(ctx context.Context, c jetstream.Consumer) error {
	for ctx.Err() == nil {
		batch, err := c.Fetch(1, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			pause(ctx, pollJobs)
			continue
		}
		for m := range batch.Messages() {
			if err := h.parcel(ctx, m); err != nil {
				return err
			}
		}
		if batch.Error() != nil { // the hub is away, or the job has ended
			pause(ctx, pollJobs)
		}
	}
	return nil
}

// beat tells the hub that a message is being worked on, until stop.
func (w *working) beat(ctx context.Context, m jetstream.Msg, every time.Duration) (stop func()) {
	alive, stop := context.WithCancel(ctx)
	go func() {
		for pause(alive, every) {
			_ = m.InProgress()
		}
	}()
	return stop
}

// parcel classifies the images of a parcel, publishes the answer and then acknowledges: a
// worker that dies in between has it done again, which is not counted again.
func (h *hand) parcel(ctx context.Context, m jetstream.Msg) error {
	p, err := readParcel(m.Data())
	if err == nil && p.Job != h.job.ID {
		err = fmt.Errorf("it is of job %.40q", p.Job)
	}
	if err == nil && h.sent && p.Bundle == nil {
		err = errors.New("it brings no images")
	}
	if err != nil {
		h.Log("a malformed parcel of %d bytes is left out: %v", len(m.Data()), err)
		_ = m.TermWithReason("malformed")
		return nil
	}
	defer h.beat(ctx, m, h.job.AckWait/3)()
	select {
	case h.hands <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	list, err := h.classify(ctx, p)
	<-h.hands
	var away *awayError
	var damaged *damagedError
	switch {
	case errors.As(err, &away):
		_ = m.NakWithDelay(time.Second)
		pause(ctx, pollJobs)
		return nil
	case errors.As(err, &damaged): // the coordinator sends it again
		h.refuse(ctx, h.job, fmt.Errorf("parcel %d: %w", p.Number, err))
		_ = m.NakWithDelay(mendTime)
		return nil
	case err != nil:
		_ = m.Nak() // for another worker, at once
		return err
	}
	data, err := json.Marshal(answer{Version: version, Job: h.job.ID, Worker: h.Name, Manifest: h.job.Manifest, Number: p.Number, Predictions: list})
	if err != nil {
		return err
	}
	if len(data) > MaxMessage {
		return fmt.Errorf("the answer to parcel %d has %d bytes, want at most %d", p.Number, len(data), MaxMessage)
	}
	if err := put(ctx, h.q.js, answerSubject+h.job.ID, fmt.Sprintf("%s/a/%d", h.job.ID, p.Number), data, h.Log); err != nil {
		return err
	}
	_ = m.Ack()
	return nil
}

// classify brings the images near, where they are sent, and classifies them.
func (h *hand) classify(ctx context.Context, p *parcel) ([][]eval.Prediction, error) {
	if h.sent {
		if p.Bundle.Bytes > h.MaxBundle {
			return nil, fmt.Errorf("parcel %d brings %d bytes of images, this worker takes at most %d (--max-parcel)", p.Number, p.Bundle.Bytes, h.MaxBundle)
		}
		var data []byte
		if p.Bundle.Bytes > 0 {
			var err error
			if data, err = fetch(ctx, h.q.images, p.Bundle.Object, p.Bundle.Bytes, p.Bundle.SHA256); err != nil {
				return nil, err
			}
		}
		h.box, h.keys = p.Bundle.split(data, p.Images), p.Images
		defer func() { h.box, h.keys = nil, nil }()
	}
	var out [][]eval.Prediction
	for i, im := range p.Images {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		index, ok := h.index[im.Key]
		switch {
		case h.sent && im.Bytes >= 0:
			index = i
		case h.sent || !ok:
			index = -1
		}
		list, err := h.Do(eval.Image{Index: index, Key: im.Key, Class: im.Class})
		if err != nil {
			return nil, err
		}
		out = append(out, list)
	}
	return out, nil
}
