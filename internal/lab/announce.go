package lab

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wispnet/wisp/internal/record"
)

// Workers tell the hub that they are there, so that a measurement can address each of them:
// an entry of their own in a key-value bucket, which expires soon after they went.

const (
	workerLife = 30 * time.Second
	sayEvery   = 3 * time.Second
)

// presence is what a worker says of itself.
type presence struct {
	Version  int    `json:"wisp_lab"`
	Worker   string `json:"worker"`
	Machine  string `json:"machine"`  // "AMD EPYC, linux/amd64"
	Measures bool   `json:"measures"` // it takes measurements

	said uint64 // grows with every time that the worker says it
}

const keyDigits = 16

// WorkerKey names a worker in subjects and keys, where its name may not stand.
func WorkerKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])[:keyDigits]
}

// announce says that the worker is there until ctx ends, then that it is gone.
func (w *working) announce(ctx context.Context) {
	h := record.ReadHost()
	data, err := json.Marshal(presence{Version: version, Worker: w.Name, Machine: fmt.Sprintf("%s, %s/%s", h.CPU, h.OS, h.Arch), Measures: w.Measure != nil})
	if err != nil {
		w.Log("announcing: %v", err)
		return
	}
	key := WorkerKey(w.Name)
	for {
		one, cancel := context.WithTimeout(ctx, sayEvery)
		_, _ = w.q.workers.Put(one, key, data) // a hub that is away is told when it is back
		cancel()
		if !pause(ctx, sayEvery) {
			break
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = w.q.workers.Purge(last, key) // else it expires
}

func readPresence(key string, data []byte) (*presence, error) {
	var p presence
	if err := decode(data, &p); err != nil {
		return nil, err
	}
	if err := checkVersion(p.Version); err != nil {
		return nil, err
	}
	if p.Worker == "" || len(p.Worker) > maxName || len(p.Machine) > maxName || WorkerKey(p.Worker) != key || !record.Printable(p.Worker+p.Machine) {
		return nil, fmt.Errorf("it calls itself %.60q", p.Worker)
	}
	return &p, nil
}

// present lists the workers that are there, by key. What is malformed is in none.
func (q *queue) present(ctx context.Context, log func(key string, err error)) (map[string]presence, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	list, err := q.workers.ListKeys(ctx)
	if err != nil {
		return nil, err
	}
	defer list.Stop()
	out := map[string]presence{}
	for key := range list.Keys() {
		entry, err := q.workers.Get(ctx, key)
		if err != nil { // it went meanwhile
			continue
		}
		p, err := readPresence(key, entry.Value())
		if err != nil {
			log(key, err)
			continue
		}
		p.said = entry.Revision()
		out[key] = *p
	}
	return out, ctx.Err()
}

// Present is a worker that a hub has.
type Present struct {
	Worker, Machine string
	Measures        bool
}

// Workers lists the workers that a hub has now, by name. It makes nothing on the hub; one
// that cannot be used is a *HubError.
func Workers(ctx context.Context, a Access, log Logger) ([]Present, error) {
	nc, js, err := a.connect("devices", false, log)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*callLimit)
	defer cancel()
	q := &queue{js: js}
	if q.workers, err = js.KeyValue(ctx, workerBucket); errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, nil // nobody was ever there
	}
	if err != nil {
		return nil, a.trouble(err)
	}
	all, err := q.present(ctx, func(key string, err error) { log("worker %.40q is malformed and left out: %v", key, err) })
	if err != nil {
		return nil, a.trouble(err)
	}
	out := make([]Present, 0, len(all))
	for _, p := range all {
		out = append(out, Present{p.Worker, p.Machine, p.Measures})
	}
	slices.SortFunc(out, func(a, b Present) int { return cmp.Compare(a.Worker, b.Worker) })
	return out, nil
}
