package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wispnet/wisp/eval"
)

// What a coordinator puts on the hub: parcels, the images that go with them, and objects that
// were found damaged.

func (c *coordinator) putModel(ctx context.Context, i int) error {
	m := c.Models[i]
	repaired, err := c.q.putModel(ctx, c.Paths[i], m)
	if repaired && err == nil {
		c.Log("model %s: other bytes lay on the hub under its hash: they were replaced", m.Name)
	}
	return err
}

// mostRepairs bounds how often objects are put again, since who forged one may go on.
const mostRepairs = 10

// repair puts an object again that a worker found damaged.
func (c *coordinator) repair(ctx context.Context, object string) {
	if time.Since(c.repaired) < time.Second { // several workers say the same
		return
	}
	if c.repairs++; c.repairs > mostRepairs {
		return
	}
	c.repaired = time.Now()
	var err error
	for i, m := range c.Models {
		if m.SHA256 == object {
			err = errors.Join(err, c.putModel(ctx, i))
		}
	}
	c.mu.Lock()
	var images []eval.Image
	for number, list := range c.bundles {
		if object == fmt.Sprintf("%s.%d", c.job.ID, number) {
			images = list
		}
	}
	c.mu.Unlock()
	if images != nil && err == nil {
		var data []byte
		if _, data, err = c.pack(images); err == nil {
			err = c.send(ctx, object, data)
		}
	}
	if err != nil && ctx.Err() == nil {
		c.Log("object %.40s: it is not mended: %v", object, err)
	}
}

func (c *coordinator) send(ctx context.Context, object string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, transferLimit(int64(len(data))))
	defer cancel()
	_, err := c.q.images.PutBytes(ctx, object, data)
	return err
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

// put puts images on the queue, waiting out a hub that is gone for a while.
func (c *coordinator) put(ctx context.Context, images []eval.Image) error {
	size := c.size()
	for len(images) > 0 {
		n := min(size, len(images))
		p := parcel{Version: version, Job: c.job.ID, Number: c.parcels}
		if c.Send != nil {
			sent, err := c.bundle(ctx, &p, images[:n])
			if err != nil {
				return err
			}
			n = sent
		} else {
			for _, im := range images[:n] {
				p.Images = append(p.Images, image{Key: im.Key, Class: im.Class})
			}
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

// bundle sends the files of a parcel ahead of it and returns how many of the images it took.
func (c *coordinator) bundle(ctx context.Context, p *parcel, images []eval.Image) (int, error) {
	list, data, err := c.pack(images)
	if err != nil {
		return 0, err
	}
	for {
		c.mu.Lock()
		wait := c.ahead > 0 && c.ahead+int64(len(data)) > sendAhead
		if !wait {
			c.ahead += int64(len(data))
			c.sizes[p.Number], c.bundles[p.Number] = int64(len(data)), images[:len(list)]
		}
		c.mu.Unlock()
		if !wait {
			break
		}
		select {
		case <-c.counted:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	p.Images, p.Bundle = list, bundleOf(c.job.ID, p.Number, data)
	for said := false; ; said = true {
		if err = c.send(ctx, p.Bundle.Object, data); err == nil {
			return len(list), nil
		}
		if !said && ctx.Err() == nil {
			c.Log("sending the images of parcel %d: %v: trying again", p.Number, err)
		}
		if !pause(ctx, pollJobs) {
			return 0, ctx.Err()
		}
	}
}

// drop removes a bundle whose images are counted.
func (c *coordinator) drop(ctx context.Context, number int) {
	c.mu.Lock()
	size, ok := c.sizes[number]
	if ok {
		c.ahead -= size
		delete(c.sizes, number)
		delete(c.bundles, number)
	}
	c.mu.Unlock()
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	_ = c.q.images.Delete(ctx, fmt.Sprintf("%s.%d", c.job.ID, number)) // else it expires
	select {
	case c.counted <- struct{}{}:
	default:
	}
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
