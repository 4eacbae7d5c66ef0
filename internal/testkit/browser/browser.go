// Package browser drives a headless Chromium in tests of pages: it looks where requests go and
// what the console says, and finds what an accessibility checker would. It is imported by tests
// only; looks.go has the checker.
//
// The browser is Debian's chromium or what WISP_CHROMIUM names; where there is none the tests
// are skipped, unless CI is set, where it is a failure. With WISP_SHOTS=DIR pages are also
// photographed; WISP_AXE names the script of axe-core.
package browser

import (
	"context"
	"errors"
	"fmt"
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

// Tab is a page in a browser that is watched: where its requests go and what its console
// says.
type Tab struct {
	context.Context
	T    *testing.T // of the test that goes on
	Site string     // what addresses of pages begin with

	mu       sync.Mutex
	foreign  []string // requests that leave the site
	trouble  []string // errors of scripts, violations of the policy
	requests int
}

// Find is the path of a Chromium.
func Find(t *testing.T) string {
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

// Stranger is a name that the browser finds on this machine.
const Stranger = "stranger.example"

// New opens a browser with one page. Requests that do not begin with site are foreign.
func New(t *testing.T, site string) *Tab {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(Find(t)), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("host-resolver-rules", "MAP "+Stranger+" 127.0.0.1")) // as an attacker's DNS would
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &Tab{Context: ctx, T: t, Site: strings.TrimSuffix(site, "/")}
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

func (b *Tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests++
		if u := e.Request.URL; !strings.HasPrefix(u, b.Site+"/") && !strings.HasPrefix(u, "data:") {
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

// Requests is how many requests there were, and those that left the site.
func (b *Tab) Requests() (n int, foreign []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests, slices.Clone(b.foreign)
}

// patience is how long anything in the browser may take.
const patience = time.Minute

// Do runs actions, which must be over soon.
func (b *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, stop := context.WithTimeout(b.Context, patience)
	defer stop()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Fail(err)
	}
}

// Open loads a page of the server.
func (b *Tab) Open(path string) {
	b.T.Helper()
	b.Do(chromedp.Navigate(b.Site + path))
}

// Value evaluates an expression in the page.
func Value[V any](b *Tab, expression string) V {
	b.T.Helper()
	ctx, stop := context.WithTimeout(b.Context, patience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[V](expression))
	if err != nil {
		b.Fail(fmt.Errorf("%s: %w", expression, err))
	}
	return v
}

// Script evaluates an expression whose value is no matter.
func (b *Tab) Script(expression string) { Value[bool](b, "(() => {"+expression+"; return true; })()") }

// Until waits for an expression to hold, over whatever pages are loaded meanwhile.
func (b *Tab) Until(expression string) {
	b.T.Helper()
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
			b.Fail(fmt.Errorf("it does not come to hold: %s: %w", expression, errors.Join(err, ctx.Err())))
		case <-tick.C:
		}
	}
}

// Fail says where the page is and what stands on it.
func (b *Tab) Fail(err error) {
	b.T.Helper()
	at, _ := chromedp.Run(b.Context, chromedp.Location())
	text, _ := chromedp.Run(b.Context, chromedp.Evaluate[string](`document.body.innerText.slice(0, 600)`))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.T.Fatalf("%s: %v\n%s\n%v", at, err, text, b.trouble)
}

// Calm fails on what the console said since the last time but for what is expected.
func (b *Tab) Calm(where string, expected ...string) {
	b.T.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.trouble {
		if !slices.ContainsFunc(expected, func(e string) bool { return strings.Contains(m, e) }) {
			b.T.Errorf("%s: the console says: %s", where, m)
		}
	}
	b.trouble = nil
}

// Size sets the window and the colour scheme.
func (b *Tab) Size(width, height int64, scheme string) {
	b.T.Helper()
	b.Do(chromedp.EmulateViewport(width, height))
	_, err := chromedp.Call(b.Context, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	if err != nil {
		b.Fail(err)
	}
}
