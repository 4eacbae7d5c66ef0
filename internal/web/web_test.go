package web

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/record"
)

// TestMain lets jobs run this very test binary in the place of wisp.
func TestMain(m *testing.M) {
	if how := os.Getenv("WISP_FAKE"); how != "" {
		os.Exit(fakeVerb(how))
	}
	os.Exit(m.Run())
}

// fakeVerb is a measurement of the tests: it tells progress and ends as it is told to.
func fakeVerb(how string) int {
	for i := range 3 {
		fmt.Fprintf(os.Stderr, "wisp: measuring: %d/3, 5/s, 1s left ghostnet time\n", i)
	}
	switch how {
	case "wait":
		time.Sleep(time.Minute)
	case "fail":
		fmt.Fprintln(os.Stderr, "wisp: ghostnet: it broke: mend it")
		return 1
	}
	fmt.Println(`{"results":[],"comparisons":[],"diagnostics":["done as told"],"where":"nowhere"}`)
	return 0
}

// tested is a server's program as the tests have it.
var tested = Config{
	Verb: func(_ context.Context, args []string, out, _ io.Writer) int {
		fmt.Fprintf(out, "{\"args\": %q}\n", args)
		return 0
	},
	Command: func(args ...string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), "WISP_FAKE=done")
		return cmd
	},
	Envelope: func(command string, d []string) record.Envelope {
		return record.Envelope{SchemaVersion: "1", Command: command, Diagnostics: d}
	},
}

// site is a server under test.
func site(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	c := tested
	if change != nil {
		change(&c)
	}
	s := New(c)
	t.Cleanup(s.Close)
	return s
}

// ask sends a request as a browser on this machine would.
func ask(t *testing.T, s *Server, method, target string, body io.Reader, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, body)
	r.Host = "localhost:7171"
	r.Header.Set("Accept", "text/html")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func get(t *testing.T, s *Server, target string) *httptest.ResponseRecorder {
	return ask(t, s, "GET", target, nil, nil)
}

// TestViews opens every view in every form.
func TestViews(t *testing.T) {
	s := site(t, nil)
	for _, target := range []string{
		"/", "/?q=ghost", "/?family=resnet", "/?q=ghostnet:0.5@128", "/compare?q=&context=&x=macs&macs=400&params=&mb=&top1=", "/records?model=&cpu=&threads=&by=", "/compare", "/compare?macs=300&top1=70&x=params", "/records", "/run", "/run?m=ghostnet&kind=profile", "/classify",
		"/diff", "/diff?a=mobilenet_v2&b=mobilenet_v2:0.5@96&blocks=1", "/model?m=ghostnet", "/model?m=mobilenet_v2:0.5@128", "/graph?m=ghostnet", "/graph?m=efficientnet_b7&by=macs&find=se",
	} {
		w := get(t, s, target)
		body := w.Body.String()
		if w.Code != 200 || !strings.Contains(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: status %d: %.200s", target, w.Code, body)
			continue
		}
		if len(body) > 1<<20 {
			t.Errorf("%s: %d bytes, want at most 1 MB", target, len(body))
		}
		for _, bad := range []string{"<style", "style=", "onclick", "http://", "https://", "<script>", "ZgotmplZ", "%!"} {
			if strings.Contains(strings.ReplaceAll(body, "http://www.w3.org/2000/svg", ""), bad) {
				t.Errorf("%s: the page holds %q", target, bad)
			}
		}
		if !strings.Contains(body, "<code>wisp ") {
			t.Errorf("%s: no command prints the same", target)
		}
		if got := w.Header().Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: policy %q", target, got)
		}
		// Each document that the page names is there.
		for _, m := range regexp.MustCompile(`href="([^"]*format=(?:json|csv)[^"]*)"`).FindAllStringSubmatch(body, -1) {
			link := strings.ReplaceAll(m[1], "&amp;", "&")
			if w := get(t, s, link); w.Code != 200 || w.Body.Len() == 0 || strings.Contains(w.Header().Get("Content-Type"), "html") {
				t.Errorf("%s: %s: status %d, %s", target, link, w.Code, w.Header().Get("Content-Type"))
			}
		}
		for _, m := range regexp.MustCompile(`(?:src|href)="(/static/[^"]+)"`).FindAllStringSubmatch(body, -1) {
			if w := get(t, s, m[1]); w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %s: status %d, %s", target, m[1], w.Code, w.Header().Get("Cache-Control"))
			}
		}
	}
	if w := get(t, s, "/picture/blocks.svg?m=ghostnet"); w.Code != 200 || w.Header().Get("Content-Security-Policy") != picturePolicy || !strings.Contains(w.Body.String(), "<svg") {
		t.Errorf("blocks: status %d, policy %q", w.Code, w.Header().Get("Content-Security-Policy"))
	}
}

// TestErrors: what cannot be shown is one line with its status.
func TestErrors(t *testing.T) {
	s := site(t, nil)
	for target, want := range map[string]int{
		"/nothing":                                  404,
		"/static/..%2fweb.go":                       404,
		"/static/html":                              404,
		"/model":                                    400,
		"/model?m=/etc/passwd":                      400,
		"/model?m=..%2f..%2fgo.mod":                 400,
		"/model?m=file:1":                           404,
		"/model?m=file:-1":                          404,
		"/model?m=file:99999999999999999999":        404,
		"/model?m=ghostnot":                         404,
		"/model?m=ghostnet:0":                       400,
		"/model?m=ghostnet:16@16384":                422,
		"/model?m=efficientnet,phi=10":              422,
		"/model?m=" + strings.Repeat("a", 4000):     400,
		"/graph?m=ghostnet&by=colour":               400,
		"/compare?macs=many":                        400,
		"/compare?macs=NaN":                         400,
		"/compare?x=colour":                         400,
		"/compare?context=abc":                      404,
		"/compare?format=pdf":                       400,
		"/diff?a=/etc/passwd":                       400,
		"/diff?a=ghostnot":                          404,
		"/picture/pair.svg?a=ghostnet":              400,
		"/features?m=ghostnet&p=":                   410,
		"/run?job=7":                                404,
		"/run?job=x":                                400,
		"/run/events?job=7":                         404,
		"/classify?p=0123":                          410,
		"/picture/seen.png?p=0123&m=ghostnet":       410,
		"/picture/photo?p=":                         410,
		"/?q=" + strings.Repeat("a", maxAddress+10): 414,
	} {
		for _, accept := range []string{"text/html", "*/*"} {
			w := ask(t, s, "GET", target, nil, func(r *http.Request) { r.Header.Set("Accept", accept) })
			body := strings.TrimSpace(w.Body.String())
			if w.Code != want {
				t.Errorf("%.80s: status %d, want %d: %.200s", target, w.Code, want, body)
			}
			if accept == "*/*" && (body == "" || strings.Contains(body, "\n")) {
				t.Errorf("%.80s: want one line, got %.200q", target, body)
			}
			if strings.Contains(body, "root:") || strings.Contains(body, "goroutine") {
				t.Errorf("%.80s: %.200q", target, body)
			}
		}
	}
	for _, target := range []string{"/", "/model?m=ghostnet", "/nothing"} {
		if w := ask(t, s, "PUT", target, nil, nil); w.Code != 405 && w.Code != 404 {
			t.Errorf("PUT %s: status %d", target, w.Code)
		}
	}
}

// TestGuard: who is not us does not get in.
func TestGuard(t *testing.T) {
	s := site(t, func(c *Config) { c.Hosts = []string{"lab.example"} })
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:1": 200, "127.0.0.1:7171": 200, "[::1]:7171": 200, "192.168.1.7": 200, "lab.example:80": 200,
		"evil.example": 421, "evil.example:7171": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "": 421, "lab.example.evil": 421,
	} {
		if w := ask(t, s, "GET", "/classify", nil, func(r *http.Request) { r.Host = host }); w.Code != want {
			t.Errorf("host %q: status %d, want %d", host, w.Code, want)
		}
	}
	form := "m=ghostnet&kind=bench&level=quick&threads=1&precision=float32&engine=native"
	post := func(change func(*http.Request)) int {
		return ask(t, s, "POST", "/run", strings.NewReader(form), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			change(r)
		}).Code
	}
	for name, change := range map[string]func(*http.Request){
		"another site":          func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a sibling":             func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"an old browser":        func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
		"a page without origin": func(r *http.Request) { r.Header.Set("Origin", "null") },
		"another port":          func(r *http.Request) { r.Header.Set("Origin", "http://localhost:9999") },
	} {
		if code := post(change); code != 403 {
			t.Errorf("a post from %s: status %d, want 403", name, code)
		}
	}
	if code := post(func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }); code != 303 {
		t.Errorf("a post of our own page: status %d, want 303", code)
	}
	embed := func(mode string) int {
		return ask(t, s, "GET", "/picture/blocks.svg?m=ghostnet", nil, func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", mode)
		}).Code
	}
	if got, link := embed("no-cors"), embed("navigate"); got != 403 || link != 200 {
		t.Errorf("a picture in a page of another site: status %d, want 403; a link to it: %d, want 200", got, link)
	}
	if w := get(t, s, "/"); w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("X-Frame-Options") != "DENY" {
		t.Errorf("headers %v", w.Header())
	}
}

func TestToken(t *testing.T) {
	s := site(t, func(c *Config) { c.Token = NewToken() })
	for _, target := range []string{"/", "/static/wisp.css", "/run/events?job=1", "/?token=", "/?token=wrong"} {
		w := get(t, s, target)
		if w.Code != 401 || strings.Contains(w.Body.String(), "html") || strings.Contains(w.Body.String(), s.Token) {
			t.Errorf("%s without the token: status %d: %.100s", target, w.Code, w.Body.String())
		}
	}
	w := get(t, s, "/compare?macs=300&token="+s.Token)
	cookies := w.Result().Cookies()
	if w.Code != 303 || w.Header().Get("Location") != "/compare?macs=300" || len(cookies) != 1 {
		t.Fatalf("with the token: status %d to %q with %d cookies", w.Code, w.Header().Get("Location"), len(cookies))
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, s.Token) {
		t.Errorf("cookie %v", c)
	}
	if w := ask(t, s, "GET", "/compare", nil, func(r *http.Request) { r.AddCookie(c) }); w.Code != 200 {
		t.Errorf("with the cookie: status %d", w.Code)
	}
	if w := ask(t, s, "GET", "/", nil, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: cookieName, Value: "x"}) }); w.Code != 401 {
		t.Errorf("with another cookie: status %d", w.Code)
	}
}

// photoForm is a form with a file as a browser sends it.
func photoForm(t *testing.T, name string, data []byte, models ...string) (io.Reader, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, m := range models {
		if err := w.WriteField("m", m); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("photo", name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return &b, w.FormDataContentType()
}

func drawn(t *testing.T, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(x), uint8(y), uint8(x ^ y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// claims is a PNG whose header claims a size that its few bytes cannot have.
func claims(w, h uint32) []byte {
	head := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)...)
	head = append(head, 8, 2, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	out = append(out, head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}

func TestPhotos(t *testing.T) {
	s := site(t, nil)
	send := func(name string, data []byte, models ...string) *httptest.ResponseRecorder {
		body, kind := photoForm(t, name, data, models...)
		return ask(t, s, "POST", "/classify", body, func(r *http.Request) { r.Header.Set("Content-Type", kind) })
	}
	good := drawn(t, 120, 90)
	for name, c := range map[string]struct {
		data   []byte
		status int
	}{
		"broken.png":   {good[:len(good)/2], 422},
		"text.jpg":     {[]byte("this is no picture"), 422},
		"page.html":    {[]byte("<!doctype html><script>alert(1)</script>"), 422},
		"drawing.svg":  {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), 422},
		"empty.png":    {nil, 422},
		"bomb.png":     {claims(60000, 60000), 422},
		"negative.png": {claims(0x80000001, 1), 422},
		"large.png":    {make([]byte, maxUpload+1), 413},
		"larger.png":   {make([]byte, maxUpload+maxForm+1), 413},
	} {
		w := send(name, c.data, "mobilenet_v3_small:0.75@64")
		if w.Code != c.status {
			t.Errorf("%s: status %d, want %d: %.300s", name, w.Code, c.status, w.Body.String())
		}
	}
	if w := ask(t, s, "POST", "/classify", strings.NewReader("m=ghostnet"), nil); w.Code != 415 {
		t.Errorf("a form without files: status %d, want 415", w.Code)
	}
	if got := get(t, s, "/?q=ghostnet:0.5@128").Body.String(); !strings.Contains(got, `>ghostnet:0.5@128</a>`) {
		t.Error("a whole name is not found")
	}
	w := send(`C:\photos\..\a "b".png`, good, "mobilenet_v3_small:0.75@64", "ghostnet:0.1@64")
	to := w.Header().Get("Location")
	if w.Code != 303 || !strings.HasPrefix(to, "/classify?") {
		t.Fatalf("a good picture: status %d to %q: %s", w.Code, to, w.Body.String())
	}
	page := get(t, s, to).Body.String()
	// Its weights are made up: it answers nothing.
	if !strings.Contains(page, "No answer:") || strings.Contains(page, `<ol class="top">`) || !strings.Contains(page, "120×90") || strings.Contains(page, "photos") {
		t.Errorf("the answers: %.3000s", page)
	}
	q, err := url.ParseQuery(strings.TrimPrefix(to, "/classify?"))
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{to + "&format=csv", "/features?format=csv&m=ghostnet:0.1@64&p=" + q.Get("p"), "/features?format=json&m=ghostnet:0.1@64&p=" + q.Get("p")} {
		if w := get(t, s, target); w.Code != 200 || strings.Contains(w.Header().Get("Content-Type"), "html") {
			t.Errorf("%s: status %d: %.200s", target, w.Code, w.Body.String())
		}
	}
	if w := get(t, s, "/classify?m=mobilenet_v1@2048&p="+q.Get("p")); w.Code != 200 || !strings.Contains(w.Body.String(), "MB of buffers") {
		t.Errorf("a network that is too large to run: status %d", w.Code)
	}
	maps := "m=ghostnet:0.1@64&p=" + q.Get("p")
	if w := get(t, s, "/features?format=json&"+maps); !strings.Contains(w.Body.String(), `"pairs":`) || !strings.Contains(w.Body.String(), `"a":`) || strings.Contains(w.Body.String(), `"from":`) {
		t.Errorf("the document of feature maps is not that of wisp show --features --json: %.300s", w.Body)
	}
	if w := get(t, s, "/features?"+maps); w.Code != 200 || !strings.Contains(w.Body.String(), "Nothing learned:") || !strings.Contains(w.Body.String(), "are ghosts") {
		t.Errorf("feature maps: status %d: %.300s", w.Code, w.Body.String())
	}
	if _, err := png.Decode(get(t, s, "/picture/maps.png?"+maps).Body); err != nil {
		t.Errorf("the picture of feature maps: %v", err)
	}
	if w := get(t, s, "/features?layer=nowhere&"+maps); w.Code != 404 {
		t.Errorf("a layer that is not there: status %d", w.Code)
	}
	seen := get(t, s, "/picture/seen.png?m=ghostnet:0.1@64&p="+q.Get("p"))
	img, err := png.Decode(seen.Body)
	if err != nil || img.Bounds().Dx() != 64 || img.Bounds().Dy() != 64 {
		t.Errorf("what it saw: %v, %v", err, seen.Code)
	}
	var d struct {
		Answers []struct {
			Synthetic bool
			Top       []topClass
			RunMS     float64 `json:"run_ms"`
		}
		Diagnostics []string
	}
	if err := json.Unmarshal(get(t, s, to+"&format=json").Body.Bytes(), &d); err != nil || len(d.Answers) != 2 || d.Answers[0].Top != nil || !d.Answers[0].Synthetic || d.Answers[0].RunMS <= 0 || len(d.Diagnostics) != 2 {
		t.Errorf("the document: %v, %+v", err, d)
	}
	for range maxPhotos { // the first is forgotten
		send("a.png", good, "ghostnet:0.1@64")
	}
	if w := get(t, s, to); w.Code != 410 {
		t.Errorf("a photograph that was forgotten: status %d, want 410", w.Code)
	}
	if w := get(t, s, "/classify?m="+strings.Join([]string{"ghostnet", "mobilenet_v1", "mobilenet_v2", "resnet18", "resnet34", "resnet50", "mnasnet_a1"}, "&m=")); w.Code != 400 {
		t.Errorf("seven networks: status %d, want 400", w.Code)
	}
}

// TestFiles: a file of the command line is known by its number, and its path is nowhere.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret-folder")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(path, "mine.onnx")
	if err := os.WriteFile(path, []byte("this is no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := site(t, func(c *Config) { c.Files = []string{path} })
	w := get(t, s, "/")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "mine.onnx") {
		t.Errorf("status %d", w.Code)
	}
	if w := get(t, s, "/model?m=file:1"); w.Code != 422 || strings.Contains(w.Body.String(), "secret-folder") {
		t.Errorf("a file that is no model: status %d: %s", w.Code, w.Body.String())
	}
}

// TestHostileText: what a request says is text on the page.
func TestHostileText(t *testing.T) {
	s := site(t, nil)
	evil := url.QueryEscape(`"><script>alert(1)</script>`)
	for _, target := range []string{"/?q=" + evil, "/?family=" + evil, "/compare?q=" + evil, "/graph?m=ghostnet:0.1@64&find=" + evil, "/records?model=" + evil, "/model?m=" + evil, "/" + url.PathEscape(`<script>alert(1)</script>`)} {
		w := get(t, s, target)
		if strings.Contains(w.Body.String(), "<script>alert") {
			t.Errorf("%s: its text is not escaped", target)
		}
	}
}

// TestManyAtOnce asks for everything from many sides.
func TestManyAtOnce(t *testing.T) {
	s := site(t, nil)
	body, kind := photoForm(t, "a.png", drawn(t, 64, 64), "ghostnet:0.1@32")
	to := ask(t, s, "POST", "/classify", body, func(r *http.Request) { r.Header.Set("Content-Type", kind) }).Header().Get("Location")
	targets := []string{"/", "/?q=ghost", "/compare?macs=300", "/records", "/run", "/model?m=ghostnet:0.5@64", "/graph?m=ghostnet:0.5@64&by=macs", "/diff?a=ghostnet:0.5@64&b=mobilenet_v2:0.5@64", to,
		strings.Replace(to, "/classify", "/picture/seen.png", 1), strings.Replace(to, "/classify", "/features", 1), "/static/wisp.css", "/picture/blocks.svg?m=ghostnet:0.5@64"}
	var all sync.WaitGroup
	for i := range 3 * maxRequests {
		all.Go(func() {
			for k := range targets {
				target := targets[(i+k)%len(targets)]
				if w := get(t, s, target); w.Code != 200 {
					t.Errorf("%s: status %d: %.200s", target, w.Code, w.Body.String())
				}
			}
		})
	}
	all.Wait()
	if len(s.slots) != 0 {
		t.Errorf("%d slots are not given back", len(s.slots))
	}
}
