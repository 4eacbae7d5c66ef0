package device

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wispnet/wisp/bench"
	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
)

var errLost = runner.ErrLost

// Device is a device in use. Launch, Start and Load may be called from several goroutines.
type Device struct {
	Host record.Host // with the unit and the cores that runners are kept on

	target  Target
	options Options
	link    atomic.Pointer[linked] // another one after a connection broke
	survey  *survey
	runner  string // its path on the device
	control *runner.Client
	ctx     context.Context      // of the control process
	sense   func() bench.Reading // for tests: readings that no machine at hand gives

	mu     sync.Mutex // of what follows
	files  []*file
	pushed int // files that were really sent

	mending sync.Mutex // of what follows, which is feed.go's
	age     int        // how often the device was back after its connection broke
	lost    error      // it did not come back
}

type linked struct{ link }

// way is the link to the device that there is now.
func (d *Device) way() link { return d.link.Load().link }

// Open connects to a device and readies it: the runner is there and answers, the cores are
// chosen, and the device is not too hot. What is wrong is a *Trouble.
func Open(ctx context.Context, t Target, o Options) (*Device, error) {
	d := &Device{target: t, options: o.withDefaults(), ctx: ctx}
	if err := d.connect(ctx); err != nil {
		return nil, d.explain(err)
	}
	if err := d.ready(ctx); err != nil {
		d.Close()
		return nil, d.explain(err)
	}
	return d, nil
}

func (d *Device) connect(ctx context.Context) (err error) {
	switch d.target.Kind {
	case "ssh":
		var l *sshLink
		if l, err = dialSSH(ctx, d.target, d.options.SSH, d.options.Dir); err == nil {
			d.link.Store(&linked{l})
		}
	case "adb":
		var l *adbLink
		if l, err = dialADB(ctx, d.target, d.options.ADB, d.options.Dir); err == nil {
			d.link.Store(&linked{l})
		}
	default:
		err = fmt.Errorf("%s is no device", d.target)
	}
	return err
}

// ready brings the runner and starts the one that answers for the machine.
func (d *Device) ready(ctx context.Context) (err error) {
	if d.survey, err = look(ctx, d.way()); err != nil {
		return err
	}
	path, err := findRunner(d.options.Runners, d.survey)
	if err != nil {
		return &Trouble{d.target.String(), err.Error(), "make runners builds it; put it beside wisp", err}
	}
	if d.runner, err = d.bring(ctx, path, true); err != nil {
		return err
	}
	wanted := d.options.Cores
	d.options.Cores = nil // until it is known which there are
	if err := d.restart(ctx); err != nil {
		return err
	}
	if d.options.Cores, err = d.choose(wanted); err != nil {
		return err
	}
	if d.options.Cores != nil {
		if err := d.restart(ctx); err != nil {
			return err
		}
	}
	return d.cool(ctx)
}

// choose finds the cores that runners are kept on; nil: all.
func (d *Device) choose(wanted []int) ([]int, error) {
	if d.options.Cluster != "" && wanted == nil {
		cores, err := d.Host.Cluster(d.options.Cluster)
		if err != nil {
			return nil, &Trouble{d.target.String(), err.Error(), "leave --cluster out, or give --cores LIST", err}
		}
		return cores, nil
	}
	for _, c := range wanted {
		if all := d.Host.Affinity; all != nil && !slices.Contains(all, c) {
			return nil, &Trouble{d.target.String(), fmt.Sprintf("core %d: there is none that a process may use", c), "want some of --cores " + strings.ReplaceAll(strings.Trim(fmt.Sprint(all), "[]"), " ", ","), nil}
		}
	}
	return wanted, nil
}

// restart starts the control process anew and reads the machine.
func (d *Device) restart(ctx context.Context) (err error) {
	if d.control != nil {
		d.control.Close()
	}
	if d.control, err = d.start(d.ctx); err != nil {
		return err
	}
	var h record.Host
	if err := d.control.Machine(&h); err != nil {
		return err
	}
	for _, s := range []string{h.CPU, h.Device, h.OS, h.Arch, h.Kernel} {
		if !record.Printable(s) {
			return &Trouble{d.target.String(), "it describes itself in no text for a terminal", "is this the runner that was pushed?", nil}
		}
	}
	product, own := d.way().about(ctx)
	if !record.Printable(product) {
		product = ""
	}
	if h.Device == "" {
		h.Device = product
	}
	h.Unit = record.UnitOf(own)
	if d.Host.Unit != "" && d.Host.Unit != h.Unit {
		return &Trouble{d.target.String(), "another device answers than the one that was begun with", "connect that one again, or name it: --on adb:SERIAL", nil}
	}
	d.Host = h
	return nil
}

// start starts a fresh runner.
func (d *Device) start(ctx context.Context) (*runner.Client, error) {
	command := "exec " + quote(d.runner)
	if d.options.Cores != nil {
		var list []string
		for _, c := range d.options.Cores {
			list = append(list, strconv.Itoa(c))
		}
		command += " --cores " + strings.Join(list, ",")
	}
	return runner.Dial(ctx, d.target.String(), func(ctx context.Context, said io.Writer) (*runner.Conn, error) {
		return d.way().start(ctx, command, said)
	}, runner.Options{})
}

// cool waits until the device is no hotter than is allowed.
func (d *Device) cool(ctx context.Context) error {
	for began, said := time.Now(), false; ; {
		r := d.Sensors()
		if r.Celsius == nil || *r.Celsius <= d.options.MaxCelsius {
			return nil
		}
		if time.Since(began) >= d.options.Cool {
			return &Trouble{d.target.String(), fmt.Sprintf("it is too hot: %.0f °C, measured is at %.0f °C at most", *r.Celsius, d.options.MaxCelsius),
				"let it cool down, take it out of its case and off the charger; or give --max-temperature", nil}
		}
		if !said {
			d.options.Log("%s: %.0f °C: waiting for it to cool down to %.0f °C", d.target, *r.Celsius, d.options.MaxCelsius)
			said = true
		}
		if !pause(ctx, min(5*time.Second, d.options.Cool/4+time.Millisecond)) {
			return ctx.Err()
		}
	}
}

// Sensors reads the device's state; where the device is away, nothing.
func (d *Device) Sensors() bench.Reading {
	if d.sense != nil {
		return d.sense()
	}
	var r bench.Reading
	if err := d.control.Sense(&r); err != nil {
		var none bench.Reading
		for _, s := range []string{bench.SensorGovernor, bench.SensorFrequency, bench.SensorTemperature, bench.SensorThrottle, bench.SensorLoad, bench.SensorSteal} {
			none.Missing = append(none.Missing, bench.Absent{Sensor: s, Reason: "the device did not answer"})
		}
		return none
	}
	return r
}

// Probe times the fixed piece of work on the device. Where it is away that counts as
// instant, since the block itself will find it out.
func (d *Device) Probe() time.Duration {
	t, err := d.control.Probe()
	if err != nil {
		return 0
	}
	return t
}

// Adapt has a plan measured on the device.
func (d *Device) Adapt(p *bench.Plan) {
	p.Launch, p.Sensors, p.Probe, p.Ready, p.Again = d.Launch, d.Sensors, d.Probe, d.cool, d.Again
	p.Threshold = record.Threshold(d.Host.OS)
}

// Launch starts a process for a block, whose model's files are on the device.
func (d *Device) Launch(ctx context.Context, _ bench.Subject) (bench.Process, error) {
	c, err := d.start(ctx)
	if err != nil {
		return nil, err
	}
	return &Process{c, d, ctx}, nil
}

// Process is a runner on the device that is given models by their names here.
type Process struct {
	*runner.Client
	d   *Device
	ctx context.Context
}

// Load brings the model's files before it has them read.
func (p *Process) Load(q runner.LoadRequest) (runner.LoadReply, error) {
	q.Options = maps.Clone(q.Options)
	model := q.Model
	for _, path := range []*string{&q.Model, &q.Weights} {
		if name := *path; isFile(name) {
			remote, err := p.d.bring(p.ctx, name, false)
			if err != nil {
				return runner.LoadReply{}, err
			}
			*path = remote
		}
	}
	if name := q.Options["map"]; name != "" {
		remote, err := p.d.bring(p.ctx, name, false)
		if err != nil {
			return runner.LoadReply{}, err
		}
		q.Options["map"] = remote
	}
	r, err := p.Client.Load(q)
	if err == nil && r.Model.Model == q.Model {
		r.Model.Model = model // not by its path there
	}
	return r, err
}

// Again decides on a turn that failed: nil where the connection had broken and the device is
// back and ready, so that the turn can be done again.
func (d *Device) Again(ctx context.Context, failed error) error {
	var remote *runner.RemoteError
	var trouble *Trouble
	if errors.As(failed, &remote) || errors.As(failed, &trouble) && !errors.Is(failed, errLost) || ctx.Err() != nil {
		return failed
	}
	if !errors.Is(failed, errLost) && d.way().alive(ctx) == nil {
		return failed // the process died of itself
	}
	d.options.Log("%s: the connection is lost: waiting %v for it to come back", d.target, d.options.Wait)
	d.way().close()
	for until := time.Now().Add(d.options.Wait); ; {
		err := d.connect(ctx)
		if err == nil {
			if err = d.restore(ctx); err == nil {
				err = d.restart(ctx)
			}
			if err == nil {
				d.options.Log("%s: it is back", d.target)
				return d.cool(ctx)
			}
			if errors.As(err, &trouble) && !errors.Is(err, errLost) {
				return err
			}
			d.way().close()
		}
		if errors.As(err, &trouble) && !errors.Is(err, errLost) && !errors.Is(err, errAway) {
			return err // of another kind than being away: a key that changed, say
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(until) {
			return &Trouble{d.target.String(), fmt.Sprintf("it went in the middle and was away for %v", d.options.Wait),
				"connect it again and run the command once more; what was done is kept (eval goes on with --resume)", err}
		}
		if !pause(ctx, 500*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// errAway is a device that is not there now.
var errAway = errors.New("the device is away")

// Close ends the processes and removes what was brought, unless it is to stay.
func (d *Device) Close() {
	if d.control != nil {
		d.control.Close()
	}
	if d.survey != nil && !d.options.Keep {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), 20*time.Second)
		defer cancel()
		if err := d.clean(ctx); err != nil {
			// It may have come back since: once more on a fresh connection.
			d.way().close()
			if d.connect(ctx) != nil || d.clean(ctx) != nil {
				d.options.Log("%s: what was brought there is left behind in %s: remove it when the device is back", d.target, d.survey.dir)
			}
		}
	}
	d.way().close()
}

// explain makes one line with a remedy of whatever went wrong.
func (d *Device) explain(err error) error {
	var trouble *Trouble
	if errors.As(err, &trouble) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &Trouble{d.target.String(), short(err), "wisp devices tells what is wrong", err}
}
