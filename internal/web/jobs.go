package web

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Measurements: processes of wisp, one at a time, the next waiting in a bounded queue. What
// watches one is told of every change.

// job is a measurement. Its fields are read under the lock of jobs.
type job struct {
	ID      int
	Kind    string // bench, profile, eval
	Args    []string
	Models  []string // as people read them
	State   string   // one of the states below
	Done    int      // of Total
	Total   int
	Note    string // what it is at
	Line    string // the last thing it said
	Queued  time.Time
	Started time.Time
	Ended   time.Time

	document []byte // what it printed
	changed  chan struct{}
	cancel   func() // nil: it runs no more
	asked    bool   // it was cancelled
}

const (
	waiting   = "waiting"
	running   = "running"
	done      = "done"
	failed    = "failed"
	cancelled = "cancelled"
)

// Over reports whether nothing more comes of it.
func (j *job) Over() bool { return j.State != waiting && j.State != running }

const (
	maxWaiting = 3  // jobs that wait
	maxKept    = 20 // jobs whose results are kept
	killAfter  = 5 * time.Second
)

type jobs struct {
	command func(args ...string) *exec.Cmd

	mu     sync.Mutex
	all    []*job
	last   int
	ended  bool
	active sync.WaitGroup
}

func newJobs(command func(args ...string) *exec.Cmd) *jobs { return &jobs{command: command} }

// add has a measurement run, now or after those before it.
func (js *jobs) add(kind string, models, args []string) (int, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	n, busy := 0, false
	for _, j := range js.all {
		switch j.State {
		case waiting:
			n++
		case running:
			busy = true
		}
	}
	switch {
	case js.ended:
		return 0, problem(http.StatusServiceUnavailable, "the server is ending")
	case n >= maxWaiting:
		return 0, problem(http.StatusServiceUnavailable, "%d measurements wait already: cancel one or try again later", n)
	}
	js.last++
	j := &job{ID: js.last, Kind: kind, Args: args, Models: models, State: waiting, Queued: time.Now(), changed: make(chan struct{})}
	js.all = append(js.all, j)
	if drop := len(js.all) - maxKept; drop > 0 {
		js.all = js.all[drop:]
	}
	if !busy {
		js.next()
	}
	return j.ID, nil
}

// next starts the first job that waits, if none runs. The lock is held.
func (js *jobs) next() {
	for _, j := range js.all {
		if j.State == running {
			return
		}
	}
	for _, j := range js.all {
		if j.State == waiting {
			js.start(j)
			if j.State == running {
				return
			}
		}
	}
}

// start runs a job's process. The lock is held.
func (js *jobs) start(j *job) {
	cmd := js.command(append(j.Args[:len(j.Args):len(j.Args)], "--json", "--progress-every", "200ms")...)
	out := &boundedBuffer{limit: maxDocument}
	cmd.Stdout = out
	cmd.Stdin = nil
	errs, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	j.Started = time.Now()
	if err != nil {
		j.State, j.Line, j.Ended = failed, oneLine(err), time.Now()
		js.tell(j)
		return
	}
	j.State = running
	ended := make(chan struct{})
	j.cancel = func() {
		if cmd.Process.Signal(os.Interrupt) != nil {
			_ = cmd.Process.Kill() // it ended, or signals are unknown here
			return
		}
		go func() {
			select {
			case <-ended:
			case <-time.After(killAfter):
				_ = cmd.Process.Kill()
			}
		}()
	}
	js.tell(j)
	js.active.Go(func() {
		js.listen(j, errs)
		err := cmd.Wait()
		close(ended)
		js.mu.Lock()
		defer js.mu.Unlock()
		js.finish(j, out, err)
		if !js.ended {
			js.next()
		}
	})
}

// finish keeps what came of a job. The lock is held.
func (js *jobs) finish(j *job, out *boundedBuffer, err error) {
	j.cancel, j.Ended, j.Note = nil, time.Now(), ""
	if out.Len() > 0 && !out.over {
		j.document = out.Bytes()
	}
	switch {
	case err == nil && out.over:
		j.State, j.Line = failed, fmt.Sprintf("its document is larger than %d MB", maxDocument>>20)
	case err == nil:
		j.State, j.Line, j.Done = done, "", j.Total
	case j.asked:
		j.State, j.Line = cancelled, "cancelled; what was finished is kept"
	default:
		j.State = failed
		if j.Line == "" {
			j.Line = oneLine(err)
		}
	}
	js.tell(j)
}

// progressLine is a plain line of progress.
var progressLine = regexp.MustCompile(`^wisp: .+?: (\d{1,9})/(\d{1,9}), .* left ?(.*)$`)

// listen follows what a process says.
func (js *jobs) listen(j *job, r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		js.mu.Lock()
		if m := progressLine.FindStringSubmatch(text); m != nil {
			j.Done, _ = strconv.Atoi(m[1])
			j.Total, _ = strconv.Atoi(m[2])
			j.Note = m[3]
		} else if text != "" && !strings.HasPrefix(text, "wisp: note: ") {
			j.Line = strings.TrimPrefix(text, "wisp: ")
		}
		js.tell(j)
		js.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r) // a line that is too long must not stop it
}

// tell wakes those who watch. The lock is held.
func (js *jobs) tell(j *job) {
	close(j.changed)
	j.changed = make(chan struct{})
}

// get is a job as it is now, and what is closed when that changes.
func (js *jobs) get(id int) (job, <-chan struct{}, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	for _, j := range js.all {
		if j.ID == id {
			return *j, j.changed, nil
		}
	}
	return job{}, nil, problem(http.StatusNotFound, "measurement %d is not known any more: it may be among the records", id)
}

// list is all jobs as they are now, the newest first.
func (js *jobs) list() []job {
	js.mu.Lock()
	defer js.mu.Unlock()
	out := make([]job, 0, len(js.all))
	for i := len(js.all) - 1; i >= 0; i-- {
		out = append(out, *js.all[i])
	}
	return out
}

// stop cancels a job.
func (js *jobs) stop(id int) error {
	js.mu.Lock()
	defer js.mu.Unlock()
	for _, j := range js.all {
		if j.ID != id {
			continue
		}
		switch {
		case j.State == waiting:
			j.State, j.Ended, j.Line = cancelled, time.Now(), "cancelled before it began"
			js.tell(j)
		case j.State == running && !j.asked:
			j.asked, j.Note = true, "cancelling"
			j.cancel()
			js.tell(j)
		}
		return nil
	}
	return problem(http.StatusNotFound, "measurement %d is not known any more", id)
}

// close cancels everything and waits until nothing runs.
func (js *jobs) close() {
	js.mu.Lock()
	js.ended = true
	for _, j := range js.all {
		switch {
		case j.State == waiting:
			j.State, j.Ended = cancelled, time.Now()
			js.tell(j)
		case j.State == running && !j.asked:
			j.asked = true
			j.cancel()
		}
	}
	js.mu.Unlock()
	js.active.Wait()
}
