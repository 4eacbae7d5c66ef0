// Package pull fetches the official weights that internal/catalog lists into the user's
// cache: from their publishers, from a mirror, or from a folder.
//
// A file takes its place only when its SHA-256 is the expected one; until then it is a
// .part beside it, which a later call goes on with. Which weights a network has, and
// whether they are in the cache, is the catalogue's to say; what a file holds is package
// format's. The caller of Fetch is cmd/wisp.
package pull

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/catalog"
)

// Options say where to fetch from, where to and what to trust.
type Options struct {
	Dir      string // the cache; made where absent
	From     Source // zero: each file's publisher
	SHA256   string // 64 hexadecimal digits that the user vouches for, instead of the catalogue's
	Unhashed bool   // take a file as it comes if nobody states its hash
	Client   *http.Client
	Limits   Limits
	Progress func(done, total int64) // total is 0 where unknown; nil: not wanted
}

// Limits bound a download; a zero field has the default.
type Limits struct {
	Bytes int64         // of any file; 1 GiB
	Tries int           // in a row that bring nothing; 5
	Wait  time.Duration // before the second try, doubled for each further one; 500 ms
	// Stall is the time within which MinBytes must come, else the connection is given up;
	// 30 s and 4096.
	Stall    time.Duration
	MinBytes int64
}

func (l Limits) withDefaults() Limits {
	set := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	set(&l.Bytes, catalog.MaxBytes)
	set(&l.MinBytes, 4096)
	set((*int64)(&l.Wait), int64(500*time.Millisecond))
	set((*int64)(&l.Stall), int64(30*time.Second))
	if l.Tries == 0 {
		l.Tries = 5
	}
	return l
}

// Result is a file that is in the cache and was checked.
type Result struct {
	catalog.Cached
	Present bool     // it was there already
	Resumed int64    // bytes that an earlier call had brought
	Notes   []string // doubts that belong beside the result
}

// NoHashError says that nobody states the hash of a file, so that it is not taken unless
// the user vouches for it.
type NoHashError struct{ File string }

func (e *NoHashError) Error() string {
	return e.File + ": its publisher states no SHA-256"
}

// Fetch brings an entry's file into the cache, or finds it there.
//
// The error is a *NoHashError, a *graph.Refused for a file that is not the expected one
// (which is removed), what the system says of the cache, or what went wrong on the way;
// in the last case, and when ctx ends, what has come is kept for the next call.
func Fetch(ctx context.Context, e catalog.Entry, o Options) (Result, error) {
	o.Limits = o.Limits.withDefaults()
	o.SHA256 = strings.ToLower(o.SHA256)
	if r, ok := present(e, o); ok {
		return r, nil
	}
	if e.SHA256 == "" && o.SHA256 == "" && !o.Unhashed {
		return Result{}, &NoHashError{e.File}
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Result{}, cacheError(err)
	}
	path := filepath.Join(o.Dir, e.File)
	lock := flock.New(path + ".lock")
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		if ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
		return Result{}, cacheError(fmt.Errorf("%s.lock: %w", path, err))
	}
	defer lock.Unlock()
	if r, ok := present(e, o); ok { // another process has brought it meanwhile
		return r, nil
	}
	r := Result{}
	if sum, n, err := hashFile(ctx, path); err == nil {
		if o.accepts(e, sum) {
			r.Present = true
			return r, r.place(e, o, catalog.Check{SHA256: sum, Bytes: n, Source: "found in the cache"})
		}
		r.note("%s: the file in the cache was another one and is replaced", e.File)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Result{}, err
	}
	source := o.From.of(e)
	sum, err := fetch(ctx, e, o, source, path+".part", &r)
	if err != nil {
		return Result{}, err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return Result{}, cacheError(err)
	}
	os.Remove(path + ".part" + stateSuffix)
	if len(e.SHA256) < 64 && o.SHA256 == "" && strings.HasPrefix(source, "http:") {
		r.note("%s: came over a connection that is not encrypted, and only the first %d digits of its SHA-256 are published: they show damage, not forgery", e.File, len(e.SHA256))
	}
	return r, r.place(e, o, catalog.Check{SHA256: sum, Source: redact(source)})
}

// present looks for the file in the cache as it was checked before; a hash of the
// user's must be the file's.
func present(e catalog.Entry, o Options) (Result, bool) {
	c, ok := catalog.In(o.Dir, e)
	if !ok || o.SHA256 != "" && c.Check.SHA256 != o.SHA256 {
		return Result{}, false
	}
	return Result{Cached: c, Present: true}, true
}

// accepts reports whether a file of that hash is the one that is wanted.
func (o *Options) accepts(e catalog.Entry, sum string) bool {
	switch {
	case o.SHA256 != "":
		return sum == o.SHA256
	case e.SHA256 != "":
		return e.Matches(sum)
	}
	return o.Unhashed
}

// place writes down that the file in the cache was checked.
func (r *Result) place(e catalog.Entry, o Options, c catalog.Check) error {
	c.Trusted = !e.Matches(c.SHA256)
	switch {
	case o.SHA256 != "" && e.SHA256 != "" && c.Trusted:
		r.note("%s: has the SHA-256 that was given, not the catalogue's (%s)", e.File, e.SHA256)
	case o.SHA256 == "" && e.SHA256 == "":
		r.note("%s: its publisher states no SHA-256, taken as it came: %s", e.File, c.SHA256)
	}
	var err error
	r.Cached, err = catalog.Note(o.Dir, e, c)
	if err != nil {
		return cacheError(err)
	}
	return nil
}

func (r *Result) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// fetch brings the file to a .part and returns the hash of what is the expected file.
func fetch(ctx context.Context, e catalog.Entry, o Options, source, path string, r *Result) (string, error) {
	p, err := openPart(ctx, path, source)
	if err != nil {
		return "", cacheError(err)
	}
	defer p.close()
	for again := false; ; again = true {
		if o.From.dir != "" {
			err = copyFile(ctx, e, o, source, p)
		} else {
			err = download(ctx, e, o, source, p)
		}
		if err == nil {
			err = p.sync()
		}
		if err != nil {
			var refused *graph.Refused
			if errors.As(err, &refused) || p.n == 0 {
				p.remove()
			}
			return "", err
		}
		sum := p.hex()
		if o.accepts(e, sum) {
			r.Resumed = p.kept
			return sum, nil
		}
		if !p.joined || again {
			p.remove()
			return "", o.wrongHash(e, source, sum)
		}
		// The parts may be of two states of the file.
		if err := p.reset(); err != nil {
			return "", cacheError(err)
		}
	}
}

func (o *Options) wrongHash(e catalog.Entry, source, sum string) error {
	want := cmp.Or(o.SHA256, e.SHA256)
	if len(want) < 64 {
		want += "…"
	}
	return &graph.Refused{Path: e.File, What: fmt.Sprintf("from %s: its SHA-256 is %s, want %s: it was removed", redact(source), sum, want), Hint: elsewhere}
}

// elsewhere is what to do where a place has another file than the expected one.
const elsewhere = "pull it again, or from another place with --from"

// hashFile returns the SHA-256 of a file and its length.
func hashFile(ctx context.Context, path string) (sum string, n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	n, err = io.Copy(h, &ctxReader{ctx, f})
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// ctxReader ends with its context.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *ctxReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// cacheError adds what to do to what the system says of the cache.
func cacheError(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: make room, or set WISP_CACHE to a folder on another disk", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: set WISP_CACHE to a folder that can be written", err)
	}
	return err
}
