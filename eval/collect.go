package eval

import (
	"fmt"
	"time"

	"github.com/wispnet/wisp/imagenet"
)

// Collector counts predictions that are made elsewhere, each image of each subject once, in
// the same files, with the same resuming and the same report as Run.
type Collector struct {
	e       *evaluation
	at      map[string]int
	started time.Time
	left    int // predictions still to come
}

// Collect opens the files of a plan. Its subjects need no sessions and its Decode is not called.
func Collect(p Plan) (*Collector, error) {
	for i := range p.Subjects {
		if p.Subjects[i].NewSession == nil {
			p.Subjects[i].NewSession = func() (Session, error) { return nil, fmt.Errorf("eval: collect: no sessions") }
		}
	}
	if p.Decode == nil {
		p.Decode = func(int) (*imagenet.RGB, error) { return nil, fmt.Errorf("eval: collect: no pictures") }
	}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	report := &Report{Results: []Result{}, Comparisons: []Comparison{}, Diagnostics: []string{}}
	e, err := newEvaluation(&p, report)
	if err != nil {
		return nil, err
	}
	c := &Collector{e: e, at: make(map[string]int, len(p.Images)), started: time.Now()}
	for i, im := range p.Images {
		c.at[im.Key] = i
		for _, t := range e.tracks {
			if t.done[i] == nil {
				c.left++
			}
		}
	}
	return c, nil
}

// Missing lists the images that some subject still lacks, in order.
func (c *Collector) Missing() []Image {
	var out []Image
	for i, im := range c.e.plan.Images {
		for _, t := range c.e.tracks {
			if t.done[i] == nil {
				out = append(out, im)
				break
			}
		}
	}
	return out
}

// Done reports whether every prediction is there.
func (c *Collector) Done() bool { return c.left == 0 }

// Add counts the predictions of one image, one for each subject in their order. Those that
// are there already are not counted again: fresh is false where all of them were, and
// differs names a subject whose first prediction, which is kept, was another one. The error
// is an *UnfitError where nothing was counted because they do not belong here.
func (c *Collector) Add(list []Prediction) (fresh bool, differs string, err error) {
	if len(list) != len(c.e.tracks) || len(list) == 0 {
		return false, "", &UnfitError{fmt.Sprintf("got %d predictions of an image, want %d", len(list), len(c.e.tracks))}
	}
	pos, ok := c.at[list[0].Image]
	if !ok {
		return false, "", &UnfitError{fmt.Sprintf("%q is none of the images", list[0].Image)}
	}
	for i := range list {
		if err := list[i].Check(c.e.plan.Images[pos]); err != nil {
			return false, "", err
		}
	}
	for i, t := range c.e.tracks {
		p := list[i]
		if had := t.done[pos]; had != nil {
			if !had.equal(&p) {
				differs = t.subject.Model
			}
			continue
		}
		if err := t.journal.write(&p); err != nil {
			return fresh, differs, err
		}
		t.take(pos, &p)
		t.ran++
		c.left--
		fresh = true
	}
	return fresh, differs, nil
}

// UnfitError says why predictions cannot be counted; every other error of Add is the disk's.
type UnfitError struct{ Why string }

func (e *UnfitError) Error() string { return "eval: collect: " + e.Why }

// State is the state so far, as Plan.Progress is told it.
func (c *Collector) State() Event {
	total := len(c.e.plan.Images)
	ev := c.e.event(0)
	done := total
	for _, r := range ev.Running {
		done = min(done, r.Images)
	}
	ev.Done, ev.Total = done, total
	return ev
}

// Note puts a line into the report's diagnostics.
func (c *Collector) Note(format string, args ...any) { c.e.report.note(format, args...) }

// Finish closes the files and reports what was collected.
func (c *Collector) Finish() (*Report, error) {
	defer c.e.close()
	return c.e.report, c.e.conclude(time.Since(c.started))
}
