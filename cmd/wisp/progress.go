package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// plainEvery is how often progress is said where there is no terminal to draw on.
const plainEvery = 30 * time.Second

// progress shows how far a long job is: a bar on a terminal, else a plain line now and
// then, both on stderr. The zero value shows nothing.
type progress struct {
	out     io.Writer
	what    string
	started time.Time
	last    time.Time
	every   time.Duration // of plain lines
	bars    *mpb.Progress
	bar     *mpb.Bar
	note    atomic.Value // string, shown after the bar
}

// progress starts showing a job; done says how many of how many steps are finished.
func (a *app) progress(what string) *progress {
	p := &progress{what: what, started: time.Now(), last: time.Now(), every: plainEvery}
	if a.quiet || a.noProgress {
		return p
	}
	p.out = a.errs
	if a.every > 0 {
		p.every, p.last = a.every, time.Time{}
	} else if isTerminal(a.errs) && os.Getenv("TERM") != "dumb" {
		p.bars = mpb.New(mpb.WithOutput(a.errs), mpb.WithWidth(40), mpb.WithRefreshRate(150*time.Millisecond))
	}
	return p
}

// set says that done of total steps are finished; note is appended.
func (p *progress) set(done, total int, note string) {
	switch {
	case p.out == nil || total == 0:
	case p.bars != nil:
		if p.bar == nil {
			p.bar = p.bars.AddBar(int64(total), mpb.BarRemoveOnComplete(),
				mpb.PrependDecorators(decor.Name(p.what+" "), decor.CountersNoUnit("%d/%d ")),
				mpb.AppendDecorators(decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 6}), decor.Name(" left "), decor.Any(func(decor.Statistics) string {
					note, _ := p.note.Load().(string)
					return note
				})))
		}
		p.note.Store(note)
		p.bar.SetCurrent(int64(done))
	case time.Since(p.last) >= p.every:
		p.last = time.Now()
		spent := time.Since(p.started)
		left := "?"
		if done > 0 {
			left = (spent / time.Duration(done) * time.Duration(total-done)).Round(time.Second).String()
		}
		fmt.Fprintf(p.out, "wisp: %s: %d/%d, %.3g/s, %s left %s\n", p.what, done, total, float64(done)/spent.Seconds(), left, note)
	}
}

// stop removes the bar.
func (p *progress) stop() {
	if p.bar != nil {
		p.bar.Abort(true)
	}
	if p.bars != nil {
		p.bars.Wait()
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colours reports whether the result may be coloured: it goes to a terminal that takes
// colours from a user who wants them (https://no-color.org).
func (a *app) colours() bool {
	return isTerminal(a.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// width is how many columns the result may take: the terminal's, else no limit.
func (a *app) width() int {
	if f, ok := a.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			return w
		}
	}
	return 0
}
