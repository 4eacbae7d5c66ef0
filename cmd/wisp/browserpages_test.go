package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/wispnet/wisp/internal/testkit/browser"
)

// TestBrowser uses the page as its users do; internal/testkit/browser has the browser.
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser takes long")
	}
	browser.Find(t)
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", dir)
	t.Setenv(asWisp, "1")
	writeTo := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	trained := writeTo("ghostnet.safetensors", safetensorsOf(t, "ghostnet:0.1"))
	photo := writeTo("photo.jpg", paintedJPEG(t, 320, 240))
	records := filepath.Join(dir, "records")
	for _, threads := range []string{"1", "2"} {
		var errs bytes.Buffer
		words := []string{"bench", "ghostnet", "mobilenet_v3_small", "shufflenet_v2:0.5", "--threads", threads, "--level", "quick", "--runs", "1", "--min-time", "1ms", "--max-time", "10ms", "--record", records, "-q"}
		if code := run(t.Context(), words, strings.NewReader(""), &bytes.Buffer{}, &errs); code != 0 {
			t.Fatalf("bench: %s", errs.String())
		}
	}
	site := served(t, "--listen", "127.0.0.1:0", "--from", records, "-q", trained)
	b := browser.New(t, site.String())

	var shown string // a page of a photograph's answers
	t.Run("sliders", func(t *testing.T) { b.T = t; sliders(b) })
	t.Run("contexts", func(t *testing.T) { b.T = t; contexts_(b) })
	t.Run("search", func(t *testing.T) { b.T = t; search(b) })
	t.Run("graph", func(t *testing.T) { b.T = t; graphView(b) })
	t.Run("diff", func(t *testing.T) { b.T = t; diffView(b) })
	t.Run("photographs", func(t *testing.T) {
		b.T = t
		shown = dropping(b, photo, writeTo("broken.jpg", paintedJPEG(t, 320, 240)[:2000]), writeTo("huge.png", hugePNG()))
	})
	t.Run("measurement", func(t *testing.T) { b.T = t; measurement(b) })
	t.Run("keyboard", func(t *testing.T) { b.T = t; keyboard(b) })
	t.Run("pages", func(t *testing.T) { b.T = t; pages(b, shown) })
	if n, foreign := b.Requests(); len(foreign) > 0 || n == 0 {
		t.Errorf("of %d requests these leave the server: %v", n, foreign)
	}
}

// sliders: moving a budget changes the front, the address and the documents alike.
func sliders(b *browser.Tab) {
	b.Open("/compare")
	front := `[...document.querySelectorAll("tr[data-front] th a")].map(a => a.textContent).sort().join()`
	before := browser.Value[string](b, front)
	b.Do(chromedp.Focus(chromedp.CSS("#s-macs")), chromedp.KeyEvent(kb.Home))
	for range 4 { // each is a tenth of the slider
		b.Do(chromedp.KeyEvent(kb.PageUp))
	}
	b.Until(`location.search.includes("macs=") && document.querySelectorAll("tr.faint").length > 0`)
	b.Do(chromedp.Focus(chromedp.CSS("#n-top1")), chromedp.KeyEvent("65"))
	b.Until(`location.search.includes("top1=65")`)
	b.Until(`document.querySelector(".tools code").textContent.includes("--min-top1")`)
	after := browser.Value[string](b, front)
	if before == after || after == "" {
		b.T.Errorf("the front stays %q", after)
	}
	if text := browser.Value[string](b, `document.getElementById("s-macs").getAttribute("aria-valuetext")`); !strings.HasSuffix(text, " M") {
		b.T.Errorf("the slider says %q", text)
	}
	var d struct{ Pareto []string }
	r, err := http.Get(b.Site + browser.Value[string](b, `[...document.querySelectorAll(".tools a")].find(a => a.textContent === "JSON").getAttribute("href")`))
	if err != nil {
		b.T.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&d); err != nil {
		b.T.Fatal(err)
	}
	if got := browser.Value[int](b, `document.querySelectorAll("tr[data-front]").length`); got != len(d.Pareto) || !strings.Contains(after, d.Pareto[0]) {
		b.T.Errorf("the page's front is %s, the document's %v", after, d.Pareto)
	}
	// The address alone brings the same state back.
	b.Do(chromedp.Reload())
	if again := browser.Value[string](b, front); again != after {
		b.T.Errorf("loaded again, the front is %q, was %q", again, after)
	}
	if at := browser.Value[string](b, `document.getElementById("s-macs").value`); at != "40" {
		b.T.Errorf("loaded again, the slider stands at %s, want 40", at)
	}
	b.Calm("sliders")
}

// contexts_: latencies come by contexts, of one at a time.
func contexts_(b *browser.Tab) {
	b.Open("/compare")
	if n := browser.Value[int](b, `document.querySelectorAll("select[name=context] option").length`); n != 3 {
		b.T.Errorf("%d contexts are offered, want none and two", n)
	}
	b.Script(`const s = document.querySelector("select[name=context]"); s.selectedIndex = 1; s.dispatchEvent(new Event("change", {bubbles: true}))`)
	b.Until(`document.querySelector("th:nth-child(8)")?.textContent === "latency ms"`)
	if n := browser.Value[int](b, `[...document.querySelectorAll("#live tbody tr")].filter(r => r.cells[7].textContent !== "–").length`); n != 3 {
		b.T.Errorf("%d rows have a latency, want the three of one context", n)
	}
	b.Open("/records")
	if n := browser.Value[int](b, `document.querySelectorAll("section.card").length`); n != 2 {
		b.T.Errorf("%d tables of records, want one for each number of threads", n)
	}
	b.Open("/records?threads=2")
	if n := browser.Value[int](b, `document.querySelectorAll("section.card").length`); n != 1 {
		b.T.Errorf("%d tables of two threads", n)
	}
	b.Calm("contexts")
}

func search(b *browser.Tab) {
	b.Open("/")
	all := browser.Value[int](b, `document.querySelectorAll("#live tbody tr").length`)
	b.Do(chromedp.SendKeys(chromedp.CSS("input[name=q]"), "shufflenetv2"))
	b.Until(`location.search === "?q=shufflenetv2" && [...document.querySelectorAll("#live table:last-of-type tbody th")].some(r => r.textContent === "shufflenet_v2")`)
	if n := browser.Value[int](b, `document.querySelectorAll("#live tbody tr").length`); n >= all || n == 0 {
		b.T.Errorf("%d of %d rows are left", n, all)
	}
	if said := browser.Value[string](b, `document.getElementById("announce").textContent`); !strings.Contains(said, "networks") {
		b.T.Errorf("a screen reader is told %q", said)
	}
	b.Calm("search")
}

func graphView(b *browser.Tab) {
	b.Open("/graph?m=ghostnet&by=macs")
	box := `document.querySelector("#map svg").getAttribute("viewBox")`
	before := browser.Value[string](b, box)
	b.Do(chromedp.Click(chromedp.CSS(`[data-do=in]`)))
	if after := browser.Value[string](b, box); after == before {
		b.T.Error("+ does not zoom")
	}
	b.Do(chromedp.Focus(chromedp.CSS("#map")), chromedp.KeyEvent(kb.ArrowDown))
	b.Do(chromedp.SendKeys(chromedp.CSS("input[name=find]"), "blocks.6.0"))
	b.Until(`document.querySelector("#map .here") !== null && location.search.includes("find=blocks.6.0")`)
	if text := browser.Value[string](b, `document.getElementById("found").value`); !strings.Contains(text, "1 of ") || !strings.Contains(text, "blocks.6.0") {
		b.T.Errorf("find says %q", text)
	}
	if seen := browser.Value[bool](b, `(() => { const r = document.querySelector("#map .here").getBoundingClientRect(), m = document.getElementById("map").getBoundingClientRect(); return r.top >= m.top && r.bottom <= m.bottom && r.left >= m.left && r.right <= m.right; })()`); !seen {
		b.T.Error("what was found is not in sight")
	}
	if fill := browser.Value[string](b, `getComputedStyle(document.querySelector("#map .heat9 rect")).fill`); !strings.HasPrefix(fill, "rgba(213, 94, 0") {
		b.T.Errorf("the box with most MACs is %q", fill)
	}
	b.Open("/graph?m=efficientnet_b7")
	b.T.Logf("efficientnet_b7: %d boxes, drawn %.0f ms after the navigation began", browser.Value[int](b, `document.querySelectorAll("#map .node").length`), browser.Value[float64](b, `performance.getEntriesByType("navigation")[0].loadEventEnd`))
	b.Calm("graph")
}

func diffView(b *browser.Tab) {
	b.Size(1000, 500, "light")
	b.Open("/diff?a=mobilenet_v2&b=ghostnet&blocks=1")
	b.Script(`document.querySelectorAll(".pane")[0].scrollTop = 120`)
	b.Until(`document.querySelectorAll(".pane")[1].scrollTop === 120`)
	if lined := browser.Value[bool](b, `(() => { const [a, b] = [...document.querySelectorAll(".pane")].map(p => [...p.querySelectorAll("tbody tr")]); return a.length === b.length && a.every((r, i) => Math.abs(r.getBoundingClientRect().top - b[i].getBoundingClientRect().top) < 1); })()`); !lined {
		b.T.Error("the rows of the two panes do not stand beside each other")
	}
	if text := browser.Value[string](b, `document.querySelector(".where").textContent`); !strings.Contains(text, "different networks") {
		b.T.Errorf("the verdict is %q", text)
	}
	b.Calm("diff")
}

// dropping: good, broken and huge ones; returns the address of the good one's answers.
func dropping(b *browser.Tab, good, broken, huge string) string {
	b.Open("/classify?m=file:1&m=mobilenet_v3_small:0.75@64")
	for path, want := range map[string]string{broken: "broken.jpg: imagenet: jpeg", huge: "huge.png: imagenet: png"} {
		b.Do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{path}), chromedp.Click(chromedp.CSS("#drop button")))
		b.Until(`document.getElementById("said").value !== "" && document.getElementById("drop").getAttribute("aria-busy") === null`)
		if said := browser.Value[string](b, `document.getElementById("said").value`); !strings.Contains(said, want) {
			b.T.Errorf("%s: it says %q, want %q in it", filepath.Base(path), said, want)
		}
		b.Script(`document.getElementById("said").value = ""`)
	}
	// Dropping a file on the form is choosing it.
	b.Script(`const t = new DataTransfer(); t.items.add(new File(["no picture"], "dropped.txt")); document.getElementById("drop").dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: t}))`)
	b.Until(`document.getElementById("said").value.startsWith("dropped.txt: ")`)
	b.Calm("bad photographs", "status of 422")
	b.Do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{good}), chromedp.Click(chromedp.CSS("#drop button")))
	b.Until(`location.search.includes("p=") && document.querySelectorAll(".answers section").length === 2 && [...document.images].every(i => i.complete)`)
	if n := browser.Value[int](b, `document.querySelectorAll(".answers section[aria-label='ghostnet.safetensors'] ol.top li").length`); n != 5 {
		b.T.Errorf("a file of weights gives %d answers, want five", n)
	}
	if text := browser.Value[string](b, `document.querySelector(".answers section:not([aria-label='ghostnet.safetensors'])").textContent`); !strings.Contains(text, "No answer:") {
		b.T.Errorf("made-up weights say %q", text)
	}
	if n := browser.Value[int](b, `[...document.images].filter(i => !i.naturalWidth).length`); n > 0 {
		b.T.Errorf("%d pictures are not shown", n)
	}
	b.Calm("photographs")
	return browser.Value[string](b, `location.pathname + location.search`)
}

// measurement: a quick one is watched to its end, another is cancelled.
func measurement(b *browser.Tab) {
	b.Open("/run?m=ghostnet:0.1@64&kind=profile")
	b.Script(`window.seen = []; document.querySelector("form button").click()`)
	b.Until(`location.search.includes("job=") && document.readyState === "complete"`)
	b.Until(`document.getElementById("live").dataset.over === "true" || Number(document.getElementById("progress").value) > 0`)
	b.Until(`document.getElementById("live").dataset.over === "true"`)
	if state := browser.Value[string](b, `document.getElementById("state").textContent`); state != "done" {
		b.T.Fatalf("it is %s: %s", state, browser.Value[string](b, `document.getElementById("line").textContent`))
	}
	if n := browser.Value[int](b, `document.querySelectorAll("#live tbody tr").length`); n != 1 {
		b.T.Errorf("%d rows of results", n)
	}
	b.Do(chromedp.Click(chromedp.CSS(`#live a[href*="by=time"]`)))
	b.Until(`document.querySelector("#map .heat9") !== null && location.search.includes("by=time")`)
	// The profile's times stand in a diff beside those of the same context.
	b.Open("/diff?a=ghostnet:0.1@64&b=ghostnet:0.1@64")
	b.Until(`[...document.querySelectorAll(".pane thead th")].filter(h => h.textContent === "ms").length === 2`)
	b.Open("/diff?a=ghostnet:0.1@64&b=mobilenet_v2")
	b.Until(`[...document.querySelectorAll(".pane thead th")].every(h => h.textContent !== "ms")`)
	b.Open("/run?m=ghostnet:0.1@64&level=publish")
	b.Do(chromedp.Click(chromedp.CSS("form button")))
	b.Until(`location.search.includes("job=") && document.getElementById("state")?.textContent === "running" && document.querySelector("form[action='/run/cancel'] button") !== null`)
	b.Do(chromedp.Click(chromedp.CSS("form[action='/run/cancel'] button")))
	b.Until(`document.getElementById("live")?.dataset.over === "true"`)
	if state := browser.Value[string](b, `document.getElementById("state").textContent`); state != "cancelled" {
		b.T.Errorf("after Cancel it is %s", state)
	}
	b.Calm("measurement")
}

// keyboard: Tab reaches everything in the order of reading, Enter follows it.
func keyboard(b *browser.Tab) {
	b.Size(1200, 800, "light")
	b.Open("/")
	focused := func() string {
		b.Do(chromedp.KeyEvent(kb.Tab))
		return browser.Value[string](b, `(e => (e.textContent.trim() || e.name || e.id).slice(0, 30))(document.activeElement)`)
	}
	var order []string
	for range 11 {
		order = append(order, focused())
	}
	want := []string{"Skip to the content", "wisp", "Models", "Compare", "Diff", "Records", "Run", "Classify", "q"}
	if got := strings.Join(order[:len(want)], "|"); got != strings.Join(want, "|") {
		b.T.Errorf("Tab goes through %q", got)
	}
	b.Open("/")
	b.Do(chromedp.KeyEvent(kb.Tab))
	if seen := browser.Value[bool](b, `document.activeElement.getBoundingClientRect().left >= 0 && getComputedStyle(document.activeElement).outlineStyle !== "none"`); !seen {
		b.T.Error("the skip link or its focus is not to be seen")
	}
	b.Do(chromedp.KeyEvent(kb.Enter))
	b.Until(`document.activeElement.id === "main"`)
	b.Open("/")
	for range 4 {
		b.Do(chromedp.KeyEvent(kb.Tab))
	}
	b.Do(chromedp.KeyEvent(kb.Enter))
	b.Until(`location.pathname === "/compare"`)
	b.Calm("keyboard")
}

func paintedJPEG(t *testing.T, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.RGBA{uint8(x * y / 64), uint8(x), uint8(y), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hugePNG is a sound picture of few bytes and more pixels than are decoded.
func hugePNG() []byte {
	img := image.NewPaletted(image.Rect(0, 0, 9000, 9000), color.Palette{color.Black, color.White})
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		panic(fmt.Sprintf("a picture in memory: %v", err))
	}
	return b.Bytes()
}
