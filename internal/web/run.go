package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Measurements in the browser: a form that starts one, and one that is watched.

// choice is an option of a form.
type choice struct {
	Value, Title string
	Chosen       bool
}

type runBody struct {
	Offers  []ref
	Chosen  []string
	Kinds   []choice
	Levels  []choice
	Precise []choice
	Engines []choice
	Threads int
	Cores   int
	Limit   int
	Data    bool
	Job     *job
	Result  *runResult
	Jobs    []job
}

// Is reports whether a model is chosen in the form.
func (b *runBody) Is(id string) bool { return slices.Contains(b.Chosen, id) }

func choices(chosen string, all ...string) []choice {
	var out []choice
	for i := 0; i+1 < len(all); i += 2 {
		out = append(out, choice{all[i], all[i+1], all[i] == chosen || chosen == "" && i == 0})
	}
	return out
}

// mostRun bounds the models of a measurement.
const mostRun = 16

func (s *Server) showRun(w http.ResponseWriter, r *http.Request) error {
	form, err := asForm(r, "json", "csv")
	if err != nil {
		return err
	}
	q := r.URL.Query()
	b := runBody{Chosen: named(q), Threads: 1, Cores: runtime.NumCPU(), Limit: 100, Data: s.Data != "", Offers: s.options(named(q)...), Jobs: s.jobs.list()}
	b.Kinds = choices(q.Get("kind"), "bench", "latency (bench)", "profile", "latency with time by layer (bench --profile)")
	if b.Data {
		b.Kinds = append(b.Kinds, choice{"eval", "accuracy (eval)", q.Get("kind") == "eval"})
	}
	b.Levels = choices(q.Get("level"), "quick", "quick: about two seconds a model", "standard", "standard: about a minute a model, ranked", "publish", "publish: minutes a model")
	b.Precise = choices(q.Get("precision"), "float32", "float32", "int8", "int8", "float32,int8", "both")
	b.Engines = choices(q.Get("engine"), "native", "wisp's own", "native,onnxruntime", "wisp's own and ONNX Runtime", "native,tflite", "wisp's own and TensorFlow Lite")
	p := page{Title: "Run", Scripts: []string{"run.js"}, Body: &b}
	if len(b.Chosen) == 0 {
		b.Chosen = []string{"ghostnet", "mobilenet_v2"}
	}
	p.Command = []string{"bench", "ghostnet", "mobilenet_v2", "--level", "quick"}
	if text := q.Get("job"); text != "" {
		id, err := strconv.Atoi(text)
		if err != nil {
			return problem(http.StatusBadRequest, "job=%.20s: want a number", text)
		}
		j, _, err := s.jobs.get(id)
		if err != nil {
			return err
		}
		if form != "" && len(j.document) == 0 {
			return problem(http.StatusNotFound, "measurement %d has no document: it is %s", id, j.State)
		}
		if form == "json" {
			w.Header().Set("Content-Type", "application/json")
			_, err := w.Write(j.document)
			return err
		}
		b.Job = &j
		p.Title, p.Command = fmt.Sprintf("Run %d", id), j.Args
		if len(j.document) > 0 {
			p.Forms = []string{"json", "csv"}
			if b.Result, err = s.resultOf(&j); err != nil {
				return err
			}
			if form == "csv" {
				return s.csv(w, fmt.Sprintf("run%d", id), append([][]string{b.Result.Heads}, b.Result.Rows...))
			}
		}
	} else if form != "" {
		return problem(http.StatusBadRequest, "name a measurement: job=N")
	}
	return s.html(w, r, "run", &p)
}

// startRun takes the form.
func (s *Server) startRun(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return problem(http.StatusBadRequest, "the form: %v", err)
	}
	models, err := s.refs(r.Form, mostRun)
	if err != nil {
		return err
	}
	args, err := s.runArgs(r.PostForm, models)
	if err != nil {
		return err
	}
	var titles []string
	for _, m := range models {
		opened, err := s.open(m) // what is damaged or too large is said now
		if err != nil {
			return err
		}
		opened.Close()
		titles = append(titles, m.Title)
	}
	id, err := s.jobs.add(r.PostForm.Get("kind"), titles, args)
	if err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/run?job=%d", id), http.StatusSeeOther)
	return nil
}

// runArgs is the command line that a form asks for: every word is one of ours, a checked
// name or a number.
func (s *Server) runArgs(f url.Values, models []ref) ([]string, error) {
	if len(models) == 0 {
		return nil, problem(http.StatusBadRequest, "no model is chosen: choose at least one")
	}
	var names []string
	for _, m := range models {
		names = append(names, m.Arg)
	}
	number := func(key string, least, most int) (string, error) {
		n, err := strconv.Atoi(f.Get(key))
		if err != nil || n < least || n > most {
			return "", problem(http.StatusBadRequest, "%s: %.20q: want %d to %d", key, f.Get(key), least, most)
		}
		return strconv.Itoa(n), nil
	}
	one := func(key string, of ...string) (string, error) {
		if v := f.Get(key); slices.Contains(of, v) {
			return v, nil
		}
		return "", problem(http.StatusBadRequest, "%s: %.20q: want one of %s", key, f.Get(key), strings.Join(of, ", "))
	}
	kind, err := one("kind", "bench", "profile", "eval")
	if err != nil {
		return nil, err
	}
	engine, err := one("engine", "native", "native,onnxruntime", "native,tflite")
	if err != nil {
		return nil, err
	}
	threads, err := number("threads", 1, runtime.NumCPU())
	if err != nil {
		return nil, err
	}
	if kind == "eval" {
		if s.Data == "" {
			return nil, problem(http.StatusBadRequest, "no folder of photographs: start wisp serve with --data DIR")
		}
		limit, err := number("limit", 1, 1_000_000)
		if err != nil {
			return nil, err
		}
		return append(append([]string{"eval"}, names...), "--data", s.Data, "--limit", limit, "--threads", threads, "--engine", engine), nil
	}
	level, err := one("level", "quick", "standard", "publish")
	if err != nil {
		return nil, err
	}
	precision, err := one("precision", "float32", "int8", "float32,int8")
	if err != nil {
		return nil, err
	}
	args := append([]string{"bench"}, names...)
	args = append(args, "--level", level, "--threads", threads, "--precision", precision, "--engine", engine)
	if kind == "profile" {
		args = append(args, "--profile")
	}
	return args, nil
}

func (s *Server) cancelRun(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.Atoi(r.FormValue("job"))
	if err != nil {
		return problem(http.StatusBadRequest, "job: %.20q: want a number", r.FormValue("job"))
	}
	if err := s.jobs.stop(id); err != nil {
		return err
	}
	http.Redirect(w, r, fmt.Sprintf("/run?job=%d", id), http.StatusSeeOther)
	return nil
}

// runState is an event of the stream.
type runState struct {
	State string `json:"state"`
	Done  int    `json:"done"`
	Total int    `json:"total"`
	Note  string `json:"note"`
	Line  string `json:"line"`
	Over  bool   `json:"over"`
}

// watchRun streams a measurement's state as server-sent events, whole each time, until it is
// over.
func (s *Server) watchRun(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.Atoi(r.URL.Query().Get("job"))
	if err != nil {
		return problem(http.StatusBadRequest, "job: want a number")
	}
	if _, _, err := s.jobs.get(id); err != nil {
		return err
	}
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{}) // a recorder of tests has none
	w.Header().Set("Content-Type", "text/event-stream")
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		j, changed, err := s.jobs.get(id)
		if err != nil {
			return nil // it was dropped while it was watched
		}
		b, err := json.Marshal(runState{j.State, j.Done, j.Total, j.Note, j.Line, j.Over()})
		if err != nil {
			return err
		}
		_ = c.SetWriteDeadline(time.Now().Add(30 * time.Second))
		if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil || c.Flush() != nil || j.Over() {
			return nil
		}
		for waiting := true; waiting; {
			select {
			case <-r.Context().Done():
				return nil
			case <-changed:
				waiting = false
			case <-beat.C:
				_ = c.SetWriteDeadline(time.Now().Add(30 * time.Second))
				if _, err := fmt.Fprint(w, ": alive\n\n"); err != nil || c.Flush() != nil {
					return nil
				}
			}
		}
	}
}
