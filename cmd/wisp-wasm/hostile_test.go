//go:build !js

package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files that are no models: each is one line, the command line's own, and the page goes on.

// hostile makes such files of good ones.
func hostile(t *testing.T, dir string, good []string) []string {
	t.Helper()
	var out []string
	add := func(name string, content []byte) { out = append(out, holding(t, dir, name, content)) }
	for _, path := range good {
		name, ext := filepath.Base(path), filepath.Ext(path)
		whole := read(t, path)
		add("half_"+name, whole[:len(whole)/2])
		bent := bytes.Clone(whole)
		for i := 8; i < min(len(bent), 4000); i += 7 {
			bent[i] ^= 0xa5
		}
		add("bent_"+name, bent)
		add("empty"+ext, nil)
		add("page"+ext, []byte("<!DOCTYPE html><html><body>Sign in to download</body></html>"))
	}
	add("photo.tflite", []byte("\x89PNG\r\n\x1a\n and no more"))
	add("lengths.safetensors", []byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"))
	add("bomb.pth", bomb(t))
	add("notes.txt", []byte("no model at all\n"))
	return out
}

// bomb is a checkpoint of a few hundred kilobytes whose parts claim to be far larger.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for _, part := range []struct {
		name string
		mb   int
	}{{"bomb/data.pkl", 0}, {"bomb/data/0", 256}} {
		w, err := z.Create(part.name)
		if err != nil {
			t.Fatal(err)
		}
		if part.mb == 0 {
			_, err = w.Write([]byte("\x80\x02}q\x00."))
		}
		for range part.mb {
			if err == nil {
				_, err = w.Write(zeros)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// refuse gives the page a file that it must refuse as wisp show does.
func refuse(p page, c cli, path string) {
	t := p.T
	t.Helper()
	dir, name := filepath.Split(path)
	given := name
	if filepath.Ext(name) == ".txt" {
		given = "./" + name // not to be taken for a name of the zoo
	}
	_, want := c.run(dir, "show", given)
	state, got := p.give("a-file", path), p.text("error")
	if state != "failed" || got != want || want == "" || strings.Contains(got, "\n") {
		t.Errorf("%s: the page is %s and says %q, want %q", name, state, got, want)
	}
}

func refuseAll(p page, c cli, paths []string) {
	for _, path := range paths {
		refuse(p, c, path)
	}
}

// sparse is a file of a size that takes no room on the disk.
func sparse(t *testing.T, dir, name string, size int64) string {
	t.Helper()
	return written(t, dir, name, func(f *os.File) error { return f.Truncate(size) })
}
