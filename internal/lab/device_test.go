package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
)

// documentOf is a measurement of one row after so many rounds.
func documentOf(rounds, total int, ms float64) *record.Document {
	r := bench.Result{Model: "m", Engine: "native", Precision: "float32", Threads: 1, Batch: 1, Sessions: 1, Level: "standard", Latency: bench.Latency{Median: ms}}
	for range rounds {
		r.SamplesMS = append(r.SamplesMS, ms, ms)
		r.RoundMediansMS, r.RoundRates = append(r.RoundMediansMS, ms), append(r.RoundRates, 1000/ms)
	}
	d := &record.Document{Envelope: record.Envelope{SchemaVersion: record.SchemaVersion, Tool: record.Tool{Name: "wisp-lab"}},
		Complete: rounds == total, Results: []bench.Result{r}}
	d.Contexts = []record.Context{record.Of(&d.Results[0], record.Host{}, "", 1)}
	return d
}

// measurer reports a document after each of four turns, and waits before the turn that hold
// names.
func measurer(ms float64, hold int, held <-chan struct{}, runs *atomic.Int32) Measurer {
	return func(ctx context.Context, order []byte, _ []ModelSpec, _ []string, report func(*record.Document, int, int) error) error {
		if string(order) != `{"what":1}` {
			return fmt.Errorf("order %s", order)
		}
		runs.Add(1)
		for i := 1; i <= 4; i++ {
			if i == hold {
				select {
				case <-held:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if err := report(documentOf(i, 4, ms), i, 4); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestMeasure: every worker that joins measures once, whenever it comes; one that dies in the
// middle is in the result with what it had measured, one that comes back ends it, one that
// cannot is refused with its reason. Who measures nothing is not asked.
func TestMeasure(t *testing.T) {
	h := startHub(t)
	var said lines
	ctx := bounded(t)
	start := func(name string, m Measurer) func() {
		one, cancel := context.WithCancel(ctx)
		w := Worker{Access: Access{URL: h.URL()}, Name: name, Measure: m, Cache: t.TempDir(), Hands: 2, Log: func(string, ...any) {}}
		done := make(chan error, 1)
		go func() { done <- w.Run(one) }()
		stopped := false
		return func() {
			if !stopped {
				stopped = true
				cancel()
				<-done
			}
		}
	}
	var quick, dying, late, returning atomic.Int32
	never, held := make(chan struct{}), make(chan struct{})
	defer start("quick", measurer(2, 0, nil, &quick))()
	defer start("idle", nil)()
	dies := start("dying", measurer(3, 3, never, &dying))
	defer dies()
	back := start("returning", measurer(4, 2, held, &returning))
	defer start("unable", func(context.Context, []byte, []ModelSpec, []string, func(*record.Document, int, int) error) error {
		return errors.New("engine tflite: not available")
	})()
	type outcome struct {
		d   []*Device
		err error
	}
	ended := make(chan outcome, 1)
	m := Measurement{Access: Access{URL: h.URL()}, Order: []byte(`{"what":1}`), Workers: 5, Wait: 30 * time.Second, Patience: 3 * time.Second, AckWait: time.Second, Log: said.log}
	reached := make(chan string, 100)
	m.Progress = func(d *Device) {
		if d.Worker == "dying" && d.Done == 2 || d.Worker == "returning" && d.Done == 1 {
			reached <- d.Worker
		}
	}
	go func() {
		d, err := Measure(ctx, m)
		ended <- outcome{d, err}
	}()
	for range 2 {
		var name string
		select {
		case name = <-reached:
		case <-ctx.Done():
			t.Fatalf("not within a minute: %q", said.all)
		}
		switch name {
		case "dying":
			dies()
		case "returning":
			back()
			close(held)
			back = start("returning", measurer(4, 2, held, &returning))
			defer back()
		}
	}
	defer start("late", measurer(5, 0, nil, &late))()
	o := <-ended
	if o.err != nil {
		t.Fatal(o.err, said.all)
	}
	var got []string
	for _, d := range o.d {
		samples := -1
		if d.Document != nil {
			samples = len(d.Document.Results[0].SamplesMS)
		}
		got = append(got, fmt.Sprintf("%s %s %d/%d %d", d.Worker, d.State, d.Done, d.Total, samples))
	}
	want := "dying lost 2/4 0, late done 4/4 8, quick done 4/4 8, returning done 4/4 8, unable refused 0/0 -1"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s\n%q", strings.Join(got, ", "), want, said.all)
	}
	if quick.Load() != 1 || late.Load() != 1 || returning.Load() != 2 {
		t.Errorf("orders were run %d, %d and %d times, want 1, 1 and 2", quick.Load(), late.Load(), returning.Load())
	}
	for _, d := range o.d {
		if d.Worker == "unable" && d.Why != "engine tflite: not available" || d.Worker == "dying" && !strings.Contains(d.Why, "2 of 4 turns were measured") {
			t.Errorf("%s: %q", d.Worker, d.Why)
		}
	}
}

// TestNobodyMeasures: without workers there is a line, not a wait without end.
func TestNobodyMeasures(t *testing.T) {
	h := startHub(t)
	_, err := Measure(bounded(t), Measurement{Access: Access{URL: h.URL()}, Order: []byte(`{}`), Wait: time.Second, Log: t.Logf})
	if err == nil || !strings.Contains(err.Error(), "no worker that measures joined within 1s") {
		t.Errorf("got %v", err)
	}
}

// TestForgedMeasurement: documents of strangers, of other sizes and of other bytes are left
// out at one line each.
func TestForgedMeasurement(t *testing.T) {
	var said lines
	x := &measurement{Measurement: &Measurement{Progress: func(*Device) {}}, devices: map[string]*Device{}}
	x.coordinator = coordinator{Evaluation: &Evaluation{Log: said.log}, said: map[string]bool{}}
	x.job.ID = strings.Repeat("0", jobDigits)
	x.devices[WorkerKey("a")] = &Device{Worker: "a"}
	sum := strings.Repeat("0", 64)
	for _, text := range []string{
		"{", `{"wisp_lab":1}`,
		`{"wisp_lab":2,"job":"x","worker":"a","measured":{"done":1,"total":2,"object":"o","sha256":"` + sum + `","bytes":1}}`,
		`{"wisp_lab":2,"job":"` + x.job.ID + `","worker":"stranger","measured":{"done":1,"total":2,"object":"o","sha256":"` + sum + `","bytes":1}}`,
		`{"wisp_lab":2,"job":"` + x.job.ID + `","worker":"a","measured":{"done":1,"total":2,"object":"o","sha256":"` + sum + `","bytes":1}}`,
		`{"wisp_lab":2,"job":"` + x.job.ID + `","worker":"a","measured":{"done":1,"total":2,"object":"` + documentName(x.job.ID, WorkerKey("a"), sum) + `","sha256":"` + sum + `","bytes":99999999999}}`,
	} {
		before := len(said.all)
		if !x.take(t.Context(), []byte(text)) || len(said.all) != before+1 {
			t.Errorf("%s: said %q", text, said.all[before:])
		}
	}
	if d := x.devices[WorkerKey("a")]; d.Document != nil || d.State != "" {
		t.Errorf("got %+v", d)
	}
}
