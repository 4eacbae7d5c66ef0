package pull

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/catalog"
)

// server answers each request with the next handler, the last one again and again, and
// keeps what was asked for.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []*http.Request
}

func serve(t *testing.T, handlers ...http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(s.next(handlers))
	t.Cleanup(s.Close)
	return s
}

func (s *server) next(handlers []http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r)
		h := handlers[min(len(s.asked), len(handlers))-1]
		s.mu.Unlock()
		h(w, r)
	})
}

func (s *server) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// ranges are the Range headers of all requests.
func (s *server) ranges() string {
	var out []string
	for _, r := range s.requests() {
		out = append(out, cmp.Or(r.Header.Get("Range"), "whole"))
	}
	return strings.Join(out, " ")
}

// file serves bytes with ranges, and with a validator unless tag is empty.
func file(b []byte, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if tag != "" {
			w.Header().Set("ETag", tag)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
}

// cut sends n bytes of the whole file, then drops the connection.
func cut(b []byte, n int, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if tag != "" {
			w.Header().Set("ETag", tag)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// plain serves bytes and knows no ranges.
func plain(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.Write(b)
	}
}

// stream serves bytes without saying how many.
func stream(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		w.Write(b)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

const size = 200_000

// TestHTTP: whatever happens on the way, the file arrives whole, by these requests.
func TestHTTP(t *testing.T) {
	b, other := weights(1, size), weights(2, size)
	weak := func(w http.ResponseWriter, r *http.Request) { file(b, `W/"a"`)(w, r) }
	for _, c := range []struct {
		name     string
		handlers []http.HandlerFunc
		want     string // Range headers
	}{
		{"whole", []http.HandlerFunc{file(b, `"a"`)}, "whole"},
		{"no ranges", []http.HandlerFunc{plain(b)}, "whole"},
		{"no length", []http.HandlerFunc{stream(b)}, "whole"},
		{"weak validator", []http.HandlerFunc{weak}, "whole"},
		{"dropped, resumed", []http.HandlerFunc{cut(b, 70_000, `"a"`), file(b, `"a"`)}, "whole bytes=70000-"},
		{"dropped twice", []http.HandlerFunc{cut(b, 70_000, `"a"`), status(503), file(b, `"a"`)}, "whole bytes=70000- bytes=70000-"},
		{"dropped, no validator", []http.HandlerFunc{cut(b, 70_000, ""), file(b, "")}, "whole bytes=70000-"},
		{"dropped, ranges ignored", []http.HandlerFunc{cut(b, 70_000, ""), plain(b)}, "whole bytes=70000-"},
		{"dropped, changed meanwhile", []http.HandlerFunc{cut(other, 70_000, `"o"`), file(b, `"a"`)}, "whole bytes=70000-"},
		{"dropped, changed unsaid", []http.HandlerFunc{cut(other, 70_000, ""), file(b, ""), file(b, "")}, "whole bytes=70000- whole"},
		{"dropped, another range", []http.HandlerFunc{cut(b, 70_000, `"a"`), status(206, "Content-Range", "bytes 5-9/200000"), file(b, `"a"`)}, "whole bytes=70000- whole"},
		{"dropped, no such range", []http.HandlerFunc{cut(b, 70_000, `"a"`), status(416, "Content-Range", "bytes */10"), file(b, `"a"`)}, "whole bytes=70000- whole"},
		{"streams cut short", []http.HandlerFunc{stream(b[:70_000]), file(b, "")}, "whole bytes=70000-"},
		{"500, then well", []http.HandlerFunc{status(500), status(502), file(b, `"a"`)}, "whole whole whole"},
		{"429, then well", []http.HandlerFunc{status(429, "Retry-After", "x"), file(b, `"a"`)}, "whole whole"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.handlers...)
			e := entryOf(b, s.URL)
			e.Size.Exact = false
			r := mustFetch(t, e, options(t), b)
			if got := s.ranges(); got != c.want {
				t.Errorf("asked for %s, want %s", got, c.want)
			}
			if r.Present || r.Resumed != 0 || r.Check.Source != e.URL || len(r.Notes) > 0 {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestIfRange: a range is asked for on the condition that the file is the same.
func TestIfRange(t *testing.T) {
	b := weights(1, size)
	s := serve(t, cut(b, 70_000, `"a"`), file(b, `"a"`))
	mustFetch(t, entryOf(b, s.URL), options(t), b)
	if got := s.requests()[1].Header.Get("If-Range"); got != `"a"` {
		t.Errorf("If-Range is %q", got)
	}
	if got := s.requests()[0].Header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("Accept-Encoding is %q", got)
	}
}

// TestRefused: what is not the file is refused at once, and nothing of it is kept.
func TestRefused(t *testing.T) {
	b := weights(1, size)
	page := []byte("\r\n <!doctype HTML><title>Sign in</title>")
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"other bytes", plain(weights(2, size)), "its SHA-256 is"},
		{"too short", plain(b[:size-1]), "has 199999 bytes, want 200000"},
		{"too long", plain(append(b[:size:size], 0)), "has 200001 bytes, want 200000"},
		{"too long, unsaid", stream(append(b[:size:size], 0)), "has more than 200000 bytes"},
		{"a page", plain(page), "a web page came instead of the file"},
		{"a long page", stream(append(page, make([]byte, 2*size)...)), "a web page came instead of the file"},
		{"a pointer", plain([]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")), "a git-lfs pointer came"},
		{"an XML answer", plain([]byte("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>")), "an XML answer came"},
		{"empty", plain(nil), "has 0 bytes"},
		{"encoded", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte{0x1f, 0x8b})
		}, `came encoded as "gzip"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.handler)
			o := options(t)
			_, err := Fetch(t.Context(), entryOf(b, s.URL), o)
			refused(t, err, c.want)
			if !strings.HasPrefix(err.Error(), theFile+": from "+s.URL) {
				t.Errorf("got %v, want file and place first", err)
			}
			if got := s.ranges(); got != "whole" {
				t.Errorf("asked for %s, want one request", got)
			}
			holds(t, o.Dir)
		})
	}
}

// TestBound: without a published size the limit holds.
func TestBound(t *testing.T) {
	b := weights(1, size)
	for _, h := range []http.HandlerFunc{plain(b), stream(b)} {
		s := serve(t, h)
		e := entryOf(b, s.URL)
		e.Size = catalog.Size{}
		o := options(t)
		o.Limits.Bytes = size - 1
		_, err := Fetch(t.Context(), e, o)
		refused(t, err, "bytes, want 1 to 199999")
		o.Limits.Bytes = size
		mustFetch(t, e, o, b)
	}
}

// TestFails: what may pass is tried again, what will not is not; neither is refused.
func TestFails(t *testing.T) {
	b := weights(1, size)
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
		tries   int
	}{
		{"404", status(404), "the server answers 404 Not Found: take another place", 1},
		{"403", status(403), "403 Forbidden", 1},
		{"304", status(304), "304 Not Modified", 1},
		{"501", status(501), "501 Not Implemented", 1},
		{"500", status(500), "500 Internal Server Error: tried 3 times", 3},
		{"206 of nothing", status(206), "another part of the file", 3},
		{"dropped at once", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF: tried 3 times", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.handler)
			o := options(t)
			_, err := Fetch(t.Context(), entryOf(b, s.URL), o)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), s.URL) || strings.Contains(err.Error(), "Get ") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if got := len(s.requests()); got != c.tries {
				t.Errorf("asked %d times, want %d", got, c.tries)
			}
			holds(t, o.Dir)
		})
	}
	t.Run("no server", func(t *testing.T) {
		s := serve(t, status(404))
		s.Close()
		_, err := Fetch(t.Context(), entryOf(b, s.URL), options(t))
		if err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("password", func(t *testing.T) {
		s := serve(t, status(404))
		o := options(t)
		o.From, _ = ParseSource(strings.Replace(s.URL, "://", "://user:secret@", 1))
		_, err := Fetch(t.Context(), entryOf(b, ""), o)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
		if _, p, _ := s.requests()[0].BasicAuth(); p != "secret" {
			t.Errorf("the password was not sent")
		}
	})
}

// TestDribble: a server that drops every connection after a byte is given up in the end.
func TestDribble(t *testing.T) {
	b := weights(1, size)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		first := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, size-1, size))
		w.Header().Set("Content-Length", strconv.Itoa(size-first))
		w.WriteHeader(206)
		w.Write(b[first : first+1])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	_, err := Fetch(t.Context(), entryOf(b, s.URL), options(t))
	if err == nil || !strings.Contains(err.Error(), "tried 100 times") {
		t.Errorf("got %v", err)
	}
}

// TestStall: a connection that brings too little is given up and gone on with.
func TestStall(t *testing.T) {
	b := weights(1, size)
	for name, slow := range map[string]http.HandlerFunc{
		"silent": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"stops": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"a"`)
			w.Header().Set("Content-Length", strconv.Itoa(size))
			w.Write(b[:70_000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"dribbles": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"a"`)
			w.Header().Set("Content-Length", strconv.Itoa(size))
			for i := range b {
				if _, err := w.Write(b[i : i+1]); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(2 * time.Millisecond):
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			o.Limits.Stall, o.Limits.MinBytes = 100*time.Millisecond, 1000
			s := serve(t, slow, file(b, `"a"`))
			mustFetch(t, entryOf(b, s.URL), o, b)
			if len(s.requests()) < 2 { // more where this machine itself stalls
				t.Errorf("asked %s", s.ranges())
			}
		})
	}
	t.Run("for ever", func(t *testing.T) {
		o := options(t)
		o.Limits.Stall = 20 * time.Millisecond
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		_, err := Fetch(t.Context(), entryOf(b, s.URL), o)
		if !errors.Is(err, errStalled) || !strings.Contains(err.Error(), "tried 3 times") {
			t.Errorf("got %v", err)
		}
	})
}

// TestResume: a call that was interrupted is gone on with by the next one.
func TestResume(t *testing.T) {
	b, other := weights(1, 10*size), weights(2, 10*size)
	interrupt := func(t *testing.T, e catalog.Entry, o Options) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o.Progress = func(done, total int64) {
			if done > size {
				cancel()
			}
		}
		if _, err := Fetch(ctx, e, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want it cancelled", err)
		}
		holds(t, o.Dir, thePart, theState)
	}
	t.Run("goes on", func(t *testing.T) {
		s := serve(t, file(b, `"a"`))
		o := options(t)
		interrupt(t, entryOf(b, s.URL), o)
		if r := mustFetch(t, entryOf(b, s.URL), o, b); r.Resumed <= size {
			t.Errorf("resumed %d bytes", r.Resumed)
		}
		if got := s.requests()[1].Header.Get("If-Range"); got != `"a"` {
			t.Errorf("If-Range is %q", got)
		}
	})
	t.Run("no hash", func(t *testing.T) {
		s := serve(t, file(b, ""))
		o := options(t)
		o.Unhashed = true
		e := entryOf(b, s.URL)
		e.SHA256 = ""
		interrupt(t, e, o)
		if r := mustFetch(t, e, o, b); r.Resumed != 0 {
			t.Errorf("bytes were joined that nothing shows to belong together")
		}
	})
	t.Run("another server", func(t *testing.T) {
		s1, s2 := serve(t, file(other, `"a"`)), serve(t, file(b, `"a"`))
		o := options(t)
		interrupt(t, entryOf(b, s1.URL), o)
		mustFetch(t, entryOf(b, s2.URL), o, b)
		if got := s2.ranges(); got != "whole" {
			t.Errorf("asked for %s", got)
		}
	})
	t.Run("all there", func(t *testing.T) {
		s := serve(t, file(b, `"a"`))
		o := options(t)
		e := entryOf(b, s.URL)
		interrupt(t, e, o)
		if err := os.WriteFile(filepath.Join(o.Dir, thePart), b, 0o644); err != nil {
			t.Fatal(err)
		}
		mustFetch(t, e, o, b)
		if got := s.ranges(); got != "whole bytes=2000000-" {
			t.Errorf("asked for %s", got)
		}
	})
	t.Run("damaged part", func(t *testing.T) {
		s := serve(t, file(b, `"a"`))
		o := options(t)
		e := entryOf(b, s.URL)
		interrupt(t, e, o)
		if err := os.WriteFile(filepath.Join(o.Dir, thePart), other[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		mustFetch(t, e, o, b)
		if got := s.ranges(); got != "whole bytes=200000- whole" {
			t.Errorf("asked for %s", got)
		}
	})
	t.Run("damaged state", func(t *testing.T) {
		s := serve(t, file(b, `"a"`))
		o := options(t)
		e := entryOf(b, s.URL)
		interrupt(t, e, o)
		if err := os.WriteFile(filepath.Join(o.Dir, theState), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
		mustFetch(t, e, o, b)
		if got := s.ranges(); got != "whole whole" {
			t.Errorf("asked for %s", got)
		}
	})
	t.Run("refused after all", func(t *testing.T) {
		s := serve(t, file(other, `"a"`))
		o := options(t)
		e := entryOf(b, s.URL)
		interrupt(t, e, o)
		_, err := Fetch(t.Context(), e, o)
		refused(t, err, "its SHA-256 is")
		if len(s.requests()) != 3 {
			t.Errorf("asked for %s, want the part dropped once", s.ranges())
		}
		holds(t, o.Dir)
	})
}

// TestCancelPause: waiting for the next try ends with the context.
func TestCancelPause(t *testing.T) {
	s := serve(t, status(503, "Retry-After", "3600"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := Fetch(ctx, entryOf(weights(1, size), s.URL), options(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if time.Since(start) > 10*time.Second {
		t.Error("waited on")
	}
}

func TestRedirects(t *testing.T) {
	b := weights(1, size)
	hops := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			at, _ := strconv.Atoi(r.URL.Query().Get("hop"))
			if at == n {
				file(b, `"a"`)(w, r)
				return
			}
			http.Redirect(w, r, "/x?hop="+strconv.Itoa(at+1), http.StatusFound)
		}
	}
	t.Run("five", func(t *testing.T) {
		s := serve(t, hops(5))
		mustFetch(t, entryOf(b, s.URL), options(t), b)
	})
	t.Run("loop", func(t *testing.T) {
		s := serve(t, hops(-1))
		_, err := Fetch(t.Context(), entryOf(b, s.URL), options(t))
		if err == nil || !strings.Contains(err.Error(), "redirected more than 5 times") || len(s.requests()) != 6 {
			t.Errorf("got %v after %d requests", err, len(s.requests()))
		}
	})
	t.Run("another scheme", func(t *testing.T) {
		s := serve(t, status(302, "Location", "file:///etc/passwd"))
		_, err := Fetch(t.Context(), entryOf(b, s.URL), options(t))
		if err == nil || !strings.Contains(err.Error(), "not followed") || len(s.requests()) != 1 {
			t.Errorf("got %v after %d requests", err, len(s.requests()))
		}
	})
	t.Run("nowhere", func(t *testing.T) {
		s := serve(t, status(302))
		_, err := Fetch(t.Context(), entryOf(b, s.URL), options(t))
		if err == nil {
			t.Error("taken")
		}
	})
	t.Run("out of encryption", func(t *testing.T) {
		open := serve(t, file(b, `"a"`))
		s := serveTLS(t, http.RedirectHandler(open.URL, http.StatusFound).ServeHTTP)
		o := options(t)
		o.Client = s.trusting()
		_, err := Fetch(t.Context(), entryOf(b, s.URL), o)
		if err == nil || !strings.Contains(err.Error(), "redirected from https to http://") || len(open.requests()) != 0 {
			t.Errorf("got %v after %d requests", err, len(open.requests()))
		}
	})
	t.Run("into encryption, range and all", func(t *testing.T) {
		s := serveTLS(t, cut(b, 70_000, `"a"`), file(b, `"a"`))
		open := serve(t, http.RedirectHandler(s.URL, http.StatusFound).ServeHTTP)
		o := options(t)
		o.Client = s.trusting()
		mustFetch(t, entryOf(b, open.URL), o, b)
		if got := s.ranges(); got != "whole bytes=70000-" {
			t.Errorf("asked for %s", got)
		}
	})
}

func serveTLS(t *testing.T, handlers ...http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewUnstartedServer(s.next(handlers))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// trusting is Fetch's own client that also trusts the server's certificate.
func (s *server) trusting() *http.Client {
	c := NewClient()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	tr := c.Transport.(*http.Transport)
	tr.TLSClientConfig = &tls.Config{RootCAs: pool}
	tr.DisableKeepAlives = true
	return c
}

// TestCertificate: a server that cannot prove its name is not asked twice.
func TestCertificate(t *testing.T) {
	s := serveTLS(t, status(404))
	_, err := Fetch(t.Context(), entryOf(weights(1, size), s.URL), options(t))
	if err == nil || !strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "tried") {
		t.Errorf("got %v", err)
	}
}

// TestMirror: a mirror has the files under the same names, below any path.
func TestMirror(t *testing.T) {
	b := weights(1, size)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/some/where/"+theFile {
			http.NotFound(w, r)
			return
		}
		file(b, `"a"`)(w, r)
	})
	o := options(t)
	var err error
	if o.From, err = ParseSource(s.URL + "/some/where/"); err != nil {
		t.Fatal(err)
	}
	e := entryOf(b, "https://publisher.invalid")
	if r := mustFetch(t, e, o, b); r.Check.Source != s.URL+"/some/where/"+theFile || len(r.Notes) > 0 {
		t.Errorf("got %+v", r)
	}
	o = Options{Dir: t.TempDir(), From: o.From, Limits: quick}
	e.SHA256 = e.SHA256[:8]
	if r := mustFetch(t, e, o, b); len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "not forgery") {
		t.Errorf("got %+v, want the doubt said", r)
	}
}

// TestAtOnce: of many calls one fetches.
func TestAtOnce(t *testing.T) {
	b := weights(1, size)
	s := serve(t, file(b, `"a"`))
	o := options(t)
	var wg sync.WaitGroup
	var fetched atomic.Int32
	for range 8 {
		wg.Go(func() {
			r, err := Fetch(t.Context(), entryOf(b, s.URL), o)
			if err != nil {
				t.Error(err)
			}
			if !r.Present {
				fetched.Add(1)
			}
		})
	}
	wg.Wait()
	if len(s.requests()) != 1 || fetched.Load() != 1 {
		t.Errorf("%d requests, %d fetched, want one", len(s.requests()), fetched.Load())
	}
	mustFetch(t, entryOf(b, s.URL), o, b)
}

func TestProgress(t *testing.T) {
	b := weights(1, size)
	s := serve(t, cut(b, 70_000, `"a"`), file(b, `"a"`))
	o := options(t)
	last := int64(0)
	o.Progress = func(done, total int64) {
		if done <= last || total != size {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}
	mustFetch(t, entryOf(b, s.URL), o, b)
	if last != size {
		t.Errorf("ended at %d", last)
	}
}

// TestProxy: the environment's proxy is asked. The environment is read once a process,
// and loopback hosts have no proxy, so that another process asks for another host.
func TestProxy(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "weights by proxy") })
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HTTP_PROXY="+s.URL, "http_proxy="+s.URL, "NO_PROXY=", "no_proxy=", "WISP_TEST_PROXY_CHILD=http://publisher.invalid", "WISP_CACHE="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(s.requests()) != 1 || s.requests()[0].Host != "publisher.invalid" {
		t.Errorf("asked %d times", len(s.requests()))
	}
}

func proxyChild(site string) {
	e := entryOf([]byte("weights by proxy"), site)
	if _, err := Fetch(context.Background(), e, Options{Dir: os.Getenv("WISP_CACHE")}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestContentRange(t *testing.T) {
	for s, want := range map[string]string{
		"bytes 0-9/10":                    "0 10 true",
		"bytes 5-9/10":                    "5 10 true",
		"bytes 5-9/*":                     "5 -1 true",
		"bytes */10":                      "0 10 true",
		"bytes 5-10/10":                   "0 0 false",
		"bytes 6-5/10":                    "0 0 false",
		"bytes -5-9/10":                   "0 0 false",
		"bytes 5-9":                       "0 0 false",
		"5-9/10":                          "0 0 false",
		"":                                "0 0 false",
		"bytes 0-99999999999999999999/10": "0 0 false",
	} {
		first, total, ok := contentRange(s)
		if got := fmt.Sprint(first, total, ok); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 5-9/10")
	f.Add("bytes */10")
	f.Add("bytes 5-9/*")
	f.Fuzz(func(t *testing.T, s string) {
		if first, total, ok := contentRange(s); ok && (first < 0 || total < -1 || total >= 0 && first > total) {
			t.Errorf("%q: %d %d", s, first, total)
		}
	})
}

func TestPassing(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{io.ErrUnexpectedEOF, true},
		{errStalled, true},
		{&url.Error{Op: "Get", Err: &redirectError{"x"}}, false},
		{&statusError{code: 503}, true},
		{&statusError{code: 408}, true},
		{&statusError{code: 410}, false},
	} {
		if got := passing(c.err); got != c.want {
			t.Errorf("%v: got %v", c.err, got)
		}
	}
}
