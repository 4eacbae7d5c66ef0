package format

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// folder opens the files that a model names beside itself, once each, and none outside.
type folder struct {
	dir  string
	root *os.Root
	open map[string]*content
}

func (d *folder) load(location string) (*content, error) {
	if c := d.open[location]; c != nil {
		return c, nil
	}
	if d.root == nil {
		root, err := os.OpenRoot(d.dir)
		if err != nil {
			return nil, err
		}
		d.root, d.open = root, map[string]*content{}
	}
	info, err := d.root.Stat(filepath.FromSlash(location))
	if failed, ok := errors.AsType[*fs.PathError](err); ok { // a root's errors name system calls and the file once more
		return nil, failed.Err
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", location)
	}
	file, err := d.root.Open(filepath.FromSlash(location))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c, err := mapContent(file, info.Size())
	if err == nil {
		d.open[location] = c
	}
	return c, err
}

func (d *folder) close() {
	if d.root != nil {
		d.root.Close()
	}
}

// load maps a regular file.
func load(path string) (*content, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, foreignFolder(path)
	}
	if !info.Mode().IsRegular() {
		return nil, &Refused{Path: path, What: "is not a regular file", Hint: "copy it into one"}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c, err := mapContent(file, info.Size())
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	c.path, c.ext = path, strings.ToLower(filepath.Ext(path))
	return c, nil
}

// content is a file's bytes, mapped privately: writes to them stay in memory.
type content struct {
	path, ext string
	data      []byte
	unmap     func() error
}

func (c *content) size() int64 { return int64(len(c.data)) }

// head is what a format is recognised by.
func (c *content) head() []byte { return c.data[:min(len(c.data), 1024)] }

func (c *content) close() error {
	if c.unmap == nil {
		return nil
	}
	unmap := c.unmap
	c.unmap, c.data = nil, nil
	return unmap()
}

// readAll is the way without mapping.
func readAll(file io.Reader, size int64) (*content, error) {
	if size != int64(int(size)) {
		return nil, fmt.Errorf("%d bytes do not fit this machine's memory", size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(file, data); err != nil {
		return nil, err
	}
	return &content{data: data}, nil
}
