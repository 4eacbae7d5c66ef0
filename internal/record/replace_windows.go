package record

import (
	"errors"
	"os"
	"path/filepath"
)

// replace writes a file whole, as far as Windows lets a file be replaced: renameio leaves
// it out, since its renames are not atomic.
func replace(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".wisp-*")
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		return &os.PathError{Op: "create", Path: path, Err: failed.Err}
	}
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
