package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/wispnet/wisp/internal/runner"
)

// ort is the runner of ONNX Runtime, built for the tests, and the library that it found.
type ort struct{ dir, library, why string }

// ortRunner builds the runner once. The tests that need the library are skipped where it is
// absent; with WISP_ORT_LIB set, that it does not load is a failure and no reason to skip.
var ortRunner = sync.OnceValue(func() ort {
	dir, err := os.MkdirTemp("", "wisp-ort-test-")
	if err != nil {
		panic(err)
	}
	atExit = append(atExit, func() { os.RemoveAll(dir) })
	exe := filepath.Join(dir, "wisp-ort")
	build := exec.Command("go", "build", "-o", exe, "../wisp-ort")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build ./cmd/wisp-ort: %v: %s", err, out))
	}
	cmd := exec.Command(exe)
	var note strings.Builder
	cmd.Stderr = &note
	out, err := cmd.Output()
	var hello runner.Hello
	if json.Unmarshal(out, &hello) == nil && hello.Library != "" {
		return ort{dir: dir, library: hello.Library}
	}
	if set := os.Getenv("WISP_ORT_LIB"); set != "" && runtime.GOOS != "windows" {
		if _, serr := os.Stat(set); !errors.Is(serr, fs.ErrNotExist) {
			panic(fmt.Sprintf("WISP_ORT_LIB=%s does not load: %v: %s", set, err, note.String()))
		}
	}
	return ort{dir: dir, why: strings.TrimSpace(note.String())}
})

// atExit is what TestMain calls at the end.
var atExit []func()
