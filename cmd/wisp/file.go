package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeFile writes an output file whole or not at all: into a temporary file beside
// it, then renamed. An existing file is replaced only with overwrite.
func writeFile(path string, overwrite bool, write func(io.Writer) error) (err error) {
	if info, err := os.Lstat(path); err == nil {
		if !overwrite {
			return fmt.Errorf("%s: the file exists: give --overwrite to replace it", path)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s: not a regular file: it is not replaced", path)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".wisp-*")
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: "create", Path: path, Err: failed.Err}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	if err := write(tmp); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if overwrite {
		return os.Rename(tmp.Name(), path)
	}
	// A link fails where a file has appeared meanwhile; a rename would replace it.
	if err := os.Link(tmp.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: the file exists: give --overwrite to replace it", path)
		}
		return os.Rename(tmp.Name(), path) // a file system without links
	}
	return os.Remove(tmp.Name())
}
