//go:build (linux && !android && (amd64 || arm64)) || darwin

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ebitengine/purego"
)

// libraries are the places of ONNX Runtime in their order: WISP_ORT_LIB alone where it is
// set, else beside this runner, in node_modules/onnxruntime-node of the working folder or
// one above it, and by the system's own search.
func libraries() []string {
	if lib := os.Getenv("WISP_ORT_LIB"); lib != "" {
		return []string{lib}
	}
	bare := "libonnxruntime.so.1"
	if runtime.GOOS == "darwin" {
		bare = "libonnxruntime.dylib"
	}
	var all []string
	if exe, err := os.Executable(); err == nil {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(exe), "libonnxruntime.*"))
		all = append(all, found...)
	}
	platform := string(filepath.Separator) + filepath.Join(runtime.GOOS, map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]) + string(filepath.Separator)
	for dir, _ := os.Getwd(); dir != ""; dir = filepath.Dir(dir) {
		_ = filepath.WalkDir(filepath.Join(dir, "node_modules", "onnxruntime-node", "bin"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), "libonnxruntime.") && strings.Contains(path, platform) {
				all = append(all, path)
			}
			return nil
		})
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return append(all, bare, "libonnxruntime.so")
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
	return 0, "", fmt.Errorf("ONNX Runtime was not found: npm install --ignore-scripts onnxruntime-node brings it, or set WISP_ORT_LIB to the library: %w", errors.Join(why...))
}
