package web

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// faking has jobs end as how says.
func faking(how *string) func(*Config) {
	return func(c *Config) {
		c.Command = func(args ...string) *exec.Cmd {
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), "WISP_FAKE="+*how)
			return cmd
		}
	}
}

func start(t *testing.T, s *Server, form string) *httptest.ResponseRecorder {
	t.Helper()
	return ask(t, s, "POST", "/run", strings.NewReader(form), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
}

const quickForm = "m=ghostnet&kind=bench&level=quick&threads=1&precision=float32&engine=native"

// states reads a measurement's events until it is over.
func states(t *testing.T, address, id string) []runState {
	t.Helper()
	r, err := http.Get(address + "/run/events?job=" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var out []runState
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var s runState
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// TestRun watches measurements that end well, break and are cancelled.
func TestRun(t *testing.T) {
	how := "done"
	s := site(t, faking(&how))
	web := httptest.NewServer(s.Handler())
	defer web.Close()

	if w := start(t, s, quickForm); w.Code != 303 || w.Header().Get("Location") != "/run?job=1" {
		t.Fatalf("status %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body.String())
	}
	all := states(t, web.URL, "1")
	if last := all[len(all)-1]; last.State != done || !last.Over || last.Done != 3 || last.Total != 3 {
		t.Errorf("at the end: %+v", last)
	}
	page := get(t, s, "/run?job=1").Body.String()
	if !strings.Contains(page, "done as told") || !strings.Contains(page, "wisp bench ghostnet --level quick --threads 1") || strings.Contains(page, "<progress") {
		t.Errorf("the page: %s", page)
	}
	if w := get(t, s, "/run?job=1&format=json"); w.Code != 200 || !json.Valid(w.Body.Bytes()) {
		t.Errorf("the document: status %d: %s", w.Code, w.Body.String())
	}

	how = "fail"
	start(t, s, quickForm)
	all = states(t, web.URL, "2")
	if last := all[len(all)-1]; last.State != failed || last.Line != "ghostnet: it broke: mend it" {
		t.Errorf("a measurement that breaks: %+v", last)
	}

	// One runs, three wait, no more are taken; what is cancelled makes room.
	how = "wait"
	for i := range 4 {
		if w := start(t, s, quickForm); w.Code != 303 {
			t.Fatalf("measurement %d: status %d: %s", 3+i, w.Code, w.Body.String())
		}
	}
	if w := start(t, s, quickForm); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: status %d", w.Code)
	}
	running := 0
	for _, j := range s.jobs.list() {
		if j.State == "running" {
			running++
		}
	}
	if running != 1 {
		t.Errorf("%d run at once, want 1", running)
	}
	for _, id := range []string{"6", "5", "4", "3"} {
		w := ask(t, s, "POST", "/run/cancel", strings.NewReader(url.Values{"job": {id}}.Encode()), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		})
		if w.Code != 303 {
			t.Errorf("cancelling %s: status %d: %s", id, w.Code, w.Body.String())
		}
		all = states(t, web.URL, id)
		if last := all[len(all)-1]; last.State != cancelled {
			t.Errorf("cancelled: %+v", last)
		}
	}
	how = "done"
	start(t, s, quickForm)
	all = states(t, web.URL, "7")
	if last := all[len(all)-1]; last.State != done {
		t.Errorf("after the cancelled ones: %+v", last)
	}
}

// TestRunForm: every word of a command comes from us, or is a checked name or number.
func TestRunForm(t *testing.T) {
	s := site(t, func(c *Config) { c.Data = "photographs" })
	for change, status := range map[string]int{
		"m=":                            400,
		"m=--record=/tmp/x":             400,
		"m=ghostnet:16@16384":           422,
		"m=/etc/passwd":                 400,
		"m=file:1":                      404,
		"level=slow":                    400,
		"level=quick --record /tmp/x":   400,
		"threads=0":                     400,
		"threads=1000":                  400,
		"threads=1 --data /":            400,
		"precision=float16":             400,
		"engine=magic":                  400,
		"kind=convert":                  400,
		"kind=eval":                     400, // limit is missing
		"m=" + strings.Repeat("g", 200): 400,
	} {
		f, err := url.ParseQuery(quickForm)
		if err != nil {
			t.Fatal(err)
		}
		key, value, _ := strings.Cut(change, "=")
		f.Set(key, value)
		if w := start(t, s, f.Encode()); w.Code != status {
			t.Errorf("%s: status %d, want %d: %s", change, w.Code, status, w.Body.String())
		}
	}
	if w := start(t, s, quickForm+"&more=mobilenet_v2:0.5@96++ghostnet"); w.Code != 303 {
		t.Fatalf("further names: status %d: %s", w.Code, w.Body.String())
	}
	if got := strings.Join(s.jobs.list()[0].Models, " "); got != "ghostnet mobilenet_v2:0.5@96" {
		t.Errorf("with further names %q run", got)
	}
	f, _ := url.ParseQuery(quickForm + "&limit=10")
	f.Set("kind", "eval")
	if w := start(t, s, f.Encode()); w.Code != 303 {
		t.Fatalf("eval: status %d: %s", w.Code, w.Body.String())
	}
	if got := strings.Join(s.jobs.list()[0].Args, " "); got != "eval ghostnet --data photographs --limit 10 --threads 1 --engine native" {
		t.Errorf("eval is run as %q", got)
	}
	if w := start(t, s, quickForm+"&x="+strings.Repeat("a", maxForm)); w.Code != 400 && w.Code != 413 {
		t.Errorf("a form that is too long: status %d", w.Code)
	}
}
