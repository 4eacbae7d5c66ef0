//go:build !js

package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/internal/testkit/browser"
)

// What the tests stand on: the folder that make wasm lays out, served; wisp itself, which the
// page must equal; and the page in a browser.

// thorough says whether there is time for all of everything: in CI, and where pictures are
// wanted.
func thorough() bool { return testkit.Thorough() || os.Getenv("WISP_SHOTS") != "" }

// site is the folder that make wasm lays out.
func site(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make, which lays the page out")
	}
	dir := t.TempDir()
	build := exec.Command("make", "-s", "wasm", "WASM="+dir)
	build.Dir = testkit.Root(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make wasm: %v: %s", err, out)
	}
	return dir
}

// cli is wisp, run in a folder.
type cli struct{ path, home string }

func newCLI(t *testing.T) cli {
	t.Helper()
	c := cli{filepath.Join(t.TempDir(), "wisp"), t.TempDir()}
	build := exec.Command("go", "build", "-o", c.path, "../wisp")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return c
}

// run is what wisp prints for words, and the last line that it complains with.
func (c cli) run(dir string, words ...string) (out, complaint string) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(c.path, words...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = append(os.Environ(), "HOME="+c.home, "XDG_CACHE_HOME="+c.home) // without pulled weights
	if cmd.Run() != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		complaint = strings.TrimPrefix(lines[len(lines)-1], "wisp: ")
	}
	return stdout.String(), complaint
}

// must is run where wisp has nothing to complain of.
func (c cli) must(t *testing.T, dir string, words ...string) string {
	t.Helper()
	out, complaint := c.run(dir, words...)
	if complaint != "" {
		t.Fatalf("wisp %s: %s", strings.Join(words, " "), complaint)
	}
	return out
}

// server serves a folder and keeps what it was asked for.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func serve(t *testing.T, handler http.Handler) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.asked...)
}

// page is the page in a browser.
type page struct{ *browser.Tab }

// settle waits until what was begun by an action is over, and is the state that it is over in.
func (p page) settle(action func()) string {
	p.T.Helper()
	p.Script(`document.body.dataset.state = "asked"`)
	action()
	p.Until(`["ready", "done", "failed", "cancelled"].includes(document.body.dataset.state)`)
	return browser.Value[string](p.Tab, `document.body.dataset.state`)
}

// give chooses files, as a user does in the dialog of an input.
func (p page) give(input string, paths ...string) string {
	p.T.Helper()
	return p.settle(func() { p.choose(input, paths...) })
}

func (p page) choose(input string, paths ...string) {
	p.T.Helper()
	p.Do(chromedp.SetUploadFiles(chromedp.CSS("#"+input), paths))
}

// name types a name and presses Enter.
func (p page) name(input, text string) string {
	p.T.Helper()
	return p.settle(func() {
		p.Script(fmt.Sprintf(`document.getElementById(%q).value = ""`, input))
		p.Do(chromedp.SendKeys(chromedp.CSS("#"+input), text+"\r"))
	})
}

// press presses a button, by its key.
func (p page) press(button string) string {
	p.T.Helper()
	return p.settle(func() { p.Do(chromedp.Focus(chromedp.CSS("#"+button)), chromedp.KeyEvent(kb.Enter)) })
}

// text is what stands in an element.
func (p page) text(id string) string {
	p.T.Helper()
	return browser.Value[string](p.Tab, fmt.Sprintf(`document.getElementById(%q).textContent`, id))
}

// done fails where the page has an error, or says something else than that it is done.
func (p page) done(what, state string) {
	p.T.Helper()
	if e := p.text("error"); state != "done" || e != "" {
		p.T.Errorf("%s: the page is %s: %s", what, state, e)
	}
}

// cells are the texts of a table, its head first.
func (p page) cells(label string) [][]string {
	p.T.Helper()
	return browser.Value[[][]string](p.Tab, fmt.Sprintf(`[...document.querySelectorAll('[aria-label="%s"] tr')].map(r => [...r.cells].map(c => c.textContent))`, label))
}

// list are the texts of elements.
func (p page) list(selector string) []string {
	p.T.Helper()
	return browser.Value[[]string](p.Tab, fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.textContent)`, selector))
}

// document is the one that Save as JSON saves.
func (p page) document() string {
	p.T.Helper()
	p.Script(`window.text = null; const make = URL.createObjectURL; URL.createObjectURL = (b) => { b.text().then((t) => { window.text = t; }); return make.call(URL, b); }; document.getElementById("save").click(); URL.createObjectURL = make`)
	p.Until(`window.text !== null`)
	return browser.Value[string](p.Tab, `window.text`)
}
