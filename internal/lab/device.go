package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/wispnet/wisp/internal/record"
)

// Measurement is one to be made by every worker of a hub.
type Measurement struct {
	Access Access
	Order  []byte      // as the workers' Measurer reads it: JSON
	Models []ModelSpec // files that it names
	Paths  []string

	Only     []string      // workers that are asked, by name; nil: all
	Workers  int           // so many are waited for; 0: whoever joins within Wait, or all of Only
	Wait     time.Duration // for workers to join; 0: 15 s
	Patience time.Duration // a worker that was not seen for so long is lost; 0: 2 min
	AckWait  time.Duration // without a sign of life an order is offered again; 0: 30 s

	// Progress is called as documents come.
	Progress func(d *Device)
	Log      Logger
}

// State is what became of a device.
type State string

const (
	Done    State = "done"
	Refused State = "refused" // Why says for what reason
	Lost    State = "lost"    // its worker went before it had ended
)

// Device is a worker with what it measured.
type Device struct {
	Worker  string
	Machine string
	State   State // "" while it measures
	Why     string
	Done    int // turns
	Total   int
	// Document is the newest; nil where none came. Where State is Lost it holds the turns that
	// had ended, without their samples.
	Document *record.Document

	seen time.Time
	said uint64 // presence.said
}

// measurement is a running Measurement.
type measurement struct {
	*Measurement
	coordinator
	devices map[string]*Device // by key
	began   time.Time
}

// Measure has every worker that joins measure once, and returns them by name. The error
// joins nothing of single devices: what became of them stands in them.
func Measure(ctx context.Context, m Measurement) ([]*Device, error) {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&m.Wait, 15*time.Second)
	set(&m.Patience, 2*time.Minute)
	set(&m.AckWait, 30*time.Second)
	if len(m.Only) > 0 && m.Workers == 0 {
		m.Workers = len(m.Only)
	}
	if m.Progress == nil {
		m.Progress = func(*Device) {}
	}
	if len(m.Models) > maxModels || len(m.Paths) != len(m.Models) {
		return nil, fmt.Errorf("lab: got %d models and %d files, want at most %d and as many", len(m.Models), len(m.Paths), maxModels)
	}
	x := &measurement{Measurement: &m, devices: map[string]*Device{}, began: time.Now()}
	x.coordinator = coordinator{Evaluation: &Evaluation{Access: m.Access, Models: m.Models, Paths: m.Paths, AckWait: m.AckWait, Log: m.Log}, said: map[string]bool{}}
	err := x.run(ctx)
	var out []*Device
	for _, d := range x.devices {
		if d.State == "" {
			d.State, d.Why = Lost, "interrupted: "+d.progress()
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *Device) int {
		if a.Worker < b.Worker {
			return -1
		}
		return 1
	})
	return out, err
}

func (x *measurement) run(ctx context.Context) error {
	nc, js, err := x.coordinator.Access.connect("bench", false, x.coordinator.Log)
	if err != nil {
		return err
	}
	defer nc.Close()
	if x.q, err = openQueue(ctx, js); err != nil {
		return err
	}
	id := make([]byte, jobDigits/2)
	_, _ = rand.Read(id) // never fails
	x.job = Job{Version: version, ID: hex.EncodeToString(id), Models: x.coordinator.Models, AckWait: x.coordinator.AckWait, Measure: x.Order}
	if data, err := json.Marshal(x.job); err != nil || len(data) > MaxMessage {
		return fmt.Errorf("lab: the order has %d bytes, want at most %d: %w", len(data), MaxMessage, err)
	}
	for i := range x.job.Models {
		if err := x.putModel(ctx, i); err != nil {
			return err
		}
	}
	answers, err := x.q.answers.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: x.job.ID, FilterSubject: answerSubject + x.job.ID, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: callLimit, MaxDeliver: -1, InactiveThreshold: streamLife,
	})
	if err == nil {
		err = x.announce(ctx)
	}
	if err != nil {
		return fmt.Errorf("lab: hub: job: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var side sync.WaitGroup
	side.Go(func() { x.keepAlive(ctx) })
	err = x.collect(ctx, answers)
	cancel()
	side.Wait()
	x.close()
	return err
}

// close takes everything of the job off the hub.
func (x *measurement) close() {
	x.coordinator.close()
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	for key := range x.devices {
		name := order(x.job.ID, key)
		_ = x.q.work.DeleteConsumer(ctx, name)
		_ = x.q.work.Purge(ctx, jetstream.WithPurgeSubject(workSubject+name))
	}
	list, _ := x.q.results.List(ctx) // all of it expires too
	for _, o := range list {
		if strings.HasPrefix(o.Name, x.job.ID) { // of turns that nobody fetched
			_ = x.q.results.Delete(ctx, o.Name)
		}
	}
}

// collect gives orders to whoever joins and takes what they measured, until all are settled.
func (x *measurement) collect(ctx context.Context, answers jetstream.Consumer) error {
	log := x.coordinator.Log
	for down := false; ; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := x.invite(ctx)
		if err == nil {
			var batch jetstream.MessageBatch
			if batch, err = answers.Fetch(64, jetstream.FetchMaxWait(500*time.Millisecond)); err == nil {
				for m := range batch.Messages() {
					if x.take(ctx, m.Data()) {
						_ = m.Ack()
					} else {
						_ = m.NakWithDelay(time.Second)
					}
				}
				err = batch.Error()
			}
		}
		if err != nil && ctx.Err() == nil {
			if !down {
				log("measurement: %v: trying again", err)
			}
			down = true
			pause(ctx, pollJobs)
			continue
		}
		if down { // nobody was heard while the hub was away: nobody is lost for that
			for _, d := range x.devices {
				d.seen = time.Now()
			}
		}
		down = false
		joined := time.Since(x.began) > x.Wait
		if x.Workers > 0 {
			joined = joined || len(x.devices) >= x.Workers
		}
		if joined && len(x.Only) > 0 {
			x.absent()
		}
		if joined && len(x.devices) == 0 {
			return fmt.Errorf("lab: no worker that measures joined within %v: start wisp-lab worker on the devices", x.Wait)
		}
		if joined && x.settled() {
			if len(x.devices) < x.Workers {
				log("%d of %d workers joined within %v", len(x.devices), x.Workers, x.Wait)
			}
			return nil
		}
	}
}

// invite gives every worker that is there its order, once.
func (x *measurement) invite(ctx context.Context) error {
	there, err := x.q.present(ctx, func(key string, err error) {
		if line := fmt.Sprintf("worker %.40q is malformed and left alone: %v", key, err); !x.said[line] {
			x.said[line] = true
			x.coordinator.Log("%s", line)
		}
	})
	if err != nil {
		return err
	}
	now := time.Now()
	for key, p := range there {
		if !p.Measures || len(x.Only) > 0 && !slices.Contains(x.Only, p.Worker) {
			continue
		}
		if d := x.devices[key]; d != nil {
			if d.said != p.said {
				d.seen, d.said = now, p.said
			}
			continue
		}
		if x.Workers > 0 && len(x.devices) >= x.Workers {
			continue
		}
		name := order(x.job.ID, key)
		if _, err := x.q.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: name, FilterSubject: workSubject + name, AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: x.coordinator.AckWait, MaxDeliver: -1, MaxAckPending: 1, InactiveThreshold: streamLife,
		}); err != nil {
			return err
		}
		if err := put(ctx, x.q.js, workSubject+name, name, []byte(`{}`), x.coordinator.Log); err != nil {
			return err
		}
		x.devices[key] = &Device{Worker: p.Worker, Machine: p.Machine, seen: now, said: p.said}
		x.coordinator.Log("worker %.100s (%s) measures", p.Worker, p.Machine)
	}
	return nil
}

// absent gives up the workers that were named and did not join.
func (x *measurement) absent() {
	for _, name := range x.Only {
		if key := WorkerKey(name); x.devices[key] == nil {
			x.devices[key] = &Device{Worker: name, State: Lost, Why: fmt.Sprintf("no worker of that name that measures joined within %v", x.Wait)}
		}
	}
}

// settled reports whether nothing more is to come, and gives up those that are gone.
func (x *measurement) settled() bool {
	all := true
	for _, d := range x.devices {
		if d.State != "" {
			continue
		}
		if gone := time.Since(d.seen); gone > x.Patience {
			d.State = Lost
			d.Why = fmt.Sprintf("its worker was not seen for %v: %s", gone.Round(time.Second), d.progress())
			x.coordinator.Log("worker %.100s is lost: %s", d.Worker, d.Why)
			continue
		}
		all = false
	}
	return all
}

func (d *Device) progress() string {
	if d.Total == 0 {
		return "nothing was measured"
	}
	return fmt.Sprintf("%d of %d turns were measured", d.Done, d.Total)
}

// take takes one answer. What is none costs one line. It is false where the hub did not give
// the document, which is then tried again.
func (x *measurement) take(ctx context.Context, data []byte) bool {
	log := x.coordinator.Log
	a, err := readAnswer(data)
	if err == nil && (a.Job != x.job.ID || len(a.Predictions) > 0) {
		err = fmt.Errorf("it is of job %.40q, %d predictions", a.Job, len(a.Predictions))
	}
	var d *Device
	if err == nil {
		if d = x.devices[WorkerKey(a.Worker)]; d == nil {
			err = fmt.Errorf("worker %.60q has no order", a.Worker)
		}
	}
	if err != nil {
		log("a malformed answer of %d bytes is left out: %v", len(data), err)
		return true
	}
	if d.State == Done || d.State == Refused {
		return true // counted already
	}
	if a.Damaged != "" {
		log("worker %.100q: %.300s", a.Worker, a.Refused)
		x.repair(ctx, a.Damaged)
		return true
	}
	if a.Refused != "" {
		d.State, d.Why = Refused, fmt.Sprintf("%.400s", a.Refused)
		log("worker %.100q refuses: %s", a.Worker, d.Why)
		return true
	}
	m := a.Measured
	if m.Bytes > MaxDocument || m.Object != documentName(x.job.ID, WorkerKey(a.Worker), m.SHA256) {
		log("worker %.100q: a measurement of %d bytes is left out: want at most %d, in its own object", a.Worker, m.Bytes, MaxDocument)
		return true
	}
	text, err := fetch(ctx, x.q.results, m.Object, m.Bytes, m.SHA256)
	var damaged *damagedError
	if errors.As(err, &damaged) {
		if m.Last { // of another turn the next one tells as much
			log("worker %.100q: its measurement is left out: %v", a.Worker, err)
			d.State, d.Why = Refused, "its measurement was damaged on the way"
		}
		return true
	}
	if err != nil {
		return false
	}
	_ = x.q.results.Delete(ctx, m.Object)
	doc, err := record.Parse(text)
	if err == nil && doc.Complete != m.Last {
		err = errors.New("it says otherwise whether it is whole")
	}
	if err != nil {
		log("worker %.100q: a malformed measurement of %d bytes is left out: %v", a.Worker, m.Bytes, err)
		if m.Last {
			d.State, d.Why = Refused, "its measurement was malformed"
		}
		return true
	}
	d.Document, d.Done, d.Total, d.seen, d.State = doc, m.Done, m.Total, time.Now(), ""
	if m.Last {
		d.State = Done
	}
	x.Progress(d)
	return true
}
