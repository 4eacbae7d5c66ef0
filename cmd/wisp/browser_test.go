package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// The page in a headless Chromium: browserpages_test.go has what is tested. The browser is
// Debian's chromium or what WISP_CHROMIUM names; where there is none the tests are skipped,
// unless CI is set, where it is a failure. With WISP_SHOTS=DIR every page is also
// photographed at two widths in light and dark.

// tab is a page in a browser that is watched: where its requests go and what its console
// says.
type tab struct {
	context.Context
	t    *testing.T
	site string

	mu       sync.Mutex
	foreign  []string // requests that leave the server
	trouble  []string // errors of scripts, violations of the policy
	requests int
}

func findChromium(t *testing.T) string {
	t.Helper()
	names := []string{os.Getenv("WISP_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"}
	for _, name := range names {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("no Chromium, which CI installs")
	}
	t.Skip("no Chromium: install Debian's chromium, or name one with WISP_CHROMIUM")
	return ""
}

// strangerHost is a name that the browser of the tests finds on this machine.
const strangerHost = "stranger.example"

// newTab opens a browser with one page.
func newTab(t *testing.T, site *url.URL) *tab {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(findChromium(t)), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("host-resolver-rules", "MAP "+strangerHost+" 127.0.0.1")) // as an attacker's DNS would
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &tab{Context: ctx, t: t, site: strings.TrimSuffix(site.String(), "/")}
	err := chromedp.Listen(ctx, b.listen)
	if err == nil {
		_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, runtime.Enable, cdp.Empty{})
	}
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return b
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests++
		if u := e.Request.URL; !strings.HasPrefix(u, b.site+"/") && !strings.HasPrefix(u, "data:") {
			b.foreign = append(b.foreign, u)
		}
	case *runtime.EventExceptionThrown:
		b.trouble = append(b.trouble, fmt.Sprintf("%s: %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.trouble = append(b.trouble, fmt.Sprintf("%s (%s)", e.Entry.Text, e.Entry.URL))
		}
	}
}

// patience is how long anything in the browser may take.
const patience = 20 * time.Second

// do runs actions, which must be over soon.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.Context, patience)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.fail(err)
	}
}

// open loads a page of the server.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.site + path))
}

// value evaluates an expression in the page.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.Context, patience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.fail(fmt.Errorf("%s: %w", expression, err))
	}
	return v
}

// script evaluates an expression whose value is no matter.
func (b *tab) script(expression string) { value[bool](b, "(() => {"+expression+"; return true; })()") }

// until waits for an expression to hold, over whatever pages are loaded meanwhile.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.Context, patience)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("(() => { try { return !!("+expression+"); } catch { return false; } })()"))
		if holds {
			return
		}
		select {
		case <-ctx.Done():
			b.fail(fmt.Errorf("it does not come to hold: %s: %w", expression, errors.Join(err, ctx.Err())))
		case <-tick.C:
		}
	}
}

// fail says where the page is and what stands on it.
func (b *tab) fail(err error) {
	b.t.Helper()
	at, _ := chromedp.Run(b.Context, chromedp.Location())
	text, _ := chromedp.Run(b.Context, chromedp.Evaluate[string](`document.body.innerText.slice(0, 600)`))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.t.Fatalf("%s: %v\n%s\n%v", at, err, text, b.trouble)
}

// calm fails on what the console said since the last time but for what is expected.
func (b *tab) calm(where string, expected ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.trouble {
		if !slices.ContainsFunc(expected, func(e string) bool { return strings.Contains(m, e) }) {
			b.t.Errorf("%s: the console says: %s", where, m)
		}
	}
	b.trouble = nil
}

// size sets the window and the colour scheme.
func (b *tab) size(width, height int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
	_, err := chromedp.Call(b.Context, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	if err != nil {
		b.fail(err)
	}
}
