//go:build !js

package main

import (
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/wispnet/wisp"
	"github.com/wispnet/wisp/cost"
	"github.com/wispnet/wisp/format/onnx"
	"github.com/wispnet/wisp/format/safetensors"
	"github.com/wispnet/wisp/graph"
	"github.com/wispnet/wisp/internal/engines"
	"github.com/wispnet/wisp/tensor"
)

// The page in a headless Chromium, found as cmd/wisp's tests find it: counts equal to
// cost.Of's in this process, and a server that sees no request once the page has loaded.
// With WISP_SHOTS=DIR two pictures are kept.

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("WISP_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
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

// site is the page as make wasm lays it out.
func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("page")); err != nil {
		t.Fatal(err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	glue, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "wasm_exec.js"), glue, 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "wisp.wasm"), ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// made writes one small network in three formats.
func made(t *testing.T) []string {
	t.Helper()
	m, err := wisp.Open("mobilenet_v2:0.35@96")
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.Bound()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var paths []string
	write := func(name string, f func(*os.File) error) {
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := f(file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		paths = append(paths, file.Name())
	}
	write("made.onnx", func(f *os.File) error { return onnx.Write(f, g) })
	write("made.tflite", func(f *os.File) error { return engines.WriteTFLite(f, m, "") })
	write("made.safetensors", func(f *os.File) error { return safetensors.Write(f, weights(g)) })
	return paths
}

// classified makes a picture and says what a model takes it for in this process.
func classified(t *testing.T, model string) (path, label string) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 160, 120))
	for i := range img.Pix {
		img.Pix[i] = byte(i * i / 97)
	}
	path = filepath.Join(t.TempDir(), "photo.png")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := png.Encode(file, img); err != nil {
		t.Fatal(err)
	}
	m, err := wisp.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p, err := m.Compile(wisp.Threads(1))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	top, err := p.Classify(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	return path, top[0].Label
}

func weights(g *graph.Graph) []tensor.Named {
	var out []tensor.Named
	for _, id := range g.Weights {
		v := g.Value(id)
		out = append(out, tensor.Named{Name: v.Name, Tensor: v.Data})
	}
	return out
}

// shared are the reference models, where they are.
func shared(t *testing.T) []string {
	root := os.Getenv("WISP_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	all, _ := filepath.Glob(filepath.Join(root, "golden/tflite/*_quant.tflite"))
	ptq, _ := filepath.Glob(filepath.Join(root, "golden/tflite/*_ptq.tflite"))
	pth, _ := filepath.Glob(filepath.Join(root, "golden/formats/ghostnet_0.1_zip.pth"))
	all = slices.Concat(all, ptq, pth)
	if len(all) == 0 {
		t.Log("no shared reference material: its models are left out")
	}
	return all
}

func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a wasm and drives a browser")
	}
	browser := chromium(t)
	var mu sync.Mutex
	var asked []string
	files := http.FileServer(http.Dir(site(t)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Path)
		mu.Unlock()
		files.ServeHTTP(w, r)
	}))
	defer srv.Close()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(browser), chromedp.WSURLReadTimeout(time.Minute))
	if os.Getuid() == 0 && runtime.GOOS == "linux" {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	defer stop()
	ctx, stop = chromedp.NewContext(ctx)
	defer stop()
	ctx, stop = context.WithTimeout(ctx, 100*time.Second)
	defer stop()

	eval := func(expression string) string {
		t.Helper()
		v, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return v
	}
	const state = `document.getElementById("error").textContent || document.getElementById("status").textContent`
	settle := func() string {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			if s := eval(state); s != "" && !strings.HasSuffix(s, "…") {
				return s
			}
			select {
			case <-ctx.Done():
				t.Fatalf("the page does not settle: %s", eval(state))
			case <-tick.C:
			}
		}
	}
	put := func(input string, paths ...string) {
		t.Helper()
		for i := range paths {
			paths[i], _ = filepath.Abs(paths[i])
		}
		object, err := chromedp.Call(ctx, cdpruntime.Evaluate, cdpruntime.EvaluateParams{Expression: `document.getElementById("` + input + `")`})
		if err == nil {
			_, err = chromedp.Call(ctx, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: paths, ObjectID: object.Result.ObjectID})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	give := func(paths ...string) string {
		t.Helper()
		put("files", paths...)
		return settle()
	}
	shot := func(name string, width int64, scheme string) {
		dir := os.Getenv("WISP_SHOTS")
		if dir == "" {
			return
		}
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 1400)); err != nil {
			t.Fatal(err)
		}
		if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
			t.Fatal(err)
		}
		picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), picture, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}

	if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL+"/index.html")); err != nil {
		t.Fatal(err)
	}
	if got := settle(); got != "Ready." {
		t.Fatalf("the page says %q, want Ready.", got)
	}
	mu.Lock()
	loaded := len(asked)
	mu.Unlock()

	own := made(t)
	photo, best := classified(t, own[0])
	for _, path := range append(slices.Clone(own), shared(t)...) {
		m, err := wisp.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := cost.Of(m.Graph)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("Done. %d %d %d", r.Params, r.MACs, len(r.Layers))
		m.Close()
		got := give(path) + " " + eval(`(() => { const d = document.getElementById("counts")?.dataset; return d ? d.params + " " + d.macs + " " + d.layers : "no counts"; })()`)
		if got != want {
			t.Errorf("%s: the page shows %q, want %q", filepath.Base(path), got, want)
		}
		if eval(`document.querySelector("#blocks svg") ? "drawn" : "none"`) != "drawn" {
			t.Errorf("%s: no blocks are drawn", filepath.Base(path))
		}
		if text := eval(`document.body.innerText`); strings.Contains(text, "undefined") || strings.Contains(text, "NaN") {
			t.Errorf("%s: the page names a field that there is not", filepath.Base(path))
		}
	}
	shot("light-1440.png", 1440, "light")
	shot("dark-390.png", 390, "dark")
	eval(`document.getElementById("blocks").scrollIntoView(), ""`)
	shot("blocks-1440.png", 1440, "dark")
	eval(`document.getElementById("run").click(), ""`)
	if got := settle(); got != "Done." || !strings.Contains(eval(`document.getElementById("answer").textContent`), " ms") {
		t.Errorf("run: %s", got)
	}
	if got := give(own[0], own[1]); got != "Done." || !strings.Contains(eval(`document.getElementById("verdict").textContent`), "verdict: ") {
		t.Errorf("diff: %s", got)
	}
	broken := filepath.Join(t.TempDir(), "broken.tflite")
	whole, err := os.ReadFile(own[1])
	if err == nil {
		err = os.WriteFile(broken, whole[:len(whole)/2], 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := give(broken); !strings.HasPrefix(got, "broken.tflite") || strings.Contains(got, "\n") {
		t.Errorf("a broken file: %q, want one line that names it", got)
	}
	if got := give(own[0]); got != "Done." {
		t.Errorf("after a broken file: %q", got)
	}
	put("photo", photo)
	eval(`document.getElementById("run").click(), ""`)
	if got, answer := settle(), eval(`document.getElementById("answer").textContent`); got != "Done." || !strings.Contains(answer, best) {
		t.Errorf("a photograph: %s %q, want %s among the five", got, answer, best)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != loaded {
		t.Errorf("the page made requests after it had loaded: %v", asked[loaded:])
	}
	eval(`died("out of memory"), ""`)
	mu.Unlock()
	got := give(own[0])
	mu.Lock()
	if got != "Done." {
		t.Errorf("after the worker was replaced: %q", got)
	}
}
