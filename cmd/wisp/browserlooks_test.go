package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"
)

// pages opens every page at two widths in light and dark: nothing overflows, every control
// has a name, every text is readable, and axe-core, where WISP_AXE names its script, finds
// nothing serious.
func pages(b *tab, shown string) {
	axe := ""
	if path := os.Getenv("WISP_AXE"); path != "" {
		script, err := os.ReadFile(path)
		if err != nil {
			b.t.Fatalf("WISP_AXE: %v", err)
		}
		axe = string(script)
	}
	// A checker that finds nothing must be able to find something.
	b.open("/")
	b.script(`document.querySelector("main").insertAdjacentHTML("beforeend", '<img src="/static/icon.svg"><button></button><p class="soft" id="pale">pale</p>'); document.getElementById("pale").style.color = "rgb(250, 250, 250)"; document.getElementById("pale").style.background = "rgb(255, 255, 255)"`)
	if faults := value[[]string](b, lookOver); len(faults) != 3 {
		b.t.Errorf("of three faults these are found: %q", faults)
	}
	if axe != "" {
		b.script(axe)
		if faults := inspect(b); len(faults) < 3 {
			b.t.Errorf("axe: of three faults these are found: %q", faults)
		}
	}
	b.calm("faults")
	for _, p := range []struct{ name, path string }{
		{"models", "/"}, {"model", "/model?m=mobilenet_v3_small"}, {"graph", "/graph?m=mobilenet_v3_small&by=macs"}, {"compare", "/compare?macs=400&top1=68"}, {"diff", "/diff?a=mobilenet_v2&b=ghostnet"},
		{"records", "/records"}, {"run", "/run"}, {"result", "/run?job=1"}, {"classify", "/classify"}, {"answers", shown}, {"features", strings.Replace(shown, "/classify", "/features", 1)}, {"error", "/model?m=ghostnot"},
	} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1440, 390} {
				where := fmt.Sprintf("%s, %s, %d", p.name, scheme, width)
				b.size(width, 900, scheme)
				b.open(p.path)
				if over := value[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
					b.t.Errorf("%s: the page is %d pixels wider than the window: %s", where, over, value[string](b, widest))
				}
				for _, fault := range value[[]string](b, lookOver) {
					b.t.Errorf("%s: %s", where, fault)
				}
				if axe != "" && (scheme == "light") == (width > 600) {
					b.script(axe)
					for _, fault := range inspect(b) {
						b.t.Errorf("%s: axe: %s", where, fault)
					}
				}
				b.shoot(fmt.Sprintf("%s-%d-%s.png", p.name, width, scheme))
				b.calm(where, "status of 404")
			}
		}
		first := value[float64](b, `(performance.getEntriesByName("first-contentful-paint")[0] || {startTime: 0}).startTime`)
		size := value[int](b, `performance.getEntriesByType("navigation")[0].encodedBodySize + performance.getEntriesByType("resource").reduce((n, r) => n + r.encodedBodySize, 0)`)
		b.t.Logf("%s: first paint %.0f ms after the navigation began, %d bytes", p.name, first, size)
		if size > 1<<20 {
			b.t.Errorf("%s: %d bytes, want at most 1 MB", p.name, size)
		}
	}
}

// widest names what reaches out of the window.
const widest = `[...document.querySelectorAll("main *, header *")].filter(e => !e.closest(".scroll, .pane, #map, svg") && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className).slice(0, 4).join()`

// lookOver checks what any accessibility checker would first: names, headings, language and
// the contrast of plain texts.
const lookOver = `(() => {
  const faults = [];
  const named = (e) => (e.getAttribute("aria-label") || e.textContent.trim() || e.alt || (e.labels && [...e.labels].map(l => l.textContent).join("").trim()) || e.title || "").trim();
  for (const e of document.querySelectorAll("a, button, input:not([type=hidden]), select, img, [role=region], progress, section[aria-label]")) if (!named(e)) faults.push("no name: " + e.outerHTML.slice(0, 80));
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  if (!document.documentElement.lang || !document.title) faults.push("no language or title");
  for (const l of ["main", "header", "nav"]) if (!document.querySelector(l)) faults.push("no landmark " + l);
  const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  if (new Set(ids).size !== ids.length) faults.push("an id twice: " + ids.filter((x, i) => ids.indexOf(x) !== i));
  const rgb = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const seen = new Set();
  for (const e of document.querySelectorAll("main *, header *")) {
    if (e.closest("svg, .skip, .hide, option, :disabled") || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const ink = rgb(getComputedStyle(e).color), back = behind(e), [hi, lo] = [light(ink), light(back)].sort((a, b) => b - a), ratio = (hi + 0.05) / (lo + 0.05);
    const key = ink + "/" + back;
    if (ratio < 4.5 && !seen.has(key)) { seen.add(key); faults.push("contrast " + ratio.toFixed(2) + " of " + e.tagName + " " + e.className + ": " + e.textContent.trim().slice(0, 30)); }
  }
  return faults;
})()`

// inspect asks axe-core what is serious.
func inspect(b *tab) []string {
	b.script(`window.axed = null; axe.run(document, {resultTypes: ["violations"]}).then(r => { window.axed = r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(" | ")); }); 0`)
	b.until(`window.axed !== null`)
	return value[[]string](b, `window.axed`)
}

// shoot photographs the whole page where WISP_SHOTS names a folder.
func (b *tab) shoot(name string) {
	dir := os.Getenv("WISP_SHOTS")
	if dir == "" {
		return
	}
	shot, err := chromedp.Run(b.Context, chromedp.FullScreenshot(100))
	if err != nil {
		b.fail(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), shot, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
