// Package testkit finds the material that tests compare with. It is imported by
// tests only.
package testkit

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Shared returns the path of an item of the shared reference material: below
// $WISP_SHARED, or below the folder "shared" beside the repository. Where the item is
// absent the test is skipped with the reason.
func Shared(t testing.TB, item ...string) string {
	t.Helper()
	root := os.Getenv("WISP_SHARED")
	if root == "" {
		root = filepath.Join(Root(t), "..", "shared")
	}
	path := filepath.Join(append([]string{root}, item...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("shared material is absent: set WISP_SHARED to its folder: %s", filepath.Join(item...))
	}
	return path
}

// Root returns the repository's root folder: the nearest one above that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if ok {
		if _, err := os.Stat(file); err == nil {
			return filepath.Dir(filepath.Dir(filepath.Dir(file)))
		}
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working folder")
		}
		dir = up
	}
}
