package main

import (
	"fmt"
	"strings"

	"github.com/wispnet/wisp/internal/testkit"
	"github.com/wispnet/wisp/internal/testkit/browser"
)

// pages opens every page at two widths in light and dark: nothing overflows, every control
// has a name, every text is readable, and axe-core, where WISP_AXE names its script, finds
// nothing serious. Without time for all it opens each page once.
func pages(b *browser.Tab, shown string) {
	b.Open("/")
	b.CheckChecker()
	b.Calm("faults")
	for i, p := range []struct{ name, path string }{
		{"models", "/"}, {"model", "/model?m=mobilenet_v3_small"}, {"graph", "/graph?m=mobilenet_v3_small&by=macs"}, {"compare", "/compare?macs=400&top1=68"}, {"diff", "/diff?a=mobilenet_v2&b=ghostnet"},
		{"records", "/records"}, {"run", "/run"}, {"result", "/run?job=1"}, {"classify", "/classify"}, {"answers", shown}, {"features", strings.Replace(shown, "/classify", "/features", 1)}, {"error", "/model?m=ghostnot"},
	} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1440, 390} {
				if !testkit.Thorough() && ((scheme == "light") != (width > 600) || (scheme == "light") != (i%2 == 0)) {
					continue
				}
				where := fmt.Sprintf("%s, %s, %d", p.name, scheme, width)
				b.Size(width, 900, scheme)
				b.Open(p.path)
				for _, fault := range b.Faults() {
					b.T.Errorf("%s: %s", where, fault)
				}
				if (scheme == "light") == (width > 600) {
					for _, fault := range b.Axe() {
						b.T.Errorf("%s: axe: %s", where, fault)
					}
				}
				b.Shoot(fmt.Sprintf("%s-%d-%s.png", p.name, width, scheme))
				b.Calm(where, "status of 404")
			}
		}
		first := browser.Value[float64](b, `(performance.getEntriesByName("first-contentful-paint")[0] || {startTime: 0}).startTime`)
		size := browser.Value[int](b, `performance.getEntriesByType("navigation")[0].encodedBodySize + performance.getEntriesByType("resource").reduce((n, r) => n + r.encodedBodySize, 0)`)
		b.T.Logf("%s: first paint %.0f ms after the navigation began, %d bytes", p.name, first, size)
		if size > 1<<20 {
			b.T.Errorf("%s: %d bytes, want at most 1 MB", p.name, size)
		}
	}
}
