//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ebitengine/purego"
)

// libraries are the places of TensorFlow Lite's C library in their order: WISP_TFL_LIB alone
// where it is set, else beside this runner, in node_modules/tfjs-tflite-node of the working
// folder or one above it, and by the system's own search.
func libraries() []string {
	if lib := os.Getenv("WISP_TFL_LIB"); lib != "" {
		return []string{lib}
	}
	bare := "libtensorflowlite_c.so"
	if runtime.GOOS == "darwin" {
		bare = "libtensorflowlite_c.dylib"
	}
	var all []string
	if exe, err := os.Executable(); err == nil {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(exe), "libtensorflowlite_c.*"))
		all = append(all, found...)
	}
	for dir, _ := os.Getwd(); dir != ""; dir = filepath.Dir(dir) {
		found, _ := filepath.Glob(filepath.Join(dir, "node_modules", "tfjs-tflite-node", "cc_deps", runtime.GOOS+"_"+runtime.GOARCH, "libtensorflowlite_c.*"))
		all = append(all, found...)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return append(all, bare)
}

// load opens the first library that loads.
func load() (handle uintptr, path string, err error) {
	var why []error
	for _, path := range libraries() {
		h, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err == nil {
			return h, path, nil
		}
		why = append(why, err)
	}
	return 0, "", fmt.Errorf("TensorFlow Lite was not found: npm install --ignore-scripts tfjs-tflite-node brings it, or set WISP_TFL_LIB to the library: %w", errors.Join(why...))
}
