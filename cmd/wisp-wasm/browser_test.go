//go:build !js

package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/testkit/browser"
)

// TestPage uses the page as its users do. Everything that it shows is compared with what wisp
// prints; internal/testkit/browser has the browser.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a wasm and drives a browser")
	}
	browser.Find(t)
	folder, c, dir := site(t), newCLI(t), t.TempDir()
	weigh(t, filepath.Join(folder, "wisp.wasm"))
	srv := serve(t, http.FileServer(http.Dir(folder)))
	p := page{browser.New(t, srv.URL)}
	began := time.Now()
	p.Open("/index.html")
	p.Until(`document.body.dataset.state !== undefined && document.body.dataset.state !== "loading"`)
	if s, e := p.text("status"), p.text("error"); s != "Ready." {
		t.Fatalf("the page says %q %q, want Ready.", s, e)
	}
	t.Logf("ready %.0f ms after the navigation began, by the page's clock %.0f ms", time.Since(began).Seconds()*1e3, browser.Value[float64](p.Tab, `performance.now()`))
	loaded := srv.requests()

	own := made(t, dir)
	photo := painted(t, dir)
	tflite, pth := shared(t)
	pths := []string{pth}[:min(1, len(pth))]
	files := slices.Concat(tflite, pths)
	if len(files) == 0 {
		files = own[:2]
	}
	for _, step := range []struct {
		name string
		deep bool // where it is thorough only
		do   func()
	}{
		{"documents", false, func() { showDocuments(p, c, files) }}, // leaves the last on the page
		{"file and name", true, func() { fileAndName(p, c, pth) }},
		{"texts", true, func() { showTexts(p, c, slices.Concat(own, tflite, pths)) }},
		{"two files", false, func() { twoFiles(p, c, own) }},
		{"twins", true, func() { twins(p, c, own[0]) }},
		{"zoo", false, func() { ofTheZoo(p, c, dir) }},
		{"unrecognised", true, func() { unrecognised(p, c, strange(t, dir)) }},
		{"architecture", true, func() { architecture(p, c, own[2]) }},
		{"run", false, func() { runInt8(p, c, tflite) }},
		{"run floats", true, func() { runFloats(p, c, own[0], photo) }},
		{"no picture", true, func() { noPicture(p, own[1], holding(t, dir, "text.png", []byte("no picture"))) }},
		{"drop", true, func() { dropping(p, own, photo) }},
		{"cancel", false, func() { cancelling(p, own[0]) }},
		{"large", false, func() { large(p, sparse(t, dir, "large.onnx", 256<<20+1)) }},
		{"hostile", false, func() { refuseAll(p, c, hostile(t, dir, own[1:2])) }},
		{"more hostile", true, func() { refuseAll(p, c, hostile(t, dir, slices.Concat(own, pths))) }},
		{"goes on", false, func() { p.done("after them", p.give("a-file", own[0])) }},
		{"keyboard", true, func() { keyboard(p) }},
		{"looks", true, func() { looks(p, own, strange(t, dir), photo) }},
		{"replaced", false, func() { replaced(p, own[0]) }},
		{"requests", false, func() { noRequests(p, srv, loaded) }},
		{"loading", true, func() { loading(p) }}, // leaves the page
	} {
		if step.deep && !thorough() {
			continue
		}
		t.Run(step.name, func(t *testing.T) {
			p.T = t
			step.do()
			p.Calm(step.name)
		})
	}
}

// replaced: a worker that dies has a successor.
func replaced(p page, model string) {
	p.press("clear") // choosing the file that is chosen says nothing
	p.Script(`client.kill("out of memory")`)
	p.done("after the worker was replaced", p.give("a-file", model))
}

// weigh says how large the program is.
func weigh(t *testing.T, path string) {
	t.Helper()
	var packed counter
	z := gzip.NewWriter(&packed)
	raw := read(t, path)
	if _, err := z.Write(raw); err != nil {
		t.Fatal(err)
	}
	z.Close()
	t.Logf("wisp.wasm: %d bytes, %d packed by gzip", len(raw), packed)
	if len(raw) > 12<<20 {
		t.Errorf("wisp.wasm has %d bytes, want at most 12 MiB: what does it link?", len(raw))
	}
}

type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

var _ io.Writer = (*counter)(nil)

// noRequests: since it loaded, the page has asked the server for nothing, and neither it nor what it starts can.
func noRequests(p page, srv *server, loaded []string) {
	t := p.T
	for _, part := range []string{"/index.html", "/wisp.wasm", "/worker.js", "/wasm_exec.js"} {
		if !slices.Contains(loaded, part) {
			t.Errorf("before it was ready the page asked for %v, not for %s", loaded, part)
		}
	}
	p.Calm("before requests are tried")
	const tries = `(send) => { fetch(%[1]q).then(() => send("went"), () => send("refused")); }`
	p.Script(fmt.Sprintf(`window.tried = {}; (`+tries+`)((r) => { tried.page = r; })`, srv.URL+"/index.html"))
	p.Script(fmt.Sprintf(`const w = new Worker(URL.createObjectURL(new Blob(["(" + %q + ")(postMessage)"]))); w.onmessage = (e) => { tried.worker = e.data; }`, fmt.Sprintf(tries, srv.URL+"/index.html")))
	p.Script(fmt.Sprintf(`const i = new Image(); i.onload = () => { tried.image = "went"; }; i.onerror = () => { tried.image = "refused"; }; i.src = %q`, srv.URL+"/wisp.css"))
	p.Until(`tried.page && tried.worker && tried.image`)
	if got := browser.Value[string](p.Tab, `[tried.page, tried.worker, tried.image].join()`); got != "refused,refused,refused" {
		t.Errorf("requests of the page, of a worker, for an image: %s", got)
	}
	p.Calm("requests are refused", "Content Security Policy", "Refused to")
	if now := srv.requests(); len(now) != len(loaded) {
		t.Errorf("the page made requests after it had loaded: %v", now[len(loaded):])
	}
	if _, foreign := p.Requests(); slices.ContainsFunc(foreign, func(u string) bool { return !strings.HasPrefix(u, "blob:"+srv.URL) }) {
		t.Errorf("requests leave the server: %v", foreign)
	}
}

// showDocuments shows files and compares the document of each with wisp show's.
func showDocuments(p page, c cli, paths []string) {
	for _, path := range paths {
		dir, name := filepath.Split(path)
		p.done(name, p.give("a-file", path))
		p.T.Logf("%s: %s", name, p.text("status"))
		equalDocument(p, "show", c.must(p.T, dir, "show", name, "--json"))
	}
}

// showTexts shows files and compares all that is to be seen with what wisp show prints.
func showTexts(p page, c cli, paths []string) {
	for _, path := range paths {
		dir, name := filepath.Split(path)
		p.done(name, p.give("a-file", path))
		equalShow(p, c, dir, name)
		if text := browser.Value[string](p.Tab, `document.body.textContent`); strings.Contains(text, "undefined") || strings.Contains(text, "NaN") {
			p.T.Errorf("%s: the page names a field that there is not", name)
		}
	}
}

// fileAndName compares the checkpoint that is shown with a network of the zoo.
func fileAndName(p page, c cli, pth string) {
	if pth == "" {
		p.T.Skip("no shared checkpoint")
	}
	p.done("a file and a name", p.name("b-name", "ghostnet:0.1"))
	equalDiffDocument(p, c, filepath.Dir(pth), filepath.Base(pth), "ghostnet:0.1")
	p.press("clear")
}

// twoFiles chooses two files at once.
func twoFiles(p page, c cli, own []string) {
	p.done("two files", p.give("a-file", own[0], own[1]))
	equalDiff(p, c, filepath.Dir(own[0]), "made.onnx", "made.tflite")
	p.press("clear")
}

// twins compares two files of one name, which then lie in folders of their own.
func twins(p page, c cli, path string) {
	dir := p.T.TempDir()
	var two []string
	for _, side := range []string{"A", "B"} {
		if err := os.Mkdir(filepath.Join(dir, side), 0o755); err != nil {
			p.T.Fatal(err)
		}
		two = append(two, holding(p.T, filepath.Join(dir, side), "made.onnx", read(p.T, path)))
	}
	p.done("a file", p.give("a-file", two[0]))
	p.done("two files of one name", p.give("b-file", two[1]))
	equalDiff(p, c, dir, "A/made.onnx", "B/made.onnx")
	p.press("clear")
}

// ofTheZoo looks at networks without any file.
func ofTheZoo(p page, c cli, dir string) {
	t := p.T
	p.done("a name", p.name("a-name", "ghostnet_2020"))
	equalShow(p, c, dir, "ghostnet_2020")
	if at := browser.Value[string](p.Tab, `location.search`); at != "?a=ghostnet_2020" {
		t.Errorf("the address has %q", at)
	}
	if n := browser.Value[int](p.Tab, `document.getElementById("zoo").options.length`); n < 50 {
		t.Errorf("%d names are offered", n)
	}
	_, want := c.run(dir, "show", "ghostnot")
	if state, got := p.name("a-name", "ghostnot"), p.text("error"); state != "failed" || got != want {
		t.Errorf("an unknown name: %s %q, want %q", state, got, want)
	}
	if state := p.press("clear"); state != "ready" || len(p.list("#head *, #rest *")) != 0 || !browser.Value[bool](p.Tab, `document.getElementById("runner").hidden && location.search === ""`) {
		t.Errorf("after Clear the page is %s and not empty", state)
	}
	if state := p.press("go"); state != "failed" || !strings.Contains(p.text("error"), "give a model file") {
		t.Errorf("without a model: %s %q", state, p.text("error"))
	}
}

// unrecognised: a checkpoint of no known network is refused as wisp does it, its tensors are
// listed, and the field that helps is offered.
func unrecognised(p page, c cli, strange string) {
	t := p.T
	dir := filepath.Dir(strange)
	refuse(p, c, strange)
	if got := p.cells("Tensors"); len(got) != 3 || !slices.Equal(got[1], []string{"a.weight", "[7,5]", "float32", "parameter"}) {
		t.Errorf("its tensors are %q", got)
	}
	if at := browser.Value[string](p.Tab, `document.activeElement.id`); at != "arch" {
		t.Errorf("the focus is on %q, want the field that helps", at)
	}
	_, want := c.run(dir, "show", "strange.safetensors", "--arch", "ghostnet")
	if state, got := p.name("arch", "ghostnet"), p.text("error"); state != "failed" || got != want {
		t.Errorf("a network that does not fit: %s %q, want %q", state, got, want)
	}
	p.press("clear")
}

// architecture names the network of a checkpoint.
func architecture(p page, c cli, checkpoint string) {
	p.done("a checkpoint", p.give("a-file", checkpoint))
	p.done("its network named", p.name("arch", madeOf))
	equalShow(p, c, filepath.Dir(checkpoint), filepath.Base(checkpoint), "--arch", madeOf)
	p.press("clear")
}
