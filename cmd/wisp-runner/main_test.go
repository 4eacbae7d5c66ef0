package main

import (
	"debug/elf"
	"debug/macho"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wispnet/wisp/internal/record"
	"github.com/wispnet/wisp/internal/runner"
)

// most is the size that a runner may have.
const most = 8 << 20

func build(t *testing.T, dir, system, arch string) string {
	t.Helper()
	path := filepath.Join(dir, "wisp-runner-"+system+"-"+arch)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s/%s: %v: %s", system, arch, err, out)
	}
	return path
}

// TestTargets: every target is small and needs no library. Go links Android's own format
// only for the system's loader; what goes to phones is linux/arm64, which is static. Looked
// at are the runners in WISP_RUNNERS, where make runners puts all; without it, those built
// here for Linux on arm.
func TestTargets(t *testing.T) {
	if testing.Short() {
		t.Skip("builds for other processors")
	}
	dir, all := os.LookupEnv("WISP_RUNNERS")
	targets := []string{"linux/arm64", "linux/arm"}
	if all {
		targets = append(targets, "linux/amd64", "android/arm64", "darwin/arm64")
	} else {
		dir = t.TempDir()
	}
	for _, target := range targets {
		system, arch, _ := strings.Cut(target, "/")
		path := filepath.Join(dir, "wisp-runner-"+system+"-"+arch)
		if !all {
			path = build(t, dir, system, arch)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		libraries, loader := needs(t, path, system)
		t.Logf("%s: %d bytes, loader %v, libraries %v", target, info.Size(), loader, libraries)
		if info.Size() >= most || len(libraries) > 0 || loader && system != "android" {
			t.Errorf("%s: want under %d bytes, no library and no loader", target, most)
		}
	}
}

// needs are the libraries that a program needs beyond those that every macOS has, and
// whether it needs the system's loader, which on macOS every program does.
func needs(t *testing.T, path, system string) (libraries []string, loader bool) {
	t.Helper()
	if system == "darwin" {
		f, err := macho.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		libraries, _ = f.ImportedLibraries()
		return slices.DeleteFunc(libraries, func(l string) bool {
			return strings.HasPrefix(l, "/usr/lib/") || strings.HasPrefix(l, "/System/")
		}), false
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libraries, _ = f.ImportedLibraries()
	return libraries, slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
}

// TestUnderEmulation: the runners of arm and arm64 answer under qemu, on the cores that they
// are given, and compute what this machine's own does.
func TestUnderEmulation(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and emulates")
	}
	dir := t.TempDir()
	for arch, emulator := range map[string]string{"arm64": "qemu-aarch64-static", "arm": "qemu-arm-static"} {
		qemu, err := exec.LookPath(emulator)
		if err != nil {
			t.Skipf("%s is not here", emulator)
		}
		path := build(t, dir, "linux", arch)
		start := time.Now()
		c, err := runner.Start(t.Context(), []string{qemu, path, "--cores", "0"}, runner.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: hello after %v, emulated", arch, time.Since(start).Round(time.Millisecond))
		var h record.Host
		if err := c.Machine(&h); err != nil || h.Arch != arch || !slices.Equal(h.Affinity, []int{0}) {
			t.Errorf("%s: got %+v, %v", arch, h, err)
		}
		if d, err := c.Probe(); err != nil || d <= 0 {
			t.Errorf("%s: probe %v, %v", arch, d, err)
		}
		r, err := c.Load(runner.LoadRequest{Model: "mobilenet_v2:0.1@32", Inputs: 1})
		if err != nil {
			t.Fatal(err)
		}
		if w, err := c.Warm(runner.WarmRequest{Runs: 1}); err != nil || w.FirstNS <= 0 {
			t.Errorf("%s: %+v, %v", arch, w, err)
		}
		t.Logf("%s: kernels %v", arch, r.Model.Kernels)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestCores(t *testing.T) {
	for list, want := range map[string][]int{"0": {0}, "4-7": {4, 5, 6, 7}, "6,0-1,1": {0, 1, 6}} {
		if got, err := readCores(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v", list, got, err)
		}
	}
	for _, list := range []string{"", "x", "-1", "7-4", "1024", "0-99999999", "1,,2"} {
		if got, err := readCores(list); err == nil {
			t.Errorf("%q: got %v", list, got)
		}
	}
}
