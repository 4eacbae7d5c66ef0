package pull

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/catalog"
)

const (
	maxRedirects = 5
	// maxRounds bounds the connections of one file, however little each brings.
	maxRounds    = 100
	maxWait      = 30 * time.Second
	dialTimeout  = 15 * time.Second
	maxHeader    = 64 << 10
	userAgent    = "wisp (https://github.com/wispnet/wisp)"
	keptForLater = "what has come is kept: pull again to go on, or take another place with --from"
)

// NewClient makes the client of Fetch: proxies from the environment, few redirects, none
// that leaves encryption, bounded headers and times. Bodies are bounded by Limits.
func NewClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:    dialTimeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // ranges and hashes are of the file's own bytes
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        maxWait,
		},
		CheckRedirect: checkRedirect,
	}
}

// redirectError is a redirect that is not followed.
type redirectError struct{ why string }

func (e *redirectError) Error() string { return e.why }

func checkRedirect(req *http.Request, via []*http.Request) error {
	switch last := via[len(via)-1].URL; {
	case len(via) > maxRedirects:
		return &redirectError{fmt.Sprintf("redirected more than %d times", maxRedirects)}
	case req.URL.Scheme != "http" && req.URL.Scheme != "https":
		return &redirectError{fmt.Sprintf("redirected to %s: not followed", req.URL.Redacted())}
	case last.Scheme == "https" && req.URL.Scheme == "http":
		return &redirectError{fmt.Sprintf("redirected from https to %s: not followed", req.URL.Redacted())}
	}
	return nil
}

// statusError is an answer of the server that brings no file.
type statusError struct {
	code  int
	after time.Duration // Retry-After
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.code, http.StatusText(e.code))
}

var (
	errStalled = errors.New("the connection stalled")
	errRange   = errors.New("the server answers with another part of the file")
)

// passing reports whether an error may be gone at the next try.
func passing(err error) bool {
	var (
		status   *statusError
		redirect *redirectError
		refused  *graph.Refused
		disk     *diskError
		name     *net.DNSError
		cert     *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &status):
		return status.code >= 500 && status.code != http.StatusNotImplemented || status.code == http.StatusTooManyRequests || status.code == http.StatusRequestTimeout
	case errors.As(err, &redirect), errors.As(err, &refused), errors.As(err, &disk), errors.As(err, &cert):
		return false
	case errors.As(err, &name):
		return !name.IsNotFound
	}
	return true
}

// download brings the rest of a part over HTTP, going on after dropped connections.
func download(ctx context.Context, e catalog.Entry, o Options, source string, p *part) error {
	client := o.Client
	if client == nil {
		client = NewClient()
		defer client.CloseIdleConnections()
	}
	idle := 0 // tries in a row that brought nothing
	for round := 1; ; round++ {
		before := p.n
		err := request(ctx, client, e, o, source, p)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var disk *diskError
		var refused *graph.Refused
		switch {
		case errors.As(err, &disk), errors.As(err, &refused):
			return err
		case !passing(err):
			return fmt.Errorf("%s: %w: take another place with --from", redact(source), trim(err))
		}
		if idle++; p.n > before {
			idle = 0
		}
		if idle >= o.Limits.Tries || round >= maxRounds {
			return fmt.Errorf("%s: %w: tried %d times; %s", redact(source), trim(err), round, keptForLater)
		}
		if err := pause(ctx, o.Limits.Wait, idle, err); err != nil {
			return err
		}
	}
}

// trim takes the method and the URL from the client's error; the caller names the URL.
func trim(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// pause waits before a try: as long as the server asks, else longer each time, and not
// all clients at once.
func pause(ctx context.Context, wait time.Duration, idle int, cause error) error {
	wait = min(wait<<min(max(idle-1, 0), 16), maxWait)
	wait = wait/2 + rand.N(wait/2+1)
	var status *statusError
	if errors.As(cause, &status) && status.after > 0 {
		wait = min(status.after, maxWait)
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// request asks once for what is missing and receives it.
func request(ctx context.Context, client *http.Client, e catalog.Entry, o Options, source string, p *part) error {
	// Without a hash nothing shows that two halves belong together but the server's word.
	if p.n > 0 && p.state.Validator == "" && o.SHA256 == "" && e.SHA256 == "" {
		if err := p.reset(); err != nil {
			return &diskError{cacheError(err)}
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var arrived atomic.Int64
	go watch(ctx, cancel, o.Limits, &arrived)

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return &redirectError{err.Error()}
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept-Encoding", "identity")
	if p.n > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.n))
		if p.state.Validator != "" {
			req.Header.Set("If-Range", p.state.Validator)
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return cause(ctx, err)
	}
	defer resp.Body.Close()
	total, done, err := accept(resp, p)
	if err != nil || done {
		return err
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return &graph.Refused{Path: e.File, What: fmt.Sprintf("from %s: came encoded as %q, which was not asked for", redact(source), enc)}
	}
	p.state.Validator = validator(resp.Header)
	if err := p.save(); err != nil {
		return &diskError{cacheError(err)}
	}
	return cause(ctx, receive(e, o, source, &counted{&ctxReader{ctx, resp.Body}, &arrived}, p, total))
}

// cause is what ended a connection: a stall shows as a cancelled context.
func cause(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// accept looks at an answer's head: how many bytes the whole file has (negative:
// unknown), and whether nothing is missing. A part that the answer does not continue is
// begun anew.
func accept(resp *http.Response, p *part) (total int64, done bool, err error) {
	reset := func() error {
		if err := p.reset(); err != nil {
			return &diskError{cacheError(err)}
		}
		return nil
	}
	switch resp.StatusCode {
	case http.StatusOK: // the whole file: it changed, or the server knows no ranges
		if p.n > 0 {
			err = reset()
		}
		return resp.ContentLength, false, err
	case http.StatusPartialContent:
		first, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || first != p.n {
			return 0, false, errors.Join(reset(), errRange)
		}
		p.joined = p.joined || p.n > 0
		return total, false, nil
	case http.StatusRequestedRangeNotSatisfiable:
		if _, total, ok := contentRange(resp.Header.Get("Content-Range")); ok && total == p.n && p.n > 0 {
			return total, true, nil
		}
		return 0, false, errors.Join(reset(), errRange)
	}
	after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return 0, false, &statusError{resp.StatusCode, time.Duration(min(max(after, 0), 3600)) * time.Second}
}

// contentRange reads "bytes FIRST-LAST/TOTAL" and "bytes */TOTAL"; a total of * is -1.
func contentRange(s string) (first, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, size, cut := strings.Cut(s, "/")
	if !ok || !cut {
		return 0, 0, false
	}
	total = -1
	if size != "*" {
		n, err := strconv.ParseUint(size, 10, 62)
		if err != nil {
			return 0, 0, false
		}
		total = int64(n)
	}
	if span == "*" {
		return 0, total, true
	}
	a, b, cut := strings.Cut(span, "-")
	from, err1 := strconv.ParseUint(a, 10, 62)
	to, err2 := strconv.ParseUint(b, 10, 62)
	if !cut || err1 != nil || err2 != nil || to < from || total >= 0 && to >= uint64(total) {
		return 0, 0, false
	}
	return int64(from), total, true
}

// validator is what If-Range may hold: a strong ETag, else the date of the last change.
func validator(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return h.Get("Last-Modified")
}

// watch gives a connection up that brings less than Limits ask for.
func watch(ctx context.Context, cancel context.CancelCauseFunc, l Limits, arrived *atomic.Int64) {
	tick := time.NewTicker(l.Stall)
	defer tick.Stop()
	for last := int64(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := arrived.Load()
			if now-last < l.MinBytes {
				cancel(errStalled)
				return
			}
			last = now
		}
	}
}

// counted counts what is read from it.
type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}
