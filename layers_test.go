package wisp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is the architecture as a policy: a package imports lower floors only, and a
// package that stands on no floor is an error. A parent may import its children.
const floors = `
0  tensor internal/cpu internal/stat internal/fixed internal/guard
1  graph internal/kernel internal/npy imagenet imagenet/jpeg
2  zoo format format/torch format/safetensors format/onnx format/tflite internal/rewrite internal/layout internal/interp
3  cost engine internal/runner internal/structure
4  bench eval quant internal/features internal/catalog internal/advise
5  . internal/record internal/pull
6  internal/report internal/subject internal/native internal/export
7  internal/engines internal/device internal/lab internal/web
8  cmd/wisp cmd/wisp-ort cmd/wisp-tfl cmd/wisp-lab cmd/wisp-runner cmd/wisp-wasm

tests  internal/testkit internal/testkit/browser internal/testkit/onnxgen internal/optest
`

const module = "github.com/wispnet/wisp"

type goPackage struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports,Deps"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// short strips the module path: "" is not a package of ours, "." is the root.
func short(path string) string {
	if path == module {
		return "."
	}
	rest, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return ""
	}
	return rest
}

func TestLayers(t *testing.T) {
	floor := map[string]int{}
	testOnly := map[string]bool{}
	for line := range strings.Lines(floors) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		for _, pkg := range words[1:] {
			if words[0] == "tests" {
				testOnly[pkg] = true
				continue
			}
			n, err := strconv.Atoi(words[0])
			if err != nil {
				t.Fatalf("floors: %q: want a number or \"tests\"", line)
			}
			floor[pkg] = n
		}
	}
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		if testOnly[name] {
			continue
		}
		from, known := floor[name]
		if !known {
			t.Errorf("%s stands on no floor: add it to the table in layers_test.go and to ARCHITECTURE.md", name)
			continue
		}
		for _, imp := range p.Imports {
			to := short(imp)
			if to == "" || strings.HasPrefix(to, name+"/") {
				continue
			}
			if testOnly[to] {
				t.Errorf("%s imports %s, which is for tests only", name, to)
			} else if n, ok := floor[to]; ok && n >= from {
				t.Errorf("%s (floor %d) imports %s (floor %d): a package imports lower floors only", name, from, to, n)
			}
		}
	}
}

// TestMessagingStaysApart: of all programs wisp-lab alone links NATS.
func TestMessagingStaysApart(t *testing.T) {
	linked := 0
	for _, p := range list(t, "./...") {
		nats := slices.ContainsFunc(p.Deps, func(d string) bool { return strings.HasPrefix(d, "github.com/nats-io/") })
		name := short(p.ImportPath)
		switch own := name == "cmd/wisp-lab" || name == "internal/lab"; {
		case nats && !own:
			t.Errorf("%s links NATS, which belongs to cmd/wisp-lab alone", name)
		case nats:
			linked++
		}
	}
	if linked != 2 {
		t.Errorf("%d packages link NATS, want internal/lab and cmd/wisp-lab", linked)
	}
}

// TestBrowserStaysApart: the tests drive a browser, no program does.
func TestBrowserStaysApart(t *testing.T) {
	for _, p := range list(t, "./...") {
		if short(p.ImportPath) == "internal/testkit/browser" {
			continue
		}
		if slices.ContainsFunc(p.Deps, func(d string) bool { return strings.HasPrefix(d, "github.com/chromedp/") }) {
			t.Errorf("%s links chromedp, which is for tests only", short(p.ImportPath))
		}
	}
}

// TestRunnerStaysSlim: what goes to phones links wisp's engine and formats and these few
// modules: nothing for command lines, terminals, pages, messages or remote machines.
func TestRunnerStaysSlim(t *testing.T) {
	allowed := []string{"github.com/wispnet/wisp", "golang.org/x/sys", "golang.org/x/image", "google.golang.org/protobuf", "github.com/google/renameio", "github.com/aclements/go-moremath"}
	for _, dep := range list(t, "./cmd/wisp-runner")[0].Deps {
		if host, _, path := strings.Cut(dep, "/"); path && strings.Contains(host, ".") &&
			!slices.ContainsFunc(allowed, func(m string) bool { return dep == m || strings.HasPrefix(dep, m+"/") }) {
			t.Errorf("cmd/wisp-runner links %s", dep)
		}
		if dep == "net" || strings.HasPrefix(dep, "net/") || dep == "html/template" || strings.HasPrefix(dep, module+"/internal/report") {
			t.Errorf("cmd/wisp-runner links %s", dep)
		}
	}
}

// TestDevicesStayApart: ssh is linked by what speaks to devices alone, never by the library.
func TestDevicesStayApart(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		ssh := slices.ContainsFunc(p.Deps, func(d string) bool { return strings.HasPrefix(d, "golang.org/x/crypto/ssh") })
		if ssh && name != "internal/device" && name != "cmd/wisp" {
			t.Errorf("%s links ssh, which belongs to internal/device and cmd/wisp alone", name)
		}
	}
}

// TestRootStaysLight compares what a library user links with the committed list.
// Run with -update after a considered change; the commit says why.
func TestRootStaysLight(t *testing.T) {
	var outside []string
	for _, dep := range list(t, ".")[0].Deps {
		host, _, path := strings.Cut(dep, "/")
		if path && strings.Contains(host, ".") && short(dep) == "" {
			outside = append(outside, dep)
		}
	}
	slices.Sort(outside)
	got := strings.Join(outside, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/deps.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/deps.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the root package links other modules than testdata/deps.txt lists (go test -run RootStaysLight -update):\ngot:\n%swant:\n%s", got, want)
	}
}
