package pull

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/catalog"
)

func TestMain(m *testing.M) {
	if url := os.Getenv("WISP_TEST_PROXY_CHILD"); url != "" {
		proxyChild(url)
	}
	goleak.VerifyTestMain(m)
}

// weights is a file that looks like no page and no pointer.
func weights(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	b[0] = 'P'
	return b
}

func sumOf(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// entryOf is an entry whose file has these bytes and lies at a URL.
func entryOf(b []byte, url string) catalog.Entry {
	return catalog.Entry{Model: "net", Weights: "V1", File: "net-0123.pth", URL: url + "/models/net-0123.pth", SHA256: sumOf(b), Size: catalog.Size{Bytes: int64(len(b)), Exact: true}}
}

// quick are limits for tests: a moment instead of half a second.
var quick = Limits{Tries: 3, Wait: time.Millisecond, Stall: 10 * time.Second}

func options(t *testing.T) Options {
	return Options{Dir: filepath.Join(t.TempDir(), "cache", "weights"), Limits: quick}
}

// holds checks what a folder has, lock files aside.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	var got []string
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, f := range list {
		if !strings.HasSuffix(f.Name(), ".lock") {
			got = append(got, f.Name())
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the cache holds %v, want %v", got, want)
	}
}

const (
	theFile  = "net-0123.pth"
	theCheck = "net-0123.pth.check.json"
	thePart  = "net-0123.pth.part"
	theState = "net-0123.pth.part.json"
)

// mustFetch fetches and compares the bytes in the cache.
func mustFetch(t *testing.T, e catalog.Entry, o Options, want []byte) Result {
	t.Helper()
	r, err := Fetch(t.Context(), e, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(r.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s has other bytes", r.Path)
	}
	if r.Check.SHA256 != sumOf(want) || r.Check.Bytes != int64(len(want)) {
		t.Errorf("got %+v", r.Check)
	}
	if _, ok := catalog.In(o.Dir, e); !ok {
		t.Error("the catalogue does not find it")
	}
	holds(t, o.Dir, theFile, theCheck)
	return r
}

// refused wants a *graph.Refused that says something.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	var r *graph.Refused
	if !errors.As(err, &r) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want it refused with %q", err, want)
	}
}

func TestFolder(t *testing.T) {
	b := weights(1, 300_000)
	e := entryOf(b, "https://publisher.invalid")
	o := options(t)
	mirror := t.TempDir()
	var err error
	if o.From, err = ParseSource(mirror); err != nil {
		t.Fatal(err)
	}

	if _, err := Fetch(t.Context(), e, o); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want a missing file", err)
	}
	holds(t, o.Dir)
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for what, bad := range map[string][]byte{"SHA-256": weights(2, len(b)), "has 299999 bytes, want 300000": b[:len(b)-1], "web page": []byte("\n<!DOCTYPE html><p>log in")} {
		write(filepath.Join(mirror, theFile), bad)
		_, err := Fetch(t.Context(), e, o)
		refused(t, err, what)
		holds(t, o.Dir)
	}
	write(filepath.Join(mirror, theFile), b)
	if r := mustFetch(t, e, o, b); r.Present || r.Check.Source != filepath.Join(mirror, theFile) || r.Check.Trusted || len(r.Notes) > 0 {
		t.Errorf("got %+v", r)
	}
	os.Remove(filepath.Join(mirror, theFile))
	if r := mustFetch(t, e, o, b); !r.Present {
		t.Errorf("got %+v, want it present", r)
	}

	// A file that lies there without its note is hashed, and replaced if it is another.
	os.Remove(filepath.Join(o.Dir, theCheck))
	if r := mustFetch(t, e, o, b); !r.Present || len(r.Notes) > 0 {
		t.Errorf("got %+v, want it found in the cache", r)
	}
	write(filepath.Join(o.Dir, theFile), weights(3, 100))
	write(filepath.Join(mirror, theFile), b)
	if r := mustFetch(t, e, o, b); r.Present || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "replaced") {
		t.Errorf("got %+v, want it replaced", r)
	}

	os.Remove(filepath.Join(mirror, theFile))
	if err := os.Mkdir(filepath.Join(mirror, theFile), 0o755); err != nil {
		t.Fatal(err)
	}
	os.RemoveAll(o.Dir)
	_, err = Fetch(t.Context(), e, o)
	refused(t, err, "not a regular file")
}

// TestUnhashed: a file that nobody vouches for is not taken; the user may vouch.
func TestUnhashed(t *testing.T) {
	b := weights(4, 5000)
	e := entryOf(b, "https://publisher.invalid")
	e.SHA256, e.Size = "", catalog.Size{}
	mirror := t.TempDir()
	if err := os.WriteFile(filepath.Join(mirror, theFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
	fresh := func() Options {
		o := options(t)
		o.From = Source{dir: mirror}
		return o
	}
	o := fresh()
	var noHash *NoHashError
	if _, err := Fetch(t.Context(), e, o); !errors.As(err, &noHash) || noHash.File != theFile {
		t.Errorf("got %v, want a NoHashError", err)
	}
	holds(t, o.Dir)

	o.SHA256 = sumOf(weights(5, 1))
	_, err := Fetch(t.Context(), e, o)
	refused(t, err, "want "+o.SHA256)
	holds(t, o.Dir)

	o.SHA256 = strings.ToUpper(sumOf(b))
	if r := mustFetch(t, e, o, b); !r.Check.Trusted || len(r.Notes) > 0 {
		t.Errorf("got %+v", r)
	}
	o.SHA256 = "" // once taken it is there
	if r := mustFetch(t, e, o, b); !r.Present {
		t.Errorf("got %+v", r)
	}

	o = fresh()
	o.Unhashed = true
	if r := mustFetch(t, e, o, b); !r.Check.Trusted || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], sumOf(b)) {
		t.Errorf("got %+v, want the hash said", r)
	}

	// The user's hash stands above the catalogue's.
	o = fresh()
	e.SHA256 = "01234567"
	_, err = Fetch(t.Context(), e, o)
	refused(t, err, "want 01234567…")
	o.Unhashed = true // is for files without a hash only
	_, err = Fetch(t.Context(), e, o)
	refused(t, err, "want 01234567…")
	o.SHA256 = sumOf(b)
	if r := mustFetch(t, e, o, b); !r.Check.Trusted || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "not the catalogue's") {
		t.Errorf("got %+v", r)
	}
	// A hash that is not the cached file's fetches again.
	o.SHA256 = sumOf(weights(6, 1))
	_, err = Fetch(t.Context(), e, o)
	refused(t, err, "want "+o.SHA256)

	o = fresh()
	e.SHA256 = sumOf(b)[:8]
	if r := mustFetch(t, e, o, b); r.Check.Trusted || len(r.Notes) > 0 {
		t.Errorf("a published prefix: got %+v", r)
	}
}

func TestCacheErrors(t *testing.T) {
	b := weights(7, 100)
	e := entryOf(b, "https://publisher.invalid")
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: filepath.Join(file, "weights"), From: Source{dir: dir}, Limits: quick}
	if _, err := Fetch(t.Context(), e, o); err == nil || !strings.Contains(err.Error(), "WISP_CACHE") {
		t.Errorf("a file for a folder: got %v, want what to do", err)
	}
	if os.Geteuid() > 0 {
		closed := t.TempDir()
		if err := os.Chmod(closed, 0o555); err != nil {
			t.Fatal(err)
		}
		o.Dir = closed
		if _, err := Fetch(t.Context(), e, o); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "WISP_CACHE") {
			t.Errorf("a read-only cache: got %v, want what to do", err)
		}
	}
	for _, err := range []error{syscall.ENOSPC, syscall.EROFS} {
		if got := cacheError(&fs.PathError{Op: "write", Path: "x", Err: err}); !errors.Is(got, err) || !strings.Contains(got.Error(), "WISP_CACHE") {
			t.Errorf("got %v, want what to do", got)
		}
	}
}

// TestDiskFull: what the disk refuses is said, and not tried again.
func TestDiskFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	b := weights(8, 100_000)
	p := &part{f: full, sum: sha256.New()}
	err = receive(entryOf(b, ""), Options{Limits: quick.withDefaults()}, "x", bytes.NewReader(b), p, int64(len(b)))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") || passing(err) {
		t.Errorf("got %v, want no room", err)
	}
}

func TestCancelledFolder(t *testing.T) {
	b := weights(9, 1<<20)
	e := entryOf(b, "https://publisher.invalid")
	mirror := t.TempDir()
	if err := os.WriteFile(filepath.Join(mirror, theFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := options(t)
	o.From = Source{dir: mirror}
	o.Progress = func(done, total int64) {
		if done > 1<<18 {
			cancel()
		}
	}
	if _, err := Fetch(ctx, e, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it cancelled", err)
	}
	o.Progress = nil
	mustFetch(t, e, o, b)
}

// TestLocked: a second call waits for the first, and ends with its context.
func TestLocked(t *testing.T) {
	b := weights(10, 1000)
	e := entryOf(b, "https://publisher.invalid")
	mirror := t.TempDir()
	if err := os.WriteFile(filepath.Join(mirror, theFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
	o := options(t)
	o.From = Source{dir: mirror}
	inside, leave := make(chan bool), make(chan bool)
	first := o
	var once sync.Once
	first.Progress = func(int64, int64) { once.Do(func() { close(inside); <-leave }) }
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := Fetch(t.Context(), e, first); err != nil {
			t.Error(err)
		}
	})
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Fetch(ctx, e, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the wait ended", err)
	}
	wg.Go(func() {
		if r, err := Fetch(t.Context(), e, o); err != nil || !r.Present {
			t.Errorf("got %+v, %v, want what the first brought", r, err)
		}
	})
	close(leave)
	wg.Wait()
}

func TestParseSource(t *testing.T) {
	e := catalog.Entry{File: "a b-1.pth", URL: "https://publisher.invalid/a%20b-1.pth"}
	for s, want := range map[string]string{
		"models":                        filepath.Join("models", "a b-1.pth"),
		"./x/":                          filepath.Join("x", "a b-1.pth"),
		"http://mirror:8000":            "http://mirror:8000/a%20b-1.pth",
		"https://u:p@mirror/w/?token=1": "https://u:p@mirror/w/a%20b-1.pth?token=1",
		"https://mirror/w/../v":         "https://mirror/v/a%20b-1.pth",
	} {
		src, err := ParseSource(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
		} else if got := src.of(e); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
	if got := (Source{}).of(e); got != e.URL {
		t.Errorf("got %s, want the publisher's", got)
	}
	for _, s := range []string{"", "ftp://mirror/w", "file:///w", "http://", "https://%zz/"} {
		if src, err := ParseSource(s); err == nil {
			t.Errorf("%q is taken: %+v", s, src)
		}
	}
	if got := redact("https://user:secret@mirror/x"); strings.Contains(got, "secret") {
		t.Errorf("got %s", got)
	}
}
