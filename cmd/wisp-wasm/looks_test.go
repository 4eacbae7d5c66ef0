//go:build !js

package main

import (
	"fmt"

	"github.com/wispnet/wisp/internal/testkit/browser"
)

// looks sees the page in each of its states at two widths in light and dark: nothing overflows,
// every control has a name, every text is readable, nothing moves, and axe-core, where WISP_AXE
// names its script, finds nothing serious. Where it is not thorough it sees two states once,
// and axe-core one of them.
func looks(p page, own []string, strange, photo string) {
	p.press("clear")
	p.CheckChecker()
	for i, s := range []struct {
		name string
		deep bool // where it is thorough only
		do   func()
	}{
		{"empty", false, func() {}},
		{"shown", false, func() { p.done("a name", p.name("a-name", "ghostnet_2020")) }},
		{"dropping", true, func() { p.Script(`hint(true)`) }},
		{"run", true, func() {
			p.Script(`hint(false)`)
			p.done("a file", p.give("a-file", own[1]))
			p.choose("photo", photo)
			p.done("run", p.press("run"))
		}},
		{"diff", true, func() {
			p.press("clear")
			p.done("a name", p.name("a-name", "mobilenet_v2"))
			p.done("two names", p.name("b-name", "ghostnet"))
		}},
		{"refused", true, func() { p.press("clear"); p.give("a-file", strange) }},
		{"busy", true, func() {
			p.press("clear")
			p.Script(`enter("busy", "Looking at a-model-with-a-name-that-is-far-longer-than-a-phone-is-wide-and-has-no-space.safetensors …")`)
		}},
	} {
		if s.deep && !thorough() {
			continue
		}
		s.do()
		for k, scheme := range []string{"light", "dark"} {
			for l, width := range []int64{1440, 390} {
				if !thorough() && (2*k+l)%4 != i%4 {
					continue
				}
				where := fmt.Sprintf("%s, %s, %d", s.name, scheme, width)
				p.Size(width, 900, scheme)
				for _, fault := range p.Faults() {
					p.T.Errorf("%s: %s", where, fault)
				}
				if thorough() && k == l || !thorough() && i == 1 {
					for _, fault := range p.Axe() {
						p.T.Errorf("%s: axe: %s", where, fault)
					}
				}
				if n := browser.Value[int](p.Tab, `document.getAnimations().length`); n > 0 {
					p.T.Errorf("%s: %d things move", where, n)
				}
				p.Shoot(fmt.Sprintf("wasm-%s-%d-%s.png", s.name, width, scheme))
			}
		}
	}
	p.Script(`enter("ready", "Ready.")`)
	p.Size(1200, 900, "light")
}
