package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/wispnet/wisp/internal/web"
)

// served runs wisp serve until the test ends and returns its address.
func served(t *testing.T, args ...string) *url.URL {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	code := make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		code <- run(ctx, append([]string{"serve"}, args...), strings.NewReader(""), in, &errs)
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		stop()
		if c := <-code; c != exitDone {
			t.Errorf("serve ended with exit code %d: %s", c, errs.String())
		}
	})
	if err != nil {
		t.Fatalf("serve printed no address: %v", err)
	}
	u, err := url.Parse(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestServe: the page runs the very verbs, and elsewhere than on loopback asks for its token.
func TestServe(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	at := served(t, "--listen", "127.0.0.1:0")
	get := func(to *url.URL, path string) (int, string) {
		r, err := http.Get(to.JoinPath("/").String() + strings.TrimPrefix(path, "/"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
	for path, key := range map[string]string{
		"/?q=ghost&format=json":                     "models",
		"/?q=ghost&family=ghostnet&format=json":     "models",
		"/?family=resnet&format=json":               "models",
		"/?q=ghostnet:0.5@128&format=json":          "layers",
		"/model?m=ghostnet:0.1@64&format=json":      "layers",
		"/compare?macs=60&format=json":              "pareto",
		"/model?m=mobilenet_v2:0.5@96&format=json":  "state_dict",
		"/graph?m=mobilenet_v2:0.5@96&format=json":  "blocks",
		"/?format=json&q=" + url.QueryEscape("-"):   "models",
		"/compare?params=3&top1=60.5&format=json":   "rows",
		"/model?m=shufflenet_v2:0.5@64&format=json": "guidelines",
	} {
		status, body := get(at, path)
		var d map[string]any
		if err := json.Unmarshal([]byte(body), &d); status != 200 || err != nil || d["schema_version"] != "1" || d[key] == nil {
			if !strings.Contains(path, "q=-") || status != 400 { // no network is named so: the verb's own line
				t.Errorf("%s: status %d, %v: %.200s", path, status, err, body)
			}
		}
	}
	status, csv := get(at, "/model?m=ghostnet:0.1@64&format=csv")
	var out bytes.Buffer
	if code := run(context.Background(), []string{"show", "ghostnet:0.1@64", "--format", "csv"}, nil, &out, io.Discard); code != 0 || status != 200 || csv != out.String() {
		t.Error("the page's CSV is not that of wisp show")
	}
	if status, _ := get(at, "/records"); status != 200 {
		t.Errorf("records, of which there are none: status %d", status)
	}
	// What recommend and list are given by the compare view's command line are flags of theirs.
	out.Reset()
	if code := run(context.Background(), []string{"list", "--widths", "--max-macs=60.5M", "--max-params=3M", "--max-bytes=12MB", "--min-top1=60"}, nil, &out, io.Discard); code != 0 {
		t.Errorf("the compare view's command: exit code %d", code)
	}

	// The document is that of the schema; the context is over, so that serve is too.
	ended, stop := context.WithCancel(context.Background())
	stop()
	out.Reset()
	if code := run(ended, []string{"serve", "--listen", "127.0.0.1:0", "--json"}, nil, &out, io.Discard); code != exitDone {
		t.Errorf("serve --json: exit code %d", code)
	}
	if err := validate(out.String()); err != nil {
		t.Errorf("serve --json: %v", err)
	}

	other := served(t, "--listen", "0.0.0.0:0", "-q")
	token := other.Query().Get("token")
	if ip := net.ParseIP(other.Hostname()); ip.IsUnspecified() {
		t.Errorf("the address %s cannot be opened elsewhere", other)
	}
	other.RawQuery, other.Host = "", "127.0.0.1:"+other.Port()
	if len(token) != len(web.NewToken()) {
		t.Fatalf("token %q", token)
	}
	if status, body := get(other, "/"); status != 401 || strings.Contains(body, "<") {
		t.Errorf("without the token: status %d: %.100s", status, body)
	}
	if status, _ := get(other, "/?token="+token); status != 401 { // redirected, and this client keeps no cookie
		t.Errorf("with the token and without cookies: status %d", status)
	}
}
