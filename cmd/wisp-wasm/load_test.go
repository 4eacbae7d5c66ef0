//go:build !js

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"

	"github.com/wispnet/wisp/internal/testkit/browser"
)

// loading: what the page says while it loads, and where it cannot. Its wisp.wasm is the smallest
// that there is.
func loading(p page) {
	t := p.T
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("page")); err != nil {
		t.Fatal(err)
	}
	holding(t, folder, "wasm_exec.js", []byte(`globalThis.fs = {}; globalThis.process = {}; class Go { importObject = {}; async run() { wispReady('{"style":"","zoo":[]}'); await new Promise(() => {}); } }`))
	holding(t, folder, "wisp.css", nil)
	module := []byte("\x00asm\x01\x00\x00\x00")
	half, rest := make(chan struct{}), make(chan struct{})
	var answer func(w http.ResponseWriter, r *http.Request) bool // of what is not served as it is
	files := http.FileServer(http.Dir(folder))
	srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			files.ServeHTTP(w, r)
		}
	}))
	p.Site = srv.URL
	only := func(path string, do http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != path {
				return false
			}
			do(w, r)
			return true
		}
	}
	typed := func(kind string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(body)
		}
	}

	answer = only("/wisp.wasm", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		w.Header().Set("Content-Length", "2000008")
		_, _ = w.Write(append([]byte("\x00asm\x01\x00\x00\x00\x00\x80\x89\x7a\x00"), make([]byte, 1000000)...)) // a section of its own that means nothing
		w.(http.Flusher).Flush()
		close(half)
		<-rest
	})
	p.Open("/index.html")
	<-half
	p.Until(`document.getElementById("loading").value > 0 && document.getElementById("elapsed").textContent === "1.0 of 2.0 MB"`)
	if said := p.text("status"); said != "Loading wisp …" {
		t.Errorf("while it loads the page says %q", said)
	}
	close(rest)
	p.Until(`document.body.dataset.state === "failed"`) // there is no more of it
	p.Calm("while it loads", "CONTENT_LENGTH")

	for _, c := range []struct {
		name   string
		deep   bool // where it is thorough only
		answer func(http.ResponseWriter, *http.Request) bool
		ready  bool
		says   string
		logs   string
	}{
		{"as it should be", true, only("/wisp.wasm", typed("application/wasm", module)), true, "Ready.", ""},
		{"by a server that knows no WebAssembly", false, only("/wisp.wasm", typed("application/octet-stream", module)), true, "Ready.", ""},
		{"by a server that answers all with a page", false, only("/wisp.wasm", typed("text/html", []byte("<!doctype html>"))), false, "wisp.wasm is no WebAssembly that this browser takes (the server sends text/html)", ""},
		{"without wisp.wasm", true, only("/wisp.wasm", http.NotFound), false, "wisp.wasm is not there (status 404): make wasm lays it out", "404"},
		{"without worker.js", true, func(w http.ResponseWriter, r *http.Request) bool {
			return only("/worker.js", http.NotFound)(w, r) || only("/wisp.wasm", typed("application/wasm", module))(w, r)
		}, false, "worker.js is not there (status 404)", "404"},
		{"with a worker that dies", true, func(w http.ResponseWriter, r *http.Request) bool {
			return only("/worker.js", typed("text/javascript", []byte("throw new Error('broken')")))(w, r) || only("/wisp.wasm", typed("application/wasm", module))(w, r)
		}, false, "wisp does not start in this browser: Uncaught Error: broken", "broken"},
	} {
		if c.deep && !thorough() {
			continue
		}
		answer = c.answer
		p.Open("/index.html")
		p.Until(`["ready", "failed"].includes(document.body.dataset.state)`)
		said, wrong := p.text("status"), p.text("error")
		if c.ready && said != c.says || !c.ready && !strings.HasPrefix(wrong, c.says) || strings.Contains(wrong, "\n") {
			t.Errorf("%s: the page says %q %q, want %q", c.name, said, wrong, c.says)
		}
		if !c.ready { // it stays so, whatever is given to it
			state := p.name("a-name", "ghostnet")
			if again := p.text("error"); state != "failed" || again != wrong {
				t.Errorf("%s: then it says %q", c.name, again)
			}
		}
		p.Calm(c.name, strings.Fields(c.logs)...)
	}

	answer = only("/page.js", http.NotFound)
	p.Open("/index.html")
	p.Script(`document.getAnimations().forEach((a) => a.finish())`)
	if seen := browser.Value[bool](p.Tab, `getComputedStyle(document.getElementById("stuck")).visibility === "visible"`); !seen {
		t.Error("without page.js nothing is said")
	}
	p.Calm("without page.js", "404", "page.js")

	answer = func(http.ResponseWriter, *http.Request) bool { return false }
	p.Do(chromedp.Navigate("file://" + filepath.ToSlash(filepath.Join(folder, "index.html"))))
	p.Until(`document.body.dataset.state === "failed"`)
	if got := p.text("error"); !strings.Contains(got, "python3 -m http.server") {
		t.Errorf("as a file: %q", got)
	}
}
