package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"
)

// What is wrong with how a page looks, for all who look at it.

// Faults lists what any accessibility checker would find first: missing names, headings,
// language and landmarks, texts that are hard to read. A page that is wider than its window is a
// fault too.
func (b *Tab) Faults() []string {
	b.T.Helper()
	faults := Value[[]string](b, lookOver)
	if over := Value[int](b, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
		faults = append(faults, fmt.Sprintf("the page is %d pixels wider than the window: %s", over, Value[string](b, widest)))
	}
	return faults
}

// HasAxe says whether there is an axe-core to ask.
func HasAxe() bool { return os.Getenv("WISP_AXE") != "" }

// Axe lists what axe-core finds serious; nothing where there is none.
func (b *Tab) Axe() []string {
	b.T.Helper()
	if !HasAxe() {
		return nil
	}
	script, err := os.ReadFile(os.Getenv("WISP_AXE"))
	if err != nil {
		b.T.Fatalf("WISP_AXE: %v", err)
	}
	b.Script(string(script))
	b.Script(`window.axed = null; axe.run(document, {resultTypes: ["violations"]}).then(r => { window.axed = r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(" | ")); }); 0`)
	b.Until(`window.axed !== null`)
	return Value[[]string](b, `window.axed`)
}

// CheckChecker fails where three faults that it puts into the page are not found: a checker
// that finds nothing must be able to find something.
func (b *Tab) CheckChecker() {
	b.T.Helper()
	b.Script(`document.querySelector("main").insertAdjacentHTML("beforeend", '<div id="faults"><img width="9" height="9"><button></button><p id="pale">pale</p></div>'); document.getElementById("pale").style.color = "rgb(250, 250, 250)"; document.getElementById("pale").style.background = "rgb(255, 255, 255)"`)
	if faults := b.Faults(); len(faults) != 3 {
		b.T.Errorf("of three faults these are found: %q", faults)
	}
	if faults := b.Axe(); HasAxe() && len(faults) < 3 {
		b.T.Errorf("axe: of three faults these are found: %q", faults)
	}
	b.Script(`document.getElementById("faults").remove()`)
}

// Shoot photographs the whole page where WISP_SHOTS names a folder.
func (b *Tab) Shoot(name string) {
	b.T.Helper()
	dir := os.Getenv("WISP_SHOTS")
	if dir == "" {
		return
	}
	shot, err := chromedp.Run(b.Context, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fail(err)
	}
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")), shot, 0o644); err != nil {
		b.T.Fatal(err)
	}
}

// widest names what reaches out of the window.
const widest = `[...document.querySelectorAll("main *, header *")].filter(e => !e.closest(".scroll, .pane, #map, svg") && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className).slice(0, 4).join()`

// lookOver lists what any accessibility checker would first: names, headings, language and
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
