//go:build !js

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wispnet/wisp/internal/testkit/browser"
)

// Running, dropping, cancelling, the keyboard: the page as hands use it.

// classes is the name of the table of what a photograph is taken for.
const classes = "What it takes the photograph for"

// classified is what wisp classify says of a photograph, as the page writes it.
func classified(p page, c cli, model, photo string) (rows [][]string) {
	p.T.Helper()
	var d struct {
		Images []struct {
			Top []struct {
				Index       int
				Label       *string
				Probability float64
			}
		}
	}
	dir, name := filepath.Split(model)
	if err := json.Unmarshal([]byte(c.must(p.T, dir, "classify", name, photo, "--json")), &d); err != nil {
		p.T.Fatal(err)
	}
	for _, k := range d.Images[0].Top {
		label := "–"
		if k.Label != nil {
			label = *k.Label
		}
		rows = append(rows, []string{fmt.Sprintf("%.1f %%", 100*k.Probability), strconv.Itoa(k.Index), label})
	}
	return rows
}

// runInt8 runs a network of integers, which give the same numbers everywhere: classes and
// outputs are those of wisp classify and wisp run.
func runInt8(p page, c cli, tflite []string) {
	t := p.T
	if len(tflite) == 0 {
		t.Skip("no shared models")
	}
	dir, name := filepath.Split(tflite[0])
	parrot := filepath.Join(dir, "parrot.jpg")
	p.done("an INT8 file", p.give("a-file", tflite[0]))
	p.done("run", p.press("run"))
	line, _, _ := strings.Cut(c.must(t, dir, "run", name), "\n")
	if got := p.list("#answer dd"); !slices.Contains(got, line) || len(p.cells(classes)) > 0 {
		t.Errorf("%s: %q, want %q among it", name, got, line)
	}
	p.choose("photo", parrot)
	p.done("run", p.press("run"))
	if got, want := p.cells(classes), classified(p, c, tflite[0], parrot); len(got) == 0 || fmt.Sprint(got[1:]) != fmt.Sprint(want) {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
	p.press("clear")
}

// runFloats runs networks of floats, which the portable kernels round in ways of their own.
func runFloats(p page, c cli, model, photo string) {
	t := p.T
	p.done("a file", p.give("a-file", model))
	p.done("run", p.press("run"))
	if got := p.text("answer"); !strings.Contains(got, " ms, the fastest of 3 runs") || !strings.Contains(got, "largest at ") || len(p.cells(classes)) > 0 {
		t.Errorf("without a photograph: %q", got)
	}
	p.choose("photo", photo)
	p.done("run", p.press("run"))
	if got, want := p.cells(classes), classified(p, c, model, photo); len(got) != 6 || got[1][2] != want[0][2] {
		t.Errorf("a photograph: %q, want %q", got, want)
	}
	p.Until(`document.getElementById("preview").naturalWidth === 160`)
	p.done("a name", p.name("a-name", "ghostnet:0.1@64"))
	p.done("run", p.press("run"))
	if got := p.text("answer"); !strings.Contains(got, "synthetic weights") || len(p.cells(classes)) > 0 {
		t.Errorf("made-up weights: %q", got)
	}
	p.press("clear")
}

// noPicture: a file that calls itself a photograph and is none.
func noPicture(p page, model, text string) {
	p.done("a file", p.give("a-file", model))
	p.choose("photo", text)
	if state, got := p.press("run"), p.text("error"); state != "failed" || !strings.HasPrefix(got, "text.png: ") || strings.Contains(got, "\n") {
		p.T.Errorf("%s %q", state, got)
	}
	p.press("clear")
}

// drop lets go of files over an element.
func (p page) drop(over string, paths ...string) string {
	p.T.Helper()
	p.Script(`const i = document.createElement("input"); i.type = "file"; i.multiple = true; i.id = "hand"; i.className = "hide"; document.body.append(i)`)
	p.choose("hand", paths...)
	return p.settle(func() {
		p.Script(fmt.Sprintf(`const hand = document.getElementById("hand"), dropped = new DataTransfer();
for (const f of hand.files) dropped.items.add(f);
hand.remove();
const send = (what) => document.querySelector(%q).dispatchEvent(new DragEvent(what, {bubbles: true, cancelable: true, dataTransfer: dropped}));
send("dragover");
window.hinted = !document.getElementById("dropping").hidden;
send("drop")`, over))
	})
}

// dropping: a model, two, a model with a photograph, a second one onto its side, too many.
func dropping(p page, own []string, photo string) {
	t := p.T
	head := func() string { return strings.Join(p.list("#head h2")[:1], "") }
	p.done("one", p.drop("body", own[1]))
	if got := head(); got != "made.tflite" || !browser.Value[bool](p.Tab, `hinted && document.getElementById("dropping").hidden`) {
		t.Errorf("one file: %q is shown, or there was no hint, or it stays", got)
	}
	p.done("another, onto the second side", p.drop("#b-file", own[0]))
	if got := head(); got != "made.tflite and made.onnx" {
		t.Errorf("a second file: %q is shown", got)
	}
	p.done("two", p.drop("main", own[0], own[1]))
	if got := head(); got != "made.onnx and made.tflite" {
		t.Errorf("two files: %q is shown", got)
	}
	state := p.drop("main", own[0], photo)
	p.Until(`document.querySelectorAll("#answer table tbody tr").length === 5`)
	p.done("a model and a photograph: "+state, "done")
	if state, got := p.drop("main", own[0], own[1], own[2]), p.text("error"); state != "failed" || !strings.HasPrefix(got, "got 3 models") {
		t.Errorf("three files: %s %q", state, got)
	}
	p.press("clear")
	if state, got := p.drop("main", photo), p.text("error"); state != "failed" || !strings.HasPrefix(got, "show a network first") {
		t.Errorf("a photograph alone: %s %q", state, got)
	}
	p.press("clear")
}

// cancelling: what takes long says what it is doing, for how long, and stops.
func cancelling(p page, model string) {
	t := p.T
	p.done("a name", p.name("a-name", "mobilenet_v2@1024"))
	ways := []string{"key", "button"}
	if !thorough() {
		ways = ways[1:]
	}
	for _, how := range ways {
		p.Script(`document.getElementById("run").click()`)
		p.Until(`/^running mobilenet_v2@1024: [1-3] of 3 …$/.test(document.getElementById("status").textContent) && /^\d+\.\d s$/.test(document.getElementById("elapsed").textContent)`)
		if busy := browser.Value[string](p.Tab, `document.getElementById("main").getAttribute("aria-busy")`); busy != "true" {
			t.Errorf("aria-busy is %q", busy)
		}
		state := p.settle(func() {
			if how == "key" {
				p.Do(chromedp.KeyEvent(kb.Escape))
				return
			}
			p.Do(chromedp.Focus(chromedp.CSS("#cancel")), chromedp.KeyEvent(kb.Enter))
		})
		if said := p.text("status"); state != "cancelled" || !strings.Contains(said, "cancelled after") {
			t.Errorf("after Cancel by %s: %s %q", how, state, said)
		}
	}
	if thorough() { // a mistake or Clear ends what is at work, too, and nothing of it comes after
		for _, c := range []struct{ do, state string }{{"take([1, 2, 3].map((n) => new File([], n + '.onnx')))", "failed"}, {`document.getElementById("clear").click()`, "ready"}} {
			p.done("a name", p.name("a-name", "mobilenet_v2@1024"))
			p.Script(`document.getElementById("run").click()`)
			p.Until(`document.getElementById("status").textContent.startsWith("running")`)
			p.Script(c.do)
			p.Script(`window.later = false; setTimeout(() => { later = true; }, 300)`)
			p.Until(`later`)
			if got := browser.Value[string](p.Tab, `document.body.dataset.state`); got != c.state {
				t.Errorf("%s while it runs: the page is %s, want %s", c.do, got, c.state)
			}
		}
		p.done("a name", p.name("a-name", "mobilenet_v2@1024"))
	}
	// What is asked while something is at work takes its place.
	p.Script(`document.getElementById("run").click()`)
	p.Until(`document.getElementById("status").textContent.startsWith("running")`)
	p.done("in place of a run", p.give("a-file", model))
	if got := p.list("#head h2")[0]; got != "made.onnx" {
		t.Errorf("%q is shown", got)
	}
}

// large: a file above the limit is refused before a byte of it is read.
func large(p page, path string) {
	p.Script(`window.posted = 0; window.post = Worker.prototype.postMessage; Worker.prototype.postMessage = function (...a) { posted++; return post.apply(this, a); }`)
	if state, got := p.give("a-file", path), p.text("error"); state != "failed" || !strings.HasPrefix(got, "large.onnx: is larger than 256 MiB") || strings.Contains(got, "\n") {
		p.T.Errorf("%s %q", state, got)
	}
	if n := browser.Value[int](p.Tab, `posted`); n != 0 {
		p.T.Errorf("the worker was sent %d messages", n)
	}
	p.Script(`Worker.prototype.postMessage = post`)
}

// keyboard: Tab reaches every control in the order of reading, each shows that it has the
// focus, and a network is shown and run without a mouse.
func keyboard(p page) {
	t := p.T
	p.Size(1200, 900, "light")
	p.press("clear")
	p.Script(`document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)`)
	walk := func(most int) (order []string) {
		for range most {
			p.Do(chromedp.KeyEvent(kb.Tab))
			at := browser.Value[string](p.Tab, `((e) => e === document.body ? "" : (e.id || e.tagName + " " + (e.getAttribute("aria-label") || e.textContent.trim())) + (getComputedStyle(e).outlineStyle === "none" && e.getBoundingClientRect().width > 0 ? " without a sign" : ""))(document.activeElement)`)
			if at == "" || len(order) > 0 && order[0] == at {
				break
			}
			order = append(order, at)
		}
		return order
	}
	p.Script(`document.querySelector(".skip").focus()`)
	want := "A wisp|A Models|a-file|a-name|b-file|b-name|go|clear"
	if got := strings.Join(walk(8), "|"); got != want {
		t.Errorf("Tab goes through %s, want %s", got, want)
	}
	p.Do(chromedp.Focus(chromedp.CSS("#a-name")))
	p.done("typed", p.settle(func() { p.Do(chromedp.KeyEvent("ghostnet:0.1@64\r")) }))
	p.Script(`document.querySelector(".skip").focus()`)
	reached := walk(60)
	for _, id := range []string{"A Counts", "A Layers", "photo", "run", "DIV Totals of other tools", "DIV Stages", "DIV Each kind of block once", "SUMMARY 289 layers", "save"} {
		if !slices.Contains(reached, id) {
			t.Errorf("Tab does not reach %s: %q", id, reached)
		}
	}
	for _, at := range reached {
		if strings.HasSuffix(at, "without a sign") {
			t.Errorf("the focus is not to be seen: %s", at)
		}
	}
	p.Do(chromedp.Focus(chromedp.CSS("#run")))
	p.done("run by Enter", p.settle(func() { p.Do(chromedp.KeyEvent(kb.Enter)) }))
	p.press("clear")
}
