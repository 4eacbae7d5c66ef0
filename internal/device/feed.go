package device

import (
	"context"
	"errors"
	"time"

	"github.com/wispnet/wisp/internal/runner"
)

// Feeder is a runner on the device that an evaluation feeds. Where the connection breaks it
// waits until the device is back, goes on in a fresh process with the same model, and asks
// again what had no answer: every input is answered once.
type Feeder struct {
	d     *Device
	ctx   context.Context
	p     *Process // nil: to be started
	age   int      // the device's when it was
	hello runner.Hello
	load  *runner.LoadRequest // what p has loaded, or is to load
	reply runner.LoadReply
}

// mostAgain bounds how often one request is made.
const mostAgain = 5

// Feeder starts a process for an evaluation. Several may be used at the same time, each from
// one goroutine.
func (d *Device) Feeder(ctx context.Context) (*Feeder, error) {
	f := &Feeder{d: d, ctx: ctx}
	if err := f.do(func() error { return nil }); err != nil {
		return nil, d.explain(err)
	}
	return f, nil
}

// Hello is what the process said of itself.
func (f *Feeder) Hello() runner.Hello { return f.hello }

// Load brings the model's files and has them read.
func (f *Feeder) Load(q runner.LoadRequest) (runner.LoadReply, error) {
	f.load, f.reply = nil, runner.LoadReply{}
	err := f.do(func() (err error) {
		f.reply, err = f.p.Load(q)
		return err
	})
	f.load = &q
	return f.reply, err
}

// Feed runs the model on one input.
func (f *Feeder) Feed(in []byte) (out []byte, took time.Duration, err error) {
	err = f.do(func() (err error) {
		out, took, err = f.p.Feed(in)
		return err
	})
	return out, took, err
}

// Close ends the process.
func (f *Feeder) Close() error {
	if f.p == nil {
		return nil
	}
	return f.p.Close()
}

// do makes a request of a process that is there, again where the connection broke.
func (f *Feeder) do(request func() error) error {
	for n := 1; ; n++ {
		err := f.ready()
		if err == nil {
			err = request()
		}
		if err == nil || n == mostAgain {
			return err
		}
		if f.p != nil {
			_ = f.p.Close() // err says what broke
			f.p = nil
		}
		if err = f.d.mend(f.ctx, f.age, err); err != nil {
			return err
		}
	}
}

// ready starts a process, with its model, where there is none.
func (f *Feeder) ready() error {
	if f.p != nil {
		return nil
	}
	f.d.mending.Lock()
	f.age = f.d.age
	f.d.mending.Unlock()
	c, err := f.d.start(f.ctx)
	if err != nil {
		return err
	}
	f.p, f.hello = &Process{c, f.d, f.ctx}, c.Hello()
	if f.load != nil {
		f.reply, err = f.p.Load(*f.load)
	}
	return err
}

// mend has the device back after a process of an age failed: the first that comes waits for
// it, the others for that one.
func (d *Device) mend(ctx context.Context, age int, failed error) error {
	d.mending.Lock()
	defer d.mending.Unlock()
	if d.lost != nil || d.age > age {
		return d.lost
	}
	err := d.Again(ctx, failed)
	var trouble *Trouble
	switch {
	case err == nil:
		d.age++
	case errors.As(err, &trouble) && !errors.Is(err, failed): // waiting longer is no use to the others
		d.lost = err
	}
	return err
}

// Mended is how often the device was back after its connection broke.
func (d *Device) Mended() int {
	d.mending.Lock()
	defer d.mending.Unlock()
	return d.age
}
