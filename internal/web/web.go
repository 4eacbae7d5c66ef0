// Package web is wisp's local page: models, comparisons, records, running measurements and
// photographs in a browser, from this one binary, with nothing to build and nothing to fetch.
//
// It measures and counts nothing itself: documents come from the verbs (Config.Verb), a
// measurement is a process of wisp (Config.Command), pictures are internal/report's. views
// is the one table of pages; guard.go decides who may ask; each view has a file of its
// own, a template in html and, where it must react, a script in static. A view's state is
// its address, which also names its JSON and CSV and the command that prints the same.
// cmd/wisp's serve.go is the verb.
package web

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"sync"
	"time"

	"github.com/wispnet/wisp/internal/record"
)

// Config is what a server knows of its program.
type Config struct {
	Files   []string // models given on the command line; no other file can be named
	Records []string // folders and files of records; those of them that are missing hold none
	Data    string   // folder of labelled photographs for an evaluation; empty: none is offered
	Version string

	// Verb runs a verb of wisp in this process and returns its exit code.
	Verb func(ctx context.Context, args []string, stdout, stderr io.Writer) int
	// Command is a process of wisp that is not started yet.
	Command func(args ...string) *exec.Cmd
	// Envelope begins the documents that no verb prints.
	Envelope func(command string, diagnostics []string) record.Envelope

	Hosts []string // names that a request may be addressed to, beside localhost and addresses
	Token string   // what a request must know; empty: nothing
}

// Server answers the requests of a browser.
type Server struct {
	Config
	session string // the cookie of those who knew the token

	slots   chan struct{} // requests at work
	streams chan struct{} // progress that is being watched

	records  recordCache
	jobs     *jobs
	photos   photos
	programs programs
}

// The most that is done at once.
const (
	maxRequests = 16
	maxStreams  = 16
	maxConns    = 128
)

// New makes a server. Close ends what it runs.
func New(c Config) *Server {
	s := &Server{Config: c, slots: make(chan struct{}, maxRequests), streams: make(chan struct{}, maxStreams)}
	s.session = sessionOf(c.Token)
	s.jobs = newJobs(c.Command)
	return s
}

// Close cancels measurements and frees models.
func (s *Server) Close() {
	s.jobs.close()
	s.programs.close()
}

// view is a page that the navigation names.
type view struct {
	path, title string
	show        func(*Server, http.ResponseWriter, *http.Request) error
}

// views is every view, in the order of the navigation.
func views() []view {
	return []view{
		{"/", "Models", (*Server).showModels},
		{"/compare", "Compare", (*Server).showCompare},
		{"/diff", "Diff", (*Server).showDiff},
		{"/records", "Records", (*Server).showRecords},
		{"/run", "Run", (*Server).showRun},
		{"/classify", "Classify", (*Server).showClassify},
	}
}

// Handler is everything behind the guard.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, show func(*Server, http.ResponseWriter, *http.Request) error) {
		mux.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			out := &begun{ResponseWriter: w}
			if err := show(s, out, r); err != nil && !out.yes { // else it is the browser that went away
				s.fail(w, r, err)
			}
		}))
	}
	for _, v := range views() {
		path := v.path
		if path == "/" {
			path = "/{$}"
		}
		handle("GET "+path, v.show)
	}
	handle("GET /model", (*Server).showModel)
	handle("GET /graph", (*Server).showGraph)
	handle("GET /picture/blocks.svg", (*Server).blocksPicture)
	handle("GET /picture/graph.svg", (*Server).graphPicture)
	handle("GET /features", (*Server).showFeatures)
	handle("GET /picture/pair.svg", (*Server).pairPicture)
	handle("GET /picture/maps.png", (*Server).mapsPicture)
	handle("GET /picture/seen.png", (*Server).seenPicture)
	handle("GET /picture/photo", (*Server).photoPicture)
	handle("POST /run", (*Server).startRun)
	handle("POST /run/cancel", (*Server).cancelRun)
	handle("GET /run/events", (*Server).watchRun)
	handle("POST /classify", (*Server).takePhoto)
	handle("GET /static/{name}", (*Server).static)
	handle("/", func(_ *Server, _ http.ResponseWriter, r *http.Request) error {
		return problem(http.StatusNotFound, "%.100s: there is no such page", r.URL.Path)
	})
	return s.guard(mux)
}

// begun is an answer that knows whether it began.
type begun struct {
	http.ResponseWriter
	yes bool
}

func (b *begun) WriteHeader(status int) {
	b.yes = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// Serve answers on a listener until ctx ends; then measurements are cancelled.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute, // streams extend theirs
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // what strangers send is no news
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	go s.warm()
	var ending sync.WaitGroup
	ending.Go(func() {
		<-ctx.Done()
		s.Close()
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if h.Shutdown(end) != nil {
			h.Close()
		}
	})
	err := h.Serve(&limited{Listener: l, free: make(chan struct{}, maxConns)})
	if errors.Is(err, http.ErrServerClosed) {
		ending.Wait()
		return nil
	}
	return err
}

// warm counts the zoo and ranks the records, so that the first pages need not wait.
func (s *Server) warm() {
	templates()
	assets()
	zooRows()
	_, _ = s.recordsView(url.Values{}) // an error is told to whoever asks
}

// limited bounds how many connections there are.
type limited struct {
	net.Listener
	free chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.free <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &conn{Conn: c, free: l.free}, nil
}

type conn struct {
	net.Conn
	free   chan struct{}
	closed sync.Once
}

func (c *conn) Close() error {
	c.closed.Do(func() { <-c.free })
	return c.Conn.Close()
}
